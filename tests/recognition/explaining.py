"""What explains: a maker for each idea that compares pixels, and images for it."""

import numpy as np

import lookalike

MAKERS = {
    "mean-l1": lambda: lookalike.MeanImage(),
    "mean-l2": lambda: lookalike.MeanImage("l2"),
    "median-l1": lambda: lookalike.MeanImage(average="median"),
    "median-l2": lambda: lookalike.MeanImage("l2", average="median"),
    "nearest-l1": lambda: lookalike.NearestImages(),
    "nearest-l2": lambda: lookalike.NearestImages(3, metric="l2"),
    "nearest-weighted": lambda: lookalike.NearestImages(3, weights="distance"),
    "deformable": lambda: lookalike.DeformableMatch(),
    "deformable-raw": lambda: lookalike.DeformableMatch(None, warp=1, context=1, n_neighbors=3),
}


def drawn(seed, shape, kind, n=9):
    """Return random images of three classes, or rows of numbers, and their labels."""
    rng = np.random.default_rng(seed)
    if kind == "rows":
        images = rng.normal(3, 5, (n, int(np.prod(shape))))
    elif kind == "bytes":
        images = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    else:
        images = rng.uniform(0, 1, (n, *shape))
    return images, np.arange(n) % 3
