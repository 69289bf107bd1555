"""Random choices over listings: the validation split, the limit, the chosen classes.

Each class is shuffled by a stream of its own, made of the seed, the purpose and the class name. So what is
drawn from the 3s does not depend on which other classes are there, and a smaller limit draws a subset.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import natural_order
from lookalike.data.listing import Listing, counts
from lookalike.data.untrusted import listed, quoted
from lookalike.errors import DataError, InputError

VALID_SHARE = 0.2
"""The share of each class that a split puts into the validation part."""


def checked_seed(seed: object) -> int:
    """Return ``seed`` as an int, refusing what is no whole number of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}: expected a whole number of at least 0")
    return int(seed)


def choose_classes(listings: Mapping[str, Listing], classes: Sequence[object]) -> dict[str, Listing]:
    """Return the listings with the images of ``classes`` alone.

    Parameters
    ----------
    listings : mapping of str to Listing
        The parts.
    classes : sequence of str or int
        Class names, or numbers that are class names.

    Raises
    ------
    InputError
        It is no sequence, empty, or names a class that is not there; the message says which are.
    """
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise InputError(
            f"classes is {classes!r}: expected a sequence of names, for example classes=['3', '7']"
        )
    wanted = [str(name) for name in classes]
    if not wanted:
        raise InputError("classes is empty: name at least two, or leave it out for all")
    known = natural_order({name for listing in listings.values() for name in counts(listing.classes)})
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(f"there is no class {listed(missing)}: known are {listed(known, most=30)}")
    return {
        part: listing.take(np.flatnonzero(np.isin(listing.classes, wanted)))
        for part, listing in listings.items()
    }


def split(listing: Listing, seed: int) -> tuple[Listing, Listing]:
    """Return a train and a validation part, drawn at random from each class alike.

    Of a class of ``n`` images, ``n / 5`` are for validation: rounded half up, at least one, and none where
    the class has a single image, which stays in the train part and is noted. Both parts keep the order of
    the listing.

    Raises
    ------
    DataError
        No class has more than one image.
    """
    valid: list[NDArray[np.intp]] = []
    single = []
    for name, places in _shuffled(listing, seed, "split"):
        if len(places) == 1:
            single.append(name)
        else:
            valid.append(places[: max(1, int(VALID_SHARE * len(places) + 0.5))])
    if not valid:
        raise DataError(
            f"every class in {quoted(listing.source.name)} has a single image, so none is left "
            "to validate with: add images or a valid/ part"
        )
    for_valid = np.zeros(len(listing), np.bool_)
    for_valid[np.concatenate(valid)] = True
    share = f"{VALID_SHARE:.0%} of each class"
    notes = [f"There is no validation part: {share} were drawn at random for it (seed {seed})."]
    if single:
        notes.append(f"A single image of class {listed(single)}: it stays in the train part.")
    return (
        listing.take(np.flatnonzero(~for_valid)).noted(*notes),
        listing.take(np.flatnonzero(for_valid)).noted(*notes),
    )


def draw(listing: Listing, limit: int, seed: int) -> Listing:
    """Return at most ``limit`` images, from each class in proportion and at least one.

    Shares are rounded by the largest remainder, ties to the first class in natural order; the order of the
    listing is kept.

    Raises
    ------
    InputError
        ``limit`` is no whole number, or smaller than the number of classes.
    """
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)):
        raise InputError(f"limit is {limit!r}: expected a whole number")
    shuffled = _shuffled(listing, seed, "limit")
    if limit < len(shuffled):
        raise InputError(f"limit is {limit}: expected at least one image for each of {len(shuffled)} classes")
    if limit >= len(listing):
        return listing
    quotas = _quotas(np.array([len(places) for _, places in shuffled]), int(limit))
    chosen = np.concatenate([places[:quota] for (_, places), quota in zip(shuffled, quotas, strict=True)])
    note = (
        f"Of {len(listing):,} images, {limit:,} were drawn at random, each class in proportion (seed {seed})."
    )
    return listing.take(np.sort(chosen)).noted(note)


def _quotas(sizes: NDArray[np.intp], limit: int) -> list[int]:
    """Return how many of each class make ``limit``: one each, the rest by the largest remainder."""
    spare = sizes - 1
    exact = spare * (limit - len(sizes)) / max(1, spare.sum())
    quotas = np.floor(exact).astype(np.intp)
    rest = limit - len(sizes) - int(quotas.sum())
    quotas[np.argsort(quotas - exact, kind="stable")[:rest]] += 1
    return [int(quota) for quota in quotas + 1]


def _shuffled(listing: Listing, seed: int, purpose: str) -> list[tuple[str, NDArray[np.intp]]]:
    """Return each class's name and its places in the listing, shuffled; classes in natural order."""
    names, numbers = np.unique(listing.classes, return_inverse=True)
    by_class = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    places = dict(zip(names.tolist(), by_class, strict=True))
    shuffled = []
    for name in natural_order(places):
        stream = np.random.default_rng(
            [seed, zlib.crc32(purpose.encode()), *name.encode("utf-8", "surrogatepass")]
        )
        shuffled.append((name, stream.permutation(places[name])))
    return shuffled
