"""Whether something hides what stands in a place: it is covered, smeared, or not what it is taken for.

Models are made to see through light and contrast; what is hidden may then look like anything. So a crop is
held against the images that a model keeps, of the character it was taken for, in three ways:

- its strokes, which are what is left without what is wide (light, shade): moved by 2 pixels at most,
  ``s = 2 a·b / (a·a + b·b)`` is 1 for the same strokes, and near 0 for none, or for others;
- its steps: what is smeared has few along the way, so the share of steps down, and that of steps across, is
  less than in any image of the character;
- its colours: what covers a place has others than any image there, of whichever character. Crops are
  shrunk to 8 x 5 colours; the mean distance of the worst 10 to the nearest image's, at the same place, is
  many times what it is for images that are left out.

The limits were set on other draws than those whose figures ``python -m benchmarks.photographs`` prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lookalike.photo.register import opencv

if TYPE_CHECKING:
    from lookalike.recognition.recogniser import Recogniser

Floats = NDArray[np.float32]

#: Strokes are narrower than this part of an image's height, and wider than noise: pixels.
_WIDE, _NOISE = 13 / 32, 3
#: So far crops are moved, and this edge of them is not compared: parts of the height and the width.
_MOVED, _EDGE = 2, (5 / 32, 2 / 20)
#: Steps are counted within this edge.
_STEPS_EDGE = (4 / 32, 2 / 20)
#: Height and width of shrunk crops, and how many of their colours are the worst.
_SHRUNK, _WORST = (8, 5), 10
#: Colours that are nearer than this share of all that the model has seen are the same to any eye.
_SAME = 0.02
#: What is less alike, or has a smaller share of the steps, or colours so many times as far, is hidden.
ALIKE, STEPS, COLOURS = 0.5, 0.75, 5.0
#: Of fewer images it is not known how far colours are apart.
_LEAST = 9


@dataclass(frozen=True, eq=False)
class Hidden:
    """What a model's images look like where nothing hides them; of a model that keeps none, nothing."""

    labels: NDArray[np.str_]
    strokes: Floats  # (shifts, n, pixels)
    steps: Floats  # (n, 2): the share of steps down, and across
    colours: Floats  # (n, 40, channels)
    usual: float  # how far colours are from those of other images

    @classmethod
    def of(cls, model: Recogniser) -> Hidden:
        """Return what a model's images look like."""
        codes = getattr(model.matcher, "codes", None)
        images = None if codes is None else model.matcher.kept(np.arange(len(codes)))
        if images is None or codes is None:
            nothing = np.zeros((0, 0, 0), np.float32)
            return cls(np.zeros(0, np.str_), nothing, nothing[0], nothing, np.inf)
        found, moves = strokes(images), range(-_MOVED, _MOVED + 1)
        moved = np.stack([_middle(found, down, right) for down in moves for right in moves])
        colours = _colours(images)
        places = np.arange(len(colours))
        usual = [_far(colours[place], colours[places != place]) for place in places if len(places) >= _LEAST]
        most = max(float(np.percentile(usual, 90)), _SAME * float(np.ptp(colours))) if usual else np.inf
        return cls(model.labels.classes[codes].astype(np.str_), moved, _steps(images), colours, most)

    def doubts(self, crops: NDArray[np.generic], labels: Sequence[str]) -> list[str | None]:
        """Return for each crop, and what it was taken for, why it is hidden, if so."""
        middles, steps, colours = _middle(strokes(crops), 0, 0), _steps(crops), _colours(crops)
        found: list[str | None] = []
        for middle, step, colour, label in zip(middles, steps, colours, labels, strict=True):
            same = self.labels == label
            if not same.any():
                found.append(None)
            elif self._alike(middle, same) < ALIKE:
                found.append(f"it is covered or smeared: its strokes are not those of {label}")
            elif (step < STEPS * self.steps[same].min(axis=0)).any():
                found.append(f"it is smeared: {label} has more edges, down or across")
            elif _far(colour, self.colours) > COLOURS * self.usual:
                found.append("it is covered: it has colours that the model has never seen there")
            else:
                found.append(None)
        return found

    def _alike(self, middle: Floats, same: NDArray[np.bool_]) -> float:
        """Return how alike the strokes of a crop and of the image that is most alike are."""
        kept = self.strokes[:, same]
        energy = np.einsum("snp,snp->sn", kept, kept) + middle @ middle
        return float((2 * (kept @ middle) / (energy + 1e-3)).max())


def _gray(images: NDArray[np.generic]) -> Floats:
    """Return images without colour and without noise: ``(n, h, w)``."""
    gray = images.astype(np.float32)
    return _blurred(gray.mean(axis=3) if gray.ndim == 4 else gray, _NOISE)


def strokes(images: NDArray[np.generic]) -> Floats:
    """Return images without what is wide, and without noise: ``(n, h, w)``."""
    gray = _gray(images)
    return gray - _blurred(gray, round(_WIDE * gray.shape[1]) | 1)


def _blurred(images: Floats, width: int) -> Floats:
    """Return the means of squares of ``width`` pixels; edges go on as they are."""
    cv2 = opencv()
    edge = {"borderType": cv2.BORDER_REPLICATE}
    return np.stack([cv2.blur(one, (width, width), **edge) for one in images])


def _middle(strokes: Floats, down: int, right: int) -> Floats:
    """Return the middle of images, moved, as rows."""
    height, width = strokes.shape[1:]
    top, left = (max(_MOVED, round(part * side)) for part, side in zip(_EDGE, (height, width), strict=True))
    return strokes[:, top + down : height - top + down, left + right : width - left + right].reshape(
        len(strokes), -1
    )


def _steps(images: NDArray[np.generic]) -> Floats:
    """Return which share of all steps between neighbouring pixels is down, and which across: ``(n, 2)``."""
    gray = _gray(images)
    top, left = (round(part * side) for part, side in zip(_STEPS_EDGE, gray.shape[1:], strict=True))
    inside = gray[:, top : gray.shape[1] - top, left : gray.shape[2] - left]
    steps = np.stack([np.abs(np.diff(inside, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)], axis=1)
    return np.asarray(steps / np.maximum(steps.sum(axis=1, keepdims=True), 1e-6), np.float32)


def _colours(images: NDArray[np.generic]) -> Floats:
    """Return the colours of shrunk images: ``(n, 40, channels)``."""
    cv2: Any = opencv()
    floats = images.astype(np.float32)
    size = _SHRUNK[::-1]
    small = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in floats])
    return small.reshape(len(floats), _SHRUNK[0] * _SHRUNK[1], -1)


def _far(colours: Floats, kept: Floats) -> float:
    """Return how far the worst colours of an image are from the nearest ones of others at their places."""
    apart = np.sqrt(((kept - colours) ** 2).mean(axis=2)).min(axis=0)
    return float(np.sort(apart)[-_WORST:].mean())
