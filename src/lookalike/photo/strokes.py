"""Whether a crop has the strokes of what it was taken for: what is covered or smeared has others, or none.

Models are made to see through light and contrast; what has no strokes may then look like anything. Here
images lose what is wide (light, shade), and are compared with the model's own, moved by 2 pixels at most:
``s = 2 a·b / (a·a + b·b)`` is 1 for the same strokes, and near 0 for none, or for others
(``python -m benchmarks.photographs`` counts the covered places that are taken for a digit all the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
#: What is less like each image of its class is doubtful.
ALIKE = 0.5


@dataclass(frozen=True, eq=False)
class Strokes:
    """The strokes of what a model keeps: ``(shifts, n, pixels)``, and the class of each image."""

    kept: Floats
    labels: NDArray[np.str_]

    @classmethod
    def of(cls, model: Recogniser) -> Strokes:
        """Return the strokes of a model's images; of a model that keeps none, none."""
        codes = getattr(model.matcher, "codes", None)
        images = None if codes is None else model.matcher.kept(np.arange(len(codes)))
        if images is None or codes is None:
            return cls(np.zeros((0, 0, 0), np.float32), np.zeros(0, np.str_))
        strokes, moves = _strokes(images), range(-_MOVED, _MOVED + 1)
        moved = np.stack([_middle(strokes, down, right) for down in moves for right in moves])
        return cls(moved, model.labels.classes[codes].astype(np.str_))

    def alike(self, crops: NDArray[np.generic], labels: Sequence[str]) -> list[bool]:
        """Return whether each crop has the strokes of an image of its class."""
        asked = _middle(_strokes(crops), 0, 0)
        found = []
        for one, label in zip(asked, labels, strict=True):
            kept = self.kept[:, self.labels == label] if len(self.labels) else self.kept
            if not kept.size:
                found.append(True)
                continue
            energy = np.einsum("snp,snp->sn", kept, kept) + one @ one
            found.append(bool((2 * (kept @ one) / (energy + 1e-3)).max() >= ALIKE))
        return found


def _strokes(images: NDArray[np.generic]) -> Floats:
    """Return images without what is wide, and without noise: ``(n, h, w)``."""
    gray = images.astype(np.float32)
    gray = gray.mean(axis=3) if gray.ndim == 4 else gray
    gray = _blurred(gray, _NOISE)
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
