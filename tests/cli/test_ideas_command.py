import json
import os
import subprocess
import sys

import pytest

from cli_runner import call
from lookalike.registry import IDEAS


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def test_every_idea_has_a_line(cli):
    found = cli("ideas")
    lines = found.out.splitlines()
    assert (found.code, len(lines)) == (0, len(IDEAS))
    for line, idea in zip(lines, IDEAS, strict=True):
        assert line.startswith(("* " if idea.by_default else "  ") + idea.name + "  ")
        assert line.endswith(idea.summary)
        assert idea.summary
        assert len(line) <= 110
    told = json.loads(cli("ideas", "--json").out)
    assert [one["name"] for one in told] == [idea.name for idea in IDEAS]
    assert [one["reference"] for one in told] == [idea.reference for idea in IDEAS]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("compare mnist-", {"mnist-sample"}),
        ("compare digits --ideas nearest-l1,mean", {"nearest-l1,mean-image-l1", "nearest-l1,mean-image-l2"}),
        ("fit digits --idea defo", {"deformable"}),
        ("data get fash", {"fashion-mnist"}),
        ("show my", {"my_images/", "my.csv"}),
    ],
)
def test_shells_complete_sets_and_ideas(tmp_path, typed, offered):
    (tmp_path / "my_images").mkdir()
    (tmp_path / "my.csv").touch()
    words = ["lookalike", *typed.split()]
    environment = {
        "_LOOKALIKE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "lookalike"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(ran.stdout.split()) == offered, ran.stderr


def test_preparations_are_there_after_a_bare_import():
    code = (
        "import sys, lookalike; assert 'numpy' not in sys.modules; print(lookalike.prepare.Deskew.__name__)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "Deskew\n"
