"""The table of metrics, and what every row of it can do: sums, distances, and a search of floats."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from effort import examples
from lookalike import LearnedPrototypes, MeanImage
from lookalike.distance.floats import FloatIndex, prototype_sums
from lookalike.distance.metrics import METRICS, Metric, checked_metric
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError

CDIST = {"l1": "cityblock", "l2": "sqeuclidean"}


def chebyshev(images, references):
    """Return the largest difference of each pair: a distance that is no sum."""
    rows, others = (
        (part / 255 if part.dtype == np.uint8 else part).reshape(len(part), -1)
        for part in (images, references)
    )
    return np.abs(rows[:, None] - others).max(axis=2)


#: A row with nothing but a definition, and one whose distance is a sum but has no kernels.
ADDED = {
    "chebyshev": Metric("chebyshev", "largest difference", chebyshev),
    "ink": Metric(
        "ink",
        "share of pixels of other ink",
        lambda a, b: ((a[:, None] > 0.5) != (b > 0.5)).mean(axis=tuple(range(2, a.ndim + 1))),
        costs=lambda difference: (np.abs(difference) > 0.5).astype(np.float64),
    ),
}


@pytest.fixture(params=ADDED)
def added(request, monkeypatch):
    """A metric that is one row more in the table."""
    monkeypatch.setitem(METRICS, request.param, ADDED[request.param])
    return request.param


def test_rows_agree_with_their_definition(metric):
    row, rng = METRICS[metric], np.random.default_rng(0)
    images, references = rng.integers(0, 256, (5, 4, 3), np.uint8), rng.integers(0, 256, (7, 4, 3), np.uint8)
    sums = row.sums(images.reshape(5, -1), references.reshape(7, -1).astype(float))
    np.testing.assert_allclose(row.per_value(sums, 12, 255), row.definition(images, references), rtol=1e-12)
    np.testing.assert_allclose(row.summed(row.per_value(sums, 12, 255), 12, 255), sums, rtol=1e-12)
    whole = row.kernels.device  # the same sums on a device
    torch = pytest.importorskip("torch")
    tensors = (torch.tensor(part.reshape(len(part), -1)) for part in (images, references))
    np.testing.assert_array_equal(whole(*tensors), sums)


def test_the_average_has_the_least_costs(metric):
    row = METRICS[metric]
    rows = np.random.default_rng(1).integers(0, 256, (9, 20), np.uint8)
    centre = row.average(rows)
    least = row.sums(rows, centre[None]).sum()
    for step in (-0.5, 0.5):
        assert (row.sums(rows, centre[None] + step).sum(axis=0) > least).all()
    np.testing.assert_array_equal(centre, np.median(rows, axis=0) if metric == "l1" else rows.mean(axis=0))


@examples(40)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 12), st.integers(1, 900)),
    metric=st.sampled_from(["l1", "l2"]),
    seed=st.integers(0, 999),
)
def test_sums_are_scipys_and_do_not_depend_on_the_batch(shape, metric, seed):
    rng, (n, m, d) = np.random.default_rng(seed), shape
    rows, prototypes = rng.integers(0, 256, (n, d), np.uint8), rng.uniform(0, 255, (m, d))
    sums = prototype_sums(rows, prototypes, metric, compiled=False)
    np.testing.assert_allclose(sums, cdist(rows.astype(float), prototypes, CDIST[metric]), rtol=1e-12)
    one, other = rng.integers(n), rng.integers(m)
    alone = prototype_sums(rows[one : one + 1], prototypes[other : other + 1], metric, compiled=False)
    assert alone[0, 0] == sums[one, other]
    for few in (rows[one:], np.asfortranarray(rows)[one:]):
        np.testing.assert_array_equal(prototype_sums(few, prototypes, metric, compiled=False), sums[one:])


def nearest_by(distances, k):
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (9, 784), (6, 5000)], ids=str)
def test_floats_are_found_by_the_sums_of_scipy(shape, metric, monkeypatch):
    monkeypatch.setattr("lookalike.distance.floats._ROWS", 5)
    rng = np.random.default_rng(2)
    rows, queries = rng.normal(size=shape), rng.normal(size=(4, shape[1]))
    rows = np.concatenate([rows, rows[::-1]])  # each twice: the first is found first
    rows.flags.writeable = False
    wanted = nearest_by(cdist(queries, rows, CDIST[metric]), len(rows))
    sums, positions = FloatIndex(rows, metric).search(queries, len(rows))
    np.testing.assert_array_equal(positions, wanted[1])
    np.testing.assert_allclose(sums, wanted[0], rtol=1e-14)


def test_equal_floats_come_by_position_across_chunks(metric):
    rng = np.random.default_rng(5)
    rows = rng.choice([0.0, 0.5], (9000, 3))  # eight different ones, more than two chunks of them
    wanted = nearest_by(cdist(rows[:6], rows, CDIST[metric]), 2000)
    np.testing.assert_array_equal(FloatIndex(rows, metric).search(rows[:6], 2000)[1], wanted[1])


def test_a_row_that_is_added_is_searched_by(added):
    row, rng = METRICS[added], np.random.default_rng(3)
    images = rng.choice([0, 90, 255], (50, 4, 3)).astype(np.uint8)
    queries = images[10:14] ^ 1
    wanted = nearest_by(row.definition(queries / 255, images / 255), 50)
    rows, asked = (part.reshape(len(part), -1) / 255 for part in (images, queries))
    sums, positions = FloatIndex(rows, added).search(asked, 50)
    np.testing.assert_array_equal(positions, wanted[1])
    np.testing.assert_allclose(row.per_value(sums, 12), wanted[0], rtol=1e-12)
    found = row.per_value(prototype_sums(asked, rows, added, compiled=True), 12)
    np.testing.assert_allclose(found, row.definition(queries / 255, images / 255), rtol=1e-12)
    with pytest.raises(InputError, match=f"metric is '{added}', which has no kernels"):
        ImageIndex(images, added)


def test_a_definition_takes_bytes_as_they_are(monkeypatch):
    monkeypatch.setitem(METRICS, "chebyshev", ADDED["chebyshev"])
    rows = np.random.default_rng(4).integers(0, 256, (30, 12), np.uint8)
    found = FloatIndex(rows, "chebyshev").search(rows[3:5], 2)
    np.testing.assert_array_equal(found[1][:, 0], [3, 4])
    np.testing.assert_allclose(found[0], nearest_by(chebyshev(rows[3:5], rows), 2)[0])


def test_an_unknown_metric_is_refused_by_the_names_there_are(monkeypatch):
    for wrong in ("cosine", None, 1, ["l1"]):
        with pytest.raises(InputError, match=r"metric is .*: expected 'l1' or 'l2'"):
            checked_metric(wrong)
    monkeypatch.setitem(METRICS, "chebyshev", ADDED["chebyshev"])
    with pytest.raises(InputError, match="expected 'l1' or 'l2' or 'chebyshev'"):
        checked_metric("cosine")


def test_bytes_and_floats_are_searched_without_scipy():
    program = """
import sys
sys.modules["scipy"] = None
import numpy as np
from lookalike.distance.deformation.matching import nearest
from lookalike.distance.deformation.planes import double_angle_planes
from lookalike.distance.floats import FloatIndex
from lookalike.distance.metrics import METRICS
from lookalike.distance.floats import prototype_sums
images = np.arange(100, dtype=np.uint8).reshape(4, 5, 5)
for metric in METRICS:
    prototype_sums(images.reshape(4, 25), np.ones((2, 25)), metric, compiled=False)
    FloatIndex(images.reshape(4, 25) / 255, metric).search(np.ones((1, 25)), 2)
planes = double_angle_planes(images)
nearest(planes, planes, None, 1, warp=1, context=1)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_few_bytes_meet_prototypes_without_numba():
    program = """
import sys
import numpy as np
from lookalike.distance.floats import prototype_sums
prototype_sums(np.ones((1, 9), np.uint8), np.ones((2, 9)), "l1", compiled=False)
heavy = {"numba", "scipy", "torch"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def _few():
    return np.random.default_rng(5).integers(0, 256, (12, 5, 4), np.uint8), np.arange(12) % 3


def test_an_average_is_as_far_as_the_definition_says(monkeypatch):
    monkeypatch.setitem(METRICS, "chebyshev", ADDED["chebyshev"])
    images, labels = _few()
    model = MeanImage(metric="chebyshev").fit(images, labels)
    means = np.stack([images[labels == label].mean(axis=0) / 255 for label in model.classes_])
    np.testing.assert_allclose(model.class_distances(images), chebyshev(images / 255, means), rtol=1e-9)


def test_prototypes_are_learned_by_metrics_with_gradients(added):
    with pytest.raises(InputError, match=r"metric is .*: expected 'l1' or 'l2'"):
        LearnedPrototypes(metric=added).fit(*_few())
