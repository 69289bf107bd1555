"""``lookalike info``: what a model file says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from lookalike.cli import common

if TYPE_CHECKING:
    from lookalike.store import ModelInfo

# Names of figures come from the file, and may be long.
_WIDEST = 24


def info(model: common.Model, as_json: common.Json = False) -> None:
    """Say what a model file holds, and what it is worth.

    That is its idea, its classes, what it was fitted on and how it was judged. It reads the head of the file
    alone: whether the rest is whole, the commands that use a model find out. Try: lookalike info
    digits.lookalike
    """
    import lookalike

    found = lookalike.model_info(model)
    if as_json:
        typer.echo(json.dumps(_facts(found), indent=2))
        return
    from lookalike.text import plain

    lines = _lines(found)
    width = min(_WIDEST, max(len(name) for name, _ in lines))
    for name, value in lines:
        typer.echo(f"{plain(name):<{width}}  {plain(value)}")


def _facts(found: ModelInfo) -> dict[str, Any]:
    """Return what JSON says."""
    facts = dict(vars(found))
    return facts | {
        "classes": dict(found.classes),
        "data": None if found.data is None else found.data._asdict(),
        "figures": dict(found.figures),
        "parameters": dict(found.parameters),
    }


def _lines(found: ModelInfo) -> list[tuple[str, str]]:
    """Return names and values as people read them."""
    from lookalike.show.columns import BYTES

    total = sum(count for _, count in found.classes)
    shape = found.image_shape or (f"rows of {found.n_features} numbers",)
    lines = [
        ("idea", f"{found.title} ({found.idea})"),
        ("images", f"{total:,} of {'x'.join(map(str, shape))}"),
        ("classes", ", ".join(f"{name} ({count:,})" for name, count in found.classes)),
        *(("preparation", step) for step in found.preparation),
    ]
    if found.data is not None:
        lines.append(("fitted on", f"{found.data.name}, {found.data.n:,} images, sha256 {found.data.sha256}"))
    if found.changed:
        lines.append(("changed", "it learned or forgot images since: the figures are those of before"))
    lines += [
        (name, f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in found.figures.items()
    ]
    lines.append(
        ("file", f"{BYTES.text(found.size)}, written by lookalike {found.library}, schema {found.schema}")
    )
    lines.append(("checked", "the head alone; what uses the model checks the whole file"))
    return lines
