"""Features of a network that the user has, as a transformer of images."""

from __future__ import annotations

import os
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from lookalike.images import as_images, to_unit
from lookalike.models.checks import check_network_path
from lookalike.search.mixture.network import OnnxNetwork


class Embedding(TransformerMixin, BaseEstimator):
    """Images as features of a pretrained network: a row of numbers of length 1 for each.

    Given to :func:`lookalike.compare` as an idea it is three: the nearest image, the nearest class mean and
    logistic regression on the features. Before a classifier in a pipeline it is whatever one likes.
    lookalike brings no network.

    Parameters
    ----------
    path : path-like
        An ONNX file, whole in one file of at most 2 GiB, that takes a batch of one image as floats and gives
        one row of numbers. Beside it lies a JSON file of the same name, ``model.json`` for ``model.onnx``:
        "size" (height, width; images are stretched to it), "channels" ("RGB", "BGR" or "gray"), "scale"
        (what a white pixel is: 1 or 255), "mean" and "std" (taken off and divided by after that: one number,
        or one for each channel), "layout" ("NCHW" or "NHWC") and, where there are several, "output" (the
        name of the one to take).

    Attributes
    ----------
    network_ : OnnxNetwork
        The network: its ``path``, its ``sha256`` and its ``preprocessing``.

    See Also
    --------
    lookalike.MixtureMatch : Takes them for one of its measures (``embedding=``).

    Notes
    -----
    A network is run by ONNX Runtime on the processor. It holds no code, but may take as much time and memory
    as it likes: use those of people you trust.

    Examples
    --------
    >>> import lookalike
    >>> lookalike.Embedding("nothing.onnx").fit()
    Traceback (most recent call last):
    lookalike.errors.InputError: 'nothing.onnx' is no file: expected a network, as an ONNX file
    """

    network_: OnnxNetwork

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        return tags

    def fit(self, X: ArrayLike | None = None, y: ArrayLike | None = None) -> Self:
        """Open the network; there is nothing to learn.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            The network or its JSON file is missing, damaged, or does not say what is needed.
        MissingExtraError
            ONNX Runtime is not installed.
        """
        check_network_path("path", self.path)
        self.network_ = OnnxNetwork.opened(os.fspath(self.path))
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the features of images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images: uint8, bool, or floats in 0-1, which are rounded to 255ths.

        Returns
        -------
        ndarray of shape (n, d), float64
            Rows of length 1; of a network that gives zeros alone, zeros. Those of an image do not depend on
            the other images.

        Raises
        ------
        InputError
            The images are no image batch, or the network gives no finite row of numbers for one.
        """
        if "network_" not in self.__dict__:
            self.fit()
        return self.network_.rows(np.rint(to_unit(as_images(X)) * 255).astype(np.uint8))
