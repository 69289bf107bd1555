import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lookalike
from cli_runner import call, on_terminal, without_styles
from lookalike import MissingExtraError


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def test_table_says_data_ideas_and_how_to_read_it(cli):
    found = cli("compare", "digits", "--classes", "3,7")
    assert found.code == 0
    lines = found.out.splitlines()
    assert lines[0] == "digits: 289 training images, 73 to measure on, 8x8, 2 classes (3, 7)"
    assert lines[2].split()[:1] == ["idea"]
    assert "nearest image" in found.out
    assert "Ideas that share a letter" in lines[-1]
    assert "note: There is no validation part" in found.err


@pytest.mark.parametrize("width", [72, 80, 110, 160])  # times differ in width
def test_a_narrow_terminal_keeps_the_names_and_drops_what_matters_least(cli, width, monkeypatch):
    on_terminal(monkeypatch, width)
    found = cli("compare", "digits", "--classes", "3,7", "--ideas", "most-frequent,mean-image-l1")
    out = without_styles(found.out)
    assert "most frequent" in out
    assert "0.9452" in out
    assert "…" not in out
    assert ("size" in out) == (width >= 110)
    assert all(len(line) <= width for line in out.splitlines())
    assert "0.8674-0.9785  a" in out


def test_json_holds_what_the_library_measures(cli):
    found = cli(
        "compare", "digits", "--ideas", "mean-image-l2,ink-coverage", "--json", "--quiet", "--seed", "3"
    )
    facts = json.loads(found.out)
    assert found.err == ""
    expected = lookalike.compare(*lookalike.load("digits", seed=3), ["mean-image-l2", "ink-coverage"], seed=3)
    for row, fact in zip(expected.rows, facts["ideas"], strict=True):
        assert fact["idea"] == row.name
        assert fact["accuracy"]["hits"] == row.evaluation.accuracy.hits
        assert fact["mean_of_classes"]["value"] == row.evaluation.macro.value
        assert fact["confusion"] == row.evaluation.confusion.tolist()
    assert facts["train"]["sha256"] == expected.train.sha256()
    assert facts["pairs"][0]["p_value"] == expected.pairs[0].p_value


def test_csv_is_a_line_an_idea(cli):
    found = cli("compare", "digits", "--csv", "--limit", "50")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [row["idea"] for row in rows][:2] == ["most-frequent", "ink-coverage"]
    assert all(row["n"] == "50" and 0 <= float(row["accuracy"]) <= 1 for row in rows)


def test_ones_own_ideas_come_beside_ours(cli, tmp_path):
    ideas = tmp_path / "my_ideas.py"
    ideas.write_text(
        "import lookalike\n"
        "@lookalike.feature\n"
        "def height(images):\n"
        "    return images.any(axis=2).sum(axis=1)\n"
        "@lookalike.feature\n"
        "def broken(images):\n"
        "    return 1 / 0\n",
        encoding="utf-8",
    )
    found = cli("compare", "digits", "--ideas", ideas)
    assert found.code == 0
    assert "height" in found.out
    assert "broken: failed: ZeroDivisionError: division by zero" in found.out
    assert "mean image, L1" in found.out


@pytest.mark.parametrize("given", ["my_ideas.py,mean-image-l1", "mean-image-l1, my_ideas.py", "a,b.py"])
def test_files_of_ideas_may_be_in_a_list_of_names(cli, tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    for name in ("my_ideas.py", "a,b.py"):
        (tmp_path / name).write_text("from sklearn.naive_bayes import GaussianNB\nbayes = GaussianNB()\n")
    rows = json.loads(cli("compare", "digits", "--ideas", given, "--json").out)["ideas"]
    names = [row["idea"] for row in rows]
    assert names[-1] == "bayes"
    assert names[:-1] == ["mean-image-l1"] or given == "a,b.py"


def test_figures_are_shown_where_the_report_fails_after_all(cli, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "something else")

    monkeypatch.setattr("os.fsync", full)
    path = tmp_path / "r.html"
    found = cli("compare", "digits", "--ideas", "mean-image-l1", "--report", path, "--quiet")
    assert found.code == 2
    assert "mean image, L1" in found.out
    assert found.err == f"lookalike: {path}: No space left on device\n"


FAILING = """
import lookalike
@lookalike.feature
def broken(images):
    return 1 / 0
@lookalike.feature
def misshapen(images):
    return images
"""


def test_where_one_idea_fails_the_others_are_the_result(cli, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(FAILING)
    monkeypatch.chdir(tmp_path)
    given = ("compare", "digits", "--ideas", "mine.py,mean-image-l1")
    found = cli(*given, "--quiet")
    assert (found.code, found.err) == (0, "")
    assert "broken: failed: ZeroDivisionError: division by zero\n" in found.out
    # What we say ourselves needs no class of Python's to be understood.
    assert "misshapen: failed: misshapen returned shape (1000, 8, 8) for 1000 images" in found.out
    rows = list(csv.DictReader(io.StringIO(cli(*given, "--csv").out)))
    assert [row["error"] for row in rows[:2]] == ["", "ZeroDivisionError: division by zero"]
    assert [rows[1][name] for name in ("right", "accuracy", "fit_seconds", "predict_seconds")] == [""] * 4
    assert rows[1]["size_bytes"] == rows[0]["warnings"] == ""


@pytest.mark.parametrize("form", [[], ["--json"], ["--report", "r.html"]], ids=" ".join)
def test_where_all_ideas_fail_that_is_an_error(cli, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)

    def missing(what):
        raise MissingExtraError(f'{what} needs torch: pip install "lookalike[torch]"')

    monkeypatch.setattr("lookalike.search.prototypes.need_torch", missing)
    found = cli("compare", "digits", "--ideas", "learned-l2", "--quiet", *form)
    assert found.code == 2
    assert 'pip install "lookalike[torch]"' in found.out.replace("\\", "")
    assert "Error" not in found.out
    assert found.err.startswith("lookalike: not one idea has figures: ")
    assert found.err.count("\n") == 1
    assert (tmp_path / "r.html").exists() == ("r.html" in form)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_what_cannot_be_printed_is_said():
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "lookalike", "data", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ran.returncode == 2
    assert ran.stderr == "lookalike: standard output: No space left on device\n"


def test_a_model_is_no_data_set(cli, digits, tmp_path):
    model = lookalike.InkCoverage().fit(digits.train.images, digits.train.labels)
    path = lookalike.save_model(model, tmp_path / "m")
    found = cli("compare", path)
    assert (found.code, found.out) == (2, "")
    assert "is a model: expected labelled images here" in found.err
    assert "lookalike predict and evaluate take a model" in found.err


def test_report_is_written_and_said(cli, tmp_path):
    path = tmp_path / "r.html"
    found = cli("compare", "digits", "--classes", "3,7", "--report", path)
    assert found.code == 0
    assert f"report: {path.resolve()}" in found.err
    assert "lookalike compare digits --classes 3,7" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-here"], "nothing-here"),
        (["mnits"], "did you mean mnist"),
        (["digits", "--ideas", "mean-imag"], "no idea is called 'mean-imag': did you mean"),
        (["digits", "--ideas", "missing.py"], "missing.py is no file"),
        (["digits", "--json", "--csv"], "expected one of them"),
        (["digits", "--image", "x"], "expected --report FILE beside it"),
        (["digits", "--report", "no/such/folder/r.html"], "there is no folder no/such/folder"),
        (["digits", "--report", "."], "is a folder: expected a file's name"),
        (["digits", "--size", "8x"], "--size is '8x': expected HEIGHTxWIDTH"),
        (["digits", "--classes", "3"], "class"),
        (["digits", "--classes", "3,eleven"], "eleven"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(cli, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = cli("compare", *arguments)
    assert found.code == 2
    assert found.out == ""
    assert len(found.err.strip().splitlines()) == 1
    assert found.err.startswith("lookalike: ")
    assert message in found.err
    assert not list(tmp_path.iterdir())


def test_a_report_about_an_unknown_image_is_refused_and_nothing_is_written(cli, tmp_path):
    path = tmp_path / "r.html"
    found = cli("compare", "digits", "--ideas", "mean-image-l1", "--report", path, "--image", "no-such-image")
    assert (found.code, path.exists()) == (2, False)
    assert "no-such-image" in found.err


def test_an_old_report_survives_a_failure(cli, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old", encoding="utf-8")
    assert cli("compare", "digits", "--ideas", "nonsense", "--report", path).code == 2
    assert path.read_text(encoding="utf-8") == "old"


def test_hostile_class_names_do_no_harm(cli, tmp_path):
    from PIL import Image

    hostile = "[red]<b>\x1b[31m"
    rng = np.random.default_rng(0)
    for part in ("train", "valid"):
        for name in (hostile, "=cmd()"):
            folder = tmp_path / "data" / part / name
            folder.mkdir(parents=True)
            for i in range(3):
                Image.fromarray(rng.integers(0, 255, (6, 6), dtype=np.uint8)).save(folder / f"{i}.png")
    report = tmp_path / "r.html"
    found = cli("compare", tmp_path / "data", "--report", report)
    assert found.code == 0
    assert "\x1b" not in found.out + found.err
    assert "[red]<b>" in found.out
    page = report.read_text(encoding="utf-8")
    assert "<b>\x1b" not in page
    assert "\x1b" not in page
    assert "[red]&lt;b&gt;" in page
    for line in cli("compare", tmp_path / "data", "--csv").out.splitlines():
        assert not line.startswith(("=", "+", "-", "@"))


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(lookalike, "load", interrupt)
    assert call(monkeypatch, capsys, "compare", "digits").code == 130


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["compare", "--help"]])
def test_says_its_version_and_helps(cli, arguments):
    found = cli(*arguments)
    assert found.code == 0
    assert (lookalike.__version__ if "--version" in arguments else "Usage: lookalike") in found.out


def test_help_says_that_ideas_are_run(cli):
    assert "which is RUN" in " ".join(cli("compare", "--help").out.split())


def test_python_m_is_the_same_command():
    ran = subprocess.run(
        [sys.executable, "-m", "lookalike", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"lookalike {lookalike.__version__}\n"


def test_a_closed_pipe_is_quiet():
    code = f"'{sys.executable}' -m lookalike compare digits --ideas mean-image-l1 --json --quiet | head -n 1"
    ran = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "{\n"
    assert ran.stderr == ""
