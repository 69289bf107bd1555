"""The labels that a file describes, which may be anybody's."""

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.recognition import labels
from lookalike.recognition.labels import LABELS, LabelTable, as_classes


def read(dtype, values, taught=None):
    marks = [True] * len(values) if taught is None else taught
    return LABELS.check("labels", {"dtype": dtype, "values": values, "taught": marks})


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("<U3", ["a", "abc"]),
        ("<U1234567", ["a"]),
        ("object", ["a", "b"]),
        ("|b1", [False, True]),
        ("<f4", [0.5, 7.0]),
    ],
)
def test_labels_are_read_as_they_were_written(dtype, values):
    table = read(dtype, values)
    assert table.classes.tolist() == values
    assert LABELS.plain(table) == {"dtype": dtype, "values": values, "taught": [True] * len(values)}


@pytest.mark.parametrize(
    ("dtype", "values", "message"),
    [
        ("<f2", [0.7, 2.0], "classes are not what float16 holds in ascending order"),  # it would hold 0.7002
        ("<f2", [0.1, 2.0], "classes are not what float16 holds"),
        ("<f8", [1.0, float("inf")], "classes are not what float64 holds"),
        ("<f8", [float("nan")], "classes are not what float64 holds"),
        ("<i8", [2, 1], "classes are not what int64 holds"),
        ("<i8", [1, 1], "classes are not what int64 holds"),
        ("<i8", [2**70], "is no number of 64 bits: expected one"),
        ("<i8", [True], "classes are not all"),
        ("<i8", [1.0], "classes are not all"),
        ("<i8", [], "classes are not all"),
        ("<U9999999999", ["a"], "the dtype of labels is '<U9999999999'"),
        ("<U99999999999", ["a"], "the dtype of labels is '<U99999999999'"),
        ("<M8", ["a"], "the dtype of labels is '<M8'"),
        (7, ["a"], "the dtype of labels is 7"),
    ],
)
def test_labels_that_are_none_are_refused(dtype, values, message):
    with pytest.raises(InputError, match=message):
        read(dtype, values)


def test_integers_are_of_64_bits_and_texts_take_little_memory(monkeypatch):
    least, most = np.iinfo(np.int64).min, np.iinfo(np.uint64).max
    assert as_classes([least, 1], np.dtype("<i4")).tolist() == [least, 1]
    assert as_classes([1, most], np.dtype("<u4")).tolist() == [1, most]
    for values, message in (
        ([least - 1], "no number"),
        ([most + 1], "no number"),
        ([-1, most], "no integers"),
    ):
        with pytest.raises(InputError, match=f"{message} of 64 bits"):
            as_classes(values, np.dtype("<i8"))
    monkeypatch.setattr(labels, "_MOST_BYTES", 80)
    assert as_classes(["ab", "abcdefghij"], np.dtype("<U1")).dtype == "<U10"
    with pytest.raises(InputError, match="2 labels of 11 characters: expected shorter ones"):
        as_classes(["ab", "abcdefghijk"], np.dtype("<U1"))


@pytest.mark.parametrize(
    "classes", [np.array([0.5], np.longdouble), np.array([1], "M8[D]"), np.array([b"a"])]
)
def test_other_labels_cannot_be_stored(classes):
    with pytest.raises(InputError, match="expected integers or texts, nothing else can be stored"):
        LABELS.plain(LabelTable(classes, classes.dtype, (False,)))


@pytest.mark.parametrize("taught", [[True], [True, 1], "ab", [True] * 3])
def test_marks_of_what_was_taught_are_one_for_each_class(taught):
    with pytest.raises(InputError, match=r"expected as many values as marks|expected true or false"):
        read("<i8", [1, 2], taught)
