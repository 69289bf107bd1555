"""Models of every idea, on images of every kind, and what is asked of them."""

import numpy as np

from drawings import told_of
from lookalike import ClusterImages, DeformableMatch, InkCoverage, MeanImage, NearestImages, Prepare
from lookalike.prepare import Blur, Polarity

IDEAS = {
    "coverage": InkCoverage,
    "mean-l1": MeanImage,
    "mean-l2": lambda: MeanImage("l2"),
    "median-l1": lambda: MeanImage(average="median"),
    "clusters-l1": lambda: ClusterImages(2, metric="l1"),
    "median-l2": lambda: MeanImage("l2", average="median"),
    "nearest-l1": NearestImages,
    "nearest-weighted": lambda: NearestImages(3, metric="l2", weights="distance"),
    "deformable": DeformableMatch,
    "deformable-few": lambda: DeformableMatch(Prepare([Polarity(), Blur(0.5)]), (1, 2), 1, 3, 4),
}
KEEPING = ("nearest-l1", "nearest-weighted", "deformable", "deformable-few")
TEACHABLE = tuple(name for name in IDEAS if name not in ("median-l1", "median-l2", "clusters-l1"))


def images(shape=(7, 6), n=30, seed=3):
    """Return images of bytes: noise around as many drawings as there are classes, and blank ones."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 60, (n, *shape), dtype=np.uint8)
    for place in range(n):
        made[place, place % 3 + 1] += 150
    made[0], made[1] = 0, 255
    return made


BATCHES = {
    "bytes": lambda: images(),
    "colour": lambda: images((6, 5, 3)),
    "floats": lambda: images() / 300,
    "float32": lambda: (images() / 300).astype(np.float32),
    "one-pixel": lambda: images((5, 1))[:, 2:3],
    "table": lambda: images().reshape(30, -1) / 7 - 3,
    "table-of-bytes": lambda: images().reshape(30, -1),
    "table-of-integers": lambda: images().reshape(30, -1).astype(np.int16) - 99,
}
LABELS = {
    "int64": lambda: np.arange(30) % 3 * 4,
    "int8": lambda: (np.arange(30) % 3 - 1).astype(np.int8),
    "uint64": lambda: np.arange(30).astype(np.uint64) % 3 + 2**63,
    "big-endian": lambda: (np.arange(30) % 3).astype(">i4"),
    "texts": lambda: np.array(["a", "ë\n", "horse"])[np.arange(30) % 3],
    "wide-texts": lambda: np.array(["a", "b", "c"], "<U20")[np.arange(30) % 3],
    "objects": lambda: np.array(["a", "b", "see"], object)[np.arange(30) % 3],
    "bool": lambda: np.arange(30) % 3 == 0,
    "float": lambda: np.arange(30) % 3 * 2.0,
}


def made(name, batch):
    """Return a model that is not fitted, which knows that rows are images of one row."""
    return told_of(IDEAS[name](), batch)


def answers(model, batch):
    """Return all that a model says of images."""
    said = {"labels": model.predict(batch), "classes": model.classes_}
    if hasattr(model, "kneighbors"):
        said["distances"], said["places"] = model.kneighbors(batch, min(3, len(model.ids_)))
        said["ids"], said["kept labels"] = model.ids_, model.labels_
    else:
        said["distances"] = model.class_distances(batch)
        said["counts"] = model.class_counts_
    if hasattr(model, "prepared"):
        said["prepared"] = model.prepared(batch)
    return said


def assert_same(first, second):
    """Hold two models' answers against each other, to the bit and the dtype."""
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype, name
        np.testing.assert_array_equal(value, second[name], err_msg=name, strict=True)
