import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from preparing import gray_batches
from scipy.ndimage import gaussian_filter

from lookalike.prepare import Blur, Resize


@pytest.mark.parametrize("sigma", [0.5, 1, 2.3])
def test_blur_is_a_sum_of_gaussian_weights(sigma, edge_images):
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(edge_images.astype(float), [(0, 0), (radius, radius), (radius, radius)], mode="edge")
    h, w = edge_images.shape[1:]
    expected = sum(
        a * b * padded[:, i : i + h, j : j + w] for i, a in enumerate(weights) for j, b in enumerate(weights)
    )
    np.testing.assert_allclose(Blur(sigma).transform(edge_images), expected, atol=0.5 + 1e-9)


@given(gray_batches, st.floats(0.01, 6))
def test_blur_is_scipys_byte_for_byte(images, sigma):
    expected = gaussian_filter(images.astype(float), sigma, mode="nearest", axes=(1, 2))
    np.testing.assert_array_equal(Blur(sigma).transform(images), np.rint(expected.clip(0, 255)))


@given(st.integers(0, 255), st.floats(1e-300, 3))
def test_an_even_image_is_not_changed_by_blur(level, sigma):
    even = np.full((1, 4, 5), level, np.uint8)
    np.testing.assert_array_equal(Blur(sigma).transform(even), even)


@given(gray_batches, st.integers(1, 12), st.integers(1, 12))
def test_resize_is_pillows_triangle_filter(images, height, width):
    found = Resize(height, width).transform(images)
    assert found.shape == (len(images), height, width)
    for image, resized in zip(images, found, strict=True):
        pillows = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(resized, np.asarray(pillows))


@given(gray_batches)
def test_resize_to_the_same_size_changes_nothing(images):
    np.testing.assert_array_equal(Resize(*images.shape[1:]).transform(images), images)
