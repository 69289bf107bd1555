"""Images of none of a model's classes, to see whether it refuses them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: How many images of each kind are made at most.
MOST = 500
_GRAYS = 64


class Strangers(NamedTuple):
    """Images of one kind that are none of a model's classes.

    Attributes
    ----------
    kind : str
        What they are, in a few words.
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        The image batch.
    names : tuple of str
        What each is called. Untrusted where the images are a user's.
    made : bool
        They were made, by :func:`made_strangers`.
    """

    kind: str
    images: NDArray[Any]
    names: tuple[str, ...]
    made: bool = False


def made_strangers(images: NDArray[Any], *, seed: int = 0) -> tuple[Strangers, ...]:
    """Return images that nobody should take for one of the classes.

    They are easy to refuse: a model that refuses them may still answer what looks more like its classes.
    Light and dark exchanged is not strange to a model whose preparation evens that out.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        Images of the classes: uint8, or floats in 0-1.
    seed : int, default=0
        What the noise is drawn from.

    Returns
    -------
    tuple of Strangers
        Uniform noise, as many images as there are but at most 500; as many of the images with light and dark
        exchanged, evenly spaced; 64 blank images from black to white. All of the images' shape and kind.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.evaluation.strangers import made_strangers
    >>> [(one.kind, len(one.images)) for one in made_strangers(np.zeros((3, 8, 8), np.uint8))]
    [('uniform noise', 3), ('light and dark exchanged', 3), ('blank images', 64)]
    """
    whole = images.dtype.kind == "u"
    shape, count = images.shape[1:], min(len(images), MOST)
    rng = np.random.default_rng(seed)
    noise = (
        rng.integers(0, 256, (count, *shape), dtype=np.uint8)
        if whole
        else rng.random((count, *shape)).astype(images.dtype)
    )
    places = np.linspace(0, len(images) - 1, count).astype(int)
    full = 255 if whole else 1
    grays = np.linspace(0, full, _GRAYS).astype(images.dtype).reshape(-1, *[1] * len(shape))
    blanks = np.broadcast_to(grays, (_GRAYS, *shape)).copy()
    kinds = {
        "uniform noise": noise,
        "light and dark exchanged": full - images[places],
        "blank images": blanks,
    }
    return tuple(
        Strangers(kind, made, tuple(f"{kind} {number}" for number in range(1, len(made) + 1)), made=True)
        for kind, made in kinds.items()
    )
