"""Registration against transforms that are known."""

import cv2
import numpy as np
import pytest
from benchmarks.frames import AT, CELL, SIZE, taken
from photographing import CELLS, digit

from lookalike.errors import InputError
from lookalike.photo.layout import PhotoLayout
from lookalike.photo.register import PhotographError, Registrar

CORNERS = np.array(
    [[*AT, 1], [AT[0] + CELL[0] * CELLS, AT[1], 1], [AT[0] + CELL[0] * CELLS, AT[1] + CELL[1], 1]], float
)


def registrar(layout, register):
    return Registrar(PhotoLayout(layout.photograph, layout.size, layout.regions, layout.value, register))


def there(matrix):
    found = CORNERS @ matrix.T
    return found[:, :2] / found[:, 2:]


def full(matrix):
    return np.vstack([matrix, [0, 0, 1]])


def test_a_photograph_is_found_where_it_was_taken(frame, layout):
    similar = registrar(layout, "similarity")
    for seed in range(6):
        rng = np.random.default_rng([7, seed])
        # Other digits than on the reference: what changes is not what photographs are laid by.
        photograph, matrix = taken(frame.shows([digit(one, rng) for one in "9876"]), rng)
        found = similar.register(photograph)
        assert np.abs(there(found.matrix) - there(full(matrix))).max() < 1
        assert found.turns == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("register", ["shift", "similarity", "corners"])
def test_quarter_turns_are_found_and_said(layout, photograph, register, turns):
    upright = photograph("4711", 3, strength=0)
    found = registrar(layout, register).register(np.ascontiguousarray(np.rot90(upright, -turns)))
    assert found.turns == turns
    alone = registrar(layout, register).register(upright).image
    difference = np.abs(found.image.astype(int) - alone)[
        AT[1] : AT[1] + CELL[1], AT[0] : AT[0] + CELL[0] * CELLS
    ]
    # Half a pixel at the edges of white digits on black makes 5; one quarter turn too many makes 60.
    assert difference.mean() < 6


def test_a_shift_is_found(layout, photograph):
    moved = np.roll(photograph("4711", 3, strength=0), (9, -7), axis=(0, 1))
    found = registrar(layout, "shift").register(moved)
    assert np.allclose(found.matrix[:2, 2], [-7, 9], atol=0.3)
    assert np.array_equal(found.matrix[:2, :2], np.eye(2))


def test_another_side_is_found_by_corners_and_not_by_similarity(layout, photograph):
    upright = photograph("4711", 3, strength=0)
    width, height = SIZE
    ends = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    aside = ends + np.array([[25, 18], [-12, 4], [6, -10], [4, -22]], np.float32)
    matrix = cv2.getPerspectiveTransform(ends, aside)
    seen = cv2.warpPerspective(upright, matrix, SIZE, borderMode=cv2.BORDER_REFLECT)
    assert np.abs(there(registrar(layout, "corners").register(seen).matrix) - there(matrix)).max() < 1
    assert np.abs(there(registrar(layout, "similarity").register(seen).matrix) - there(matrix)).max() > 1


def test_light_and_colour_are_made_even(layout, photograph):
    even = photograph("4711", 3, strength=0).astype(float)
    slope = np.linspace(0.55, 1.0, even.shape[1])[:, None] * [0.8, 1.0, 0.9]
    lit = np.clip(even * slope, 0, 255).astype(np.uint8)
    one = registrar(layout, "similarity")
    part = slice(AT[1], AT[1] + CELL[1]), slice(AT[0], AT[0] + CELL[0] * CELLS)
    apart = one.register(lit).image[part].astype(float) - one.register(even.astype(np.uint8)).image[part]
    before = lit[part].astype(float) - even[part]
    assert np.abs(apart).mean() < np.abs(before).mean() / 4


@pytest.mark.parametrize("register", ["shift", "similarity", "corners"])
@pytest.mark.parametrize("kind", ["flat", "noise", "another"])
def test_what_shows_something_else_is_refused(layout, register, kind):
    rng = np.random.default_rng(0)
    width, height = SIZE
    other = {
        "flat": np.full((height, width, 3), 90, np.uint8),
        "noise": rng.integers(0, 256, (height, width, 3)).astype(np.uint8),
        "another": cv2.resize(rng.integers(0, 256, (20, 30, 3)).astype(np.uint8), SIZE),
    }[kind]
    with pytest.raises(PhotographError, match="shows nothing of what the reference shows"):
        registrar(layout, register).register(other)


def test_another_size_is_refused(layout):
    with pytest.raises(PhotographError, match="is 100 x 90 pixels: expected 480 x 320, as the reference"):
        registrar(layout, "none").register(np.zeros((90, 100, 3), np.uint8))


def test_without_registration_a_turned_photograph_is_refused(layout):
    with pytest.raises(PhotographError, match="turned by a quarter"):
        registrar(layout, "none").register(np.zeros((480, 320, 3), np.uint8))


def test_a_reference_of_another_size_than_the_layout_says_is_refused(layout):
    with pytest.raises(ValueError, match="is 480 x 320 pixels: expected 470 x 320, as its layout says"):
        Registrar(PhotoLayout(layout.photograph, (470, 320), layout.regions))


def test_a_reference_with_nothing_around_the_regions_is_refused(layout, tmp_path):
    bare = tmp_path / "bare.png"
    cv2.imwrite(str(bare), np.full((320, 480, 3), 90, np.uint8))
    with pytest.raises(InputError, match="shows too little outside of the regions to be found again"):
        Registrar(PhotoLayout(bare, SIZE, layout.regions))
    # What never moves is not looked for.
    Registrar(PhotoLayout(bare, SIZE, layout.regions, register="none"))
