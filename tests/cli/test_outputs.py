"""What commands write never costs what the user has, nor the work that was done for it."""

import os
import shutil
import stat
from pathlib import Path

import pytest

import lookalike
from cli_runner import call
from data.making import write_folder

IDEAS = "from sklearn.naive_bayes import GaussianNB\nbayes = GaussianNB()\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with images, a model of them and a file of ideas."""
    root = tmp_path_factory.mktemp("outputs")
    folder = write_folder(root / "flat", {"3": 4, "7": 4}, shape=(8, 8))
    train = lookalike.load(folder).train
    lookalike.save_model(lookalike.MeanImage().fit(train.images, train.labels), root / "m.lookalike")
    shutil.copy(root / "m.lookalike", root / "model.html")
    shutil.copy(next((folder / "3").iterdir()), root / "image.png")
    (root / "my_ideas.py").write_text(IDEAS, encoding="utf-8")
    shutil.copy(root / "m.lookalike", root / "closed")
    (root / "closed").chmod(0o444)
    (root / "mine.html").write_text("<title>mine</title>", encoding="utf-8")
    (root / "notes.txt").write_text("mine", encoding="utf-8")
    (root / "other.safetensors").write_bytes(b"mine")
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "pipe.html")
    return root


@pytest.fixture
def cli(made, monkeypatch, capsys):
    """Return a function that runs a command in the folder, where no work can be done."""
    monkeypatch.chdir(made)
    for name in ("lookalike.load", "lookalike.load_model", "lookalike.data.load.load_to_fit"):
        monkeypatch.setattr(name, None)
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def state(root):
    """Return every path below a folder with what it is and holds."""
    return {
        path: path.read_bytes() if path.is_file() else stat.S_IFMT(path.lstat().st_mode)
        for path in root.rglob("*")
    }


COMPARE = ["compare", "flat", "--report"]
EXPLAIN = ["explain", "m.lookalike", "image.png", "--report"]
EVALUATE = ["evaluate", "m.lookalike", "flat", "--report"]
ELSEWHERE = "which is read: name a file elsewhere"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [*EXPLAIN, "m.lookalike"],
            "m.lookalike: expected a file's name that ends in .html or .htm",
        ),
        ([*EXPLAIN, "image.png"], "--report image.png: expected a file's name that ends in .html or .htm"),
        (["explain", "model.html", "image.png", "--report", "model.html"], f"is model.html, {ELSEWHERE}"),
        (["explain", "m.lookalike", "flat/[3]", "--report", "flat/3/x.html"], f"lies in flat/3, {ELSEWHERE}"),
        ([*EVALUATE, "flat/r.html"], f"lies in flat, {ELSEWHERE}"),
        (["evaluate", "m.lookalike", "digits", "--ood", "flat", "--report", "flat/r.htm"], ELSEWHERE),
        (["evaluate", "model.html", "digits", "--report", "./model.html"], ELSEWHERE),
        ([*COMPARE, "flat/3/x.png"], "expected a file's name that ends in .html or .htm"),
        ([*COMPARE, "flat/3/x.html"], f"lies in flat, {ELSEWHERE}"),
        (["curve", "digits", "--plot", "image.png"], "image.png is there and was not made by lookalike"),
        (["broadcast", "3", "3", "--plot", "image.png"], "--plot image.png is there and was not made by"),
        (["compare", "digits", "--report", "mine.html"], "mine.html is there and was not made by lookalike"),
        (["teach", "closed", "image.png", "--label", "3"], "closed is read-only: allow that it is written"),
        (
            ["fit", "digits", "-o", "closed"],
            "--output closed is read-only: allow that it is written over, or",
        ),
        ([*COMPARE, "my_ideas.py", "--ideas", "my_ideas.py"], "ends in .html or .htm"),
        ([*COMPARE, "flat/../flat/r.html"], ELSEWHERE),
        (["curve", "flat", "--plot", "flat/7/x.png"], f"--plot flat/7/x.png lies in flat, {ELSEWHERE}"),
        (
            ["fit", "flat", "-o", "my_ideas.py"],
            "--output my_ideas.py is there and is no lookalike model",
        ),
        (["fit", "flat", "-o", "other.safetensors"], "no lookalike model: name another file, or delete it"),
        (["fit", "flat", "-o", "flat/3/x.png"], f"--output flat/3/x.png lies in flat, {ELSEWHERE}"),
        (["fit", "digits", "-o", "image.png"], "--output image.png is there and is no lookalike model"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_is_read_or_is_something_else_is_not_written_over(cli, made, arguments, message):
    before = state(made)
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert len(found.err.splitlines()) == 1
    assert message in found.err
    assert state(made) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize(
    "arguments",
    [
        [*COMPARE, "pipe.html"],
        [*EXPLAIN, "pipe.html"],
        ["evaluate", "m.lookalike", "flat", "--report", "pipe.html"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_pipe_or_a_device_stays_what_it_is(cli, made, arguments):
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert "--report pipe.html is no file, so it is not written over" in found.err
    assert stat.S_ISFIFO((made / "pipe.html").lstat().st_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        [*COMPARE, "r.html"],
        [*EXPLAIN, "r.html"],
        [*EVALUATE, "r.html"],
        ["curve", "flat", "--plot", "c.svg"],
        ["fit", "flat", "-o", "new"],
        ["broadcast", "3", "3", "--plot", "c.png"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_cannot_be_written_is_said_before_the_work(cli, made, monkeypatch, arguments):
    def full(*_):
        raise OSError(28, "No space left on device", "something else")

    monkeypatch.setattr("lookalike.files.open", full, raising=False)
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.endswith(
        f"{arguments[-2].replace('-o', '--output')} {arguments[-1]} cannot be written "
        "(No space left on device): name another file\n"
    )


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a file system that takes no files")
def test_a_file_system_that_takes_no_files_is_found_out(cli):
    found = cli(*COMPARE, "/proc/r.html")
    assert (found.code, found.out) == (2, "")
    assert "--report /proc/r.html cannot be written (" in found.err


def test_a_known_set_is_no_folder_that_is_read(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    arguments = ("compare", "digits", "--ideas", "ink-coverage", "--report", "digits/r.html")
    assert call(monkeypatch, capsys, *arguments).code == 0


def test_models_and_empty_files_are_written_over(made, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "flat", "flat")
    (tmp_path / "m").touch()
    for idea in ("ink-coverage", "mean-image-l2"):
        assert call(monkeypatch, capsys, "fit", "flat", "-o", "m", "--idea", idea, "--card").code == 0
        assert lookalike.model_info("m").idea == idea


def test_a_card_that_cannot_be_written_is_said_before_the_work(cli, made):
    (made / "new.md").mkdir()
    found = cli("fit", "flat", "-o", "new", "--card")
    assert (found.code, found.out) == (2, "")
    assert "--card new.md is a folder: expected a file's name" in found.err


def test_a_card_writes_over_cards_alone(cli, made):
    Path("notes.md").write_text("precious", encoding="utf-8")
    found = cli("fit", "flat", "-o", "notes", "--card", "--idea", "nearest-l2")
    assert found.code == 2
    assert "--card notes.md is there and is no card of a model: rename it, or delete it" in found.err
    assert Path("notes.md").read_text(encoding="utf-8") == "precious"
    assert not Path("notes").exists()


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_picture_of_its_own_is_drawn_again(tmp_path, monkeypatch, capsys, ending):
    path = tmp_path / f"p{ending}"
    for shape in ("3", "4"):
        before = path.read_bytes() if path.exists() else b""
        assert call(monkeypatch, capsys, "broadcast", shape, shape, "--plot", path).code == 0
        assert path.read_bytes() != before
