import csv
import io
import json
import warnings
import zipfile

import numpy as np
import pytest

import lookalike
from cli_runner import call, on_terminal, without_styles
from data.making import encoded
from lookalike.cli import common
from lookalike.data.readers.folders import write_folder


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Return a folder of digits with a training and a validation part."""
    path = tmp_path_factory.mktemp("parts") / "digits"
    write_folder([digits.train.take(slice(0, 600)), digits.valid.take(slice(0, 120))], path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory, digits):
    train = digits.train.take(slice(0, 600))
    fitted = lookalike.MeanImage("l2").fit(train.images, train.labels)
    return lookalike.save_model(fitted, tmp_path_factory.mktemp("model") / "m.lookalike", data=train)


def test_json_has_every_figure(cli, model, folder, digits):
    found = cli("evaluate", model, folder, "--json")
    assert found.code == 0
    assert found.err.splitlines() == ["note: The train part (600 images) was left alone."]
    facts = json.loads(found.out)
    expected = lookalike.appraise(lookalike.load_model(model), digits.valid.take(slice(0, 120)))
    assert facts["accuracy"]["hits"] == expected.evaluation.accuracy.hits
    assert facts["data"]["part"] == "valid"
    probabilities = facts["probabilities"]
    assert probabilities["expected_calibration_error"] == pytest.approx(expected.evaluation.reliability.error)
    assert sum(one["right"]["n"] for one in probabilities["bins"]) == 120
    levels = facts["rejection"]["levels"]
    assert [one["level"] for one in levels] == [level.alpha for level in expected.levels]
    assert [one["rejected"]["hits"] for one in levels] == [level.known.hits for level in expected.levels]
    assert [one["n"] for one in facts["rejection"]["out_of_distribution"]] == [120, 120, 64]
    assert len(facts["mistakes"]) == 120 - expected.evaluation.accuracy.hits > 0
    for one in facts["mistakes"]:
        assert one["label"] != one["answer"]
        assert one["image"].startswith(f"{one['label']}/")
        assert 0 < one["probability"] <= 1


def test_images_of_one_class_alone_are_evaluated_without_a_foreign_word(cli, model, tmp_path, digits):
    few = digits.valid.take(np.flatnonzero(digits.valid.labels == 0)[:5])
    write_folder([few], tmp_path / "one")
    found = cli("evaluate", model, tmp_path / "one" / "valid")
    assert "right: 1.0000 (5 of 5" in found.out
    assert all(line.startswith("note: ") for line in found.err.splitlines())
    assert "Warning" not in found.err


def test_somebody_elses_warning_is_one_line(capsys):
    with warnings.catch_warnings(), common.warned():
        warnings.simplefilter("always")
        exec(compile("import warnings\nwarnings.warn('odd\\nvery')", "ideas/my_ideas.py", "exec"), {})
    assert capsys.readouterr().err == "warning: my_ideas.py, line 2: UserWarning: odd\n"


def test_csv_has_a_line_a_class(cli, model, folder):
    rows = list(csv.DictReader(io.StringIO(cli("evaluate", model, folder, "--csv").out)))
    facts = json.loads(cli("evaluate", model, folder, "--json").out)
    assert [row["class"] for row in rows] == facts["classes"]
    assert [int(row["right"]) for row in rows] == [rate["hits"] for rate in facts["per_class"]]


def test_the_table_says_what_the_json_says(cli, model, folder):
    text = cli("evaluate", model, folder, "--quiet", "--reject", "0.03").out
    facts = json.loads(cli("evaluate", model, folder, "--json", "--reject", "0.03").out)
    lines = text.splitlines()
    assert lines[0].endswith("m.lookalike: mean image, L2")
    assert f"right: {facts['accuracy']['value']:.4f}" in text
    assert "probabilities: expected calibration error" in text
    levels = [float(line.split()[0]) for line in lines if line.strip()[:2] == "0."]
    assert levels == [0.01, 0.02, 0.03, 0.05, 0.1, 0.2]
    assert "\nLevel 0.03: " in text


def test_a_narrow_terminal_loses_whole_columns_and_no_part_of_a_figure(cli, model, folder, monkeypatch):
    facts = json.loads(cli("evaluate", model, folder, "--json").out)
    on_terminal(monkeypatch, 50)
    text = without_styles(cli("evaluate", model, folder, "--quiet").out)
    assert "…" not in text
    assert "right answers" in text
    assert "noise" not in text
    for rate in facts["per_class"]:
        assert f"{rate['value']:.4f}  {rate['low']:.4f}-{rate['high']:.4f}" in text
    assert max(map(len, text.splitlines())) <= 50


@pytest.mark.parametrize(("part", "n"), [("train", 600), ("valid", 120)])
def test_a_part_can_be_named(cli, model, folder, part, n):
    facts = json.loads(cli("evaluate", model, folder, "--part", part, "--json", "--quiet").out)
    assert (facts["data"]["part"], facts["data"]["n"]) == (part, n)


def test_a_part_that_is_not_there_is_refused(cli, model, folder):
    found = cli("evaluate", model, folder, "--part", "test")
    assert (found.code, found.out) == (2, "")
    assert "there is no test part: expected one of 'valid', 'train'" in found.err


def test_images_without_parts_are_all_measured_on(cli, model, folder):
    found = cli("evaluate", model, folder / "valid", "--json")
    assert "note: There are no parts: all images are measured on." in found.err.splitlines()
    assert json.loads(found.out)["accuracy"]["n"] == 120


def test_images_of_no_class_and_a_report(cli, model, folder, digits, tmp_path):
    with zipfile.ZipFile(tmp_path / "ood.zip", "w") as archive:
        for place in range(7):
            archive.writestr(f"{place}.png", encoded(np.rot90(digits.valid.images[place])))
        archive.writestr("bad.png", b"bad")
    report = tmp_path / "r.html"
    said = ("evaluate", model, folder, "--ood", tmp_path / "ood.zip", "--report", report)
    found = cli(*said)
    assert (found.code, found.out) == (2, "")
    assert "bad.png' is not an image" in found.err
    assert not report.exists()
    found = cli(*said, "--skip-bad", "--json")
    assert found.code == 0
    assert "1 bad file was skipped" in found.err
    assert found.err.splitlines()[-1] == f"report: {report}"
    (first, *_) = json.loads(found.out)["rejection"]["out_of_distribution"]
    assert first == {"kind": "given images of no class", "n": 7}
    page = report.read_text(encoding="utf-8")
    assert "given images of no class" in page
    assert page.count("</html>") == 1


def test_a_class_that_the_model_does_not_know_is_out_of_distribution(cli, model, digits, tmp_path):
    few = digits.valid.take(slice(0, 30))
    for place, label in enumerate(few.labels):
        name = "none" if place < 4 else str(label)
        (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name / f"{place}.png").write_bytes(encoded(few.images[place]))
    found = cli("evaluate", model, tmp_path / "own", "--json")
    facts = json.loads(found.out)
    assert facts["accuracy"]["n"] == 26
    assert facts["rejection"]["out_of_distribution"][0] == {"kind": "images of other classes", "n": 4}
    assert "4 of 30 images are of classes that the model does not know ('none')" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere"),
        (["{folder}", "--reject", "2"], "--reject is 2: expected a level above 0 and below 1"),
        (["{folder}", "--json", "--csv"], "--json and --csv were both given"),
        (["{folder}", "--report", "no/such/r.html"], "there is no folder no/such"),
        (["{folder}", "--size", "16"], "the model's are 8 x 8: give the model's size"),
        (["{folder}", "--ood", "nothing.png"], "there is no file or folder 'nothing.png'"),
        (["{folder}", "--classes", "3,x"], "x"),
    ],
    ids=["data", "level", "formats", "report", "size", "out-of-distribution", "classes"],
)
def test_bad_input_is_one_line_and_exit_2(cli, model, folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    found = cli("evaluate", model, *(one.format(folder=folder) for one in arguments))
    assert (found.code, found.out) == (2, "")
    assert len(found.err.splitlines()) == 1
    assert message in found.err


def test_hostile_names_do_no_harm(cli, digits, tmp_path):
    hostile = "=\x1b[31m[red]"
    labels = np.where(digits.train.labels < 5, hostile, "b")
    fitted = lookalike.MeanImage().fit(digits.train.images, labels)
    path = lookalike.save_model(fitted, tmp_path / "m")
    data = tmp_path / "data"
    for place in range(20):
        name = hostile if digits.valid.labels[place] < 5 else "b"
        (data / name).mkdir(parents=True, exist_ok=True)
        (data / name / f"{place}.png").write_bytes(encoded(digits.valid.images[place]))
    assert "\x1b" not in cli("evaluate", path, data, "--report", tmp_path / "r.html").out
    assert "\x1b" not in (tmp_path / "r.html").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(cli("evaluate", path, data, "--csv").out)))
    assert rows[0]["class"].startswith("'=\\x1b")
