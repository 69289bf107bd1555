import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.data.labelled import (
    LabelledImages,
    Source,
    face_values,
    from_arrays,
    natural_key,
    natural_order,
)
from lookalike.errors import InputError

IMAGES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["3", "7"], np.array([3, 7])),
        (["-1", "10"], np.array([-1, 10])),
        (["0", "10"], np.array([0, 10])),
        (["3", "03"], np.array(["3", "03"])),
        (["00", "01", "10"], np.array(["00", "01", "10"])),
        (["-0", "1"], np.array(["-0", "1"])),
        (["+3", "1"], np.array(["+3", "1"])),
        (["cat", "7"], np.array(["cat", "7"])),
        (["9" * 19, "1"], np.array(["9" * 19, "1"])),
        (["²", "1"], np.array(["²", "1"])),
        (["٣", "1"], np.array(["٣", "1"])),
        (["-", "1"], np.array(["-", "1"])),
        ([], np.array([], np.str_)),
    ],
)
def test_face_values(names, expected):
    result = face_values(names)
    assert result.dtype.kind == expected.dtype.kind
    np.testing.assert_array_equal(result, expected)


@given(st.lists(st.from_regex(r"-?[0-9]{1,20}|[a-z]", fullmatch=True), min_size=1))
def test_the_text_of_a_label_is_the_name_of_its_class(names):
    assert face_values(names).astype(str).tolist() == names


def test_natural_order():
    assert natural_order(["b", "a10", "a2", "10", "2", "a"]) == ["2", "10", "a", "a2", "a10", "b"]


@given(st.lists(st.from_regex(r"[ab0-9]{0,6}", fullmatch=True)))
def test_natural_order_agrees_with_numbers(names):
    import re

    def by_number(name):
        return [
            (0, int(part), "") if part.isdecimal() else (1, 0, part)
            for part in re.split("([0-9]+)", name)
            if part
        ]

    ordered = natural_order(names)
    assert [by_number(name) for name in ordered] == sorted(by_number(name) for name in names)


@given(st.text(), st.text())
def test_natural_keys_of_any_text_compare_and_tell_apart(one, other):
    assert (natural_key(one) == natural_key(other)) == (one == other)
    assert (natural_key(one) <= natural_key(other)) or (natural_key(one) > natural_key(other))


def test_very_long_numbers_are_ordered():
    assert natural_order(["1" + "0" * 5000, "9" * 5000]) == ["9" * 5000, "1" + "0" * 5000]


def test_leading_zeros_decide_last():
    assert natural_order(["01a", "1", "01", "1a"]) == ["01", "1", "01a", "1a"]


@pytest.mark.parametrize(
    "labels",
    [
        [7, 3, 7, 3],
        ["7", "3", "7", "3"],
        np.array([7, 3, 7, 3], np.uint8),
        np.array(["7", "3", "7", "3"], object),
    ],
)
def test_from_arrays(labels):
    result = from_arrays(IMAGES, labels)
    np.testing.assert_array_equal(result.labels, [7, 3, 7, 3])
    assert result.labels.dtype == np.int64
    assert result.class_names == ("3", "7")
    assert result.names == ("0", "1", "2", "3")
    assert result.counts() == {"3": 2, "7": 2}


@pytest.mark.parametrize("labels", [[1.5] * 4, [[1], [2], [3], [4]], [True] * 4, 3])
def test_labels_that_are_none(labels):
    with pytest.raises(InputError, match=r"labels are .*: expected \(n,\) integers or strings"):
        from_arrays(IMAGES, labels)


def test_other_counts_are_refused():
    with pytest.raises(InputError, match="3 labels for 4 images: expected one for each"):
        from_arrays(IMAGES, [1, 2, 3])
    with pytest.raises(InputError, match="2 names for 4 images"):
        LabelledImages(IMAGES, np.arange(4), ("0",), ("a", "b"))
    with pytest.raises(InputError, match="1 groups for 4 images"):
        LabelledImages(IMAGES, np.arange(4), ("0",), tuple("abcd"), groups=np.zeros(1))


def test_take_keeps_rows_together():
    whole = LabelledImages(IMAGES, np.array([3, 7, 3, 7]), ("3", "7"), tuple("abcd"), np.array([5, 6, 7, 8]))
    part = whole.take([2, 0])
    np.testing.assert_array_equal(part.images, IMAGES[[2, 0]])
    assert (part.labels.tolist(), part.names, part.groups.tolist()) == ([3, 3], ("c", "a"), [7, 5])
    assert part.counts() == {"3": 2, "7": 0}
    assert whole.take(slice(1, 3)).names == ("b", "c")


def test_notes_are_added():
    whole = from_arrays(IMAGES, [1, 1, 2, 2], source=Source("mine", notes=("one",)))
    assert whole.noted("two", part="valid").source == Source("mine", "valid", notes=("one", "two"))
    assert repr(whole) == "<LabelledImages mine (train): 4 images of 2x3 uint8, 2 classes>"


def test_hash_is_of_content():
    whole = from_arrays(IMAGES, [1, 1, 2, 2])
    assert whole.sha256() == from_arrays(np.asfortranarray(IMAGES), ["1", "1", "2", "2"]).sha256()
    others = [from_arrays(IMAGES, [1, 1, 2, 1]), from_arrays(IMAGES[:, ::-1], [1, 1, 2, 2])]
    others.append(from_arrays(IMAGES.reshape(4, 3, 2), [1, 1, 2, 2]))
    assert len({other.sha256() for other in (whole, *others)}) == 4
