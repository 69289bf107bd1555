"""HTML: the templates, results for notebooks, and evidence as a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from lookalike.recognition.explanation import Evidence
from lookalike.show.columns import Table
from lookalike.show.evidence import card, content_key
from lookalike.show.views import view
from lookalike.text import plain

# A notebook with a thousand images in one cell helps nobody.
_MOST = 20


def render(template: str, **known: Any) -> str:
    """Return a template with what it is given."""
    return str(_environment().get_template(template).render(**known))


@lru_cache(maxsize=1)
def _environment() -> Any:
    """Return the templates: text is escaped, and what a template is not given is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("lookalike.show"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fragment(result: Any) -> str:
    """Return a result as a part of a page, for notebooks: with its own style, without script."""
    if type(result).__name__ == "Explanations":
        return evidence_fragment(list(result))
    return render("result_fragment.html.jinja", items=[_item(item) for item in view(result).items])


def _item(item: Any) -> Any:
    """Return a line as it is, and a table as headings and rows of cells with their styles."""
    if not isinstance(item, Table):
        return item
    columns = item.of("page")
    rows = [[(column.cell(row), item.style(row, column.key)) for column in columns] for row in item.rows]
    return {"columns": columns, "rows": rows}


def evidence_fragment(evidence: Sequence[Evidence]) -> str:
    """Return evidence as a part of a page, for notebooks; the first 20 are drawn."""
    left_out = max(0, len(evidence) - _MOST)
    return render(
        "evidence_fragment.html.jinja", cards=_cards(evidence[:_MOST], [""] * _MOST), left_out=left_out
    )


def evidence_page(evidence: Sequence[Evidence], names: Sequence[str], *, title: str, command: str) -> str:
    """Return evidence as one self-contained page, which ``command`` makes again; all text is untrusted."""
    return render(
        "evidence_page.html.jinja",
        cards=_cards(evidence, names),
        title=plain(title),
        command=plain(command),
    )


def _cards(evidence: Sequence[Evidence], names: Sequence[str]) -> list[Any]:
    """Return a card and a name for each evidence."""
    # The same image can be given twice, and ids must differ.
    return [
        (card(one, f"e{content_key(one)}-{number}"), plain(name))
        for number, (one, name) in enumerate(zip(evidence, names, strict=False))
    ]
