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
#: Pages that the site's build writes are tested where they come from.
WRITTEN = {"changelog", "commands", "contributing", "reference"}
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts and page.stem not in WRITTEN and ">>> " in page.read_text(encoding="utf-8")
]
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
    assert {"from-the-book", "larger-than-memory", "python"} <= {page.stem for page in PAGES}


def test_every_page_is_linked_and_links_lead_somewhere():
    """As the site's build sees it, which takes longer; README's links too."""
    pages = [page for page in DOCS.rglob("*.md") if "_build" not in page.parts and page.stem not in WRITTEN]
    listed = set()
    for page in [*pages, DOCS.parent / "README.md"]:
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"
        for listing in re.findall(r"(?s)```\{toctree\}\n(.*?)```", text):
            # A line is a name, or a title and a name: Lesson <lesson/index>.
            names = re.findall(r"(?m)^(?!:)(?:.* <)?([^<>\n]+)>?$", listing)
            listed |= {found.resolve() for name in names for found in page.parent.glob(f"{name}.md")}
    assert {page.resolve() for page in pages} <= listed | {(DOCS / "index.md").resolve()}


def test_the_commands_for_more_than_memory_run_one_after_the_other(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("crops").mkdir()
    for place, image in enumerate(lookalike.load("digits", limit=20).valid.images):
        Image.fromarray(image).save(f"crops/{place}.png")
    text = (DOCS / "how-to" / "larger-than-memory.md").read_text(encoding="utf-8")
    # With workers they start processes of their own, as a test of clusters does.
    commands = [
        found for found in re.findall("(?m)^lookalike (.*)$", text) if not re.search("worker|sched", found)
    ]
    assert len(commands) == 8
    for command in commands:
        # As a shell does: what is in quotes stays.
        quoted = re.findall("'([^']*)'", command)
        words = shlex.split(command)
        given = [[word] if word in quoted or "*" not in word else sorted(glob.glob(word)) for word in words]
        done = call(monkeypatch, capsys, *(word for some in given for word in some))
        assert done.code == 0, (command, done.err)
