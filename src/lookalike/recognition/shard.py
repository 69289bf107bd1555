"""Which rows of a whole a model was fitted on, so that the models of all its rows can come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.state import State, array, whole


@dataclass(frozen=True, eq=False)
class Shard:
    """Some rows of labelled images that several models share."""

    rows: NDArray[np.int64]  # (k, 2): the first row of each stretch and the one behind its last, ascending
    total: int  # the rows of the whole

    state: ClassVar[State] = {
        "rows": array(np.int64, shape=("k", 2), low=0),
        "total": whole(1, 2**62),
    }

    def restored(self) -> None:
        """Refuse rows that cannot be."""
        ends = self.rows.ravel()
        if not len(ends) or (self.rows[:, 0] >= self.rows[:, 1]).any() or (np.diff(ends) < 0).any():
            raise InputError("rows are no ascending stretches of rows")
        if ends[-1] > self.total:
            raise InputError(f"rows go up to {ends[-1]}: expected at most {self.total}")

    @classmethod
    def of(cls, number: int, count: int, total: int) -> Shard:
        """Return the shard of some number, from 1, of so many equally large ones."""
        whole_numbers = isinstance(number, int | np.integer) and isinstance(count, int | np.integer)
        if not whole_numbers or not 1 <= number <= count:
            raise InputError(
                f"the shard is {number} of {count}: expected a whole number from 1 to that of all shards, "
                "such as 2 of 7"
            )
        first, behind = total * (int(number) - 1) // int(count), total * int(number) // int(count)
        if first == behind:
            raise InputError(
                f"shard {number} of {count} of {total} images has none: expected at most {total} shards"
            )
        return cls(np.array([[first, behind]]), total)

    @property
    def missing(self) -> str:
        """Which rows of the whole are not among them, in words; empty where none is missing."""
        gaps = np.append(np.insert(self.rows.ravel(), 0, 0), self.total).reshape(-1, 2)
        texts = [f"{first:,} to {behind - 1:,}" for first, behind in gaps.tolist() if behind > first]
        return f"images {', '.join(texts)} of 0 to {self.total - 1:,}" if texts else ""

    @staticmethod
    def joined(shards: Sequence[Shard], names: Sequence[str]) -> Shard | None:
        """Return the rows of some shards together; None of no shards, and where they are the whole.

        Raises
        ------
        InputError
            They are of different wholes, or have rows in common. It names both.
        """
        if not shards:
            return None
        total = shards[0].total
        for shard, name in zip(shards, names, strict=True):
            if shard.total != total:
                raise InputError(
                    f"{name} is a shard of {shard.total:,} images, and {names[0]} of {total:,}: expected "
                    "shards of the same images"
                )
        owners = np.repeat(np.arange(len(shards)), [len(shard.rows) for shard in shards])
        rows = np.concatenate([shard.rows for shard in shards])
        order = np.lexsort((owners, rows[:, 0]))
        rows, owners = rows[order], owners[order]
        clash = np.flatnonzero(rows[1:, 0] < rows[:-1, 1])
        if clash.size:
            one, other = sorted(owners[clash[0] : clash[0] + 2].tolist())
            raise InputError(
                f"{names[other]} has images that {names[one]} has (from image {rows[clash[0] + 1, 0]:,} on): "
                "expected each shard once"
            )
        starts = np.flatnonzero(np.append(True, rows[1:, 0] > rows[:-1, 1]))
        stretches = np.column_stack([rows[starts, 0], rows[np.append(starts[1:], len(rows)) - 1, 1]])
        found = Shard(stretches, total)
        return found if found.missing else None
