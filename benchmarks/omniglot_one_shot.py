"""Omniglot: a character told by one example, ``python -m benchmarks.omniglot_one_shot``.

Tasks have the form of the published ones (Lake, Salakhutdinov and Tenenbaum, "Human-level concept learning
through probabilistic program induction", Science 350, 2015): 20 characters of one alphabet, one example of
each by one person, and a drawing of each by another person. They are drawn from the background alphabets that
have 20 characters or more.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from benchmarks.few_shot import Task, arguments, right_answers, table, zipped_images
from lookalike.evaluation.statistics import mcnemar, rate

ZIPS = ("omniglot/images_background_small1.zip", "omniglot/images_background_small2.zip")
CHARACTERS = 20


def alphabets() -> dict[str, np.ndarray]:
    """Return the drawings of each alphabet with enough characters: (characters, people, h, w).

    Some alphabets are in both zips: each drawing is taken once, or it could be its own example.
    """
    found: dict[str, dict[str, dict[str, np.ndarray]]] = defaultdict(lambda: defaultdict(dict))
    for name in ZIPS:
        for path, image in zipped_images(name, ".png"):
            found[path[-3]][path[-2]][path[-1]] = image
    return {
        alphabet: np.stack([np.stack([*drawings.values()]) for drawings in characters.values()])
        for alphabet, characters in sorted(found.items())
        if len(characters) >= CHARACTERS
    }


def tasks(drawings: dict[str, np.ndarray], per_alphabet: int, seed: int) -> list[Task]:
    """Draw tasks: people in pairs, so that no drawing is used twice where there are enough people."""
    rng = np.random.default_rng(seed)
    drawn = []
    for images in drawings.values():
        for _ in range(per_alphabet):
            characters = rng.choice(len(images), CHARACTERS, replace=False)
            one, other = rng.choice(images.shape[1], 2, replace=False)
            labels = np.arange(CHARACTERS)
            drawn.append(Task(images[characters, one], labels, images[characters, other], labels))
    return drawn


def main() -> None:
    """Print the share of right answers of each idea."""
    given = arguments(__doc__, per_alphabet=12, seed=0)
    drawings = alphabets()
    drawn = tasks(drawings, given.per_alphabet, given.seed)
    right = {name: np.concatenate([right_answers(name, task) for task in drawn]) for name in given.ideas}
    rows = []
    for name, answers in right.items():
        share = rate(int(answers.sum()), len(answers))
        alphabet = answers.reshape(len(drawings), -1).mean(axis=1)
        p_value = mcnemar(answers, right[given.ideas[-1]])[2]
        rows.append(
            [
                name,
                f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})",
                f"{alphabet.min():.1%}",
                f"{p_value:.2g}",
            ]
        )
    print(
        table(
            f"{len(drawn)} tasks of {CHARACTERS} characters, {len(drawings)} alphabets, seed {given.seed}",
            ["idea", "right (95 %)", "worst alphabet", f"p against {given.ideas[-1]}"],
            rows,
        )
    )


if __name__ == "__main__":
    main()
