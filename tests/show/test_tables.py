"""Tables for terminals of any width, and the figures in them."""

import math
from operator import itemgetter

import pytest
from rich.console import Console

from lookalike.show.columns import (
    NARROW,
    SHOWN,
    WORDS,
    Column,
    Kind,
    Table,
    listing,
    memory,
    p_value,
    percent,
    seconds,
    signed_number,
    span,
)
from lookalike.show.terminal import FittedTable

FIGURE = Kind(str)


def printed(table, width):
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(FittedTable(table), crop=False)
    return captured.get().splitlines()


@pytest.fixture
def table():
    columns = (
        Column("idea", "idea", itemgetter(0), WORDS, SHOWN, folds=True),
        Column("mean", "mean of\nclasses", itemgetter(1), FIGURE, SHOWN, goes=1),
        Column("right", "right", itemgetter(2), FIGURE, SHOWN),
        Column("note", "note", itemgetter(3), WORDS, SHOWN, goes=2),
    )
    rows = [("nearest image, L1", "0.8914", "0.8912", ""), ("ink", "0.1179\n±.02", "0.1170", "")]
    return Table(columns, rows)


def test_all_of_it_where_there_is_room_and_no_line_ends_in_spaces(table):
    assert printed(table, 40) == [
        "                   mean of",
        "idea               classes   right  note",
        "nearest image, L1   0.8914  0.8912",
        "ink                 0.1179  0.1170",
        "                      ±.02",
    ]


@pytest.mark.parametrize(
    ("width", "header"),
    [
        (39, ["mean of", "idea classes right"]),
        (34, ["mean of", "idea classes right"]),
        (33, ["idea right"]),
        (25, ["idea right"]),
    ],
)
def test_the_least_important_columns_go_whole(table, width, header):
    lines = printed(table, width)
    assert [" ".join(line.split()) for line in lines[: len(header)]] == header
    assert max(map(len, lines)) <= width
    assert any(line.startswith("nearest image, L1 ") for line in lines)


@pytest.mark.parametrize("width", [24, 15, 5])
def test_names_are_folded_between_words_and_figures_are_whole_however_narrow_it_is(table, width):
    lines = printed(table, width)
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for word in ("nearest", "image,", "L1", "ink", "0.8912", "0.1170"):
        assert f" {word} " in f" {text} "
    assert max(map(len, lines)) <= max(width, len("nearest  0.8912"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.95106, 2), "95.11 %"),
        (percent(math.nan, 1), "–"),
        (span(0.941, 0.96, 1), "94.1–96.0 %"),
        ([seconds(value) for value in (0.0004, 0.0123, 3.21, 75)], ["< 1 ms", "12 ms", "3.2 s", "75 s"]),
        ([memory(size) for size in (0, 640, 62720, 376320000)], ["0 B", "640 B", "62.7 kB", "376 MB"]),
        ([p_value(p) for p in (1e-9, 0.0312, 0.31, 1.0)], ["< 0.0001", "0.031", "0.31", "1"]),
        ([listing(list(names)) for names in ("abc", "ab", "a")], ["a, b and c", "a and b", "a"]),
        ([signed_number(value) for value in (0.0129, -0.5, -0.00001)], ["+0.0129", "−0.5000", "0.0000"]),
    ],
)
def test_figures_are_as_people_read_them(written, expected):
    shown = [one.replace(NARROW, " ") for one in ([written] if isinstance(written, str) else written)]
    assert shown == ([expected] if isinstance(expected, str) else expected)
