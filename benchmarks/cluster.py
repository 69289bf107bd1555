"""What a cluster costs beside one process, ``python -m benchmarks.cluster``: MNIST's 60,000 x 10,000 by L2.

One process uses all processors; workers are processes of this machine with one thread each. Answers are
compared too. The first question, which brings the images to the workers, is told apart from the second.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import lookalike
from benchmarks.few_shot import table
from lookalike.cluster import connected, spread


def median(model: Any, images: np.ndarray) -> float:
    """Return how long a model takes to answer, in seconds: the median of seven."""
    taken = []
    for _ in range(7):
        began = time.perf_counter()
        model.predict(images)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    train, test = lookalike.load("mnist")
    model = lookalike.NearestImages(metric="l2").fit(train.images, train.labels)
    expected = model.predict(test.images)
    alone = median(model, test.images)
    rows = [["one process", "", f"{alone:.2f} s", "1.00"]]
    for count in given.workers:
        with connected(count) as client:
            began = time.perf_counter()
            there = spread(model, client=client)
            there.predict(test.images[:100])
            first = time.perf_counter() - began
            assert np.array_equal(there.predict(test.images), expected), "answers differ"
            taken = median(there, test.images)
        rows.append([f"{count} workers", f"{first:.2f} s", f"{taken:.2f} s", f"{alone / taken:.2f}"])
        print(rows[-1], flush=True)
    head = ["where", "to bring 60,000 images and ask 100", "10,000 answers", "throughput"]
    print(table("MNIST, nearest images by L2", head, rows))


if __name__ == "__main__":
    main()
