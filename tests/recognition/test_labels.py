"""The labels that a file describes, which may be anybody's."""

import numpy as np
import pytest

from lookalike import DeformableMatch, MeanImage, NearestImages
from lookalike.errors import InputError, LabelWarning
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
        ("<i8", ["1", "10", "blank"]),
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
        ("<i8", ["1", "2"], "classes are texts of whole numbers: expected values of int64"),
        ("<i8", [1, "a"], "classes are not all whole numbers"),
        ("<f8", ["a"], "classes are not all numbers"),
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


def numbers():
    return LabelTable.of(np.array([2, 3, 10]))


def test_a_text_beside_numbers_makes_texts_of_all_and_they_are_numbers_again_without_it():
    with pytest.warns(LabelWarning, match=r"are texts now, for not all are whole numbers \('10', '2', '3'"):
        table, codes = numbers().grown(["blank", "3", "7"], 3)
    assert table.classes.tolist() == ["10", "2", "3", "7", "blank"]
    assert (table.taught, codes.tolist()) == ((False, False, False, True, True), [4, 2, 3])
    assert numbers().moved_to(table).tolist() == [1, 2, 0]
    assert table.codes_of(np.array([10, 3])).tolist() == [0, 2]
    assert table.is_of(np.unique([2, 3, 7, 10])) is False
    # Further numbers are spelled as the others are.
    more, codes = table.grown(np.array([7, 11]), 2)
    assert (more.classes.tolist(), codes.tolist()) == (["10", "11", "2", "3", "7", "blank"], [4, 1])
    with pytest.warns(LabelWarning, match="are whole numbers again"):
        left = table.without_empty(np.array([1, 1, 1, 1, 0]))
    assert (left.classes.tolist(), left.classes.dtype.kind) == ([2, 3, 7, 10], "i")
    assert left.taught == (False, False, True, False)
    assert LABELS.check("labels", LABELS.plain(table)).classes.tolist() == table.classes.tolist()


@pytest.mark.parametrize("label", [True, 2.5, None])
def test_anything_else_is_no_label_beside_numbers(label):
    with pytest.raises(InputError, match="expected whole numbers or texts, as 2, 3, 10 are"):
        numbers().grown(np.array([label], object), 1)


@pytest.mark.parametrize("kind", [MeanImage, NearestImages, DeformableMatch])
def test_a_model_of_numbers_that_is_taught_a_text_is_one_fitted_on_texts(kind, digits):
    few, more = digits.train.take(slice(0, 60)), digits.train.images[60:64]
    labels = np.where(few.labels == 4, 12, few.labels)  # of another order as texts
    model = kind(prepare=None).fit(few.images, labels)
    asked = digits.valid.images[:60]
    before = model.predict_proba(asked)
    with pytest.warns(LabelWarning, match="are texts now"):
        ids = model.teach(more, ["-", "-", "3", "3"])
    model.partial_fit(digits.train.images[64:66], [7, 12])
    whole = [*map(str, labels.tolist()), "-", "-", "3", "3", "7", "12"]
    fresh = kind(prepare=None).fit(digits.train.images[:66], whole)
    np.testing.assert_array_equal(model.classes_, fresh.classes_)
    np.testing.assert_array_equal(model.predict(asked), fresh.predict(asked))
    np.testing.assert_allclose(model.class_distances(asked), fresh.class_distances(asked), atol=1e-12)
    if len(ids):
        np.testing.assert_allclose(model.predict_proba(asked), fresh.predict_proba(asked), atol=1e-9)
        with pytest.warns(LabelWarning, match="whole numbers again"):
            model.forget([*ids, *model.ids_[-2:]])
        assert model.classes_.tolist() == np.unique(labels).tolist()
        np.testing.assert_allclose(model.predict_proba(asked), before, atol=1e-12)
