"""HTML: the templates, results for notebooks, and evidence as a page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lookalike.recognition.explanation import Evidence
from lookalike.show.evidence import Beside, parts
from lookalike.show.images import LARGE, MIDDLE, arrows_path, picture
from lookalike.show.views import view
from lookalike.text import plain

#: Scripts and styles that pages of files have, and those of a service.
SHARED = Path(__file__).with_name("static")
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
    shown = view(result)
    return render("result_fragment.html.jinja", items=(*shown.above, *shown.items))


def evidence_fragment(evidence: Sequence[Evidence]) -> str:
    """Return evidence as a part of a page, for notebooks; the first 20 are drawn."""
    cards, left_out = _cards(evidence[:_MOST], [""] * _MOST), max(0, len(evidence) - _MOST)
    return render("evidence_fragment.html.jinja", cards=cards, left_out=left_out)


def evidence_page(evidence: Sequence[Evidence], names: Sequence[str], *, title: str, command: str) -> str:
    """Return evidence as one self-contained page, which ``command`` makes again; all text is untrusted."""
    told = {"title": plain(title), "command": plain(command)}
    return render("evidence_page.html.jinja", cards=_cards(evidence, names), **told)


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
    return _drawn(
        shown,
        ("image", "seen", "speaking"),
        _SIDE,
        beside=[_beside(one, LARGE, f"{key}-{place}") for place, one in enumerate(shown.beside)],
        means=[_beside(one, MIDDLE) for one in shown.means],
        nearest=[_beside(one, MIDDLE) for one in shown.nearest],
    )


def _drawn(shown: Any, names: Sequence[str], edge: int, **others: Any) -> SimpleNamespace:
    """Return what is shown with the images of some names, where there are such, as pictures."""
    images = {name: getattr(shown, name) for name in names}
    pictures = {name: None if image is None else picture(image, edge) for name, image in images.items()}
    return SimpleNamespace(**vars(shown) | pictures | others)


def _beside(one: Beside, edge: int, key: str = "") -> SimpleNamespace:
    """Return one reference; the arrows of its displacement field are drawn only where they have a key."""
    arrows = None
    if key and one.field is not None and one.warped is not None:
        rows, columns = one.field.shape[:2]
        arrows = SimpleNamespace(
            **vars(picture(one.image, edge)),
            key=key,
            path=arrows_path(one.field, one.warped),
            rows=rows,
            columns=columns,
            stroke=f"{_STROKE * -(-max(rows, columns) // 16):.2f}",
        )
    return _drawn(one, ("image", "warped", "difference"), edge, arrows=arrows)
