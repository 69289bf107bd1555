"""The API's reference as one plain page, made from its OpenAPI document: nothing comes from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_PAGE = "reference.html"


def reference_page(document: Mapping[str, Any]) -> str:
    """Return an OpenAPI document as an HTML page."""
    environment = Environment(
        loader=PackageLoader("lookalike.web", "templates"), autoescape=True, undefined=StrictUndefined
    )
    operations = [
        {"method": method.upper(), "path": path, **_operation(told)}
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    schemas = {
        name: json.dumps(one, indent=2) for name, one in sorted(document["components"]["schemas"].items())
    }
    return environment.get_template(_PAGE).render(
        info=document["info"], operations=operations, schemas=schemas
    )


def _operation(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page says of one route."""
    bodies = told.get("requestBody", {}).get("content", {})
    return {
        "text": told.get("description") or told.get("summary", ""),
        "parameters": [
            {"name": one["name"], "in": one["in"], "text": one.get("description", "")}
            for one in told.get("parameters", ())
        ],
        "bodies": [
            {"type": kind, "form": _form(one), "example": _example(one)} for kind, one in bodies.items()
        ],
        "responses": [
            {
                "status": status,
                "text": one.get("description", ""),
                "form": _form(next(iter(one.get("content", {}).values()), {})),
            }
            for status, one in told["responses"].items()
        ],
    }


def _form(content: Mapping[str, Any]) -> str:
    """Return the name of the form that a body or an answer has."""
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]


def _example(content: Mapping[str, Any]) -> str:
    return json.dumps(content["example"]) if "example" in content else ""
