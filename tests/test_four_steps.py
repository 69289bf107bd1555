"""The README's four steps of a meter reader run as they are written."""

import re
import shlex
from pathlib import Path

import pytest

from cli_runner import call

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- four steps: run by tests/test_four_steps.py -->", "<!-- end of the four steps -->"
# How long it took and how large it is depends on the machine; how wide a column is, on these.
MEASURED = re.compile(r"(?<![\w.])<?\d[\d.,]* (ms|s|kB|MB)\b")


def steps():
    """Return each command of the README's section, and what it prints."""
    text = README.read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1), (
        f"README.md has no section between {BEGIN} and {END}"
    )
    section = text[text.index(BEGIN) : text.index(END)]
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
    return [" ".join(MEASURED.sub("#", line).split()) for line in lines]


def test_they_run_as_written(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    commands = steps()
    for (program, *arguments), expected in commands:
        assert program == "lookalike"
        found = call(monkeypatch, capsys, *arguments)
        assert found.code == 0, found.err
        assert compared(found.out.splitlines()) == compared(expected), " ".join(arguments)
    kinds = [arguments[1] for arguments, _ in commands]
    assert [kind for kind in ("fit", "predict", "teach") if kind in kinds] == ["fit", "predict", "teach"]


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("nearest image  0.9833  a  <1 ms  917 ms  132.5 kB", "nearest image 0.9833 a # # #"),
        ("of 50 images 6 are wrong", "of 50 images 6 are wrong"),
    ],
    ids=["measured", "counted"],
)
def test_what_is_measured_is_left_out_and_nothing_else(line, same):
    assert compared([line]) == [same]
