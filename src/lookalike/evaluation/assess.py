"""All that one kept model is worth on labelled images: its answers, its probabilities, what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError
from lookalike.evaluation.evaluate import measure, said
from lookalike.evaluation.inputs import Inputs, unwarned
from lookalike.evaluation.refusals import LEVELS
from lookalike.evaluation.reliability import reliability
from lookalike.evaluation.results import Evaluation, Rate
from lookalike.evaluation.statistics import rate
from lookalike.evaluation.strangers import Strangers, made_strangers
from lookalike.progress import Progress, silent
from lookalike.registry import Shown
from lookalike.text import listed

if TYPE_CHECKING:
    from lookalike.recognition.rejection import Basis

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """What one level refuses.

    Attributes
    ----------
    alpha : float
        The level.
    basis : Basis
        What it rests on.
    known : Rate
        Images of the classes that were refused.
    right, wrong : Rate
        Of those that are answered right, and of those that are answered wrongly, how many were refused.
    strangers : tuple of Rate
        Refused strangers of each kind.
    """

    alpha: float
    basis: Basis
    known: Rate
    right: Rate
    wrong: Rate
    strangers: tuple[Rate, ...]


@dataclass(frozen=True)
class Stranger:
    """Strangers of one kind with what the model makes of them.

    Attributes
    ----------
    given : Strangers
        The images.
    answers : ndarray of shape (n,)
        What ``predict`` answers.
    refused : ndarray of shape (n,), bool
        Which are refused at the chosen level.
    """

    given: Strangers
    answers: NDArray[Any]
    refused: Flags


@dataclass(frozen=True)
class Assessment(Shown):
    """All that one model is worth on labelled images; ``str`` is a summary.

    Its :meth:`frame` has a row for each level of rejection, ``evaluation.frame()`` one for each class; its
    :meth:`plot` shows what the levels reject, ``evaluation.plot()`` the confusion matrix.

    Attributes
    ----------
    model : object
        The model.
    data : LabelledImages
        The images measured on, all of the model's classes.
    evaluation : Evaluation
        Its answers, ``reliability`` included.
    confidence : ndarray of shape (n,), float64
        The probability of each answer.
    alpha : float
        The chosen level.
    refused : ndarray of shape (n,), bool
        Which images are refused at the chosen level.
    levels : tuple of Level
        What other levels refuse, ascending; the chosen one among them.
    strangers : tuple of Stranger
        Images of no class, by kind.
    seed : int
        What random choices were drawn from.
    notes : tuple of str
        What a reader of the figures must know. Names in them are untrusted.
    """

    model: Any
    data: LabelledImages
    evaluation: Evaluation
    confidence: NDArray[np.float64]
    alpha: float
    refused: Flags
    levels: tuple[Level, ...]
    strangers: tuple[Stranger, ...]
    seed: int
    notes: tuple[str, ...]

    @property
    def chosen(self) -> Level:
        """What the chosen level refuses."""
        return next(level for level in self.levels if level.alpha == self.alpha)


def assess(
    model: Any,
    data: LabelledImages,
    strangers: Sequence[Strangers] = (),
    *,
    fitted_on: str = "",
    alpha: float = 0.05,
    seed: int = 0,
    progress: Progress = silent,
) -> Assessment:
    """Measure a model's answers, its probabilities, and what it refuses.

    Parameters
    ----------
    model : fitted classifier of lookalike
        One that was fitted on images.
    data : LabelledImages
        Images that it was not fitted on. Those of classes that it does not know are strangers.
    strangers : sequence of Strangers
        Images of none of the classes, beside the made ones (:func:`made_strangers`).
    fitted_on : str, default=""
        The name of the data that the model was fitted on, where that is known.
    alpha : float, default=0.05
        The level that images are refused at.
    seed : int, default=0
        What the made strangers are drawn from.
    progress : Progress, optional
        Hears of images compared.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        The images are of another shape than the model's, or none is of a class that it knows; ``alpha`` is
        no level.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.evaluation.assess import assess
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> found = assess(model, valid)
    >>> found.evaluation.accuracy.hits, [one.given.kind for one in found.strangers]
    (353, ['uniform noise', 'light and dark exchanged', 'blank images'])
    """
    model.rejection_basis(alpha)
    known, unknown, notes = _known(model, data)
    evaluation = measure(model, Inputs(known.images), known.labels, progress=progress)
    notes += _seen(model, known, fitted_on)
    alphas = sorted({*LEVELS, float(alpha)})
    place = alphas.index(float(alpha))
    # What looks strange was said for the answers, and strangers are to look strange.
    with unwarned():
        shares = said(model, Inputs(known.images), progress=progress)
        none = _refused(model, known.images, alphas, progress)[1]
        kinds = [*strangers, *unknown, *made_strangers(known.images, seed=seed)]
        found = [_refused(model, one.images, alphas, progress) for one in kinds]
    right = known.labels == evaluation.predictions
    return Assessment(
        model=model,
        data=known,
        evaluation=replace(evaluation, reliability=reliability(shares, model.classes_, known.labels)),
        confidence=shares.max(axis=1),
        alpha=float(alpha),
        refused=none[place],
        levels=tuple(
            Level(
                alpha=level,
                basis=model.rejection_basis(level),
                known=_share(none[number]),
                right=_share(none[number][right]),
                wrong=_share(none[number][~right]),
                strangers=tuple(_share(flags[number]) for _, flags in found),
            )
            for number, level in enumerate(alphas)
        ),
        strangers=tuple(
            Stranger(one, labels, flags[place]) for one, (labels, flags) in zip(kinds, found, strict=True)
        ),
        seed=seed,
        notes=notes,
    )


def _known(model: Any, data: LabelledImages) -> tuple[LabelledImages, list[Strangers], tuple[str, ...]]:
    """Return the images whose classes the model knows, the others, and a note where there are others."""
    data = replace(data, images=_shaped(data, tuple(model.image_shape_)))
    # Beside a class that is no number, numbers are texts.
    labels = {str(label): label for label in model.classes_.tolist()}
    texts = data.labels.astype(str)
    is_known = np.isin(texts, list(labels))
    if not is_known.any():
        raise InputError(
            f"no image of {listed([data.source.name])} is of a class that the model knows: expected "
            f"{listed(labels)}"
        )
    known = data.take(np.flatnonzero(is_known))
    known = replace(
        known,
        labels=np.array([labels[text] for text in known.labels.astype(str).tolist()]),
        class_names=tuple(name for name in data.class_names if str(name) in labels),
    )
    if is_known.all():
        return known, [], ()
    others = data.take(np.flatnonzero(~is_known))
    names = listed(dict.fromkeys(others.labels.astype(str).tolist()))
    note = (
        f"{len(others):,} of {len(data):,} images are of classes that the model does not know ({names}): "
        "they are out-of-distribution here, and not counted as mistakes."
    )
    return known, [Strangers("images of other classes", others.images, others.names)], (note,)


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
        kinds = [
            "gray" if len(sides) == 2 else f"of {sides[2]} channels" for sides in (images.shape[1:], shape)
        ]
        raise InputError(
            f"images of {listed([data.source.name])} are {kinds[0]} and the model's are {kinds[1]}: make "
            "them alike, or fit a model on such images"
        )
    return images


def _seen(model: Any, data: LabelledImages, fitted_on: str) -> tuple[str, ...]:
    """Return a note where images measured on are, or may be, among those that the model was fitted on."""
    if hasattr(model, "is_kept"):
        same = int(model.is_kept(data.images).sum())
        chain = getattr(model, "prepare_", None)
        prepared = ", as the model prepares them" if chain is not None and chain.steps_ else ""
        return (
            (
                f"{same:,} of {len(data):,} images are the same as a training image{prepared}: what is "
                "measured on them is too good.",
            )
            if same
            else ()
        )
    if data.source.part == "train" and data.source.name == fitted_on:
        return (
            "The model was fitted on images of the same name and part: what is measured on them is too good.",
        )
    return ()


def _refused(
    model: Any, images: NDArray[Any], alphas: list[float], progress: Progress
) -> tuple[NDArray[Any], Flags]:
    """Return a model's answers, and for each level which images are refused."""
    answers, sets = model.sets_at_levels(images, alphas, progress=progress)
    return answers, ~sets.any(axis=2)


def _share(flags: Flags) -> Rate:
    """Return how many flags are up."""
    return rate(int(flags.sum()), len(flags))
