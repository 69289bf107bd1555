"""MNIST, rung by rung, ``python -m benchmarks.mnist_ladder``: what each idea adds.

The training set is cut into folds by writer: no one's hand is in two of them. Each idea answers each fold
from the others. The test set is left alone unless ``--test 1`` asks for it: use it once, after all is chosen.

``idm-raw`` is what deformable matching has to beat: raw images, the 500 nearest by L2 as candidates, warp 2,
context 3x3, 3 nearest.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

import lookalike
from benchmarks.few_shot import arguments, table
from lookalike.distance.deformation.matching import nearest
from lookalike.distance.deformation.planes import sobel_planes
from lookalike.distance.search import ImageIndex
from lookalike.evaluation.statistics import mcnemar, rate
from lookalike.recognition.vote import Vote
from lookalike.registry import idea
from lookalike.search.matches import Matches

IDEAS = ("ink-coverage", "mean-image-l2", "nearest-l2", "idm-raw", "deformable")
FOLDS = 6


def idm_raw(images: Any, labels: Any, queries: Any) -> Any:
    """Return the answers of 3-NN by the deformable distance on raw images."""
    candidates = ImageIndex(images, "l2").search(queries, 500)[1]
    distances, places = nearest(
        sobel_planes(queries, gap=4), sobel_planes(images, gap=4), candidates, 3, warp=2, context=1
    )
    classes, codes = np.unique(labels, return_inverse=True)
    none = Matches.none(len(places), 3, len(classes))
    return classes[Vote(3).answers(replace(none, distances=distances, places=places, codes=codes[places]))[0]]


def answers(name: str, images: Any, labels: Any, queries: Any) -> Any:
    """Return an idea's answers."""
    if name == "idm-raw":
        return idm_raw(images, labels, queries)
    return idea(name).make().fit(images, labels).predict(queries)


def ladder(title: str, right: dict[str, Any], seconds: dict[str, float]) -> str:
    """Return the table of errors, and the paired test against the idea before."""
    rows, last = [], None
    for name, each in right.items():
        share = rate(int((~each).sum()), len(each))
        p_value = "" if last is None else f"{mcnemar(right[last], each)[2]:.2g}"
        rows.append(
            [
                name,
                f"{int((~each).sum()):,}",
                f"{share.value:.2%} ({share.low:.2%} to {share.high:.2%})",
                p_value,
                f"{seconds[name]:.0f} s",
            ]
        )
        last = name
    return table(title, ["idea", "errors", "error (95 %)", "p against the row above", "time"], rows)


def main() -> None:
    """Print the ladder on the folds, and on the test set where that was asked for."""
    given = arguments(__doc__, ideas=IDEAS, folds=FOLDS, test=0)
    train, test = lookalike.load("mnist")
    folds = list(GroupKFold(FOLDS).split(train.images, groups=train.groups))[: given.folds]
    parts = [(train.take(fitted), train.take(asked)) for fitted, asked in folds]
    title = f"{given.folds} of {FOLDS} folds of the training images by writer"
    for told, pairs in ((title, parts), ("test set", [(train, test)]))[: 1 + given.test]:
        right: dict[str, Any] = {}
        seconds: dict[str, float] = {}
        for name in given.ideas:
            began = time.perf_counter()
            right[name] = np.concatenate(
                [answers(name, one.images, one.labels, other.images) == other.labels for one, other in pairs]
            )
            seconds[name] = time.perf_counter() - began
            print(f"{told}: {name} makes {int((~right[name]).sum()):,} errors", flush=True)
        print(ladder(told, right, seconds))


if __name__ == "__main__":
    main()
