"""The page of an audit: each finding with its images side by side, kept, relabelled or dropped by a key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.audit.findings import COLUMNS, KINDS, Finding, rows_of
from lookalike.files import write_whole
from lookalike.show.images import packed_uri, shrunk, stretched
from lookalike.show.pages import SHARED, render
from lookalike.show.report.comparison import origin, part_facts
from lookalike.show.views import enough_text, kind_of, leaks_table, wrong_text
from lookalike.text import csv_cell, plain

#: So many images stand beside each other, the finding's own first, each so large at most.
_BESIDE, _EDGE = 5, 64
#: Images of a page take so many characters at most: browsers open it at once, and it can be sent.
MOST = 40_000_000
_BEGIN = """
new Findings(document.getElementById("list")).show(JSON.parse(document.getElementById("audit").textContent));
"""


def write_page(found: Any, path: Path, command: str) -> None:
    """Write the page, as a whole or not at all; ``command`` makes it again."""
    write_whole(path, render_page(found, command).encode())


def render_page(found: Any, command: str) -> str:
    """Return the page: all text of it is untrusted, and none of it is script."""
    script = (SHARED / "findings.js").read_text("utf-8") + _BEGIN
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    images = found.images
    document = document_of(found)
    return render(
        "audit_page.html.jinja",
        title=f"Audit of {plain(images.source.name)}",
        subtitle=f"{len(images):,} images, {kind_of(images)}",
        reading=document["reading"],
        leaks=leaks_table(found),
        facts={"part": part_facts("The images", "looked at", images), **origin(0, command)},
        left_out=document["left_out"],
        style=(SHARED / "findings.css").read_text("utf-8"),
        script=script,
        script_hash=f"sha256-{digest}",
        # JSON that ends no element.
        document=json.dumps(document).replace("<", "\\u003c"),
    )


def document_of(found: Any, most: int = MOST) -> dict[str, Any]:
    """Return what ``static/findings.js`` shows, as plain data; images take about ``most`` characters.

    Where there are more, the worst findings of each kind are shown; rows of the table are always whole.
    """
    images, parts = found.images, found.parts.tolist()
    shown, pictures = _pictured(found, most)
    counts = Counter(one.kind for one in shown)
    left_out = ""
    if len(shown) < len(found.issues):
        left_out = (
            f"{len(shown):,} of {len(found.issues):,} findings are shown, the worst of each kind: all their "
            "images would make a page too large to be opened. The table has all of them, as they are "
            "proposed; fewer classes (--classes) or images (--limit) at a time are shown whole."
        )
    return {
        "name": plain(images.source.name),
        "parts": len(set(parts)),
        "reading": [
            f"{len(found.issues):,} findings in {len(images):,} images.",
            wrong_text(found),
            *([] if found.enough is None else [enough_text(found)]),
            *map(plain, found.notes),
        ],
        "left_out": left_out,
        "columns": COLUMNS,
        "classes": [csv_cell(name) for name in images.class_names],
        "kinds": [(kind, title, counts[kind]) for kind, title in KINDS.items() if counts[kind]],
        "findings": [
            {
                "kind": one.kind,
                "title": KINDS[one.kind],
                "places": one.places[:_BESIDE],
                "why": plain(one.why),
                "label": "" if one.label is None else csv_cell(one.label),
            }
            for one in shown
        ],
        "rows": [
            (place, _key(images.images[place], cells), cells)
            for place, cells in rows_of(found.issues, images, parts).items()
        ],
        "images": {
            place: {
                "uri": uri,
                "name": plain(images.names[place]),
                "label": plain(images.labels[place]),
                "part": parts[place],
            }
            for place, uri in sorted(pictures.items())
        },
    }


def _pictured(found: Any, most: int) -> tuple[list[Finding], dict[int, str]]:
    """Return the findings that are shown, in their order, and their images as addresses."""
    ranks, seen = [], dict.fromkeys(KINDS, 0)
    for one in found.issues:
        ranks.append(seen[one.kind])
        seen[one.kind] += 1
    pictures: dict[int, str] = {}
    shown, held = [], 0
    # Of each kind the worst come first, in turn.
    for number in np.argsort(ranks, kind="stable").tolist():
        if held >= most:
            break
        for place in found.issues[number].places[:_BESIDE]:
            if place not in pictures:
                pictures[place] = packed_uri(shrunk(stretched(found.images.images[place]), _EDGE))
                held += len(pictures[place])
        shown.append(number)
    return [found.issues[number] for number in sorted(shown)], pictures


def _key(image: NDArray[Any], cells: tuple[str, ...]) -> str:
    """Return what an image is known by in another audit: its pixels, part, name and label."""
    digest = hashlib.sha256(json.dumps([*cells[1:3], cells[4]]).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()[:16]
