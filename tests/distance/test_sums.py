import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from effort import examples
from lookalike.distance.kernels.sums import class_sums, prototype_sums

CDIST = {"l1": "cityblock", "l2": "sqeuclidean"}


@st.composite
def rows_and_codes(draw):
    rows = draw(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30)))
    codes = draw(hnp.arrays(np.int32, len(rows), elements=st.integers(0, 4)))
    return rows, codes


@examples(50)
@given(rows_and_codes())
def test_class_sums(job):
    rows, codes = job
    wanted = np.zeros((6, rows.shape[1]), np.int64)
    np.add.at(wanted, codes, rows)
    for same in (rows, np.asfortranarray(rows), rows[::-1].copy()[::-1]):
        got = class_sums(same, codes, 6)
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, wanted)


def test_class_sums_of_many_rows():
    rows = np.broadcast_to(np.uint8(255), (20_000, 3))
    assert class_sums(rows, np.arange(20_000) % 2, 2).tolist() == [[2_550_000] * 3] * 2


@pytest.mark.parametrize("codes", [[0, 2], [-1, 0]])
def test_class_sums_refuse_codes_that_are_no_class(codes):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        class_sums(np.zeros((2, 3), np.uint8), np.array(codes), 2)


@examples(50)
@given(data=st.data(), metric=st.sampled_from(["l1", "l2"]), threads=st.integers(1, 3))
def test_prototype_sums(data, metric, threads):
    rows = data.draw(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)))
    shape = (data.draw(st.integers(1, 11)), rows.shape[1])
    prototypes = data.draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 255)))
    got = prototype_sums(rows, prototypes, metric == "l2", threads=threads)
    np.testing.assert_allclose(
        got, cdist(rows.astype(float), prototypes, CDIST[metric]), rtol=1e-9, atol=1e-9
    )


def test_a_sum_does_not_depend_on_its_place(metric):
    rng = np.random.default_rng(0)
    rows, prototypes = rng.integers(0, 256, (3000, 785), np.uint8), rng.uniform(0, 255, (10, 785))
    whole = prototype_sums(rows, prototypes, metric == "l2")
    np.testing.assert_allclose(whole, cdist(rows.astype(float), prototypes, CDIST[metric]), rtol=1e-9)
    assert np.array_equal(
        prototype_sums(rows[::-1], prototypes[::-1], metric == "l2", threads=1)[::-1, ::-1], whole
    )
    assert np.array_equal(
        prototype_sums(rows[1234:1235], prototypes[3:4], metric == "l2"), whole[1234:1235, 3:4]
    )
    assert np.array_equal(prototype_sums(np.asfortranarray(rows), prototypes, metric == "l2"), whole)


def test_equal_images_are_exactly_nothing_apart(metric):
    rows = np.random.default_rng(1).integers(0, 256, (4, 99), np.uint8)
    assert (np.diag(prototype_sums(rows, rows.astype(float), metric == "l2")) == 0).all()
