from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from preparing import gray_batches

from lookalike.prepare import Gray, NormaliseContrast, Polarity

colours = hnp.arrays(np.uint8, (2, 3, 4, 3))


@given(colours)
def test_gray_is_luma_exactly_rounded(images):
    parts = (Fraction(299, 1000), Fraction(587, 1000), Fraction(114, 1000))
    expected = [
        int(sum(part * int(v) for part, v in zip(parts, pixel, strict=True)) + Fraction(1, 2))
        for pixel in images.reshape(-1, 3)
    ]
    np.testing.assert_array_equal(Gray().transform(images).ravel(), expected)


@given(colours)
def test_gray_is_pillows_to_its_own_rounding(images):
    pillows = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    difference = Gray().transform(images).astype(int) - pillows
    assert abs(difference).max() <= 1


def test_opacity_is_laid_on_white():
    pixels = np.array([[[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 128]]]], np.uint8)
    np.testing.assert_array_equal(Gray().transform(pixels)[0, 0], [255, 0, 165])
    np.testing.assert_array_equal(Gray().transform(pixels[..., [0, 3]])[0, 0], [255, 0, 255])


@given(gray_batches)
def test_a_negative_has_the_other_polarity(images):
    step, other = Polarity().fit(images), Polarity().fit(255 - images)
    assume(step.inverted_ != other.inverted_)
    np.testing.assert_array_equal(step.transform(images), other.transform(255 - images))


@pytest.mark.parametrize("dark", [False, True])
def test_polarity_of_real_digits(dark, digits):
    images = 255 - digits.train.images if dark else digits.train.images
    step = Polarity().fit(images)
    assert step.inverted_ is dark
    assert step.describe() == ("ink is dark: inverted" if dark else "ink is light: kept")
    np.testing.assert_array_equal(step.transform(images), digits.train.images)


def votes(*images):
    return Polarity().fit(np.array(images, np.uint8)).inverted_


def test_polarity_is_the_vote_of_the_images():
    light = np.pad(np.full((2, 2), 9), 1)
    dark = np.pad(np.full((2, 2), 3), 1, constant_values=9)
    even = np.full((4, 4), 5)
    assert votes(dark, dark, light)
    assert not votes(dark, light, light)
    assert not votes(dark, light)
    assert votes(dark, even, even)
    assert not votes(even)


def test_polarity_without_a_middle_is_light():
    assert not votes([[255, 0], [255, 255]])
    assert not Polarity().fit(np.full((1, 1, 1), 255, np.uint8)).inverted_


def test_polarity_takes_colour_by_its_luma():
    images = np.full((1, 3, 3, 3), 255, np.uint8)
    images[0, 1, 1] = [0, 0, 255]
    assert Polarity().fit(images).inverted_


@given(gray_batches)
def test_contrast_is_its_formula(images):
    found = NormaliseContrast().transform(images)
    for image, stretched in zip(images, found, strict=True):
        values = np.sort(image.ravel().astype(float))
        k = (len(values) - 1) // 50
        low, high = values[k], values[len(values) - 1 - k]
        expected = (image - (low + high) / 2) * 255 / max(high - low, 32) + 127.5
        np.testing.assert_allclose(stretched, expected.clip(0, 255), atol=0.5 + 1e-9)


@given(gray_batches)
def test_contrast_twice_is_contrast_once(images):
    once = NormaliseContrast().transform(images)
    ranked = np.sort(images.reshape(len(images), -1), axis=1).astype(int)
    k = (ranked.shape[1] - 1) // 50
    assume((ranked[:, -1 - k] - ranked[:, k] >= 32).all())
    np.testing.assert_array_equal(NormaliseContrast().transform(once), once)


@given(gray_batches)
def test_contrast_of_a_negative_is_the_negative(images):
    found = NormaliseContrast().transform(images).astype(int)
    other = 255 - NormaliseContrast().transform(255 - images).astype(int)
    # Halves are rounded to even: in a negative they go the other way.
    assert abs(found - other).max() <= 1


@given(gray_batches, st.integers(1, 60))
def test_contrast_forgets_brightness(images, offset):
    darker = images // 2
    np.testing.assert_array_equal(
        NormaliseContrast().transform(darker), NormaliseContrast().transform(darker + np.uint8(offset))
    )


@pytest.mark.parametrize(("pixels", "outside"), [(50, 0), (51, 1), (100, 1), (101, 2)])
def test_a_fiftieth_lies_outside(pixels, outside):
    image = np.arange(100, 100 + pixels, dtype=np.uint8).reshape(1, 1, -1)
    stretched = NormaliseContrast().transform(image)
    assert (stretched == 0).sum() == (stretched == 255).sum() == 1 + outside


def test_reflections_do_not_darken_the_rest():
    image = np.tile(np.array([100, 120], np.uint8), 50).reshape(1, 10, 10)
    image[0, 0, 0] = 255
    stretched = NormaliseContrast().transform(image)
    assert stretched[0, 0, 0] == 255
    assert np.ptp(stretched[0, 1:]) == 159
