"""Photographs, read by a layout with a model that is served."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.photo.layout import in_colour, load_layout
from lookalike.photo.reader import PhotoReading, Reader
from lookalike.web.snapshot import Snapshot


class Photographs:
    """Reads photographs by a layout with what a served model knows at that moment.

    Parameters
    ----------
    state : callable
        Returns what tells characters at that moment.
    layout : Path
        Where the characters stand.

    Raises
    ------
    InputError, DataError
        The layout cannot be read, or the model is not one of its crops.
    MissingExtraError
        What lays photographs on the reference is not installed.
    """

    def __init__(self, state: Callable[[], Snapshot | None], layout: Path) -> None:
        self._state, self._layout = state, load_layout(layout)
        self._known: tuple[Snapshot, Reader] | None = None
        self._reader()

    def _reader(self) -> Reader:
        """Return what reads with the present state of the model, made anew where that has changed."""
        snapshot, known = self._state(), self._known
        if snapshot is None:
            raise InputError("the model knows nothing yet: teach it the characters of the layout first")
        if known is None or known[0] is not snapshot:
            known = self._known = snapshot, Reader(snapshot.own, self._layout)
        return known[1]

    def read(
        self, photographs: Iterable[tuple[str, NDArray[np.uint8]]], *, pictures: bool
    ) -> list[dict[str, Any]]:
        """Return what each named photograph says, and the photograph with that drawn on it if asked for."""
        reader = self._reader()
        photographs = ((name, in_colour(pixels)) for name, pixels in photographs)
        if not pictures:
            return [_told(reader.read(pixels, name), None) for name, pixels in photographs]
        return [_told(*reader.picture(pixels, name)) for name, pixels in photographs]


def _told(reading: PhotoReading, picture: bytes | None) -> dict[str, Any]:
    drawn = None if picture is None else base64.b64encode(picture).decode()
    return {**reading.to_plain(), "picture": drawn}
