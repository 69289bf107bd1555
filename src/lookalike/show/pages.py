"""HTML: the templates, results for notebooks, and evidence as a page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from lookalike.recognition.explanation import Evidence
from lookalike.show.columns import Table
from lookalike.show.evidence import Beside, parts
from lookalike.show.images import LARGE, MIDDLE, arrows_path, picture
from lookalike.show.views import view
from lookalike.text import plain

# A notebook with a thousand images in one cell helps nobody.
_MOST = 20
_SIDE = 140
# Arrows are as thick as this part of the distance between them.
_STROKE = 0.16


def render(template: str, **known: Any) -> str:
    """Return a template with what it is given."""
    return str(_environment().get_template(template).render(**known))


@cache
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
        (card(one, f"e{_content_key(one)}-{number}"), plain(name))
        for number, (one, name) in enumerate(zip(evidence, names, strict=False))
    ]


def _content_key(evidence: Evidence) -> str:
    """Return an id that is the same for the same evidence, for pages whose other parts are not known."""
    digest = hashlib.sha256(f"{evidence.idea} {evidence.distances.tolist()}".encode())
    digest.update(np.ascontiguousarray(evidence.prepared).tobytes())
    return digest.hexdigest()[:12]


def card(evidence: Evidence, key: str) -> SimpleNamespace:
    """Return evidence as the macro ``evidence`` draws it; ``key`` is what ids within the page begin with."""
    shown = parts(evidence)
    pictures = {
        "image": picture(shown.image, _SIDE),
        "seen": None if shown.seen is None else picture(shown.seen, _SIDE),
        "speaking": None if shown.speaking is None else picture(shown.speaking, _SIDE),
        "beside": [_beside(one, LARGE, f"{key}-{place}") for place, one in enumerate(shown.beside)],
        "means": [_beside(one, MIDDLE) for one in shown.means],
        "nearest": [_beside(one, MIDDLE) for one in shown.nearest],
    }
    return SimpleNamespace(**vars(shown) | pictures)


def _beside(one: Beside, edge: int, key: str = "") -> SimpleNamespace:
    """Return one reference; arrows are drawn only where they have a key, and it was bent."""
    pictures = {
        "image": picture(one.image, edge),
        "warped": None if one.warped is None else picture(one.warped, edge),
        "difference": picture(one.difference, edge),
        "arrows": _arrows(one, edge, key) if key else None,
    }
    return SimpleNamespace(**vars(one) | pictures)


def _arrows(one: Beside, edge: int, key: str) -> SimpleNamespace | None:
    """Return an image with the arrows of its displacement field, in the image's pixels, where it was bent."""
    if one.field is None or one.warped is None:
        return None
    shown = picture(one.image, edge)
    rows, columns = one.field.shape[:2]
    return SimpleNamespace(
        key=key,
        uri=shown.uri,
        path=arrows_path(one.field, one.warped),
        rows=rows,
        columns=columns,
        width=shown.width,
        height=shown.height,
        stroke=f"{_STROKE * -(-max(rows, columns) // 16):.2f}",
    )
