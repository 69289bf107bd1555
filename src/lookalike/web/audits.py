"""Audits of served models: one at a time, in a thread of its own, of the images that a model keeps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from lookalike.errors import BusyError, InputError, LookalikeError
from lookalike.store.kept import kept_of
from lookalike.text import csv_cell, listed
from lookalike.web.forms import AuditVerdict
from lookalike.web.journal import Change
from lookalike.web.service import ENDING, ServedModel
from lookalike.web.snapshot import Snapshot
from lookalike.web.wire import Plain

#: An audit of more images takes minutes.
MOST_IMAGES = 20_000
#: The findings of one audit have images of so many characters: they are sent whole.
_MOST = 8_000_000
#: So many seconds the service waits for an audit that it ends.
_PATIENCE = 10.0


class _StoppedError(Exception):
    """Nobody needs the audit any more."""


class _Job(threading.Thread):
    """One audit, of what a model was when it began; it ends early where the model has changed."""

    def __init__(self, number: int, model: ServedModel, snapshot: Snapshot, closed: threading.Event) -> None:
        super().__init__(daemon=True, name="lookalike-audit")
        self.number, self.model, self.snapshot = number, model, snapshot
        self.heard: tuple[str, int, int | None] = ("beginning", 0, None)
        self.found: Plain | None = None
        self.failed = ""
        self._closed = closed

    def run(self) -> None:
        from lookalike.audit.auditing import audit  # a service that audits nothing begins sooner
        from lookalike.audit.page import document_of

        try:
            kept = kept_of(self.snapshot.own, f"{self.model.name}{ENDING}")
            found = audit(kept, model=self.model.of_kept(), progress=self._hear)
            self.found = document_of(found, _MOST)
        except _StoppedError:
            self.failed = "the model has changed meanwhile"
        except LookalikeError as error:
            self.failed = str(error)
        except BaseException:
            self.failed = "the service failed at this: its log says more"
            raise

    def _hear(self, what: str, done: int, total: int | None) -> None:
        self.heard = what, done, total
        if self.is_outdated or self._closed.is_set():
            raise _StoppedError

    @property
    def is_outdated(self) -> bool:
        """Whether the model has changed since it began."""
        return self.model.snapshot is not self.snapshot


class Audits:
    """The audit that was asked for last, running or done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._numbers = count(1)
        self._last: _Job | None = None

    def begin(self, model: ServedModel) -> None:
        """Begin an audit of a model, which needs no reason not to; one that runs or holds is left as it is.

        Raises
        ------
        BusyError
            Another one is running.
        """
        found = model.snapshot
        assert found is not None, "a model that knows nothing has a reason"
        with self._lock:
            last = self._last
            same = last is not None and last.snapshot is found
            if last is not None and last.is_alive() and not same:
                raise BusyError(f"an audit of {last.model.name} is running: try again in a moment")
            if not same or (last is not None and last.failed):
                self._last = _Job(next(self._numbers), model, found, self._closed)
                self._last.start()

    def told(self, model: ServedModel) -> Plain:
        """Return how far the audit of a model is, and what it found."""
        last = self._last
        if last is None or last.model is not model:
            nothing: Plain = dict.fromkeys(("number", "message", "what", "total", "found"))
            return {"state": "none", "done": 0, "outdated": False, **nothing}
        found, failed = last.found, last.failed
        what, done, total = last.heard
        return {
            "state": "failed" if failed else "running" if found is None else "done",
            "number": last.number,
            "message": failed or None,
            "what": what,
            "done": done,
            "total": total,
            "outdated": last.is_outdated,
            "found": found,
        }

    def close(self) -> None:
        """End what runs, and wait for it a while."""
        self._closed.set()
        if self._last is not None:
            self._last.join(_PATIENCE)


def why_not(model: ServedModel) -> str:
    """Return why a model cannot be audited; nothing where it can."""
    if model.snapshot is None:
        return "it knows nothing yet: teach it first"
    matcher = model.snapshot.own.matcher
    if not matcher.keeps_images:
        return f"it keeps no training images, only what was made of them ({matcher.title})"
    n = len(matcher.codes)
    if n > MOST_IMAGES:
        return (
            f"it keeps {n:,} images, and an audit of more than {MOST_IMAGES:,} takes minutes: "
            f"lookalike audit {model.name}{ENDING} --report audit.html"
        )
    return ""


def changes_of(model: ServedModel, verdicts: Sequence[AuditVerdict]) -> list[Change]:
    """Return what verdicts change: those with new labels are learned anew, then images are forgotten.

    Raises
    ------
    InputError
        An image is not kept, is judged twice, or cannot be learned anew from what is kept of it.
    """
    found = model.snapshot
    own = None if found is None else found.own
    ids = np.array([one.image for one in verdicts], np.int64)
    known = np.empty(0, np.int64) if own is None or own.ids is None else own.ids
    gone = ids[~np.isin(ids, known)]
    if own is None or gone.size:
        raise InputError(f"the model does not keep image {listed(gone, 3)} (any more): audit it again")
    if len(np.unique(ids)) < len(ids):
        raise InputError("two verdicts are of one image: expected one an image")
    names = {csv_cell(label): str(label) for label in own.labels.classes.tolist()}
    new: dict[str, list[int]] = {}
    for one in verdicts:
        if one.label is not None:
            label = names.get(one.label, one.label)
            own.labels.from_text(label)
            new.setdefault(label, []).append(one.image)
    # All may be relabelled: a model that forgot all its images first would know nothing.
    return [
        *(Change("teach", (), label, _given(model.name, own, numbers)) for label, numbers in new.items()),
        Change("forget", tuple(ids.tolist())),
    ]


def _given(name: str, own: Any, ids: list[int]) -> Any:
    """Return images as they are taught to be kept as they are."""
    kept = own.matcher.kept(np.searchsorted(own.ids, ids))
    if kept.shape[1:] == own.image_shape and kept.dtype == np.uint8:
        same = (own.seen(kept) == kept).reshape(len(kept), -1).all(axis=1)
    else:
        same = np.zeros(len(kept), np.bool_)
    if not same.all():
        other = listed(np.array(ids)[~same], 3)
        raise InputError(
            f"image {other} is kept as it was prepared, from which it cannot be taught anew: drop it, or "
            f"save the table, and: lookalike data apply findings.csv --data {name}{ENDING} -o clean"
        )
    return kept
