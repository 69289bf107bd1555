"""Wheels that turn: how far, from which digit, and which of both they count as."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photographing import CELLS, digit

from lookalike.errors import InputError
from lookalike.photo import PhotoLayout, Reader, ValueFormat
from lookalike.photo.wheels import RESTS, UNLIKE, Wheels, _gradients, _rows, turned_back


def turned(number, part, rng):
    """Return the wheels (cells, 64, 40, 3) of a counter that shows a number and turns on by a part."""
    crops = []
    for _ in range(CELLS):
        here, number = number % 10, number // 10
        pair = [digit(str(one % 10), rng) for one in (here, here + 1)]
        rolled = round(part * 64)
        crops.insert(0, np.concatenate([pair[0][rolled:], pair[1][:rolled]]))
        part = part if here == 9 else 0.0
    return np.stack(crops)


@pytest.fixture(scope="module")
def wheels(model):
    return Wheels.of(model)


@pytest.fixture(scope="module")
def rolling(model, layout):
    value = ValueFormat(rolls=tuple(f"counter.{place}" for place in range(1, CELLS + 1)))
    return Reader(model, PhotoLayout(layout.photograph, layout.size, layout.regions, value))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9999), st.floats(0, 0.99), st.integers(0, 99))
def test_wheels_stand_where_they_were_turned_to(wheels, number, part, seed):
    found = wheels.standing(turned(number, part, np.random.default_rng(seed)), [True] * CELLS)
    for wheel in found[::-1]:
        here, number = number % 10, number // 10
        off = (wheel.part - part + 0.5) % 1 - 0.5
        # Digits are drawn up to 2 of 64 pixels off their place.
        assert abs(off) < 0.08
        if RESTS + 0.08 < part < 1 - RESTS - 0.08:
            assert wheel.turns
            assert wheel.shown == f"{here}-{(here + 1) % 10}"
        if here == 9 and part and not wheel.turns:
            break  # so little or so much of a turn takes no neighbour along
        part = part if here == 9 else 0.0


def test_costs_are_those_of_the_definition(wheels):
    gradients = _gradients(turned(129, 0.4, np.random.default_rng(3))[-2:])
    height = 32
    best = np.full((2, 10, height), np.inf)
    for number in range(2):
        for part in range(height):
            upper, lower = np.full(10, np.inf), np.full(10, np.inf)
            for aside in (-1, 0, 1):
                rows = _rows(gradients, aside)[number]
                for kept, of in zip(wheels.rows, wheels.digits, strict=True):
                    top, bottom = rows[: height - part], rows[height - part :]
                    upper[of] = min(upper[of], ((top - kept[part:]) ** 2).sum())
                    lower[of] = min(lower[of], ((bottom - kept[:part]) ** 2).sum())
            best[number, :, part] = (upper + np.roll(lower, -1)) / height
    assert wheels._costs(gradients) == pytest.approx(best, abs=2e-3)


def test_what_covers_a_wheel_is_unlike_any(wheels):
    crops = turned(1234, 0.5, np.random.default_rng(4))
    crops[3, :, :30] = (120, 90, 60)
    assert wheels.standing(crops, [True] * CELLS)[3].unlike > UNLIKE


def test_other_places_are_no_wheels(wheels):
    crops = turned(1239, 0.5, np.random.default_rng(4))
    found = wheels.standing(crops, [False, False, False, True])
    assert found[:3] == [None] * 3
    assert found[3].shown == "9-0"


@pytest.mark.parametrize(
    ("number", "part", "seen"),
    [
        (1234, 0.0, {"1234"}),
        (1234, 0.5, {"1234"}),  # the last wheel has passed the 4
        (1239, 0.5, {"1239"}),  # and takes its neighbour along, which counts as what it leaves
        (1999, 0.6, {"1999"}),
        (9999, 0.4, {"9999"}),
        (1239, 0.95, {"1240"}),  # nearly there
    ],
)
def test_a_counter_that_turns_is_read(rolling, frame, number, part, seen):
    faces = [frame.shows([*turned(number, part, np.random.default_rng(seed))]) for seed in range(3)]
    found = [rolling.read(face) for face in faces]
    given = {one.value for one in found} - {None}
    assert given == seen
    if 0.2 < part < 0.8:
        assert any("stands between" in rule for one in found for rule in one.rules)


def test_a_wheel_between_two_digits_goes_with_its_right_neighbour(rolling, frame):
    for right, expected in (("7", "3"), ("2", "4")):
        rng = np.random.default_rng(1)
        crops = [*turned(1183, 0.5, rng)]
        # The third wheel is loose: it stands between 3 and 4 while its neighbour rests.
        found = rolling.read(frame.shows([crops[0], crops[1], crops[3], digit(right, rng)]))
        assert found.places[2].shown == "3-4"
        assert found.places[2].character == expected
        assert found.rules == (
            f"counter.3 stands between 3 and 4 and counter.4 shows {right}: it is {expected}",
        )


def test_a_covered_wheel_is_rejected(rolling, frame):
    crops = turned(1234, 0.5, np.random.default_rng(4))
    crops[3, :, :30] = (120, 90, 60)
    found = rolling.read(frame.shows([*crops]))
    assert found.seen == "123?"


def test_a_crop_is_turned_back():
    crop = np.arange(8, dtype=np.uint8)[:, None].repeat(3, axis=1)
    assert turned_back(crop, 0.25)[:, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert turned_back(crop, -0.25)[:, 0].tolist() == [2, 3, 4, 5, 6, 7, 7, 7]


def test_a_model_without_crops_of_digits_reads_no_wheels():
    labels = SimpleNamespace(classes=np.array(["a", "b"]))
    keeps_none = SimpleNamespace(matcher=SimpleNamespace(), labels=labels)
    with pytest.raises(InputError, match=r"the model keeps no images.*--idea mixture"):
        Wheels.of(keeps_none)
    images = np.zeros((2, 32, 20, 3), np.uint8)
    letters = SimpleNamespace(codes=np.arange(2), kept=lambda places: images[places])
    with pytest.raises(InputError, match="the model knows no digits"):
        Wheels.of(SimpleNamespace(matcher=letters, labels=labels))
