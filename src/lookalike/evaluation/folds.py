"""Judge ideas by images that they were not fitted on, where there is no part to measure on.

The images are dealt into folds, every class alike; each fold is answered by a model that was fitted on all
the others. So each answer is about an image that its model has not seen, and few images serve for both.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from lookalike.data.labelled import LabelledImages, natural_order
from lookalike.errors import InputError
from lookalike.evaluation.attempt import Attempt, attempt
from lookalike.evaluation.compare import pairs, size
from lookalike.evaluation.evaluate import judge
from lookalike.evaluation.ideas import Candidate, candidates
from lookalike.evaluation.inputs import Inputs
from lookalike.evaluation.results import Comparison, Row
from lookalike.progress import Progress, silent
from lookalike.text import listed

FOLDS = 5
"""How many folds there are where classes allow: each model is fitted on four fifths of the images."""

MOST_JUDGED = 2000
"""About so many images are judged at most; all others are always fitted on."""


@dataclass(frozen=True)
class Folds:
    """Which images are judged, and together with which.

    Attributes
    ----------
    parts : tuple of ndarray, int
        The places of the images of each fold, ascending: they are answered by a model that was fitted on all
        images but these. Empty where nothing can be judged.
    n : int
        How many images there are.
    notes : tuple of str
        What was decided, one sentence each.
    """

    parts: tuple[NDArray[np.intp], ...]
    n: int
    notes: tuple[str, ...]

    @property
    def judged(self) -> NDArray[np.intp]:
        """The places of all images that are judged, ascending."""
        return np.sort(np.concatenate([*self.parts, np.empty(0, np.intp)]))


@dataclass(frozen=True)
class OutOfFold:
    """What several ideas are worth by their out-of-fold answers.

    Attributes
    ----------
    comparison : Comparison
        ``valid`` holds the judged images; the rows have no models.
    folds : Folds
        How the images were dealt.
    """

    comparison: Comparison
    folds: Folds


def make_folds(labels: NDArray[Any], groups: NDArray[Any] | None = None, *, seed: int = 0) -> Folds:
    """Deal images into folds, every class alike, and a group never into two.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        The class of each image.
    groups : ndarray of shape (n,), optional
        Who wrote each image, or which camera took it: a model must not have seen the one it is judged on.
    seed : int, default=0
        What the deal is drawn from.

    Returns
    -------
    Folds
        Five folds; fewer where the largest class has fewer images, or where there are fewer groups. Of more
        than about 2,000 images, some folds only are judged: as few as leave each model four fifths of
        the images (of 60,000 one fold of 2,000). An image whose class occurs in no other fold, such as the
        only one of its class, is not judged and always fitted on.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.evaluation.folds import make_folds
    >>> folds = make_folds(np.array([3, 3, 3, 7, 7, 7, 8]))
    >>> [len(part) for part in folds.parts], folds.notes[-1]
    ([2, 2, 2], "Always fitted on and not judged: 1 image of class '8', which no other fold has.")
    """
    texts = labels.astype(np.str_)
    notes: list[str] = []
    if groups is not None and len(np.unique(groups)) < 2:
        groups = None
    most = int(np.unique(texts, return_counts=True)[1].max())
    if groups is not None:
        most = min(most, len(np.unique(groups)))
    splits, rounds = _plan(len(labels), most)
    dealt = _dealt(texts, groups, splits, seed) if splits > 1 else []
    parts, alone = _answerable(texts, dealt[:rounds])
    judged = sum(map(len, parts))
    if judged:
        by = "" if groups is None else ", no group (writer, camera) in two of them"
        folds = f"{splits} folds" if len(parts) == splits else f"{len(parts)} of {splits} folds"
        notes.append(f"{judged:,} of {len(labels):,} images were judged: {folds}{by} (seed {seed}).")
    if alone:
        which = listed(natural_order({str(texts[place]) for place in alone}))
        images = "1 image" if len(alone) == 1 else f"{len(alone):,} images"
        notes.append(f"Always fitted on and not judged: {images} of class {which}, which no other fold has.")
    return Folds(parts, len(labels), tuple(notes))


def out_of_fold(
    images: LabelledImages, ideas: Iterable[Any] | None = None, *, seed: int = 0, progress: Progress = silent
) -> OutOfFold:
    """Judge ideas by answers to images that were left out of their fits.

    Parameters
    ----------
    images : LabelledImages
        Of at least two classes.
    ideas : iterable, optional
        What :func:`lookalike.compare` takes. By default the registry's default ideas.
    seed : int, default=0
        What the folds and other random choices are drawn from.
    progress : Progress, optional
        Hears of each idea and fold.

    Returns
    -------
    OutOfFold
        A row an idea over all judged images, and McNemar's exact tests. Times are means of the folds' fits,
        and the sum of their answers; an idea that fails in one fold has that as its reason.

    Raises
    ------
    UnknownNameError
        A name is not in the registry.
    InputError
        No class has two images (in two groups), so that nothing can be judged.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.evaluation.folds import out_of_fold
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> found = out_of_fold(train, ["mean-image-l2"])
    >>> print(found.comparison.rows[0].evaluation.accuracy)
    0.9827 (284 of 289, 95 % interval 0.9601-0.9926)
    """
    folds = make_folds(images.labels, images.groups, seed=seed)
    chosen = candidates(ideas)
    if not folds.parts:
        raise InputError(
            "no class has two images (of two groups), so none can be left out to judge an idea: add images"
        )
    rows = tuple(_row(one, images, folds, seed, progress) for one in chosen)
    comparison = Comparison(images, images.take(folds.judged), rows, pairs(rows), seed)
    return OutOfFold(comparison, folds)


def best(comparison: Comparison) -> Row:
    """Return the idea with the most right answers; of equals the last one.

    Parameters
    ----------
    comparison : Comparison
        Its ideas in the order of the registry, in which the later ones take more of an image into account.

    Raises
    ------
    InputError
        Every idea failed; the message has the first one's reason.
    """
    measured = [row for row in comparison.rows if row.evaluation is not None]
    if not measured:
        raise InputError(f"no idea could be fitted: {comparison.rows[0].error}")
    return max(reversed(measured), key=lambda row: row.evaluation.accuracy.hits if row.evaluation else -1)


def _plan(n: int, most: int) -> tuple[int, int]:
    """Return into how many folds ``n`` images are dealt, at most ``most``, and how many are judged."""
    rounds = min(FOLDS, -(-FOLDS * MOST_JUDGED // n))
    splits = min(most, max(FOLDS, -(-n * rounds // MOST_JUDGED)))
    return splits, min(rounds, splits, max(1, MOST_JUDGED * splits // n))


def _dealt(
    texts: NDArray[np.str_], groups: NDArray[Any] | None, splits: int, seed: int
) -> list[NDArray[np.intp]]:
    """Return the places of each fold."""
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    deal = kind(splits, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of a class that is smaller than the number of folds, each image is in a fold of its own.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return [held for _, held in deal.split(np.zeros(len(texts)), texts, groups)]


def _answerable(
    texts: NDArray[np.str_], dealt: list[NDArray[np.intp]]
) -> tuple[tuple[NDArray[np.intp], ...], list[int]]:
    """Return folds without the images whose class is in no other fold, and those images."""
    codes = np.unique(texts, return_inverse=True)[1]
    counts = np.bincount(codes)
    parts: list[NDArray[np.intp]] = []
    alone: list[int] = []
    for held in dealt:
        elsewhere = counts - np.bincount(codes[held], minlength=len(counts))
        known = elsewhere[codes[held]] > 0
        alone += held[~known].tolist()
        if known.any():
            parts.append(held[known])
    return tuple(parts), sorted(alone)


def _row(candidate: Candidate, images: LabelledImages, folds: Folds, seed: int, progress: Progress) -> Row:
    """Return what one idea's answers to all folds are worth."""
    predictions: dict[int, Any] = {}
    tries: list[Attempt] = []
    for number, held in enumerate(folds.parts, 1):
        rest = np.setdiff1d(np.arange(folds.n), held, assume_unique=True)

        def tell(what: str, done: int, total: int | None, number: int = number) -> None:
            progress(f"fold {number} of {len(folds.parts)}: {what}", done, total)

        tried = attempt(
            candidate,
            (Inputs(images.images[rest]), Inputs(images.images[held])),
            (images.labels[rest], images.labels[held]),
            seed=seed,
            progress=tell,
        )
        tries.append(tried)
        if tried.evaluation is None:
            break
        predictions |= zip(held.tolist(), tried.evaluation.predictions.tolist(), strict=True)
    return _pooled(candidate, images.labels[folds.judged], predictions, tries)


def _pooled(
    candidate: Candidate, labels: NDArray[Any], predictions: dict[int, Any], tries: list[Attempt]
) -> Row:
    """Return the row of all folds together."""
    error = tries[-1].error
    evaluation = None
    if error is None:
        answers = np.array([predictions[place] for place in sorted(predictions)])
        seconds = sum(one.evaluation.predict_seconds for one in tries if one.evaluation)
        evaluation = judge(labels, answers, seconds=seconds)
    fits = [one.fit_seconds for one in tries if one.fit_seconds is not None]
    return Row(
        name=candidate.name,
        title=candidate.title,
        origin=candidate.origin,
        evaluation=evaluation,
        error=error,
        warnings=tuple(dict.fromkeys(warning for one in tries for warning in one.warnings)),
        fit_seconds=sum(fits) / len(fits) if fits else None,
        size_bytes=None if evaluation is None else size(tries[-1].model),
        model=None,
    )
