import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from effort import examples
from lookalike.distance.deformation.definition import displacements, match
from lookalike.distance.deformation.matching import displacement_field
from lookalike.distance.deformation.planes import sobel


def pixel_by_pixel(query, reference, warp, context):
    """Return distance and field by loops over pixels, displacements and context, as the paper has them."""
    planes, height, width = query.shape

    def value(image, plane, y, x):
        return int(image[plane, y, x]) if 0 <= y < height and 0 <= x < width else 0

    total, field = 0, np.zeros((height, width, 2), int)
    for y, x in itertools.product(range(height), range(width)):
        best = None
        for dy, dx in displacements(warp):
            cost = sum(
                (value(query, p, y + v, x + u) - value(reference, p, y + dy + v, x + dx + u)) ** 2
                for p in range(planes)
                for v in range(-context, context + 1)
                for u in range(-context, context + 1)
            )
            if best is None or cost < best:
                best = cost
                field[y, x] = dy, dx
        total += best
    return total, field


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    warp=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    context=st.integers(0, 2),
    seed=st.integers(0, 1000),
)
def test_match_is_what_the_loops_say(shape, warp, context, seed):
    query, reference = np.random.default_rng(seed).integers(-3, 4, (2, *shape))
    found = match(query, reference, warp=warp, context=context)
    total, field = pixel_by_pixel(query, reference, warp, context)
    assert found.distance == total
    np.testing.assert_array_equal(found.field, field)


def test_shortest_displacements_come_first():
    steps = displacements((1, 2))
    assert steps[:5] == ((0, 0), (-1, 0), (0, -1), (0, 1), (1, 0))
    assert len(set(steps)) == 15
    lengths = [y * y + x * x for y, x in steps]
    assert lengths == sorted(lengths)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 7), (3, 9, 4)])
def test_sobel_is_scipys(shape):
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    gradients = sobel(images)
    for axis in (0, 1):
        expected = [ndimage.sobel(image.astype(int), axis=axis, mode="nearest") for image in images]
        np.testing.assert_array_equal(gradients[:, axis], expected)


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)),
    warp=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    context=st.integers(0, 4),
    largest=st.sampled_from([1, 63, 40_000]),
)
def test_the_field_by_running_sums_is_the_definition_number_for_number(seed, shape, warp, context, largest):
    rng = np.random.default_rng(seed)
    query, reference = rng.integers(-largest, largest + 1, (2, *shape))
    wanted = match(query, reference, warp=warp, context=context)
    found = displacement_field(query, reference, warp=warp, context=context)
    assert found.distance == wanted.distance
    assert found.field.dtype == wanted.field.dtype
    np.testing.assert_array_equal(found.field, wanted.field)
    np.testing.assert_array_equal(found.costs, wanted.costs)
