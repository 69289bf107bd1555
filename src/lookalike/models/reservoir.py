"""A fixed number of training images, the same ones whatever order and parts they came in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

#: How many images are kept to calibrate by.
SIZE = 2000
_GOLDEN = 0x9E3779B97F4A7C15
#: Rows are hashed a few at a time, so that what has to be copied stays small.
_CHUNK_VALUES = 1 << 22


class Reservoir(NamedTuple):
    """The training images with the smallest keys, in the order of these.

    Attributes
    ----------
    rows : ndarray of shape (m, d), uint8 or float64
        What is compared of each image; at most :data:`SIZE` images.
    codes : ndarray of shape (m,), intp
        Their classes.
    keys : ndarray of shape (m,), uint64
        Ascending.
    spreads : ndarray of shape (m,), float64
        The standard deviation of each image's values, where 1 is full ink.
    scale : int
        The value of ``rows`` that stands for 1.
    """

    rows: NDArray[Any]
    codes: NDArray[np.intp]
    keys: Keys
    spreads: NDArray[np.float64]
    scale: int

    @classmethod
    def of(
        cls,
        images: NDArray[Any],
        codes: NDArray[np.intp],
        classes: NDArray[Any],
        scale: int,
        features: Callable[[NDArray[Any]], NDArray[Any]],
    ) -> Reservoir:
        """Return the reservoir of some images.

        Parameters
        ----------
        images : ndarray of shape (n, values)
            Images as rows.
        codes : ndarray of shape (n,)
            The class of each.
        classes : ndarray of shape (n_classes,)
            The labels that the codes stand for.
        scale : int
            The value that stands for 1.
        features : callable
            Makes of images what is compared.
        """
        keys = image_keys(images, codes, classes)
        places = smallest(keys)
        kept = images[places]
        rows = features(kept)
        if rows.dtype != np.uint8:
            rows = rows.astype(np.float64)
        return cls(rows, codes[places], keys[places], spreads(kept, scale), scale)

    def joined(self, other: Reservoir) -> Reservoir:
        """Return the reservoir of what both were made of; where units differ, both go on in units of 1."""
        one, two = (self, other) if self.scale == other.scale else (self._in_ones(), other._in_ones())
        places = smallest(np.concatenate([one.keys, two.keys]))

        def both(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
            joined: NDArray[Any] = np.concatenate([first, second])[places]
            return joined

        return Reservoir(
            both(one.rows, two.rows),
            both(one.codes, two.codes),
            both(one.keys, two.keys),
            both(one.spreads, two.spreads),
            one.scale,
        )

    def _in_ones(self) -> Reservoir:
        """Return the same with rows of floats whose full ink is 1."""
        return self._replace(rows=self.rows / self.scale, scale=1)


def spreads(images: NDArray[Any], scale: int) -> NDArray[np.float64]:
    """Return the standard deviation of the values of each row, where ``scale`` stands for 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.models.reservoir import spreads
    >>> spreads(np.array([[7, 7], [0, 255]], np.uint8), 255)
    array([0. , 0.5])
    """
    step = max(1, _CHUNK_VALUES // max(1, images.shape[1]))
    found = [_deviations(images[start : start + step]) for start in range(0, len(images), step)]
    return np.concatenate(found) / scale


def _deviations(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviation of each row."""
    deviations: NDArray[np.float64]
    if rows.dtype != np.uint8:
        deviations = rows.std(axis=1, dtype=np.float64)
        return deviations
    # Sums of bytes and of their squares are exact, and quicker than a second pass around the mean.
    values, count = rows.astype(np.float64), rows.shape[1]
    squares = count * np.einsum("ij,ij->i", values, values) - values.sum(axis=1) ** 2
    deviations = np.sqrt(squares) / count
    return deviations


def smallest(keys: Keys) -> NDArray[np.intp]:
    """Return the places of the smallest keys, :data:`SIZE` at most, ascending; equal keys by place."""
    if len(keys) > SIZE:
        last = np.partition(keys, SIZE - 1)[SIZE - 1]
        near = np.flatnonzero(keys <= last)
        return near[np.argsort(keys[near], kind="stable")[:SIZE]]
    return np.argsort(keys, kind="stable")


def image_keys(rows: NDArray[Any], codes: NDArray[np.intp], classes: NDArray[Any]) -> Keys:
    """Return a number for each labelled image that follows from its values and its label alone.

    The values' bytes, as little-endian words of 64 bits, are multiplied by odd numbers and added up, with
    the hash of the label; the sum's bits are then mixed. It is the same on every processor and for any
    memory order, and serves to choose at random, not to withstand anyone.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Bytes; other numbers are taken as float64.
    codes : ndarray of shape (n,)
        The class of each, 0 to the number of classes - 1.
    classes : ndarray of shape (n_classes,)
        The labels.

    Returns
    -------
    ndarray of shape (n,), uint64

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.models.reservoir import image_keys
    >>> rows = np.array([[0, 1], [0, 1], [1, 0]], np.uint8)
    >>> image_keys(rows, np.array([0, 1, 1]), np.array(["a", "b"])).tolist()
    [8041580402762617116, 3884779475930430651, 35586486336360408]
    """
    sums = np.empty(len(rows), np.uint64)
    step = max(1, _CHUNK_VALUES // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        words = _words(rows[start : start + step])
        odd = _mixed(np.arange(words.shape[1], dtype=np.uint64)) | np.uint64(1)
        np.einsum("ij,j->i", words, odd, out=sums[start : start + step])
    labels = np.array([_label_key(label) for label in classes.tolist()], np.uint64)
    return _mixed(sums ^ labels[codes])


def _words(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Return rows as words of 64 bits, padded with zeros."""
    if rows.dtype != np.uint8:
        # Adding 0 turns -0.0, which equals 0.0, into it.
        return np.ascontiguousarray(rows.astype("<f8") + 0.0).view("<u8")
    width = rows.shape[1]
    if width % 8 == 0 and rows.flags.c_contiguous:
        return rows.view("<u8")
    padded = np.zeros((len(rows), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = rows
    return padded.view("<u8")


def _label_key(label: object) -> int:
    """Return a number for a label."""
    text = str(label).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mixed(values: Keys) -> Keys:
    """Return numbers in which every bit depends on all bits of those given (the finaliser of SplitMix64)."""
    mixed = values + np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
