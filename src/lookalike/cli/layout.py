"""``lookalike layout``: say where on photographs a value stands, and look at it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import plain

if TYPE_CHECKING:
    from lookalike.photo.layout import PhotoLayout, Region, ValueFormat
    from lookalike.photo.register import Registrar

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
    Path | None,
    Option("--output", "-o", metavar="FILE", help="Where the layout goes; by default layout.json."),
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
Overwrite = Annotated[bool, Option("--overwrite", help="Write over a file of that name.")]
NoBrowser = Annotated[bool, Option("--no-browser", help="Do not open the page in a browser.")]
On = Annotated[Path | None, Option("--on", metavar="PHOTO", help="Draw them on this photograph instead.")]


def layout(
    photograph: Annotated[
        Path, Argument(metavar="PHOTO", help="The reference photograph, or a layout.json to go on with.")
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
    overwrite: Overwrite = False,
    no_browser: NoBrowser = False,
    quiet: common.Quiet = False,
) -> None:
    """Say where on photographs a value stands: drawn with the mouse on a page, or told by options.

    Without --region a page opens, on this machine alone, and the command ends when it is finished there; of a
    layout.json it begins with what that has, and saves it there.
    Regions are read in the order in which they are given. Try: lookalike layout photo.jpg, or
    lookalike layout photo.jpg --region counter=90,120,200,64/5 -o layout.json --check regions.png
    """
    from lookalike.photo.layout import ValueFormat, load_layout
    from lookalike.photo.register import Registrar

    common.check_file("--check", check, [photograph, *filter(None, [on])], (".png",))
    if on and not check:
        raise InputError("--on names the photograph that regions are drawn on: add --check, the file to draw")
    if photograph.suffix.lower() == ".json":
        if any((region, output, decimals, unit, sign, characters, rolls)):
            raise InputError(f"{plain(photograph)} is a layout: expected a photograph where a layout is made")
        made = load_layout(photograph)
        if not check:
            begin = made.photograph, photograph, made.value, made.register
            _draw(begin, not no_browser, quiet, overwrite=True, regions=made.regions)
            return
        registrar = Registrar(made)
    else:
        output = output or Path("layout.json")
        common.check_file("--output", output, [photograph])
        value = _value(decimals, unit, sign, characters, rolls)
        if not region:
            if check or on or rolls or len(characters) > 1:
                raise InputError(
                    "--check, --on, --rolls and --characters for each place need regions: add --region, or "
                    "leave them out and draw on the page"
                )
            begin = photograph, output, ValueFormat(**value), register
            _draw(begin, not no_browser, quiet, overwrite=overwrite)
            return
        if output.exists() and not overwrite:
            raise InputError(
                f"--output {plain(output)} is there: add --overwrite to write over it, or name another"
            )
        made = _made(photograph, [_region(text) for text in region], register, value)
        registrar = Registrar(made)  # refuses a reference that photographs cannot be laid on
        made.save(output)
        common.say_written("layout", output, quiet)
    if check:
        common.write("regions", check, _regions(registrar, on), quiet)


def _draw(
    begin: tuple[Path, Path, ValueFormat, str],
    browser: bool,
    quiet: bool,
    *,
    overwrite: bool,
    regions: Sequence[Region] = (),
) -> None:
    """Open the page on which regions are drawn, and wait until it is finished."""
    from lookalike.web.serving import Address, Site, check_serves, listening

    check_serves()
    from lookalike.web.layout_page import LayoutPage

    page = LayoutPage(*begin, overwrite=overwrite, regions=regions)
    here = Address("127.0.0.1", 0)
    site = Site.of(page.app(here.host), here.host, listening(here))
    page.finish = site.stop
    common.say(f"save and finish on the page; Ctrl-C ends it: {site.address}", quiet)
    site.run(browser=browser)
    common.say_written("layout", begin[1], quiet)


def _value(decimals: int, unit: str, sign: bool, characters: list[str], rolls: list[str]) -> dict[str, Any]:
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


def _made(photograph: Path, regions: list[Region], register: str, value: dict[str, Any]) -> PhotoLayout:
    from lookalike.photo.layout import PhotoLayout, ValueFormat, read_photograph

    height, width = read_photograph(photograph).shape[:2]
    if value["rolls"] == ("all",):
        value["rolls"] = tuple(name for region in regions for name in region.names())
    return PhotoLayout(photograph, (width, height), tuple(regions), ValueFormat(**value), register)


def _regions(registrar: Registrar, on: Path | None) -> bytes:
    """Return a photograph with the regions on it, the reference where no other is given, as a PNG file."""
    from lookalike.photo.drawing import Marked, drawn, moved
    from lookalike.photo.layout import read_photograph

    places = registrar.layout.places
    if on is None:
        marks = [Marked(place.corners, place.name) for place in places]
        return drawn(registrar.reference, marks)
    photograph = read_photograph(on)
    matrix = registrar.register(photograph).matrix
    return drawn(photograph, [Marked(moved(place.corners, matrix), place.name) for place in places])
