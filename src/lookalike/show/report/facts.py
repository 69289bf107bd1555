"""What the figures rest on: the data, the seed, the versions and the command."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import lookalike
from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison
from lookalike.show.formats import part_name
from lookalike.text import plain


@dataclass(frozen=True)
class Part:
    """One part of the data."""

    use: str
    name: str
    title: str
    reader: str
    n: str
    shape: str
    kind: str
    sha256: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """What the figures rest on."""

    parts: tuple[Part, ...]  # training and validation
    notes: tuple[str, ...]  # what was decided while reading that concerns both parts
    counts: tuple[tuple[str, str, str], ...]  # each class with its images in both parts
    seed: str
    command: str
    date: str  # in UTC; that of SOURCE_DATE_EPOCH where it is set
    versions: tuple[tuple[str, str], ...]


def facts(comparison: Comparison, command: str) -> Facts:
    """Return what the figures rest on."""
    train, valid = comparison.train, comparison.valid
    counted, measured = train.counts(), valid.counts()
    names = dict.fromkeys((*counted, *measured))
    both = [note for note in dict.fromkeys(train.source.notes) if note in valid.source.notes]
    return Facts(
        parts=(part_facts("fitted on", train, both), part_facts("measured on", valid, both)),
        notes=tuple(plain(note) for note in both),
        counts=tuple(
            (plain(name), f"{counted.get(name, 0):,}", f"{measured.get(name, 0):,}") for name in names
        ),
        seed=str(comparison.seed),
        command=plain(command),
        date=today(),
        versions=versions(),
    )


def versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of what took part."""
    return (
        ("lookalike", lookalike.__version__),
        ("NumPy", version("numpy")),
        ("scikit-learn", version("scikit-learn")),
        ("Python", f"{platform.python_version()} on {platform.system()} ({platform.machine()})"),
    )


def part_facts(use: str, images: LabelledImages, told: Sequence[str] = ()) -> Part:
    """Return one part of the data as harmless text, but for the notes that are told elsewhere."""
    height, width, *channels = images.images.shape[1:]
    return Part(
        use=use,
        name=plain(images.source.name),
        title=f"{part_name(images.source.part).capitalize()} part",
        reader=plain(images.source.reader),
        n=f"{len(images):,}",
        shape=f"{height} × {width} pixels" + (f", {channels[0]} channels" if channels else ""),
        kind="bytes (uint8)" if images.images.dtype.kind == "u" else f"floats ({images.images.dtype})",
        sha256=images.sha256(),
        notes=tuple(plain(note) for note in images.source.notes if note not in told),
    )


def today() -> str:
    """Return the day, in UTC; that of ``SOURCE_DATE_EPOCH`` where it is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    made = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return made.strftime("%Y-%m-%d")
