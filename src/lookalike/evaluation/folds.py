"""Judge ideas by images left out of their fits, where there is no part to measure on, and fit the best."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from lookalike.data.labelled import LabelledImages, natural_order
from lookalike.data.look import contradictions
from lookalike.errors import InputError, LabelWarning
from lookalike.evaluation.compare import attempt, pairs, seeded
from lookalike.evaluation.evaluate import Inputs, judge, labelled, leak_notes, measure, unwarned
from lookalike.evaluation.ideas import Candidate, candidates
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.images import digests
from lookalike.models.checks import in_one_form
from lookalike.progress import Progress, silent
from lookalike.registry import IDEAS, Shown
from lookalike.text import listed, numberless

#: How many folds there are where classes allow: each model is fitted on four fifths of the images.
FOLDS = 5
#: Up to so many images are few: ideas that take long with many are tried too.
FEW = 2000
#: About so many images are judged at most; all others are always fitted on.
MOST_JUDGED = 2000
#: So many are asked anew, to see how long an idea takes that was fitted once.
_TIMED = 20
# A model file takes no longer texts.
_LONGEST_NOTE = 1000


@dataclass(frozen=True)
class Folds:
    """Which images are judged, and together with which."""

    #: The places of the images of each fold, ascending: they are answered by a model that was fitted on all
    #: images but these. Empty where nothing can be judged.
    parts: tuple[NDArray[np.intp], ...]
    notes: tuple[str, ...]  # what was decided, one sentence each

    @property
    def judged(self) -> NDArray[np.intp]:
        """The places of all images that are judged, ascending."""
        return np.sort(np.concatenate([*self.parts, np.empty(0, np.intp)]))


@dataclass(frozen=True, repr=False)
class BestFit(Shown):
    """The model that :func:`lookalike.fit_best` fitted, and why it is that one; ``str`` says it.

    Its :meth:`frame` has a row for each idea that was judged; its :meth:`plot` shows their rates.
    """

    model: Any  #: fitted on all images
    idea: str  #: the name of its idea
    title: str  #: what a table shows
    images: LabelledImages  #: what it was fitted on
    #: The ideas by their out-of-fold answers; ``valid`` holds the judged images, and the rows have no models.
    #: None where nothing could be judged.
    comparison: Comparison | None
    notes: tuple[str, ...]  #: how ideas were judged, one sentence each

    @property
    def row(self) -> Row | None:
        """The line of the idea in the comparison."""
        rows = () if self.comparison is None else self.comparison.rows
        return next((row for row in rows if row.name == self.idea), None)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What the model chose by itself and why, one sentence a decision."""
        reasons: tuple[str, ...] = getattr(self.model, "reasons_", ())
        return reasons

    @property
    def figures(self) -> dict[str, float | str] | None:
        """What the model is worth, for :func:`lookalike.save_model`; None where nothing could be judged."""
        if self.row is None or self.row.evaluation is None:
            return None
        accuracy = self.row.evaluation.accuracy
        return {
            "out-of-fold accuracy": accuracy.value,
            "95 % interval": f"{accuracy.low:.4f}-{accuracy.high:.4f}",
            "right": accuracy.hits,
            "judged": accuracy.n,
            "how judged": " ".join(self.notes)[:_LONGEST_NOTE],
        }


def fit_best(
    images: LabelledImages | ArrayLike,
    labels: ArrayLike | None = None,
    ideas: Iterable[Any] | Mapping[str, Any] | None = None,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> BestFit:
    """Fit the idea that is best at images which were left out of its fits, on all images.

    The images are dealt into folds, every class alike; each fold is answered by a model that was fitted on
    all the others. A mixture of measures takes long to fit: it is fitted once, on all images, and asked about
    up to 250 of them, each left out of it with its copies and its group (its weights have seen them); then
    all ideas are judged on these. The idea with the most right answers is fitted on all images; of equally
    good ones it is the last one, since the later ones of the registry take more of an image into account.

    Parameters
    ----------
    images : LabelledImages, or array-like of shape (n, h, w) or (n, h, w, c)
        Labelled images, or an image batch.
    labels : array-like of shape (n,), optional
        The labels of an image batch.
    ideas : iterable or dict, optional
        What :func:`lookalike.compare` takes. By default lookalike's own among the registry's default ideas,
        and of up to 2,000 images a mixture of measures.
    groups : array-like of shape (n,), optional
        Who wrote each image of a batch, or which camera took it: a model must not have seen the one that it
        is judged on. Labelled images bring theirs.
    seed : int, default=0
        What the folds and other random choices are drawn from.
    progress : Progress, optional
        Hears of each idea and fold.

    Returns
    -------
    BestFit
        The model, its idea, what each idea is worth, and why the model is as it is. ``notes`` says how many
        images were judged: five folds, at most about 2,000 images. Where no class has two images (of two
        groups) nothing can be judged: then it is the last idea.

    Raises
    ------
    UnknownNameError
        A name is not in the registry.
    InputError
        Something given is no idea, there is not one label for each image, or every idea failed.

    Examples
    --------
    >>> import lookalike
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> found = lookalike.fit_best(train, ideas=["ink-coverage", "mean-image-l2"])
    >>> found.idea, found.model, found.row.evaluation.accuracy.hits
    ('mean-image-l2', MeanImage(metric='l2'), 284)
    >>> found.notes
    ('289 of 289 images were judged: 5 folds (seed 0).',)
    """
    if isinstance(images, LabelledImages):
        if labels is not None or groups is not None:
            raise InputError("labels or groups are given beside labelled images, which have theirs")
        train = images
    elif labels is None:
        raise InputError("labels are missing: expected one for each image")
    else:
        train = labelled((images, labels), groups=groups)
    if ideas is None:
        few = len(train) <= FEW
        ours = [known for known in IDEAS if not known.reference]
        ideas = [known for known in ours if known.by_default or (known.of_few and few)]
    chosen = candidates(ideas)
    rows, comparison, notes = _judged(train, chosen, seed, progress)
    winner, model = chosen[-1], None
    if comparison is not None:
        name = best(comparison).name
        winner = next(one for one in chosen if one.name == name)
        model = next(row.model for row in rows if row.name == name)
    if model is None:
        progress(f"{winner.title}: fit on all images", 0, None)
        model = seeded(winner.make(), seed)
        with unwarned(LabelWarning):
            Inputs.at(train).fit(model, progress)
    if hasattr(model, "recogniser_"):
        model.recogniser_.reading, model.recogniser_.sizes = train.source.reading, train.source.sizes
    if hasattr(model, "rejection_basis"):
        # A model's file keeps it, so that nobody who asks for probabilities or rejection has to wait for it.
        progress("how sure answers are", 0, None)
        model.rejection_basis()
    return BestFit(model, winner.name, winner.title, train, comparison, notes)


def _judged(
    train: LabelledImages, chosen: list[Candidate], seed: int, progress: Progress
) -> tuple[tuple[Row, ...], Comparison | None, tuple[str, ...]]:
    """Return what ideas are worth, with models that are fitted once, and how they were judged."""
    folds, hashes = make_folds(train.labels, train.groups, seed=seed), digests(train.images)
    clashes, said = contradictions(hashes, train.labels, train.names)
    if not folds.parts:
        unjudged = "No class has two images (of two groups): none could be left out, so no idea was judged."
        return (), None, (unjudged, *said)
    slow = [one for one in chosen if one.slow and len(train) <= FEW]
    tried = {one.name: _row_without(one, train, seed, progress) for one in slow}
    tried = {name: one for name, one in tried.items() if np.isin(one[1], folds.judged).any()}
    judged = reduce(np.intersect1d, [places for _, places in tried.values()], folds.judged)
    rows = tuple(
        _restricted(*tried[one.name], train, judged)
        if one.name in tried
        else _row(one, train, folds, judged, seed, progress)
        for one in chosen
    )
    leaks = sum(int(np.isin(hashes[held], np.delete(hashes, held)).sum()) for held in folds.parts)
    said += leak_notes(leaks, len(folds.judged), " of another fold")
    bare = tuple(replace(row, model=None) for row in rows)
    comparison = Comparison(train, train.take(judged), bare, pairs(rows), seed, clashes, leaks, said)
    once = ", ".join(row.title for row, _ in tried.values())
    apart: tuple[str, ...] = (
        f"Fitted once and asked of {len(judged):,} of these images, each left out: {once}.",
    )
    if len(judged) < len(folds.judged):
        apart += (f"All figures are of these {len(judged):,}.",)
    return rows, comparison, (*folds.notes, *(apart if once else ()), *said)


def make_folds(labels: NDArray[Any], groups: NDArray[Any] | None = None, *, seed: int = 0) -> Folds:
    """Deal images into folds, every class alike, and a group never into two.

    They are five folds; fewer where the largest class has fewer images, or where there are fewer groups. Of
    more than about 2,000 images, some folds only are judged: as few as leave each model four fifths of the
    images (of 60,000 one fold of 2,000). An image whose class occurs in no other fold, such as the only one
    of its class, is not judged and always fitted on.
    """
    texts = labels.astype(np.str_)
    notes: list[str] = []
    if groups is not None and len(np.unique(groups)) < 2:
        groups = None
        notes.append("all images are of one group: models were judged on images of a group that they learned")
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
    return Folds(parts, tuple(notes))


def best(comparison: Comparison) -> Row:
    """Return the idea with the most right answers; of equals the last one."""
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


def told_without(
    model: Any, images: ArrayLike, labels: ArrayLike, progress: Progress
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return places of examples of a fitted model, ascending, and what each is told by the others.

    They are those that the model leaves out in turn to know how sure it is, with their copies and groups,
    where others of their classes are left. Labels are those of the class at the smallest distance.
    """
    recogniser = model.recogniser_
    left_out = recogniser.left_out(progress)
    codes = np.searchsorted(model.classes_, np.ravel(in_one_form(labels)))
    places = recogniser.judged(model._images(images, recogniser), codes)
    there = np.isfinite(left_out.distances[np.arange(len(left_out.codes)), left_out.codes])
    order = np.argsort(places[there])
    return places[there][order], model.classes_[left_out.distances[there].argmin(axis=1)][order]


def _row_without(
    candidate: Candidate, images: LabelledImages, seed: int, progress: Progress
) -> tuple[Row, NDArray[np.intp]]:
    """Return what an idea is worth that is fitted once, with its model, and where it is judged."""
    found: list[NDArray[np.intp]] = []
    inputs = Inputs.at(images)

    def measured(model: Any, progress: Progress) -> Evaluation:
        places, answers = told_without(model, inputs.of(model), images.labels, progress)
        found.append(places)
        # The fit has compared its own images already: how long answers take is seen by asking a few anew.
        asked = Inputs.at(images, places[:_TIMED])
        share = len(places) / max(1, len(asked.labels))
        return judge(
            images.labels[places], answers, seconds=share * measure(model, asked, progress).predict_seconds
        )

    row = attempt(candidate, inputs, measured, seed=seed, progress=progress)
    return row, found[0] if found else np.arange(len(images))


def _restricted(row: Row, places: NDArray[np.intp], images: LabelledImages, judged: NDArray[np.intp]) -> Row:
    """Return what an idea is worth on some of the images that it was judged on."""
    told = row.evaluation
    if told is None or len(judged) == len(places):
        return row
    answers = told.predictions[np.searchsorted(places, judged)]
    seconds = told.predict_seconds * len(judged) / len(places)
    return replace(row, evaluation=judge(images.labels[judged], answers, seconds=seconds))


def _row(
    candidate: Candidate,
    images: LabelledImages,
    folds: Folds,
    judged: NDArray[np.intp],
    seed: int,
    progress: Progress,
) -> Row:
    """Return what one idea's answers to those in folds that are judged are worth, or why it failed in one.

    Its times are the mean of the folds' fits and the sum of their answers, its size that of the last model.
    """
    tries: list[Row] = []
    asked = [np.intersect1d(held, judged) for held in folds.parts]
    for number, held in enumerate(folds.parts, 1):
        if not asked[number - 1].size:
            continue
        rest = np.setdiff1d(np.arange(len(images)), held, assume_unique=True)

        def tell(what: str, done: int, total: int | None, number: int = number) -> None:
            progress(f"fold {number} of {len(folds.parts)}: {what}", done, total)

        measured = partial(measure, inputs=Inputs.at(images, asked[number - 1]))
        tries.append(attempt(candidate, Inputs.at(images, rest), measured, seed=seed, progress=tell))
        if tries[-1].error is not None:
            break
    evaluation = None
    found = [one.evaluation for one in tries if one.evaluation is not None]
    if len(found) == len(tries):
        answers = np.concatenate([one.predictions for one in found])
        evaluation = judge(
            images.labels[judged],
            answers[np.argsort(np.concatenate(asked))],
            seconds=sum(one.predict_seconds for one in found),
        )
    # What each fold says with its own numbers is said once, by the first.
    warned = {numberless(warning): warning for one in reversed(tries) for warning in reversed(one.warnings)}
    fits = [one.fit_seconds for one in tries if one.fit_seconds is not None]
    return replace(
        tries[-1],
        evaluation=evaluation,
        warnings=tuple(reversed(warned.values())),
        fit_seconds=sum(fits) / len(fits) if fits else None,
        model=None,
    )
