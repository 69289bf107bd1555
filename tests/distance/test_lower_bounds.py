import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from lookalike.distance.kernels.scan import _limit
from lookalike.distance.lower_bounds import BlockSums, PrincipalAxes, _boxes

from .exact import sums


def apart(queries, rows, metric):
    """Return what the kernels compare with their limits: distances of what is reduced, in whole units."""
    difference = queries[:, None].astype(np.int64) - rows[None].astype(np.int64)
    return np.abs(difference).sum(axis=2) if metric == "l1" else np.sqrt(np.square(difference).sum(axis=2))


def check(bounds, queries, rows, metric):
    """Hold the bounds against the definition; return how much of the distance the fine bound is."""
    of_rows, of_queries = bounds.of_rows(rows), bounds.of_queries(queries)
    full = sums(queries, rows, metric).astype(float)
    full = full if metric == "l1" else np.sqrt(full)
    shares = []
    for level, kind in enumerate(("coarse", "fine")):
        slack = of_queries.slack[:, level, None] + of_rows.slack[None, :, level]
        bound = (apart(getattr(of_queries, kind), getattr(of_rows, kind), metric) - slack) * bounds.units[
            level
        ]
        assert (bound <= full).all()
        shares.append(bound.sum() / max(full.sum(), 1))
    return shares


def make(rows, shape, metric):
    return BlockSums(rows, shape) if metric == "l1" else PrincipalAxes(rows)


@examples(60)
@given(
    data=st.data(),
    metric=st.sampled_from(["l1", "l2"]),
    shape=st.sampled_from([(12, 11, 1), (1, 130, 1), (7, 7, 3)]),
    few=st.booleans(),
)
def test_never_above_the_distance(data, metric, shape, few):
    """Even for images that are unlike those that the bounds were chosen by."""
    values = st.sampled_from([0, 1, 128, 255]) if few else st.integers(0, 255)
    features = int(np.prod(shape))
    chosen_by, rows, queries = (
        data.draw(hnp.arrays(np.uint8, (count, features), elements=values, fill=values))
        for count in (70, 12, 5)
    )
    check(make(chosen_by, shape, metric), np.concatenate([queries, rows[:2]]), rows, metric)


def test_close_to_the_distance_where_images_are_smooth(smooth, metric):
    rows = smooth.reshape(len(smooth), -1)
    shares = check(make(rows, (16, 16, 1), metric), rows[:20], rows[20:220], metric)
    assert shares[0] > 0.6
    assert shares[1] > 0.8
    assert shares[1] > shares[0]


@pytest.mark.parametrize("value", [0, 255])
def test_chosen_by_images_that_are_all_equal(value, metric):
    rows = np.full((70, 200), value, np.uint8)
    others = np.random.default_rng(0).integers(0, 256, (10, 200), np.uint8)
    check(make(rows, (10, 20, 1), metric), others, np.concatenate([rows[:3], others]), metric)


@pytest.mark.parametrize(("kind", "boxes"), [("coarse", 31), ("fine", 127)])
def test_sums_that_are_all_rounding_are_not_beyond_the_limit(kind, boxes):
    """Where one image is rounded up and the other down, the bound is met to the last bit of a division."""
    bounds = BlockSums(np.full((70, boxes * 7), 255, np.uint8), (1, boxes, 7))
    rng, n = np.random.default_rng(0), 2000
    # A box is seven pixels, a unit is 7: what each box has above whole units is rounded down and up.
    above = rng.permuted(rng.integers([[[0]], [[4]]], [[[4]], [[8]]], (2, n, boxes)), axis=0)
    pixels = rng.integers(0, 255, (n, boxes, 1)) + (np.arange(7) < above[..., None])
    queries, rows = pixels.reshape(2, n, -1).astype(np.uint8)
    asked, held = bounds.of_queries(queries), bounds.of_rows(rows)
    apart = np.abs(getattr(asked, kind).astype(np.int64) - getattr(held, kind)).sum(axis=1)
    distances = np.abs(above[0] - above[1]).sum(axis=1)
    pairs = zip(distances, asked.slack[:, int(kind == "fine")], strict=True)
    room = np.array([int(_limit(distance, 7.0, slack, False)) for distance, slack in pairs]) - apart
    assert set(room.tolist()) == {0, 1}


def test_coordinates_along_one_axis_are_as_far_apart_as_the_images():
    """There the bound is the distance, but for rounding, for which it must leave room to the last bit."""
    rows = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 100, axis=1)
    bounds = PrincipalAxes(rows)
    assert min(check(bounds, rows, rows, "l2")) > 0.98
    made, full = bounds.of_rows(rows), sums(rows, rows, "l2")
    for first, second in np.ndindex(full[:9].shape):
        slack = made.slack[first, 1] + made.slack[second, 1]
        apart = np.square(made.fine[first].astype(np.int64) - made.fine[second]).sum()
        assert apart <= int(_limit(full[first, second], bounds.units[1], slack, True))


def test_no_number_is_moved_by_more_than_half_a_unit(smooth, metric):
    rows = smooth.reshape(len(smooth), -1)
    bounds = make(rows[:1000], (16, 16, 1), metric)
    moved = bounds.of_queries(rows).slack - (256 if metric == "l1" else 0)
    most = [31 / 2, 127 / 2] if metric == "l1" else np.sqrt([32, 64]) / 2
    assert (moved <= np.array(most) + 0.01).all()


@pytest.mark.parametrize(
    ("shape", "most"), [((16, 16, 1), 4), ((1, 256, 1), 4), ((8, 8, 4), 4), ((5, 5, 1), 1)], ids=str
)
def test_boxes_are_halves_of_halves_and_lie_in_coarse_ones(shape, most):
    boxes, parents = _boxes(np.ones(shape), 31, 127)
    sizes = np.bincount(boxes, minlength=127)
    assert sizes.max() == most
    assert sizes.astype(bool).tolist() == [place < min(127, np.prod(shape)) for place in range(127)]
    held = sizes @ parents
    assert parents.sum() == np.count_nonzero(sizes)
    assert held.max() <= 2 * held[held > 0].min()
