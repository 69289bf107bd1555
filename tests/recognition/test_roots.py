"""Roots, held against SciPy's to the last bit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from lookalike.recognition.roots import root_between

CURVES = {
    "sigmoid": lambda at, steep: lambda x: math.tanh(steep * (x - at)),
    "cubic": lambda at, steep: lambda x: (x - at) ** 3 + steep * (x - at),
    "exponential": lambda at, steep: lambda x: math.exp(min(steep * x, 500)) - math.exp(min(steep * at, 500)),
    "step": lambda at, steep: lambda x: 1.0 if x > at else -steep,
}


@given(
    st.sampled_from(sorted(CURVES)),
    st.floats(-8, 8),
    st.floats(0.01, 40),
    st.sampled_from([1e-9, 1e-3, 1e-12]),
)
def test_roots_are_those_of_scipy(name, at, steep, tolerance):
    curve = CURVES[name](at, steep)
    if (curve(-9) < 0) == (curve(9) < 0):
        return
    assert root_between(curve, -9.0, 9.0, tolerance) == brentq(curve, -9.0, 9.0, xtol=tolerance)


def test_ends_that_are_roots_are_found_and_equal_signs_refused():
    assert root_between(lambda x: x, 0.0, 1.0, 1e-9) == 0.0
    assert root_between(lambda x: x - 1, 0.0, 1.0, 1e-9) == 1.0
    with pytest.raises(ValueError, match="same sign at both ends"):
        root_between(lambda x: x + 1, 0.0, 1.0, 1e-9)
