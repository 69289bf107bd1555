"""``lookalike layout``: say where on photographs a value stands, and look at it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import plain

if TYPE_CHECKING:
    from lookalike.photo.layout import PhotoLayout, Region

_NUMBER = r"-?\d+(?:\.\d+)?"
_REGION = re.compile(
    rf"(?P<name>[\w-]+)=(?P<x>{_NUMBER}),(?P<y>{_NUMBER}),(?P<width>{_NUMBER}),(?P<height>{_NUMBER})"
    rf"(?:/(?P<cells>\d{{1,4}}))?(?:@(?P<angle>{_NUMBER}))?",
    re.ASCII,
)

Regions = Annotated[
    list[str],
    Option(
        "--region",
        metavar="NAME=X,Y,WIDTH,HEIGHT",
        help="A region, in pixels of the photograph; /5 after it makes it a row of five equal cells, and @3 "
        "turns it by 3 degrees, clockwise: counter=90,120,200,64/5@3. Can be given several times.",
    ),
]


Output = Annotated[
    Path | None, Option("--output", "-o", metavar="FILE", help="Where the layout goes: layout.json.")
]
Decimals = Annotated[
    int, Option("--decimals", metavar="N", min=0, help="How many places stand after the decimal point.")
]
Unit = Annotated[str, Option("--unit", metavar="UNIT", help="What is counted, such as m3.")]
Sign = Annotated[bool, Option("--sign", help="The first place shows a sign, + or -.")]
Characters = Annotated[
    list[str],
    Option("--characters", metavar="TEXT", help="What may stand in a place; given once, or for each."),
]
Rolls = Annotated[
    list[str],
    Option(
        "--rolls",
        metavar="PLACE",
        help="A place, such as counter.5, that is a wheel and may stand between two digits; or: all.",
    ),
]
Register = Annotated[
    str,
    Option(
        "--register",
        metavar="WAY",
        help="How photographs may lie: none, shift, similarity (shifted, turned, scaled) or corners.",
    ),
]
Check = Annotated[
    Path | None, Option("--check", metavar="FILE", help="Draw the regions into this PNG, to look at.")
]
On = Annotated[Path | None, Option("--on", metavar="PHOTO", help="Draw them on this photograph instead.")]


def layout(
    photograph: Annotated[
        Path, Argument(metavar="PHOTO", help="The reference photograph, or a layout.json to look at.")
    ],
    region: Regions = [],  # noqa: B006  # typer takes no other default of a list
    output: Output = None,
    decimals: Decimals = 0,
    unit: Unit = "",
    sign: Sign = False,
    characters: Characters = [],  # noqa: B006
    rolls: Rolls = [],  # noqa: B006
    register: Register = "similarity",
    check: Check = None,
    on: On = None,
    quiet: common.Quiet = False,
) -> None:
    """Say where on photographs a value stands.

    Regions are read in the order in which they are given. Try: lookalike layout photo.jpg
    --region counter=90,120,200,64/5 -o layout.json --check regions.png
    """
    from lookalike.photo.layout import load_layout

    given = photograph.suffix.lower() == ".json"
    if given and (region or output):
        raise InputError(f"{plain(photograph)} is a layout: expected a photograph where a layout is made")
    if not given and not output:
        raise InputError("--output is missing: expected where the layout goes, such as -o layout.json")
    common.check_file("--output", output, [photograph])
    common.check_file("--check", check, [photograph, *filter(None, [on])], (".png",))
    if given:
        made = load_layout(photograph)
    else:
        value = _value(decimals, unit, sign, characters, rolls)
        made = _made(photograph, [_region(text) for text in region], register, value)
    if output:
        made.save(output)
        common.say_written("layout", output, quiet)
    if check:
        common.write("regions", check, _regions(made, on), quiet)


def _value(
    decimals: int, unit: str, sign: bool, characters: list[str], rolls: list[str]
) -> dict[str, object]:
    texts = {"characters": tuple(characters)} if characters else {}
    return {"decimals": decimals, "unit": unit, "sign": sign, "rolls": tuple(rolls), **texts}


def _region(text: str) -> Region:
    """Return the region that an option describes."""
    from lookalike.photo.layout import Region

    found = _REGION.fullmatch(text)
    if not found:
        raise InputError(
            f"--region is {plain(text)[:80]!r}: expected NAME=X,Y,WIDTH,HEIGHT, such as "
            "counter=90,120,200,64/5"
        )
    numbers = {name: float(found[name]) for name in ("x", "y", "width", "height")}
    return Region(found["name"], **numbers, cells=int(found["cells"] or 1), angle=float(found["angle"] or 0))


def _made(photograph: Path, regions: list[Region], register: str, value: dict[str, object]) -> PhotoLayout:
    from lookalike.photo.layout import PhotoLayout, ValueFormat, read_photograph

    height, width = read_photograph(photograph).shape[:2]
    if value["rolls"] == ("all",):
        value["rolls"] = tuple(name for region in regions for name in region.names())
    return PhotoLayout(photograph, (width, height), tuple(regions), ValueFormat(**value), register)  # type: ignore[arg-type]


def _regions(layout: PhotoLayout, on: Path | None) -> bytes:
    """Return a photograph with the regions on it, the reference where no other is given, as a PNG file."""
    from lookalike.photo.drawing import Marked, drawn, moved
    from lookalike.photo.layout import read_photograph
    from lookalike.photo.register import Registrar

    photograph = read_photograph(on or layout.photograph)
    if on is None:
        return drawn(photograph, [Marked(place.corners, place.name) for place in layout.places])
    matrix = Registrar(layout).register(photograph).matrix
    return drawn(photograph, [Marked(moved(place.corners, matrix), place.name) for place in layout.places])
