"""Crops that were rejected or answered uncertainly, kept in a folder until somebody says what they show."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pixels import decode_image
from lookalike.errors import LookalikeError, UnknownNameError
from lookalike.files import write_whole
from lookalike.show.images import png_bytes

#: An answer is uncertain that is rejected, or less likely than this.
SURE = 0.75
#: So many crops are kept; more are not taken until some are labelled, or take the place of the oldest.
MOST = 1000
_ID = re.compile("[0-9a-f]{32}")


class Crop(NamedTuple):
    """A crop that waits: its number, the model that was asked, its pixels, and the answer as JSON has it."""

    id: str
    model: str
    image: NDArray[np.uint8]
    answer: dict[str, Any]


class Uncertain:
    """A folder of crops: of each a PNG, and a JSON file with the model and its answer.

    Parameters
    ----------
    folder : Path
        Where; it is made where it is not there.
    most : int
        How many crops are kept.
    newest : bool
        Whether a folder that is full drops its oldest crop for a new one, which is else not taken.
    """

    def __init__(self, folder: Path, most: int = MOST, *, newest: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._most, self._newest = folder, most, newest
        self._lock = threading.Lock()
        found = (
            path.stem for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        )
        self._ids = dict.fromkeys(name for name in found if _ID.fullmatch(name))

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def full(self) -> bool:
        """Whether no more is taken."""
        return len(self._ids) >= self._most

    def note(
        self,
        model: str,
        images: NDArray[np.uint8],
        answers: list[dict[str, Any]],
        names: Sequence[str] | None = None,
    ) -> int:
        """Keep the images whose answers are uncertain, and return how many of them are kept.

        The same image is kept once for each model, with its name where names are known. A blank one is not:
        there is nothing to label.
        """
        count = 0
        for place, (image, answer) in enumerate(zip(images, answers, strict=True)):
            sure = answer["probability"] is not None and answer["probability"] >= SURE
            if answer["nothing"] or (sure and not answer["rejected"]):
                continue
            facts = f"{model}\n{image.shape}\n".encode()
            name = hashlib.sha256(facts + image.tobytes()).hexdigest()[:32]
            with self._lock:
                while self._newest and self.full and name not in self._ids:
                    self._drop(next(iter(self._ids)))
                count += name in self._ids or not self.full
                if name in self._ids or self.full:
                    continue
                write_whole(self._folder / f"{name}.png", png_bytes(image))
                of = {"model": model, **({} if names is None else {"image": names[place]})}
                told = json.dumps({**of, "answer": answer}, allow_nan=False)
                write_whole(self._folder / f"{name}.json", told.encode())
                self._ids[name] = None
        return count

    def crops(self, offset: int, limit: int) -> list[Crop]:
        """Return some crops, oldest first; what somebody else took away or changed is left out."""
        found = []
        for name in list(self._ids)[offset : offset + limit]:
            try:
                found.append(self.crop(name))
            except LookalikeError:
                continue
        return found

    def crop(self, name: str) -> Crop:
        """Return one crop.

        Raises
        ------
        UnknownNameError
            There is none of that number, or no longer.
        """
        if name in self._ids:
            try:
                told = json.loads((self._folder / f"{name}.json").read_bytes())
                image = decode_image((self._folder / f"{name}.png").read_bytes(), name)
                return Crop(name, str(told["model"]), image, dict(told["answer"]))
            except (OSError, ValueError, KeyError, TypeError):
                pass
        raise UnknownNameError("no crop of that number waits: it was labelled, or taken away")

    def drop(self, name: str) -> None:
        """Take a crop away."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._ids.pop(name, None)
        for ending in (".json", ".png"):
            (self._folder / f"{name}{ending}").unlink(missing_ok=True)
