"""``lookalike show``: what it draws, of which images, and how it fails."""

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

import lookalike
from lookalike.cli import common
from lookalike.cli.main import app


@pytest.fixture
def show(monkeypatch):
    """Return a function that runs the command and returns what it printed; errors are raised."""
    out = io.StringIO()

    def run(*arguments, width=200, colour=None):
        def console():
            environ = {"TERM": "xterm"}
            return Console(
                file=out,
                width=width,
                force_terminal=colour is not None,
                color_system=colour,
                highlight=False,
                markup=False,
                _environ=environ,
            )

        monkeypatch.setattr(common, "console", console)
        result = CliRunner().invoke(app, ["show", *arguments], catch_exceptions=True)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return out.getvalue()

    return run


@pytest.fixture
def folder(tmp_path):
    """Return a folder of two classes of 3x2 images, some with hostile names."""
    rng = np.random.default_rng(5)
    for name in ("cat", "[red]dog"):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = rng.integers(0, 256, (3, 2), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}[bold].png")
    return tmp_path


def captions(text):
    """Return (class, name) of every image drawn."""
    return re.findall(r"(\d)  (\d+)(?=\s)", text)


def test_each_class_has_its_turn(show):
    found = captions(show("digits", "--n", "20"))
    assert [label for label, _ in found] == [str(i % 10) for i in range(20)]
    train, _ = lookalike.load("digits")
    labels = dict(zip(train.names, train.labels.astype(str), strict=True))
    assert all(labels[name] == label for label, name in found)
    assert len({name for _, name in found}) == 20


def test_one_class_of_the_validation_part(show):
    text = show("digits", "--class", "3", "--n", "5", "--part", "valid")
    assert text.startswith("digits (valid): 5 of 359 images, 8x8 uint8, class 3\n")
    _, valid = lookalike.load("digits")
    names = {name for name, label in zip(valid.names, valid.labels, strict=True) if label == 3}
    found = captions(text)
    assert len(found) == 5
    assert {name for _, name in found} <= names


def test_the_seed_decides(show):
    once = show("digits", "--n", "10", "--seed", "1")
    text = show("digits", "--n", "10", "--seed", "1")
    assert text == once * 2  # the output of both runs
    assert captions(show("digits", "--n", "10", "--seed", "2")[len(text) :]) != captions(once)


def test_no_more_than_there_are(show):
    assert "24 of 24 images" in show("digits", "--limit", "24", "--n", "1000")


def test_colours_where_the_terminal_has_them(show):
    assert "▀" in show("digits", "--n", "1", colour="truecolor")
    assert "\x1b[38;2;" in show("digits", "--n", "1", colour="truecolor")


def test_pixels_are_the_numbers_of_one_image(show):
    text = show("digits", "--pixels", "--class", "7")
    head, _, _, _, _, *rows = text.splitlines()
    name = re.match(r"(\d+), class 7$", head).group(1)
    train, _ = lookalike.load("digits")
    numbers = [[int(value) for value in row.split()[1:]] for row in rows]
    np.testing.assert_array_equal(numbers, train.images[train.names.index(name)])


def test_pixels_are_described_as_array_and_as_tensor(show):
    torch = pytest.importorskip("torch")
    head, *lines = show("digits", "--pixels", "--class", "7").splitlines()[:4]
    train, _ = lookalike.load("digits")
    index = train.names.index(head.split(",")[0])
    array = train.images[index]
    for line, name, made in zip(
        lines,
        ("array", "tensor", ".to_torch()"),
        (array, torch.tensor(array), train.to_torch()[index][0]),
        strict=True,
    ):
        shape, low, high = tuple(made.shape), float(made.min()), float(made.max())
        expected = f"rank {made.ndim}, shape {shape}, {made.dtype}, values {low:.6g} to {high:.6g}"
        assert line == f"{name:12} {expected}"


def test_pixels_need_no_torch(show, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    lines = show("digits", "--pixels").splitlines()
    assert re.fullmatch(
        r"tensor       rank 2, shape \(8, 8\), torch\.uint8, values 0 to \d+ "
        r"\(torch is not installed: pip install \"lookalike\[torch\]\" .*\)",
        lines[2],
    )


def test_pixels_never_import_torch():
    code = (
        "import sys; sys.argv = ['lookalike', 'show', 'digits', '--pixels']\n"
        "import contextlib, io\n"
        "from lookalike.cli.main import run\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): run()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_pixels_are_shaded_and_cut_into_blocks_on_a_terminal(show):
    text = show("digits", "--pixels", width=20, colour="truecolor")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()[4:]
    assert ";48;2;" in text
    assert len(plain) >= 2 * 9
    assert max(map(len, plain[-18:])) <= 20


def test_a_pipe_takes_a_table_of_any_width(show, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("L", (90, 2), number).save(tmp_path / name / f"{number}.png")
    lines = show(str(tmp_path), "--pixels").splitlines()
    assert len(lines) == 4 + 1 + 2
    assert len(lines[-1].split()) == 1 + 90


def test_names_do_no_harm(show, folder):
    if os.name == "posix":
        (folder / "[red]dog").rename(folder / "[red]dog\x1b[31m")
    name = next(path.name for path in folder.iterdir() if "dog" in path.name)
    text = show(str(folder), "--class", name, "--n", "2", colour="truecolor")
    assert "class [red]dog" in text
    assert "[bold" in text
    assert "\x1b[31m" not in text


@pytest.mark.parametrize("width", [1, 7, 30])
def test_narrow_terminals(show, width):
    assert show("digits", "--n", "3", width=width)


def test_an_unknown_class_names_the_nearest(show):
    with pytest.raises(lookalike.InputError, match=r"no class is called '33': did you mean 3\?"):
        show("digits", "--class", "33")


def test_an_unknown_set_is_no_traceback(show):
    with pytest.raises(lookalike.LookalikeError, match="digitz"):
        show("digitz")


def test_the_books_images_are_drawn(show, shared_data):
    text = show("mnist-sample", "--n", "2")
    assert text.startswith("mnist-sample (train): 2 of 12,396 images, 28x28 uint8, 2 classes\n")
    assert re.search(r"3/\d+\.png +7/\d+\.png", text)
