"""Model files: a fitted model as safetensors with JSON metadata. Opening one runs none of its contents."""

from lookalike.store.about import DataFacts, ModelInfo, is_card
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
