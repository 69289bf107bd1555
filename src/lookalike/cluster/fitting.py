"""Fit on the workers of a Dask cluster: on arrays and bags, part by part, where the parts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from lookalike.cluster.matcher import SpreadMatcher, result_of, submitted
from lookalike.data.look import sample
from lookalike.errors import InputError, MissingExtraError, install
from lookalike.models.base import ImageClassifier
from lookalike.models.mean_image import MeanImage
from lookalike.models.nearest import NearestImages
from lookalike.recognition.labels import LabelTable
from lookalike.recognition.merging import merged
from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.shard import Shard
from lookalike.search.matcher import Codes
from lookalike.search.pixels import PixelMatcher
from lookalike.text import quoted

try:
    import dask
    from dask.base import is_dask_collection
    from distributed import Client, LocalCluster, get_client
except ImportError as error:
    raise MissingExtraError(f"clusters need Dask: {install('dask')}") from error


#: So many seconds a scheduler has to answer.
_CONNECTING = 10


class _Part(NamedTuple):
    """Some images and their labels, not there yet, and how many they are."""

    images: Any
    labels: Any
    n: int


def fit(model: ImageClassifier, images: Any, labels: Any = None, *, client: Any = None) -> Any:
    """Fit a model on images that lie on a cluster, or are made there.

    Parameters
    ----------
    model : MeanImage or NearestImages
        Of these parameters; it stays as it is. Images are compared as they are: ``prepare`` is None.
    images : dask Array of shape (n, h, w) or (n, h, w, c), uint8; or dask Bag
        Images, whose blocks of rows stay on the workers; or pairs of an image and its label.
    labels : dask Array or array-like of shape (n,), optional
        The labels of an array of images.
    client : distributed.Client, optional
        Whose cluster it is; by default the current one.

    Returns
    -------
    model
        Fitted, it answers as one that was fitted on one machine, to the bit. Of nearest images the workers
        keep their parts, and each question is sent to them; means are brought together, and are an ordinary
        model.

    Raises
    ------
    InputError
        The images are no whole images of bytes, there is not one label for each, or the model is another one.
    WorkersLostError
        No worker is left for a minute, or several died of one part.
    MissingExtraError
        Dask is not installed.

    Examples
    --------
    >>> import dask.array, lookalike, lookalike.cluster
    >>> from distributed import Client
    >>> train, valid = lookalike.load("digits")
    >>> with Client(processes=False, dashboard_address=None) as client:  # doctest: +SKIP
    ...     images = dask.array.from_array(train.images, chunks=(500, -1, -1))
    ...     model = lookalike.cluster.fit(lookalike.NearestImages(), images, train.labels)
    ...     answers = model.predict(valid.images)
    """
    client = client or get_client()
    if type(model) not in (MeanImage, NearestImages) or model.prepare is not None:
        raise InputError(
            f"{model!r} cannot be fitted on a cluster: expected NearestImages or MeanImage without "
            "preparation, whose parts merge exactly"
        )
    parts = _of_bag(images) if hasattr(images, "to_delayed") and labels is None else _of_array(images, labels)
    parts = [part for part in parts if part.n]
    if not parts:
        raise InputError("there are no images: expected at least one")
    labels_of = [np.asarray(one) for one in _computed(client, [part.labels for part in parts])]
    classes, codes = np.unique(np.concatenate(labels_of), return_inverse=True)
    firsts = np.cumsum([0, *(part.n for part in parts)])
    own, fresh = client.compute([part.images for part in parts]), clone(model)
    fitted = [
        submitted(client, "fit", _fitted, fresh, *part, classes, int(first), int(firsts[-1]))
        for *part, first in zip(own, labels_of, firsts[:-1], strict=True)
    ]
    seen = _sampled(client, parts, firsts)
    if isinstance(model, NearestImages):
        kept = [submitted(client, "keep", _matcher, one) for one in fitted]
        matcher = SpreadMatcher(client, kept, firsts[:-1].tolist(), model.metric, codes, len(classes))
        found = Recogniser(matcher, LabelTable.of(classes), seen.shape[1:], seen[0].size)
        found.vote = fresh._vote(matcher)
        found.ids, found.next_id = np.arange(len(codes), dtype=np.int64), len(codes)
    else:
        while len(fitted) > 1:
            pairs = [fitted[at : at + 2] for at in range(0, len(fitted), 2)]
            fitted = [submitted(client, "merge", _merged, *pair) for pair in pairs]
        found = result_of(client, fitted[0])
        found.shard = None
    found.look_at(seen)
    fresh.recogniser_, fresh.n_features_in_ = found, found.n_features
    fresh.parameters_ = fresh.get_params(deep=False)
    return fresh


def spread(model: NearestImages, *, client: Any = None) -> Any:
    """Return a fitted model of nearest images whose images are shared out over a cluster's workers.

    Parameters
    ----------
    model : NearestImages
        Fitted on images of bytes. It stays as it is.
    client : distributed.Client, optional
        Whose cluster it is; by default the current one.

    Returns
    -------
    NearestImages
        Gives the same answers, to the bit.

    Raises
    ------
    InputError
        It is another model.
    """
    if not isinstance(model, NearestImages) or not hasattr(model, "recogniser_"):
        raise InputError(f"{model!r} cannot be spread: expected a fitted NearestImages")
    there = clone(model)
    there.recogniser_ = spread_over(model.recogniser_, client or get_client())
    there.n_features_in_, there.parameters_ = model.n_features_in_, dict(model.parameters_)
    return there


def spread_over(own: Recogniser, client: Any) -> Recogniser:
    """Return what answers with its images shared out over the workers that there are.

    Parameters
    ----------
    own : Recogniser
        Of nearest images of bytes, as :func:`lookalike.store.load_recogniser` returns it. It stays as it is.
    client : distributed.Client
        Whose workers these are.

    Returns
    -------
    Recogniser
        Gives the same answers, to the bit.

    Raises
    ------
    InputError
        It is of another idea.
    """
    there = own.copied()
    there.matcher = spread_matcher(own.matcher, client)
    return there


def spread_matcher(known: Any, client: Any) -> SpreadMatcher:
    """Return what finds the same images, shared out over the workers that there are."""
    if not isinstance(known, PixelMatcher):
        raise InputError(f"{known.title} cannot be spread over workers: expected nearest images")
    count = max(1, min(len(known.codes), len(client.scheduler_info()["workers"])))
    cuts = np.linspace(0, len(known.codes), count + 1).astype(int).tolist()
    parts = []
    for first, behind in pairwise(cuts):
        images, codes = known.kept(np.arange(first, behind)), known.codes[first:behind]
        parts.append(submitted(client, "keep", _kept, known.metric, images, codes, known.n_classes))
    return SpreadMatcher(client, parts, cuts[:-1], known.metric, known.codes, known.n_classes)


def _kept(metric: str, images: NDArray[Any], codes: Codes, n_classes: int) -> PixelMatcher:
    part = PixelMatcher(metric)
    part.fit(images, codes, n_classes)
    return part


@contextmanager
def connected(workers: int | None, address: str = "") -> Iterator[Any]:
    """Give a client of the cluster at an address, or of one of so many processes of this machine.

    Parameters
    ----------
    workers : int or None
        How many processes, where there is no address.
    address : str, default=""
        Of a Dask scheduler, ``tcp://HOST:PORT``.

    Yields
    ------
    distributed.Client
        It is closed behind, and so are processes that were started for it.

    Raises
    ------
    InputError
        No scheduler answers there within ten seconds.
    """
    if address:
        try:
            client = Client(address, timeout=_CONNECTING)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no scheduler answers at {quoted(address, 80)}: expected tcp://HOST:PORT of a Dask scheduler"
            ) from error
        with client:
            yield client
        return
    # Each process has one thread for its part; the page that shows the work takes any port of this machine.
    how = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "env": {"LOOKALIKE_THREADS": "1"}}
    with LocalCluster(n_workers=workers, **how) as own, Client(own) as client:
        yield client


def _of_array(images: Any, labels: Any) -> list[_Part]:
    """Return the blocks of rows of an array, each with its labels."""
    import dask.array

    if not isinstance(images, dask.array.Array) or images.ndim not in (3, 4) or images.dtype != np.uint8:
        what = (
            f"{images.dtype} of {images.ndim} dimensions"
            if hasattr(images, "ndim")
            else type(images).__name__
        )
        raise InputError(
            f"images are {what}: expected a Dask array (n, h, w) or (n, h, w, c) of uint8, or a bag"
        )
    images = images.rechunk(dict.fromkeys(range(1, images.ndim), -1))
    if any(np.isnan(count) for count in images.chunks[0]):
        images = images.compute_chunk_sizes()
    counts = [int(count) for count in images.chunks[0]]
    given: Any = labels if is_dask_collection(labels) else np.asarray(labels)
    if given.ndim != 1 or (not np.isnan(given.shape[0]) and given.shape[0] != sum(counts)):
        raise InputError(f"labels have shape {given.shape} for {sum(counts)} images: expected one for each")
    if is_dask_collection(labels):
        blocks = given.rechunk((tuple(counts),)).to_delayed().ravel().tolist()
    else:
        blocks = [dask.delayed(part) for part in np.split(given, np.cumsum(counts)[:-1])]
    found = images.to_delayed().reshape(len(counts), -1)[:, 0].tolist()
    return [_Part(*part) for part in zip(found, blocks, counts, strict=True)]


def _of_bag(bag: Any) -> list[_Part]:
    """Return the partitions of a bag of images with their labels."""
    pieces = bag.to_delayed()
    images, labels = ([dask.delayed(_side)(piece, side) for piece in pieces] for side in (0, 1))
    counts = dask.compute(*[dask.delayed(len)(piece) for piece in map(dask.delayed(list), pieces)])
    return [_Part(*part) for part in zip(images, labels, counts, strict=True)]


def _side(pairs: Sequence[Any], side: int) -> NDArray[Any]:
    """Return the images, or the labels, of a partition of a bag."""
    found = [pair[side] for pair in pairs]
    return np.stack(found) if found else np.empty(0)


def _computed(client: Any, delayed: Sequence[Any]) -> list[Any]:
    return [result_of(client, future) for future in client.compute(list(delayed))]


def _fitted(
    model: Any, images: NDArray[Any], labels: NDArray[Any], classes: NDArray[Any], first: int, total: int
) -> Recogniser:
    """Return what a model of a part of the images knows, as a shard of the whole."""
    own: Recogniser = clone(model).partial_fit(images, labels, classes=classes).recogniser_
    own.become(Shard(np.array([[first, first + len(images)]]), total), images)
    return own


def _matcher(own: Recogniser) -> Any:
    return own.matcher


def _merged(*parts: Recogniser) -> Recogniser:
    return merged(parts, [f"part {number}" for number in range(1, len(parts) + 1)])


def _sampled(client: Any, parts: Sequence[_Part], firsts: NDArray[np.int64]) -> NDArray[Any]:
    """Return the images that a fit on one machine would look at: evenly spaced over all."""
    places, found = sample(np.arange(firsts[-1])), []
    for part, first in zip(parts, firsts.tolist(), strict=False):
        rows = places[(places >= first) & (places < first + part.n)] - first
        if rows.size:
            found.append(dask.delayed(_rows)(part.images, rows))
    return np.concatenate(_computed(client, found))


def _rows(images: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[Any]:
    return images[rows]
