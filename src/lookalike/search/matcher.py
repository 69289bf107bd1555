"""What a matcher is: something that keeps images and finds those that are nearest to others."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.progress import Progress, silent
from lookalike.search.matches import Matches, Places
from lookalike.state import State

#: What is kept of each class, as evidence names it.
Kind = Literal["training image", "mean image", "median image", "prototype", "mean coverage"]
Codes = NDArray[np.intp]


class Amount(NamedTuple):
    """What a term of a mixture adds to a distance."""

    name: str
    title: str
    amount: float


class Costs(NamedTuple):
    """What each pixel of an image costs beside one that is kept."""

    #: Of shape (h, w), (h, w, c) or (features,): their sum is the distance, or its square where it is a root.
    #: None where a mixture has no term whose pixels stay in place.
    costs: NDArray[np.float64] | None
    #: Where each pixel was found in the other image, (h, w, 2), int8; None where pixels stay.
    field: NDArray[np.int8] | None = None
    #: What each term of a mixture adds to the distance; the costs sum to what one of them adds.
    terms: tuple[Amount, ...] = ()


class Matcher(Protocol):
    """Keeps images, or what stands for them, and finds the nearest: arrays and class codes, nothing else.

    Images are what :func:`lookalike.images.as_images` returns, or 2-D rows of numbers, all of one shape; of
    bytes of images 255 stands for 1 (:func:`lookalike.images.unit_of`).

    A matcher that can learn more later also has ``add(images, codes)``; one that keeps every training image
    has ``remove(places)``. These and ``move_classes`` are called on a copy (``copy.copy``) while others may
    search the original: they put new values in place of old ones, and write to nothing that both have. One
    that holds training images within something else has ``holder(images, codes)``: the place to exclude for
    each of them. One that ``holds_out`` images to choose by is also fitted with their ``kin``
    (:func:`lookalike.search.together.kin_of`); if it judged itself by them, ``judged`` are their places.
    ``measured`` are parts that stay true of fewer images, ``restored()`` checks what came from a file,
    ``reasons`` are sentences on what was chosen, ``forgets_polarity`` says that paper and ink may be
    exchanged.

    Attributes
    ----------
    title : str
        How it compares, as evidence and tables name it.
    kind : str
        What it keeps of a class.
    keeps_images : bool
        It keeps every training image, in order: places are theirs.
    merges : bool, optional
        An image is as far from a query whatever else is kept.
    most_left_out : int, optional
        How many images may be left out in turn: more would take too long.
    fixed : str
        Why nothing can be added later; empty where it can.
    root : bool
        Distances are roots of the sums of costs.
    codes : ndarray of shape (m,), intp
        The class of each thing that is kept.
    class_counts : ndarray of shape (n_classes,), int64
        How many training images of each class were seen.
    state : mapping of str to Field
        What it is made of, for files: see :mod:`lookalike.state`.
    """

    state: ClassVar[State]

    @property
    def keeps_images(self) -> bool: ...

    @property
    def fixed(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def root(self) -> bool: ...

    @property
    def title(self) -> str: ...

    @property
    def codes(self) -> Codes: ...

    @property
    def class_counts(self) -> NDArray[np.int64]: ...

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        """Keep what these images, of classes ``0`` to ``n_classes - 1``, amount to, and nothing else."""

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        """Return the nearest of what is kept, and the nearest of each class.

        ``exclude`` names for each image the place of what it is itself, or is part of: it is left out of
        everything, as if the image had never been seen. Classes that are farther than ``reach`` times the
        nearest need not be told.
        """

    def contributions(self, image: NDArray[Any], place: int) -> Costs | None:
        """Return what each pixel of one image costs beside what is kept at a place; None without pixels."""

    def kept(self, places: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return what is kept at some places, to look at; None where it is no images."""

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        """Follow a change of classes: class ``i`` is now ``moved[i]`` of ``n_classes``, -1 if gone."""
