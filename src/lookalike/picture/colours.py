"""Differences as colours: two for signed ones, one for absolute ones.

Strength is opacity, so that "no difference" is whatever the map lies on, white or black. The hues are those
of Okabe and Ito's palette ("Color Universal Design", 2008), which people with any colour vision tell apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MORE = (213, 94, 0)
"""Orange: the image has more ink than what it is compared with."""
LESS = (0, 114, 178)
"""Blue: the image has less ink."""
UNLIKE = (154, 79, 176)
"""Purple: how far apart, whichever way."""
FOR = (0, 158, 115)
"""Green: speaks for the answer."""
AGAINST = (204, 72, 150)
"""Pink: speaks for the runner-up."""

# Pixels above this percentile of those that say anything are opaque: one alone would dim all others.
_LOUD = 98

# Steps of opacity: finer ones cannot be told apart, and coarser ones compress better.
_STEPS = 32


def signed_colours(difference: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a signed difference as colours.

    Parameters
    ----------
    difference : ndarray of shape (h, w) or (h, w, c)
        Floats in -1 to 1; channels are averaged.

    Returns
    -------
    ndarray of shape (h, w, 4)
        Red, green, blue, opacity: orange where positive, blue where negative, opaque at 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.picture.colours import signed_colours
    >>> signed_colours(np.array([[1.0, 0.0, -1.0]])).tolist()
    [[[213, 94, 0, 255], [0, 0, 0, 0], [0, 114, 178, 255]]]
    """
    flat = _one_channel(difference)
    return _shaded(
        np.where((flat > 0)[..., None], np.array(MORE, np.uint8), np.array(LESS, np.uint8)), np.abs(flat)
    )


def absolute_colours(difference: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the size of a difference as colours.

    Parameters
    ----------
    difference : ndarray of shape (h, w) or (h, w, c)
        Floats in -1 to 1; the channels' sizes are averaged, so that the map's mean is the L1 distance.

    Returns
    -------
    ndarray of shape (h, w, 4)
        Red, green, blue, opacity: purple, opaque at 1 and -1.
    """
    flat = _one_channel(np.abs(difference))
    return _shaded(np.broadcast_to(np.array(UNLIKE, np.uint8), (*flat.shape, 3)), flat)


def speaking_colours(contributions: NDArray[Any]) -> NDArray[np.uint8]:
    """Return what each pixel contributes as colours.

    Parameters
    ----------
    contributions : ndarray of shape (h, w) or (h, w, c)
        Floats, above 0 for the answer; channels are added up.

    Returns
    -------
    ndarray of shape (h, w, 4)
        Red, green, blue, opacity: green for the answer, pink for the runner-up. The few pixels
        that say most are opaque, the others in proportion.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.picture.colours import speaking_colours
    >>> speaking_colours(np.array([[0.02, 0.0, -0.01]])).tolist()
    [[[0, 158, 115, 255], [0, 0, 0, 0], [204, 72, 150, 128]]]
    """
    floats = np.asarray(contributions, dtype=np.float64)
    flat = floats.sum(axis=-1) if floats.ndim == 3 else floats
    sizes = np.abs(flat)
    largest = float(np.percentile(sizes[sizes > 0], _LOUD)) if sizes.any() else 1.0
    hues = np.where((flat > 0)[..., None], np.array(FOR, np.uint8), np.array(AGAINST, np.uint8))
    return _shaded(hues, sizes / largest)


def _one_channel(difference: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over channels, where there are any."""
    floats = np.asarray(difference, dtype=np.float64)
    return floats.mean(axis=-1) if floats.ndim == 3 else floats


def _shaded(hues: NDArray[np.uint8], strength: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return hues with ``strength`` in 0-1 as their opacity; nothing at all has no hue."""
    opacity = np.rint(np.rint(np.clip(strength, 0, 1) * _STEPS) * 255 / _STEPS).astype(np.uint8)
    return np.concatenate([np.where(opacity[..., None] > 0, hues, np.uint8(0)), opacity[..., None]], axis=-1)
