"""Where on a photograph a value stands: named regions in a reference photograph, and the value's format."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError, unknown
from lookalike.files import MAX_FILE_BYTES, read_file, write_whole
from lookalike.text import plain, quoted

Floats = NDArray[np.float64]

#: The layouts that this lookalike reads and writes.
VERSION = 1
#: How a photograph may lie beside the reference: what is found before regions are cut out.
REGISTRATIONS = ("none", "shift", "similarity", "corners")
DIGITS = "0123456789"

_MOST_BYTES, _MOST_PLACES, _MOST_DECIMALS = 2**20, 64, 12
#: Regions of fewer pixels along an edge show nothing; more shared ones, along the shorter way, overlap.
_LEAST_EDGE, _TOUCHING = 4, 1.0
_NAME = re.compile(r"[\w-]{1,40}")
_SIGNS = "+-"
#: What the kinds of a layout's entries are called.
_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


class ValuePlace(NamedTuple):
    """One character of the value: where it stands in the reference, and what it may be."""

    name: str
    corners: Floats  # (4, 2): x and y of its corners, clockwise from its upper left one
    characters: str
    rolls: bool  # whether it is a wheel that may stand between two digits


@dataclass(frozen=True)
class Region:
    """A box in the reference photograph, turned about its centre, or a row of equal ones.

    Attributes
    ----------
    name : str
        Letters, digits, ``_`` and ``-``.
    x, y, width, height : float
        The box before it is turned, in pixels of the reference photograph.
    cells : int
        How many equal cells stand side by side in it.
    angle : float
        By how many degrees it is turned, clockwise.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    cells: int = 1
    angle: float = 0.0

    def corners(self) -> list[Floats]:
        """Return the corners of each cell, ``(4, 2)``, clockwise from the upper left one.

        Examples
        --------
        >>> from lookalike.photo.layout import Region
        >>> Region("counter", 10, 20, 60, 30, cells=2).corners()[1].tolist()
        [[40.0, 20.0], [70.0, 20.0], [70.0, 50.0], [40.0, 50.0]]
        """
        turn, centre = math.radians(self.angle), np.array([self.width, self.height]) / 2
        turned = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        wide, found = self.width / self.cells, []
        for cell in range(self.cells):
            left, right = cell * wide, (cell + 1) * wide
            box = np.array([[left, 0], [right, 0], [right, self.height], [left, self.height]])
            found.append((box - centre) @ turned + centre + [self.x, self.y])
        return found

    def names(self) -> list[str]:
        """Return what each cell is called: in a row ``counter.1``, ``counter.2``, from the left."""
        if self.cells == 1:
            return [self.name]
        return [f"{self.name}.{cell}" for cell in range(1, self.cells + 1)]


@dataclass(frozen=True)
class ValueFormat:
    """How the characters of all places, one after the other, make a value.

    Attributes
    ----------
    decimals : int
        How many of the last places stand after the decimal point.
    unit : str
        What is counted, such as ``m3``.
    sign : bool
        Whether the first place shows a sign, ``+`` or ``-``.
    characters : tuple of str
        What may stand in each place, or one text for all of them.
    rolls : tuple of str
        The places that are wheels which may stand between two digits.
    """

    decimals: int = 0
    unit: str = ""
    sign: bool = False
    characters: tuple[str, ...] = (DIGITS,)
    rolls: tuple[str, ...] = ()

    def written(self, characters: str) -> str:
        """Return the characters of all places as a value is written.

        Examples
        --------
        >>> from lookalike.photo.layout import ValueFormat
        >>> ValueFormat(decimals=2).written("00715")
        '007.15'
        """
        return (
            f"{characters[: -self.decimals]}.{characters[-self.decimals :]}" if self.decimals else characters
        )


@dataclass(frozen=True, eq=False)
class PhotoLayout:
    """Where on photographs like a reference one a value stands.

    Attributes
    ----------
    photograph : Path
        The reference photograph.
    size : tuple of int
        Its width and height; photographs have the same, or are turned by a quarter.
    regions : tuple of Region
        In the order in which the value is written.
    value : ValueFormat
        How the places make a value.
    register : str
        How a photograph may lie beside the reference: ``none``, ``shift``, ``similarity`` (shifted, turned
        and scaled) or ``corners`` (seen from another side: each corner goes elsewhere).
    """

    photograph: Path
    size: tuple[int, int]
    regions: tuple[Region, ...]
    value: ValueFormat = field(default_factory=ValueFormat)
    register: str = "similarity"

    def __post_init__(self) -> None:
        _check(self)

    @property
    def places(self) -> tuple[ValuePlace, ...]:
        """The characters of the value, in the order in which it is written."""
        names = [name for region in self.regions for name in region.names()]
        corners = [box for region in self.regions for box in region.corners()]
        given = self.value.characters
        allowed = list(given) if len(given) > 1 else list(given) * len(names)
        if self.value.sign and len(given) == 1:
            allowed[0] = _SIGNS
        return tuple(
            ValuePlace(name, box, text, name in self.value.rolls)
            for name, box, text in zip(names, corners, allowed, strict=True)
        )

    @property
    def crop_size(self) -> tuple[int, int]:
        """Height and width of the crop of a place: 32 high, and as wide as the places are on average."""
        shapes = [(region.width / region.cells) / region.height for region in self.regions]
        return 32, max(8, min(64, round(32 * float(np.mean(shapes)))))

    def save(self, path: Path) -> None:
        """Write the layout as JSON; it names its reference photograph as seen from there."""
        import os

        beside = Path(os.path.relpath(self.photograph.resolve(), path.resolve().parent)).as_posix()
        facts = {
            "version": VERSION,
            "photograph": beside,
            "size": list(self.size),
            "register": self.register,
            "regions": [vars(region) for region in self.regions],
            "value": vars(self.value),
        }
        write_whole(path, (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())


def layout_of(facts: Any, folder: Path) -> PhotoLayout:
    """Return the layout that is told as plain data; its photograph is named as seen from a folder.

    Raises
    ------
    InputError
        Something is missing or unknown, or its regions or its format cannot be.
    """
    kinds: dict[str, Any] = {"photograph": str, "size": list, "register": str, "regions": list}
    _known(facts, {"version": int, **kinds, "value": dict}, "the layout")
    if len(facts["size"]) != 2:
        raise InputError("size is not two numbers: expected [width, height]")
    return PhotoLayout(
        folder / facts["photograph"],
        (_whole("width", facts["size"][0]), _whole("height", facts["size"][1])),
        tuple(_region(region) for region in facts["regions"]),
        _value(facts.get("value", {})),
        facts["register"],
    )


def load_layout(path: str | Path) -> PhotoLayout:
    """Return the layout in a file, whatever is wrong with it refused.

    Parameters
    ----------
    path : str or Path
        A ``layout.json``: ``lookalike layout`` writes one.

    Raises
    ------
    InputError
        It is no layout, one of another version, or its regions or its format cannot be.
    """
    path = Path(path)
    shown = quoted(path)
    try:
        facts = json.loads(read_file(path, path, _MOST_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError) or "cannot be read" in str(error):
            raise
        raise InputError(f"{shown} is no layout: expected JSON, as lookalike layout writes it") from error
    if not isinstance(facts, dict) or "version" not in facts:
        raise InputError(f"{shown} is no layout: expected what lookalike layout writes")
    version = facts["version"]
    if version != VERSION:
        raise InputError(
            f"{shown} is a layout of version {plain(version)[:20]}: expected {VERSION}; make it again with "
            "lookalike layout"
        )
    try:
        return layout_of(facts, path.parent)
    except InputError as error:
        raise InputError(f"{shown}: {error}") from None


def _known(facts: Any, kinds: Mapping[str, Any], what: str, needed: int = 5) -> None:
    """Refuse facts that are missing, unknown, or of another kind; the first ``needed`` must be there."""
    if not isinstance(facts, dict):
        raise InputError(f"{what} is {plain(facts)[:40]!r}: expected an object")
    for name in facts:
        if name not in kinds:
            raise InputError(unknown(f"entry of {what}", str(name)[:40], kinds))
    for name in list(kinds)[:needed]:
        if name not in facts:
            raise InputError(f"{what} has no {name!r}")
    for name, value in facts.items():
        right = type(value) in (int, float) if kinds[name] is float else type(value) is kinds[name]
        if not right:
            raise InputError(f"{name} of {what} is {plain(value)[:40]!r}: expected {_KINDS[kinds[name]]}")


def _whole(name: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 2**16:
        raise InputError(f"{name} is {plain(value)[:20]}: expected a whole number of pixels")
    return value


def _region(facts: Any) -> Region:
    sides = {"x": float, "y": float, "width": float, "height": float}
    _known(facts, {"name": str, **sides, "cells": int, "angle": float}, "a region")
    return Region(**facts)


def _value(facts: Any) -> ValueFormat:
    kinds = {"decimals": int, "unit": str, "sign": bool, "characters": list, "rolls": list}
    _known(facts, kinds, "the value", needed=0)
    for name in ("characters", "rolls"):
        if not all(isinstance(one, str) for one in facts.get(name, [])):
            raise InputError(f"{name} of the value: expected a list of texts")
    lists = {name: tuple(facts[name]) for name in ("characters", "rolls") if name in facts}
    return ValueFormat(**{**facts, **lists})


def _check(layout: PhotoLayout) -> None:
    """Refuse what cannot be cut out of a photograph, or makes no value."""
    if layout.register not in REGISTRATIONS:
        raise InputError(unknown("way to register", layout.register, REGISTRATIONS))
    if not layout.regions:
        raise InputError("there are no regions: expected one for each part of the value")
    for region in layout.regions:
        _check_region(region, layout.size)
    names = [name for region in layout.regions for name in region.names()]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two places are called {name!r}: name their regions differently")
    for one, other in combinations(layout.regions, 2):
        if _shared(_outline(one), _outline(other)) > _TOUCHING:
            raise InputError(f"regions {one.name!r} and {other.name!r} overlap: move or shrink one of them")
    _check_value(layout.value, names)


def _check_region(region: Region, size: tuple[int, int]) -> None:
    numbers = (region.x, region.y, region.width, region.height, region.angle)
    if not _NAME.fullmatch(region.name):
        raise InputError(
            f"a region is called {plain(region.name)[:40]!r}: expected letters, digits, _ and -, 40 at most"
        )
    if not all(map(math.isfinite, numbers)):
        raise InputError(f"region {region.name!r} has numbers that are none: expected pixels and degrees")
    if not 1 <= region.cells <= _MOST_PLACES:
        raise InputError(f"region {region.name!r} has {region.cells:,} cells: expected 1 to {_MOST_PLACES}")
    if region.width / region.cells < _LEAST_EDGE or region.height < _LEAST_EDGE:
        raise InputError(
            f"region {region.name!r} is empty: expected cells of {_LEAST_EDGE} x {_LEAST_EDGE} pixels or more"
        )
    outline = _outline(region)
    if (outline < -0.01).any() or (outline > np.array(size) + 0.01).any():
        raise InputError(
            f"region {region.name!r} lies outside the photograph, which is {size[0]} x {size[1]}: move it"
        )


def _check_value(value: ValueFormat, names: list[str]) -> None:
    if len(names) > _MOST_PLACES:
        raise InputError(f"there are {len(names)} places: expected {_MOST_PLACES} at most")
    if not 0 <= value.decimals <= min(_MOST_DECIMALS, len(names) - 1 - value.sign):
        raise InputError(f"decimals is {value.decimals}: expected fewer than the {len(names)} places")
    if len(value.characters) not in (1, len(names)):
        raise InputError(
            f"characters are given for {len(value.characters)} places: expected one text, or {len(names)}"
        )
    for text in value.characters:
        _check_characters(text)
    for name in value.rolls:
        if name not in names:
            raise InputError(unknown("place", name, names))
    if value.rolls and any(not set(text) <= set(DIGITS) for text in value.characters):
        raise InputError("wheels roll from digit to digit: expected characters from 0 to 9")


def _check_characters(text: str) -> None:
    for one in text:
        if not (one.isascii() and (one.isalnum() or one in _SIGNS)):
            raise InputError(f"character {one!r} is not known: expected letters, digits, + and -")
    if not text or len(set(text)) < len(text):
        raise InputError(f"characters are {text!r}: expected each character once")


def _outline(region: Region) -> Floats:
    """Return the corners of a whole region, ``(4, 2)``."""
    cells = region.corners()
    return np.array([cells[0][0], cells[-1][1], cells[-1][2], cells[0][3]])


def _shared(one: Floats, other: Floats) -> float:
    """Return how deep one box reaches into another: the least over the directions of all edges."""
    depths = []
    for box in (one, other):
        for edge in box[1:3] - box[0:2]:
            across = np.array([-edge[1], edge[0]]) / np.hypot(*edge)
            first, second = one @ across, other @ across
            depths.append(min(first.max(), second.max()) - max(first.min(), second.min()))
    return float(min(depths))


def read_photograph(source: str | Path | bytes, name: object = "photograph") -> NDArray[np.uint8]:
    """Return a photograph in colour, ``(h, w, 3)``, upright as its camera noted."""
    from lookalike.data.pixels import decode_image

    if not isinstance(source, bytes):
        name, source = source, read_file(Path(source), source, MAX_FILE_BYTES)
    return in_colour(decode_image(source, str(name)))


def in_colour(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image with three channels."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
