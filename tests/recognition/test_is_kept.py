"""Which images a model keeps, against a comparison of every value."""

import numpy as np
import pytest

import lookalike


@pytest.fixture
def images():
    return (
        np.random.default_rng(0).integers(0, 2, (40, 2, 2), dtype=np.uint8) * 77
    )  # no float of 32 bits is 77/255


@pytest.mark.parametrize("n_neighbors", [1, 5])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64], ids=["uint8", "float32", "float64"])
def test_images_that_are_kept_are_known_value_by_value(images, n_neighbors, kind):
    kept, asked = images[:8], images
    if kind is not np.uint8:
        asked = (images / 255).astype(kind)
        # No byte holds it, which makes floats of all; the others are the same as bytes all the same.
        asked[-1] = 0.123
    model = lookalike.NearestImages(n_neighbors).fit(kept, np.arange(8) % 3)
    whole = asked if kind is np.uint8 else np.rint(asked * 255)
    expected = [any((one == other).all() for other in kept) for one in whole]
    assert model.is_kept(asked).tolist() == expected
    assert 8 <= sum(expected) < 40
    assert [bool(model.is_kept(one[None])) for one in asked] == expected
    if kind is not np.uint8:
        again = lookalike.NearestImages(n_neighbors).fit(asked[-8:], np.arange(8) % 3)
        assert again.is_kept(asked)[-8:].all()
        assert again.is_kept(asked[-8:-1]).all()


def test_floats_that_are_kept_are_known():
    images = np.random.default_rng(0).random((9, 3, 3))
    model = lookalike.NearestImages().fit(images[:5], np.arange(5) % 2)
    assert model.is_kept(images).tolist() == [True] * 5 + [False] * 4
    images[0, 0, 0] = np.nextafter(images[0, 0, 0], 1)
    assert not model.is_kept(images)[0]


def test_a_distance_of_0_is_not_the_same_image():
    flat = np.repeat(np.array([10, 20, 30, 40], np.uint8), 16).reshape(4, 4, 4)
    model = lookalike.DeformableMatch(prepare=None).fit(flat[:3], [0, 1, 1])
    assert model.kneighbors(flat[3:], 1)[0] == 0
    assert model.is_kept(flat).tolist() == [True, True, True, False]


def test_what_is_forgotten_is_kept_no_longer_and_what_is_taught_is(digits):
    few = digits.train.take(slice(0, 30))
    model = lookalike.DeformableMatch().fit(few.images, few.labels)
    other = digits.valid.images[:2]
    assert not model.is_kept(other).any()
    ids = model.teach(other, digits.valid.labels[:2])
    assert model.is_kept(other).all()
    model.forget(ids[:1])
    assert model.is_kept(other).tolist() == [False, True]
