"""One model of several: what each knows of its part of the images, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import spans_together
from lookalike.errors import InputError
from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.shard import Shard
from lookalike.search.together import joined
from lookalike.state import to_plain

#: What is said of a part that does not go with the first, by what they differ in.
_DIFFERENCES = (
    "it is of another idea, or its parameters differ; fit all with the same ones",
    "it knows other classes; fit all with the same, for example by partial_fit(..., classes=...)",
    "its images are of another shape or of other numbers; bring all to one shape and one kind first",
    "it prepares images otherwise; fit all with one and the same preparation, or as shards of one whole",
    "it is a shard of other images; fit all shards from the same ones",
)


def merged(parts: Sequence[Recogniser], names: Sequence[str]) -> Recogniser:
    """Return one recogniser of several, each of its part of the images.

    Shards of one whole come together by their rows, whatever order they are given in: what comes out is what
    one fit on these rows gives, exactly where sums are of bytes. Without shards the images of a part come
    behind those of the parts before it.

    Raises
    ------
    InputError
        They differ in classes, images, preparation or idea; one is given twice, or some are shards and some
        are not; or the idea cannot be merged. It says which, by its name.
    """
    first = parts[0]
    matcher: Any = first.matcher
    check_mergeable(matcher)
    shards = [part.shard for part in parts if part.shard is not None]
    if shards and len(shards) < len(parts):
        odd = next(name for part, name in zip(parts, names, strict=True) if part.shard is None)
        raise InputError(f"{odd} is no shard, or has learned or forgotten since: expected shards alone")
    for part, name in zip(parts[1:], names[1:], strict=True):
        for difference, own, others in zip(_DIFFERENCES, _compared(part), _compared(first), strict=True):
            if own != others:
                raise InputError(f"{name} does not go with {names[0]}: {difference}")
    whole = first.copied()
    whole.shard = Shard.joined(shards, names)
    if not shards:
        for part in parts[1:]:
            _look_together(whole, part)
    order = None if first.ids is None else _numbered(whole, parts, bool(shards))
    whole.matcher = matcher.joined([part.matcher for part in parts[1:]], order)
    for part in parts[1:]:
        if whole.reservoir is not None and part.reservoir is not None:
            whole.reservoir = whole.reservoir.joined(part.reservoir)
    whole.begin(first.origin if shards else None)
    return whole


def check_mergeable(matcher: Any) -> None:
    """Refuse what needs all images at once."""
    if matcher.fixed or not hasattr(matcher, "joined"):
        why = matcher.fixed or "it decides by all images together how they are compared"
        raise InputError(
            f"{matcher.title}: parts cannot be merged, for {why}; fit it on all images, or take nearest or "
            "mean images"
        )


def _compared(part: Recogniser) -> tuple[Any, ...]:
    """Return what must be equal, in the order of ``_DIFFERENCES``."""
    some = part.matcher.kept(np.zeros(1, np.intp))
    kind = None if some is None else (some.shape, some.dtype)
    data = part.origin.data if part.shard is not None and part.origin is not None else None
    of_images = part.image_shape, part.n_features, part.feature_names, part.reading, part.sizes
    return (
        (type(part.matcher), getattr(part.matcher, "metric", None), to_plain(part.vote).facts),
        (part.labels.classes.tolist(), part.labels.taught),
        (of_images, kind, to_plain(part.matcher).facts),
        (None if part.prepare is None else part.prepare.to_json(), part.as_bytes),
        data,
    )


def _look_together(whole: Recogniser, part: Recogniser) -> None:
    """Have the whole know what a part's images look like too."""
    if whole.look is not None and part.look is not None:
        whole.look = whole.look.plus(part.look)
    if whole.roughest is not None and part.roughest is not None:
        whole.roughest = np.maximum(whole.roughest, part.roughest)
    if whole.row_spans is not None and part.row_spans is not None:
        whole.row_spans = spans_together(whole.row_spans, part.row_spans)


def _numbered(whole: Recogniser, parts: Sequence[Recogniser], shards: bool) -> NDArray[np.intp]:
    """Give the images of all parts their numbers, and return their order by these."""
    behind, ids, kin, n = 0, np.empty(0, np.int64), None, 0
    for part in parts:
        assert part.ids is not None, "parts are of one idea, and the first one keeps images"
        ids = np.concatenate([ids, part.ids + (0 if shards else behind)])
        kin = joined(kin, n, part.kin, len(part.ids))
        behind, n = behind + part.next_id, len(ids)
    order = np.argsort(ids)
    whole.ids, whole.kin = ids[order], None if kin is None else kin[order]
    whole.next_id = parts[0].next_id if shards else behind
    return order
