"""Tables for terminals of any width."""

from operator import itemgetter

import pytest
from rich.console import Console

from lookalike.show.columns import SHOWN, WORDS, Column, Kind, Table
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
