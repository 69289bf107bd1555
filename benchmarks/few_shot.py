"""What the reproductions from few examples share: images from zips, and the ideas' answers to tasks."""

from __future__ import annotations

import argparse
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike import settings
from lookalike.data.pixels import decode_image
from lookalike.errors import LookalikeWarning
from lookalike.evaluation.statistics import rate
from lookalike.registry import idea

IDEAS = ("mean-image-l2", "nearest-l1", "nearest-l2", "deformable")


class Task(NamedTuple):
    """A few examples, and images to be told by them."""

    images: NDArray[Any]
    labels: NDArray[Any]
    queries: NDArray[Any]
    expected: NDArray[Any]


def arguments(about: str | None, ideas: Sequence[str] = IDEAS, **defaults: int) -> argparse.Namespace:
    """Return the command line's arguments: whole numbers with defaults, and ideas."""
    parser = argparse.ArgumentParser(description=about)
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--ideas", nargs="+", default=list(ideas))
    return parser.parse_args()


def data_file(name: str) -> Path:
    """Return a file of LOOKALIKE_DATA, or say what is missing."""
    folder = settings.data_folder()
    if folder is None or not (folder / name).is_file():
        raise SystemExit(f"LOOKALIKE_DATA names no folder with {name} in it")
    return folder / name


def zipped_images(name: str, ending: str) -> Iterator[tuple[tuple[str, ...], NDArray[np.uint8]]]:
    """Yield the path and the pixels of each image in a zip, sorted by path."""
    with zipfile.ZipFile(data_file(name)) as archive:
        for member in sorted(archive.namelist()):
            if member.endswith(ending) and "__MACOSX" not in member:
                yield tuple(member.split("/")), decode_image(archive.read(member), member)


def right_answers(name: str, task: Task) -> NDArray[np.bool_]:
    """Return which queries an idea answers right."""
    model = idea(name).make().fit(task.images, task.labels)
    with warnings.catch_warnings():
        # One's own meter is lit from behind in one photograph and not in another: that is the task.
        warnings.simplefilter("ignore", LookalikeWarning)
        right: NDArray[np.bool_] = model.predict(task.queries) == task.expected
    return right


def share(hits: int, n: int) -> str:
    """Return a rate with its interval."""
    if not n:
        return "-"
    found = rate(int(hits), int(n))
    return f"{found.value:.1%} ({hits:,} of {n:,}; {found.low:.1%} to {found.high:.1%})"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return f"## {title}\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n"
