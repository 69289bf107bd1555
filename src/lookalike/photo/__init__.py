"""From a photograph to a value: regions, registration, several glyphs read as one checked value, watching."""

from typing import Any

__all__ = ["PhotoLayout", "PhotoReading", "Reader", "Region", "ValueFormat", "load_layout"]

_MODULES = {
    "PhotoLayout": "layout",
    "PhotoReading": "reader",
    "Reader": "reader",
    "Region": "layout",
    "ValueFormat": "layout",
    "load_layout": "layout",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module 'lookalike.photo' has no attribute {name!r}")
    return getattr(import_module(f"lookalike.photo.{_MODULES[name]}"), name)
