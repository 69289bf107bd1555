import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lookalike
from cli_runner import call
from data.making import encoded


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory, digits):
    """Return the file of a model of forty digits."""
    few = digits.train.take(slice(0, 40))
    model = lookalike.NearestImages().fit(few.images, few.labels)
    return lookalike.save_model(
        model, tmp_path_factory.mktemp("teach") / "m.lookalike", data=few, figures={"accuracy": 0.9}
    )


@pytest.fixture
def model(fitted, tmp_path):
    return shutil.copy(fitted, tmp_path / "m.lookalike")


@pytest.fixture
def mistakes(fitted, digits, tmp_path):
    """Return files of four images that the model answers wrongly, all the same digit, and what it answers."""
    answers = lookalike.load_model(fitted).predict(digits.valid.images)
    wrong = np.flatnonzero((answers != digits.valid.labels) & (digits.valid.labels == 8))[:4]
    folder = tmp_path / "wrong"
    folder.mkdir()
    for place in wrong:
        (folder / f"{place}.png").write_bytes(encoded(digits.valid.images[place]))
    return sorted(folder.iterdir(), key=lambda path: int(path.stem)), answers[wrong].tolist()


def test_what_was_taught_is_known_and_what_is_forgotten_is_not(cli, model, mistakes, digits):
    paths, answers = mistakes
    before = lookalike.load_model(model).predict(digits.valid.images)
    found = cli("teach", model, *paths, "--label", "8")
    assert (found.code, found.err) == (0, "")
    rows = [line.split("\t") for line in found.out.splitlines()]
    assert rows == [
        [str(path), str(40 + place), str(answer), "8"]
        for place, (path, answer) in enumerate(zip(paths, answers, strict=True))
    ]
    assert {line.split("\t")[1] for line in cli("predict", model, *paths).out.splitlines()} == {"8"}
    info = lookalike.model_info(model)
    assert (info.changed, info.data.n, info.figures) == (True, 40, {"accuracy": 0.9})
    found = cli("forget", model, *(row[1] for row in rows))
    assert (found.code, found.out) == (0, "4 images were forgotten; 40 are left\n")
    np.testing.assert_array_equal(lookalike.load_model(model).predict(digits.valid.images), before)


def test_a_new_label_is_a_new_class_until_its_last_image_is_forgotten(cli, model, mistakes):
    found = cli("teach", model, mistakes[0][0], "--label", "12", "--json")
    assert json.loads(found.out) == [
        {"image": str(mistakes[0][0]), "id": 40, "before": mistakes[1][0], "now": 12}
    ]
    assert found.err == "note: 12 is a new class; there are 11 now.\n"
    assert 12 in lookalike.load_model(model).classes_
    found = cli("forget", model, 40, "--quiet")
    assert found.out == "1 image was forgotten, and with it class 12; 40 are left\n"
    assert 12 not in lookalike.load_model(model).classes_


def test_of_a_text_that_is_forgotten_the_numbers_that_are_left_are_not_said_to_be_gone(cli, model, mistakes):
    assert cli("teach", model, mistakes[0][0], "--label", "twelve").code == 0
    assert lookalike.load_model(model).classes_.dtype.kind == "U"
    found = cli("forget", model, 40)
    assert found.out == "1 image was forgotten, and with it class twelve; 40 are left\n"
    assert lookalike.load_model(model).classes_.tolist() == [*range(10)]


def test_one_image_is_left(cli, model):
    assert cli("forget", model, *range(39)).out == "39 images were forgotten; 1 is left\n"


def test_help_says_where_numbers_are_to_be_had(cli):
    assert "as lookalike teach and explain print them" in " ".join(cli("forget", "--help").out.split())


def test_labels_that_are_texts_stay_texts(cli, tmp_path, mistakes, digits):
    few = digits.train.take(slice(0, 4))
    path = lookalike.save_model(
        lookalike.MeanImage().fit(few.images, np.array(["a", "b", "a", "b"])), tmp_path / "m"
    )
    found = cli("teach", path, mistakes[0][0], "--label", "3")
    assert found.out.split("\t")[1] == "-"
    assert found.out.rstrip().endswith("\t3")
    assert lookalike.load_model(path).classes_.tolist() == ["3", "a", "b"]
    found = cli("forget", path, 0)
    assert (found.code, found.out) == (2, "")
    assert "keeps no training images" in found.err


def test_a_text_may_be_taught_beside_numbers(cli, model, mistakes, digits):
    before = lookalike.load_model(model).predict(digits.valid.images)
    found = cli("teach", model, mistakes[0][0], "--label", "blank")
    assert (found.code, found.out.rstrip().split("\t")[1:]) == (0, ["40", str(mistakes[1][0]), "blank"])
    said, note = found.err.splitlines()
    assert said.startswith("warning: the labels of this model are texts now, for not all are whole numbers")
    assert note == "note: blank is a new class; there are 11 now."
    loaded = lookalike.load_model(model)
    assert loaded.classes_.tolist() == [*map(str, range(10)), "blank"]
    few = digits.train.take(slice(0, 40))
    wrong = lookalike.read_images(mistakes[0][0], loaded).images
    fresh = lookalike.NearestImages().fit(
        np.concatenate([few.images, wrong]), [*map(str, few.labels.tolist()), "blank"]
    )
    np.testing.assert_array_equal(loaded.predict(digits.valid.images), fresh.predict(digits.valid.images))
    assert cli("teach", model, mistakes[0][1], "--label", "8").out.rstrip().endswith("\t8")
    assert "'blank'" not in cli("forget", model, 41).err
    found = cli("forget", model, 40)
    assert found.err.startswith("warning: the labels of this model are whole numbers again")
    assert lookalike.load_model(model).classes_.dtype == np.int64
    np.testing.assert_array_equal(lookalike.load_model(model).predict(digits.valid.images), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["teach", "m", "none.png", "--label", "3"], "there is no file or folder 'none.png'"),
        (["teach", "m", "large.png", "--label", "3"], "is 9 x 9 (height x width)"),
        (["teach", "m", "right.png", "--label", ""], "--label is '': expected 1 to 255"),
        (["teach", "m", "right.png", "--label", "a\x1b[31m"], "--label is 'a\\x1b[31m'"),
        (["teach", "none", "right.png", "--label", "3"], "none"),
        (["forget", "m", "99"], "no training image has the number 99: expected one that lookalike teach or"),
        (["forget", "m", *map(str, range(40))], "all 40 training images would be forgotten"),
        (["forget", "none", "1"], "none"),
        (
            ["forget", "m", "0-5"],
            "'0-5' is no image's number: expected one that lookalike teach or",
        ),
        (["forget", "m", "9" * 30], "is no image's number"),
    ],
    ids=lambda value: "-".join(value[:3]) if isinstance(value, list) else None,
)
def test_bad_input_is_one_line_and_the_file_stays(cli, fitted, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    shutil.copy(fitted, "m")
    old = (tmp_path / "m").read_bytes()
    (tmp_path / "right.png").write_bytes(encoded(np.zeros((8, 8))))
    (tmp_path / "large.png").write_bytes(encoded(np.zeros((9, 9))))
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert len(found.err.splitlines()) == 1
    assert "\x1b" not in found.err
    assert message in found.err
    assert (tmp_path / "m").read_bytes() == old
    assert {path.name for path in tmp_path.iterdir()} == {"m", "right.png", "large.png"}


def test_an_interrupt_ends_with_130_and_the_old_file_stays(model, mistakes):
    old = model.read_bytes()
    code = (
        "import sys, time; sys.argv = ['lookalike', 'teach', *sys.argv[1:], '--label', '8']\n"
        "import lookalike.files as files\n"
        "import os\n"
        "os.replace = lambda *a: (print('here', flush=True), time.sleep(60))\n"
        "from lookalike.__main__ import main; main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, model, *mistakes[0]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "here\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "lookalike: interrupted"
    assert "Traceback" not in err
    assert model.read_bytes() == old
    assert [path.name for path in model.parent.iterdir() if path.suffix == ".tmp"] == []
