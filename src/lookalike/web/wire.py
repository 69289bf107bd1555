"""The JSON that the page and other programs speak: images, answers and evidence as plain data."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.files import MAX_PIXELS
from lookalike.images import to_unit
from lookalike.recognition.assessment import Assessment
from lookalike.recognition.explanation import Evidence, Reference
from lookalike.show.images import arrows, as_bytes

Plain = dict[str, Any]
#: At most so many arrows along an edge.
_MOST_MOVES = 16


def image(pixels: NDArray[Any]) -> Plain:
    """Return one image, bytes or floats in 0-1, as JSON holds it: its size, and its bytes in base64.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.web import wire
    >>> wire.image(np.array([[0, 255]], np.uint8))
    {'width': 2, 'height': 1, 'channels': 1, 'pixels': 'AP8='}
    """
    flat = as_bytes(pixels)
    return {**_size(flat), "pixels": _text(flat.tobytes())}


def signed(difference: NDArray[np.float64]) -> Plain:
    """Return a difference in -1 to 1 as 255ths: whole numbers of 16 bits, little end first, in base64."""
    whole = np.rint(difference * 255).astype("<i2")
    return {**_size(whole), "signed": True, "pixels": _text(whole.tobytes())}


def _size(pixels: NDArray[Any]) -> Plain:
    height, width = pixels.shape[:2]
    return {"width": width, "height": height, "channels": pixels.shape[2] if pixels.ndim == 3 else 1}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def pixels(told: Mapping[str, Any], most: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Return the image that JSON told, ``(h, w)`` or ``(h, w, 3)``.

    Raises
    ------
    InputError
        It has more pixels than ``most``, or its bytes are not as many as its size says.
    """
    width, height, channels = told["width"], told["height"], told["channels"]
    if width * height > most:
        raise InputError(f"the image is {width} x {height} pixels: expected at most {most:,}")
    try:
        data = base64.b64decode(told["pixels"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"pixels are no base64 ({error}): expected the image's bytes, row by row") from error
    wanted = width * height * channels
    if len(data) != wanted:
        raise InputError(f"pixels are {len(data):,} bytes: expected {wanted:,}, width x height x channels")
    flat = np.frombuffer(data, np.uint8)
    return flat.reshape((height, width, 3) if channels == 3 else (height, width))


def answers(found: Assessment) -> list[Plain]:
    """Return what a model makes of images, an answer an image; labels are texts."""
    classes = [str(label) for label in found.classes.tolist()]
    return [
        {
            **answer,
            "label": None if answer["rejected"] else str(answer["best"]),
            "best": str(answer["best"]),
            "nothing": bool(found.blank[row]),
            "runner_up": answer["runner_up"]
            and {**answer["runner_up"], "label": str(answer["runner_up"]["label"])},
            "probabilities": [
                {"label": label, "probability": share, "distance": _number(distance)}
                for label, share, distance in zip(
                    classes, found.probabilities[row].tolist(), found.class_distances[row], strict=True
                )
            ],
        }
        for row, answer in enumerate(found.answers())
    ]


def unknown(nothing: bool) -> Plain:
    """Return the answer of a model that knows no class yet."""
    empty: Plain = dict.fromkeys(("label", "best", "probability", "runner_up", "p_value", "distance"))
    return {**empty, "rejected": True, "nothing": nothing, "probabilities": []}


def _number(value: Any) -> float | None:
    """Return a number that JSON can hold, or nothing."""
    return float(value) if math.isfinite(value) else None


def evidence(found: Evidence, ideals: NDArray[np.float64]) -> Plain:
    """Return what an answer rests on; ``ideals (n_classes, ...)`` are the classes' images, or NaN."""
    seen = found.prepared
    labels = [str(label) for label in found.classes.tolist()]
    return {
        "seen": image(seen),
        "classes": [
            _beside(seen, label, ideal)
            for label, ideal in zip(labels, ideals, strict=True)
            if not np.isnan(ideal).any()
        ],
        "nearest": [_nearest(one) for one in found.nearest],
        "moves": _moves(found.for_answer),
    }


def _beside(seen: NDArray[np.float64], label: str, ideal: NDArray[np.float64]) -> Plain:
    difference = seen - ideal
    return {
        "label": label,
        "ideal": image(ideal),
        "difference": signed(difference),
        "l1": float(np.abs(difference).mean()),
        "l2": float(np.sqrt((difference**2).mean())),
    }


def _nearest(one: Reference) -> Plain:
    assert one.image is not None, "training images have pixels"
    known = {"id": one.id, "label": str(one.label), "distance": _number(one.distance or 0.0)}
    return {**known, "image": image(one.image)}


def _moves(one: Reference) -> Plain | None:
    """Return where pixels were found: ``from`` in the image that is seen, ``to`` in what answered."""
    if one.field is None or one.warped is None:
        return None
    found = arrows(one.field, one.warped)
    return {
        "step": -(-max(one.field.shape[:2]) // _MOST_MOVES),
        "from": found[:, [3, 2]].tolist(),
        "to": found[:, [1, 0]].tolist(),
    }


def kept(images: NDArray[Any]) -> list[Plain]:
    """Return images that a model keeps, prepared as it compares them."""
    return [image(one) for one in (to_unit(images) if images.dtype == np.uint8 else images)]
