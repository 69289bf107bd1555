"""The page of an audit: each finding with its images side by side, kept, relabelled or dropped by a key."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from lookalike.audit.findings import COLUMNS, KINDS, rows_of
from lookalike.files import write_whole
from lookalike.show.images import data_uri, shrunk, stretched
from lookalike.show.pages import render
from lookalike.show.report.comparison import origin, part_facts
from lookalike.show.views import enough_text, kind_of, leaks_table, wrong_text
from lookalike.text import csv_cell, plain

#: So many images stand beside each other, the finding's own first, each so large at most.
_BESIDE, _EDGE = 5, 64


def write_page(found: Any, path: Path, command: str) -> None:
    """Write the page, as a whole or not at all; ``command`` makes it again."""
    write_whole(path, render_page(found, command).encode())


def render_page(found: Any, command: str) -> str:
    """Return the page: all text of it is untrusted, and none of it is script."""
    script = resources.files("lookalike.show").joinpath("templates/audit.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    images = found.images
    reading = [f"{len(found.issues):,} findings in {len(images):,} images."]
    reading.append(wrong_text(found))
    if found.enough is not None:
        reading.append(enough_text(found))
    return render(
        "audit_page.html.jinja",
        title=f"Audit of {plain(images.source.name)}",
        subtitle=f"{len(images):,} images, {kind_of(images)}",
        reading=[*reading, *map(plain, found.notes)],
        leaks=leaks_table(found),
        facts={"part": part_facts("The images", "looked at", images), **origin(0, command)},
        script=script,
        script_hash=f"sha256-{digest}",
        document=_document(found),
    )


def _document(found: Any) -> str:
    """Return what the script shows, as JSON that ends no element."""
    images, parts = found.images, found.parts.tolist()
    findings, used = [], set()
    for one in found.issues:
        places = one.places[:_BESIDE]
        used.update(places)
        findings.append(
            {
                "kind": one.kind,
                "title": KINDS[one.kind],
                "places": places,
                "why": plain(one.why),
                "label": "" if one.label is None else csv_cell(one.label),
            }
        )
    facts = {
        "columns": COLUMNS,
        "classes": [csv_cell(name) for name in images.class_names],
        "kinds": [(kind, KINDS[kind], count) for kind, count in found.counts.items()],
        "findings": findings,
        "rows": rows_of(found.issues, images, parts),
        "images": {
            place: {
                "uri": data_uri(shrunk(stretched(images.images[place]), _EDGE)),
                "name": plain(images.names[place]),
                "label": plain(images.labels[place]),
                "part": parts[place],
            }
            for place in sorted(used)
        },
    }
    return json.dumps(facts).replace("<", "\\u003c")
