"""Which training images mislead, and which help: how many answers each decided, and what goes without it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.audit.results import MEMORY, Results, searched
from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.statistics import Rate, rate
from lookalike.images import evenly
from lookalike.progress import Progress, silent
from lookalike.recognition.recogniser import Recogniser
from lookalike.search.matches import NOWHERE, Matches

Counts = NDArray[np.int64]
Codes = NDArray[np.intp]

#: At most so many images are removed together.
_REMOVED = 20


@dataclass(frozen=True)
class Blame:
    """What each of ``n`` training images did to the answers to ``m`` others, or to each other left out.

    An answer is decided by the nearest of those that voted for it. What would be without an image is the
    vote of those that would vote then: for one voter exactly the answer of a model that was fitted without
    it, and for more where distances do not depend on what else is kept (deformable matching among more than
    100 images takes one more candidate then, which may differ).
    """

    title: str  #: the model
    held_out: bool  #: the images asked are held out; else they are the training images, each left out
    asked: NDArray[np.intp]  #: (m,): which images were asked, places in their part
    answers: Codes  #: (m,): the codes of the answers
    right: NDArray[np.bool_]  #: (m,)
    decided: NDArray[np.int64]  #: (m,): the training image that decided; -1 where nothing could
    credit: Counts  #: (n,): how many right answers each decided
    blame: Counts  #: (n,): how many wrong answers each decided
    gained: Counts  #: (n,): how many more answers would be right without the image; negative: fewer
    removed: NDArray[np.intp]  #: images that mislead, together
    #: The rate of right answers as it is, and without the removed images: found by really leaving them out.
    before: Rate
    after: Rate
    kept: int  #: how many of the training images the model was fitted on

    def among(self, kept: NDArray[np.intp], n: int) -> Blame:
        """Return the same where the images that were kept are some of ``n``."""
        counts = np.zeros((3, n), np.int64)
        counts[:, kept] = self.credit, self.blame, self.gained
        return replace(
            self,
            asked=self.asked if self.held_out else kept[self.asked],
            decided=np.where(self.decided == NOWHERE, NOWHERE, kept[self.decided]),
            credit=counts[0],
            blame=counts[1],
            gained=counts[2],
            removed=kept[self.removed],
        )

    def wrongly(self, place: int) -> NDArray[np.intp]:
        """Return the images that were answered wrongly because of a training image."""
        found: NDArray[np.intp] = self.asked[(self.decided == place) & ~self.right]
        return found


def find_blame(
    own: Recogniser,
    asked: LabelledImages,
    codes: Codes,
    *,
    held_out: bool,
    most: int | None = None,
    progress: Progress = silent,
    results: Results = MEMORY,
) -> Blame:
    """Return what training images of a recogniser did to its answers.

    ``asked`` are images that were held out, or the training images themselves; ``codes`` are their classes,
    as the recogniser's, beyond its own where it does not know them. At most ``most`` of them, evenly spaced,
    are asked.
    """
    matcher: Any = own.matcher
    n = len(matcher.codes)
    places = evenly(len(asked), len(asked) if most is None else most)
    seen, true = own.seen(asked.images[places], progress), codes[places]
    itself = None if held_out else places.astype(np.int64)
    voters = min(own.vote.voters, n - (not held_out))
    found = _searched(results, "blame", matcher, seen, min(voters + 1, n), itself, progress)
    vote = replace(own.vote, voters=voters, at_most=True)
    answers, decided = _decided(vote, found.nearest(voters))
    right = (answers == true) & (decided != NOWHERE)
    known = decided != NOWHERE
    gained = np.zeros(n, np.int64)
    for column in range(voters):
        gone = found.places[:, column]
        without, _ = _decided(vote, _less(found, column, voters))
        changed = (without == true).astype(np.int64) - right
        np.add.at(gained, gone[gone != NOWHERE], changed[gone != NOWHERE])
    removed, after = _removed(own, seen, true, itself, gained, progress, results)
    return Blame(
        title=matcher.title,
        held_out=held_out,
        asked=places,
        answers=answers,
        right=right,
        decided=decided,
        credit=np.bincount(decided[known & right], minlength=n),
        blame=np.bincount(decided[known & ~right], minlength=n),
        gained=gained,
        removed=removed,
        before=rate(int(right.sum()), len(right)),
        after=after or rate(int(right.sum()), len(right)),
        kept=n,
    )


def _searched(
    results: Results,
    name: str,
    matcher: Any,
    images: NDArray[Any],
    k: int,
    exclude: NDArray[np.int64] | None,
    progress: Progress,
) -> Matches:
    """Return what is nearest; nothing is told of classes."""
    places, distances = searched(results, name, matcher, images, k, exclude=exclude, progress=progress)
    codes = np.where(places == NOWHERE, 0, matcher.codes[places])
    of_classes = Matches.none(len(images), 0, 0)
    return Matches(distances, places, codes, of_classes.class_distances, of_classes.class_places, 1.0)


def _decided(vote: Any, matches: Matches) -> tuple[Codes, NDArray[np.int64]]:
    """Return the answers, and the nearest of those that voted for each."""
    answers, _ = vote.answers(matches)
    first = np.argmax((matches.codes == answers[:, None]) & (matches.places != NOWHERE), axis=1)
    return answers, np.take_along_axis(matches.places, first[:, None], 1)[:, 0]


def _less(matches: Matches, column: int, k: int) -> Matches:
    """Return matches without one of their columns, and one more of those that follow, if there are any."""
    kept = [place for place in range(matches.places.shape[1]) if place != column][:k]
    return Matches(
        matches.distances[:, kept],
        matches.places[:, kept],
        matches.codes[:, kept],
        matches.class_distances,
        matches.class_places,
        matches.reach,
    )


def _removed(
    own: Recogniser,
    seen: NDArray[Any],
    true: Codes,
    itself: NDArray[np.int64] | None,
    gained: Counts,
    progress: Progress,
    results: Results,
) -> tuple[NDArray[np.intp], Rate | None]:
    """Return the images that mislead most, and the rate of right answers once they are really left out."""
    worst = np.argsort(-gained, kind="stable")[:_REMOVED]
    worst = np.sort(worst[gained[worst] > 0])
    if not worst.size or len(worst) >= len(gained):
        return worst[:0], None
    rest: Any = copy(own.matcher)
    rest.remove(worst)
    exclude, asked = None, np.ones(len(seen), np.bool_)
    if itself is not None:
        # Who is removed is asked no longer, and those behind it have moved up.
        asked = ~np.isin(itself, worst)
        exclude = itself[asked] - np.searchsorted(worst, itself[asked])
    voters = min(own.vote.voters, len(rest.codes) - (itself is not None))
    if voters < 1 or not asked.any():
        return worst[:0], None
    found = _searched(results, "blame-without", rest, seen[asked], voters, exclude, progress)
    answers, _ = _decided(replace(own.vote, voters=voters, at_most=True), found)
    return worst, rate(int((answers == true[asked]).sum()), int(asked.sum()))
