"""The displacement field by running sums, against the definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from effort import examples
from lookalike.distance.deform_definition import match
from lookalike.distance.deform_field import match_by_sums


@examples(40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)),
    warp=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    context=st.integers(0, 4),
    largest=st.sampled_from([1, 63, 40_000]),
)
def test_it_is_the_definition_number_for_number(seed, shape, warp, context, largest):
    rng = np.random.default_rng(seed)
    query, reference = rng.integers(-largest, largest + 1, (2, *shape))
    wanted = match(query, reference, warp=warp, context=context)
    found = match_by_sums(query, reference, warp=warp, context=context)
    assert found.distance == wanted.distance
    assert found.field.dtype == wanted.field.dtype
    np.testing.assert_array_equal(found.field, wanted.field)
    np.testing.assert_array_equal(found.costs, wanted.costs)
