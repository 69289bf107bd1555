"""How the site is built: ``make docs``. Nothing is fetched, and a warning is an error."""

import html
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import nbformat
from docutils.nodes import SkipNode, math_block
from matplotlib.mathtext import math_to_image

import lookalike
import lookalike.cluster
import lookalike.photo

DOCS = Path(__file__).parent

project = "lookalike"
author = copyright = "the lookalike developers"
version = release = lookalike.__version__
extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "show_prev_next": False,
    # The lesson's chapters all have the same headings, and lines of code that need the room.
    "secondary_sidebar_items": {"**": ["page-toc"]}
    | {f"lesson/{page.stem}": [] for page in (DOCS / "lesson").glob("[0-9]*.md")},
    "header_links_before_dropdown": 8,
}
html_title = "lookalike"
html_show_sourcelink = False
html_math_renderer = "as_written"
man_pages = [("commands", "lookalike", "recognise small images by what they look like", author, 1)]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
# The lesson is run by every build; what fails there fails here.
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
myst_heading_anchors = 3
# Commands and what they print are no language.
highlight_language = "none"
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


def reference() -> str:
    """Return the page of all public names, from the package's own list."""
    names = [name for name in lookalike.__all__ if name != "prepare"]
    for module in (lookalike.photo, lookalike.cluster):
        names += [f"{module.__name__.removeprefix('lookalike.')}.{name}" for name in module.__all__]
    return (
        "# Reference\n\nEvery public name, from its docstring.\n\n"
        "```{eval-rst}\n.. currentmodule:: lookalike\n\n"
        ".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n"
        + "".join(f"   {name}\n" for name in names)
        + "```\n"
    )


def commands() -> str:
    """Return the page of all commands, each with its own help."""
    from typer.main import get_command

    from lookalike.cli.main import app

    def told(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lookalike", *words, "--help"], capture_output=True, text=True, check=True
        )
        return f"## lookalike {' '.join(words)}\n\n```\n{done.stdout.strip()}\n```\n"

    pages = []
    for name, command in sorted(get_command(app).commands.items()):
        pages += [told(name, inner) for inner in sorted(getattr(command, "commands", {}))] or [told(name)]
    return "# Commands\n\n" + "\n".join(pages)


def formula(translator: Any, node: Any) -> None:
    """Draw a formula by Matplotlib, in the text's colour: the site works offline, and needs no TeX.

    What Matplotlib does not know is shown as it is written.
    """
    text, drawing = node.astext(), io.BytesIO()
    try:
        math_to_image(f"${' '.join(text.split())}$", drawing, format="svg")
    except ValueError:
        shown = f"<code>{html.escape(text)}</code>"
    else:
        svg = drawing.getvalue().decode()
        shown = svg[svg.index("<svg") :].replace("fill: #ffffff", "fill: none")
        named = f'<svg role="img" fill="currentColor" aria-label="{html.escape(text)}"'
        shown = shown.replace("<svg", named, 1)
    block = isinstance(node, math_block)
    translator.body.append(
        f'<div style="text-align: center; overflow-x: auto; margin: 1em 0">{shown}</div>' if block else shown
    )
    raise SkipNode


def is_others(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what is inherited from other libraries, whose own pages tell of it."""
    module = getattr(getattr(member, "fget", member), "__module__", None) or "lookalike"
    return None if module.startswith("lookalike") else True


def unfolding(question: re.Match[str]) -> str:
    """Return a question and its answer as notebooks unfold them: a summary is HTML, not Markdown."""
    asked = re.sub("`(.*?)`", r"<code>\1</code>", question[1])
    return f"<details><summary>{asked}</summary>\n\n{question[2]}\n</details>"


def notebook(text: str) -> Any:
    """Return a chapter as a notebook: its code cells, and the text between them with answers to unfold."""
    cells = []
    start = (DOCS / "lesson" / "start.py").read_text(encoding="utf-8")
    body = text.split("---\n", 2)[2].replace(":load: start.py\n", start)  # a notebook stands alone
    for part in re.split(r"(?ms)^(```\{code-cell\} python\n.*?^```$)", body):
        code = re.fullmatch(r"(?s)```\{code-cell\} python\n(?::.*?\n)*(.*?)\n?```", part)
        if code:
            cells.append(nbformat.v4.new_code_cell(code[1]))
        elif part.strip():
            unfold = r"(?ms)^:::\{dropdown\} (.*?)\n(.*?)^:::$"
            told = re.sub(unfold, unfolding, part)
            told = re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", told)  # other pages are not beside it
            cells.append(nbformat.v4.new_markdown_cell(told.strip()))
    return nbformat.v4.new_notebook(cells=cells)


def write_notebooks() -> None:
    """Write all chapters of the lesson as notebooks into one file to download."""
    with zipfile.ZipFile(DOCS / "lesson" / "notebooks.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((DOCS / "lesson").glob("[0-9]*.md")):
            archive.writestr(
                f"{path.stem}.ipynb", nbformat.writes(notebook(path.read_text(encoding="utf-8")))
            )


def setup(app: Any) -> None:
    """Write the pages that follow from the code, before anything is read."""
    write_notebooks()
    app.connect("autodoc-skip-member", is_others)
    app.add_html_math_renderer("as_written", (formula, None), (formula, None))
    (DOCS / "reference.md").write_text(reference(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands(), encoding="utf-8")
    for name, source in (("contributing", "CONTRIBUTING.md"), ("changelog", "CHANGELOG.md")):
        text = f"```{{include}} ../{source}\n:relative-docs: docs/\n```\n"
        (DOCS / f"{name}.md").write_text(text, encoding="utf-8")
