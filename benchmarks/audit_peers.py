"""What peers say of the same images: cleanlab of labels; cleanvision, imagededup and fastdup of copies.

Each is taken where it is installed: ``pip install cleanlab cleanvision`` and ``pip install --no-deps
imagededup`` (its hashes, which need no torchvision). fastdup wants an older NumPy, so it has an environment
of its own, whose Python is named by FASTDUP_PYTHON. Those of copies are given a folder of PNG files.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.planted import Codes, Pairs, Pixels
from lookalike.audit.neighbours import Neighbours

Shares = NDArray[np.float64]

_FOLDS, _EPOCHS, _BATCH = 3, 5, 128
#: What fastdup's documentation calls near duplicates; of images as alike it lists at most so many of each.
_FASTDUP = """
import sys, fastdup
found = fastdup.create(input_dir=sys.argv[1], work_dir=sys.argv[2])
found.run(overwrite=True, verbose=False)
found.similarity()[["filename_from", "filename_to", "distance"]].to_csv(sys.argv[3], index=False)
"""


def missing() -> list[str]:
    """Return the peers that are not there."""
    absent = [one for one in ("cleanlab", "cleanvision", "imagededup") if not importlib.util.find_spec(one)]
    return absent + ([] if "FASTDUP_PYTHON" in os.environ else ["fastdup"])


# Labels: what cleanlab makes of out-of-fold probabilities.


#: Out-of-fold probabilities by what ours looks at.
SAME = "same neighbours"


def of_labels(images: Pixels, near: Neighbours) -> dict[str, Callable[[Codes], Shares]]:
    """Return what makes out-of-fold probabilities of labels, for cleanlab if it is there."""
    if "cleanlab" in missing():
        return {}
    import cleanlab.rank  # noqa: F401, what is imported is not timed
    import torch  # noqa: F401

    return {
        SAME: partial(by_neighbours, near),
        "logistic regression": partial(by_logistic_regression, images),
        "small network": partial(by_network, images),
    }


def by_neighbours(near: Neighbours, labels: Codes) -> Shares:
    """Return out-of-fold probabilities by the ten nearest images that ours are told by too."""
    counts = np.zeros((len(labels), 10))
    for column in range(10):
        counts[np.arange(len(labels)), labels[near.places[:, column]]] += 1
    return (counts + 0.1) / (counts + 0.1).sum(axis=1, keepdims=True)


def by_logistic_regression(images: Pixels, labels: Codes) -> Shares:
    """Return out-of-fold probabilities of a logistic regression."""
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    linear = LogisticRegression(max_iter=50)
    return np.asarray(cross_val_predict(linear, rows, labels, cv=_FOLDS, method="predict_proba"))


def by_network(images: Pixels, labels: Codes) -> Shares:
    """Return out-of-fold probabilities of a small convolutional network."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    inputs = torch.from_numpy(images.astype(np.float32)[:, None] / 255)
    found = np.empty((len(labels), 10))
    for fitted, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(images, labels):
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU()]
        net = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(800, 10))
        steps = torch.optim.Adam(net.parameters(), 2e-3)
        for _ in range(_EPOCHS):
            for rows in torch.randperm(len(fitted)).split(_BATCH):
                chosen = fitted[rows.numpy()]
                steps.zero_grad()
                loss = nn.functional.cross_entropy(net(inputs[chosen]), torch.from_numpy(labels[chosen]))
                loss.backward()
                steps.step()
        net.eval()
        with torch.no_grad():
            parts = [net(inputs[part]).softmax(1).numpy() for part in np.array_split(held, 20)]
        found[held] = np.concatenate(parts)
    return found / found.sum(axis=1, keepdims=True)


def suspicion(labels: Codes, make: Callable[[Codes], Shares]) -> NDArray[np.float64]:
    """Return how suspicious cleanlab finds each label, by out-of-fold probabilities."""
    from cleanlab.rank import get_label_quality_scores

    return np.asarray(1 - get_label_quality_scores(labels, make(labels)))


# Copies: pairs, and how alike each is said to be.


class Found(NamedTuple):
    """The pairs that a peer reports, how near each is, and from where it is called a copy by default."""

    pairs: Pairs
    scores: NDArray[np.float64]  # larger is more alike
    least: float


def _of_names(pairs: list[tuple[str, str]], scores: list[float], least: float) -> Found:
    """Return pairs of files as pairs of images, each once."""
    numbers = np.array([[int(Path(name).stem) for name in pair] for pair in pairs], np.int64).reshape(-1, 2)
    numbers, first = np.unique(np.sort(numbers, axis=1), axis=0, return_index=True)
    return Found(numbers, np.asarray(scores, np.float64)[first], least)


def cleanvision(folder: Path) -> Found:
    """Return the sets of exact and near duplicates of cleanvision, as pairs."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(folder), verbose=False)
    kinds = "exact_duplicates", "near_duplicates"
    lab.find_issues({kind: {} for kind in kinds}, n_jobs=1, verbose=False)
    pairs = [pair for kind in kinds for some in lab.info[kind]["sets"] for pair in combinations(some, 2)]
    return _of_names(pairs, [1.0] * len(pairs), 1.0)


def _imagededup(method: str) -> Callable[[Path], Found]:
    def found(folder: Path) -> Found:
        # Its networks want torchvision, and its hashes do not: what they are made of stays empty.
        for module, name in (("methods.cnn", "CNN"), ("utils.models", "CustomModel")):
            stub: Any = types.ModuleType(f"imagededup.{module}")
            setattr(stub, name, None)
            sys.modules.setdefault(stub.__name__, stub)
        from imagededup import methods

        how = {"recursive": True, "scores": True, "num_enc_workers": 0, "num_dist_workers": 0}
        told = getattr(methods, method)(verbose=False).find_duplicates(image_dir=str(folder), **how)
        pairs = [(one, other) for one, others in told.items() for other, _ in others]
        distances = [distance for others in told.values() for _, distance in others]
        return _of_names(pairs, [-float(distance) for distance in distances], -10.0)

    return found


def fastdup(folder: Path) -> Found:
    """Return the pairs of fastdup, in its own environment."""
    with tempfile.TemporaryDirectory() as work:
        table = Path(work) / "pairs.csv"
        command = [os.environ["FASTDUP_PYTHON"], "-c", _FASTDUP, str(folder), work, str(table)]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"SENTRY_OPT_OUT": "1"})
        lines = [line.split(",") for line in table.read_text().splitlines()[1:]]
    return _of_names([(one, other) for one, other, _ in lines], [float(line[2]) for line in lines], 0.98)


def of_copies() -> Iterator[tuple[str, Callable[[Path], Found]]]:
    """Yield the peers of copies that are there."""
    absent = missing()
    if "cleanvision" not in absent:
        yield "cleanvision", cleanvision
    if "imagededup" not in absent:
        yield "imagededup, phash", _imagededup("PHash")
        yield "imagededup, dhash", _imagededup("DHash")
    if "fastdup" not in absent:
        yield "fastdup", fastdup
