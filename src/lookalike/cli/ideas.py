"""``lookalike ideas``: what can be compared and fitted, a line each."""

from __future__ import annotations

import json

import typer

from lookalike.cli import common


def ideas(as_json: common.Json = False) -> None:
    """List the ideas: their names, and what each does.

    The names are those that --idea of fit and --ideas of compare take. Those marked * are compared where none
    is named.
    """
    from lookalike.registry import IDEAS

    if as_json:
        facts = [
            {
                "name": one.name,
                "title": one.title,
                "summary": one.summary or one.title,
                "by_default": one.by_default,
                "reference": one.reference,
            }
            for one in IDEAS
        ]
        typer.echo(json.dumps(facts, indent=2))
        return
    width = max(len(one.name) for one in IDEAS)
    for one in IDEAS:
        typer.echo(f"{'*' if one.by_default else ' '} {one.name:<{width}}  {one.summary or one.title}")
