"""Evidence as HTML that stands alone: a part for notebooks, and a whole page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from lookalike.picture.evidence_cards import card, content_key
from lookalike.picture.text import plain
from lookalike.recognition.evidence import Evidence

# A notebook with a thousand images in one cell helps nobody.
_MOST = 20


def fragment(evidence: Sequence[Evidence]) -> str:
    """Return evidence as a part of a page, for notebooks.

    Parameters
    ----------
    evidence : sequence of Evidence
        One for each image; the first 20 are drawn.

    Returns
    -------
    str
        HTML with its own style and pictures: no script, nothing is loaded. Text from outside is escaped.
    """
    return _rendered(
        "evidence_fragment.html.jinja", evidence[:_MOST], [""] * _MOST, left_out=max(0, len(evidence) - _MOST)
    )


def page(evidence: Sequence[Evidence], names: Sequence[str], *, title: str, command: str) -> str:
    """Return evidence as one self-contained page.

    Parameters
    ----------
    evidence : sequence of Evidence
        One for each image.
    names : sequence of str
        What the images are called; untrusted.
    title : str
        What the page is called; untrusted.
    command : str
        What one types to make the page again.

    Returns
    -------
    str
        HTML: no script, nothing is loaded.
    """
    return _rendered("evidence_page.html.jinja", evidence, names, title=plain(title), command=plain(command))


def _rendered(template: str, evidence: Sequence[Evidence], names: Sequence[str], **known: Any) -> str:
    """Return a template with a card for each evidence."""
    # The same image can be given twice, and ids must differ.
    cards = [
        (card(one, f"e{content_key(one)}-{number}"), plain(name))
        for number, (one, name) in enumerate(zip(evidence, names, strict=False))
    ]
    return str(_environment().get_template(template).render(cards=cards, **known))


@lru_cache(maxsize=1)
def _environment() -> Any:
    """Return the templates; Jinja2 is loaded when it is needed."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("lookalike.picture"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
