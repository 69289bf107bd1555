"""The pages in ``docs``: every line of code in them runs and prints what they say."""

import doctest
import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))
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
def test_every_line_prints_what_the_page_says(page, need, request):
    text = page.read_text(encoding="utf-8")
    if need != "nothing" and f"<!-- needs {need} -->" not in text:
        pytest.skip(f"no section needs {need}")
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
