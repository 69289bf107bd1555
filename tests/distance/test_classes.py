"""The nearest of each class within reach, in the same search, against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from lookalike import InputError
from lookalike.distance.kernels import FARTHEST
from lookalike.distance.search import ImageIndex

from .exact import sums


def of_classes(distances, codes, n_classes, factor):
    """Return the nearest of each class, where it is within reach of the nearest of all, by brute force."""
    smallest = np.full((len(distances), n_classes), FARTHEST)
    places = np.full(smallest.shape, -1)
    for query, row in enumerate(distances):
        for code in range(n_classes):
            own = np.flatnonzero(codes == code)
            if own.size and row[own].min() <= row.min() * factor:
                place = own[np.argmin(row[own])]
                smallest[query, code], places[query, code] = row[place], place
    return smallest, places


def check(images, queries, metric, k, codes, n_classes, reach, threads=None):
    """Hold ``search_classes`` against brute force, and against ``search``."""
    distances = sums(queries, images, metric)
    index = ImageIndex(images, metric)
    found = index.search_classes(queries, k, codes, n_classes, reach, threads=threads)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found[1], order)
    np.testing.assert_array_equal(found[0], np.take_along_axis(distances, order, axis=1))
    wanted = of_classes(distances, codes, n_classes, reach if metric == "l1" else reach**2)
    np.testing.assert_array_equal(found[2], wanted[0])
    np.testing.assert_array_equal(found[3], wanted[1])
    for ours, theirs in zip(found, index.search(queries, k), strict=False):
        np.testing.assert_array_equal(ours, theirs)


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    metric=st.sampled_from(["l1", "l2"]),
    n=st.sampled_from([2, 30, 1100]),
    reach=st.sampled_from([1, 1.1, 1.5, 40.0]),
    n_classes=st.integers(1, 12),
)
def test_any_images(seed, metric, n, reach, n_classes):
    rng = np.random.default_rng(seed)
    few = rng.choice([2, 256])  # few values tie
    images = rng.integers(0, few, (n, 12, 11), np.uint8)
    queries = np.concatenate([images[rng.integers(0, n, 4)], rng.integers(0, few, (3, 12, 11), np.uint8)])
    k = int(rng.integers(1, min(n, 8) + 1))
    codes = rng.integers(0, n_classes, n)
    check(images, queries, metric, k, codes, n_classes, reach, threads=int(rng.integers(1, 4)))


@pytest.mark.parametrize(("k", "reach"), [(1, 1.1), (5, 1.3), (3, 1)])
def test_smooth_images(smooth, metric, simd, k, reach):
    codes = np.argsort(np.argsort(smooth[:3900].mean(axis=(1, 2)))) * 10 // 3900
    check(smooth[:3900], smooth[3900:], metric, k, codes, 11, reach)


def test_real_mnist(mnist, metric):
    images, queries = mnist
    check(images, queries, metric, 1, images.reshape(len(images), -1).argmax(axis=1) % 10, 10, 1.1)


def test_noise_falls_back(metric):
    rng = np.random.default_rng(0)
    images, queries = (rng.integers(0, 256, (count, 12, 12), np.uint8) for count in (9000, 5))
    check(images, queries, metric, 2, rng.integers(0, 7, 9000), 7, 1.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": [0, 1]}, r"codes are int64 of shape \(2,\): expected integers \(3,\)"),
        ({"codes": [0.0, 1, 1]}, "codes are float64"),
        ({"codes": [0, 1, 2]}, "codes run from 0 to 2: expected 0 to 1"),
        ({"reach": 0.9}, "reach is 0.9: expected a finite number of at least 1"),
        ({"reach": np.inf}, "reach is inf"),
        ({"reach": "1"}, "reach is '1'"),
    ],
)
def test_refusals(change, message):
    images = np.zeros((3, 4, 5), np.uint8)
    options = {"queries": images, "k": 1, "codes": [0, 1, 1], "n_classes": 2, "reach": 1.1}
    with pytest.raises(InputError, match=message):
        ImageIndex(images).search_classes(**{**options, **change})
