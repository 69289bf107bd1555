"""The pages in ``docs``: every line of code in them runs and prints what they say."""

import doctest
import glob
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import lookalike
from cli_runner import call

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
NEEDS = ("nothing", "torch", "MNIST")


def part(text, need):
    """Return the sections that need nothing or ``need``; the others become empty lines."""
    kept = []
    for section in re.split("(?m)^(?=## )", text):
        found = re.findall("<!-- needs (.*) -->", section)
        assert set(found) <= set(NEEDS)
        kept.append(section if set(found) <= {need} else "\n" * section.count("\n"))
    return "".join(kept)


@pytest.mark.parametrize("need", NEEDS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_line_prints_what_the_page_says(page, need, request, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    if need != "nothing" and f"<!-- needs {need} -->" not in text:
        pytest.skip(f"no section needs {need}")
    if "import dask" in text:
        pytest.importorskip("distributed")
    if need == "torch":
        pytest.importorskip("torch")
    if need == "MNIST":
        request.getfixturevalue("shared_data")
    test = doctest.DocTestParser().get_doctest(part(text, need), {}, page.name, str(page), 0)
    said = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert results.attempted
    assert not results.failed, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_python_of_a_page_is_left_out(page):
    for block in re.findall("(?ms)^```python\n(.*?)^```", page.read_text(encoding="utf-8")):
        # A blank line ends the last answer: without it, the fence would be a part of what is expected.
        assert block.startswith(">>> "), block
        assert block.endswith("\n\n"), block


def test_there_are_pages():
    assert [page.name for page in PAGES if page.name == "from-the-book.md"]


def test_the_commands_of_how_to_pages_run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    _, valid = lookalike.load("digits", limit=20)
    for place, image in enumerate(valid.images):
        Path("crops", str(place % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(f"crops/{place % 2}/{place}.png")
    for page in sorted(DOCS.glob("how-to/*.md")):
        commands = re.findall("(?m)^lookalike (.*)$", page.read_text(encoding="utf-8"))
        assert commands
        for command in commands:
            if "--workers" in command or "--scheduler" in command:
                continue  # processes of their own: test_cluster starts some
            words = shlex.split(command)
            # As a shell does: what is in quotes stays.
            words = [
                found
                for word in words
                for found in (
                    sorted(glob.glob(word)) if "*" in word and f"'{word}'" not in command else [word]
                )
            ]
            done = call(monkeypatch, capsys, *words)
            assert done.code == 0, (command, done.err)
