import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookalike.data.readers.pixels import checked_size, resized, resized_batch
from lookalike.errors import InputError


@given(arrays(np.uint8, st.sampled_from([(4, 6), (4, 6, 3), (4, 6, 2), (4, 6, 4)])))
def test_shrinking_by_whole_numbers_weighs_every_pixel(image):
    """Pillow's triangle of support 2: weights 1 3 3 1 inside, fewer at the border."""

    def weights(length):
        rows = np.zeros((length // 2, length))
        for place in range(length // 2):
            distance = np.abs(np.arange(length) + 0.5 - (2 * place + 1))
            rows[place] = np.clip(1 - distance / 2, 0, None)
        return rows / rows.sum(axis=1, keepdims=True)

    expected = np.einsum("ab,bc...,dc->ad...", weights(4), image.astype(float), weights(6))
    result = resized(image, (2, 3))
    assert result.dtype == np.uint8
    # Pillow rounds after each of its two passes.
    assert np.abs(result - expected).max() <= 1.01


@given(
    st.integers(0, 255), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.sampled_from([(), (3,), (2,)])
)
def test_a_constant_image_stays_so(value, size, channels):
    image = np.full((5, 7, *channels), value, np.uint8)
    np.testing.assert_array_equal(resized(image, size), np.full((*size, *channels), value))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_floats_in_their_range(dtype):
    images = np.random.default_rng(0).random((5, 6, 6)).astype(dtype)
    images[0], images[1] = 0, 1
    result = resized_batch(images, (4, 9))
    assert result.dtype == dtype
    assert result.shape == (5, 4, 9)
    assert result.min() >= 0
    assert result.max() <= 1
    np.testing.assert_allclose(result[:2], [np.zeros((4, 9)), np.ones((4, 9))])
    bytes_result = resized_batch(np.rint(images * 255).astype(np.uint8), (4, 9))
    assert np.abs(result * 255 - bytes_result).max() < 2.1


def test_the_same_size_is_the_same_array():
    images = np.zeros((2, 3, 4), np.uint8)
    assert resized_batch(images, (3, 4)) is images
    assert resized(images[0], (3, 4)).base is images


def test_progress_is_told():
    told = []
    resized_batch(np.zeros((1001, 2, 2), np.uint8), (1, 1), lambda *what: told.append(what))
    assert told == [("resizing images", done, 1001) for done in (0, 1000, 1001)]


@pytest.mark.parametrize(
    ("size", "expected"), [(None, None), (28, (28, 28)), ((3, 4), (3, 4)), ([np.int64(3), 4.0], (3, 4))]
)
def test_sizes(size, expected):
    assert checked_size(size) == expected


@pytest.mark.parametrize(
    "size",
    [0, -1, (0, 3), (3, 4, 5), (3,), "28", 2.5, (2.5, 3), True, (10**5, 10**5), float("nan"), float("inf")],
)
def test_no_sizes(size):
    with pytest.raises(InputError, match=r"size is .*: expected"):
        checked_size(size)
