"""Layouts: what a file may say, and what is refused."""

import json
import math

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.photo.layout import PhotoLayout, Region, ValueFormat, load_layout

COUNTER = {"name": "counter", "x": 10, "y": 20, "width": 100, "height": 40, "cells": 5, "angle": 0}


def written(tmp_path, **changes):
    facts = {
        "version": 1,
        "photograph": "reference.png",
        "size": [200, 100],
        "register": "similarity",
        "regions": [COUNTER],
        "value": {},
    }
    facts.update(changes)
    path = tmp_path / "layout.json"
    path.write_text(json.dumps({name: value for name, value in facts.items() if value is not None}))
    return path


def test_what_is_saved_is_what_is_loaded(tmp_path):
    regions = Region("counter", 10, 20, 100, 40, 5, 3.5), Region("tenths", 150, 30, 20, 40)
    value = ValueFormat(1, "m3", False, ("0123456789",), ("counter.5", "tenths"))
    made = PhotoLayout(tmp_path / "photos" / "a.png", (200, 100), regions, value, "shift")
    made.save(tmp_path / "layout.json")
    found = load_layout(tmp_path / "layout.json")
    assert found.photograph.resolve() == made.photograph.resolve()
    assert (found.size, found.regions, found.value, found.register) == ((200, 100), regions, value, "shift")
    assert [place.name for place in found.places if place.rolls] == ["counter.5", "tenths"]


def test_a_turned_row_is_turned_about_its_centre():
    cells = np.array(Region("row", 10, 20, 100, 40, 5, 90).corners())
    # A quarter clockwise: what was left is above.
    assert np.allclose(cells[0][0], [80, -10])
    assert np.allclose(cells.mean(axis=(0, 1)), [60, 40])
    sides = np.linalg.norm(np.diff(cells[2], axis=0), axis=1)
    assert np.allclose(sides, [20, 40, 20])


def test_small_angles_turn_clockwise_as_seen():
    corners = Region("box", 0, 0, 100, 0.5, angle=1).corners()[0]
    assert corners[1][1] - corners[0][1] == pytest.approx(100 * math.sin(math.radians(1)))


REGIONS = {
    "outside": ([{**COUNTER, "x": 101}], "region 'counter' lies outside the photograph, which is 200 x 100"),
    "turned outside": ([{**COUNTER, "y": 0, "angle": 20}], "region 'counter' lies outside the photograph"),
    "empty": ([{**COUNTER, "width": 0}], "region 'counter' is empty"),
    "negative": ([{**COUNTER, "height": -5}], "region 'counter' is empty"),
    "overlapping": (
        [COUNTER, {"name": "other", "x": 105, "y": 30, "width": 30, "height": 30}],
        "regions 'counter' and 'other' overlap",
    ),
    "of one name": ([COUNTER, {**COUNTER, "y": 60, "height": 30}], "two places are called 'counter.1'"),
    "none": ([], "there are no regions"),
    "a path": ([{**COUNTER, "name": "../up"}], r"a region is called '../up': expected letters"),
    "a word": ([{**COUNTER, "x": "left"}], "x of a region is 'left': expected a number"),
    "unknown": ([{**COUNTER, "hight": 3}], "no entry of a region is called 'hight': did you mean height"),
    "incomplete": ([{"name": "counter"}], "a region has no 'x'"),
    "infinite": ([{**COUNTER, "x": 1e999}], "region 'counter' has numbers that are none"),
    "many": ([{**COUNTER, "cells": 10**9}], "region 'counter' has 1,000,000,000 cells: expected 1 to 64"),
}


@pytest.mark.parametrize(("regions", "said"), REGIONS.values(), ids=REGIONS)
def test_regions_that_cannot_be_are_refused(tmp_path, regions, said):
    with pytest.raises(InputError, match=said):
        load_layout(written(tmp_path, regions=regions))


def test_regions_that_touch_do_not_overlap(tmp_path):
    beside = {"name": "tenths", "x": 110, "y": 20, "width": 20, "height": 40}
    assert len(load_layout(written(tmp_path, regions=[COUNTER, beside])).places) == 6


def test_boxes_whose_outlines_cross_but_that_are_turned_apart_do_not_overlap(tmp_path):
    one = {"name": "one", "x": 20, "y": 40, "width": 80, "height": 10, "angle": 45}
    other = {"name": "other", "x": 50, "y": 40, "width": 80, "height": 10, "angle": 45}
    assert len(load_layout(written(tmp_path, regions=[one, other])).places) == 2


VALUES = {
    "unknown character": ({"characters": ["01\u00e9"]}, "character '\u00e9' is not known"),
    "twice": ({"characters": ["011"]}, "characters are '011': expected each character once"),
    "too few texts": (
        {"characters": ["01", "23"]},
        "characters are given for 2 places",
    ),
    "decimals": ({"decimals": 5}, "decimals is 5: expected fewer than the 5 places"),
    "unknown wheel": ({"rolls": ["counter.6"]}, "no place is called 'counter.6'"),
    "wheels of letters": ({"rolls": ["counter.5"], "characters": ["AB"]}, "wheels roll from digit to digit"),
    "of another kind": ({"decimals": "one"}, "decimals of the value is 'one': expected a whole number"),
}


@pytest.mark.parametrize(("value", "said"), VALUES.values(), ids=VALUES)
def test_values_that_cannot_be_are_refused(tmp_path, value, said):
    with pytest.raises(InputError, match=said):
        load_layout(written(tmp_path, value=value))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 2}, "is a layout of version 2: expected 1"),
        ({"version": None}, "is no layout: expected what lookalike layout writes"),
        ({"register": "magic"}, "no way to register is called 'magic'"),
        ({"size": [200]}, "size is not two numbers"),
        ({"photograph": None}, "the layout has no 'photograph'"),
    ],
)
def test_other_files_are_refused(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        load_layout(written(tmp_path, **changes))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '"a"', "\x00"])
def test_what_is_no_layout_is_refused(tmp_path, text):
    (tmp_path / "layout.json").write_text(text)
    with pytest.raises(InputError, match="is no layout: expected"):
        load_layout(tmp_path / "layout.json")
