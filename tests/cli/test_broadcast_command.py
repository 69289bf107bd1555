"""``lookalike broadcast``: shapes in, words, JSON or a picture out."""

import json

import pytest

from cli_runner import call
from lookalike.broadcasting import trace


def test_shapes_that_fit(monkeypatch, capsys):
    found = call(monkeypatch, capsys, "broadcast", "1010,28,28", "28,28")
    assert found == (0, f"{trace((1010, 28, 28), (28, 28))}\n", "")


@pytest.mark.parametrize(
    ("text", "shape"),
    [("(28, 28)", (28, 28)), ("[28,]", (28,)), ("()", ()), ("", ()), (" 0 ", (0,)), ("28", (28,))],
)
def test_ways_to_write_a_shape(monkeypatch, capsys, text, shape):
    code, out, _ = call(monkeypatch, capsys, "broadcast", text, "1", "--json")
    assert code == 0
    assert json.loads(out)["shapes"] == [list(shape), [1]]


def test_a_clash_ends_with_1(monkeypatch, capsys):
    code, out, err = call(monkeypatch, capsys, "broadcast", "1010,28,28", "1010")
    assert (code, err) == (1, "")
    assert "shape 2 reshaped to (1010, 1, 1), for example by array[:, None, None]\n" in out


def test_json_holds_all(monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "broadcast", "2,28", "3,1", "--json", "--dtype", "uint8")
    assert code == 1
    assert json.loads(out) == {
        "shapes": [[2, 28], [3, 1]],
        "shape": None,
        "rank": None,
        "dtype": "uint8",
        "elements": None,
        "bytes": None,
        "axes": [
            {"number": -2, "lengths": [2, 3], "length": None, "stretched": []},
            {"number": -1, "lengths": [28, 1], "length": 28, "stretched": [1]},
        ],
        "clashes": [-2],
        "mends": [{"place": 0, "shape": [2, 1, 28], "indexing": "[:, None]"}],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-1,28", "28"], "shape 1 has an axis of a length below 0: expected 0 to 2**63 - 1"),
        (["28"], "the shapes given are 1: expected two or more, such as (1010, 28, 28) and (28, 28)"),
        (["28,,28", "28"], "'28,,28' is no shape: expected whole numbers, such as 1010,28,28"),
        (["28", "2.5"], "'2.5' is no shape: expected whole numbers, such as 1010,28,28"),
        (["28", "--jsn"], "'--jsn' is no shape: expected whole numbers, such as 1010,28,28"),
        (["9" * 5000, "1"], f"'{'9' * 37}...' is no shape: expected whole numbers, such as 1010,28,28"),
        (["\x1b[31m", "1"], r"'\x1b[31m' is no shape: expected whole numbers, such as 1010,28,28"),
        (["1", "1", "--dtype", "int33"], "no dtype is called 'int33': did you mean int32 or uint32 or int8?"),
        (
            ["1", "1", "--plot", "axes.gif"],
            "--plot axes.gif: expected a file's name that ends in .png or .svg",
        ),
    ],
    ids=["negative", "one", "gap", "fraction", "option", "long", "escape", "dtype", "plot"],
)
def test_what_is_refused(monkeypatch, capsys, arguments, message):
    assert call(monkeypatch, capsys, "broadcast", *arguments) == (2, "", f"lookalike: {message}\n")


@pytest.mark.parametrize(("name", "start"), [("axes.png", b"\x89PNG"), ("axes.SVG", b"<?xml")])
def test_the_picture(monkeypatch, capsys, tmp_path, name, start):
    code, out, err = call(monkeypatch, capsys, "broadcast", "3,1", "4", "--plot", tmp_path / name)
    assert (code, out) == (0, f"{trace((3, 1), (4,))}\n")
    assert err.replace("\n", "") == f"plot: {tmp_path / name}"
    assert (tmp_path / name).read_bytes().startswith(start)
