import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage, signal

from lookalike import InputError
from lookalike.distance.deformation.planes import (
    as_planes,
    double_angle_planes,
    sobel,
    sobel_planes,
    window_weights,
)


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 20), st.integers(1, 20)),
    gap=st.integers(0, 20),
    more=st.integers(0, 30),
)
def test_values_come_back_from_any_layout(shape, gap, more):
    values = np.random.default_rng(0).integers(-63, 64, shape)
    planes = as_planes(values, gap=gap)
    assert planes.gap >= gap
    assert planes.energy == (values**2).sum(axis=1).max()
    wider = planes.with_gap(more)
    assert wider.gap >= max(gap, more)
    for same in (planes, wider, planes.take(slice(None)), wider.with_gap(0)):
        np.testing.assert_array_equal(same.values(), values)


def test_long_batches_are_laid_out_in_parts(monkeypatch):
    values = np.random.default_rng(0).integers(-9, 10, (50, 3, 6, 7))
    whole = as_planes(values)
    monkeypatch.setattr("lookalike.distance.deformation.planes._CHUNK_BYTES", 1000)
    parts = as_planes(values)
    np.testing.assert_array_equal(parts.packed, whole.packed)
    assert parts.energy == whole.energy


def test_take_and_values_are_those_of_the_images(edge_images):
    planes = sobel_planes(edge_images)
    assert len(planes.take([1, 0])) == 2
    np.testing.assert_array_equal(planes.take([1, 0]).values(), planes.values()[[1, 0]])
    np.testing.assert_array_equal(planes.values([1, 0]), planes.values()[[1, 0]])
    np.testing.assert_array_equal(planes.take(np.arange(8) > 5).values(), planes.values()[6:])


def test_sobel_planes_are_rounded_to_34ths(edge_images):
    exact = sobel(edge_images) / 34
    values = sobel_planes(edge_images).values()
    assert abs(values - exact).max() <= 0.5
    assert not values[:3].any()  # constant images have no edges, at their borders neither
    steepest = np.zeros((1, 3, 4), np.uint8)
    steepest[:, :, 2:] = 255
    assert abs(sobel_planes(steepest).values()).max() == 30


def test_halves_are_rounded_to_even():
    # Sobel gradients of 17 and 51, half of which is 0.5 and 1.5 times 34.
    image = np.zeros((1, 3, 3), np.uint8)
    for value, rounded in ((17, 0), (51, 2)):
        image[0, 0, 2] = value
        assert sobel(image)[0, 1, 1, 1] == value
        assert sobel_planes(image).values()[0, 1, 1, 1] == rounded
        assert sobel_planes(image[:, :, ::-1]).values()[0, 1, 1, 1] == -rounded


def test_colour_has_two_planes_a_channel():
    colours = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    for make in (sobel_planes, double_angle_planes):
        values = make(colours).values()
        for channel in range(3):
            alone = make(colours[..., channel]).values()
            np.testing.assert_array_equal(values[:, 2 * channel : 2 * channel + 2], alone)


def test_double_angles_forget_contrast_and_keep_direction():
    down, across = np.mgrid[:60, :60]
    ramp = np.stack([down * 4, across * 4, across * 2, 239 - down * 4]).astype(np.uint8)
    values = double_angle_planes(ramp).values()[:, :, 20:-20, 20:-20]
    assert (values[0] == [[[-13]], [[0]]]).all()  # at its root mean square: 13
    assert (values[1] == [[[13]], [[0]]]).all()
    np.testing.assert_array_equal(values[1], values[2])  # half the contrast
    np.testing.assert_array_equal(values[0], values[3])  # dark for light
    assert not double_angle_planes(np.full((1, 9, 9), 77, np.uint8)).values().any()


def test_double_angles_stay_in_range_and_do_not_blow_up_noise():
    rng = np.random.default_rng(0)
    noise = rng.integers(100, 102, (3, 30, 30)).astype(np.uint8)
    assert abs(double_angle_planes(noise).values()).max() < 10
    edge = np.zeros((1, 30, 30), np.uint8)
    edge[0, 15:] = 255
    assert 15 < abs(double_angle_planes(edge).values()).max() <= 39


def test_double_angles_are_averaged_over_their_surroundings_and_no_other_image():
    image = np.zeros((1, 40, 40), np.uint8)
    image[:, 10:30, 20] = 255
    alone = double_angle_planes(image).values()
    beside = double_angle_planes(np.concatenate([image, 255 - image.transpose(0, 2, 1), image])).values()
    np.testing.assert_array_equal(beside[[0, 2]], alone.repeat(2, axis=0))
    gradients = sobel(image)[0].astype(float)
    squares = (gradients**2).sum(axis=0)
    local = np.sqrt(np.maximum(ndimage.gaussian_filter(squares, 4, mode="nearest"), 16**2))
    length = np.minimum(np.sqrt(squares) / local, 3)
    angle = 2 * np.arctan2(*gradients)
    doubled = 13 * length * np.stack([np.cos(angle), np.sin(angle)])
    expected = [ndimage.gaussian_filter(plane, 1) for plane in doubled]
    np.testing.assert_allclose(alone[0], expected, atol=0.501)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((1, 1, 2, 2), 64), "planes hold 64: expected values in -63 to 63"),
        (np.full((1, 1, 2, 2), -64), "planes hold -64"),
        (np.zeros((1, 2, 2), np.int8), r"shape \(1, 2, 2\): expected integers \(n, p, h, w\)"),
        (np.zeros((0, 1, 2, 2), np.int8), "none of them 0"),
        (np.zeros((1, 1, 2, 2)), "planes are float64"),
    ],
)
def test_refuses_other_planes(values, message):
    with pytest.raises(InputError, match=message):
        as_planes(values)


@pytest.mark.parametrize("make", [sobel_planes, double_angle_planes])
def test_refuses_images_that_are_not_bytes(make):
    with pytest.raises(InputError, match=r"images are float64 .*: expected uint8"):
        make(np.zeros((1, 2, 2)))


@given(shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)))
def test_patch_energy_is_the_largest_sum_of_squares_of_a_patch(shape):
    values = np.random.default_rng(1).integers(-63, 64, shape)
    planes = as_planes(values)
    for context in range(4):
        padded = np.pad((values**2).sum(axis=1), ((0, 0), (context, context), (context, context)))
        side = 2 * context + 1
        windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
        assert planes.patch_energy(context) == windows.sum(axis=(-1, -2)).max()
        assert planes.take([0]).patch_energy(context) == planes.patch_energy(context)


@pytest.mark.parametrize("size", [1, 2, 7, 20, 32])
@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5])
def test_window_weights_are_those_of_the_tukey_window(size, share):
    # SciPy's window of twice as many points has a point in the middle of each pixel.
    tukey = signal.windows.tukey(2 * size + 1, 2 * share)[1::2]
    np.testing.assert_allclose(window_weights(size, share), tukey, atol=1e-12)
    assert (window_weights(size, 0) == 1).all()


def test_the_window_is_applied_before_rounding():
    images = np.random.default_rng(0).integers(0, 256, (3, 30, 21), dtype=np.uint8)
    plain, windowed = (double_angle_planes(images, window=share).values() for share in (0, 1 / 3))
    weights = np.multiply.outer(window_weights(30, 1 / 3), window_weights(21, 1 / 3))
    assert abs(windowed - plain * weights).max() <= 1
    np.testing.assert_array_equal(windowed[..., 11:19, 8:13], plain[..., 11:19, 8:13])
