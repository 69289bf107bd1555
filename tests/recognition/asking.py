"""A model of every idea, small images of few classes, and all that can be asked of a model."""

import numpy as np
import pytest

from drawings import drawings
from lookalike import (
    ClusterImages,
    DeformableMatch,
    InkCoverage,
    LearnedPrototypes,
    MeanImage,
    NearestImages,
)

IDEAS = {
    "coverage": InkCoverage,
    "mean-l1": MeanImage,
    "mean-prepared": lambda: MeanImage("l2", prepare="auto"),
    "median-l1": lambda: MeanImage(average="median"),
    "clusters-l2": lambda: ClusterImages(2),
    "learned-l2": lambda: LearnedPrototypes(epochs=2),
    "nearest-l1": NearestImages,
    "nearest-three": lambda: NearestImages(3, metric="l2", weights="distance"),
    "deformable": DeformableMatch,
    "deformable-plain": lambda: DeformableMatch(None, aligned=False, hubness=False, n_neighbors=3),
    "deformable-few": lambda: DeformableMatch(None, candidates=5),
}
#: How many training images there are: few, since pairs of drawings are aligned.
N = 18
#: What is asked, by the names of methods; those that a model lacks are left out.
METHODS = {
    "predict": {},
    "predict_proba": {},
    "predict_set": {"alpha": 0.2},
    "answer": {"alpha": 0.2},
    "assess": {"alpha": 0.2},
    "explain": {},
    "match": {},
    "class_distances": {},
    "kneighbors": {"n_neighbors": 2},
    "class_neighbors": {},
}


def training(kind="bytes"):
    """Return 18 drawings of three classes, as bytes, floats or rows, and their labels."""
    images, codes = drawings(N, 3, 16)
    labels = np.array(["a", "b", "c"])[codes]
    if kind == "rows":
        return images.reshape(N, -1) / 7, labels
    return (images if kind == "bytes" else images / 300), labels


def asked(kind="bytes"):
    """Return some other drawings, of the same form."""
    images = drawings(7, 3, 16, seed=8)[0]
    if kind == "rows":
        return images.reshape(7, -1) / 7
    return images if kind == "bytes" else images / 300


def made(name):
    """Return an unfitted model of an idea."""
    if name.startswith("learned"):
        pytest.importorskip("torch")
    return IDEAS[name]()


def methods(model):
    """Return the methods that a model has, and what they are called with."""
    return {name: how for name, how in METHODS.items() if hasattr(model, name)}


def said(model, X):
    """Return all that a model says of images, as arrays and plain data."""
    everything = {}
    for name, how in methods(model).items():
        answer = getattr(model, name)(X, **how)
        if name == "explain":
            answer = [(one.to_plain(), one.contributions) for one in answer]
        elif name in ("assess", "match"):
            answer = [value for key, value in vars(answer).items() if isinstance(value, np.ndarray | float)]
        everything[name] = answer
    return everything


def assert_same(first, second):
    """Hold what two models say against each other, to the bit."""
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_equal(second[name], first[name], err_msg=name)
