import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lookalike.errors import InputError
from lookalike.images import any_twice, as_images, describe, to_unit, unit_of

byte_batches = arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=5))
colour_batches = arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3, st.integers(2, 4)))


@given(byte_batches | colour_batches)
def test_bytes_are_returned_as_they_are(images):
    assert as_images(images) is images


@given(byte_batches | colour_batches, st.sampled_from([np.float32, np.float64]))
def test_bytes_survive_the_way_over_floats(images, dtype):
    floats = to_unit(images, dtype)
    assert floats.dtype == dtype
    back = as_images(floats)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, images)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_byte_is_known_in_each_precision(dtype):
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(as_images(every.astype(dtype) / dtype(255)), every)


@given(
    arrays(np.float64, (2, 3, 3), elements=st.floats(0, 1)),
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 2)),
)
def test_one_other_value_keeps_all_floats(images, place):
    images = np.rint(images * 255) / 255
    images[place] = 0.3
    result = as_images(images)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, images)


@given(byte_batches)
def test_layout_does_not_matter(images):
    for other in (np.asfortranarray(images), images[..., None], images[:, ::-1][:, ::-1]):
        result = as_images(other)
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, images)


def test_a_single_channel_is_dropped_without_a_copy():
    images = np.zeros((2, 3, 4, 1), np.uint8)
    result = as_images(images)
    assert result.shape == (2, 3, 4)
    assert np.shares_memory(result, images)


def test_bool_is_no_ink_and_full_ink():
    result = as_images(np.array([[[True, False]]]))
    assert result.dtype == np.uint8
    assert result.tolist() == [[[255, 0]]]
    assert as_images(np.array([[[True, False]]]), value_range=(0, 2)).tolist() == [[[0.5, 0]]]


def test_as_units_bytes_are_divided_and_floats_are_kept():
    for dtype in (np.float32, np.float64):
        assert to_unit(np.array([[[0, 51, 255]]], np.uint8), dtype).tolist() == [[[0, dtype(0.2), 1]]]
        found = to_unit(np.array([[[0.5, 1]]]), dtype)
        assert (found.dtype, found.tolist()) == (dtype, [[[0.5, 1]]])


@given(arrays(np.int64, (1, 4, 4), elements=st.integers(0, 16)))
def test_a_stated_range_is_mapped_linearly(images):
    result = as_images(images, value_range=(0, 16))
    np.testing.assert_allclose(result / (255 if result.dtype == np.uint8 else 1), images / 16, atol=1e-15)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64]
)
def test_a_stated_range_of_any_dtype(dtype):
    images = np.array([[[0, 51, 102]]], dtype)
    assert as_images(images, value_range=(0, 102)).tolist() == [[[0, 0.5, 1]]]
    if dtype is not np.int8:
        assert as_images(images, value_range=(0, 255)).tolist() == [[[0, 51, 102]]]


def test_bytes_in_another_order_of_memory_or_bytes():
    images = np.linspace(0, 1, 12).reshape(1, 3, 4)
    result = as_images(images.astype(">f8"))
    assert result.dtype == np.dtype("=f8")
    np.testing.assert_array_equal(result, images)


def test_half_precision_is_widened():
    result = as_images(np.full((1, 2, 2), 0.3, np.float16))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.float32(np.float16(0.3)))


def test_floats_that_are_bytes_take_little_memory():
    floats = np.full((200, 100, 100), 0.2)
    tracemalloc.start()
    as_images(floats)
    # Half a float's bytes would be 8 MB: the result has 2, finding NaN takes another 2.
    assert tracemalloc.get_traced_memory()[1] < 6e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            np.zeros((3, 4), np.uint8),
            r"shape \(3, 4\): expected an image batch .* one image alone is images\[None\]",
        ),
        (np.zeros(3, np.uint8), r"shape \(3,\): .* not 1 axes"),
        (np.zeros((1, 1, 1, 1, 1)), r"not 5 axes"),
        (np.uint8(3), r"not 0 axes"),
        (np.zeros((2, 3, 28, 28)), r"channels come last: use images\.transpose\(0, 2, 3, 1\)"),
        (np.zeros((2, 28, 28, 7)), r"with 1 to 4 channels"),
        (np.zeros((0, 28, 28)), r"at least one image of at least one pixel"),
        (np.zeros((3, 0, 28)), r"at least one image of at least one pixel"),
        (
            np.zeros((1, 2, 2), np.int32),
            r"images are int32: expected uint8 \(0-255\) or floats in 0-1; say what",
        ),
        (np.zeros((1, 2, 2), complex), r"dtype complex128: expected uint8"),
        (np.zeros((1, 2, 2), object), r"dtype object: expected uint8"),
        (np.array([[["a"]]]), r"dtype <U1: expected uint8"),
        (np.full((1, 2, 2), np.nan), r"images hold nan at \(0, 0, 0\): expected finite values"),
        (np.array([[[0.0, np.inf]]]), r"images hold inf at \(0, 0, 1\)"),
        (
            np.array([[[0.0, 255.0]]]),
            r"images hold 255: .* by lookalike.images.as_images\(images, value_range=\(0, 255\)\)",
        ),
        (np.array([[[-0.5, 0.5]]]), r"images hold -0\.5: .* undo the normalisation"),
        ([np.zeros((2, 2)), np.zeros((3, 3))], r"images are of mixed sizes: .* \(resize them first\)"),
    ],
)
def test_the_rest_is_refused_with_what_was_wrong(images, message):
    with pytest.raises(InputError, match=message):
        as_images(images)


@pytest.mark.parametrize(
    ("value_range", "message"),
    [
        ((1, 0), r"value_range is \(1, 0\): expected \(low, high\), finite, low below high"),
        ((0, np.inf), r"finite"),
        ((np.nan, 1), r"finite"),
        ((0, 3), r"images hold 4: outside the stated value_range \(0, 3\)"),
        ((1, 4), r"images hold 0: outside the stated value_range \(1, 4\)"),
    ],
)
def test_ranges_are_checked(value_range, message):
    with pytest.raises(InputError, match=message):
        as_images(np.array([[[0, 4]]]), value_range=value_range)


@given(arrays(np.float64, array_shapes(min_dims=0, max_dims=4, max_side=3)) | arrays(np.int64, (2, 2, 2)))
def test_whatever_comes_is_converted_or_refused(images):
    try:
        result = as_images(images)
    except InputError:
        return
    assert result.dtype == np.uint8 or (0 <= result.min() <= result.max() <= 1)


def test_description():
    assert describe(np.array([[0.5, 2]])) == "rank 2, shape (1, 2), float64, values 0.5 to 2"
    assert describe(np.zeros(0)) == "rank 1, shape (0,), float64, no values"


@pytest.mark.parametrize(
    ("shape", "dtype", "unit"),
    [
        ((2, 3, 4), "uint8", 255),
        ((2, 3, 4, 3), "uint8", 255),
        ((2, 12), "uint8", 1),
        ((2, 3, 4), "float32", 1),
    ],
)
def test_the_value_that_stands_for_full_ink(shape, dtype, unit):
    assert unit_of(np.zeros(shape, dtype)) == unit


@given(st.data(), st.sampled_from([(3, 5), (6, 8), (4, 4, 3)]), st.booleans())
def test_an_image_that_is_there_twice_is_found(data, shape, as_floats):
    # Few values, and images that are equal but for one pixel: the middle alone does not tell.
    images = data.draw(arrays(np.uint8, (6, *shape), elements=st.integers(0, 1), fill=st.just(0)))
    if data.draw(st.booleans()):
        images[3] = images[1]
    given_images = images / 7 if as_floats else images
    expected = len(np.unique(images.reshape(6, -1), axis=0)) < 6
    assert any_twice(given_images) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1 + 1e-9, "1.000000001"),
        (1 + 2**-52, "1.0000000000000002"),
        (-1e-12, "-1e-12"),
        (np.float32(1.0000001), "1.0000001"),
    ],
)
def test_a_value_that_rounding_left_outside_is_shown_with_all_its_digits(value, shown):
    with pytest.raises(InputError) as error:
        as_images(np.full((1, 2, 2), value))
    said = f"images hold {shown}: expected uint8, or floats in 0-1; "
    assert str(error.value) == said + "cut off what rounding left: images.clip(0, 1)"
    assert as_images(np.full((1, 2, 2), value).clip(0, 1)).max() in (0, 255)


def test_what_is_advised_is_there():
    images = np.full((1, 2, 2), 200)
    with pytest.raises(InputError) as error:
        as_images(images)
    import lookalike

    advised = str(error.value).rpartition("for example by ")[2]
    assert eval(advised, {"lookalike": lookalike, "images": images}).max() == 200  # noqa: S307
