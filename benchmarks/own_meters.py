"""Digits of one's own meter from few crops, ``python -m benchmarks.own_meters``.

For each meter and each draw: 1, 5 and 10 crops of each digit are the examples, and the rest of that meter is
read. A digit that has no more crops than that keeps one to be read; of one that has a single crop this is
the example.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from benchmarks.few_shot import Task, arguments, right_answers, table, zipped_images
from lookalike.data.pixels import resized
from lookalike.evaluation.statistics import rate

EXAMPLES = (1, 5, 10)
SIZE = (32, 20)


def meters() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return crops and digits of each meter; crops are resized to 32 x 20 (height x width), in colour."""
    crops, digits = defaultdict(list), defaultdict(list)
    for path, image in zipped_images("own-meters.zip", ".jpg"):
        colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        crops[path[-3]].append(resized(colour, SIZE))
        digits[path[-3]].append(int(path[-2]))
    return {name: (np.stack(crops[name]), np.array(digits[name])) for name in sorted(crops)}


def drawn(images: np.ndarray, labels: np.ndarray, examples: int, rng: np.random.Generator) -> Task:
    """Draw examples of each digit; the rest is to be read."""
    taken = np.zeros(len(labels), np.bool_)
    for digit in np.unique(labels):
        places = rng.permutation(np.flatnonzero(labels == digit))
        taken[places[: min(examples, max(1, len(places) - 1))]] = True
    return Task(images[taken], labels[taken], images[~taken], labels[~taken])


def main() -> None:
    """Print, for each idea and number of examples, the mean over meters and each meter's share."""
    given = arguments(__doc__, draws=30, seed=0)
    found = meters()
    for examples in EXAMPLES:
        rows = []
        for name in given.ideas:
            shares = []
            for meter, (images, labels) in enumerate(found.values()):
                right = [
                    right_answers(
                        name,
                        drawn(images, labels, examples, np.random.default_rng([given.seed, meter, draw])),
                    )
                    for draw in range(given.draws)
                ]
                answers = np.concatenate(right)
                shares.append(rate(int(answers.sum()), len(answers)).value)
            rows.append([name, f"{np.mean(shares):.1%}", *(f"{share:.1%}" for share in shares)])
            print("done:", examples, rows[-1], flush=True)
        print(
            table(
                f"{examples} crops of each digit, {given.draws} draws, seed {given.seed}",
                ["idea", "mean of meters", *found],
                rows,
            )
        )


if __name__ == "__main__":
    main()
