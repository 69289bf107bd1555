"""MNIST from a few examples of each class, ``python -m benchmarks.few_of_mnist``: the curve of an idea.

Examples are drawn from the training images, and all 10,000 test images are told by them. ``--examples 16``
and five draws are the protocol of the board of image embeddings (MIEB). Results are added to ``--results``
one by one, and what is there is not measured again.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.few_shot import table
from benchmarks.real_sets import MAKERS, RealSet, Results, cells, share_right
from lookalike.evaluation.curve import mean_of_draws


def main() -> None:
    """Print progress, and at the end the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, nargs="+", default=[1, 2, 5, 10, 16, 20, 50, 100])
    parser.add_argument("--draws", type=int, default=5, help="at least 2")
    parser.add_argument("--methods", nargs="+", default=["Classifier"], choices=MAKERS)
    parser.add_argument("--results", type=Path, default=Path("few-of-mnist.tsv"))
    given = parser.parse_args()
    train, test = lookalike.load("mnist")
    mnist = RealSet(
        *(np.concatenate([getattr(part, of) for part in (train, test)]) for of in ("images", "labels")), None
    )
    told = np.arange(len(train.labels), len(mnist.labels))
    results, rows = Results(given.results), []
    for examples in given.examples:
        shares: dict[str, list[float]] = {method: [] for method in given.methods}
        for draw in range(given.draws):
            rng = np.random.default_rng((examples, draw))
            of_classes = (np.flatnonzero(train.labels == label) for label in range(10))
            places = np.concatenate(
                [rng.choice(of_class, examples, replace=False) for of_class in of_classes]
            )
            for method in given.methods:
                measure = partial(share_right, method, mnist, places, told)
                shares[method].append(results.of(("mnist", examples, draw, method), measure))
                print(f"{examples} of each class, draw {draw}: {method} {shares[method][-1]:.2%}", flush=True)
        found = {method: mean_of_draws(values, len(told)) for method, values in shares.items()}
        rows.append([str(examples), *cells(found)])
    title = f"MNIST, {given.draws} draws, {len(told):,} test images: right in %, ± half of the 95 % interval"
    print(table(title, ["examples of each class", *given.methods], rows))


if __name__ == "__main__":
    main()
