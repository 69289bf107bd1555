import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike.picture.colours import LESS, MORE, UNLIKE, absolute_colours, signed_colours

differences = hnp.arrays(np.float64, (3, 4), elements=st.floats(-1, 1))


@given(differences)
def test_signed_maps_tell_the_sign_and_the_size(difference):
    colours = signed_colours(difference)
    seen = colours[..., 3] > 0
    np.testing.assert_allclose(colours[..., 3] / 255, np.abs(difference), atol=1 / 32)
    assert (colours[seen & (difference > 0)][:, :3] == MORE).all()
    assert (colours[seen & (difference < 0)][:, :3] == LESS).all()


@given(differences)
def test_swapping_the_images_swaps_the_colours_only(difference):
    one, other = signed_colours(difference), signed_colours(-difference)
    np.testing.assert_array_equal(one[..., 3], other[..., 3])


@given(differences)
def test_absolute_maps_do_not_tell_the_sign(difference):
    colours = absolute_colours(difference)
    np.testing.assert_array_equal(colours, absolute_colours(-difference))
    assert (colours[colours[..., 3] > 0][:, :3] == UNLIKE).all()


def test_no_difference_is_transparent():
    assert not signed_colours(np.zeros((2, 2))).any()
    assert not absolute_colours(np.zeros((2, 2))).any()


def test_channels_cancel_in_the_signed_map_but_not_in_the_absolute_one():
    difference = np.array([[[0.5, -0.5, 0.0]]])
    assert signed_colours(difference)[0, 0, 3] == 0
    assert absolute_colours(difference)[0, 0, 3] == pytest.approx(255 / 3, abs=4)
