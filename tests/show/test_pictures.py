"""Images to look at: PNG, colours of differences, and numbers that add up."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lookalike.errors import InputError
from lookalike.show.columns import adding_up
from lookalike.show.images import (
    LESS,
    MORE,
    UNLIKE,
    absolute_colours,
    as_bytes,
    data_uri,
    png_bytes,
    shown_size,
    shrunk,
    signed_colours,
)

image_shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 4)),
)
images = hnp.arrays(np.uint8, image_shapes)


@given(images)
def test_a_png_holds_exactly_the_image(image):
    with Image.open(io.BytesIO(png_bytes(image)), formats=("PNG",)) as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), image)


@given(images)
def test_equal_images_have_equal_files_without_metadata(image):
    written = png_bytes(image.copy(order="F"))
    assert written == png_bytes(image)
    assert not set(_chunks(written)) - {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def _chunks(data):
    place = 8
    while place < len(data):
        yield data[place + 4 : place + 8]
        place += 12 + int.from_bytes(data[place : place + 4], "big")


def test_floats_are_rounded_to_bytes():
    assert as_bytes(np.array([[0.0, 0.3, 1.0]])).tolist() == [[0, 76, 255]]
    assert as_bytes(np.array([[0.1234567]])).dtype == np.uint8


@pytest.mark.parametrize(
    "bad", [np.full((2, 2), 1.5), np.full((2, 2), np.nan), np.zeros((2, 2, 5), np.uint8)]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(InputError, match=r"images (hold|have)"):
        png_bytes(bad)


def test_a_data_uri_is_the_file_in_base64():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    head, body = data_uri(image).split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body, validate=True) == png_bytes(image)


@given(images, st.integers(1, 9))
def test_shrunk_images_fit_and_average(image, edge):
    small = shrunk(image, edge)
    assert max(small.shape[:2]) <= edge
    assert small.shape[2:] == image.shape[2:]
    factor = -(-max(image.shape[:2]) // edge)
    expected = np.rint(image[:factor, :factor].astype(float).mean(axis=(0, 1)))
    np.testing.assert_array_equal(small[0, 0], expected)
    rest = image[(small.shape[0] - 1) * factor :, (small.shape[1] - 1) * factor :]
    np.testing.assert_array_equal(small[-1, -1], np.rint(rest.astype(float).mean(axis=(0, 1))))


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_shown_sizes_keep_pixels_square_or_fit(height, width, edge):
    shown = shown_size(height, width, edge)
    if max(height, width) <= edge:
        factor = shown[0] // height
        assert shown == (height * factor, width * factor)
        assert factor >= 1
    else:
        assert max(shown) == edge
        assert min(shown) >= 1


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


@given(
    values=st.lists(st.floats(-1000, 1000), min_size=1, max_size=5),
    off=st.floats(-0.49e-4, 0.49e-4),
)
def test_rounded_numbers_add_up_and_stay_near(values, off):
    total = round(sum(values) + off, 4)
    found = adding_up(values, total)
    if abs(total - sum(values)) < 0.99e-4:
        assert round(sum(found), 4) == total
    assert all(abs(one - value) <= 1.01e-4 for one, value in zip(found, values, strict=True))
