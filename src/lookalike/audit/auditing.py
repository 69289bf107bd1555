"""An audit of labelled images: everything that is found in them, worst first."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from lookalike.audit import findings
from lookalike.audit.blame import Blame, find_blame
from lookalike.audit.copies import NEARLY, SAME, Group, find_groups, units_of
from lookalike.audit.enough import Enough, find_enough, pick
from lookalike.audit.findings import KINDS, Finding, Verdict, changed
from lookalike.audit.neighbours import Neighbours, find_neighbours, matching
from lookalike.audit.oddities import find_oddities
from lookalike.audit.results import Arrays, Results, RowKind
from lookalike.audit.suspects import Suspects, find_suspects
from lookalike.data.labelled import LabelledImages, face_values, natural_order
from lookalike.data.loose import LooseBatch
from lookalike.distance.mapped import let_go
from lookalike.errors import InputError, LabelWarning
from lookalike.evaluation.compare import both, compare
from lookalike.evaluation.evaluate import labelled, unwarned
from lookalike.evaluation.statistics import Rate, rate
from lookalike.images import evenly
from lookalike.models.base import ImageClassifier
from lookalike.models.nearest import NearestImages
from lookalike.progress import Progress, silent
from lookalike.registry import IDEAS, Shown, idea
from lookalike.search.matches import NOWHERE
from lookalike.text import quoted

#: A label is a finding where it is wrong at least so likely, and is to be changed where that is likelier.
_LIKELY, _RELABELLED = 0.2, 0.5
#: So many of the nearest are shown with it; where nothing is known of how likely it is, all must agree.
_EVIDENCE = 6
#: An image misleads where so many more answers would be right without it.
_MISLEADS = 1
#: By default so many images are asked by whom they are misled; among so many images every idea is measured
#: with and without leaks, among more the two that are quick.
_ASKED, _FEW = 5000, 5000
_QUICK = ("mean-image-l2", "nearest-l2")
#: So many bytes of training images at most are kept to find which of them mislead.
_KEPT_BYTES = 1 << 27


class LeakRow(NamedTuple):
    """What an idea is worth with and without the images that are in both parts."""

    name: str
    title: str
    everything: Rate
    without: Rate


@dataclass(frozen=True, repr=False)
class Audit(Shown):
    """What :func:`lookalike.audit` found; ``str`` is a summary.

    Its :meth:`frame` has a row for each finding; its :meth:`plot` shows how suspicious labels are.
    """

    images: LabelledImages  #: all that were looked at; those of the validation part come last
    parts: NDArray[np.str_]  #: (n,): the part of each
    issues: tuple[Finding, ...]  #: what was found, worst first
    #: (n,): how likely each label is right, in 0-1: low where it is probably wrong.
    label_quality: NDArray[np.float64]
    suspects: Suspects  #: how suspicious each label is, and which it should be
    neighbours: Neighbours  #: what lies nearest to each image
    groups: tuple[Group, ...]  #: copies
    blame: Blame | None  #: which training images mislead; None where nothing could be asked
    leaks: tuple[LeakRow, ...]  #: what ideas are worth with and without leaked images, where there are any
    enough: Enough | None  #: what more images would buy; None where there are too few for a curve
    picked: tuple[str, ...]  #: names of images without labels that would help most
    notes: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each kind that was found, in the order of kinds."""
        found = Counter(one.kind for one in self.issues)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def class_named(self, code: int) -> str:
        """Return the name of a class by its number in what was found: that of its text's order."""
        return str(np.unique(self.images.labels.astype(np.str_))[code])

    def to_csv(self) -> str:
        """Return the findings as a table to be edited, which :meth:`apply` and the command line take.

        Returns
        -------
        str
            CSV: the data, part and name of each image, the kind of finding, its label, what is proposed
            (keep, relabel, drop, look), the new label, the score, why, and other images.
        """
        return findings.to_csv(self.issues, self.images, self.parts.tolist())

    def apply(self, changes: str | os.PathLike[str] | None = None) -> tuple[LabelledImages, ...]:
        """Return the parts without what is to be dropped, and with the labels that are to be changed.

        Parameters
        ----------
        changes : path-like, optional
            A table of findings as :meth:`to_csv` makes it, edited or not; by default what is proposed.

        Returns
        -------
        tuple of LabelledImages
            Each part; the last of its notes counts what was changed. Nothing that was given is touched.

        Raises
        ------
        DataError
            The table cannot be read, or says two things of one image.
        """
        data = self.to_csv().encode() if changes is None else Path(changes).read_bytes()
        _, wanted = findings.read_csv(data, "the proposed changes" if changes is None else str(changes))
        return apply_changes(self._split(), wanted)

    def report(self, path: str | os.PathLike[str], *, command: str = "") -> Path:
        """Write the findings as one HTML page, on which each is kept, relabelled or dropped by keyboard.

        Parameters
        ----------
        path : path-like
            Where. The file is replaced as a whole or, on any error, not touched.
        command : str, default=""
            What makes the page again, to be shown on it.

        Returns
        -------
        Path
            Where the page is. It needs no network.
        """
        from lookalike.audit.page import write_page

        write_page(self, Path(path), command)
        return Path(path)

    def _split(self) -> tuple[LabelledImages, ...]:
        """Return the parts again."""
        found = []
        for part in dict.fromkeys(self.parts.tolist()):
            own = self.images.take(np.flatnonzero(self.parts == part))
            found.append(replace(own, source=replace(own.source, part=part)))
        return tuple(found)


def apply_changes(
    parts: tuple[LabelledImages, ...], changes: tuple[Verdict, ...]
) -> tuple[LabelledImages, ...]:
    """Return parts as changes want them; the last note of each counts what was changed.

    Raises
    ------
    InputError
        A change is of a part or an image that is not there.
    """
    known = {part.source.part for part in parts}
    for change in changes:
        if change.part not in known:
            raise InputError(
                f"the findings name the part {quoted(change.part)}: expected {' or '.join(sorted(known))}, "
                "those of the data"
            )
    found = []
    for part in parts:
        cleaned, said = changed(part, changes)
        found.append(cleaned.noted(said))
    return tuple(found)


def audit(
    train: LabelledImages | ArrayLike,
    valid: LabelledImages | ArrayLike | None = None,
    model: Any = None,
    *,
    unlabelled: ArrayLike | LooseBatch | None = None,
    pick_count: int = 20,
    seed: int = 0,
    client: Any = None,
    on_disk: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> Audit:
    """Find what is wrong with labelled images, and which of them mislead.

    Parameters
    ----------
    train : LabelledImages, (images, labels), or array-like of shape (n, h, w) or (n, h, w, c)
        Labelled images, or an image batch.
    valid : LabelledImages, (images, labels), or array-like of shape (n,), optional
        A second part, to be audited too; of an image batch, its labels.
    model : classifier, optional
        Whose mistakes are blamed on training images: one of lookalike's that keeps them; it is fitted anew.
        By default :class:`lookalike.DeformableMatch`, not aligned, of which at most 5,000 answers are asked,
        fitted on at most 128 MB of the training images, evenly spaced (171,000 of 28x28).
    unlabelled : array-like of shape (m, h, w) or (m, h, w, c), or LooseBatch, optional
        Images without labels, of which those are picked that would help most.
    pick_count : int, default=20
        How many of them.
    seed : int, default=0
        What random choices are drawn from.
    client : distributed.Client, optional
        Of a Dask cluster, on whose workers the neighbours of more than 5,000 images are searched, and the
        answers of nearest images (extra ``dask``): the same findings.
    on_disk : path-like, optional
        A folder, for more images than memory holds: what is large, or takes long, is written there, and an
        audit that was stopped goes on where it stood. The same findings. Images may be memory maps, as
        ``lookalike.load(..., on_disk=...)`` returns them, and stay where they are.
    progress : Progress, optional
        Hears of what is searched.

    Returns
    -------
    Audit
        The findings, worst first, and what they follow from.

    Raises
    ------
    InputError
        There is not one label for each image, the parts' images differ in size or kind, the model is none of
        lookalike's or keeps no training images, or fewer than one image is to be picked.
    DataError
        The folder cannot be written, or has no room.

    Examples
    --------
    >>> import lookalike
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> labels = train.labels.copy()
    >>> labels[[5, 50]] = 10 - labels[[5, 50]]  # two labels are exchanged
    >>> found = lookalike.audit(train.images, labels)
    >>> sorted(found.suspects.ranked[:2].tolist())
    [5, 50]
    >>> found.label_quality[[5, 50]].max() < 0.5 < found.label_quality.mean()
    np.True_
    """
    if not isinstance(pick_count, Integral) or pick_count < 1:
        raise InputError(f"pick_count is {pick_count!r}: expected how many images to pick, at least 1")
    parts = _parts(train, valid)
    results = Results.at(on_disk, parts)
    with results.alone():
        found, own = _audited(parts, model, seed, client, results, progress)
    if unlabelled is None:
        return found
    named = unlabelled if isinstance(unlabelled, LooseBatch) else None
    asked = own.checked(unlabelled if named is None else named.images)
    chosen = pick(own, asked, pick_count, progress).tolist()
    return replace(
        found, picked=tuple(str(place) if named is None else named.names[place] for place in chosen)
    )


def _audited(
    parts: tuple[LabelledImages, ...],
    model: Any,
    seed: int,
    client: Any,
    results: Results,
    progress: Progress,
) -> tuple[Audit, Any]:
    """Return what is found in the parts of a set, and the model that answered, if any could."""
    images, of = _together(parts, results)
    codes = np.unique(images.labels.astype(np.str_), return_inverse=True)[1].astype(np.intp)
    notes = dict.fromkeys(note for part in parts for note in part.source.notes)
    near = find_neighbours(images, client, progress, results)
    groups = find_groups(images.images, codes, near, progress)
    apart = near.apart(units_of(groups, len(images)))
    if images.groups is not None and len(np.unique(images.groups)) > 1:
        judged = apart.apart(np.unique(images.groups.astype(np.str_), return_inverse=True)[1])
    else:
        judged = apart
    suspects = find_suspects(judged, codes, seed=seed)
    own, blame = _blamed(parts, model, client, progress, results)
    leaked = _leaked(groups, of)
    leaks = _leak_rows(parts, leaked, blame, seed, progress) if leaked.any() else ()
    issues = [
        *_of_groups(groups, images, of, suspects),
        *_of_labels(images, judged, suspects),
        *_of_blame(blame, parts),
        *find_oddities(images, of, codes, apart, suspects),
    ]
    found = Audit(
        images=images,
        parts=of,
        issues=tuple(sorted(issues, key=lambda one: [*KINDS].index(one.kind))),
        label_quality=1 - suspects.wrong,
        suspects=suspects,
        neighbours=apart,
        groups=groups,
        blame=blame,
        leaks=leaks,
        enough=find_enough(judged, codes, seed=seed),
        picked=(),
        notes=(*notes, *_notes(images, codes, suspects, blame)),
    )
    return found, own


def _parts(train: Any, valid: Any) -> tuple[LabelledImages, ...]:
    """Return one or two parts, however they were given."""
    if not isinstance(train, LabelledImages | tuple):
        if valid is None:
            raise InputError("labels are missing: expected audit(images, labels), or labelled images")
        return (labelled((train, valid)),)
    if valid is None:
        return (labelled(train),)
    first, second = both(train, valid)
    if first.source.part == second.source.part:
        second = second.noted(part="valid")
    return first, second


def _together(parts: tuple[LabelledImages, ...], results: Results) -> tuple[LabelledImages, NDArray[np.str_]]:
    """Return all images as one set, and the part of each."""
    first = parts[0]
    of = np.repeat([part.source.part for part in parts], [len(part) for part in parts])
    if len(parts) == 1:
        return first, of
    names = natural_order({name for part in parts for name in part.class_names})
    faces = dict(zip(names, face_values(names), strict=True))
    texts = [text for part in parts for text in part.labels.astype(np.str_).tolist()]
    grouped = [part.groups for part in parts if part.groups is not None]
    return LabelledImages(
        _joined([part.images for part in parts], results),
        np.array([faces[text] for text in texts]),
        tuple(names),
        tuple(name for part in parts for name in part.names),
        np.concatenate(grouped) if len(grouped) == len(parts) else None,
        first.source,
    ), of


def _joined(parts: list[NDArray[Any]], results: Results) -> NDArray[Any]:
    """Return images of several parts, one behind the other: floats where some are."""
    kinds = {one.dtype for one in parts}
    dtype = parts[0].dtype if len(kinds) == 1 else np.dtype(np.float64)
    ends = np.cumsum([len(one) for one in parts]).tolist()

    def join(rows: slice) -> Arrays:
        found = []
        for end, one in zip(ends, parts, strict=True):
            some = one[max(0, rows.start - end + len(one)) : max(0, rows.stop - end + len(one))]
            found.append(some / 255 if some.dtype == np.uint8 and len(kinds) > 1 else some)
            let_go(one)
        return (np.concatenate(found),)

    return results.rows("images", ends[-1], [RowKind(dtype.type, parts[0].shape[1:])], join)[0]


def _blamed(
    parts: tuple[LabelledImages, ...], model: Any, client: Any, progress: Progress, results: Results
) -> tuple[Any, Blame | None]:
    """Return what answers, fitted on the training part, and whom its mistakes are blamed on."""
    train, asked = parts[0], parts[-1]
    if not isinstance(model, ImageClassifier | None):
        raise InputError(
            f"model is {model!r}: expected a classifier of lookalike's that compares with its examples, such "
            "as NearestImages()"
        )
    fitted, n = matching() if model is None else clone(model), len(train)
    most = max(_ASKED, _KEPT_BYTES // train.images[0].nbytes)
    kept = evenly(n, n if model is not None else most)
    if len(kept) < n:
        train = train.take(kept)
        asked = asked if len(parts) > 1 else train
    with unwarned(LabelWarning):
        fitted.fit(train.images, train.labels)
    own = getattr(fitted, "recogniser_", None)
    if own is None or not own.matcher.keeps_images:
        raise InputError(
            f"{type(fitted).__name__} keeps no training images, so none can be blamed: expected a model that "
            "compares with its examples, such as NearestImages or DeformableMatch"
        )
    if len(train) < 2:
        return own, None
    if client is not None and type(fitted) is NearestImages:
        from lookalike.cluster import spread_over

        own = spread_over(own, client)
    known = {str(label): code for code, label in enumerate(own.labels.classes.tolist())}
    codes = np.array([known.get(text, len(known)) for text in asked.labels.astype(np.str_).tolist()])
    most = _ASKED if model is None else None
    results = results.also_of(sorted(fitted.get_params(deep=False).items()), kept)
    with unwarned():
        how: dict[str, Any] = {"most": most, "progress": progress, "results": results}
        blame = find_blame(own, asked, codes, held_out=len(parts) > 1, **how)
    return own, blame.among(kept, n)


def _leaked(groups: tuple[Group, ...], of: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which images of the last part have a copy in the first."""
    leaked = np.zeros(len(of), np.bool_)
    for group in groups:
        inside = of[group.places] == of[-1]
        if of[0] != of[-1] and inside.any() and not inside.all():
            leaked[group.places[inside]] = True
    return leaked


def _leak_rows(
    parts: tuple[LabelledImages, ...],
    leaked: NDArray[np.bool_],
    blame: Blame | None,
    seed: int,
    progress: Progress,
) -> tuple[LeakRow, ...]:
    """Return what ideas are worth with and without images that are in both parts."""
    train, valid = parts
    clean = ~leaked[len(train) :]
    few = len(train) + len(valid) <= _FEW
    # Deformable matching is asked already, as the model that is blamed.
    ours = [one for one in IDEAS if one.by_default and not one.reference and one.name != "deformable"]
    ideas = ours if few else [idea(name) for name in _QUICK]
    models = {one.title: one.make() for one in ideas}
    if isinstance(train.images, np.memmap) and train.images.dtype == np.uint8 and not few:
        models[idea("nearest-l2").title].set_params(on_disk=True)
    found = []
    for one, row in zip(ideas, compare(train, valid, models, seed=seed, progress=progress).rows, strict=True):
        if row.evaluation is not None:
            right = np.ones(len(valid), np.bool_)
            right[row.evaluation.mistakes] = False
            found.append(_leak_row(one.name, one.title, right, clean))
    if blame is not None:
        found.append(_leak_row("model", blame.title, blame.right, clean[blame.asked]))
    return tuple(found)


def _leak_row(name: str, title: str, right: NDArray[np.bool_], clean: NDArray[np.bool_]) -> LeakRow:
    whole, rest = ((int(some.sum()), len(some)) for some in (right, right[clean]))
    return LeakRow(name, title, rate(*whole), rate(*rest))


def _of_groups(
    groups: tuple[Group, ...], images: LabelledImages, of: NDArray[np.str_], suspects: Suspects
) -> Iterator[Finding]:
    """Yield what copies say, of each image but the one that may stay as it is."""
    duplicates = []
    for group in groups:
        places = group.places.tolist()
        if group.contradicts:
            # Of labels that differ the least suspicious one is the likeliest.
            places.sort(key=lambda place: suspects.scores[place])
            label = images.labels[places[0]].item()
            for place in places[1:]:
                if images.labels[place] != label:
                    why = f"{group.kind} as an image of class {quoted(label)}"
                    others = [other for other in places[:6] if other != place]
                    yield Finding("contradiction", (place, *others), why, label=label)
            continue
        # Of copies in both parts the training part's go: those that are measured on stay the same.
        trained = [place for place in places if of[place] == of[0]]
        if 0 < len(trained) < len(places):
            others = [place for place in places if of[place] != of[0]]
            for place, kind, twin in _closest(group, trained, others):
                shown = dict.fromkeys((place, twin, *others))
                why = f"{kind} as an image of the {of[twin]} part"
                yield Finding("leak", (*shown,), why, _copy_action(kind))
            continue
        for place, kind, twin in _closest(group, places, places):
            if place != twin:
                duplicates.append(
                    Finding("duplicate", (place, twin), f"{kind} as another", _copy_action(kind))
                )
    # What is the same for certain is not to be looked for among what is nearly so.
    yield from sorted(duplicates, key=lambda one: one.action == "look")


def _closest(group: Group, places: list[int], others: list[int]) -> Iterator[tuple[int, str, int]]:
    """Yield places of a group, how alike each is to one of the others, and which: the first of its values."""
    values = dict(zip(group.places.tolist(), group.values.tolist(), strict=True))
    firsts = {values[other]: other for other in reversed(others)}
    for place in places:
        twin = firsts.get(values[place], place)
        alone = twin == place
        yield place, group.kind if alone else SAME, others[0] if alone else twin


def _copy_action(kind: str) -> str:
    """Return what is proposed for a copy: what is only nearly the same may be meant, and is looked at."""
    return "look" if kind == NEARLY else "drop"


def _of_labels(images: LabelledImages, near: Neighbours, suspects: Suspects) -> Iterator[Finding]:
    """Yield labels that are probably wrong, the most suspicious first."""
    names = {str(label): label for label in np.unique(images.labels).tolist()}
    classes = [names[text] for text in np.unique(images.labels.astype(np.str_)).tolist()]
    for place in suspects.ranked[: int((suspects.scores > -np.inf).sum())].tolist():
        if suspects.rate is None and suspects.scores[place] <= 0:
            return
        if suspects.rate is not None and suspects.wrong[place] < _LIKELY:
            return
        label = classes[suspects.rivals[place]]
        evidence = near.places[place][near.places[place] != NOWHERE][:_EVIDENCE]
        votes = int((images.labels[evidence] == label).sum())
        expected = float(suspects.expected[place])
        said = f"of this and all more suspicious labels {expected:.0%} are expected to be wrong"
        if suspects.rate is None:
            if votes < _EVIDENCE:
                continue
            said = "how many such labels are wrong is not known here"
        # Where the nearest agree on no class, the image is odd, and its label is anyone's guess.
        mended = suspects.wrong[place] >= _RELABELLED and 2 * votes > len(evidence)
        yield Finding(
            "label",
            (place, *evidence.tolist()),
            f"{votes} of the {len(evidence)} nearest images are of class {quoted(label)}; {said}",
            "relabel" if mended else "look",
            label,
            None if suspects.rate is None else expected,
        )


def _of_blame(blame: Blame | None, parts: tuple[LabelledImages, ...]) -> Iterator[Finding]:
    """Yield training images that mislead, the worst first."""
    if blame is None:
        return
    offset = len(parts[0]) if blame.held_out else 0
    for place in np.argsort(-blame.gained, kind="stable").tolist():
        if blame.gained[place] < _MISLEADS or blame.blame[place] <= blame.credit[place]:
            continue
        misled = (blame.wrongly(place)[:6] + offset).tolist()
        yield Finding(
            "blame",
            (place, *misled),
            f"answers that it decided: {blame.blame[place]} wrong, {blame.credit[place]} right; without it "
            f"{blame.gained[place]} more of {len(blame.asked):,} would be right",
        )


def _notes(
    images: LabelledImages, codes: NDArray[np.intp], suspects: Suspects, blame: Blame | None
) -> Iterator[str]:
    """Yield what could not be judged, and how much was asked."""
    alone = int((suspects.scores == -np.inf).sum())
    if len(np.unique(codes)) < 2:
        yield "All images are of one class: no label can be compared with another."
    elif alone:
        yield (
            f"{alone:,} of {len(images):,} labels could not be judged: their classes have no other image, "
            "copies and those of the same group left out."
        )
    if blame is not None and blame.kept < len(blame.gained):
        yield (
            f"Images that mislead were looked for among {blame.kept:,} of {len(blame.gained):,} training "
            "images, evenly spaced: a model of all is kept in memory."
        )
    if blame is not None and blame.removed.size:
        mended = (blame.before.n - blame.before.hits) - (blame.after.n - blame.after.hits)
        which = (
            "image that misleads" if blame.removed.size == 1 else f"{blame.removed.size} images that mislead"
        )
        yield (
            f"Without the {which} most, {mended} of "
            f"{blame.before.n - blame.before.hits} mistakes go ({blame.after.hits:,} of {blame.after.n:,} "
            "answers are right; they were really left out)."
        )
