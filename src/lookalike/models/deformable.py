"""Right from one example: the training image that looks alike once its pixels may move a little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.distance.deformation.definition import Match
from lookalike.distance.deformation.matching import checked_context, checked_warp
from lookalike.errors import InputError
from lookalike.models.base import check_whole
from lookalike.models.deformable_auto import (
    CANDIDATES,
    COMPARE_ALL,
    choose_comparison,
    choose_voters,
    is_photographs,
)
from lookalike.models.deformable_classes import DeformableClasses
from lookalike.models.deformable_index import Bytes, Comparison, DeformableIndex
from lookalike.prepare import Prepare, choose
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.explain import Costs, Manner

_AUTO = "auto"


class DeformableMatch(DeformableClasses):
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
        :func:`lookalike.distance.deformation.descriptors.edge_descriptors`).
    image_shape : (int, int) or (int, int, int), optional
        The shape of the images that the rows of a 2-D array are. Without it each row is an image of one row.

    Attributes
    ----------
    prepare_ : Prepare or None
        The fitted preparation.
    planes_ : {"sobel", "double-angle", "values"}
        What is compared: gradients; gradients that forget how strong the light is and whether ink is dark or
        light; or the pixels' values.
    warp_ : (int, int)
        How far pixels may move down and across.
    context_ : int
        The radius of the patch.
    symmetric_ : bool
        Each image is also bent to look like the other, and both distances are added.
    aligned_ : bool
        Images are also bent smoothly as a whole first; what then differs counts twice, beside once without.
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
    lookalike.prepare.choose : The rule for preparations.

    Notes
    -----
    What "auto" means is decided by the images of ``fit``, or of the first ``partial_fit``, and stays:

    1. **Preparation**: the rule of :func:`lookalike.prepare.choose`. A 2-D array without ``image_shape`` is
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
    4. **Blur and alignment**: drawings with fewer than 50 images of a typical class and no side below 16
       pixels are blurred by 0.866 pixels before they are compared. Where they are gray, of at most 50
       classes, and of sides up to 32 pixels, the 30 training images that are nearest by this comparison (or
       as many as are asked for), and the nearest of each class (of 50 at most), are bent by
       :func:`lookalike.distance.deformation.definition.align` to look like the query, and the query to look
       like each, not blurred, and compared again. The sums of squares of these comparisons are added twice to
       those of the images as they are, and multiplied by how crowded the training image is
       (:func:`lookalike.models.deformable_crowding.crowding`): one near to other classes counts as farther.
    5. **Votes**: 1 with fewer than 50 images of a typical class. Else 3 where, with each of up to 1,000
       evenly spaced training images left out in turn, no more answers are wrong than with 1; else 1.
    6. **Candidates**: all of up to 1,000 training images, else 100. This follows the number of images.

    Images of floats are rounded to bytes. The values of a 2-D array become bytes by the straight line that
    maps the least value of the first fit to 0 and the largest to 255; what lies beyond is cut off.

    ``class_neighbors`` finds the nearest image of each class among the candidates, and compares each class
    that has none among them by its image with the nearest coarse description. With up to 1,000 training
    images all are candidates, and it is exact where images are not aligned; where they are, classes beyond
    the 50 nearest are infinitely far.

    Equal distances go to the training image that came first, among candidates and between them. Equal votes
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
    """

    prepare_: Prepare | None
    n_neighbors_: int
    candidates_: int
    reasons_: tuple[str, ...]
    _index: DeformableIndex

    def __init__(
        self,
        prepare: Literal["auto"] | Prepare | None = "auto",
        warp: Literal["auto"] | int | tuple[int, int] = "auto",
        context: Literal["auto"] | int = "auto",
        n_neighbors: Literal["auto"] | int = "auto",
        candidates: Literal["auto"] | int = "auto",
        *,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.prepare = prepare
        self.warp = warp
        self.context = context
        self.n_neighbors = n_neighbors
        self.candidates = candidates
        self.image_shape = image_shape

    @property
    def planes_(self) -> str:
        """What is compared."""
        return self._index.comparison.planes

    @property
    def warp_(self) -> tuple[int, int]:
        """How far pixels may move down and across."""
        return self._index.comparison.warp

    @property
    def context_(self) -> int:
        """The radius of the patch around each pixel."""
        return self._index.comparison.context

    @property
    def symmetric_(self) -> bool:
        """Whether the distances of both directions are added."""
        return self._index.comparison.symmetric

    @property
    def aligned_(self) -> bool:
        """Whether images are also bent smoothly as a whole."""
        return self._index.comparison.aligned

    def kneighbors(
        self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the nearest training images of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, optional
            How many; by default the model's own. More than ``candidates_`` are compared where needed.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        distances : ndarray of shape (n, n_neighbors), float64
            The root mean square, over pixels, planes and patches, of what still differs; ascending. 1 is a
            full step from black to white.
        indices : ndarray of shape (n, n_neighbors), int64
            Places in ``ids_`` and ``labels_``; equal distances by ascending place.

        Raises
        ------
        InputError
            ``n_neighbors`` is not 1 to the number of training images, or the images are of another shape or
            kind than those of ``fit``.
        """
        queries = self.prepared(X, progress=progress)
        k = self._checked_count(self.n_neighbors_ if n_neighbors is None else n_neighbors)
        return self._nearest(queries, k, progress)

    def prepared(self, X: ArrayLike, *, progress: Progress = silent) -> Bytes:
        """Return what the model sees of images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of images done.

        Returns
        -------
        ndarray of shape (n, height, width) or (n, height, width, c), uint8
        """
        check_is_fitted(self)
        return self._transformed(self._bytes(*self._rows(X, reset=False)), progress)

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
        check_is_fitted(self)
        if not 0 <= place < len(self.ids_):
            raise InputError(
                f"place is {place}: expected 0 to {len(self.ids_) - 1}, that of a training image"
            )
        return self._index.field(self.prepared(np.asarray(image)[None]), int(place))

    def _mended(self) -> frozenset[str]:
        """Return what does not matter to the model: such gradients forget whether ink is dark or light."""
        mended = super()._mended()
        return mended | {"polarity"} if self.planes_ == "double-angle" else mended

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        if self.prepare is not None and self.prepare != _AUTO and not isinstance(self.prepare, Prepare):
            raise InputError(f"prepare is {self.prepare!r}: expected 'auto', None or a Prepare")
        if self.warp != _AUTO:
            checked_warp(self.warp)  # type: ignore[arg-type]
        if self.context != _AUTO:
            checked_context(self.context)  # type: ignore[arg-type]
        for name in ("n_neighbors", "candidates"):
            if getattr(self, name) != _AUTO:
                check_whole(name, getattr(self, name))

    def _keep(self, rows: NDArray[Any], scale: int) -> None:
        """Choose what is to be chosen, and keep the first images."""
        if self.image_shape_ is None:
            self._range = float(rows.min()), float(rows.max())
        images = self._bytes(rows, scale)
        reasons: list[str] = []
        self.prepare_ = self._preparation(images)
        kept = self._transformed(images, silent)
        if self.prepare_ is not None:
            reasons.extend(self.prepare_.reasons_)
        comparison, why = self._comparison(kept)
        reasons.append(why)
        self._index = DeformableIndex(kept, comparison)
        self._count_candidates()
        if self.n_neighbors == _AUTO:
            self.n_neighbors_, why = choose_voters(self._index, self._codes, self.candidates_)
            reasons.append(why)
        else:
            self.n_neighbors_ = int(self.n_neighbors)
        self.reasons_ = tuple(reasons)

    def _manner(self) -> Manner:
        """Return how images are compared."""
        from lookalike.models.explain import Manner

        steps = () if self.prepare_ is None else self.prepare_.describe()
        return Manner("deformable match", True, self.n_neighbors_, steps)

    def _seen(self, X: ArrayLike) -> Bytes:
        """Return prepared images."""
        return self.prepared(X)

    def _kept(self, places: NDArray[np.intp]) -> Bytes:
        """Return prepared training images."""
        return self._index.images[places]

    def _costs(self, seen: NDArray[Any], place: int) -> Costs:
        """Return what each pixel costs, and where it was found."""
        from lookalike.models.explain_kept import deformable_costs

        return deformable_costs(self._ready_index(), seen[None], place)

    def _append(self, rows: NDArray[Any], scale: int) -> None:
        """Keep further images."""
        self._index.add(self._transformed(self._bytes(rows, scale), silent))
        self._count_candidates()

    def _drop(self, places: NDArray[np.intp]) -> None:
        """Keep some images no longer."""
        self._index.remove(places)
        self._count_candidates()
        if self.n_neighbors == _AUTO:
            self.n_neighbors_ = min(self.n_neighbors_, len(self._index))

    def _count_candidates(self) -> None:
        """Say how many images each is compared with, and have them described where that is not all."""
        n = len(self._index)
        wanted = (n if n <= COMPARE_ALL else CANDIDATES) if self.candidates == _AUTO else self.candidates
        self.candidates_ = min(int(wanted), n)
        if self.candidates_ < n:
            self._index.describe()

    def _preparation(self, images: Bytes) -> Prepare | None:
        """Return the fitted preparation."""
        if isinstance(self.prepare, Prepare):
            return Prepare(self.prepare.steps).fit(images)
        if self.prepare is None or (self.image_shape_ is None and self.image_shape is None):
            return None
        return choose(images, self._codes)

    def _comparison(self, kept: Bytes) -> tuple[Comparison, str]:
        """Return how prepared images are compared, and why."""
        chosen = self.prepare_ if self.prepare == _AUTO else None
        photographs = min(kept.shape[1:3]) > 1 and is_photographs(kept, chosen)
        comparison, why = choose_comparison(kept, photographs, self._codes)
        if self.warp != _AUTO:
            comparison = comparison._replace(warp=checked_warp(self.warp))  # type: ignore[arg-type]
        if self.context != _AUTO:
            comparison = comparison._replace(context=int(self.context))
        return comparison, why

    def _transformed(self, images: Bytes, progress: Progress) -> Bytes:
        """Return images prepared."""
        return images if self.prepare_ is None else self.prepare_.transform(images, progress=progress)

    def _bytes(self, rows: NDArray[Any], scale: int) -> Bytes:
        """Return rows as images of bytes."""
        if self.image_shape_ is not None:
            images = rows.reshape(len(rows), *self.image_shape_)
            return images if scale == 255 else np.rint(images * 255).astype(np.uint8)
        low, high = self._range
        span = (high - low) or 1.0
        levels = np.clip((rows.astype(np.float64) - low) / span, 0, 1)
        return np.rint(levels * 255).astype(np.uint8).reshape(len(rows), *self._row_shape())

    def _row_shape(self) -> tuple[int, ...]:
        """Return the shape of the image that a row of a 2-D array is."""
        shape = self.image_shape
        if shape is None:
            return 1, self.n_features_in_
        if len(shape) not in (2, 3) or int(np.prod(shape)) != self.n_features_in_:
            raise InputError(
                f"image_shape is {shape}: expected (h, w) or (h, w, c) of {self.n_features_in_} values, "
                "as X has"
            )
        return tuple(shape)
