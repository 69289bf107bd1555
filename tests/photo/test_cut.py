"""Crops: where they are cut, and what they are labelled with."""

import numpy as np
import pytest
from benchmarks.frames import AT, CELL
from photographing import write
from PIL import Image

from lookalike.errors import InputError
from lookalike.photo.cut import characters_of, crops_of, cut, value_in_name, values_in
from lookalike.photo.layout import PhotoLayout, Region, ValueFormat
from lookalike.photo.register import PhotographError


def of(value, cells=4):
    return PhotoLayout("none.png", (200, 100), (Region("n", 0, 0, 20 * cells, 32, cells),), value)


def test_crops_are_what_stands_in_the_cells(layout, photograph):
    image = photograph("0123", 1, strength=0)
    crops = crops_of(layout, image)
    assert crops.shape == (4, 32, 20, 3)
    for cell, crop in enumerate(crops):
        x, y = AT[0] + cell * CELL[0], AT[1]
        part = Image.fromarray(image[y : y + CELL[1], x : x + CELL[0]]).resize((20, 32), Image.Resampling.BOX)
        assert np.abs(np.asarray(part).astype(int) - crop).max() <= 1


def test_a_turned_box_is_cut_upright():
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (32, 20, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    large = np.zeros((300, 300, 3), np.uint8)
    large[86:214, 110:190] = image
    turned = np.ascontiguousarray(np.rot90(large, -1))
    layout = PhotoLayout("none.png", (300, 300), (Region("n", 110, 86, 80, 128, angle=90),))
    assert np.abs(crops_of(layout, turned)[0].astype(int) - image[::4, ::4]).max() <= 2


def test_named_photographs_become_class_folders(layout, photograph, tmp_path):
    paths = [
        write(tmp_path / f"{name}.png", photograph(name[:4], seed))
        for seed, name in enumerate(["0715", "0715_again", "9902"])
    ]
    done = list(cut(layout, paths, tmp_path / "crops", {path: value_in_name(path) for path in paths}))
    assert [count for _, count in done] == [4, 4, 4]
    found = sorted(path.relative_to(tmp_path / "crops").as_posix() for path in tmp_path.glob("crops/*/*"))
    assert found == sorted(
        f"{name[place]}/{name}_counter.{place + 1}.png"
        for name in ("0715", "0715_again", "9902")
        for place in range(4)
    )


def test_without_values_crops_lie_side_by_side(layout, photograph, tmp_path):
    path = write(tmp_path / "new.png", photograph("0129", 4))
    list(cut(layout, [path], tmp_path / "crops"))
    assert len(list((tmp_path / "crops").glob("new_counter.*.png"))) == 4


@pytest.mark.parametrize(
    ("value", "written", "said"),
    [
        (ValueFormat(), "071", "says '071': expected the 4 characters"),
        (ValueFormat(), "07a5", "'a' cannot stand in n.3, expected one of 0123456789"),
        (
            ValueFormat(decimals=1),
            "07.15",
            r"says '07.15': expected the 4 characters of the value, such as 000.0",
        ),
        (ValueFormat(), "", "says '': expected the 4 characters"),
    ],
)
def test_values_that_cannot_be_shown_are_refused(value, written, said):
    with pytest.raises(InputError, match=said):
        characters_of(of(value), written, "photo.jpg")


@pytest.mark.parametrize(
    ("value", "written", "characters"),
    [
        (ValueFormat(), "0715", "0715"),
        (ValueFormat(decimals=1), "071.5", "0715"),
        (ValueFormat(decimals=1), "0715", "0715"),
        (ValueFormat(sign=True), "-715", "-715"),
        (ValueFormat(sign=True), "715", "+715"),
    ],
)
def test_values_are_taken_as_they_are_written(value, written, characters):
    assert characters_of(of(value), written, "photo.jpg") == characters


def test_a_csv_says_what_photographs_show(tmp_path):
    path = tmp_path / "values.csv"
    path.write_text("photograph,value\na.jpg,0715\n\nb.jpg,0716\n", encoding="utf-8")
    assert values_in(path) == {"a.jpg": "0715", "b.jpg": "0716"}
    path.write_text("a.jpg,0715\n", encoding="utf-8")
    with pytest.raises(InputError, match="does not begin with photograph,value"):
        values_in(path)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "photograph,value\na.jpg,0715\na.jpg,0716\n",
            "says both '0715' and '0716' of 'a.jpg': expected one",
        ),
        (f"photograph,value\na.jpg,{'7' * 200_000}\n", r"is no CSV \(field larger .*: expected lines of"),
        ("photograph,value\na.jpg\n", "has a line of other than two cells"),
    ],
)
def test_a_csv_that_says_no_one_value_is_refused(tmp_path, lines, said):
    path = tmp_path / "values.csv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        values_in(path)


def test_any_bytes_are_no_csv(tmp_path):
    path = tmp_path / "values.csv"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match="does not begin with photograph,value"):
        values_in(path)


def test_crops_take_no_other_crops_place(layout, photograph, tmp_path):
    one = write(tmp_path / "one.png", photograph("0129", 4))
    (tmp_path / "more").mkdir()
    other = write(tmp_path / "more" / "one.png", photograph("4567", 5))
    crops = tmp_path / "crops"
    with pytest.raises(InputError, match=r"crops of '.*one.png' and '.*one.png' would have the same names"):
        list(cut(layout, [one, other], crops))
    assert not crops.exists()
    list(cut(layout, [one], crops, {one: "0128"}))
    # Its last character was named wrongly: the crop may not stay an 8 beside the 9.
    before = sorted(crops.rglob("*.png"))
    with pytest.raises(
        InputError, match=r"8/one_counter.4.png' is there from before, .*: delete it, or name"
    ):
        list(cut(layout, [one], crops, {one: "0129"}))
    assert sorted(crops.rglob("*.png")) == before
    list(cut(layout, [one], crops, {one: "0128"}))
    assert sorted(crops.rglob("*.png")) == before


def test_photographs_that_cannot_be_used_are_named_and_all_others_are_cut(layout, photograph, tmp_path):
    wall = write(tmp_path / "0000.png", np.full((320, 480, 3), 90, np.uint8))
    (tmp_path / "0001.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    good = write(tmp_path / "0128.png", photograph("0128", 3))
    crops, seen = tmp_path / "crops", []
    with pytest.raises(
        PhotographError,
        match=r"^2 of 3 photographs were not cut, the others were: .*0000.png'?: the photograph shows "
        r"nothing.*; .*0001.png",
    ):
        seen.extend(cut(layout, [wall, tmp_path / "0001.png", good], crops))
    assert seen == [(wall, 0), (tmp_path / "0001.png", 0), (good, 4)]
    assert {path.name.partition("_")[0] for path in crops.iterdir()} == {"0128"}
