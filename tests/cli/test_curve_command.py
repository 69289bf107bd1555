import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import lookalike
from cli_runner import call, on_terminal, without_styles
from lookalike.evaluation.curve import curve
from lookalike.evaluation.ideas import from_file

QUICK = ("--ideas", "mean-image-l2,ink-coverage", "--draws", "3", "--sizes", "1,5", "--seed", "2")


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, "curve", *arguments)


@pytest.fixture(scope="module")
def expected():
    train, valid = lookalike.load("digits", seed=2)
    return curve(train, valid, ["mean-image-l2", "ink-coverage"], sizes=[1, 5], draws=3, seed=2)


def test_table_is_ideas_by_sizes(cli, expected):
    found = cli("digits", *QUICK)
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0].startswith("digits: 1,438 training images, 359 to measure on")
    assert lines[1].split() == ["examples", "of", "each", "class", "1", "5", "all"]
    values = [f"{point.accuracy.value:.3f}" for point in expected.rows[0].points]
    assert lines[2].split() == ["mean", "image,", "L2", *values]
    halves = [(point.accuracy.high - point.accuracy.low) / 2 for point in expected.rows[0].points]
    assert lines[3].split() == [f"±{half:.3f}".replace("0.", ".") for half in halves]
    assert "means of 3 draws" in lines[-1]
    assert "note: There is no validation part" in found.err


def test_a_narrow_terminal_loses_numbers_of_examples_and_no_figure(cli, expected, monkeypatch):
    on_terminal(monkeypatch, 38)
    lines = without_styles(cli("digits", *QUICK, "--quiet").out).splitlines()
    (header,) = [line for line in lines if line.startswith("examples")]
    assert header.split() == ["examples", "of", "each", "class", "1", "all"]
    first, _, last = (f"{point.accuracy.value:.3f}" for point in expected.rows[0].points)
    assert f"mean image, L2          {first}  {last}" in lines


def test_json_holds_what_the_library_measures(cli, expected):
    found = cli("digits", *QUICK, "--json", "--quiet")
    facts = json.loads(found.out)
    assert found.err == ""
    assert (facts["sizes"], facts["draws"], facts["seed"]) == ([1, 5], 3, 2)
    for row, fact in zip(expected.rows, facts["ideas"], strict=True):
        assert fact["idea"] == row.name
        for point, shown in zip(row.points, fact["points"], strict=True):
            assert shown["accuracies"] == list(point.accuracies)
            assert shown["accuracy"] == vars(point.accuracy)
            assert shown["examples_of_each_class"] == (point.n or "all")
    assert facts["train"]["sha256"] == expected.train.sha256()


def test_csv_is_a_line_for_each_idea_and_size(cli, expected):
    found = cli("digits", *QUICK, "--csv")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [row["examples_of_each_class"] for row in rows] == ["1", "5", "all"] * 2
    assert [row["interval"] for row in rows] == ["draws and images", "draws and images", "wilson"] * 2
    points = [point for row in expected.rows for point in row.points]
    assert [float(row["accuracy"]) for row in rows] == [point.accuracy.value for point in points]


def test_sizes_left_out_are_said(cli):
    found = cli("digits", "--ideas", "ink-coverage", "--draws", "2", "--sizes", "1,500", "--classes", "3,7")
    assert "note: 500 examples of each class were left out: the smallest class has 14" in found.err


def test_plots_are_written_and_said(cli, tmp_path):
    for name, start in (("c.png", b"\x89PNG"), ("c.SVG", b"<?xml")):
        found = cli("digits", *QUICK, "--plot", tmp_path / name)
        assert found.code == 0
        assert (tmp_path / name).read_bytes().startswith(start)
        assert f"plot: {(tmp_path / name).resolve()}" in found.err
    assert b"Date" not in (tmp_path / "c.SVG").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_an_old_plot_survives_a_failure(cli, tmp_path):
    path = tmp_path / "c.png"
    path.write_bytes(b"old")
    assert cli("digits", "--ideas", "nonsense", "--plot", path).code == 2
    assert path.read_bytes() == b"old"


IDEAS = """
import lookalike
@lookalike.feature
def broken(images):
    return 1 / 0
@lookalike.feature
def height(images):
    return images.any(axis=2).sum(axis=1)
"""


def test_an_idea_that_fails_says_why(cli, tmp_path):
    ideas = tmp_path / "my_ideas.py"
    ideas.write_text(IDEAS, encoding="utf-8")
    options = ("--ideas", ideas, "--ideas", "ink-coverage", "--draws", "2", "--sizes", "1")
    found = cli("digits", *options, "--plot", tmp_path / "c.png")
    assert found.code == 0
    assert "broken: failed from 1: ZeroDivisionError: division by zero" in found.out
    assert "height" in found.out
    rows = list(csv.DictReader(io.StringIO(cli("digits", *options, "--csv").out)))
    assert {row["error"] for row in rows if row["idea"] == "broken"} == {
        "ZeroDivisionError: division by zero"
    }
    facts = json.loads(cli("digits", *options, "--json").out)
    assert facts["ideas"][1]["points"][0]["accuracy"] is None


def test_where_all_ideas_fail_that_is_an_error(cli, tmp_path, monkeypatch):
    ideas = tmp_path / "my_ideas.py"
    ideas.write_text(IDEAS, encoding="utf-8")
    monkeypatch.setattr("lookalike.cli.common.chosen_ideas", lambda _: from_file(ideas)[:1])
    plot = tmp_path / "c.svg"
    found = cli("digits", "--draws", "2", "--sizes", "1", "--quiet", "--plot", plot)
    assert found.code == 2
    assert "broken: failed from 1: " in found.out
    assert found.err == "lookalike: not one idea has figures: ZeroDivisionError: division by zero\n"


def test_hostile_names_do_no_harm(cli, tmp_path):
    hostile = "[red]$x^{$<b>\x1b[31m"
    rng = np.random.default_rng(0)
    for part in ("train", "valid"):
        for name in (hostile, "=cmd()"):
            folder = tmp_path / hostile / part / name
            folder.mkdir(parents=True)
            for i in range(3):
                Image.fromarray(rng.integers(0, 255, (6, 6), dtype=np.uint8)).save(folder / f"{i}.png")
    plot = tmp_path / "c.svg"
    found = cli(tmp_path / hostile, "--ideas", "ink-coverage", "--sizes", "1", "--draws", "2", "--plot", plot)
    assert found.code == 0, found.err
    assert "\x1b" not in found.out + found.err
    assert b"\x1b" not in plot.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mnits"], "did you mean mnist"),
        (["digits", "--ideas", "mean-imag"], "no idea is called 'mean-imag': did you mean"),
        (["digits", "--json", "--csv"], "expected one of them"),
        (["digits", "--sizes", "1,x"], "--sizes is '1,x': expected numbers of examples"),
        (["digits", "--sizes", "0"], "--sizes is '0'"),
        (["digits", "--sizes", ""], "--sizes is ''"),
        (["digits", "--plot", "c.jpg"], "--plot c.jpg: expected a file's name that ends in .png or .svg"),
        (["digits", "--plot", "no/such/c.png"], "there is no folder no/such; make it first"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(cli, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert len(found.err.strip().splitlines()) == 1
    assert message in found.err
    assert not list(tmp_path.iterdir())


def test_a_plots_name_may_not_be_a_folder(cli, tmp_path):
    (tmp_path / "c.png").mkdir()
    assert "is a folder: expected a file's name" in cli("digits", "--plot", tmp_path / "c.png").err


def test_draws_have_limits(cli):
    assert cli("digits", "--draws", "1").code == 2
