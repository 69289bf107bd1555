"""A model card: what a reader needs to know of a model, in Markdown with the usual YAML header."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lookalike.store.about import ModelInfo
from lookalike.text import plain

_MARKED = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")

# The line by which a card is known.
_LIBRARY = "library_name: lookalike"
_HEAD_BYTES = 4096


def is_card(path: Path) -> bool:
    """Return whether a file is a card that :func:`written` made."""
    with open(path, "rb") as file:
        lines = file.read(_HEAD_BYTES).splitlines()
    return lines[:1] == [b"---"] and _LIBRARY.encode() in lines


def written(info: ModelInfo, file_name: str) -> str:
    """Return the card of a model."""
    parts = [
        _header(info),
        f"# {_text(file_name)}",
        f"Recognises {_what(info)} by what they look like: {_text(info.title)}. Made with lookalike "
        f"{_text(info.library)}; nothing was trained but what this page says.",
        _use(file_name),
        "## Classes\n\n" + _table(("class", "images"), [(name, f"{n:,}") for name, n in info.classes]),
    ]
    if info.preparation:
        parts.append("## Preparation\n\n" + "\n".join(f"1. {_text(step)}" for step in info.preparation))
    parts.append("## Training data\n\n" + _data(info))
    if info.figures:
        figures = [(name, _figure(value)) for name, value in info.figures.items()]
        parts.append("## Figures\n\n" + _table(("what", "value"), figures) + _since(info))
    parts.append("## Parameters\n\n" + _table(("parameter", "value"), _parameters(info)))
    return "\n\n".join(parts) + "\n"


def _header(info: ModelInfo) -> str:
    """Return the YAML header; strings of JSON are strings of YAML."""
    lines = [
        "---",
        "# license: choose one, for example bsd-3-clause",
        _LIBRARY,
        "pipeline_tag: image-classification",
        "tags:",
        *(f"- {tag}" for tag in ("image-classification", "lookalike", info.idea)),
    ]
    if info.data is not None:
        lines += ["datasets:", f"- {json.dumps(plain(info.data.name))}"]
    names = [json.dumps(plain(name)) for name, value in info.figures.items() if not isinstance(value, str)]
    if names:
        lines += ["metrics:", *(f"- {name}" for name in names)]
    return "\n".join([*lines, "---"])


def _what(info: ModelInfo) -> str:
    """Return what is recognised."""
    if info.image_shape is None:
        return f"rows of {info.n_features:,} numbers"
    return f"images of {'x'.join(str(length) for length in info.image_shape)}"


def _use(file_name: str) -> str:
    """Return how the model is used; the name is a Python literal within a fenced block."""
    literal = ascii(file_name).replace("`", "\\x60")
    return (
        "```python\nimport lookalike\n\n"
        f"model = lookalike.load_model({literal})  # runs no code from the file\n"
        "labels = model.predict(images)\n```"
    )


def _data(info: ModelInfo) -> str:
    """Return what is known of the training data."""
    if info.data is None:
        return "Not said."
    data = info.data
    return f"{_text(data.name)}: {data.n:,} images, SHA-256 `{data.sha256}`." + _since(info)


def _since(info: ModelInfo) -> str:
    """Return that the model is another one by now, if so."""
    return "\n\nThe model learned or forgot images since." if info.changed else ""


def _parameters(info: ModelInfo) -> list[tuple[str, str]]:
    return [(name, json.dumps(value)) for name, value in info.parameters.items()]


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """Return a table."""
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {_text(first)} | {_text(second)} |" for first, second in rows]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Return untrusted text as Markdown that says just that."""
    return _MARKED.sub(r"\\\1", plain(text))
