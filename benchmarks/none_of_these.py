"""Probabilities and rejection, ``python -m benchmarks.none_of_these``: all figures, on MNIST and on meters.

MNIST: expected calibration error (15 bins) on the test set, whether the likeliest class is the answer on each
image, and at level 0.05 what is covered, how large the sets are, and which images of no class are rejected:
uniform noise, inverted digits, blanks, and characters of Omniglot drawn like MNIST's digits (see
``benchmarks.out_of_distribution`` for those that are left out). Meters: 10 crops of each digit of one's own
meter are the examples; the rest of that meter is to be read, and crops that show no whole digit are to be
rejected.

Everything was chosen on training images, by writer, and on half of the alphabets; the test set and the other
half are used here.
"""

from __future__ import annotations

import time
import warnings

import numpy as np

import lookalike
from benchmarks.few_shot import arguments, table
from benchmarks.out_of_distribution import alphabets, characters, crops_of_nothing, simple, typical_stroke
from benchmarks.own_meters import SIZE, drawn, meters
from lookalike.errors import LookalikeWarning
from lookalike.evaluation.appraise import LEVELS, Appraisal
from lookalike.evaluation.evaluate import reliability
from lookalike.evaluation.statistics import Rate
from lookalike.registry import idea

IDEAS = ("mean-image-l1", "mean-image-l2", "median-image-l1", "nearest-l1", "nearest-l2", "deformable")
LEVEL = 0.05
EXAMPLES = 10
#: The curve of meters, finely enough to find where 5 % of the digits are rejected.
FINE = tuple(round(0.01 * step, 2) for step in range(1, 60))


def percent(share: Rate) -> str:
    """Return a rate with its interval."""
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def calibration_row(name: str, model: object, images: np.ndarray, labels: np.ndarray) -> list[str]:
    """Return how reliable a model's probabilities are."""
    began = time.perf_counter()
    probabilities = model.predict_proba(images)
    seconds = time.perf_counter() - began
    found = reliability(probabilities, model.classes_, labels)
    agree = int((model.classes_[np.argmax(probabilities, axis=1)] == model.predict(images)).sum())
    return [
        name,
        f"{found.error:.4f}",
        f"{found.confidence:.1%}",
        f"{found.right.value:.2%}",
        f"{agree:,} of {len(labels):,}",
        f"{model.exponent_}, {model.temperature_:.5f}",
        f"{seconds:.0f} s",
    ]


def rejection_row(name: str, found: Appraisal, kinds: int) -> list[str]:
    """Return what a model covers and rejects."""
    point, classes = found.chosen, found.model.classes_
    worst = min(range(len(point.class_covered)), key=lambda code: point.class_covered[code].value)
    rejected = [f"{share.value:.1%} of {share.n:,}" for share in point.out_of_distribution[:kinds]]
    return [
        name,
        percent(point.covered),
        f"{classes[worst]}: {percent(point.class_covered[worst])}",
        f"{point.set_size:.3f}",
        f"{point.known.value:.1%}",
        *rejected,
    ]


def mnist(ideas: list[str]) -> None:
    """Print the tables of MNIST."""
    train, test = lookalike.load("mnist")
    letters = characters(alphabets(), typical_stroke(train.images[:500]))
    others = {"Omniglot": letters, **simple(test.images, 1000, seed=0)}
    calibrated, rejected, curves = [], [], []
    for name in ideas:
        model = idea(name).make().fit(train.images, train.labels)
        calibrated.append(calibration_row(name, model, test.images, test.labels))
        found = lookalike.appraise(model, test, others, alpha=LEVEL)
        rejected.append(rejection_row(name, found, len(others)))
        curves.append(
            [name, *(f"{p.known.value:.1%} / {p.out_of_distribution[0].value:.1%}" for p in found.levels)]
        )
        print("done:", calibrated[-1], rejected[-1], flush=True)
    head = ["idea", "calibration error", "mean probability", "right", "argmax is the answer"]
    print(table("MNIST: probabilities", [*head, "exponent, temperature", "time"], calibrated))
    head = ["idea", "covered (95 %)", "worst class", "set size", "digits rejected"]
    print(
        table(
            f"MNIST: rejection at level {LEVEL}", [*head, *(f"{name} rejected" for name in others)], rejected
        )
    )
    title = "MNIST: digits rejected / Omniglot's characters rejected, by level"
    print(table(title, ["idea", *map(str, LEVELS)], curves))


def own_meters(ideas: list[str], draws: int, seed: int) -> None:
    """Print the tables of meters."""
    crops, nothing = meters(), crops_of_nothing(SIZE)
    for name in ideas:
        rows = []
        for number, (meter, (images, labels)) in enumerate(crops.items()):
            counts = np.zeros((len(FINE), 3))
            for draw in range(draws):
                task = drawn(images, labels, EXAMPLES, np.random.default_rng([seed, number, draw]))
                model = idea(name).make().fit(task.images, task.labels)
                queries = task.queries, task.expected
                found = lookalike.appraise(model, queries, {"nothing": nothing}, alpha=LEVEL, levels=FINE)
                counts += [
                    (p.known.value, p.out_of_distribution[0].value, p.covered.value) for p in found.levels
                ]
            counts /= draws
            most = np.flatnonzero(counts[:, 0] <= LEVEL)[-1:]
            shown = [
                f"{counts[FINE.index(a), 0]:.1%} / {counts[FINE.index(a), 1]:.1%}"
                for a in (0.05, 0.1, 0.2, 0.3)
            ]
            best = f"{counts[most[0], 1]:.1%} (level {FINE[most[0]]})" if len(most) else "-"
            rows.append([meter, model.rejection_basis(LEVEL).kind, *shown, best])
        title = (
            f"meters, {name}, {EXAMPLES} crops a digit, {draws} draws: digits / nothing rejected, by level"
        )
        head = ["meter", "rests on (0.05)", "0.05", "0.1", "0.2", "0.3"]
        print(table(title, [*head, f"of nothing rejected where {LEVEL:.0%} of digits are"], rows), flush=True)


def main() -> None:
    """Print everything."""
    given = arguments(__doc__, ideas=IDEAS, draws=5, seed=0)
    warnings.simplefilter("ignore", LookalikeWarning)  # images of no class are strange on purpose
    mnist(given.ideas)
    own_meters(
        [name for name in given.ideas if name in ("nearest-l2", "deformable")], given.draws, given.seed
    )


if __name__ == "__main__":
    main()
