import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import gray

import lookalike
from lookalike.errors import DataError, LookalikeError

IMAGES = np.stack([gray(seed) for seed in range(10)])
LABELS = np.arange(10) % 2


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("keys", [("x_train", "y_train", "x_test", "y_test")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_arrays_of_keras(tmp_path, keys, save):
    save(tmp_path / "mnist.npz", **dict(zip(keys, (IMAGES, LABELS, IMAGES[:4], LABELS[:4]), strict=True)))
    train, valid = lookalike.load(tmp_path / "mnist.npz")
    np.testing.assert_array_equal(train.images, IMAGES)
    np.testing.assert_array_equal(train.labels, LABELS)
    np.testing.assert_array_equal(valid.images, IMAGES[:4])
    assert (train.source.reader, valid.source.part) == ("npz", "test")


@pytest.mark.parametrize(
    "keys", [("images", "labels"), ("x", "y"), ("train_images", "train_labels"), ("x_train", "y_train")]
)
def test_one_part_is_split(tmp_path, keys):
    path = write(tmp_path / "s.npz", **dict(zip(keys, (IMAGES, LABELS), strict=True)), extra=LABELS)
    train, valid = lookalike.load(path)
    assert (len(train), len(valid)) == (8, 2)
    for part in (train, valid):
        np.testing.assert_array_equal(part.images, IMAGES[[int(name) for name in part.names]])
    assert "Arrays left out: 'extra'." in train.source.notes


def test_other_dtypes_orders_and_shapes(tmp_path):
    floats = (IMAGES / 255).astype(">f8")
    texts = np.array(["ja", "nein"])[LABELS][:, None]
    train, _ = lookalike.load(write(tmp_path / "s.npz", x=np.asfortranarray(floats), y=texts))
    assert train.images.dtype == np.uint8
    assert train.class_names == ("ja", "nein")
    np.testing.assert_array_equal(train.images, IMAGES[[int(name) for name in train.names]])
    colour = np.repeat(IMAGES[..., None], 3, axis=3)
    assert lookalike.load(write(tmp_path / "s.npz", x=colour, y=LABELS))[0].images.shape == (8, 4, 3, 3)


def test_inner_floats_are_resized_too(tmp_path):
    floats = np.linspace(0, 1, 10 * 16).reshape(10, 4, 4)
    train, _ = lookalike.load(write(tmp_path / "s.npz", x=floats, y=LABELS), size=2)
    assert train.images.shape == (8, 2, 2)
    assert train.images.dtype == np.float64


def test_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    path = write(tmp_path / "s.npz", x=IMAGES, y=np.array([Trap()] * 10, object))
    with pytest.raises(DataError, match=r"'y' in .* holds objects or records, which could run code"):
        lookalike.load(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": IMAGES}, r"holds 'a': expected x_train and y_train, train_images"),
        ({"images": IMAGES}, r"lacks 'labels': expected"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, r"lacks 'y_test'"),
        ({"x": IMAGES, "y": LABELS[:-1]}, r"10 images with 9 labels"),
        ({"x": IMAGES.astype(np.int32), "y": LABELS}, r"x in '.*': images are int32: expected uint8"),
        ({"x": IMAGES.reshape(10, -1), "y": LABELS}, r"images have shape \(10, 12\)"),
        ({"x": IMAGES, "y": LABELS / 2}, r"labels of x .* are float64"),
        ({"x": IMAGES, "y": np.eye(2)[LABELS]}, r"labels of x .* of shape \(10, 2\)"),
        ({"x": IMAGES, "y": np.array([b"\xff", b"a"])[LABELS]}, r"are no text"),
    ],
)
def test_what_was_expected_is_said(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        lookalike.load(write(tmp_path / "s.npz", **arrays))


def npy(descr, shape, body):
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + body


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy("|u1", (10**9, 1000, 1000), b"x"), r"holds 1 bytes: its header announces uint8 of shape"),
        (npy("|u1", (2, 3, 4), bytes(23)), r"holds 23 bytes"),
        (npy("|u1", (2, 3, 4), bytes(25)), r"holds 25 bytes"),
        (npy("|u1", (-2, -3, 4), bytes(24)), r"holds 24 bytes"),
        (npy("|S0", (5, 3, 4), b""), r"holds 0 bytes"),
        (npy([("a", "|u1")], (2, 3, 4), bytes(24)), r"objects or records"),
        (b"\x93NUMPY\x01\x00\x10\x00{'descr':[[[[[[[[", r"no readable \.npy header"),
        (b"\x93NUMPY\x09\x00\x10\x00", r"no readable \.npy header"),
        (b"", r"no readable \.npy header"),
    ],
)
def test_members_are_checked_before_an_array_is_made(tmp_path, member, message):
    path = write(tmp_path / "s.npz", y=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", member)
    with pytest.raises(DataError, match=message):
        lookalike.load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_members_are_read_or_refused(tmp_path, data):
    file = BytesIO()
    np.save(file, IMAGES)
    member = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        member[data.draw(st.integers(0, 130))] = data.draw(st.integers(0, 255))
    path = write(tmp_path / "s.npz", y=LABELS)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", bytes(member[: data.draw(st.integers(0, len(member))) or None]))
    try:
        train, _ = lookalike.load(path)
    except LookalikeError:
        return
    assert len(train) == 8
