"""The commands: layout, cut and read, as one types them."""

import csv
import io
import json

import numpy as np
import pytest
from benchmarks.frames import AT, CELL
from photographing import CELLS, write

from cli_runner import call
from lookalike.photo.layout import load_layout, read_photograph

REGION = f"counter={AT[0]},{AT[1]},{CELL[0] * CELLS},{CELL[1]}/{CELLS}"


@pytest.fixture
def lookalike(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture
def laid(layout, tmp_path):
    layout.save(tmp_path / "layout.json")
    return tmp_path / "layout.json"


def test_a_layout_is_made_from_flags_and_drawn(lookalike, tmp_path, photograph):
    write(tmp_path / "photo.png", photograph("0715", 1, strength=0))
    flags = ["--decimals", "1", "--unit", "m3", "--rolls", "counter.4", "--register", "shift"]
    found = lookalike(
        "layout", "photo.png", "--region", REGION, *flags, "-o", "layout.json", "--check", "r.png"
    )
    assert (found.code, found.out) == (0, ""), found.err
    made = load_layout("layout.json")
    assert [place.name for place in made.places] == [f"counter.{cell}" for cell in (1, 2, 3, 4)]
    assert (made.value.decimals, made.value.unit, made.value.rolls) == (1, "m3", ("counter.4",))
    assert made.register == "shift"
    drawn, plain = read_photograph("r.png"), read_photograph("photo.png")
    assert drawn.shape == plain.shape
    changed = (drawn != plain).any(axis=2)
    assert changed[AT[1], AT[0] : AT[0] + CELL[0] * CELLS].all()
    assert not changed[AT[1] + CELL[1] + 10 :].any()


def test_regions_are_drawn_where_they_lie_on_another_photograph(lookalike, laid, photograph, tmp_path):
    moved = np.roll(photograph("4711", 3, strength=0), (9, -7), axis=(0, 1))
    write(tmp_path / "moved.png", moved)
    found = lookalike("layout", laid, "--check", "r.png", "--on", "moved.png")
    assert found.code == 0, found.err
    changed = (read_photograph("r.png") != moved).any(axis=2)
    assert changed[AT[1] + CELL[1] + 9, AT[0] - 7 + 4 : AT[0] - 7 + 150].all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["photo.png", "--region", "a=1,2,3", "-o", "l.json"],
            "--region is 'a=1,2,3': expected NAME=X,Y,WIDTH",
        ),
        (
            ["photo.png", "--region", REGION, "-o", "photo.png"],
            "--output photo.png is photo.png, which is read",
        ),
        (["photo.png", "--check", "r.png"], "need regions: add --region, or leave them out and draw"),
        (
            ["photo.png", "--region", "a=400,2,90,20", "-o", "l.json"],
            "region 'a' lies outside",
        ),
        (["none.png", "--region", REGION, "-o", "l.json"], "cannot be read"),
        (
            ["photo.png", "--region", REGION, "-o", "l.json", "--on", "photo.png"],
            "--on names the photograph that regions are drawn on: add --check",
        ),
    ],
)
def test_layouts_that_cannot_be_are_refused_in_a_line(lookalike, photograph, tmp_path, arguments, said):
    write(tmp_path / "photo.png", photograph("0715", 1, strength=0))
    found = lookalike("layout", *arguments)
    assert found.code == 2
    assert said in found.err
    assert not (tmp_path / "l.json").exists()


def test_a_reference_of_another_size_is_refused(lookalike, photograph, laid, tmp_path):
    facts = json.loads(laid.read_text())
    laid.write_text(json.dumps({**facts, "size": [481, 320]}))
    found = lookalike("layout", laid, "--check", "r.png")
    assert found.code == 2
    assert "is 480 x 320 pixels: expected 481 x 320, as its layout says" in found.err


def test_a_layout_that_was_moved_says_what_it_misses(lookalike, laid, saved, photograph, tmp_path):
    write(tmp_path / "a.png", photograph("0715", 3))
    facts = json.loads(laid.read_text())
    laid.write_text(json.dumps({**facts, "photograph": "gone.png"}))
    found = lookalike("read", saved, laid, "a.png")
    assert found.code == 2
    assert "the photograph that the layout was made on: " in found.err
    assert "gone.png' cannot be read" in found.err
    assert "; put it there, or make the layout again" in found.err


def test_crops_do_not_go_among_photographs(lookalike, laid, photograph, tmp_path):
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos" / "0715.png", photograph("0715", 20))
    for folder in ("photos", "photos/../photos"):
        found = lookalike("cut", laid, "photos", "-o", folder)
        assert found.code == 2
        assert "holds photos/0715.png, which is read: name a new folder" in found.err.replace("\\", "/")
    found = lookalike("cut", laid, "photos", "-o", "layout.json")
    assert (found.code, "--output layout.json is a file: expected a folder" in found.err) == (2, True)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["0715.png"]
    assert lookalike("cut", laid, "photos", "-o", "photos/crops").out.endswith("4 crops of 1 photograph\n")


def test_a_layout_is_written_over_only_when_told(lookalike, photograph, tmp_path):
    write(tmp_path / "photo.png", photograph("0715", 1, strength=0))
    (tmp_path / "layout.json").write_text("mine")
    found = lookalike("layout", "photo.png", "--region", REGION)
    assert found.code == 2
    assert "--output layout.json is there: add --overwrite to write over it" in found.err
    assert (tmp_path / "layout.json").read_text() == "mine"
    assert lookalike("layout", "photo.png", "--region", REGION, "--overwrite").code == 0
    assert len(load_layout("layout.json").places) == CELLS


def test_photographs_are_cut_by_their_names_or_a_csv(lookalike, laid, photograph, tmp_path):
    (tmp_path / "photos").mkdir()
    for seed, value in enumerate(("0715", "0716")):
        write(tmp_path / "photos" / f"{value}.png", photograph(value, 20 + seed))
    found = lookalike("cut", laid, "photos", "-o", "crops", "--labels-from-name")
    assert (found.code, found.out) == (0, "crops\t8 crops of 2 photographs\n")
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == ["0", "1", "5", "6", "7"]
    (tmp_path / "values.csv").write_text("photograph,value\n0715.png,9999\n")
    found = lookalike("cut", laid, "photos", "-o", "other", "--labels", "values.csv")
    assert found.code == 2
    assert "values.csv says nothing of 0716.png" in found.err


def test_values_are_read_as_lines_json_and_csv(lookalike, laid, saved, photograph, tmp_path):
    write(tmp_path / "a.png", photograph("0715", 3))
    write(tmp_path / "wall.png", np.full((320, 480, 3), 90, np.uint8))
    lines = lookalike("read", saved, laid, "a.png", "wall.png").out.splitlines()
    assert lines[0] == "a.png\t0715"
    assert lines[1].startswith("wall.png\trejected\t????\tthe photograph shows nothing")
    facts = json.loads(lookalike("read", saved, laid, "a.png", "wall.png", "--json").out)
    assert [one["value"] for one in facts] == ["0715", None]
    assert [place["character"] for place in facts[0]["places"]] == ["0", "7", "1", "5"]
    rows = list(csv.DictReader(io.StringIO(lookalike("read", saved, laid, "a.png", "wall.png", "--csv").out)))
    assert [(row["photograph"], row["value"], row["rejected"]) for row in rows] == [
        ("a.png", "0715", "False"),
        ("wall.png", "", "True"),
    ]


def test_a_history_holds_values_and_explains(lookalike, laid, saved, photograph, tmp_path):
    import os

    for name, value, seed, seconds in (("a", "0715", 3, 1000), ("b", "0700", 9, 2000)):
        path = write(tmp_path / f"{name}.png", photograph(value, seed))
        os.utime(path, (seconds, seconds))
    options = ["--history", "m.db", "--increasing", "--explain"]
    found = lookalike("read", saved, laid, "a.png", "b.png", *options)
    assert found.out.splitlines()[0] == "a.png\t0715"
    assert found.out.splitlines()[1].endswith("700 is less than 715 before, and the value never decreases")
    assert "counter.2: 7, probability 0." in found.err or "counter.2: 7, probability 1." in found.err
    # Read in the order in which they were taken, whatever they are called; of one second, by its parts.
    for name, seconds in (("a", 3000.25), ("b", 3000.0)):
        os.utime(tmp_path / f"{name}.png", (seconds, seconds))
    again = lookalike("read", saved, laid, "a.png", "b.png", "--history", "n.db")
    assert again.out.splitlines() == ["b.png\t0700", "a.png\t0715"]
    late = lookalike("read", saved, laid, "b.png", "--history", "n.db")
    assert "at 1970-01-01 00:50:00 UTC, before the last one at 1970-01-01 00:50:00.250000 UTC" in late.out
    alone = lookalike("read", saved, laid, "a.png", "--increasing")
    assert alone.code == 2
    assert "add --history" in alone.err


def test_a_picture_is_drawn_of_one_photograph(lookalike, laid, saved, photograph, tmp_path):
    write(tmp_path / "a.png", photograph("0715", 3))
    assert lookalike("read", saved, laid, "a.png", "--picture", "seen.png").code == 0
    assert read_photograph("seen.png").shape == (320, 480, 3)
    # It is written over: lookalike made it.
    assert lookalike("read", saved, laid, "a.png", "--picture", "seen.png").code == 0
    assert lookalike("read", saved, laid, "a.png", "--picture", "a.png").code == 2
    found = lookalike("read", saved, laid, "a.png", "a.png", "--picture", "two.png")
    assert "--picture draws one photograph" in found.err


def test_one_bad_photograph_of_several_is_rejected_and_the_others_are_read(
    lookalike, laid, saved, photograph, tmp_path
):
    (tmp_path / "new").mkdir()
    whole = write(tmp_path / "new" / "b.png", photograph("0715", 3))
    (tmp_path / "new" / "a.png").write_bytes(whole.read_bytes()[:5000])
    found = lookalike("read", saved, laid, "new")
    assert found.code == 0
    first, second = found.out.splitlines()
    assert first.split("\t")[1:3] == ["rejected", "????"]
    assert "truncated or damaged" in first
    assert second.endswith("0715")
    assert lookalike("read", saved, laid, "new/a.png").code == 2


def test_a_cold_read_loads_nothing_heavy(laid, saved, photograph, tmp_path):
    import subprocess
    import sys

    write(tmp_path / "a.png", photograph("0715", 3))
    heavy = (
        "sklearn",
        "matplotlib",
        "torch",
        "pandas",
        "jinja2",
        "scipy.ndimage",
        "fastapi",
    )
    code = (
        "import sys\nfrom lookalike.cli.main import run\n"
        f"sys.argv = ['lookalike', 'read', {str(saved)!r}, {str(laid)!r}, {str(tmp_path / 'a.png')!r}]\n"
        f"try:\n    run()\nfinally:\n    print([one for one in {heavy!r} if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].endswith("a.png\t0715")
    assert done.stdout.splitlines()[1] == "[]"
