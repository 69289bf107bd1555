"""What models ask a device for: NumPy arrays in, NumPy arrays out, the work done there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance import definition
from lookalike.distance.device.in_use import to_tensor
from lookalike.distance.device.search import DeviceIndex
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.distance.search import ImageIndex

#: Values that are turned into float64 at once.
_VALUES = 2**22


def prototype_sums(
    rows: NDArray[Any], prototypes: NDArray[np.float64], metric: Literal["l1", "l2"], device: Any
) -> NDArray[np.float64]:
    """Return the sum of absolute or squared differences of rows and prototypes, by the definition.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Bytes or floats.
    prototypes : ndarray of shape (m, d), float64
        In the units of the rows.
    metric : {"l1", "l2"}
        Absolute or squared differences.
    device : torch.device
        Which does the work, in float64.

    Returns
    -------
    ndarray of shape (n, m), float64
        What :func:`lookalike.distance.prototypes.prototype_sums` returns, up to rounding.
    """
    length = rows.shape[1]
    references = to_tensor(prototypes, device)
    step = max(1, _VALUES // length)
    sums = np.empty((len(rows), len(prototypes)))
    for start in range(0, len(rows), step):
        part = to_tensor(rows[start : start + step], device).double()
        found = (definition.l1 if metric == "l1" else definition.l2)(part, references)
        sums[start : start + step] = (found if metric == "l1" else found.square()).mul(length).cpu().numpy()
    return sums


class ArraysOnDevice:
    """A :class:`DeviceIndex` that is asked, and answers, in NumPy: it stands in for an ``ImageIndex``.

    Parameters
    ----------
    images : tensor of shape (n, ...), uint8
        On the device that is to do the work.
    metric : {"l1", "l2"}
        The distance.
    """

    def __init__(self, images: Any, metric: Literal["l1", "l2"]) -> None:
        self._index = DeviceIndex(images, metric)
        self._device = images.device
        self.metric = metric

    @classmethod
    def of(cls, index: ImageIndex, device: Any) -> ArraysOnDevice:
        """Return the same images on a device."""
        return cls(to_tensor(index.take(np.arange(len(index))), device), index.metric)

    def take(self, positions: ArrayLike) -> Any:
        """Return the images at ``positions``, a tensor."""
        return self._index.take(np.asarray(positions))

    def search(
        self, queries: NDArray[np.uint8], k: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what ``ImageIndex.search`` returns."""
        distances, positions = self._index.search(to_tensor(queries, self._device), k, progress=progress)
        return distances.cpu().numpy(), positions.cpu().numpy()
