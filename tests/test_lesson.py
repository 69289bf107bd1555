"""Pages with cells of code run as they stand, as the site's build and the lesson's notebooks do."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
CHAPTERS = sorted((DOCS / "lesson").glob("[0-9]*.md"))
START = (DOCS / "lesson" / "start.py").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")  # what a reader would see in the page, which the build shows
@pytest.mark.parametrize("chapter", [*CHAPTERS, DOCS / "how-it-works.md"], ids=lambda chapter: chapter.stem)
def test_every_cell_runs_and_shows_something(chapter):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    text = chapter.read_text(encoding="utf-8").replace(":load: start.py\n", START)
    first, *cells = re.findall(r"(?ms)^```\{code-cell\} python\n(?::.*?\n)*(.*?)^```$", text)
    known = {}
    exec(first, known)
    for code in cells:
        said, before = io.StringIO(), len(plt.get_fignums())
        with contextlib.redirect_stdout(said):
            exec(code, known)
        assert said.getvalue() or len(plt.get_fignums()) > before, code
    plt.close("all")


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_each_has_its_questions_pitfalls_and_one_thing_to_change(chapter):
    text = chapter.read_text(encoding="utf-8")
    heads = re.findall("(?m)^## (.*)$", text)
    assert heads[-3:] == ["What trips people up", "Three questions", "Change one thing"]
    # A fence of backticks ends a title at its first backtick: colons do not.
    assert text.count("\n:::{dropdown} ") == text.count("{dropdown}") == 3


def test_without_mnist_nothing_is_fetched_and_the_command_is_named(monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib.pyplot")
    monkeypatch.delenv("LOOKALIKE_DATA", raising=False)
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    known = {}
    exec(START, known)
    assert known["mnist"]("lookalike compare mnist") is None
    assert "`lookalike compare mnist` fetches it" in capsys.readouterr().out
    assert not [path for path in tmp_path.rglob("*") if "mnist" in path.name]


def test_there_are_chapters():
    assert len(CHAPTERS) == 12
