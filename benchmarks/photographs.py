"""Values on photographs of counters, ``python -m benchmarks.photographs --seed N``.

Real crops of digits are set into drawn frames, and photographed: shifted by up to 12 pixels, turned by up to
4 degrees, scaled by up to 3 %, lit unevenly and in other colours, with noise, as JPEG, some with a glare. Of
each meter half of the crops are on the 20 photographs whose values are told, and the other half on those that
are read (a digit with one crop has it on both). Each meter has its own frame; the model is what lookalike fit
chooses for so few images, the mixture. Printed for each meter: of the photographs, how many values are given,
and how many of these are right to the last place; of those with a covered, smeared or blinded place, how many
are given wrongly.

Then wheels: a counter that turns, one photograph every minute. A value is right that is the number the wheels
have passed; where the last wheel stands between two, the next one is as right.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.few_shot import share, table
from benchmarks.frames import Bytes, Frame, covered, taken
from benchmarks.own_meters import meters
from lookalike.errors import LookalikeWarning
from lookalike.photo.cut import crops_of
from lookalike.photo.history import Keeper, ValueHistory
from lookalike.photo.layout import PhotoLayout
from lookalike.photo.reader import Reader
from lookalike.photo.register import Registrar
from lookalike.photo.rules import Rules
from lookalike.show.images import png_bytes

TOLD, CELLS = 20, 5
#: Its digits are of liquid crystal, and do not turn.
CRYSTAL = "watermeter-metrona"


class Counter:
    """A meter with a frame: photographs of it, with digits of one half of its crops or of the other."""

    def __init__(self, crops: Bytes, digits: np.ndarray, rng: np.random.Generator) -> None:
        self.rng, self.frame = rng, Frame.drawn(rng, CELLS)
        self.told: list[Bytes] = []
        self.asked: list[Bytes] = []
        for digit in range(10):
            places = rng.permutation(np.flatnonzero(digits == digit))
            half = len(places) // 2
            self.told.append(crops[places[:half] if half else places])
            self.asked.append(crops[places[half:]])

    def digit(self, halves: list[Bytes], digit: int) -> Bytes:
        """Return a crop of a digit."""
        return halves[digit][self.rng.integers(len(halves[digit]))]

    def face(self, halves: list[Bytes], value: list[int]) -> Bytes:
        """Return the face with a value on it."""
        return self.frame.shows([self.digit(halves, digit) for digit in value])

    def turning(self, position: float) -> Bytes:
        """Return the face with its wheels at a position: the last one always turns, and takes others on."""
        number, part = int(position), position % 1
        crops: list[Bytes] = []
        for _ in range(CELLS):
            digit, number = number % 10, number // 10
            here = self.digit(self.asked, digit)
            cut_at = round(part * len(here))
            after = self.digit(self.asked, (digit + 1) % 10)
            crops.insert(0, np.concatenate([here[cut_at:], after[:cut_at]]))
            part = part if digit == 9 else 0.0
        return self.frame.shows(crops)

    def reader(self, folder: Path, rolls: bool) -> Reader:
        """Return what reads it, from as many photographs as are told."""
        # Each digit is on as many of them.
        values = self.rng.permutation(np.arange(TOLD * CELLS) % 10).reshape(TOLD, CELLS)
        photographs = [taken(self.face(self.told, value), self.rng)[0] for value in values]
        reference = folder / "reference.png"
        reference.write_bytes(png_bytes(taken(self.face(self.told, values[0]), self.rng, strength=0)[0]))
        names = tuple(f"counter.{cell}" for cell in range(1, CELLS + 1))
        layout: PhotoLayout = self.frame.layout(reference, rolls=names if rolls else ())
        registrar = Registrar(layout)
        crops = np.concatenate([crops_of(layout, registrar.register(one).image) for one in photographs])
        labels = values.reshape(-1).astype(str)
        return Reader(lookalike.MixtureMatch().fit(crops, labels).recogniser_, layout)


def photographs(counter: Counter, count: int, cover: bool) -> Iterator[tuple[Bytes, str]]:
    """Yield photographs with values, one place of them covered where that is asked for."""
    for _ in range(count):
        value = counter.rng.integers(0, 10, CELLS)
        face = counter.face(counter.asked, value)
        if cover:
            face = covered(face, int(counter.rng.integers(CELLS)), counter.rng)
        yield taken(face, counter.rng)[0], "".join(map(str, value))


def counts(reader: Reader, asked: Iterator[tuple[Bytes, str]]) -> np.ndarray:
    """Return how many values are right, wrong and rejected."""
    found = np.zeros(3, int)
    for photograph, value in asked:
        reading = reader.read(photograph)
        found[2 if reading.rejected else int(reading.value != value)] += 1
    return found


def row(name: str, whole: np.ndarray, hidden: np.ndarray) -> list[str]:
    """Return what is printed of a meter, or of all."""
    right, wrong, rejected = whole
    return [
        name,
        share(right, right + wrong),
        share(rejected, whole.sum()),
        share(hidden[1], hidden.sum()),
        share(hidden[2], hidden.sum()),
    ]


def turned(counter: Counter, folder: Path, count: int) -> np.ndarray:
    """Return how many values of a turning counter are right, wrong, rejected, exact and less than before."""
    reader = counter.reader(folder, rolls=True)
    history = ValueHistory(folder / "history.db")
    keeper = Keeper(reader.layout, history, Rules(increasing=True, most_an_hour=120.0))
    position, figures, last = float(counter.rng.uniform(0, 9e4)), np.zeros(5, int), Decimal(0)
    for minute in range(count):
        position += float(counter.rng.uniform(0, 1.2))
        reading = keeper.hold(reader.read(taken(counter.turning(position), counter.rng)[0]), minute * 60.0)
        if reading.value is None:
            figures[2] += 1
            continue
        value, passed = Decimal(reading.value), int(position)
        figures[4] += value < last
        last = value
        figures[3] += value == passed
        figures[0 if value in (passed, passed + (position % 1 > 0.25)) else 1] += 1
    return figures


def row_of_wheels(name: str, figures: np.ndarray) -> list[str]:
    """Return what is printed of a counter that turns, or of all."""
    right, wrong, rejected, exact, falls = figures
    given = right + wrong
    count = share(rejected, given + rejected)
    return [name, share(right, given), share(exact, given), count, f"{falls} of {given}"]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"seed": 0, "whole": 500, "covered": 200, "wheels": 1000}.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    asked = parser.parse_args()
    # Covered digits are strange on purpose.
    warnings.simplefilter("ignore", LookalikeWarning)
    found = meters()
    rows, totals, seconds, n = [], np.zeros((2, 3), int), 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        for number, (meter, (crops, digits)) in enumerate(found.items()):
            counter = Counter(crops, digits, np.random.default_rng([asked.seed, number]))
            reader = counter.reader(Path(name), rolls=False)
            whole = list(photographs(counter, asked.whole // len(found), cover=False))
            began = time.perf_counter()
            counted = counts(reader, iter(whole))
            seconds, n = seconds + time.perf_counter() - began, n + len(whole)
            hidden = counts(reader, photographs(counter, asked.covered // len(found), cover=True))
            totals += np.stack([counted, hidden])
            rows.append(row(meter, counted, hidden))
            print("done:", rows[-1], flush=True)
        rows.append(row("all", *totals))
        head = ["meter", "right of given", "rejected", "covered: given wrongly", "covered: rejected"]
        print(table(f"{TOLD} photographs told, seed {asked.seed}; {seconds / n:.3f} s each", head, rows))
        rows, total = [], np.zeros(5, int)
        wheels = [meter for meter in found if meter != CRYSTAL]
        for number, meter in enumerate(wheels if asked.wheels else ()):
            counter = Counter(*found[meter], np.random.default_rng([asked.seed, 99, number]))
            folder = Path(name) / meter
            folder.mkdir()
            figures = turned(counter, folder, asked.wheels // len(wheels))
            total += figures
            rows.append(row_of_wheels(meter, figures))
            print("done:", rows[-1], flush=True)
        head = ["meter", "right of given", "of these the number passed", "rejected", "less than before"]
        if rows:
            print(table("wheels that turn", head, [*rows, row_of_wheels("all", total)]))


if __name__ == "__main__":
    main()
