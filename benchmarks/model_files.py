"""What opening, asking and teaching a model of 60,000 images takes, ``python -m benchmarks.model_files``.

For the nearest images (L1 and L2) and deformable matching: 60,000 training images, one file each in a folder
that is removed afterwards. An opened model makes what its search needs when it is first asked, so the first
two predictions are shown by themselves.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import lookalike
from benchmarks.few_shot import arguments, table
from lookalike.registry import idea

IDEAS = ("nearest-l1", "nearest-l2", "deformable")
HEAD = ("idea", "file", "open", "1st answer", "2nd", "later", "teach, answer", "forget, answer", "explain")


def milliseconds(work: Callable[[], object], rounds: int = 1) -> str:
    """Return the median of how long some work takes, as text."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return f"{median(times) * 1e3:,.1f} ms"


def measured(name: str, folder: Path, rounds: int) -> list[str]:
    """Return one idea's row."""
    train, valid = lookalike.load("mnist")
    first, label = valid.images[:1], valid.labels[:1]
    path = lookalike.save_model(idea(name).make().fit(train.images, train.labels), folder / name, data=train)
    opening = milliseconds(lambda: lookalike.load_model(path), rounds)
    model = lookalike.load_model(path)
    answers = [milliseconds(lambda: model.predict(first)) for _ in range(2)]
    later = milliseconds(lambda: model.predict(first), rounds)
    taught = []

    def teach() -> None:
        taught.append(model.teach(first, label))
        model.predict(first)

    def forget() -> None:
        model.forget(taught.pop())
        model.predict(first)

    row = [name, f"{path.stat().st_size / 1e6:.0f} MB", opening, *answers, later]
    row += [milliseconds(teach), milliseconds(forget)]
    model.explain(first)
    return [*row, milliseconds(lambda: model.explain(first), rounds)]


def main() -> None:
    """Print a row for each idea."""
    given = arguments(__doc__, IDEAS, rounds=9)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name in given.ideas:
            # Compiled code is on disk afterwards, as on a machine where lookalike was used before.
            train, _ = lookalike.load("mnist", limit=2000)
            idea(name).make().fit(train.images, train.labels).explain(train.images[:8])
            rows.append(measured(name, Path(folder), given.rounds))
            print("done:", rows[-1], flush=True)
    print(table("A model of 60,000 images", HEAD, rows))


if __name__ == "__main__":
    main()
