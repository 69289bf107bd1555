import csv
import io
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lookalike.text import csv_cell, listed, plain, quoted

# Surrogates too: undecodable file names hold them.
any_text = st.text(st.characters(exclude_categories=()))


@given(any_text)
@example("\x1b[31m\x9b2J\r\n\t\x00\x7f")
@example("\u202e\u2066\u200f\ufeff\u2028\udc80")
def test_plain_leaves_nothing_that_a_terminal_obeys(text):
    shown = plain(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert shown.encode("utf-8").decode("utf-8") == shown


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_plain_leaves_harmless_text_alone(text):
    assert plain(text) == text


def test_plain_shows_what_it_took():
    assert plain("[red]<b>\x1b[31m") == r"[red]<b>\x1b[31m"
    assert plain("a\nb\u202ec\udcff") == r"a\nb\u202ec\udcff"


def test_plain_keeps_the_joiners_that_words_need():
    assert plain("می‌خواهم 👩‍🔬") == "می‌خواهم 👩‍🔬"


def test_plain_takes_labels_that_are_no_text():
    assert plain(7) == "7"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "＝1",
        "|x",
        "%0",
        "\u200d=1",
        "\u200c @x",
        "\ufe0f=1",
        "\u3164=1",
    ],
)
def test_formulas_become_text(text):
    assert csv_cell(text)[0] not in "=+-@|%＝ \u200c\u200d\ufe0f\u3164"


@pytest.mark.parametrize("text", ["-7", "+0.5", "seven", "3/10000.png", "", "a=b"])
def test_other_cells_stay(text):
    assert csv_cell(text) == text


@given(any_text)
def test_cells_come_back_from_a_csv_file(text):
    out = io.StringIO()
    csv.writer(out).writerow(["first", csv_cell(text)])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == ["first", csv_cell(text)]


def test_names_are_shown_without_harm():
    assert quoted("a\x1b[31m.png") == r"'a\x1b[31m.png'"
    assert quoted("x" * 1000, 10) == "'xxxxx...'"
    assert listed("abc", most=2) == "'a', 'b' and 1 more"
    assert listed(range(7), most=7) == "'0', '1', '2', '3', '4', '5', '6'"
