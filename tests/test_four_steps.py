"""Sections of commands with what they print, in README and in docs, run as they are written."""

import re
import shlex
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

import lookalike
from cli_runner import call

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
FOUR_STEPS = "<!-- four steps: run by tests/test_four_steps.py -->", "<!-- end of the four steps -->"
KAGGLE = "<!-- kaggle: run by tests/test_four_steps.py -->", "<!-- end of kaggle -->"
A_QUESTION = "<!-- a question: run by tests/test_four_steps.py -->", "<!-- end of the question -->"
# How long it took and how large it is depends on the machine; how wide a column is, on these.
MEASURED = re.compile(r"(?<![\w.])(?:< ?)?\d[\d.,]* (ms|s|kB|MB)\b")


def steps(begin, end, pages=PAGES):
    """Return each command of a section, and what it prints; where two pages have it, it is the same."""
    texts = [page.read_text(encoding="utf-8") for page in pages]
    found = {text[text.index(begin) : text.index(end)] for text in texts if begin in text and end in text}
    assert len(found) == 1, f"the section between {begin} and {end} is on no page, or differs"
    (section,) = found
    found = []
    for block in re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((shlex.split(line[2:]), []))
            else:
                found[-1][1].append(line)
    return found


def compared(lines):
    """Return lines as they are compared: without what differs from one machine to the next."""
    return " ".join(MEASURED.sub("#", " ".join(lines)).split())


def shows(expected, printed):
    """Return whether a command prints what the page says, where ``...`` stands for anything."""
    parts = [re.escape(part.strip()) for part in compared(expected).split("...")]
    return re.fullmatch(".*".join(parts), compared(printed)) is not None


SECTIONS = {"four steps": (*FOUR_STEPS, PAGES)} | {
    page.stem: (*A_QUESTION, [page]) for page in PAGES if A_QUESTION[0] in page.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("section", SECTIONS)
def test_they_run_as_written(section, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    commands = steps(*SECTIONS[section])
    assert commands
    for ((program, *arguments), expected), (following, code) in zip_longest(
        commands, commands[1:], fillvalue=([], [])
    ):
        if program == "echo":
            continue
        assert program == "lookalike"
        found = call(monkeypatch, capsys, *arguments)
        # What fails is followed by a look at the exit code.
        assert [str(found.code)] == (code if following == ["echo", "$?"] else ["0"]), found.err
        assert shows(expected, found.out.splitlines()), f"{arguments}\n{found.out}"


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("nearest image  0.9833  a  <1 ms  917 ms  132.5 kB", "nearest image 0.9833 a # # #"),
        ("of 50 images 6 are wrong", "of 50 images 6 are wrong"),
    ],
    ids=["measured", "counted"],
)
def test_what_is_measured_is_left_out_and_nothing_else(line, same):
    assert compared([line]) == same


def test_dots_stand_for_anything_and_nothing_else_does():
    assert shows(["a", "...", "c"], ["a  b", "c"])
    assert not shows(["a", "...", "d"], ["a b", "c"])
    assert not shows(["a"], ["a b"])
    assert not shows(["a.c"], ["abc"])


def kaggle_csv(path, images, labels=None):
    """Write 8x8 images as the competition has them: 28x28, label first where there are labels."""
    large = np.pad(np.kron(images, np.ones((3, 3), np.uint8)), ((0, 0), (2, 2), (2, 2)))
    head = [f"pixel{place}" for place in range(784)]
    rows = large.reshape(len(large), -1).tolist()
    if labels is not None:
        head, rows = (
            ["label", *head],
            [[label, *row] for label, row in zip(labels.tolist(), rows, strict=True)],
        )
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [head, *rows]), encoding="utf-8")


def test_the_kaggle_recipe_makes_a_submission(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    train, valid = lookalike.load("digits")
    kaggle_csv(tmp_path / "train.csv", train.images[:120], train.labels[:120])
    kaggle_csv(tmp_path / "test.csv", valid.images[:40])
    commands = steps(*KAGGLE)
    assert [arguments[1] for arguments, _ in commands] == ["fit", "predict"]
    for (_, *arguments), _ in commands:
        words, _, file = " ".join(arguments).partition(" > ")
        found = call(monkeypatch, capsys, *words.split())
        assert found.code == 0, found.err
        if file:
            (tmp_path / file).write_text(found.out, encoding="utf-8")
    lines = (tmp_path / "submission.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "ImageId,Label"
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1, 41))
    right = [int(line.split(",")[1]) for line in lines[1:]] == valid.labels[:40]
    assert right.mean() > 0.8
