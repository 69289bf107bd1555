"""The page on which a layout is drawn: by mouse and keys in a real browser, and what it may write over."""

import sys
from dataclasses import replace

import pytest
from benchmarks.frames import AT, CELL
from photographing import CELLS, write

pytest.importorskip("fastapi", reason="serving needs the extra [serve]")

from starlette.testclient import TestClient

from browsing import chromium, faults
from lookalike.photo.layout import PhotoLayout, Region, ValueFormat, load_layout
from lookalike.web.layout_page import LayoutPage
from web.asking_web import BASE, started
from web.drawing import visiting, waited

ROW = {
    "name": "counter",
    "x": AT[0],
    "y": AT[1],
    "width": CELL[0] * CELLS,
    "height": CELL[1],
    "cells": CELLS,
    "angle": 0,
}
DRAWN = {"regions": [ROW], "register": "shift", "value": {"decimals": 1, "unit": "m3"}}


@pytest.fixture
def photo(photograph, tmp_path):
    return write(tmp_path / "photo.png", photograph("0715", 1, strength=0))


@pytest.fixture
def asking(photo, tmp_path):
    page = LayoutPage(photo, tmp_path / "layout.json", ValueFormat(), "similarity", overwrite=False)
    with TestClient(page.app("127.0.0.1"), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


def test_what_is_drawn_is_previewed_and_saved(asking, tmp_path):
    told = asking.post("/v1/layout/preview", json=DRAWN).json()
    assert [place["name"] for place in told["places"]] == [f"counter.{cell}" for cell in (1, 2, 3, 4)]
    assert told["written"] == "000.0 m3"
    assert asking.put("/v1/layout", json=DRAWN).status_code == 200
    made = load_layout(tmp_path / "layout.json")
    assert (made.photograph, made.size, made.register) == (tmp_path / "photo.png", (480, 320), "shift")


def test_another_file_is_written_over_only_when_told(asking, tmp_path):
    file = tmp_path / "layout.json"
    file.write_text("mine")
    refused = asking.put("/v1/layout", json=DRAWN)
    assert (refused.status_code, file.read_text()) == (409, "mine")
    assert "layout.json is there already" in refused.json()["detail"]
    assert asking.put("/v1/layout?overwrite=true", json=DRAWN).status_code == 200
    # What was saved here is saved anew unasked, until somebody else changes it.
    assert asking.put("/v1/layout", json=DRAWN).status_code == 200
    file.write_text("theirs")
    assert asking.put("/v1/layout", json=DRAWN).status_code == 409


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("{", 400, "no JSON"),
        ("[" * 100_000, 400, "no JSON"),
        ("[]", 400, "no JSON object"),
        ('{"regions": 3, "register": "none"}', 422, "regions of the layout is '3': expected a list"),
        ('{"regions": [], "register": "none"}', 422, "there are no regions"),
    ],
)
def test_what_is_no_layout_is_refused(asking, tmp_path, body, status, said):
    for ask in (asking.post, asking.put):
        found = ask("/v1/layout/preview" if ask == asking.post else "/v1/layout", content=body)
        assert found.status_code == status
        assert said in found.json()["detail"]
    assert not (tmp_path / "layout.json").exists()


def test_strangers_are_refused(asking):
    assert asking.get("/v1/layout", headers={"Host": "evil.example"}).status_code == 421
    posted = asking.put("/v1/layout", json=DRAWN, headers={"Origin": "http://evil.example"})
    assert posted.status_code == 403


def served(file, folder):
    """Run ``lookalike layout FILE`` and give its process and its address."""
    return started([sys.executable, "-m", "lookalike", "layout", file, "--no-browser"], cwd=folder)


def drag(page, start, end):
    """Drag from one pixel of the photograph to another."""
    box = page.locator("#reference svg").bounding_box()
    scale = box["width"] / 480
    page.mouse.move(box["x"] + start[0] * scale, box["y"] + start[1] * scale)
    page.mouse.down()
    for part in (0.5, 1):
        at = [one + part * (other - one) for one, other in zip(start, end, strict=True)]
        page.mouse.move(box["x"] + at[0] * scale, box["y"] + at[1] * scale)
    page.mouse.up()


def test_a_row_of_cells_is_drawn_and_saved(photo, tmp_path):
    right, bottom = AT[0] + CELL[0] * CELLS, AT[1] + CELL[1]
    page_of = served(photo.name, tmp_path)
    with page_of as (process, address), chromium() as browser, visiting(browser) as visit:
        page = visit(address)
        page.locator("#cells").fill(str(CELLS))
        drag(page, (AT[0] + 20, AT[1] + 20), (right, bottom))
        # Its upper left corner is moved to where it belongs, then all of it one to the right and back.
        drag(page, (AT[0] + 20, AT[1] + 20), AT)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.locator("#cells").fill("1")
        drag(page, (300, 220), (360, 260))
        page.keyboard.press("]")
        page.wait_for_selector("[aria-label^='counter2: a box']")
        page.keyboard.press("Delete")
        page.locator("#value-decimals").fill("2")
        page.locator("#value-unit").fill("m3")
        page.locator("li select").select_option("last")
        waited(page, "document.querySelector('#written').textContent === '00.00 m3'")
        assert page.locator("#preview img").count() == CELLS
        for width in (1400, 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#save").click()
        page.locator("#finish").click()
        page.wait_for_selector("text=This page can be closed")
        assert process.wait(timeout=20) == 0
    made = load_layout(tmp_path / "layout.json")
    (row,) = made.regions
    box = (row.x, row.y, row.x + row.width, row.y + row.height)
    assert max(abs(one - other) for one, other in zip(box, (*AT, right, bottom), strict=True)) <= 1
    assert (row.name, row.cells, row.angle) == ("counter", CELLS, 0)
    assert (made.value.decimals, made.value.unit, made.value.rolls) == (2, "m3", ("counter.4",))


def test_a_layout_is_opened_changed_and_saved(photo, tmp_path):
    facts = {"decimals": 1, "rolls": ("counter.2", "last"), "characters": ("01", *["0123456789"] * CELLS)}
    regions = Region(**ROW), Region("last", 300, 120, 40, 64)
    made = PhotoLayout(photo, (480, 320), regions, ValueFormat(**facts), "shift")
    made.save(tmp_path / "layout.json")
    page_of = served("layout.json", tmp_path)
    with page_of as (process, address), chromium() as browser, visiting(browser) as visit:
        page = visit(address)
        waited(page, "document.querySelector('#written').textContent === '0000.0'")
        page.locator("#value-unit").fill("kWh")
        waited(page, "document.querySelector('#written').textContent === '0000.0 kWh'")
        page.locator("#save").click()
        page.locator("#finish").click()
        page.wait_for_selector("text=This page can be closed")
        assert process.wait(timeout=20) == 0
    found = load_layout(tmp_path / "layout.json")
    assert vars(found) == vars(replace(made, value=replace(made.value, unit="kWh")))


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_where_regions_are_drawn(photo, tmp_path, axe, width):
    made = PhotoLayout(photo, (480, 320), (Region(**ROW),), ValueFormat())
    made.save(tmp_path / "layout.json")
    page_of = served("layout.json", tmp_path)
    with page_of as (_, address), chromium() as browser, visiting(browser) as visit:
        page = visit(address)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_selector("#preview img")
        assert faults(page, axe) == []
