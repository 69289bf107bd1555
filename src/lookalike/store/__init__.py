"""Model files: a fitted model as safetensors with JSON metadata. Opening one runs none of its contents.

A stranger's file is refused in this order: by ``container`` (lengths, types, checksums, depth), by ``about``
(what a header may say, the idea's name, parameters), and by :mod:`lookalike.state` (every value of every
part). Then the parts check each other in their ``restored``.
"""

from lookalike.store.about import DataFacts, ModelInfo, is_card
from lookalike.store.kept import kept_images
from lookalike.store.models import (
    load_model,
    load_recogniser,
    load_shards,
    model_info,
    save_model,
    unsaved_info,
)

__all__ = [
    "DataFacts",
    "ModelInfo",
    "is_card",
    "kept_images",
    "load_model",
    "load_recogniser",
    "load_shards",
    "model_info",
    "save_model",
    "unsaved_info",
]
