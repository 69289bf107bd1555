import pytest
from rich.console import Console
from rich.text import Text

from lookalike.picture.columns import Column, FittedTable


def printed(columns, width):
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(FittedTable(columns), crop=False)
    return captured.get().splitlines()


@pytest.fixture
def columns():
    return [
        Column("idea", [Text("nearest image, L1"), Text("ink")], left=True, folds=True),
        Column("mean of\nclasses", [Text("0.8914"), Text("0.1179\n±.02")], goes=1),
        Column("right", [Text("0.8912"), Text("0.1170")]),
        Column("note", [Text(""), Text("")], goes=2, left=True),
    ]


def test_all_of_it_where_there_is_room_and_no_line_ends_in_spaces(columns):
    assert printed(columns, 40) == [
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
def test_the_least_important_columns_go_whole(columns, width, header):
    lines = printed(columns, width)
    assert [" ".join(line.split()) for line in lines[: len(header)]] == header
    assert max(map(len, lines)) <= width
    assert any(line.startswith("nearest image, L1 ") for line in lines)


@pytest.mark.parametrize("width", [24, 15, 5])
def test_names_are_folded_between_words_and_figures_are_whole_however_narrow_it_is(columns, width):
    lines = printed(columns, width)
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for word in ("nearest", "image,", "L1", "ink", "0.8912", "0.1170"):
        assert f" {word} " in f" {text} "
    assert max(map(len, lines)) <= max(width, len("nearest  0.8912"))
