"""The answer: what the nearest of all that is kept vote for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.search.matcher import Codes
from lookalike.search.matches import NOWHERE, Matches
from lookalike.state import State, choice, flag, whole

Floats = NDArray[np.float64]
WEIGHTS = ("uniform", "distance")


@dataclass(frozen=True)
class Vote:
    """How many of the nearest vote, and what each vote counts.

    With ``"distance"`` a vote counts by the inverse of its distance; what is at distance 0, if there is
    anything, is alone to vote. Equal votes go to the class of the nearest of the voters.
    """

    voters: int = 1
    weights: str = "uniform"
    at_most: bool = False  # fewer vote where fewer are kept; else that is an error

    state: ClassVar[State] = {"voters": whole(1, 2**40), "weights": choice(*WEIGHTS), "at_most": flag()}

    def among(self, n: int) -> int:
        """Return how many of ``n`` vote, refusing more than there are."""
        if isinstance(self.voters, bool) or not isinstance(self.voters, int | np.integer):
            raise InputError(f"n_neighbors is {self.voters!r}: expected a whole number, 1 to {n}")
        voters = min(self.voters, n) if self.at_most else self.voters
        if not 1 <= voters <= n:
            raise InputError(f"n_neighbors is {voters}: expected 1 to {n}, the number of training images")
        return voters

    def answers(self, matches: Matches) -> tuple[Codes, Floats]:
        """Return the class that is the answer to each query, and the distance of its nearest voter."""
        distances, codes = matches.distances, matches.codes
        if distances.shape[1] > 1:
            weights = self._weights(distances) * (matches.places != NOWHERE)
            same = codes[:, :, None] == codes[:, None, :]
            first = np.argmax((same * weights[:, None, :]).sum(axis=2), axis=1)[:, None]
        else:
            first = np.zeros((len(codes), 1), np.intp)
        # Neighbours come nearest first: the first of those with the most votes is the nearest of them.
        return (
            np.take_along_axis(codes, first, axis=1)[:, 0],
            np.take_along_axis(distances, first, axis=1)[:, 0],
        )

    def _weights(self, distances: Floats) -> Floats:
        if self.weights == "uniform":
            return np.ones_like(distances)
        same = distances == 0
        weights = np.divide(1.0, distances, out=np.zeros_like(distances), where=~same)
        return np.where(same.any(axis=1, keepdims=True), same, weights)
