import time
import tracemalloc
from unittest import mock

import numpy as np
import pytest
from deep import bmp_with_opacity, deep_png
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from making import bomb_png, encoded, gray
from PIL import Image

from lookalike.data.pixels import Reading, Seen, checked_size, decode_image, resized, resized_batch
from lookalike.errors import DataError, InputError, LookalikeError

KINDS = ("PNG", "JPEG", "BMP", "WEBP")


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9)), st.sampled_from(["PNG", "BMP"]))
def test_gray_comes_back_to_the_byte(pixels, kind):
    np.testing.assert_array_equal(decode_image(encoded(pixels, kind), "x"), pixels)


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    st.sampled_from([("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})]),
)
def test_colour_comes_back_to_the_byte(pixels, how):
    kind, options = how
    np.testing.assert_array_equal(decode_image(encoded(pixels, kind, **options), "x"), pixels)


@pytest.mark.parametrize("kind", KINDS)
def test_format_is_told_by_content_not_by_name(kind):
    image = decode_image(encoded(np.full((5, 4, 3), 200), kind), "picture.txt")
    assert image.shape == (5, 4, 3)
    assert image.dtype == np.uint8
    assert abs(image.astype(int) - 200).max() <= 2


def test_jpeg_gray_stays_gray():
    assert decode_image(encoded(np.full((8, 8), 90), "JPEG"), "x").shape == (8, 8)


def test_one_bit_is_black_and_white():
    picture = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    np.testing.assert_array_equal(decode_image(encoded(picture), "x"), [[0, 255], [255, 0]])


def test_sixteen_bits_are_rounded_to_eight():
    values = np.array([[0, 128, 129, 257, 65406, 65407, 65535]], np.uint16)
    expected = np.rint(values / 257)
    np.testing.assert_array_equal(decode_image(encoded(Image.fromarray(values)), "x"), expected)


@pytest.mark.parametrize("bits", range(8, 17))
def test_so_many_bits_are_rounded_to_eight(bits):
    white = 2**bits - 1
    values = np.array([np.linspace(0, white, 99).astype(np.uint16)])
    found = decode_image(encoded(Image.fromarray(values)), "x", Reading(bits=bits))
    np.testing.assert_array_equal(found, np.floor(values / white * 255 + 0.5))
    seen = Seen()
    decode_image(encoded(Image.fromarray(values)), "x", Reading(), seen)
    assert seen.reading() == Reading(bits)
    brighter = Image.fromarray(np.minimum(values.astype(int) * 2, 65535).astype(np.uint16))
    assert decode_image(encoded(brighter), "x", Reading(bits=bits)).max() == 255


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_colours_and_opacity_of_16_bits_are_read_as_gray_of_16_bits_is(channels, bits):
    white = 2**bits - 1
    values = np.random.default_rng(bits).integers(0, white + 1, (7, 9, channels))
    values[0, 0] = white
    if channels != 3:
        values[..., -1] = 65535
    seen = Seen()
    data = deep_png(values)
    decode_image(data, "x", Reading(), seen)
    assert (seen.reading(), seen.transparent) == (Reading(bits), 0)
    wanted = np.floor(values / white * 255 + 0.5)
    found = decode_image(data, "x", Reading(bits))
    np.testing.assert_array_equal(found, wanted[..., 0] if channels == 2 else wanted[..., :3])


def test_opacity_of_16_bits_is_laid_on_the_ground():
    values = np.zeros((1, 3, 4), int)
    values[0, :, 3] = 0, 32768, 65535
    assert decode_image(deep_png(values), "x", Reading(10, 255))[0, :, 0].tolist() == [255, 127, 0]
    assert decode_image(deep_png(values[..., 2:]), "x", Reading(10, 255)).tolist() == [[255, 127, 0]]
    # One colour of 16 bits stands for nothing, and no other.
    colours = np.array([[[1000, 2, 3], [1001, 2, 3]]])
    nothing = b"tRNS", np.array([1000, 2, 3], ">u2").tobytes()
    assert decode_image(deep_png(colours, nothing), "x")[0, :, 0].tolist() == [255, 4]


def test_a_bmp_that_is_transparent_everywhere_is_not():
    rgba = np.random.default_rng(0).integers(0, 256, (5, 6, 4), np.uint8)
    rgba[..., 3] = 0
    np.testing.assert_array_equal(decode_image(bmp_with_opacity(rgba), "x"), rgba[..., :3])
    rgba[2:, :, 3] = 255
    found = decode_image(bmp_with_opacity(rgba), "x")
    assert (found[:2] == 255).all()
    np.testing.assert_array_equal(found[2:], rgba[2:, :, :3])


def laid(colour, shape, ground):
    """Return a drawing in one colour on a ground, and its PNG on nothing."""
    rgba = np.concatenate([np.broadcast_to(np.uint8(colour), (*shape.shape, 3)), shape[..., None]], axis=2)
    blend = np.array(colour) * (shape[..., None] / 255) + ground * (1 - shape[..., None] / 255)
    return np.floor(blend + 0.5 - 1e-9), encoded(rgba)


@pytest.mark.parametrize(
    ("colours", "ground"),
    [
        ([(0, 0, 0)], 255),
        ([(255, 255, 255)], 0),
        ([(250, 250, 240), (180, 180, 180)], 0),  # the second can be seen on white as well
        ([(255, 255, 0)], 0),  # yellow on white is hardly there
        ([(0, 0, 0), (255, 255, 255)], 128),
        ([(200, 0, 0), (0, 0, 200)], 255),
    ],
)
def test_transparency_is_laid_where_drawings_are_seen(colours, ground):
    shape = np.pad(np.full((3, 2), 255, np.uint8), 1)
    shape[1, 1] = 100
    seen = Seen()
    for colour in colours:
        decode_image(laid(colour, shape, 255)[1], "x", seen=seen)
    decode_image(encoded(np.full((3, 3, 4), 255, np.uint8)), "x", seen=seen)  # it hides nothing
    assert (seen.reading(), seen.transparent) == (Reading(ground=ground), len(colours))
    for colour in colours:
        expected, data = laid(colour, shape, ground)
        found = decode_image(data, "x", seen.reading())
        np.testing.assert_array_equal(found, expected)
        assert np.ptp(found) > 100


def test_gray_palette_is_gray_and_colour_palette_is_colour():
    grays = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    grays.putpalette([10, 10, 10, 240, 240, 240])
    np.testing.assert_array_equal(decode_image(encoded(grays), "x"), [[10, 240], [240, 10]])
    colours = grays.copy()
    colours.putpalette([10, 20, 30, 240, 240, 240])
    np.testing.assert_array_equal(decode_image(encoded(colours), "x")[0], [[10, 20, 30], [240, 240, 240]])


@given(arrays(np.uint8, (3, 4, 4)))
def test_transparency_is_laid_on_white(rgba):
    alpha = rgba[..., 3:] / 255
    expected = np.floor(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5 - 1e-9)
    np.testing.assert_array_equal(decode_image(encoded(rgba), "x"), expected)


def test_black_ink_on_nothing_is_black_on_white():
    grays = np.zeros((2, 2, 2), np.uint8)
    grays[0, 0, 1] = 255
    picture = Image.fromarray(grays, "LA")
    np.testing.assert_array_equal(decode_image(encoded(picture), "x"), [[0, 255], [255, 255]])


def test_transparent_colour_of_a_palette_is_white():
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    picture.putpalette([0, 0, 0, 9, 9, 9])
    np.testing.assert_array_equal(decode_image(encoded(picture, transparency=0), "x"), [[255, 9]])
    picture.putpalette([0, 0, 0, 9, 8, 7])
    np.testing.assert_array_equal(
        decode_image(encoded(picture, transparency=0), "x"), [[[255] * 3, [9, 8, 7]]]
    )
    np.testing.assert_array_equal(
        decode_image(encoded(picture, transparency=bytes([0, 255])), "x")[0, 1], [9, 8, 7]
    )


def test_orientation_of_the_camera_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode_image(encoded(gray(shape=(16, 8)), "JPEG", exif=exif), "x")
    assert turned.shape == (8, 16)


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_of_the_pixels_is_refused(kind):
    whole = encoded(gray(3, (40, 40)), kind)
    for length in range(0, len(whole) - 24, max(1, len(whole) // 50)):
        with pytest.raises(DataError, match=r"'cut\.x' is (not an image|truncated or damaged)"):
            decode_image(whole[:length], "cut.x")


def test_text_that_is_called_png_is_refused():
    with pytest.raises(
        DataError, match=r"note\.png' is not an image: expected PNG, JPEG, BMP, WEBP, PGM, PPM, TIFF or GIF"
    ):
        decode_image(b"no picture", "note.png")


def test_a_huge_header_is_refused_at_once():
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(
        DataError, match="is 50000 x 50000 pixels: more than 33,554,432, refused before decoding"
    ):
        decode_image(bomb_png(50_000, 50_000), "bomb.png")
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("side", [9_500, 20_000, 2**31 - 1])
def test_no_size_gets_past_the_limit_or_warns(side):
    # Pillow warns from 89 million pixels and raises from 179 million; ours is first.
    with pytest.raises(DataError, match=r"bomb\.png' is"):
        decode_image(bomb_png(side, side), "bomb.png")


def test_a_huge_webp_canvas_is_refused_before_it_is_made():
    whole = bytearray(encoded(np.zeros((4, 4, 3)), "WEBP", lossless=True))
    assert whole[12:16] == b"VP8L"
    whole[21:25] = (0x3FFF | 0x3FFF << 14).to_bytes(4, "little")
    with pytest.raises(DataError, match="is 16384 x 16384 pixels"):
        decode_image(bytes(whole), "x.webp")


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_webp_headers_are_read_right(size, lossless, monkeypatch):
    whole = encoded(np.zeros((*size, 3)), "WEBP", lossless=lossless)
    assert decode_image(whole, "x").shape == (*size, 3)
    monkeypatch.setattr("lookalike.data.pixels.MAX_PIXELS", size[0] * size[1] - 1)
    with pytest.raises(DataError, match=rf"is {size[1]} x {size[0]} pixels"):
        decode_image(whole, "x")


def test_animation_is_refused():
    frames = [Image.fromarray(gray(seed, (4, 4))) for seed in range(3)]
    moving = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="is animated: expected a still image"):
        decode_image(moving, "x")


def test_other_formats_are_not_reached():
    for kind in ("ICO", "JPEG2000", "TGA", "PCX"):
        with pytest.raises(DataError, match="is not an image"):
            decode_image(encoded(gray(shape=(16, 16)), kind), "x.png")


def test_a_hostile_name_cannot_write_to_the_terminal():
    with pytest.raises(DataError) as caught:
        decode_image(b"", "\x1b[31m\n" + "x" * 5000)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


SEEDS = [encoded(gray(5, (12, 12)), kind) for kind in KINDS] + [
    encoded(Image.fromarray(gray(5, (6, 6, 4)), "RGBA")),
    encoded(gray(5, (6, 6)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"),
]


@given(st.sampled_from(SEEDS), st.data())
def test_mutated_bytes_are_decoded_or_refused(whole, data):
    mutated = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        mutated[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(mutated)))
    try:
        with mock.patch("lookalike.data.pixels.MAX_PIXELS", 10_000):
            image = decode_image(bytes(mutated[: cut or None]), "x")
    except LookalikeError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 2 or image.shape[2] == 3


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
