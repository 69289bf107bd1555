"""Right from one example: the training image that looks alike once its pixels may move a little."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from lookalike.distance.deformation.definition import Match
from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.models.checks import check_prepare, check_whole, learned
from lookalike.prepare import Prepare
from lookalike.recognition.vote import Vote
from lookalike.search.deformable.comparison import Settings, is_of_photographs
from lookalike.search.deformable.matcher import DeformableMatcher
from lookalike.tensors import takes_tensors


class DeformableMatch(ImageClassifier):
    r"""Classify by the training images that are nearest after letting pixels move a little.

    Each pixel of an image takes the best match in a training image within ``warp`` pixels, judged by the
    gradients in a small patch around it; the distance is what then still differs. It is the image distortion
    model; :func:`lookalike.distance.deformation.definition.match` says exactly what is computed.

    Parameters
    ----------
    prepare : "auto", None or Prepare, default="auto"
        What is done to images before they are compared: chosen by :func:`lookalike.prepare.choose`, nothing,
        or steps of your own.
    warp : "auto", int or (int, int), default="auto"
        How far pixels may move, the same down and across or both, 0 to 127.
    context : "auto" or int, default="auto"
        The radius of the patch: 1 is 3x3 pixels.
    n_neighbors : "auto" or int, default="auto"
        How many of the nearest images vote.
    candidates : "auto" or int, default="auto"
        How many training images an image is compared with: those whose coarse descriptions are nearest (see
        :func:`lookalike.distance.deformation.planes.edge_descriptors`).
    planes : "auto", "sobel", "double-angle" or "values", default="auto"
        What is compared: gradients; gradients that forget how strong the light is and whether ink is dark or
        light; or the pixels' values.
    symmetric : "auto" or bool, default="auto"
        Each image is also bent to look like the other, and both distances are added.
    aligned : "auto" or bool, default="auto"
        Images, gray ones, are also bent smoothly as a whole first.
    blur : "auto" or float, default="auto"
        By how many pixels images are blurred before they are compared as they are, 0 to 32.
    window : "auto" or float, default="auto"
        In which part of each side, from either border, double-angle gradients count less, 0 to 0.5.
    hubness : "auto" or bool, default="auto"
        Training images that are near to those of other classes count as farther.
    image_shape : (int, int) or (int, int, int), optional
        The shape of the images that the rows of a 2-D array are. Without it rows of 9, 16, 25, ... values are
        taken for square images, with a LookalikeWarning that says so; other rows of 12 values or more are
        refused, and shorter ones are images of one row.

    Attributes
    ----------
    prepare_ : Prepare or None
        The fitted preparation.
    planes_, warp_, context_, symmetric_, aligned_, blur_, window_, hubness_
        What was chosen, or set: ``warp_`` is a pair, down and across.
    n_neighbors_ : int
        How many of the nearest images vote.
    candidates_ : int
        How many training images an image is compared with.
    reasons_ : tuple of str
        What "auto" chose and why, one sentence a decision.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending. An image keeps its number when others are
        forgotten; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.NearestImages : Pixels stay where they are.
    lookalike.prepare.chain : The rule for preparations.

    Notes
    -----
    What "auto" means is decided by the images of ``fit``, or of the first ``partial_fit``, and stays:

    1. **Preparation**: the rule of :func:`lookalike.prepare.choose`. Images of one row are
       not prepared.
    2. **Planes**: ``"values"`` where the prepared images have a side of less than 3 pixels. Else
       ``"double-angle"`` for photographs and ``"sobel"`` for drawings, as ``choose`` tells them apart (by
       the prepared images, where you choose the preparation). In photographs, the outer thirds of each side
       count less (:func:`lookalike.distance.deformation.planes.window_weights`). Photographs, and drawings
       with fewer than 50 images of a typical (median) class, are compared in both directions.
    3. **Warp and context**, for prepared images of ``h`` x ``w``: photographs move by 1/8 of each side, with
       a context of 1/8 of the longer; drawings with fewer than 5 images of a typical class by 3/28
       of each side, with a context of 2 (1 where the longer side is below 16); drawings with more by 2/28 of
       each side, with a context of 1; values by 3/28 of each side, with a context of 1 (0 where no side has
       3). Warps and contexts are rounded up; no pixel moves along a side of less than 3.
    4. **Blur, alignment and hubness**: drawings with fewer than 50 images of a typical class and no side
       below 16 pixels are blurred by 0.866 pixels before they are compared. Where they are gray and of sides
       up to 32 pixels, the 30 training images that are nearest by this comparison, and the nearest of each
       class (of the 50 nearest classes), are bent by
       :func:`lookalike.distance.deformation.definition.align` to look like the query, and the query to look
       like each, not blurred, and compared again. The sums of squares of these comparisons are added twice to
       those of the images as they are, and multiplied by how much of a hub the training image is
       (:class:`lookalike.search.deformable.hubness.Hubness`): one near to other classes counts as farther.
    5. **Votes**: 1 with fewer than 50 images of a typical class. Else 3 where, with each of up to 1,000
       evenly spaced training images left out in turn, no more answers are wrong than with 1; else 1.
    6. **Candidates**: all of up to 1,000 training images, else 100. This follows the number of images.

    Images of floats are rounded to bytes. The values of a 2-D array become bytes by the straight line that
    maps the least value of the first fit to 0 and the largest to 255; what lies beyond is cut off.

    ``class_neighbors`` finds the nearest image of each class among the candidates, and compares each class
    that has none among them by its image with the nearest coarse description. With up to 1,000 training
    images all are candidates, and it is exact where images are not aligned; where they are, what is not
    aligned is as far as if alignment had changed nothing, and no nearer than what is. ``kneighbors`` returns
    the aligned ones first, then the other candidates, then what follows in the order of coarse descriptions.

    Equal distances go to the training image that came first among the candidates; beyond them the order of
    coarse descriptions decides. Equal votes
    go to the class of the nearest of the voters. Answers do not depend on the batch, threads or memory
    order. Training images are kept as prepared bytes, and two to four bytes a pixel more for what is
    compared.

    References
    ----------
    D. Keysers, T. Deselaers, C. Gollan, H. Ney, "Deformation models for image recognition", IEEE Transactions
    on Pattern Analysis and Machine Intelligence 29(8), 2007.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.DeformableMatch().fit(train.images, train.labels)
    >>> model.planes_, model.warp_, model.context_
    ('sobel', (1, 1), 1)
    >>> model.predict(valid.images[:3]).tolist(), valid.labels[:3].tolist()
    ([1, 6, 7], [1, 6, 7])

    scikit-learn's pipelines hand over rows of numbers. Say of which shape their images are:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> pipeline = make_pipeline(MinMaxScaler(clip=True), lookalike.DeformableMatch(image_shape=(8, 8)))
    >>> pipeline = pipeline.fit(train.images.reshape(-1, 64), train.labels)
    >>> pipeline.predict(valid.images[:3].reshape(-1, 64)).tolist()
    [1, 6, 7]
    """

    _bytes = True

    def __init__(
        self,
        prepare: Literal["auto"] | Prepare | None = "auto",
        warp: Literal["auto"] | int | tuple[int, int] = "auto",
        context: Literal["auto"] | int = "auto",
        n_neighbors: Literal["auto"] | int = "auto",
        candidates: Literal["auto"] | int = "auto",
        *,
        planes: Literal["auto", "sobel", "double-angle", "values"] = "auto",
        symmetric: Literal["auto"] | bool = "auto",
        aligned: Literal["auto"] | bool = "auto",
        blur: Literal["auto"] | float = "auto",
        window: Literal["auto"] | float = "auto",
        hubness: Literal["auto"] | bool = "auto",
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.prepare = prepare
        self.warp = warp
        self.context = context
        self.n_neighbors = n_neighbors
        self.candidates = candidates
        self.planes = planes
        self.symmetric = symmetric
        self.aligned = aligned
        self.blur = blur
        self.window = window
        self.hubness = hubness
        self.image_shape = image_shape

    planes_ = learned("matcher.comparison.planes", "What is compared.")
    warp_ = learned("matcher.comparison.warp", "How far pixels may move down and across.")
    context_ = learned("matcher.comparison.context", "The radius of the patch around each pixel.")
    symmetric_ = learned(
        "matcher.comparison.symmetric", "Whether the distances of both directions are added."
    )
    aligned_ = learned("matcher.comparison.aligned", "Whether images are also bent smoothly as a whole.")
    blur_ = learned("matcher.comparison.blur", "By how many pixels images are blurred as they are.")
    window_ = learned("matcher.comparison.window", "In which part from the border gradients count less.")
    hubness_ = learned("matcher.comparison.hubness", "Whether images near to other classes count as farther.")
    candidates_ = learned("matcher.candidates", "How many training images an image is compared with.")

    @property
    def n_neighbors_(self) -> int:
        """How many of the nearest images vote."""
        return self._fitted().voters

    @takes_tensors
    def displacement_field(self, image: ArrayLike, place: int) -> Match:
        """Return how a training image is bent to look like an image: the evidence behind their distance.

        Parameters
        ----------
        image : array-like of shape (h, w), (h, w, c) or (features,)
            One image of the shape that ``fit`` saw.
        place : int
            A place in ``ids_`` and ``labels_``, as :meth:`kneighbors` returns it.

        Returns
        -------
        Match
            The field and the costs are of the prepared images' size; the distance is a whole number, of this
            direction alone.

        Raises
        ------
        InputError
            The image is of another shape than those of ``fit``, or there is no such place.
        """
        asked = self._ready()
        matcher: Any = asked.matcher
        if not 0 <= place < len(matcher.codes):
            raise InputError(
                f"place is {place}: expected 0 to {len(matcher.codes) - 1}, that of a training image"
            )
        seen = asked.seen(self._images(np.asarray(image)[None], asked))
        field: Match = matcher.field(seen[0], int(place))
        return field

    def _matcher(self, prepare: Prepare | None) -> DeformableMatcher:
        # Whether images are photographs was decided where the preparation was chosen.
        known = None if prepare is None or isinstance(self.prepare, Prepare) else is_of_photographs(prepare)
        return DeformableMatcher(self._settings(), self.candidates, self.n_neighbors, known)

    def _vote(self, matcher: Any) -> Vote:
        return Vote(matcher.voters, at_most=self.n_neighbors == "auto")

    def _settings(self) -> Settings:
        return Settings(**{name: getattr(self, name) for name in Settings._fields})

    def _check_parameters(self) -> None:
        check_prepare(self.prepare)
        self._settings().checked()
        for name in ("n_neighbors", "candidates"):
            if getattr(self, name) != "auto":
                check_whole(name, getattr(self, name))
