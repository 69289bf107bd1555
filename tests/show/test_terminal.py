import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.cells import cell_len
from rich.console import Console

from lookalike.show.terminal import ImageGrid, PixelTable


def drawn(thing, width=80, colour=None, **console):
    out = io.StringIO()
    terminal = colour is not None
    if terminal:
        console["_environ"] = {"TERM": "xterm", **console.pop("environ", {})}
    # What is too wide must be seen to be too wide: Rich would crop it.
    shown = Console(file=out, width=width, force_terminal=terminal, color_system=colour, **console)
    shown.print(thing, end="", crop=False)
    return out.getvalue()


def colours_of(text):
    """Return the (above, below) colours of each half block, line by line, from 24-bit escapes."""
    lines = []
    for line in text.splitlines():
        cells = []
        pattern = r"\x1b\[38;2;(\d+);(\d+);(\d+)(?:;48;2;(\d+);(\d+);(\d+))?m(▀+)"
        for *numbers, blocks in re.findall(pattern, line):
            above = tuple(map(int, numbers[:3]))
            below = tuple(map(int, numbers[3:])) if numbers[3] else None
            cells += [(above, below)] * len(blocks)
        if cells:
            lines.append(cells)
    return lines


@given(hnp.arrays(np.uint8, st.tuples(st.integers(17, 21), st.integers(1, 20), st.just(3))))
def test_half_blocks_are_the_pixels(image):
    lines = colours_of(drawn(ImageGrid([image], [""]), colour="truecolor"))
    rows = [[above for above, _ in line] for line in lines]
    below = [[lower for _, lower in line] for line in lines]
    pixels = [list(map(tuple, row)) for row in image.tolist()]
    assert rows == pixels[::2]
    assert [line for line in below if line[0] is not None] == pixels[1::2]
    assert (below[-1][0] is None) == bool(len(image) % 2)


def test_small_images_take_two_columns_a_pixel():
    lines = colours_of(drawn(ImageGrid([np.array([[0, 200]], np.uint8)], [""]), colour="truecolor"))
    black, gray = ((0, 0, 0),) * 2, ((200, 200, 200),) * 2
    assert lines == [[black, black, gray, gray]]


def test_transparency_lies_on_black():
    image = np.array([[[255, 255, 255, 0], [200, 100, 0, 255]]], np.uint8)
    (line,) = colours_of(drawn(ImageGrid([image], [""]), colour="truecolor"))
    assert [above for above, _ in line[::2]] == [(0, 0, 0), (200, 100, 0)]


@pytest.mark.parametrize(
    ("colour", "options"),
    [(None, {}), ("truecolor", {"no_color": True}), ("standard", {})],
    ids=["pipe", "NO_COLOR", "16 colours"],
)
def test_without_colours_characters_shade(colour, options):
    image = np.array([[0, 64, 128, 191, 255]], np.uint8)
    text = drawn(ImageGrid([image], ["ramp"]), colour=colour, **options)
    assert text.splitlines()[0] == "  ░░▒▒▓▓██"
    assert "\x1b" not in text


def test_larger_images_shade_two_rows_a_line():
    image = np.zeros((18, 20), np.uint8)
    image[0] = 255
    image[1] = 255
    image[2] = 255
    lines = drawn(ImageGrid([image], ["x"])).splitlines()
    assert len(lines) == 9 + 1
    assert lines[0] == "█" * 20
    assert lines[1] == "▒" * 20


@given(
    st.lists(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))), min_size=1, max_size=5),
    st.integers(8, 60),
    st.text(max_size=30),
)
def test_nothing_is_wider_than_the_terminal(images, width, caption):
    for colour in (None, "truecolor"):
        text = drawn(ImageGrid(images, [caption] * len(images)), width, colour)
        plain_lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        assert max(map(cell_len, plain_lines)) <= width


def test_images_wrap_and_keep_their_captions():
    images = [np.zeros((4, 4), np.uint8)] * 5
    text = drawn(ImageGrid(images, list("abcde")), width=28)
    captions = [line.split() for line in text.splitlines() if line.strip()]
    assert captions == [["a", "b", "c"], ["d", "e"]]


def test_captions_do_no_harm():
    text = drawn(ImageGrid([np.zeros((8, 8), np.uint8)], ["[red]\x1b[31m"]))
    assert r"[red]\x1b[31m" in text
    assert "\x1b" not in text


def test_long_captions_are_cut_and_marked():
    text = drawn(ImageGrid([np.zeros((8, 8), np.uint8)], ["x" * 80]))
    assert text.splitlines()[-1].strip() == "x" * 23 + "…"


def test_floats_and_single_pixels_are_drawn():
    assert drawn(ImageGrid([np.array([[1.0]])], ["one"])).splitlines()[0] == "██ "


def test_a_pixel_table_holds_the_numbers():
    image = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    lines = drawn(PixelTable(image)).splitlines()
    assert [int(text) for text in lines[0].split()] == list(range(6))
    body = [[int(text) for text in line.split()] for line in lines[1:]]
    assert [row[0] for row in body] == list(range(4))
    np.testing.assert_array_equal([row[1:] for row in body], image)


def test_floats_have_two_decimals():
    assert drawn(PixelTable(np.array([[0.123, 1.0]], np.float32))).splitlines()[1] == "0 0.12 1.00"


def test_wide_tables_continue_in_blocks():
    image = np.arange(40, dtype=np.uint8).reshape(2, 20)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", drawn(PixelTable(image), 41, "truecolor")).splitlines()
    assert max(map(len, lines)) <= 41
    numbers = [[int(text) for text in line.split()[1:]] for line in (lines[1], lines[4])]
    assert numbers[0] + numbers[1] == list(range(20))


def test_each_channel_has_its_table():
    text = drawn(PixelTable(np.zeros((1, 1, 3), np.uint8)))
    assert [line for line in text.splitlines() if line.isalpha()] == ["red", "green", "blue"]


def test_cells_are_shaded_by_value_and_readable():
    text = drawn(PixelTable(np.array([[0, 255]], np.uint8)), colour="truecolor")
    assert "\x1b[38;2;255;255;255;48;2;0;0;0m   0" in text
    assert "\x1b[38;2;0;0;0;48;2;255;255;255m 255" in text


def height_of(images, lines, width=80):
    out = io.StringIO()
    shown = Console(file=out, width=width, height=lines, force_terminal=True, color_system="truecolor")
    shown.print(ImageGrid(images, ["x"] * len(images)), end="")
    return len(out.getvalue().splitlines())


@pytest.mark.parametrize(
    ("side", "n", "lines", "expected"),
    [
        (8, 10, 60, 27),  # three bands of eight lines and a caption: two columns a pixel
        (8, 10, 24, 10),  # one column a pixel: two bands of four lines and a caption
        (28, 10, 40, 16),  # five bands of fifteen do not fit: half as large, in two bands
        (64, 1, 24, 17),  # 32 lines do not fit: half as large
    ],
)
def test_pictures_fit_the_height_of_the_terminal(side, n, lines, expected):
    images = [np.full((side, side), 200, np.uint8)] * n
    found = height_of(images, lines)
    assert found <= lines - 2
    assert found == expected


def test_what_cannot_all_fit_is_as_large_as_one_may_be():
    images = [np.full((28, 28), 200, np.uint8)] * 60
    assert height_of(images, 24) == 30 * 15
    assert height_of(images, 10, width=28) == 60 * 8
