"""How the time of an exact search grows, and the limit that the byte comparisons alone would set."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import lookalike
from benchmarks.rounds import seconds_text
from lookalike import settings
from lookalike.data.pixels import resized_batch
from lookalike.distance.search import ImageIndex

ROUNDS = 3
SIZES = (8, 14, 28, 56, 64)
COUNTS = (1_000, 3_000, 10_000, 30_000, 60_000)
NEIGHBOURS = (1, 2, 5, 10, 50)
MANY = 1_000_000


def run() -> Iterator[str]:
    """Yield one table for each thing that the time may depend on."""
    train, valid = lookalike.load("mnist")
    images, queries = train.images, valid.images
    yield _table("training images", [(f"{n:,}", images[:n], queries, 1, None) for n in COUNTS])
    yield _table(
        "image size (10,000 training images, 1,000 queries)",
        [
            (
                f"{s}x{s}",
                resized_batch(images[:10_000], (s, s)),
                resized_batch(queries[:1_000], (s, s)),
                1,
                None,
            )
            for s in SIZES
        ],
    )
    yield _table("neighbours asked for", [(str(k), images, queries, k, None) for k in NEIGHBOURS])
    threads = sorted({1, settings.threads()})
    yield _table("threads", [(str(count), images, queries, 1, count) for count in threads])
    yield _million(images, queries[:1_000])
    yield _limit(images, queries)


def _table(what: str, cases: list[tuple[str, Any, Any, int, int | None]]) -> str:
    """Return the time of each case, for both metrics."""
    lines = [
        f"### Time by {what}",
        "",
        "| | L1 index | L1 search | L2 index | L2 search |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, images, queries, k, threads in cases:
        cells = []
        for metric in ("l1", "l2"):
            index, built = _built(images, metric)
            cells += [seconds_text(built), seconds_text(_searched(index, queries, k, threads))]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _built(images: Any, metric: Any) -> tuple[ImageIndex, float]:
    """Return an index and the seconds it took."""
    began = time.perf_counter()
    index = ImageIndex(images, metric)
    return index, time.perf_counter() - began


def _searched(index: ImageIndex, queries: Any, k: int, threads: int | None) -> float:
    """Return the median seconds of a search, warmed up."""
    index.search(queries[:64], k)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        index.search(queries, k, threads=threads)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _million(images: Any, queries: Any) -> str:
    """Return the times with a million images: MNIST's, shifted by up to two pixels and with noise."""
    rng = np.random.default_rng(0)
    copies = np.empty((MANY, *images.shape[1:]), np.uint8)
    for start in range(0, MANY, 50_000):
        part = images[rng.integers(0, len(images), 50_000)]
        part = np.roll(part, rng.integers(-2, 3, 2), axis=(1, 2)).astype(np.int16)
        noise = rng.integers(-8, 9, part.shape, dtype=np.int16)
        copies[start : start + 50_000] = np.clip(part + noise * (part > 0), 0, 255)
    lines = ["### One million images of 28x28, 1,000 queries", "", "| | index | search |", "|---|---:|---:|"]
    for metric in ("l1", "l2"):
        index, built = _built(copies, metric)
        searched = _searched(index, queries, 1, None)
        lines.append(f"| {metric.upper()} | {seconds_text(built)} | {seconds_text(searched)} |")
    return "\n".join(lines) + "\n"


def _limit(images: Any, queries: Any) -> str:
    """Return what comparing every byte of every pair takes: noise, which no bound can tell apart."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, images.shape, dtype=np.uint8)
    asked = rng.integers(0, 256, (1_000, *queries.shape[1:]), dtype=np.uint8)
    index, _ = _built(noise, "l1")
    seconds = _searched(index, asked, 1, None)
    speed = noise.nbytes * len(asked) / seconds / 1e9
    whole = images.nbytes * len(queries) / speed / 1e9
    mnist = _searched(_built(images, "l1")[0], queries, 1, None)
    pairs = images.nbytes * len(queries) / 1e9
    return (
        f"### The limit\n\nOn noise, where no bound helps, L1 compares {speed:.0f} GB/s of bytes. At that "
        f"speed all of MNIST's {pairs:,.0f} GB of pairs would take {seconds_text(whole)}; the search takes "
        f"{seconds_text(mnist)}, since bounds spare it {1 - mnist / whole:.0%} of that.\n"
    )
