"""Planted faults, and how many an audit finds: ``python -m benchmarks.audit [IMAGES]`` (of MNIST, 10,000).

Labels are flipped, at random or within pairs that are confused (4 and 9, 3 and 5, 1 and 7), and images are
copied: shifted, blurred, saved anew, brighter. Beside it cleanlab, where it is installed, is given the
out-of-fold probabilities of the same neighbours and those of a logistic regression.

``python -m benchmarks.audit meaning``: of images scored "9 of 10 such are wrong", how many labels had been
flipped at random, in digits, MNIST and the real sets of LOOKALIKE_DATA. How scores are made was chosen on
:data:`DESIGNED_ON`; the others judge it. Wrong labels that the sets came with count as right.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict

import lookalike
from benchmarks.few_shot import data_file
from benchmarks.real_sets import unpacked
from lookalike.audit.copies import find_groups, units_of
from lookalike.audit.neighbours import Neighbours, find_neighbours
from lookalike.audit.suspects import find_suspects
from lookalike.data.labelled import LabelledImages

Codes = NDArray[np.int64]
CONFUSED = {4: 9, 9: 4, 3: 5, 5: 3, 1: 7, 7: 1}
_COPIES = 500
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


def flipped(codes: Codes, share: float, confused: bool, seed: int) -> tuple[Codes, NDArray[np.bool_]]:
    """Return labels of which a share are flipped, and which those are."""
    generator = np.random.default_rng(seed)
    can = np.flatnonzero(np.isin(codes, [*CONFUSED])) if confused else np.arange(len(codes))
    chosen = generator.permutation(can)[: int(share * len(codes))]
    labels = codes.copy()
    if confused:
        labels[chosen] = [CONFUSED[code] for code in codes[chosen].tolist()]
    else:
        labels[chosen] = (codes[chosen] + generator.integers(1, 10, len(chosen))) % 10
    return labels, np.isin(np.arange(len(codes)), chosen)


def saved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as a JPEG file gives it back."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


CHANGES: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "exact": lambda image: image.copy(),
    "shifted": lambda image: np.roll(image, (1, -1), (0, 1)),
    "blurred": lambda image: np.rint(gaussian_filter(image.astype(float), 0.6)).astype(np.uint8),
    "saved": saved,
    "brighter": lambda image: np.clip(image * 1.25, 0, 255).astype(np.uint8),
}


def shares_of(near: Neighbours, labels: Codes) -> NDArray[np.float64]:
    """Return out-of-fold probabilities by the nearest images, as cleanlab takes them."""
    counts = np.zeros((len(labels), 10))
    for column in range(10):
        counts[np.arange(len(labels)), labels[near.places[:, column]]] += 1
    return (counts + 0.1) / (counts + 0.1).sum(axis=1, keepdims=True)


def print_labels(images: LabelledImages) -> None:
    """Print how many wrong labels are found."""
    codes = images.labels.astype(np.int64)
    began = time.perf_counter()
    near = find_neighbours(images)
    print(f"nearest of {len(images):,} images by {near.title}: {time.perf_counter() - began:.0f} s")
    rows = images.images.reshape(len(images), -1).astype(np.float32) / 255
    try:
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        get_label_quality_scores = None
        print("cleanlab is not installed: no figures beside it")
    print(
        "average precision                 ours  claimed 0.9, real"
        + "  cleanlab, same  cleanlab, logistic" * bool(get_label_quality_scores)
    )
    for confused in (False, True):
        for share in (0.01, 0.1):
            labels, planted = flipped(codes, share, confused, 1)
            found = find_suspects(near, labels)
            above = np.flatnonzero(found.expected[found.ranked] >= 0.9)
            real = planted[found.ranked[: above.max() + 1]].mean() if above.size else np.nan
            ours = average_precision_score(planted, found.scores)
            name = "confused" if confused else "at random"
            line = f"{share:4.0%} {name:28} {ours:.3f}  {real:17.3f}"
            if get_label_quality_scores is not None:
                linear = LogisticRegression(max_iter=50)
                for width, shares in (
                    (14, shares_of(near, labels)),
                    (18, cross_val_predict(linear, rows, labels, cv=3, method="predict_proba")),
                ):
                    quality = get_label_quality_scores(labels, shares)
                    line += f"  {average_precision_score(planted, 1 - quality):{width}.3f}"
            print(line, flush=True)


def said_and_real(near: Neighbours, codes: Codes, share: float, draws: int = 10) -> NDArray[np.float64]:
    """Return how many images are shown as wrong 9 times in 10, how many are said to be and are, and flips."""
    n_classes, found = int(codes.max()) + 1, np.zeros(4)
    for seed in range(draws):
        generator = np.random.default_rng(seed)
        chosen = generator.permutation(len(codes))[: max(1, round(share * len(codes)))]
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
            for share in (0.01, 0.05, 0.1):
                found = said_and_real(apart, codes, share)
                print(f"{name:20} {len(images):6,} images, {share:4.0%} flipped: {told(found)}", flush=True)
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
    """Print how many copies are found, and how many groups are of images that were not copied."""
    generator = np.random.default_rng(0)
    chosen = generator.permutation(len(images))[:_COPIES]
    names = [*CHANGES]
    made = np.array([CHANGES[names[number % 5]](images.images[place]) for number, place in enumerate(chosen)])
    codes = np.concatenate([images.labels, (images.labels[chosen] + 1) % 10]).astype(np.intp)
    both = LabelledImages.from_numpy(np.concatenate([images.images, made]), codes)
    began = time.perf_counter()
    groups = find_groups(both.images, codes, find_neighbours(both))
    of = np.full(len(both), -1)
    for number, group in enumerate(groups):
        of[group.places] = number
    found = (of[len(images) :] >= 0) & (of[len(images) :] == of[chosen])
    each = ", ".join(f"{name} {found[start::5].mean():.1%}" for start, name in enumerate(names))
    others = sum(bool((group.places < len(images)).all()) for group in groups)
    print(f"copies found in {time.perf_counter() - began:.0f} s: {each}")
    print(f"{others} of {len(groups)} groups are of images that were not copied")


def main() -> None:
    """Print all figures, or those of the score's meaning."""
    if sys.argv[1:] == ["meaning"]:
        print_meaning()
        return
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    images, _ = lookalike.load("mnist", limit=limit)
    print_labels(images)
    print_copies(images)


if __name__ == "__main__":
    main()
