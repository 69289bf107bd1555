"""All that one kept model is worth on labelled images: its answers, its probabilities, what it rejects."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.data.look import contradictions
from lookalike.data.loose import LooseBatch
from lookalike.errors import InputError
from lookalike.evaluation.evaluate import judge, labelled, leak_notes, reliability, unwarned
from lookalike.evaluation.results import Evaluation
from lookalike.evaluation.statistics import Rate, share
from lookalike.images import as_images, digests, evenly
from lookalike.progress import Progress, silent
from lookalike.recognition.assessment import Assessment
from lookalike.recognition.rejection import Basis
from lookalike.registry import DISPLAYS, Shown, resolve
from lookalike.tensors import from_tensor
from lookalike.text import listed, one_form

Flags = NDArray[np.bool_]

#: What levels are told of.
LEVELS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
#: How many images of each kind are made at most.
MOST = 500
_GRAYS = 64


@dataclass(frozen=True)
class Level:
    """What one level rejects."""

    alpha: float  #: the level
    basis: Basis  #: what it rests on
    known: Rate  #: images of the classes that are rejected
    right: Rate  #: of those that are answered right, how many are rejected
    wrong: Rate  #: of those that are answered wrongly, how many are rejected
    covered: Rate  #: images of the classes whose class is in their prediction set
    class_covered: tuple[Rate, ...]  #: the same for each class, in the order of the model's ``classes_``
    set_size: float  #: the mean number of classes in the prediction sets
    out_of_distribution: tuple[Rate, ...]  #: rejected images of no class, of each kind


@dataclass(frozen=True)
class OutOfDistribution:
    """Images of one kind that are of none of the classes, and what the model makes of them."""

    kind: str  #: what they are, in a few words
    images: NDArray[Any]  #: the image batch, (n, h, w) or (n, h, w, c)
    names: tuple[str, ...]  #: what each is called; untrusted where the images are a user's
    made: bool  #: they were made to be told from the classes
    answers: NDArray[Any]  #: what ``predict`` answers, (n,)
    rejected: Flags  #: which are rejected at the chosen level, (n,)


@dataclass(frozen=True, repr=False)
class Appraisal(Shown):
    """All that one model is worth on labelled images; ``str`` is a summary.

    Its :meth:`frame` has a row for each level of rejection, ``evaluation.frame()`` one for each class; its
    :meth:`plot` shows what the levels reject, ``evaluation.plot()`` the confusion matrix.
    """

    model: Any  #: what was measured
    data: LabelledImages  #: the images measured on, all of the model's classes
    #: Its answers, ``reliability`` included; ``predict_seconds`` is the time of all that is asked of them.
    evaluation: Evaluation
    confidence: NDArray[np.float64]  #: the probability of each answer, (n,)
    alpha: float  #: the chosen level
    rejected: Flags  #: which images are rejected at the chosen level, (n,)
    levels: tuple[Level, ...]  #: what other levels reject, ascending; the chosen one among them
    out_of_distribution: tuple[OutOfDistribution, ...]  #: images of no class, by kind
    seed: int  #: what random choices were drawn from
    notes: tuple[str, ...]  #: what a reader of the figures must know; names in them are untrusted

    @property
    def chosen(self) -> Level:
        """What the chosen level rejects."""
        return next(level for level in self.levels if level.alpha == self.alpha)

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        file: str | os.PathLike[str] | None = None,
        command: str = "",
    ) -> Path:
        """Write the appraisal as one HTML page that needs no network and no script.

        It shows the mistakes that the model is surest of, each with its evidence.

        Parameters
        ----------
        path : path-like
            Where. The page is replaced as a whole or, on any error, not touched.
        file : path-like, optional
            The model's file, which the page tells of.
        command : str, default=""
            What makes the page again, to be shown on it.

        Returns
        -------
        Path
            Where the page is.

        Raises
        ------
        ModelFileError
            ``file`` is no model file.

        Examples
        --------
        >>> import tempfile, lookalike
        >>> train, valid = lookalike.load("digits", classes=[3, 7])
        >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = lookalike.appraise(model, valid).report(f"{folder}/digits.html")
        ...     page = path.read_text(encoding="utf-8")
        >>> "What mistakes rest on" in page
        True
        """
        resolve(DISPLAYS["appraisal page"])(self, path, file=file, command=command)
        return Path(path)


def appraise(
    model: Any,
    data: LabelledImages | tuple[ArrayLike, ArrayLike],
    out_of_distribution: Mapping[str, ArrayLike | LooseBatch] | None = None,
    *,
    alpha: float = 0.05,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
    progress: Progress = silent,
) -> Appraisal:
    """Measure a model's answers, its probabilities, and what it rejects, by one search of the images.

    What it rejects is measured on images of none of its classes too: those that are given, those of other
    classes among the data, and three kinds that are made: up to 500 images of uniform noise, up to 500 of the
    images with light and dark exchanged, evenly spaced, and 64 blank images from black to white. Made ones
    are easy to reject: a model that rejects them may still answer what looks more like its classes.

    Parameters
    ----------
    model : fitted classifier of lookalike
        One that was fitted on images.
    data : LabelledImages, or (images, labels)
        Images that it was not fitted on, or a pair of arrays. Those of classes that it does not know are
        out-of-distribution.
    out_of_distribution : dict of str to image batch, optional
        Images of none of the classes, in the model's size, by what they are: image batches, or what
        :func:`lookalike.read_images` returns.
    alpha : float, default=0.05
        The level that images are rejected at, above 0 and below 1.
    levels : sequence of float
        Other levels to tell of.
    seed : int, default=0
        What the noise is drawn from.
    progress : Progress, optional
        Hears of images compared.

    Returns
    -------
    Appraisal
        Every rate with its n and its 95 % interval; ``print`` shows a summary, ``report`` writes a page.

    Raises
    ------
    InputError
        The images are of another shape than the model's, or none is of a class that it knows; ``alpha`` is
        no level.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> found = lookalike.appraise(model, valid, {"flipped": valid.images[:20, ::-1]})
    >>> found.evaluation.accuracy.hits, [one.kind for one in found.out_of_distribution]
    (353, ['flipped', 'uniform noise', 'light and dark exchanged', 'blank images'])
    >>> print(found.chosen.right)
    0.0170 (6 of 353, 95 % interval 0.0078-0.0366)
    """
    model.rejection_basis(alpha)
    known, unknown, notes = _known(model, labelled(data, "valid"))
    leaks, seen = _seen(model, known)
    clashes, clash_notes = contradictions(digests(known.images), known.labels, known.names)
    alphas = sorted({*map(float, levels), float(alpha)})
    # Once, and not within the time of the answers: that follows from the training images alone.
    model.calibrated_  # noqa: B018
    began = time.perf_counter()
    found: Assessment = model.assess(known.images, alpha, progress=progress)
    evaluation = judge(known.labels, found.labels, seconds=time.perf_counter() - began)
    sure = reliability(found.probabilities, model.classes_, known.labels)
    kinds = [*_given(out_of_distribution), *unknown, *made_out_of_distribution(known.images, seed=seed)]
    # They are to look strange.
    with unwarned():
        others = [model.assess(one.images, alpha, progress=progress) for one in kinds]
    return Appraisal(
        model=model,
        data=known,
        evaluation=replace(evaluation, reliability=sure, contradictions=clashes, leaks=leaks),
        confidence=found.probabilities.max(axis=1),
        alpha=float(alpha),
        rejected=found.rejected,
        levels=tuple(_level(level, found, known.labels, others) for level in alphas),
        out_of_distribution=tuple(
            OutOfDistribution(*one, answers=other.labels, rejected=other.rejected)
            for one, other in zip(kinds, others, strict=True)
        ),
        seed=seed,
        notes=(*notes, *seen, *clash_notes),
    )


def _level(alpha: float, found: Assessment, labels: NDArray[Any], others: list[Assessment]) -> Level:
    """Return what one level rejects; it needs no other search."""
    sets, codes = found.sets_at(alpha), np.searchsorted(found.classes, labels)
    rejected, right = sets.sum(axis=1) == 0, found.labels == labels
    covered = sets[np.arange(len(codes)), codes]
    return Level(
        alpha=alpha,
        basis=found.rejection.basis(alpha),
        known=share(rejected),
        right=share(rejected[right]),
        wrong=share(rejected[~right]),
        covered=share(covered),
        class_covered=tuple(share(covered[codes == code]) for code in range(len(found.classes))),
        set_size=float(sets.sum(axis=1).mean()),
        out_of_distribution=tuple(share(other.sets_at(alpha).sum(axis=1) == 0) for other in others),
    )


class _Others(NamedTuple):
    """Images of one kind that are none of a model's classes."""

    kind: str
    images: NDArray[Any]
    names: tuple[str, ...]
    made: bool


def _given(batches: Mapping[str, ArrayLike | LooseBatch] | None) -> list[_Others]:
    """Return the images of no class that were given."""
    found = []
    for kind, batch in (batches or {}).items():
        names, given = batch if isinstance(batch, LooseBatch) else (None, batch)
        images = as_images(from_tensor(given))
        found.append(_Others(kind, images, names or _numbered(kind, len(images)), False))
    return found


def _numbered(kind: str, n: int) -> tuple[str, ...]:
    return tuple(f"{kind} {number}" for number in range(1, n + 1))


def made_out_of_distribution(images: NDArray[Any], *, seed: int = 0) -> tuple[_Others, ...]:
    """Return images that nobody should take for one of the classes, all of the images' shape and kind.

    Light and dark exchanged is not strange to a model whose preparation evens that out.
    """
    whole = images.dtype.kind == "u"
    shape, count = images.shape[1:], min(len(images), MOST)
    rng, size = np.random.default_rng(seed), (count, *shape)
    noise = rng.integers(0, 256, size, np.uint8) if whole else rng.random(size).astype(images.dtype)
    places = evenly(len(images), MOST)
    full = 255 if whole else 1
    grays = np.linspace(0, full, _GRAYS).astype(images.dtype).reshape(-1, *[1] * len(shape))
    kinds = {
        "uniform noise": noise,
        "light and dark exchanged": full - images[places],
        "blank images": np.broadcast_to(grays, (_GRAYS, *shape)).copy(),
    }
    return tuple(_Others(kind, made, _numbered(kind, len(made)), True) for kind, made in kinds.items())


def _known(model: Any, data: LabelledImages) -> tuple[LabelledImages, list[_Others], tuple[str, ...]]:
    """Return the images whose classes the model knows, the others, and a note where there are others."""
    data = replace(data, images=_shaped(data, tuple(model.image_shape_)))
    # Beside a class that is no number, numbers are texts.
    labels = {one_form(str(label)): label for label in model.classes_.tolist()}
    texts = np.array([*map(one_form, data.labels.astype(str).tolist())])
    is_known = np.isin(texts, list(labels))
    if not is_known.any():
        raise InputError(
            f"no image of {listed([data.source.name])} is of a class that the model knows: expected "
            f"{listed(labels)}"
        )
    known = replace(
        data.take(np.flatnonzero(is_known)),
        labels=np.array([labels[text] for text in texts[is_known].tolist()]),
        class_names=tuple(name for name in data.class_names if one_form(name) in labels),
    )
    if is_known.all():
        return known, [], ()
    others = data.take(np.flatnonzero(~is_known))
    names = listed(dict.fromkeys(texts[~is_known].tolist()))
    note = (
        f"{len(others):,} of {len(data):,} images are of classes that the model does not know ({names}): "
        "they are out-of-distribution here, and not counted as mistakes."
    )
    return known, [_Others("images of other classes", others.images, others.names, False)], (note,)


def _shaped(data: LabelledImages, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return images of the model's shape, where that is unambiguous."""
    images = data.images
    if images.shape[1:3] != shape[:2]:
        here, there = (" x ".join(map(str, sides[:2])) for sides in (images.shape[1:], shape))
        raise InputError(
            f"images of {listed([data.source.name])} are {here} (height x width) and the model's are "
            f"{there}: give the model's size, on the command line --size {shape[0]}x{shape[1]}"
        )
    if images.ndim == 3 and len(shape) == 3:
        return np.repeat(images[..., None], shape[2], axis=3)
    if images.ndim == 4 and len(shape) == 2 and (images == images[..., :1]).all():
        return images[..., 0]
    if images.shape[1:] != shape:
        both = images.shape[1:], shape
        here, there = ("gray" if len(sides) == 2 else f"of {sides[2]} channels" for sides in both)
        raise InputError(
            f"images of {listed([data.source.name])} are {here} and the model's are {there}: make them "
            "alike, or fit a model on such images"
        )
    return images


def _seen(model: Any, data: LabelledImages) -> tuple[int | None, tuple[str, ...]]:
    """Return how many images the model keeps, if it keeps any, and a note where it was fitted on some."""
    if hasattr(model, "is_kept"):
        same = int(model.is_kept(data.images).sum())
        chain = getattr(model, "prepare_", None)
        prepared = ", as the model prepares them" if chain is not None and chain.steps_ else ""
        return same, leak_notes(same, len(data), prepared)
    origin = model.recogniser_.origin
    fitted_on = None if origin is None or origin.data is None else origin.data["name"]
    if data.source.part != "train" or data.source.name != fitted_on:
        return None, ()
    seen = "The model was fitted on images of the same name and part"
    return None, (f"{seen}: what is measured on them is too good.",)
