"""What learning adds to mean images, ``python -m benchmarks.learned_prototypes``, and networks to that.

Everything was chosen on parts of the training images. The part that is measured here is the published one of
the 3s and 7s of MNIST, and MNIST's test set: use it once, after all is chosen. ``--ideas`` takes some rows.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import lookalike
from benchmarks.few_shot import arguments, table
from lookalike import ClusterImages, LearnedPrototypes, MeanImage
from lookalike.models.networks import LinearModel, SmallConvNet, SmallNetwork

#: For each row the set, the model and the least share of right answers that it is to reach, if any.
ROWS: dict[str, tuple[str, Any, float | None]] = {
    "mean-l1": ("mnist-sample", MeanImage("l1"), None),
    "mean-l2": ("mnist-sample", MeanImage("l2"), None),
    "learned-l1": ("mnist-sample", LearnedPrototypes("l1"), None),
    "learned-l2": ("mnist-sample", LearnedPrototypes("l2"), 0.975),
    "learned-5-l2": ("mnist-sample", LearnedPrototypes("l2", per_class=5), 0.985),
    "linear-model": ("mnist-sample", LinearModel(random_state=0), 0.975),
    "small-network": ("mnist-sample", SmallNetwork(random_state=0), 0.98),
    "small-convnet": ("mnist-sample", SmallConvNet(random_state=0), None),
    "clusters-10-l1": ("mnist", ClusterImages(10, metric="l1"), None),
    "clusters-10-l2": ("mnist", ClusterImages(10), None),
    "learned-10-l2": ("mnist", LearnedPrototypes("l2", per_class=10), 0.965),
}


def main() -> None:
    """Fit each row's model, measure it, and print the table."""
    given = arguments(__doc__, ideas=tuple(ROWS))
    rows, missed = [], []
    for name in given.ideas:
        source, model, least = ROWS[name]
        train, valid = lookalike.load(source)
        began = time.perf_counter()
        model.fit(train.images, train.labels)
        seconds = time.perf_counter() - began
        found = lookalike.evaluate(model, valid.images, valid.labels)
        start = ""
        if isinstance(model, LearnedPrototypes):
            start = f"{_started(model, train, valid):.4f}, kept epoch {model.best_epoch_}"
        share = found.accuracy
        rows.append(
            [
                source,
                name,
                start,
                f"{share.value:.4f} ({share.low:.4f} to {share.high:.4f}), n = {share.n:,}",
                f"{found.macro.value:.4f}",
                "" if least is None else f"{least:.1%}",
                f"{seconds:.1f} s",
            ]
        )
        print(f"{source}: {name} {share.value:.4f}, fitted in {seconds:.1f} s", flush=True)
        missed += [name] if least is not None and share.value < least else []
    head = ["set", "model", "mean of classes at epoch 0", "right (95 %)", "mean of classes", "aim", "fit"]
    print(table("Learned prototypes and trained networks", head, rows))
    print(f"below their aim: {', '.join(missed) or 'none'}")


def _started(model: LearnedPrototypes, train: Any, valid: Any) -> float:
    """Return the mean of the classes' rates of the prototypes that learning started at."""
    start = copy.deepcopy(model)
    start.recogniser_.matcher.prototypes = model.snapshots_[0].astype("float64")
    return float(lookalike.evaluate(start, valid.images, valid.labels).macro.value)


if __name__ == "__main__":
    main()
