"""Planted faults, and how many an audit finds: ``python -m benchmarks.audit [IMAGES]`` (of MNIST, 10,000).

Labels are flipped, at random or within pairs that are confused (4 and 9, 3 and 5, 1 and 7), and images are
copied: as they are, shifted, blurred, saved anew, brighter. Beside it are the peers that are installed
(:mod:`benchmarks.audit_peers` says how): cleanlab with out-of-fold probabilities of the same neighbours, of
a logistic regression and of a small network, and what finds copies in a folder.

``python -m benchmarks.audit meaning``: of images scored "9 of 10 such are wrong", how many labels had been
flipped at random, in digits, MNIST and the real sets of LOOKALIKE_DATA. How scores are made was chosen on
:data:`DESIGNED_ON`; the others judge it. Wrong labels that the sets came with count as right.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

import lookalike
from benchmarks import audit_peers
from benchmarks.few_shot import data_file, share, table
from benchmarks.planted import CHANGES, Copies, Pairs, copied, flipped, unlike
from benchmarks.real_sets import unpacked
from lookalike.audit.copies import find_groups, units_of
from lookalike.audit.neighbours import DEFORMABLE, Neighbours, find_neighbours
from lookalike.audit.suspects import find_suspects
from lookalike.data.labelled import LabelledImages
from lookalike.data.load import load_to_audit
from lookalike.data.readers.folders import write_folder

Codes = NDArray[np.int64]
#: What scores mean was worked out on these.
DESIGNED_ON = (
    "captcha",
    "circuits",
    "gems",
    "hoda",
    "powermeter",
    "steel",
    "trafficlights",
    "meter-digits",
    "mnist",
)
#: Images of the real sets differ in size.
_SIZE = (28, 28)
_RESAMPLED = 200
#: Pairs that nobody planted are looked at, of many so many.
_LOOKED_AT = 20_000
#: Among more images the pairs that peers of copies report are too many to be held.
_MOST_OF_PEERS = 20_000
#: Of the planted pairs, so many are at most as unlike as what counts as a copy.
_ALIKE = 0.99


def timed(make: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    """Return what a function does, and how long processors work for it: what else runs matters less then."""
    began = _worked()
    # Threads that wait for each other count as work.
    with threadpool_limits(1):
        made = make(*given)
    return made, _worked() - began


def _worked() -> float:
    """Return for how many seconds processors worked for this process and for those that it started."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def print_labels(images: LabelledImages) -> None:
    """Print how many wrong labels are found, and by how much ours is ahead."""
    codes = images.labels.astype(np.int64)
    near, searched = timed(find_neighbours, images)
    head = ["flipped", "by", "average precision", "95 %", "ours is ahead by", "95 %", "processor s"]
    rows = []
    for confused in (False, True):
        for part in (0.01, 0.1):
            labels, planted = flipped(codes, part, confused, 1)
            found, seconds = timed(find_suspects, near, labels)
            scores = {"lookalike": (found.scores, searched + seconds)}
            for name, make in audit_peers.of_labels(images.images, near).items():
                told, seconds = timed(audit_peers.suspicion, labels, make)
                # The neighbours are the same, and take as long.
                more = searched if name == audit_peers.SAME else 0.0
                scores[f"cleanlab, {name}"] = told, more + seconds
            task = f"{part:.0%} {'confused' if confused else 'at random'} ({planted.sum():,})"
            rows += [[task, *row] for row in _label_rows(scores, planted)]
            above = np.flatnonzero(found.expected[found.ranked] >= 0.9)
            real = planted[found.ranked[: above.max() + 1]] if above.size else planted[:0]
            if real.size:
                told = share(int(real.sum()), real.size)
                print(f"{task}: of what is said to be wrong 9 times in 10, {told} is")
    print(
        table(f"Wrong labels among {len(images):,} images, nearest ones by {near.title}", head, rows),
        flush=True,
    )


def _label_rows(
    scores: dict[str, tuple[NDArray[np.float64], float]], planted: NDArray[np.bool_]
) -> list[list[str]]:
    """Return a row for each: average precision, and what ours is ahead by, with bootstrap intervals."""
    generator = np.random.default_rng(0)
    drawn = [generator.integers(0, len(planted), len(planted)) for _ in range(_RESAMPLED)]
    values = {
        name: np.array([average_precision_score(planted[rows], told[rows]) for rows in [slice(None), *drawn]])
        for name, (told, _) in scores.items()
    }
    ours, found = values["lookalike"], []
    for name, every in values.items():
        ahead = ["", ""] if every is ours else [f"{ours[0] - every[0]:+.3f}", _interval(ours - every)]
        found.append([name, f"{every[0]:.3f}", _interval(every), *ahead, f"{scores[name][1]:.1f}"])
    return found


def _interval(values: NDArray[np.float64]) -> str:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return f"{low:.3f} to {high:.3f}"


def said_and_real(near: Neighbours, codes: Codes, part: float, draws: int = 10) -> NDArray[np.float64]:
    """Return how many images are shown as wrong 9 times in 10, how many are said to be and are, and flips."""
    n_classes, found = int(codes.max()) + 1, np.zeros(4)
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        chosen = generator.permutation(len(codes))[: max(1, round(part * len(codes)))]
        labels = codes.copy()
        labels[chosen] += generator.integers(1, n_classes, len(chosen))
        suspects = find_suspects(near, labels % n_classes)
        expected = suspects.expected[suspects.ranked]
        last = int(np.flatnonzero(expected >= 0.9).max(initial=-1))
        hits = np.isin(suspects.ranked[: last + 1], chosen).sum()
        found += (last + 1, expected[last] * (last + 1), hits, len(chosen))
    return found


def print_meaning() -> None:
    """Print what share is really wrong of what is said to be wrong 9 times in 10, over ten draws of flips."""
    totals: dict[str, NDArray[np.float64]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sets = unpacked(data_file("real-sets.zip"), Path(folder, "sets"))
        (meters,) = unpacked(data_file("own-meters.zip"), Path(folder, "meters"))
        sets += [*sorted(meters.iterdir()), data_file("meter-digits.zip")]
        for path in [*sets, "digits", "mnist"]:
            known = isinstance(path, str)
            images = lookalike.load(path, **({"limit": 4000} if known else {"size": _SIZE})).train
            name = path if known else path.stem
            codes = np.unique(images.labels, return_inverse=True)[1]
            near = find_neighbours(images)
            apart = near.apart(units_of(find_groups(images.images, codes, near), len(images)))
            for part in (0.01, 0.05, 0.1):
                found = said_and_real(apart, codes, part)
                print(f"{name:20} {len(images):6,} images, {part:4.0%} flipped: {told(found)}", flush=True)
                half = "designed on" if name in DESIGNED_ON else "judged on"
                totals[half] = totals.get(half, 0) + found
    for half, found in totals.items():
        print(f"sets {half}: {told(found)}")


def told(found: NDArray[np.float64]) -> str:
    """Return in words what :func:`said_and_real` found."""
    shown, said, wrong, flips = found
    rates = (
        f"{said / shown:.1%} are said to be wrong and {wrong / shown:.1%} are, of {shown:.0f}"
        if shown
        else "none"
    )
    return f"{rates} shown, of {flips:.0f} flips"


def print_copies(images: LabelledImages) -> None:
    """Print how many copies are found, and how many pairs are none."""
    planted = copied(images, min(500, len(images) // 100))
    n = len(planted.images)
    # What is as unlike as hardly any planted copy is counts as none.
    most = float(np.quantile(unlike(planted.images.images, planted.pairs), _ALIKE))
    head, rows = ["by", *CHANGES, "pairs", "planted or as alike", "processor s"], []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "images"
        write_folder([planted.images], folder)
        pairs, seconds = timed(_our_copies, folder)
        rows.append(_copies_row("lookalike", planted, pairs, most, seconds))
        peers = [*audit_peers.of_copies()] if n <= _MOST_OF_PEERS else []
        for name, make in peers:
            found, seconds = timed(make, folder)
            given = found.pairs[found.scores >= found.least]
            rows.append(_copies_row(name, planted, given, most, seconds))
            best = _best(found, planted)
            if len(best) != len(given):
                rows.append(_copies_row(f"{name}, best", planted, best, most, seconds))
    each = len(planted.pairs) // len(CHANGES)
    title = f"Copies, {each:,} of each kind, among {len(images):,} images in a folder, reading included"
    print(table(title, head, rows), flush=True)


def _our_copies(folder: Path) -> Pairs:
    """Return the pairs of each group that is found in a folder."""
    (images,) = load_to_audit(folder)
    codes = np.unique(images.labels, return_inverse=True)[1]
    groups = find_groups(images.images, codes, find_neighbours(images))
    numbers = np.array([int(Path(name).stem) for name in images.names])
    found = [pair for group in groups for pair in combinations(numbers[group.places].tolist(), 2)]
    return np.unique(np.sort(np.array(found, np.int64).reshape(-1, 2), axis=1), axis=0)


def _best(found: audit_peers.Found, planted: Copies) -> Pairs:
    """Return the pairs above the bound with which a peer does best: chosen knowing what was planted."""
    right = _among(found.pairs, planted.pairs)
    bounds = np.unique(found.scores)
    taken = [found.scores >= bound for bound in bounds]
    worth = [2 * right[some].sum() / (some.sum() + len(planted.pairs)) for some in taken]
    return found.pairs[taken[int(np.argmax(worth))]]


def _among(pairs: Pairs, others: Pairs) -> NDArray[np.bool_]:
    """Return which pairs are among others."""
    width = 1 + max(int(pairs.max(initial=0)), int(others.max(initial=0)))
    return np.isin(*(np.sort(some, axis=1) @ [width, 1] for some in (pairs, others)))


def _copies_row(name: str, planted: Copies, pairs: Pairs, most: float, seconds: float) -> list[str]:
    """Return what is found of each kind, and what share of the pairs is planted or as alike as those are."""
    recalls = [_among(planted.of_kind(kind), pairs) for kind in CHANGES]
    others = pairs[~_among(pairs, planted.pairs)]
    looked_at = others
    if len(others) > _LOOKED_AT:
        looked_at = others[np.random.default_rng(0).permutation(len(others))[:_LOOKED_AT]]
    alike = (unlike(planted.images.images, looked_at) <= most).mean() if len(others) else 0.0
    good = len(pairs) - len(others) + round(float(alike) * len(others))
    told = [f"{found.mean():.1%}" for found in recalls]
    return [name, *told, f"{len(pairs):,}", share(good, len(pairs)), f"{seconds:.1f}"]


def main() -> None:
    """Print all figures, or those of the score's meaning."""
    if sys.argv[1:] == ["meaning"]:
        print_meaning()
        return
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    images, _ = lookalike.load("mnist", limit=limit)
    for name in audit_peers.missing():
        print(f"{name} is not there: no figures beside it ({audit_peers.__name__} says how to have it)")
    # Code is compiled before anything is timed.
    find_neighbours(images.take(slice(0, DEFORMABLE + 1)))
    print_labels(images)
    print_copies(images)


if __name__ == "__main__":
    main()
