"""How the site is built: ``make docs``. Nothing is fetched, and a warning is an error."""

import ast
import html
import io
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from docutils.nodes import SkipNode, math_block
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
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
    "navbar_align": "left",
    # The theme's field says "Search Ctrl+K" and is named "Search", over which screen readers stumble.
    "navbar_persistent": ["search-button"],
}
# Pages that stand alone have no section to show beside them.
html_sidebars = {"*": []}
html_static_path = ["site.css"]
html_css_files = ["site.css"]
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


def inline(drawing: io.BytesIO, told: str, style: str = "") -> str:
    """Return a drawing for a page: in the text's colour, and told to those who cannot see it."""
    svg = drawing.getvalue().decode()
    shown = svg[svg.index("<svg") :].strip()
    for drawn, wanted in (("fill: #ffffff", "fill: none"), ("stroke: #000000", "stroke: currentColor")):
        shown = shown.replace(drawn, wanted)
    named = f'<svg role="img" fill="currentColor" aria-label="{html.escape(told)}" style="{style}"'
    return shown.replace("<svg", named, 1)


def imports(rooms: list[str]) -> Counter[tuple[str, str]]:
    """Return how many files of each room import from which other one, from the code itself."""
    counts: Counter[tuple[str, str]] = Counter()
    package = Path(lookalike.__file__).parent
    for path in package.rglob("*.py"):
        home = path.relative_to(package).parts[0].removesuffix(".py")
        found = {
            f"{node.module}.{alias.name}".split(".")[1]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("lookalike.")
            for alias in node.names
        }
        counts.update((home, room) for room in found - {home} if {home, room} <= {*rooms})
    return counts


def layout() -> str:
    """Return a drawing of what imports what, in the contract's order: no dot is below the diagonal."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [room for layer in layers for room in layer.split(" : ")]
    counts = imports(rooms)
    axes = Figure(figsize=(6.4, 6.4), layout="constrained").add_subplot()
    places = [[rooms.index(pair[side]) for pair in counts] for side in (1, 0)]
    axes.scatter(*places, [25 * count**0.5 for count in counts.values()], "tab:blue")
    axes.plot([0, len(rooms) - 1], [0, len(rooms) - 1], color="tab:gray", linewidth=0.5)
    axes.set_xticks(range(len(rooms)), rooms, rotation=90)
    axes.set_yticks(range(len(rooms)), rooms)
    axes.invert_yaxis()
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    drawing = io.BytesIO()
    axes.figure.savefig(drawing, format="svg", transparent=True)
    told = (f"{one} imports {other} in {count} files" for (one, other), count in sorted(counts.items()))
    return f'<div class="drawn">{inline(drawing, "; ".join(told))}</div>'


def contributing() -> str:
    """Return CONTRIBUTING.md as a page, with the picture of the layout where it says so."""
    here = "<!-- the site draws here what imports what -->"
    before, after = (
        f"```{{include}} ../CONTRIBUTING.md\n:relative-docs: docs/\n:{side}: {here}\n```\n"
        for side in ("end-before", "start-after")
    )
    return (
        f"{before}\n```{{raw}} html\n{layout()}\n```\n\n"
        "Drawn from the code: files of the row import from the column, the more the larger the dot.\n"
        "Below the line there is none.\n\n"
        f"{after}"
    )


def formula(translator: Any, node: Any) -> None:
    """Draw a formula by Matplotlib, in the text's colour: the site works offline, and needs no TeX.

    What Matplotlib does not know is shown as it is written.
    """
    text, drawing = " ".join(node.astext().split()), io.BytesIO()
    block = isinstance(node, math_block)
    tall = text.replace(r"\frac", r"\dfrac") if block else text
    try:
        below = math_to_image(f"${tall}$", drawing, FontProperties(size=12), format="svg")
    except ValueError:
        shown = f"<code>{html.escape(text)}</code>"
    else:
        shown = inline(drawing, text, f"vertical-align: -{below:.1f}pt")
    translator.body.append(f'<div class="drawn">{shown}</div>' if block else shown)
    raise SkipNode


def name_by_their_text(app: Any, page: str, template: str, context: dict[str, Any], document: Any) -> None:
    """Let what unfolds code be named as it reads: MyST-NB names it otherwise, for screen readers."""
    context["body"] = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")


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
    app.connect("html-page-context", name_by_their_text)
    app.add_html_math_renderer("as_written", (formula, None), (formula, None))
    (DOCS / "reference.md").write_text(reference(), encoding="utf-8")
    (DOCS / "commands.md").write_text(commands(), encoding="utf-8")
    (DOCS / "contributing.md").write_text(contributing(), encoding="utf-8")
    changelog = "```{include} ../CHANGELOG.md\n:relative-docs: docs/\n```\n"
    (DOCS / "changelog.md").write_text(changelog, encoding="utf-8")
