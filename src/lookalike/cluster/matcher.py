"""Training images in parts on workers: each finds the nearest of its own, and these are merged as a tree."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from copy import copy
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.metrics import METRICS, checked_metric
from lookalike.errors import InputError, WorkersLostError
from lookalike.images import unit_of
from lookalike.progress import Progress, silent
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import NOWHERE, Matches, Places
from lookalike.search.pixels import PixelMatcher, as_compared, pixel_costs
from lookalike.state import Fact, State

#: Queries are sent to the workers so many bytes at a time: answers of some come while others are compared.
BLOCK_BYTES = 1 << 22
#: After so many seconds without any worker a question is given up.
PATIENCE = 60.0
_POLL = 1.0
#: So often a question is asked anew whose part was lost with each worker that took it.
_AGAIN = 3


def _no_file(metric: str) -> None:
    raise InputError("a model on a cluster has no file: fit shards of the images to files and merge these")


class SpreadMatcher:
    """Nearest images whose parts are kept by the workers of a cluster, each of some rows of a whole.

    Answers are those of one :class:`lookalike.search.pixels.PixelMatcher` of all images, to the bit: matches
    of parts merge exactly. A part that is lost with its worker is made anew from what it was made of.
    """

    #: Its files would hold addresses of workers.
    state: ClassVar[State] = {"metric": Fact(lambda _, value: checked_metric(value).name, _no_file)}
    keeps_images = True
    merges = True
    fixed = "its images are on the workers of a cluster; fit it anew, or teach a model that is not spread"
    kind: Kind = "training image"
    root: bool

    def __init__(
        self, client: Any, parts: Sequence[Any], firsts: Sequence[int], metric: str, codes: Codes, n: int
    ) -> None:
        self._client, self._parts = client, list(parts)
        self._firsts = np.array(firsts)
        self.metric, self.codes, self.n_classes = metric, codes, n
        self.title, self.root = f"nearest image, {METRICS[metric].title}", METRICS[metric].root

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_classes)

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        # Each part knows only which classes are within reach of its own nearest image.
        reach = 1.0 if reach == 1 and exclude is None else np.inf
        step = max(1, BLOCK_BYTES // max(1, images[0].nbytes))
        asked = []
        for start in range(0, len(images), step):
            rows = slice(start, start + step)
            gone = None if exclude is None else exclude[rows]
            # A task, and not data that lie on a worker, so that it comes back if that worker is lost.
            block = self._submit("ask", _block, images[rows], gone)
            found = [
                self._submit("match", _match, part, first, block, k, reach)
                for part, first in zip(self._parts, self._firsts.tolist(), strict=True)
            ]
            while len(found) > 1:
                pairs = [found[at : at + 2] for at in range(0, len(found), 2)]
                found = [self._submit("merge", _merge, *pair) for pair in pairs]
            asked.append(found[0])
        parts = []
        for number, future in enumerate(asked):
            progress("searching on the cluster", number * step, len(images))
            parts.append(self._result(future))
        progress("searching on the cluster", len(images), len(images))
        return Matches.joined(parts)

    def kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        owners = np.searchsorted(self._firsts, places, side="right") - 1
        found: NDArray[Any] | None = None
        for owner in np.unique(owners).tolist():
            rows = np.flatnonzero(owners == owner)
            own = places[rows] - self._firsts[owner]
            some = self._result(self._submit("kept", _kept, self._parts[owner], own))
            if found is None:
                found = np.empty((len(places), *some.shape[1:]), some.dtype)
            found[rows] = some
        assert found is not None, "places are asked for"
        return found

    def contributions(self, image: NDArray[Any], place: int) -> Costs | None:
        other = self.kept(np.array([place]))
        return pixel_costs(self.metric, image, as_compared(other[0], unit_of(other)))

    def remove(self, places: NDArray[np.intp]) -> None:
        """Keep the images at some places no longer: the parts that had them are made anew without."""
        gone = np.zeros(len(self.codes), np.bool_)
        gone[places] = True
        behind = [*self._firsts.tolist(), len(self.codes)]
        parts, counts = [], []
        for part, (first, last) in zip(self._parts, pairwise(behind), strict=True):
            own = gone[first:last]
            if own.any() and not own.all():
                part = self._submit("without", _without, part, np.flatnonzero(own))
            if not own.all():
                parts.append(part)
                counts.append(int((~own).sum()))
        self._parts, self._firsts = parts, np.cumsum([0, *counts])[:-1]
        self.codes = self.codes[~gone]

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        raise InputError(f"classes of this model cannot change: {self.fixed}")

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        raise InputError("a matcher on a cluster is fitted by lookalike.cluster.fit")

    def _submit(self, step: str, work: Callable[..., Any], *inputs: Any) -> Any:
        return submitted(self._client, step, work, *inputs)

    def _result(self, future: Any) -> Any:
        return result_of(self._client, future)


def submitted(client: Any, step: str, work: Callable[..., Any], *inputs: Any) -> Any:
    """Have a worker do something, under a name by which the dashboard shows the step."""
    return client.submit(work, *inputs, key=f"lookalike-{step}-{secrets.token_hex(8)}", pure=False)


def result_of(client: Any, future: Any) -> Any:
    """Return what a future comes to, and do not wait for workers that are not there."""
    from distributed import CancelledError, KilledWorker

    alone_since: float | None = None
    again = _AGAIN
    while True:
        try:
            return future.result(timeout=_POLL)
        except TimeoutError:
            workers = client.scheduler_info()["workers"]
            now = time.monotonic()
            alone_since = None if workers else alone_since or now
            if alone_since is not None and now - alone_since >= PATIENCE:
                raise WorkersLostError(
                    f"no worker was there for {PATIENCE:.0f} seconds: start workers again, and ask anew"
                ) from None
        except KilledWorker as error:
            # Dask counts the workers that a part lost as long as the part is there, and gives it up for good.
            if again:
                again -= 1
                client.retry([future])
                continue
            raise WorkersLostError(
                "each worker that took a part was lost: expected workers with memory for their parts; use "
                "more workers, or more and smaller parts"
            ) from error
        except CancelledError as error:
            raise WorkersLostError(
                "what the images were made of is not on the cluster any more: fit the model anew"
            ) from error


def _block(images: NDArray[Any], exclude: Places | None) -> tuple[NDArray[Any], Places | None]:
    return images, exclude


def _match(
    part: PixelMatcher, first: int, block: tuple[NDArray[Any], Places | None], k: int, reach: float
) -> Matches:
    """Return what is nearest of a part, by places in the whole."""
    images, exclude = block
    n = len(part.codes)
    if exclude is None:
        return _placed(part.match(images, min(k, n), reach=reach), first).padded(k)
    here = (exclude >= first) & (exclude < first + n)
    rows, parts = [np.flatnonzero(here), np.flatnonzero(~here)], []
    for some, gone in zip(rows, (exclude[here] - first, None), strict=True):
        if some.size:
            parts.append(_placed(part.match(images[some], min(k, n), exclude=gone), first).padded(k))
    return Matches.joined(parts).take(np.argsort(np.concatenate(rows)))


def _placed(found: Matches, first: int) -> Matches:
    """Return what was found in a part that begins at some place, by places in the whole."""
    places, of_classes = (
        np.where(at == NOWHERE, NOWHERE, at + first) for at in (found.places, found.class_places)
    )
    return Matches(found.distances, places, found.codes, found.class_distances, of_classes, found.reach)


def _merge(one: Matches, *others: Matches) -> Matches:
    for other in others:
        one = one.merge(other)
    return one


def _without(part: PixelMatcher, places: NDArray[np.intp]) -> PixelMatcher:
    rest = copy(part)
    rest.remove(places)
    return rest


def _kept(part: PixelMatcher, places: NDArray[np.intp]) -> NDArray[Any]:
    return part.kept(places)
