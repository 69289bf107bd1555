"""What the tests of the search share: the definition by broadcasting in int64."""

import numpy as np


def sums(queries, images, metric):
    """Return the integer distance of each query to each image, by the definition."""
    apart = np.subtract(
        queries.reshape(len(queries), 1, -1).astype(np.int64),
        images.reshape(1, len(images), -1).astype(np.int64),
    )
    return np.abs(apart).sum(axis=2) if metric == "l1" else np.square(apart).sum(axis=2)


def nearest(queries, images, metric, k):
    """Return the k nearest by the definition: equal distances by the lowest position."""
    distances, positions = [], []
    for start in range(0, len(queries), 8):
        part = sums(queries[start : start + 8], images, metric)
        order = np.argsort(part, axis=1, kind="stable")[:, :k]
        distances.append(np.take_along_axis(part, order, axis=1))
        positions.append(order)
    return np.concatenate(distances), np.concatenate(positions)


def assert_exact(answer, queries, images, metric, k):
    """Hold an answer of ``ImageIndex.search`` against the definition."""
    distances, positions = answer
    assert distances.dtype == positions.dtype == np.int64
    wanted_distances, wanted_positions = nearest(queries, images, metric, k)
    np.testing.assert_array_equal(distances, wanted_distances)
    np.testing.assert_array_equal(positions, wanted_positions)
