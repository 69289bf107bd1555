"""Copies are found whatever was done to them, and hardly anything else."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from lookalike.audit.copies import find_groups, units_of
from lookalike.audit.neighbours import Neighbours, find_neighbours
from lookalike.data.labelled import LabelledImages


def saved(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file))


CHANGES = {
    "exact": lambda image: image.copy(),
    "shifted": lambda image: np.roll(image, (1, -1), (0, 1)),
    "blurred": lambda image: np.rint(gaussian_filter(image.astype(float), 0.6)).astype(np.uint8),
    "saved": saved,
    "brighter": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
}


@pytest.fixture(scope="module")
def drawn():
    """Return smooth images of 24x24, no two alike, with paper around."""
    generator = np.random.default_rng(0)
    images = np.zeros((120, 24, 24))
    images[:, 5:19, 5:19] = np.kron(generator.integers(0, 2, (120, 7, 7)), np.ones((2, 2)))
    return np.rint(np.array([gaussian_filter(image, 0.7) for image in images]) * 200).astype(np.uint8)


@pytest.mark.parametrize("change", CHANGES)
def test_copies_are_found(drawn, change):
    copies = np.array([CHANGES[change](image) for image in drawn[:30]])
    codes = np.arange(150) % 3
    images = LabelledImages.from_numpy(np.concatenate([drawn, copies]), codes)
    groups = find_groups(images.images, codes, find_neighbours(images))
    assert sorted(group.places.tolist() for group in groups) == [[place, 120 + place] for place in range(30)]
    assert all(group.contradicts == (codes[group.places[0]] != codes[group.places[1]]) for group in groups)
    kinds = {group.kind for group in groups}
    assert kinds == {
        "exact": {"the same values"},
        "shifted": {"the same but for a shift by a pixel"},
    }.get(change, {"nearly the same"})
    units = units_of(groups, 150)
    assert (units[120:] == np.arange(30)).all()
    assert (units[:120] == np.arange(120)).all()


def test_contradicting_groups_come_first(drawn):
    images = np.concatenate([drawn[:4], drawn[:1], drawn[1:2], drawn[1:2]])
    groups = find_groups(images, np.array([0, 1, 0, 1, 0, 0, 1]), near_nothing(7))
    assert [(group.places.tolist(), group.contradicts) for group in groups] == [
        ([1, 5, 6], True),
        ([0, 4], False),
    ]


def test_blank_images_are_no_copies_of_each_other():
    assert find_groups(np.zeros((3, 8, 8), np.uint8), np.arange(3), near_nothing(3)) == ()


def test_colours_matter():
    generator = np.random.default_rng(1)
    shape = generator.integers(0, 256, (12, 12), np.uint8)
    images = np.zeros((2, 12, 12, 3), np.uint8)
    images[0, ..., 0], images[1, ..., 1] = shape, shape
    near = Neighbours(np.array([[1], [0]]), np.ones((2, 1)), "")
    assert find_groups(images, np.array([0, 1]), near) == ()
    images[1] = np.clip(images[0] * 0.8, 0, 255)
    assert len(find_groups(images, np.array([0, 1]), near)) == 1


def near_nothing(n):
    return Neighbours(np.full((n, 1), -1), np.full((n, 1), np.inf), "")
