"""How sure answers on real sets are, ``python -m benchmarks.sure_of_real_sets``.

The sets, examples and images that are told are those of ``benchmarks.real_sets``. For each set, the draws
together: expected calibration error (15 bins), mean probability and share of right answers, how many images
have their class in the prediction set at levels 0.05, 0.1 and 0.2, how many are rejected at 0.1, and how many
of uniform noise, of inverted images and of even grays.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
import zlib
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.few_shot import data_file, table
from benchmarks.real_sets import RealSet, drawn, read, unpacked
from lookalike.errors import LookalikeWarning
from lookalike.evaluation.evaluate import reliability

LEVELS, CHOSEN = (0.05, 0.1, 0.2), 0.1
IDEAS = {
    "Classifier": lookalike.Classifier,
    "MixtureMatch": lookalike.MixtureMatch,
    "nearest L2": lambda: lookalike.NearestImages(metric="l2", prepare="auto"),
    "mean L2": lambda: lookalike.MeanImage("l2", prepare="auto"),
}
HEAD = (
    "set",
    "calibration error",
    "probability",
    "right",
    *(f"covered at {level}" for level in LEVELS),
    "rejected",
    "noise",
    "inverted",
    "even grays",
)


def of_no_class(images: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return uniform noise, inverted images and even grays."""
    noise = np.random.default_rng(seed).integers(0, 256, images.shape, dtype=np.uint8)
    grays = np.linspace(0, 255, 9).astype(np.uint8).reshape(-1, *[1] * (images.ndim - 1))
    return [noise, 255 - images, np.broadcast_to(grays, (9, *images.shape[1:])).copy()]


def figures(idea: str, name: str, real: RealSet, given: argparse.Namespace) -> list[float]:
    """Return the numbers of one set's row."""
    shares, expected, others, classes = [], [], [], np.unique(real.labels)
    for draw in range(given.draws):
        examples, told = drawn(real.labels, given.examples, (zlib.crc32(name.encode()), given.examples, draw))
        told = told[: given.told]
        model = IDEAS[idea]().fit(real.images[examples], real.labels[examples])
        found = model.assess(real.images[told], CHOSEN)
        shares.append(found.probabilities)
        own = np.searchsorted(classes, real.labels[told])
        covered = [found.sets_at(level)[np.arange(len(told)), own].mean() for level in LEVELS]
        strange = of_no_class(real.images[told[:25]], draw)
        rejected = [model.assess(images, CHOSEN).rejected.mean() for images in strange]
        others.append([*covered, found.rejected.mean(), *rejected])
        expected.append(real.labels[told])
    how = reliability(np.concatenate(shares), classes, np.concatenate(expected))
    return [how.error, how.confidence, how.right.value, *np.mean(others, axis=0)]


def main() -> None:
    """Print a table for each idea."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("examples", 5), ("draws", 3), ("told", 300)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--ideas", nargs="+", default=["Classifier"], choices=IDEAS)
    parser.add_argument("--sets", nargs="+")
    given = parser.parse_args()
    warnings.simplefilter("ignore", LookalikeWarning)  # images of no class are strange on purpose
    with tempfile.TemporaryDirectory() as folder:
        sets = {path.name: path for path in unpacked(data_file("real-sets.zip"), Path(folder))}
        read_sets = {name: read(path, None) for name, path in sets.items() if name in (given.sets or sets)}
    for idea in given.ideas:
        rows = {}
        for name, real in read_sets.items():
            if np.unique(real.labels, return_counts=True)[1].min() > given.examples:
                rows[name] = figures(idea, name, real, given)
        rows["mean"] = np.mean(list(rows.values()), axis=0).tolist()
        cells = [[name, f"{row[0]:.3f}", *(f"{one:.1%}" for one in row[1:])] for name, row in rows.items()]
        title = f"{idea}, {given.examples} examples a class, {given.draws} draws; rejected at {CHOSEN}"
        print(table(title, HEAD, cells), flush=True)


if __name__ == "__main__":
    main()
