"""Exact nearest images of MNIST against peers, and how the time grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import lookalike
from benchmarks.rounds import Contestant, Timing, race, table
from lookalike import settings
from lookalike.distance.search import ImageIndex

ROUNDS = 3
# The slow ones do a part of the queries; their time is scaled to all of them.
PART = {
    "FAISS L1": 500,
    "scikit-learn L1": 200,
    "scikit-learn L2": 2_000,
    "SciPy": 100,
    "torch.cdist": 200,
    "broadcasting": 10,
    "usearch": 500,
}


def run() -> Iterator[str]:
    """Yield the tables against peers, for both metrics."""
    train, valid = lookalike.load("mnist")
    for metric in ("l1", "l2"):
        for k in (1, 5):
            yield _against_peers(metric, k, train.images, valid.images)


def _against_peers(metric: str, k: int, images: Any, queries: Any) -> str:
    """Return the table of one metric and one k, after comparing every exact answer with ours."""
    index = ImageIndex(images, metric)
    rows, asked = (part.reshape(len(part), -1).astype(np.float32) for part in (images, queries))
    contestants = [Contestant("lookalike", lambda: index.search(queries, k)[0])]
    contestants += [
        Contestant(name, run, len(asked[:part]) / len(asked))
        for name, part, run in _exact_peers(metric, k, rows, asked)
    ]
    # Approximate peers take minutes to build: once is enough, where they are at their best.
    built, approximate = _approximate_peers(rows, asked) if (metric, k) == ("l2", 1) else ({}, [])
    timings = race(f"{k} nearest, {metric}", contestants + approximate, ROUNDS)
    ours = timings[0].answer
    for one in timings[1 : len(contestants)]:
        found = np.asarray(one.answer, dtype=np.float64)
        np.testing.assert_allclose(found, ours[: len(found)], rtol=1e-4, err_msg=one.name)
    title = f"{k} nearest of 60,000 MNIST images for 10,000 queries, {metric.upper()}"
    notes = [_recall(one, ours, built) for one in timings[len(contestants) :]]
    return table(title, timings) + "".join(f"\n{note}\n" for note in notes)


def _exact_peers(metric: str, k: int, rows: Any, asked: Any) -> Iterator[tuple[str, int, Callable[[], Any]]]:
    """Yield name, number of queries and search of each exact peer; a search returns sums as ours are."""
    import faiss
    import torch
    from scipy.spatial.distance import cdist
    from sklearn.neighbors import NearestNeighbors
    from usearch.index import search

    faiss.omp_set_num_threads(settings.threads())
    torch.set_num_threads(settings.threads())
    everything = len(asked)
    flat = (
        faiss.IndexFlatL2(rows.shape[1])
        if metric == "l2"
        else faiss.IndexFlat(rows.shape[1], faiss.METRIC_L1)
    )
    flat.add(rows)
    part = everything if metric == "l2" else PART["FAISS L1"]
    yield f"FAISS flat {metric.upper()}", part, lambda: flat.search(asked[:part], k)[0]

    power = 2 if metric == "l2" else 1
    nearest = NearestNeighbors(
        n_neighbors=k, algorithm="brute", metric="euclidean" if metric == "l2" else "manhattan", n_jobs=-1
    ).fit(rows)
    some = PART[f"scikit-learn {metric.upper()}"]
    yield "scikit-learn brute", some, lambda: nearest.kneighbors(asked[:some])[0].astype(np.float64) ** power

    if k > 1:
        return

    few = PART["SciPy"]
    name = "sqeuclidean" if metric == "l2" else "cityblock"
    yield "SciPy cdist", few, lambda: np.sort(np.partition(cdist(asked[:few], rows, name), k - 1)[:, :k])

    tensors = torch.tensor(rows), torch.tensor(asked)
    for label, count, distances in (
        ("torch.cdist", PART["torch.cdist"], lambda a, b: torch.cdist(a, b, p=power)),
        ("the book's broadcasting", PART["broadcasting"], lambda a, b: _book(a, b, power)),
    ):
        yield label, count, _torch_search(distances, tensors, count, k, power)
    if metric == "l2":
        count = PART["usearch"]
        yield "usearch exact", count, lambda: search(rows, asked[:count], k, "l2sq", exact=True).distances


def _book(queries: Any, rows: Any, power: int) -> Any:
    """Return distances by one broadcast expression for each query, as memory allows."""
    import torch

    return torch.stack([(rows - query).abs().pow(power).sum(-1).pow(1 / power) for query in queries])


def _torch_search(distances: Any, tensors: Any, count: int, k: int, power: int) -> Callable[[], Any]:
    """Return a search by a full matrix of torch distances, 100 queries at a time."""
    import torch

    rows, asked = tensors

    def search() -> Any:
        parts = [
            distances(asked[start : min(start + 100, count)], rows).topk(k, largest=False).values
            for start in range(0, count, 100)
        ]
        return torch.cat(parts).double().numpy() ** power

    return search


def _approximate_peers(rows: Any, asked: Any) -> tuple[dict[str, float], list[Contestant]]:
    """Return approximate peers for the nearest by L2, built, and the seconds that building took."""
    import time

    import hnswlib
    from pynndescent import NNDescent

    began = time.perf_counter()
    graph = hnswlib.Index("l2", rows.shape[1])
    graph.init_index(len(rows), ef_construction=200, M=16)
    graph.set_num_threads(settings.threads())
    graph.add_items(rows)
    graph.set_ef(50)
    halfway = time.perf_counter()
    descent = NNDescent(rows, random_state=0)
    descent.prepare()
    built = {
        "hnswlib, query alone": halfway - began,
        "pynndescent, query alone": time.perf_counter() - halfway,
    }
    return built, [
        Contestant("hnswlib, query alone", lambda: graph.knn_query(asked, 1)[1]),
        Contestant("pynndescent, query alone", lambda: descent.query(asked, 1)[1] ** 2),
    ]


def _recall(one: Timing, ours: Any, built: dict[str, float]) -> str:
    """Return how many of an approximate peer's answers are as near as the exact ones, and its build time."""
    right = np.isclose(np.asarray(one.answer, dtype=np.float64), ours, rtol=1e-4).mean()
    return f"{one.name.partition(',')[0]}: recall {right:.4f}, built in {built[one.name]:.1f} s."
