"""What ``print`` shows of comparisons and curves."""

import re

import numpy as np
import pytest
from rich.cells import cell_len

import lookalike

HOSTILE = "<b>[red]\x1b[31m漢字"


@pytest.fixture(scope="module")
def comparison(digits):
    train, valid = digits.train.take(slice(0, 300)), digits.valid
    crashing = lookalike.feature(lambda images: 1 / 0)
    return lookalike.compare(train, valid, ["ink-coverage", "mean-image-l2", (HOSTILE, crashing)])


@pytest.fixture(scope="module")
def curve(digits):
    few = digits.train.take(slice(0, 300)), digits.valid.take(slice(0, 50))
    crashing = lookalike.feature(lambda images: 1 / 0)
    return lookalike.curve(*few, ["mean-image-l2", (HOSTILE, crashing)], sizes=[1, 5], draws=2)


def test_a_comparison_is_printed_as_a_table_of_its_figures(comparison):
    text = str(comparison)
    assert len(text) < 1000
    lines = text.splitlines()
    assert lines[0] == "digits: 300 training images, 359 to measure on, 8x8, 10 classes"
    for line, row, mark in zip(lines[2:4], comparison.rows, "ba", strict=False):
        right, macro = row.evaluation.accuracy, row.evaluation.macro
        assert re.split("  +", line) == [
            row.title,
            f"{right.value:.4f}",
            f"{right.low:.4f}-{right.high:.4f}",
            mark,
            f"{macro.value:.4f}",
        ]
    assert lines[4].split() == ["<b>[red]\\x1b[31m漢字", "failed"]
    assert lines[5] == "<b>[red]\\x1b[31m漢字: failed: ZeroDivisionError: division by zero"
    assert lines[6].startswith("Ideas that share a letter are not told apart")


def test_columns_line_up_in_the_cells_of_a_terminal(comparison):
    lines = str(comparison).splitlines()[1:5]
    ends = [cell_len(line[: re.search(r"right|0\.\d{4}|failed", line).end()]) for line in lines]
    assert len(set(ends)) == 1


def test_a_curve_is_printed_as_a_table_of_its_figures(curve):
    lines = str(curve).splitlines()
    assert re.split("  +", lines[1]) == ["examples of each class", "1", "5", "all"]
    figures = [point.accuracy for point in curve.rows[0].points]
    assert re.split("  +", lines[2]) == [
        "mean image, L2",
        *(f"{one.value:.3f} ({one.low:.3f}-{one.high:.3f})" for one in figures),
    ]
    assert lines[3].split()[1:] == ["failed"] * 3
    assert len(lines) == 6


@pytest.mark.parametrize("kind", ["comparison", "curve"])
def test_notebooks_and_terminals_show_names_and_obey_none(kind, request):
    shown = request.getfixturevalue(kind)
    assert "\x1b" not in str(shown)
    page = shown._repr_html_()
    assert page.startswith("<pre>")
    assert "<b>" not in page
    assert "&lt;b&gt;[red]" in page


def test_what_was_not_told_apart_shares_a_letter(comparison, digits):
    twice = [("one", lookalike.MeanImage()), ("other", lookalike.MeanImage())]
    found = lookalike.compare(digits.train, digits.valid, twice)
    marks = [re.split("  +", line)[3] for line in str(found).splitlines()[2:4]]
    assert marks == ["a", "a"]
    assert np.isclose(found.pairs[0].p_adjusted, 1)
