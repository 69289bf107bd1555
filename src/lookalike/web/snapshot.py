"""One state of a served model: what answers by its own idea, and by others fitted on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import Look
from lookalike.errors import UnknownNameError, unknown
from lookalike.recognition.assessment import Assessment
from lookalike.recognition.explanation import Evidence, explain, ideal_images
from lookalike.recognition.recogniser import Recogniser
from lookalike.registry import idea
from lookalike.web.dataset import Judged, judged
from lookalike.web.work import Later

#: Other ideas that may be asked of a model that keeps its images: what the page types, and the registry.
OFFERED: Mapping[str, str] = {
    "mean-l1": "mean-image-l1",
    "mean-l2": "mean-image-l2",
    "nearest": "nearest-l1",
    "deformable": "deformable",
}
#: The level at which an image is none of the classes.
LEVEL = 0.05
#: A model of so few images says how sure it is as soon as it is taught; of more, that follows.
FEW = 200


class Mark(NamedTuple):
    """What a model knows of how its images look: forgetting one does not take that back."""

    look: Look | None
    roughest: NDArray[np.float64] | None


class ExplainedImages(NamedTuple):
    """Answers, the evidence for each, and each class's own image."""

    found: Assessment
    evidence: list[Evidence]
    ideals: NDArray[np.float64]


class Snapshot:
    """A state of a model. What readers hold is never changed: whoever changes it takes a copy first.

    Parameters
    ----------
    own : Recogniser
        What answers.
    name : str
        The registry's name of its idea.
    others : mapping of str to Recogniser, optional
        What answers by other ideas, of those that were asked for so far.
    """

    def __init__(self, own: Recogniser, name: str, others: Mapping[str, Recogniser] | None = None) -> None:
        self.own = own
        #: The idea's name as the page types it.
        self.idea = next((short for short, full in OFFERED.items() if full == name), name)
        self._others = Later(others)
        self._ideals: dict[str, NDArray[np.float64]] = {}
        self._judged: Later[Judged] = Later()
        #: Whether it says how sure it is by its own images, not by those of a moment ago.
        self.settled = True

    @property
    def ideas(self) -> list[tuple[str, str]]:
        """The names and titles of the ideas that can be asked: its own first."""
        own = [(self.idea, self.own.matcher.title)]
        if not self.own.matcher.keeps_images:
            return own
        return own + [(name, idea(full).title) for name, full in OFFERED.items() if name != self.idea]

    def by(self, name: str | None) -> Recogniser:
        """Return what answers by an idea, fitted on the model's images when it is first asked for."""
        if name is None or name == self.idea:
            return self.own
        known = [one for one, _ in self.ideas]
        if name not in known:
            raise UnknownNameError(unknown("idea of this model", name, known))
        return self._others.get(name, lambda: _fitted(self.own, name))

    def _seen(self, images: NDArray[Any], by: Recogniser) -> NDArray[Any]:
        """Return images as an idea takes them: others than its own compare what that has prepared."""
        return images if by is self.own else self.own.seen(images)

    def assess(self, images: NDArray[np.uint8], name: str | None = None) -> Assessment:
        """Return what an idea makes of images."""
        by = self.by(name)
        return Assessment.of(by, self._seen(images, by), LEVEL, 1)

    def explain(self, images: NDArray[np.uint8], name: str | None, n: int) -> ExplainedImages:
        """Return what an idea makes of images and what the answers rest on, by one search."""
        by = self.by(name)
        given = self._seen(images, by)
        shown = min(n, len(by.matcher.codes)) if by.matcher.keeps_images else 0
        by.rejection()
        matches, seen = by.match(given, max(shown, by.voters))
        found = Assessment.of_matches(by, given, seen, matches, LEVEL, 1)
        known = name or self.idea
        if known not in self._ideals:
            self._ideals[known] = ideal_images(by.matcher)
        ideals = self._ideals[known]
        codes = np.searchsorted(found.classes, found.labels)
        return ExplainedImages(found, explain(by, given, seen, matches.nearest(shown), codes, ideals), ideals)

    def judged(self) -> Judged | None:
        """Return what is answered to the images that are kept, each left out; None where none are."""
        if not self.own.matcher.keeps_images:
            return None
        return self._judged.get("the data set", lambda: judged(self.own))

    # What changes it: only ever called on a copy that nobody reads yet.

    def copied(self) -> Snapshot:
        """Return a copy that may be changed."""
        others = {name: one.copied() for name, one in self._others.made().items()}
        return Snapshot(self.own.copied(), OFFERED.get(self.idea, self.idea), others)

    @property
    def mark(self) -> Mark:
        """What is known of how the images look."""
        return Mark(self.own.look, self.own.roughest)

    def teach(self, images: NDArray[np.uint8], label: str, first_id: int | None = None) -> tuple[int, ...]:
        """Learn images of one label, and return their numbers, which may be said to begin at ``first_id``."""
        value, seen = self.own.labels.from_text(label), self.own.seen(self.own.checked(images))
        if first_id is not None:
            self.own.next_id = first_id
        ids = self.own.teach(images, np.full(len(images), value))
        for one in self._others.made().values():
            one.next_id = self.own.next_id - len(ids)
            one.teach(seen, np.full(len(images), value))
        return tuple(ids.tolist())

    def forget(self, ids: tuple[int, ...], mark: Mark | None = None) -> None:
        """Forget images; what is known of how images look becomes what a mark says."""
        self.own.forget(list(ids))
        if mark is not None:
            self.own.look, self.own.roughest = mark
        # Means cannot forget, and are made anew in no time.
        able = {name: one for name, one in self._others.made().items() if one.ids is not None}
        for one in able.values():
            one.forget(list(ids))
        self._others = Later(able)

    def settle(self, before: Snapshot | None) -> None:
        """Say how sure answers are: at once where images are few, else as before until there is time."""
        earlier = {} if before is None else {"": before.own, **before._others.made()}
        for name, one in (("", self.own), *self._others.made().items()):
            if name not in earlier or len(one.matcher.codes) <= FEW:
                one.recalibrate()
            else:
                one.lean_on(earlier[name])
                self.settled = False

    def recalibrate(self) -> None:
        """Work out anew how sure answers are; they may be asked for meanwhile."""
        for one in (self.own, *self._others.made().values()):
            one.recalibrate()
        self.settled = True


def _fitted(own: Recogniser, name: str) -> Recogniser:
    """Return an idea fitted on the images that a model keeps, as it compares them."""
    matcher = own.matcher
    kept = matcher.kept(np.arange(len(matcher.codes)))
    model = idea(OFFERED[name]).make().set_params(prepare=None)
    if "n_neighbors" in model.get_params():
        # What was taught once is known: beside it, others would outvote it.
        model.set_params(n_neighbors=1)
    other: Recogniser = model.fit(kept, own.labels.classes[matcher.codes]).recogniser_
    if other.ids is not None and own.ids is not None:
        other.ids, other.next_id = own.ids.copy(), own.next_id
    other.recalibrate()
    return other
