import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import InputError
from lookalike.distance.deformation.planes import edge_descriptors, sobel


def in_floats(images):
    """Return the description in floating point, from the words of the docstring."""
    n, height, width = images.shape
    down, across = sobel(images).astype(float).transpose(1, 0, 2, 3)
    directions = np.arange(8) * np.pi / 4
    turn = np.arctan2(down, across) % (2 * np.pi)
    first = np.floor(turn / (np.pi / 4)).astype(int) % 8
    maps = np.zeros((8, n, height, width))
    for at in range(8):
        other = (at + 1) % 8
        basis = np.array([[np.cos(directions[i]), np.sin(directions[i])] for i in (at, other)]).T
        parts = np.linalg.solve(basis, np.stack([across, down]).reshape(2, -1)).reshape(2, n, height, width)
        maps[at] += np.where(first == at, parts[0], 0)
        maps[other] += np.where(first == at, parts[1], 0)

    def bells(length):
        points = -(-length // 4)
        places = np.arange(points) * 4 + (length - 1 - 4 * (points - 1)) / 2
        return np.exp(-((places[:, None] - np.arange(length)) ** 2) / 8) / np.sqrt(8 * np.pi)

    sums = np.einsum("rh,bnhw,cw->nbrc", bells(height), maps, bells(width))
    scaled = np.sqrt(np.maximum(sums, 0) * 5 * 256**2 / 2**27) * 255
    return np.minimum(scaled, 255).reshape(n, -1, scaled.shape[-1])


def test_equals_the_description_in_floats_but_for_rounding(digits):
    images = np.kron(digits.train.images[:30], np.ones((3, 3), np.uint8))
    expected = in_floats(images)
    apart = abs(edge_descriptors(images) - expected)
    # The weights of the Gaussian are rounded to 256ths, which matters where all edges are far away.
    assert apart[expected >= 40].max() < 4
    assert apart.max() < 16
    assert apart.mean() < 1


@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 30), st.integers(1, 30)), seed=st.integers(0, 99))
def test_any_size_and_each_image_by_itself(shape, seed):
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    found = edge_descriptors(images)
    assert found.shape == (shape[0], 8 * -(-shape[1] // 4), -(-shape[2] // 4))
    assert found.dtype == np.uint8
    for image, description in zip(images, found, strict=True):
        np.testing.assert_array_equal(edge_descriptors(image[None])[0], description)


def test_a_turned_image_has_turned_edges():
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    found = edge_descriptors(images).reshape(5, 8, 7, 7)
    turned = edge_descriptors(np.rot90(images, axes=(1, 2))).reshape(5, 8, 7, 7)  # a quarter, to the left
    np.testing.assert_array_equal(turned, np.rot90(np.roll(found, -2, axis=1), axes=(2, 3)))


def test_blank_and_constant_images_have_no_edges():
    assert not edge_descriptors(np.stack([np.full((9, 9), value, np.uint8) for value in (0, 128, 255)])).any()


def test_channels_are_averaged():
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 10), dtype=np.uint8)
    np.testing.assert_array_equal(edge_descriptors(np.stack([images] * 4, axis=-1)), edge_descriptors(images))


@pytest.mark.parametrize("threads", [1, 3])
def test_does_not_depend_on_threads_and_layout(threads, digits, monkeypatch):
    images = digits.train.images
    expected = edge_descriptors(images)
    monkeypatch.setattr("lookalike.distance.deformation.planes._CHUNK_PIXELS", 1000)
    heard = []
    found = edge_descriptors(images[::-1], threads=threads, progress=lambda *told: heard.append(told))
    np.testing.assert_array_equal(found[::-1], expected)
    assert heard[-1] == ("describing edges", len(images), len(images))


def test_three_nearest_descriptions_tell_digits(digits):
    train, valid = (np.kron(part.images, np.ones((3, 3), np.uint8)) for part in digits)
    rows, others = (
        edge_descriptors(images).reshape(len(images), -1).astype(float) for images in (train, valid)
    )
    squared = (others**2).sum(axis=1)[:, None] - 2 * others @ rows.T + (rows**2).sum(axis=1)
    right = digits.train.labels[squared.argmin(axis=1)] == digits.valid.labels
    assert right.mean() > 0.95


def test_refuses_what_is_not_bytes():
    with pytest.raises(InputError, match=r"images are float64 of shape \(1, 4, 4\): expected uint8"):
        edge_descriptors(np.zeros((1, 4, 4)))
