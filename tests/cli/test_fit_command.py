import csv
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lookalike
from cli_runner import call
from data.making import encoded, write_folder
from lookalike.data.load import load_to_fit
from lookalike.evaluation.folds import best
from lookalike.registry import IDEAS

OURS = [idea.name for idea in IDEAS if (idea.by_default or idea.of_few) and not idea.reference]


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="session")
def crops(tmp_path_factory, digits):
    """Return a folder of five images of each digit."""
    from lookalike.data.load import few_of_each
    from lookalike.data.readers.folders import write_folder

    folder = tmp_path_factory.mktemp("fit") / "crops"
    write_folder([few_of_each(digits.train, 5), digits.valid], folder)
    return folder


@pytest.fixture
def old(tmp_path, digits):
    """Return a model file, which alone may be written over, and what is in it."""
    few = digits.train.take(slice(0, 40))
    path = lookalike.save_model(lookalike.MeanImage().fit(few.images, few.labels), tmp_path / "m.lookalike")
    return path, path.read_bytes()


def test_the_best_idea_is_fitted_on_everything_and_its_figure_is_said_and_kept(cli, crops, tmp_path):
    path = tmp_path / "m.lookalike"
    found = cli("fit", crops, "-o", path)
    assert found.code == 0
    train = load_to_fit(crops)
    judged = lookalike.fit_best(train, ideas=OURS)
    row = best(judged.comparison)
    accuracy = row.evaluation.accuracy
    lines = found.out.splitlines()
    assert lines[0] == f"{crops}: 50 images, 8x8, 10 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    for one in judged.comparison.rows:
        (line,) = [line for line in lines if line.startswith(f"{one.title} ")]
        rate = one.evaluation.accuracy
        assert f"{rate.value:.4f}  {rate.low:.4f}-{rate.high:.4f}" in line
    taken = (
        f"Fitted on all 50 images: {row.title}, right about {accuracy.hits} of 50 images that were left out."
    )
    assert taken in lines
    assert "note: 50 of 50 images were judged: 5 folds (seed 0)." in found.err
    assert "note: The valid part (359 images) was left alone." in found.err
    assert f"model: {path}" in found.err
    model = lookalike.load_model(path)
    assert len(model.ids_) == 50
    assert [f"- {reason}" for reason in model.reasons_] == lines[lines.index(taken) + 1 :]
    info = lookalike.model_info(path)
    assert info.figures["out-of-fold accuracy"] == pytest.approx(accuracy.value)
    assert (info.figures["right"], info.figures["judged"]) == (accuracy.hits, 50)
    assert info.data.sha256 == train.sha256()


def test_the_answers_are_those_of_the_library(cli, crops, tmp_path, digits):
    path = tmp_path / "m.lookalike"
    assert cli("fit", crops, "-o", path, "--idea", "nearest-l2", "-q").err == ""
    train = load_to_fit(crops)
    expected = lookalike.NearestImages(metric="l2").fit(train.images, train.labels)
    answers = lookalike.load_model(path).predict(digits.valid.images)
    np.testing.assert_array_equal(answers, expected.predict(digits.valid.images))


def test_images_without_parts_are_all_fitted_on(cli, tmp_path):
    folder = write_folder(tmp_path / "mine", {"a": 4, "b": 6})
    found = cli("fit", folder, "-o", tmp_path / "m", "--idea", "mean-image-l1", "--json")
    facts = json.loads(found.out)
    assert facts["train"]["n"] == 10
    assert facts["out_of_fold"]["judged"] == 10
    assert "was left alone" not in found.err


def test_a_named_idea_is_judged_too(cli, crops, tmp_path):
    found = cli("fit", crops, "-o", tmp_path / "m", "--idea", "mean-image-l2", "--json", "--seed", "4")
    facts = json.loads(found.out)
    expected = lookalike.fit_best(load_to_fit(crops), ideas=["mean-image-l2"], seed=4).comparison.rows[0]
    (row,) = facts["out_of_fold"]["ideas"]
    assert facts["idea"] == row["idea"] == "mean-image-l2"
    assert row["accuracy"]["hits"] == expected.evaluation.accuracy.hits
    assert row["confusion"] == expected.evaluation.confusion.tolist()


def test_csv_is_a_line_an_idea(cli, crops, tmp_path):
    found = cli("fit", crops, "-o", tmp_path / "m", "--csv")
    rows = list(csv.DictReader(io.StringIO(found.out)))
    assert [row["idea"] for row in rows] == OURS
    assert {row["n"] for row in rows} == {"50"}


def test_one_image_of_each_class_is_enough(cli, tmp_path):
    folder = write_folder(tmp_path / "mine", {"a": 1, "b": 1}, shape=(8, 8))
    found = cli("fit", folder, "-o", tmp_path / "m")
    assert found.code == 0
    assert "so no idea was judged" in found.err
    assert "Fitted on all 2 images: mixture of measures." in found.out
    assert lookalike.model_info(tmp_path / "m").figures == {}
    assert lookalike.load_model(tmp_path / "m").predict(load_to_fit(folder).images).tolist() == ["a", "b"]


def test_a_model_card_comes_beside_it(cli, crops, tmp_path):
    assert cli("fit", crops, "-o", tmp_path / "m.lookalike", "--idea", "nearest-l1", "--card").code == 0
    card = (tmp_path / "m.lookalike.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "out-of-fold accuracy" in card


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits", "--idea", "deformabel"], "did you mean deformable"),
        (
            ["digits", "--idea", "logistic-regression"],
            "is there to compare with only: expected one of ink-cov",
        ),
        (["nothing-here"], "nothing-here"),
        (["digits", "--classes", "3"], "one class"),
        (["digits", "--json", "--csv"], "expected one of them"),
        (["digits", "--limit", "3"], "limit is 3"),
        (
            ["digits", "--idea", "nearest-l2", "--shard", "1/2", "--on-disk"],
            "--shard and --on-disk were both given: the images of nearest-l2 stay on disk",
        ),
        # Said before any image is read.
        (
            ["nothing-here", "--idea", "mixture", "--shard", "1/2"],
            "--shard is for ideas that look at images part",
        ),
        # An empty variable of a script is not the whole.
        (["nothing-here", "--idea", "nearest-l2", "--shard", ""], "--shard : expected I/N"),
        (
            ["nothing-here", "--idea", "mixture", "--on-disk"],
            "--on-disk is for ideas that look at images part",
        ),
    ],
)
def test_bad_input_is_one_line_and_the_old_file_stays(cli, old, arguments, message):
    path, content = old
    found = cli("fit", *arguments, "-o", path)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("lookalike: ")
    assert len(found.err.splitlines()) == 1
    assert message in found.err
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("output", "message"), [("no/such/m", "there is no folder no/such"), (".", "is a folder")]
)
def test_a_file_that_cannot_be_written_is_said_before_work_begins(
    cli, tmp_path, monkeypatch, output, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lookalike.data.load.load_to_fit", None)
    found = cli("fit", "digits", "-o", output)
    assert found.code == 2
    assert message in found.err


def test_bad_files_are_an_error_unless_they_are_to_be_skipped(cli, tmp_path):
    folder = write_folder(tmp_path / "mine", {"a": 4, "b": 4})
    (folder / "a" / "bad.png").write_bytes(encoded(np.zeros((4, 3)))[:-20])
    arguments = ("fit", folder, "-o", tmp_path / "m", "--idea", "mean-image-l1")
    found = cli(*arguments)
    assert (found.code, (tmp_path / "m").exists()) == (2, False)
    assert "bad.png' is truncated" in found.err
    found = cli(*arguments, "--skip-bad")
    assert found.code == 0
    assert "1 bad file was skipped" in found.err
    assert "8 images" in found.out


def test_hostile_class_names_do_no_harm(cli, tmp_path):
    folder = write_folder(tmp_path / "mine", {"[red]\x1b[31m": 3, "=cmd()": 3})
    found = cli("fit", folder, "-o", tmp_path / "m")
    assert found.code == 0
    assert "\x1b" not in found.out + found.err
    shown = cli("info", tmp_path / "m")
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "[red]\\x1b[31m (3)" in shown.out


def test_an_interrupt_ends_with_130_and_the_old_file_stays(old, tmp_path):
    path, content = old
    code = (
        "import sys; sys.argv = ['lookalike', 'fit', 'digits', '-o', sys.argv[1]]\n"
        "import lookalike.data.load as load, time\n"
        "load.load_to_fit = lambda *a, **k: (print('here', flush=True), time.sleep(60))\n"
        "from lookalike.__main__ import main; main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "here\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "lookalike: interrupted"
    assert "Traceback" not in err
    assert [file.name for file in tmp_path.iterdir()] == ["m.lookalike"]
    assert path.read_bytes() == content


def test_info_says_what_a_file_holds(cli, crops, tmp_path):
    path = tmp_path / "m.lookalike"
    cli("fit", crops, "-o", path, "--idea", "deformable")
    found = cli("info", path)
    assert found.code == 0
    lines = dict(line.split(None, 1) for line in found.out.splitlines())
    assert lines["idea"] == "deformable match (deformable)"
    assert lines["images"] == "50 of 8x8"
    assert lines["classes"].startswith("0 (5), 1 (5), ")
    assert load_to_fit(crops).sha256() in lines["fitted"]
    facts = json.loads(cli("info", path, "--json").out)
    assert facts["classes"]["7"] == 5
    assert facts["image_shape"] == [8, 8]
    assert facts["data"]["n"] == 50
    assert facts["figures"]["judged"] == 50


def test_info_says_that_it_read_the_head_alone(cli, old, crops):
    path, content = old
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    image = next(crops.rglob("*.png"))
    found = cli("info", path)
    assert found.code == 0
    assert found.out.splitlines()[-1].split(None, 1)[1].startswith("the head alone;")
    assert "was changed or damaged" in cli("teach", path, image, "--label", "3").err


def test_quiet_leaves_results_and_nothing_else(cli, crops, tmp_path):
    loud, quiet = (
        cli("fit", crops, "-o", tmp_path / "m", "--idea", "ink-coverage", *more) for more in ([], ["-q"])
    )
    assert (quiet.code, quiet.err) == (0, "")
    assert [line for line in quiet.out.splitlines() if line.startswith("Fitted on all")]
    assert len(quiet.out.splitlines()) == len(loud.out.splitlines())


def test_info_refuses_what_is_no_model(cli, tmp_path):
    (tmp_path / "m").write_bytes(b"no model")
    for arguments in (
        ["info", tmp_path / "m"],
        ["predict", tmp_path / "m", "."],
        ["info", tmp_path / "none"],
    ):
        found = cli(*arguments)
        assert (found.code, found.out) == (2, "")
        assert len(found.err.splitlines()) == 1


def test_groups_are_taken_from_names(cli, tmp_path, digits):
    few = digits.train.take(slice(60))
    names = tuple(f"{label}/w{place % 6}-{place}.png" for place, label in enumerate(few.labels))
    folder = tmp_path / "crops"
    for name, image in zip(names, few.images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(image))
    path, pattern = tmp_path / "m.lookalike", r"(w\d)-"
    found = cli("fit", folder, "-o", path, "--idea", "nearest-l1", "--group-from", pattern)
    assert found.code == 0
    assert "no group (writer, camera) in two of them" in found.err
    assert len(np.unique(lookalike.load_model(path).recogniser_.left_out().units)) == 6
    assert cli("compare", folder, "--ideas", "nearest-l1", "--group-from", pattern).code == 0
    refused = cli("compare", folder, "--ideas", "nearest-l1", "--group-from", "x")
    assert refused.code == 2
    assert "has no group like 'x'" in refused.err
