"""What "auto" means for deformable matching: rules that look at the training images alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.models.deformable_aligned import SHORT_CLASSES, SHORT_LIST
from lookalike.models.deformable_index import Bytes, Comparison, DeformableIndex
from lookalike.models.kept import vote
from lookalike.prepare import Gray, Prepare, choose
from lookalike.progress import Progress, silent

#: Up to so many training images all are compared with, and above it so many candidates.
COMPARE_ALL, CANDIDATES = 1000, 100
#: Examples are few where the median class has fewer than so many, and many where it has at least so many.
FEW, MANY = 5, 50
#: Gradients of images with a shorter side than this mean little.
_LEAST_SIDE = 3
#: Images with a shorter side need no alignment, and with a longer one they take too long.
_ALIGNED_SIDES = 16, 32
#: In which part of photographs, from either border, what is there counts less: neighbours look in.
_WINDOW = 1 / 3
#: By how many pixels few drawings are blurred where they are compared as they are: strokes that are some
#: pixels apart then still have something in common. Those that are aligned lie upon each other, and are not.
_BLUR = 0.866
_VOTERS = 3
_SAMPLE = 1000


def is_photographs(images: Bytes, chain: Prepare | None) -> bool:
    """Return whether images are photographs, as :func:`lookalike.prepare.choose` decides it.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c), uint8
        Prepared images.
    chain : Prepare, optional
        What ``choose`` returned for the images as they were, where it was asked already.
    """
    if chain is None:
        places = np.unique(np.linspace(0, len(images) - 1, min(len(images), _SAMPLE)).astype(np.intp))
        chain = choose(images[places])
    return isinstance(chain.steps_[0], Gray)


def choose_comparison(images: Bytes, photographs: bool, codes: NDArray[np.intp]) -> tuple[Comparison, str]:
    """Return how images are compared, and why in a sentence.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c), uint8
        Prepared training images.
    photographs : bool
        Whether they are photographs; else they are drawings.
    codes : ndarray of shape (n,)
        Their classes, 0 to the number of classes - 1.
    """
    height, width = images.shape[1:3]
    longer = max(height, width)
    counts = np.bincount(codes)
    median = float(np.median(counts[counts > 0]))
    if min(height, width) < _LEAST_SIDE:
        warp, context = _warp((height, width), 3 / 28), int(longer >= _LEAST_SIDE)
        return Comparison("values", warp, context, False), (
            f"images of {height}x{width} have no gradients to speak of: values are compared"
        )
    if photographs:
        comparison = Comparison(
            "double-angle", _warp((height, width), 1 / 8), -(-longer // 8), True, window=_WINDOW
        )
        return comparison, (
            "photographs: double-angle gradients, a large context, both directions; what is near the border "
            "counts less"
        )
    if median < FEW:
        freedom, context, why = 3 / 28, 2 if longer >= 16 else 1, "few, so pixels may move far"
    else:
        freedom, context, why = 2 / 28, 1, "not few, so pixels need not move far"
    both = median < MANY
    soft = both and min(height, width) >= _ALIGNED_SIDES[0]
    aligned = (
        soft and longer <= _ALIGNED_SIDES[1] and images.ndim == 3 and (counts > 0).sum() <= SHORT_CLASSES
    )
    comparison = Comparison(
        "sobel", _warp((height, width), freedom), context, both, bool(aligned), _BLUR if soft else 0.0
    )
    directions = "both directions" if both else "one direction"
    before = f"; blurred by {_BLUR:.2g} px" if soft else ""
    after = (
        f"; the {SHORT_LIST} nearest are also aligned, not blurred; what is near to other classes counts as "
        "farther"
        if aligned
        else ""
    )
    return comparison, f"drawings, {median:g} of a typical class: {why}; {directions}{before}{after}"


def choose_voters(
    index: DeformableIndex, codes: NDArray[np.intp], candidates: int, progress: Progress = silent
) -> tuple[int, str]:
    """Return how many of the nearest images vote, and why in a sentence.

    Parameters
    ----------
    index : DeformableIndex
        The training images.
    codes : ndarray of shape (n,)
        Their classes.
    candidates : int
        How many images each is compared with.
    """
    counts = np.bincount(codes)
    median = float(np.median(counts[counts > 0]))
    if median < MANY:
        return 1, f"{median:g} images of a typical class: too few for a vote, the nearest decides"
    sample = np.unique(np.linspace(0, len(codes) - 1, min(len(codes), _SAMPLE)).astype(np.intp))
    found = index.nearest(index.images[sample], _VOTERS + 1, candidates, progress=progress)[1]
    others = codes[_without(found, sample)]
    single = int((others[:, 0] != codes[sample]).sum())
    voted = int((vote(others, np.ones(others.shape)) != codes[sample]).sum())
    figures = (
        f"of {len(sample):,} images left out {voted:,} are wrong by a vote of {_VOTERS}, {single:,} by 1"
    )
    return (_VOTERS, figures) if voted <= single else (1, figures)


def _warp(shape: tuple[int, int], share: float) -> tuple[int, int]:
    """Return how far pixels may move: a share of each side, rounded up; not at all where a side is short."""
    down, across = (int(np.ceil(side * share - 1e-9)) if side >= _LEAST_SIDE else 0 for side in shape)
    return down, across


def _without(found: NDArray[np.int64], places: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return all but one neighbour of each image: itself, or the last where it is not among them."""
    itself = found == places[:, None]
    itself[:, -1] |= ~itself.any(axis=1)
    rest: NDArray[np.int64] = found[~itself].reshape(len(found), -1)
    return rest
