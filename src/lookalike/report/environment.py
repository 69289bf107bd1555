"""The templates of reports."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Return the templates: text is escaped, and what a template is not given is an error."""
    return Environment(
        loader=ChoiceLoader([PackageLoader("lookalike.report"), PackageLoader("lookalike.picture")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
