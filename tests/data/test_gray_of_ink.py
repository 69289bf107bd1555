import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.data.ink import border, darkness, paper

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))


@given(IMAGES)
def test_the_border_is_every_outermost_pixel_once(images):
    mask = np.ones(images.shape[1:], bool)
    mask[1:-1, 1:-1] = False
    for image, around in zip(images, border(images), strict=True):
        assert sorted(around.tolist()) == sorted(image[mask].tolist())


@given(IMAGES)
def test_darkness_is_what_it_says(images):
    mask = np.ones(images.shape[1:], bool)
    mask[1:-1, 1:-1] = False
    for image, sign in zip(images, darkness(images), strict=True):
        rest = image[~mask].astype(float)
        difference = np.median(image[mask]) * len(rest) - rest.sum()
        assert sign == np.sign(difference)


@given(IMAGES)
def test_an_inverted_image_is_the_opposite(images):
    np.testing.assert_array_equal(darkness(255 - images), -darkness(images))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_images_are_neither(value):
    images = np.full((2, 5, 4), value, np.uint8)
    assert darkness(images).tolist() == [0, 0]
    assert paper(images).tolist() == [value, value]
