"""The models that are served: asked by many at once, changed by one at a time, with nothing lost."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path, PureWindowsPath
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import (
    BusyError,
    InputError,
    JournalError,
    LookalikeError,
    ModelFileError,
    UnknownNameError,
    unknown,
)
from lookalike.files import alone, write_whole
from lookalike.models.deformable import DeformableMatch
from lookalike.recognition.labels import LabelTable
from lookalike.store import load_model
from lookalike.store.about import idea_of
from lookalike.store.kept import for_kept
from lookalike.store.models import model_bytes
from lookalike.text import plain, quoted
from lookalike.web.ink import Ink, ink_of
from lookalike.web.journal import SUFFIX, Change, Journal, effective
from lookalike.web.snapshot import Mark, Snapshot

if TYPE_CHECKING:
    from lookalike.web.photographs import Photographs

Bytes = NDArray[np.uint8]

ENDING = ".lookalike"
#: An empty model is of gray images of this shape, and compares what it is taught as few drawings are:
#: nothing follows from which came first.
EMPTY_SHAPE = (28, 28)
FOR_FEW: dict[str, Any] = {
    "prepare": None, "warp": 3, "context": 2, "n_neighbors": 1, "planes": "sobel", "symmetric": True,
    "aligned": True, "blur": 0.866, "window": 0.0, "hubness": True,
}  # fmt: skip
#: So many changes may wait, and so many become one: one copy of the model and one write to the disk.
_WAITING, _TOGETHER = 256, 64
#: How sure answers are is worked out anew once nothing was changed for so many seconds.
_QUIET = 0.5
_MOST_MODELS = 64
_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class Done(NamedTuple):
    """A change that is on the disk, and its number."""

    entry: int
    change: Change


@dataclass(eq=False)
class _Asked:
    """Changes that wait for their turn: all of them are made, or none."""

    changes: tuple[Change, ...]
    done: Future[list[Done]]

    @property
    def is_alone(self) -> bool:
        """Whether it is made without others: undoing needs the journal, several may leave half a copy."""
        return len(self.changes) > 1 or self.changes[0].kind == "undo"


class ServedModel:
    """A model, its journal, and whoever asks it.

    Answers come from a :class:`Snapshot` that never changes. Changes wait in a line; some are taken together,
    made on a copy, written to the journal, and only then does the copy take the snapshot's place.

    Parameters
    ----------
    name : str
        What it is called.
    path : Path or None
        Its file, which need not be there: then it is empty, and begins with what it is taught. None keeps
        everything in memory.

    Raises
    ------
    ModelFileError, JournalError
        Its file or its journal cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.web.service import ServedModel
    >>> model = ServedModel("marks", None)
    >>> cross = np.eye(28, dtype=np.uint8) * 255
    >>> model.teach(cross[None], "diagonal").change.ids
    (0,)
    >>> model.snapshot.assess(cross[None]).labels.tolist()
    ['diagonal']
    >>> model.undo().change.undone, model.snapshot
    (1, None)
    >>> model.close()
    """

    def __init__(self, name: str, path: Path | None) -> None:
        self.name, self.path = name, path
        #: What reads photographs with it, where it was given a layout.
        self.photographs: Photographs | None = None
        self._type, self._parameters = DeformableMatch, DeformableMatch(**FOR_FEW).get_params(deep=False)
        #: What a drawing is made like. Nothing that is taught changes it: drawn again, it is the same image.
        self.ink = Ink()
        # Who teaches the file right now is waited for; whoever would later sees the journal.
        with nullcontext() if path is None else alone(path):
            self.journal = _journal_of(path)
            try:
                self._history: dict[int, tuple[Change, Mark | None]] = {}
                self._next_id = 0
                #: What answers now; None while the model knows nothing.
                self.snapshot = self._replayed(self.journal.changes())
            except BaseException:
                self.journal.close()
                raise
        self._line: SimpleQueue[_Asked | None] = SimpleQueue()
        self._door, self._writing = threading.Lock(), threading.Lock()
        self._stale = threading.Event()
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._change, self._recalibrate)
        ]
        for thread in self._threads:
            thread.start()

    # What is asked.

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its images, ``(h, w)`` or ``(h, w, 3)``."""
        found = self.snapshot
        return EMPTY_SHAPE if found is None else found.own.image_shape or ()

    @property
    def why_not(self) -> str:
        """Why it cannot be taught; empty where it can."""
        return "" if self.snapshot is None else self.snapshot.own.matcher.fixed

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._history)

    def teach(self, images: Bytes, label: str) -> Done:
        """Learn images of one label; it is on the disk when this returns."""
        return self.change(Change("teach", (), label, np.ascontiguousarray(images))).result()[0]

    def forget(self, number: int) -> Done:
        """Forget a training image by its number."""
        return self.change(Change("forget", (number,))).result()[0]

    def undo(self) -> Done:
        """Take back the last change that was not taken back yet."""
        return self.change(Change("undo")).result()[0]

    def change(self, *changes: Change) -> Future[list[Done]]:
        """Let changes wait for their turn; what comes back is done once all, or none, are on the disk."""
        if self.why_not and any(change.kind == "teach" for change in changes):
            raise InputError(f"this model cannot be taught: {self.why_not}")
        asked = _Asked(changes, Future())
        with self._door:
            if self._closed.is_set() or self._line.qsize() >= _WAITING:
                raise BusyError(f"{_WAITING} changes of {self.name} wait: try again in a moment")
            self._line.put(asked)
        return asked.done

    def file(self) -> bytes:
        """Return the model file as it would be written now, with everything that was taught."""
        found = self.snapshot
        if found is None:
            raise InputError(f"{self.name} knows nothing yet: teach it first")
        if not found.settled:
            found.recalibrate()
        return model_bytes(self._type._of(found.own, self._parameters))

    def of_kept(self) -> Any:
        """Return a classifier such as this one, not fitted, of images as this one keeps them."""
        return for_kept(self._type(**self._parameters))

    def compact(self) -> int:
        """Write everything into the model file, empty the journal, and return how many changes that were."""
        if self.path is None or self.snapshot is None:
            return 0
        with self._writing:
            count, data = self.journal.count, self.file()
            digest = hashlib.sha256(data).hexdigest()
            self.journal.folding(digest)
            write_whole(self.path, data)
            self.journal.folded(digest)
            self._history.clear()
        return count

    def close(self) -> None:
        """Finish what waits, and let go of the journal."""
        with self._door:
            if self._closed.is_set():
                return
            self._closed.set()
            self._line.put(None)
        self._stale.set()
        for thread in self._threads:
            thread.join()
        self.journal.close()

    # What changes it: one thread.

    def _change(self) -> None:
        """Make changes as they come, those that wait together, until there are no more."""
        together: list[_Asked | None] = []
        while None not in together:
            together = [self._line.get()]
            while self._line.qsize() and len(together) < _TOGETHER:
                together.append(self._line.get())
            asked = [one for one in together if one is not None]
            for alone_, some in groupby(asked, key=lambda one: one.is_alone):
                for lot in [[one] for one in some] if alone_ else [list(some)]:
                    with self._writing:
                        self._make(lot)

    def _make(self, asked: list[_Asked]) -> None:
        """Make changes on a copy, write them down, and let the copy take the snapshot's place."""
        before = self.snapshot
        made: list[tuple[_Asked, list[tuple[Change, Mark | None]]]] = []
        try:
            after = None if before is None else before.copied()
            for one in asked:
                try:
                    after, changes = self._all_changed(after, one.changes)
                    made.append((one, changes))
                except LookalikeError as error:
                    one.done.set_exception(error)
            if after is not None and made:
                after.settle(before)
            numbers = iter(self.journal.write([change for _, changes in made for change, _ in changes]))
        except Exception as error:
            # The copy is thrown away: nothing was changed, and whoever asked is told.
            for one in asked:
                if not one.done.done():
                    one.done.set_exception(error)
            return
        self.snapshot = after if made else before
        for one, changes in made:
            done = [Done(next(numbers), change) for change, _ in changes]
            for (number, change), (_, mark) in zip(done, changes, strict=True):
                self._remember(number, change, mark)
            one.done.set_result(done)
        if after is not None and not after.settled:
            self._stale.set()

    def _remember(self, number: int, change: Change, mark: Mark | None) -> None:
        """Note what can be taken back."""
        if change.kind == "undo":
            self._history.pop(change.undone or 0, None)
        else:
            # The journal has the images.
            self._history[number] = (replace(change, images=None), mark)

    def _all_changed(
        self, found: Snapshot | None, changes: Iterable[Change]
    ) -> tuple[Snapshot | None, list[tuple[Change, Mark | None]]]:
        """Return a model after changes, and these with numbers, each with what the model was marked by."""
        made = []
        for change in changes:
            mark = None if found is None else found.mark
            found, known = self._changed(found, change)
            made.append((known, mark))
        return found, made

    def _changed(
        self, found: Snapshot | None, change: Change, known: bool = False
    ) -> tuple[Snapshot | None, Change]:
        """Return a model after a change, and the change with numbers, which may be known already."""
        if change.kind == "undo":
            last = next(reversed(self._history), None)
            if change.undone not in (None, last):
                raise TakenError(f"change {change.undone} is not the last one (any more): it was not undone")
            number, found = self._without_last(found)
            return found, Change("undo", undone=number)
        if change.kind == "forget":
            if found is None:
                raise InputError("this model knows nothing yet: there is nothing to forget")
            found.forget(change.ids)
            return found, change
        images, label = change.images, change.label
        assert images is not None, "what is taught is images"
        assert label is not None, "of one label"
        first_id = change.ids[0] if known and change.ids else self._next_id
        if found is None:
            found, ids = self._begun(images, label, first_id)
        else:
            ids = found.teach(images, label, first_id)
        self._next_id = found.own.next_id
        return found, Change("teach", ids, label, images)

    def _begun(self, images: Bytes, label: str, first_id: int) -> tuple[Snapshot, tuple[int, ...]]:
        """Return a model that knows its first images, and their numbers."""
        labels = np.full(len(images), LabelTable.of(np.array([label])).from_text(label))
        own = DeformableMatch(**FOR_FEW).fit(images, labels).recogniser_
        ids = np.arange(first_id, first_id + len(images))
        own.ids, own.next_id = ids, first_id + len(images)
        # What came by teaching goes with its last image.
        own.labels = own.labels.all_taught()
        return Snapshot(own, "deformable"), tuple(ids.tolist())

    def _without_last(self, found: Snapshot | None) -> tuple[int, Snapshot | None]:
        """Return the number of the last change, and the model without it."""
        if not self._history:
            raise InputError("there is nothing to undo: no change since the model file was written")
        number, (change, mark) = next(reversed(self._history.items()))
        if change.kind == "teach" and change.ids and mark is not None and found is not None:
            found.forget(change.ids, mark)
            return number, found
        entries = [(at, change) for at, change in self.journal.changes() if at != number]
        return number, self._replayed(entries, remember=False)

    def _replayed(self, entries: Iterable[tuple[int, Change]], remember: bool = True) -> Snapshot | None:
        """Return the model in the file after the changes that count."""
        found = self._opened()
        self._next_id = 0 if found is None else found.own.next_id
        changes = effective(entries)
        for number, change in changes:
            mark = None if found is None else found.mark
            try:
                found, _ = self._changed(found, change, known=True)
            except InputError as error:
                raise JournalError(f"entry {number} of {plain(self.name)} cannot be: {error}") from error
            if remember:
                self._remember(number, change, mark)
        self._next_id = max(self._next_id, self.journal.last_id + 1)
        if found is not None:
            found.own.next_id = self._next_id
            if changes:
                found.recalibrate()
        return found

    def _opened(self) -> Snapshot | None:
        """Return the model in the file, or nothing where there is none."""
        if self.path is None or not self.path.exists():
            return None
        model = load_model(self.path)
        if model.recogniser_.image_shape is None or model.recogniser_.image_shape[2:] not in ((), (3,)):
            raise InputError(
                f"{plain(self.path)} is no model of gray or colour images: expected one, for images are asked"
            )
        self._type, self._parameters = type(model), model.get_params(deep=False)
        self.ink = ink_of(model.recogniser_)
        return Snapshot(model.recogniser_, idea_of(model).name)

    def _recalibrate(self) -> None:
        """Work out anew how sure answers are, whenever nothing was changed for a while."""
        while self._stale.wait() and not self._closed.is_set():
            found = self.snapshot
            self._stale.clear()
            if self._stale.wait(_QUIET):
                continue
            if found is not None and found is self.snapshot:
                found.recalibrate()


def _journal_of(path: Path | None) -> Journal:
    """Return the journal beside a model file, which only they can read who can read the model."""
    if path is None:
        return Journal(None, "")
    beside = path.with_name(path.name + SUFFIX)
    if not path.exists():
        return Journal(beside, "")
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        with suppress(FileExistsError):
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError as error:
        raise JournalError(f"{plain(beside)} cannot be made: {error.strerror or error}") from error
    return Journal(beside, digest)


def check_known(path: Path) -> None:
    """Refuse a path where there is neither a model file nor a journal that could become one."""
    if not path.exists() and not path.with_name(path.name + SUFFIX).exists():
        raise ModelFileError(f"{plain(path)} is not there: expected a model file")


def name_of(path: Path) -> str:
    """Return what the model in a file is called."""
    name = path.name.removesuffix(ENDING)
    if not name or not name.isprintable():
        raise InputError(f"{quoted(path)} has a name that cannot be shown: rename it")
    return name


class Service:
    """Models by name, each served from its file and its journal.

    Parameters
    ----------
    paths : iterable of Path
        Model files; each is called as its file is, without the ending.
    folder : Path or None
        Where models are kept that are made here; those in it are served too. None keeps them in memory.
    """

    def __init__(self, paths: Iterable[Path] = (), folder: Path | None = None) -> None:
        self.folder = folder
        #: Whether every model has answered once.
        self.ready = False
        self._models: dict[str, ServedModel] = {}
        self._lock = threading.Lock()
        try:
            for path in (*paths, *self._in_folder()):
                check_known(path)
                self._open(path)
        except BaseException:
            self.close()
            raise

    def _in_folder(self) -> Iterator[Path]:
        """Yield the model files in the folder, and those that are to be where only a journal is."""
        if self.folder is not None and self.folder.is_dir():
            ours = {
                path.with_name(path.name.removesuffix(SUFFIX)) for path in self.folder.glob(f"*{ENDING}*")
            }
            yield from sorted(path for path in ours if path.suffix == ENDING)

    def _open(self, path: Path) -> None:
        name = name_of(path)
        if name in self._models:
            if path.parent == self.folder:
                return  # what was named comes before what was made here
            raise InputError(f"two models are called {quoted(name)}: rename one of them")
        self._models[name] = ServedModel(name, path)

    def warm(self) -> None:
        """Let every model answer once: the first answers compile, and work out how sure they are."""
        for model in self:
            if model.snapshot is not None:
                model.snapshot.assess(np.zeros((1, *model.shape), np.uint8))
        self.ready = True

    def __iter__(self) -> Iterator[ServedModel]:
        return iter(list(self._models.values()))

    def __getitem__(self, name: str) -> ServedModel:
        if name not in self._models:
            raise UnknownNameError(unknown("model", name, self._models))
        return self._models[name]

    def create(self, name: str) -> ServedModel:
        """Make an empty model, which begins with what it is taught."""
        if not _NAME.fullmatch(name) or PureWindowsPath(name).is_reserved():
            raise InputError(f"the name is {quoted(name, 50)}: expected up to 40 letters, digits, - and _")
        with self._lock:
            if any(name.lower() == known.lower() for known in self._models):
                raise TakenError(f"there is a model called {quoted(name)}: choose another name")
            if len(self._models) >= _MOST_MODELS:
                raise InputError(f"there are {_MOST_MODELS} models: that is as many as one service serves")
            if self.folder is not None:
                self.folder.mkdir(parents=True, exist_ok=True)
            path = None if self.folder is None else self.folder / f"{name}{ENDING}"
            self._models[name] = ServedModel(name, path)
            return self._models[name]

    def close(self) -> None:
        """Finish what waits in every model, and let go of the files."""
        for model in self:
            model.close()


class TakenError(InputError):
    """Somebody was faster: a name is taken, or a change is not the last one any more."""
