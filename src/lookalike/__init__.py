"""lookalike recognises small images by what they look like, with no training, and shows why.

Nothing heavy is imported until a name is used: the names below are looked up in the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.errors import (
    DataError,
    DownloadError,
    InputError,
    LookalikeError,
    LookalikeWarning,
    MissingExtraError,
    ModelFileError,
    UnknownNameError,
)
from lookalike.markers import feature

if TYPE_CHECKING:
    from lookalike import broadcasting, prepare
    from lookalike.data.labelled import LabelledImages
    from lookalike.data.load import load
    from lookalike.data.loose import read_images
    from lookalike.evaluation.appraise import appraise
    from lookalike.evaluation.classifier import Classifier
    from lookalike.evaluation.compare import compare
    from lookalike.evaluation.curve import curve
    from lookalike.evaluation.evaluate import evaluate
    from lookalike.evaluation.folds import fit_best
    from lookalike.markers import distance
    from lookalike.models.coverage import InkCoverage
    from lookalike.models.deformable import DeformableMatch
    from lookalike.models.embedding import Embedding
    from lookalike.models.mean_image import MeanImage
    from lookalike.models.mixture import MixtureMatch
    from lookalike.models.nearest import NearestImages
    from lookalike.models.prototypes import ClusterImages, LearnedPrototypes
    from lookalike.prepare import (
        Blur,
        Deskew,
        EvenInk,
        FitToInk,
        Gray,
        NormaliseContrast,
        Polarity,
        Prepare,
        Resize,
    )
    from lookalike.show.plots import EvidenceDisplay
    from lookalike.store import ModelInfo, kept_images, load_model, load_shards, model_info, save_model

__version__ = "0.1.0"

__all__ = [
    "Blur",
    "Classifier",
    "ClusterImages",
    "DataError",
    "DeformableMatch",
    "Deskew",
    "DownloadError",
    "Embedding",
    "EvenInk",
    "EvidenceDisplay",
    "FitToInk",
    "Gray",
    "InkCoverage",
    "InputError",
    "LabelledImages",
    "LearnedPrototypes",
    "LookalikeError",
    "LookalikeWarning",
    "MeanImage",
    "MissingExtraError",
    "MixtureMatch",
    "ModelFileError",
    "ModelInfo",
    "NearestImages",
    "NormaliseContrast",
    "Polarity",
    "Prepare",
    "Resize",
    "UnknownNameError",
    "appraise",
    "audit",
    "broadcasting",
    "compare",
    "curve",
    "distance",
    "evaluate",
    "export_page",
    "feature",
    "fit_best",
    "kept_images",
    "load",
    "load_model",
    "load_shards",
    "model_info",
    "prepare",
    "read_images",
    "save_model",
]


def __getattr__(name: str) -> Any:
    from lookalike.registry import PUBLIC, resolve

    if name not in PUBLIC:
        raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
    value = resolve(PUBLIC[name])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
