"""What exact search would cost for many more images, ``python -m benchmarks.cost``: a model of it.

Rates are measured here, on MNIST's training images and test queries, by one thread: how many images a second
are compared with a query when all have to be, when bounds spare some (the five nearest and the nearest of
each class are found), and how many are read from a file, which the system has in memory, and indexed. The
rest follows, for ``--images`` of 28x28 bytes:

- an image takes its bytes, and what the index derives from them: together the workers' memory;
- each worker compares its ``n / workers`` images with every query: queries are broadcast, images never move.
  A question sends ``queries x 784`` bytes to each worker; ``k`` neighbours and the nearest of each class come
  back, and are merged in ``log2(workers)`` steps;
- from disk each batch of queries reads and indexes all images once;
- an approximate graph (HNSW, 32 neighbours) needs the images in memory too, and 256 bytes more for each; it
  compares a query with some thousands of them. It begins to pay where the images fit into memory, questions
  come one by one, and a scan of them takes longer than whoever asks can wait.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.few_shot import table
from lookalike.distance.mapped import MappedIndex
from lookalike.distance.search import FEW, ImageIndex

SIDE, CLASSES, K = 28, 10, 5
#: What an index holds of an image besides its bytes (L2), and what a graph of 32 neighbours adds to an image.
DERIVED, GRAPH = 204, 256
#: So many images a graph compares with a query, and a network's bytes a second.
COMPARED, NETWORK = 5_000, 1.25e9


def rate(work: Callable[[], object], amount: float) -> float:
    """Return the amount a second, in the best of three runs."""
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return amount / min(seconds)


def measured() -> dict[str, float]:
    """Return how many images a second one thread of this machine compares with a query, or indexes."""
    os.environ["LOOKALIKE_THREADS"] = "1"
    train, test = lookalike.load("mnist")
    # Together with those before them, so few queries are answered without bounds.
    index, few, many = ImageIndex(train.images, "l2"), test.images[: FEW // 4], test.images[:400]
    index.search(few, K)
    n = len(train.images)
    found = {"compared, all": rate(lambda: index.search(few, K), n * len(few))}
    model = lookalike.NearestImages(metric="l2").fit(train.images, train.labels)
    model.match(many[:32], K)
    found["compared, with bounds"] = rate(lambda: model.match(many, K), n * len(many))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "images.npy")
        np.save(path, train.images)
        mapped = MappedIndex(np.load(path, mmap_mode="r"), "l2")
        found["read from a file and indexed"] = rate(lambda: mapped.search(few[:1], K), n)
    return found


def size(number: float) -> str:
    """Return bytes as people say them."""
    power = min(5, int(math.log(max(number, 1), 1000)))
    return f"{number / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[power]}"


def duration(seconds: float) -> str:
    """Return seconds as people say them."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds * 1000:.3g} ms"


def row(images: int, workers: int, queries: int, rates: dict[str, float]) -> list[str]:
    """Return what a batch of queries costs."""
    own, pixels = images / workers, SIDE * SIDE
    compared = own * queries / rates["compared, with bounds"]
    asked = workers * queries * pixels
    back = workers * queries * 16 * (K + CLASSES)
    sent = (asked + back / max(1, workers) * math.ceil(math.log2(max(2, workers)))) / NETWORK
    graph = queries * COMPARED / rates["compared, all"]
    return [
        f"{images:,}",
        f"{workers:,}",
        size(own * (pixels + DERIVED)),
        size(asked),
        size(back),
        duration(compared + sent),
        duration(own / rates["read from a file and indexed"] + compared + sent),
        f"{duration(graph)}, {size(images * (pixels + GRAPH))}",
    ]


def main() -> None:
    """Print the rates, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[60_000, 100_000_000, 10_000_000_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16, 1024])
    parser.add_argument("--queries", type=int, default=1000)
    given = parser.parse_args()
    rates = measured()
    print(
        table(
            "One thread of this machine",
            ["what", "a second"],
            [[name, f"{found / 1e6:,.1f} million images"] for name, found in rates.items()],
        )
    )
    head = [
        "images",
        "workers of one thread",
        "memory of each",
        "queries sent",
        "answers back",
        "time in memory",
        "time from disk",
        "a graph's time in one thread, and memory",
    ]
    rows = [
        row(images, workers, given.queries, rates) for images in given.images for workers in given.workers
    ]
    print(table(f"{given.queries:,} queries, the {K} nearest and {CLASSES} classes", head, rows))


if __name__ == "__main__":
    main()
