"""Model files: a fitted model as safetensors with JSON metadata. Opening one runs none of its contents.

``container`` is the file: arrays and one JSON text, with a hash of both. ``about`` is what the text says, and
which class of the registry a state belongs to. ``models`` saves and opens. ``card`` is the page beside it.
"""

from lookalike.store.about import DataFacts, ModelInfo
from lookalike.store.card import is_card
from lookalike.store.models import load_model, load_recogniser, model_info, save_model, unsaved_info

__all__ = [
    "DataFacts",
    "ModelInfo",
    "is_card",
    "load_model",
    "load_recogniser",
    "model_info",
    "save_model",
    "unsaved_info",
]
