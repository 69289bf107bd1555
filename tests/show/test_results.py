"""Every kind of result can be looked at in every form, and the forms agree."""

import csv
import io
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from rich.cells import cell_len

import lookalike
from lookalike.cli.common import progress
from lookalike.errors import MissingExtraError
from lookalike.evaluation.statistics import Rate
from lookalike.show.tables import dumps, to_csv

HOSTILE = "<b>[red]\x1b[31m漢字"
KINDS = ["compared", "curve", "evaluation", "assessment", "explained"]


@lookalike.feature
def crashing(images):
    return 1 / 0


@pytest.fixture(scope="module")
def compared(digits):
    train, valid = digits.train.take(slice(0, 300)), digits.valid
    return lookalike.compare(train, valid, ["ink-coverage", "mean-image-l2", (HOSTILE, crashing)])


@pytest.fixture(scope="module")
def curve(digits):
    few = digits.train.take(slice(0, 300)), digits.valid.take(slice(0, 50))
    return lookalike.curve(*few, ["mean-image-l2", (HOSTILE, crashing)], sizes=[1, 5], draws=2)


@pytest.fixture(scope="module")
def model(digits):
    labels = np.where(digits.train.labels == 3, HOSTILE, digits.train.labels.astype("U20"))
    return lookalike.MeanImage("l2").fit(digits.train.images, labels)


@pytest.fixture(scope="module")
def evaluation(model, digits):
    labels = np.where(digits.valid.labels == 3, HOSTILE, digits.valid.labels.astype("U20"))
    return lookalike.evaluate(model, digits.valid.images, labels)


@pytest.fixture(scope="module")
def assessment(digits):
    fitted = lookalike.MeanImage("l2").fit(digits.train.images, digits.train.labels)
    return lookalike.appraise(fitted, digits.valid)


@pytest.fixture(scope="module")
def explained(model, digits):
    return model.explain(digits.valid.images[:3])


@pytest.fixture(params=KINDS)
def result(request):
    return request.getfixturevalue(request.param)


def test_a_comparison_is_printed_as_a_table_of_its_figures(compared):
    lines = str(compared).splitlines()
    assert lines[0].startswith("digits: 300 training images, 359 to measure on, 8x8, 10 classes (0, 1, 2")
    assert re.split("  +", lines[1]) == ["idea", "right", "95 % interval", "letters", "mean of classes"]
    for line, row, mark in zip(lines[2:4], compared.rows, "ba", strict=False):
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
    assert "compact letter display" in lines[6]
    assert len(lines) == 7


def test_columns_line_up_in_the_cells_of_a_terminal(compared):
    lines = str(compared).splitlines()[1:5]
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


def test_what_was_not_told_apart_shares_a_letter(digits):
    twice = [("one", lookalike.MeanImage()), ("other", lookalike.MeanImage())]
    found = lookalike.compare(digits.train, digits.valid, twice)
    marks = [re.split("  +", line)[3] for line in str(found).splitlines()[2:4]]
    assert marks == ["a", "a"]
    assert np.isclose(found.pairs[0].p_adjusted, 1)


def test_an_assessment_is_printed_with_its_classes_and_its_levels(assessment):
    text = str(assessment)
    assert f"right: {assessment.evaluation.accuracy}" in text
    rates = [f"{rate.value:.4f}" for rate in assessment.evaluation.per_class]
    lines = text.splitlines()
    assert [line.split()[2] for line in lines[2:12]] == rates
    assert re.split("  +", lines[1]) == ["class", "images", "right", "95 % interval", "most often taken for"]


def test_evidence_is_printed_as_sentences(explained):
    lines = str(explained).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("Answered ") for line in lines)


def test_names_are_shown_and_not_obeyed(result):
    page = result._repr_html_()
    assert "\x1b" not in str(result) + page
    assert not re.search("<(b|script)>", page)
    assert page.startswith('<div class="lookalike-evidence">')


@pytest.mark.parametrize("kind", ["compared", "curve"])
def test_a_notebook_has_a_table_of_the_same_rows(kind, request):
    shown = request.getfixturevalue(kind)
    page = shown._repr_html_()
    assert page.count("<tr>") == 1 + len(shown.rows)
    assert "&lt;b&gt;[red]" in page


def test_json_is_of_pythons_numbers_and_has_nothing_that_is_not_finite(result):
    def refused(text):
        raise AssertionError(text)

    facts = json.loads(result.to_json(), parse_constant=refused)
    assert facts
    assert "\x1b" not in result.to_json()


def test_what_is_not_finite_is_null_in_json():
    given = {"a": np.float64("nan"), "b": [math.inf, np.array([1.5, -np.inf])], 3: (np.int64(7), True, "x")}
    assert json.loads(dumps(given)) == {"a": None, "b": [None, [1.5, None]], "3": [7, True, "x"]}


def test_frames_and_csv_have_the_same_columns_and_rows(result):
    pytest.importorskip("pandas")
    frame = result.frame()
    rows = list(csv.DictReader(io.StringIO(to_csv(result))))
    assert frame.columns.tolist() == list(rows[0])
    assert len(frame) == len(rows) > 0


def test_what_is_said_of_several_ideas_is_said_once(digits):
    few = digits.train.take(slice(0, 100)), digits.valid.take(slice(0, 20))
    found = lookalike.compare(*few, ["mean-image-l2", ("one", crashing), ("other", crashing)])
    told = [line for line in str(found).splitlines() if "ZeroDivisionError" in line]
    assert told == ["one; other: failed: ZeroDivisionError: division by zero"]
    curve = lookalike.curve(*few, [("one", crashing), ("other", crashing)], sizes=[1, 2], draws=2)
    told = [line.partition(": ")[0] for line in str(curve).splitlines() if "ZeroDivisionError" in line]
    assert told == ["one; other"] * len(told) != []


def test_of_nothing_the_columns_are_told():
    clean, _ = lookalike.load("digits", classes=[0, 1], limit=20)
    found = lookalike.audit(clean)
    assert not found.issues
    keys = ["kind", "part", "image", "place", "label", "action", "new_label", "score", "why", "others"]
    assert to_csv(found) == ",".join(keys) + "\n"
    pytest.importorskip("pandas")
    assert found.frame().columns.tolist() == keys


def test_frames_have_the_figures(compared, curve, evaluation, assessment, explained):
    pytest.importorskip("pandas")
    frame = compared.frame().set_index("idea")
    accuracy = compared.rows[1].evaluation.accuracy
    assert frame.loc["mean-image-l2", "right"] == accuracy.hits
    assert frame.loc["mean-image-l2", "accuracy_low"] == accuracy.low
    assert np.isnan(frame.loc[HOSTILE, "accuracy"])
    assert frame.loc[HOSTILE, "error"] == "ZeroDivisionError: division by zero"
    points = curve.frame()
    assert points["examples_of_each_class"].tolist() == [1, 5, "all"] * 2
    assert points["accuracy"][:3].tolist() == [one.accuracy.value for one in curve.rows[0].points]
    assert evaluation.frame()["right"].tolist() == [rate.hits for rate in evaluation.per_class]
    levels = assessment.frame()
    assert levels["level"].tolist() == [level.alpha for level in assessment.levels]
    assert levels["right_rejected"].tolist() == [level.right.value for level in assessment.levels]
    noise = [level.out_of_distribution[0].value for level in assessment.levels]
    assert levels["uniform noise rejected"].tolist() == noise
    assert explained.frame()["distance"].tolist() == [one.for_answer.distance for one in explained]


def test_a_class_without_images_has_no_rate_in_a_frame(evaluation):
    pytest.importorskip("pandas")
    from dataclasses import replace

    rates = (Rate(0, 0, 0.0, 1.0), *evaluation.per_class[1:])
    frame = replace(evaluation, per_class=rates).frame()
    assert np.isnan(frame["accuracy"][0])
    assert frame["n"][0] == 0


def test_a_frame_without_pandas_says_how_to_get_it(compared, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        compared.frame()


@pytest.mark.filterwarnings("ignore:Glyph")
def test_plots_are_axes_of_a_figure_of_their_own_or_where_one_wants(result, tmp_path):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    drawn = np.asarray(result.plot())
    assert all(isinstance(one, Axes) for one in drawn.flat)
    drawn.flat[0].figure.savefig(tmp_path / "own.png")
    figure = Figure()
    given = figure.subplots()
    within = np.asarray(result.plot(given))
    assert all(one.figure is figure for one in within.flat)
    figure.savefig(tmp_path / "given.png")


def test_the_plot_of_a_comparison_has_the_rates(compared):
    axes = compared.plot()
    rates = [row.evaluation.accuracy.value for row in compared.rows if row.evaluation]
    assert [line.get_xdata()[0] for line in axes.lines] == rates
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.title for row in compared.rows[:2]]


def test_the_plot_of_an_evaluation_is_the_confusion_matrix(evaluation):
    axes = evaluation.plot()
    counts = [int(text.get_text()) for text in axes.texts]
    assert counts == evaluation.confusion.ravel().tolist()


def test_plotting_leaves_pyplot_alone():
    code = (
        "import sys, lookalike\n"
        "train, valid = lookalike.load('digits', classes=[3, 7])\n"
        "found = lookalike.compare(train, valid, ['mean-image-l1'])\n"
        "found.plot(), found.rows[0].evaluation.plot()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("kind", ["compared", "curve", "evaluation", "assessment"])
def test_what_one_looks_at_is_the_table(kind, request):
    found = request.getfixturevalue(kind)
    assert repr(found).endswith(str(found))
    rows = list(csv.reader(io.StringIO(to_csv(found))))[1:]
    assert len(repr(found).splitlines()) > len(rows)
    assert (repr(found) == str(found)) == (kind != "evaluation")


def test_notebooks_draw_each_interval(compared, curve, evaluation):
    rates = [row.evaluation.accuracy for row in compared.rows if row.evaluation is not None]
    points = [point.accuracy for row in curve.rows for point in row.points if point.accuracy is not None]
    for found, wanted in ((compared, rates), (curve, points), (evaluation, evaluation.per_class)):
        drawn = re.findall(
            r'class="whisker" d="M([\d.]+) 4H([\d.]+)"/><circle cx="([\d.]+)"', found._repr_html_()
        )
        expected = [[100 * one.low, 100 * one.high, 100 * one.value] for one in wanted]
        np.testing.assert_allclose([[float(x) for x in one] for one in drawn], expected, atol=0.006)


def test_text_leaves_no_empty_block_in_a_notebook(monkeypatch, compared):
    blocks = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("rich.jupyter.display", lambda *_: blocks.append(1))
    assert str(compared)
    with progress() as tell:
        tell("reading", 0, 1)
    assert blocks == []
