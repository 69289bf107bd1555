"""The labels of a model as they come and go: of any dtype, added by teaching and taken away again."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.labelled import face_values, plain_labels
from lookalike.errors import InputError, LabelWarning, warn
from lookalike.files import MAX_NAME
from lookalike.state import Fact
from lookalike.text import listed, name_notes, one_form, quoted

#: What numbers and texts are called, by NumPy's kinds.
_KINDS = {"i": "whole numbers", "u": "whole numbers", "U": "texts", "O": "texts", "b": "truth values"}
_KINDS["f"] = "numbers"
_PLAIN: dict[str, type | tuple[type, ...]] = {"i": int, "u": int, "U": str, "O": str, "b": bool}
_PLAIN["f"] = (int, float)
#: The most bytes that class names take: a dtype from outside may say any width.
_MOST_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class LabelTable:
    """The labels that class codes stand for.

    Classes of the first fit always stay; one that came by teaching goes with its last image. Whole numbers
    are texts while one that was taught is no number, as they are where a folder of a set has such a name.
    """

    classes: NDArray[Any]  # the labels, sorted
    fit_dtype: np.dtype[Any]  # their dtype before any was taught
    taught: tuple[bool, ...]  # which came by teaching

    @classmethod
    def of(cls, classes: NDArray[Any]) -> LabelTable:
        """Return the labels of a fit."""
        return cls(classes, classes.dtype, (False,) * len(classes))

    def grown(self, labels: ArrayLike, n: int) -> tuple[LabelTable, NDArray[np.intp]]:
        """Return the table with the labels of ``n`` further images in it, and their codes in that table."""
        before = self.classes.tolist()
        faced = _faced([*before, *_of_the_kind(labels, n, self)], self.fit_dtype)
        marks, values = dict(zip(faced, self.taught, strict=False)), faced[len(before) :]
        after = sorted({*marks, *values})
        places = {label: place for place, label in enumerate(after)}
        codes = np.array([places[label] for label in values], dtype=np.intp)
        classes = as_classes(after, self.fit_dtype)
        self._say_kind(classes)
        if len(after) > len(marks):
            for note in name_notes(label for label in after if isinstance(label, str)):
                warn(note, LabelWarning)
        return LabelTable(classes, self.fit_dtype, tuple(marks.get(label, True) for label in after)), codes

    def all_taught(self) -> LabelTable:
        """Return the table of a model that began empty: every class goes with its last image."""
        return replace(self, taught=(True,) * len(self.classes))

    def without_empty(self, counts: NDArray[np.int64]) -> LabelTable:
        """Return the table without what was taught and has no image left."""
        left = [place for place, taught in enumerate(self.taught) if not taught or counts[place]]
        faced = _faced(self.classes[left].tolist(), self.fit_dtype)
        marks = sorted(zip(faced, (self.taught[place] for place in left), strict=True))
        classes = as_classes([label for label, _ in marks], self.fit_dtype)
        self._say_kind(classes)
        return LabelTable(classes, self.fit_dtype, tuple(taught for _, taught in marks))

    def _say_kind(self, classes: NDArray[Any]) -> None:
        """Warn where labels that were numbers are texts in another table, or are numbers again."""
        now = classes.dtype.kind == "U"
        if self.fit_dtype.kind in "iu" and now != (self.classes.dtype.kind == "U"):
            said = "are texts now, for not all are whole numbers" if now else "are whole numbers again"
            warn(f"the labels of this model {said} ({listed(classes.tolist(), 3)})", LabelWarning)

    def from_text(self, text: str, what: str = "the label") -> Any:
        """Return the label that a text stands for, of the kind that the classes are.

        Raises
        ------
        InputError
            The text is empty, too long or not printable.
        """
        if not 0 < len(text.strip()) <= MAX_NAME or not text.isprintable():
            raise InputError(f"{what} is {quoted(text, 40)}: expected 1 to {MAX_NAME} printable characters")
        if self.classes.dtype.kind not in "iu":
            return text
        return face_values([text])[0].item()

    def moved_to(self, other: LabelTable) -> NDArray[np.intp]:
        """Return the place of each label in another table, -1 where it is gone."""
        places = {str(label): place for place, label in enumerate(other.classes.tolist())}
        return np.array([places.get(str(label), -1) for label in self.classes.tolist()], dtype=np.intp)

    def is_of(self, classes: NDArray[Any]) -> bool:
        """Return whether sorted labels are those of the table; numbers may be those that are texts now."""
        if self._are_spelled and classes.dtype.kind in "iu":
            return bool(sorted(map(str, classes.tolist())) == self.classes.tolist())
        return bool(np.array_equal(classes, self.classes))

    @property
    def _are_spelled(self) -> bool:
        """Whether the labels of the fit were whole numbers, and are texts since another was taught."""
        return self.fit_dtype.kind in "iu" and self.classes.dtype.kind == "U"

    def codes_of(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        """Return the code of each label, refusing labels that are none of the classes."""
        places: dict[Any, int] = {one_form(label): code for code, label in enumerate(self.classes.tolist())}
        if self._are_spelled and labels.dtype.kind in "iu":
            labels = labels.astype(str)
        values, inverse = np.unique(labels, return_inverse=True)
        for value in values.tolist():
            if value not in places:
                raise InputError(
                    f"label {value!r} is none of the classes {self.classes}: name it in classes at first"
                )
        return np.array([places[value] for value in values.tolist()], dtype=np.intp)[inverse]


def as_classes(values: Sequence[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values as an array of a dtype, or of the least wider one of its kind that holds them all.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.labels import as_classes
    >>> as_classes(["cat", "horse"], np.dtype("<U3"))
    array(['cat', 'horse'], dtype='<U5')
    >>> as_classes(["0", "blank"], np.dtype(np.int64))
    array(['0', 'blank'], dtype='<U5')
    """
    if dtype.kind in "iu" and any(isinstance(value, str) for value in values):
        dtype = np.dtype("<U1")
    if dtype.kind == "U":
        width = max(dtype.itemsize // 4, *(len(value) for value in values), 1)
        if width * 4 * len(values) > _MOST_BYTES:
            raise InputError(f"{len(values)} labels of {width} characters: expected shorter ones")
        return np.array(values, dtype=f"{dtype.byteorder}U{width}")
    if dtype.kind in "iu":
        for value in values:
            if not -(2**63) <= value < 2**64:
                raise InputError(f"label {reprlib.repr(value)} is no number of 64 bits: expected one")
        wider = [np.min_scalar_type(value) for value in values if not _fits(value, dtype)]
        wide = np.result_type(dtype, *wider) if wider else dtype
        if wide.kind not in "iu":
            raise InputError(f"labels {min(values)} and {max(values)} fit no integers of 64 bits")
        return np.array(values, dtype=wide)
    return np.array(values, dtype=dtype)


def _fits(value: int, dtype: np.dtype[Any]) -> bool:
    """Return whether an integer dtype holds a value."""
    return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)


def _faced(values: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    """Return labels of a model as they are together: where it was fitted on numbers, texts if one is none."""
    if dtype.kind not in "iu" or not any(isinstance(value, str) for value in values):
        return values
    faced: list[Any] = face_values([str(value) for value in values]).tolist()
    return faced


def _of_the_kind(labels: ArrayLike, n: int, table: LabelTable) -> list[Any]:
    """Return ``n`` labels as plain values of the kind that the classes have; beside numbers texts may be."""
    classes, of_numbers = table.classes, table.fit_dtype.kind in "iu"
    values = plain_labels(labels)
    if values.shape != (n,):
        raise InputError(f"labels have shape {values.shape}: expected ({n},), one for each image")
    plain = values.tolist()
    kind = table.fit_dtype.kind
    expected = _KINDS[kind] + " or texts" * of_numbers
    for label in plain:
        right = isinstance(label, _PLAIN[kind]) and (kind == "b" or not isinstance(label, bool))
        right = right or (of_numbers and isinstance(label, str))
        if not right or (kind == "f" and label != round(label)):
            raise InputError(
                f"label {reprlib.repr(label)} is no class of this model's kind: expected {expected}, as "
                f"{', '.join(reprlib.repr(known) for known in classes[:3].tolist())} are; for classes of "
                "another kind fit again"
            )
    if of_numbers:
        return [*map(one_form, plain)]
    if kind in "UO":
        known = {one_form(label): label for label in classes.tolist()}
        return [known.get(one_form(label), one_form(label)) for label in plain]
    return [float(label) for label in plain] if kind == "f" else plain


def _to_plain(table: LabelTable) -> dict[str, Any]:
    """Return classes as JSON can hold them."""
    classes, fit_dtype = table.classes, table.fit_dtype
    if fit_dtype.kind not in _PLAIN or (fit_dtype.kind == "f" and fit_dtype.itemsize > 8):
        raise InputError(
            f"labels are {classes.dtype}: expected integers or texts, nothing else can be stored"
        )
    values = classes.tolist()
    wanted = str if table._are_spelled else _PLAIN[fit_dtype.kind]
    if not all(isinstance(value, wanted) for value in values):
        raise InputError("labels are objects: expected integers or texts, nothing else can be stored")
    name = "object" if fit_dtype.kind == "O" else fit_dtype.str
    return {"dtype": name, "values": values, "taught": list(table.taught)}


def _from_plain(name: str, data: object) -> LabelTable:
    """Return the labels that plain data describe, refusing what is not sorted or not of its dtype."""
    if not isinstance(data, dict) or set(data) != {"dtype", "values", "taught"}:
        raise InputError("classes are of another form: expected dtype, values and taught")
    values, taught = data["values"], data["taught"]
    if not isinstance(values, list) or not isinstance(taught, list) or len(values) != len(taught):
        raise InputError("classes are of another form: expected as many values as marks of what was taught")
    dtype = _dtype(data["dtype"])
    spelled = dtype.kind in "iu" and all(isinstance(value, str) for value in values)
    if spelled and face_values(values).dtype.kind != "U":
        raise InputError(f"classes are texts of whole numbers: expected values of {dtype}")
    wanted = str if spelled else _PLAIN[dtype.kind]
    if not values or not all(
        isinstance(value, wanted) and (dtype.kind == "b" or not isinstance(value, bool)) for value in values
    ):
        raise InputError(f"classes are not all {_KINDS[dtype.kind]}: expected values of {dtype}")
    if not all(isinstance(mark, bool) for mark in taught):
        raise InputError("taught is of another form: expected true or false for each class")
    try:
        classes = as_classes(values, dtype)
    except (OverflowError, UnicodeError) as error:
        raise InputError(f"classes do not fit {dtype}: {error}") from error
    same = classes.tolist() == values and (dtype.kind != "f" or bool(np.isfinite(classes).all()))
    if not same or not (classes[1:] > classes[:-1]).all():
        raise InputError(f"classes are not what {dtype} holds in ascending order")
    return LabelTable(classes, dtype, tuple(taught))


def _dtype(name: object) -> np.dtype[Any]:
    """Return the dtype that a text from outside names."""
    if name == "object":
        return np.dtype(object)
    if isinstance(name, str) and len(name) <= 12 and name[:1] in ("<", ">", "|"):
        kind, size = name[1:2], name[2:]
        sizes = {"b": ("1",), "i": ("1", "2", "4", "8"), "u": ("1", "2", "4", "8"), "f": ("2", "4", "8")}
        if size in sizes.get(kind, ()) or (kind == "U" and size.isascii() and size.isdecimal()):
            try:
                return np.dtype(name)
            except (TypeError, ValueError):
                pass
    raise InputError(f"the dtype of labels is {reprlib.repr(name)}: expected one of integers or texts")


#: A label table in files.
LABELS = Fact(_from_plain, _to_plain)
