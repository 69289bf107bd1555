"""Examples drawn again a little differently: what one example of each class can tell of what matters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: By how much copies are turned (radians), sheared, scaled and stretched (logarithms), and moved (parts
#: of a side).
_TURN, _SHEAR, _SCALE, _STRETCH, _MOVE = 0.14, 0.1, 0.1, 0.08, 0.08
#: How far smooth bends move pixels (standard deviation) and how wide they are, in parts of the longer side.
_BEND, _WIDTH = 0.045, 1 / 7
#: By how much their contrast differs (logarithm), their brightness and their noise (standard deviation),
#: in levels.
_GAIN, _LIGHT, _GRAIN = 0.25, 20.0, 3.0


def jittered(images: Bytes, copies: int, bend: float, *, seed: int = 0) -> Bytes:
    """Return copies ``(copies * n, h, w)`` or ``(copies * n, h, w, c)`` of images, each a little different.

    Each is turned, sheared, scaled, stretched and moved as a whole, in another light and with noise; and
    bent smoothly, as handwriting is, by ``bend`` (0 to 1) of what drawings are (P. Simard, D. Steinkraus
    and J. Platt, "Best practices for convolutional neural networks", ICDAR 2003). Beyond the border the
    nearest pixel is repeated. The first ``n`` are the first copy of each image.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_copy(image, rng, bend) for _ in range(copies) for image in images])


def _copy(image: Bytes, rng: np.random.Generator, bend: float) -> Bytes:
    """Return one image again, a little different."""
    from scipy.ndimage import gaussian_filter, map_coordinates  # only a fit needs SciPy

    sides = np.array(image.shape[:2])
    turn, shear, scale, stretch, *move = rng.uniform(-1, 1, 6) * (
        _TURN,
        _SHEAR,
        _SCALE,
        _STRETCH,
        _MOVE * sides[0],
        _MOVE * sides[1],
    )
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    change = turned @ np.array([[np.exp(scale + stretch), shear], [0, np.exp(scale - stretch)]])
    middle = (sides - 1) / 2
    here = np.indices(image.shape[:2]).reshape(2, -1).T
    source: NDArray[Any] = ((here - middle - move) @ change.T + middle).T.reshape(2, *image.shape[:2])
    if bend:
        for axis in source:
            field = gaussian_filter(rng.normal(size=axis.shape), _WIDTH * max(sides), mode="wrap")
            axis += field * (bend * _BEND * max(sides) / max(float(field.std()), 1e-9))
    channels = image.reshape(*image.shape[:2], -1).astype(np.float64)
    moved = np.stack(
        [
            map_coordinates(channel, source, order=1, mode="nearest")
            for channel in np.moveaxis(channels, 2, 0)
        ],
        axis=2,
    )
    mean, gain, light = moved.mean(), *rng.uniform(-1, 1, 2) * (_GAIN, _LIGHT)
    lit = (moved - mean) * np.exp(gain) + mean + light + rng.normal(0, _GRAIN, moved.shape)
    copy: Bytes = np.rint(np.clip(lit, 0, 255)).astype(np.uint8).reshape(image.shape)
    return copy
