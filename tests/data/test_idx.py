import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from making import gray, idx, write_idx

import lookalike
from lookalike.data.readers.idx import find, parse
from lookalike.errors import DataError, LookalikeError

IMAGES = np.stack([gray(seed) for seed in range(20)])
LABELS = np.arange(20) % 4


@given(arrays(np.uint8, array_shapes(min_dims=3, max_dims=3, max_side=6)), st.booleans())
def test_round_trip(array, packed):
    data = gzip.compress(idx(array)) if packed else idx(array)
    result = parse(data, "x", rank=3)
    np.testing.assert_array_equal(result, array)
    assert result.flags.writeable
    assert result.flags.c_contiguous


@pytest.mark.parametrize("style", ["-", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_four_files(tmp_path, style, packed):
    write_idx(tmp_path, IMAGES, LABELS, "train", style, packed)
    write_idx(tmp_path, IMAGES[:8], LABELS[:8], "t10k", style, packed)
    train, valid = lookalike.load(tmp_path)
    np.testing.assert_array_equal(train.images, IMAGES)
    np.testing.assert_array_equal(train.labels, LABELS)
    np.testing.assert_array_equal(valid.images, IMAGES[:8])
    assert train.labels.dtype == np.int64
    assert train.names == tuple(str(index) for index in range(20))
    assert (train.source.part, valid.source.part, valid.source.reader) == ("train", "test", "IDX")
    assert "There is no validation part: the test part stands for it." in valid.source.notes


def test_gzip_is_told_by_content(tmp_path):
    path = write_idx(tmp_path, IMAGES, LABELS, packed=False)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert sum(map(len, lookalike.load(tmp_path))) == 20


def test_a_plain_file_is_preferred_to_its_twin(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS, packed=False)
    write_idx(tmp_path, IMAGES[:8], LABELS[:8], packed=True)
    assert sum(map(len, lookalike.load(tmp_path))) == 20


def test_one_images_file_finds_its_labels(tmp_path):
    write_idx(tmp_path, IMAGES[:8], LABELS[:8], "emnist-letters-train")
    path = write_idx(tmp_path, IMAGES, LABELS, "emnist-digits-train")
    train, valid = lookalike.load(path)
    assert len(train) + len(valid) == 20
    assert train.source.notes[0].startswith("EMNIST is published with rows and columns exchanged: look at")
    with pytest.raises(DataError, match=r"several IDX sets here.*give the images file itself"):
        lookalike.load(tmp_path)
    with pytest.raises(DataError, match=r"is IDX but is not called \.\.\.images-idx3-ubyte"):
        lookalike.load(tmp_path / "emnist-digits-train-labels-idx1-ubyte.gz")


def test_images_without_labels(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="has no labels: expected 'train-labels-idx1-ubyte' beside it"):
        lookalike.load(tmp_path)


def test_other_counts(tmp_path):
    write_idx(tmp_path, IMAGES, LABELS[:-1])
    with pytest.raises(DataError, match="has 20 images and 19 labels"):
        lookalike.load(tmp_path)


def test_labels_where_images_should_be(tmp_path):
    write_idx(tmp_path, LABELS, LABELS)
    with pytest.raises(DataError, match="holds labels: expected images"):
        lookalike.load(tmp_path)


def test_images_without_pixels(tmp_path):
    write_idx(tmp_path, np.zeros((20, 0, 3)), LABELS)
    with pytest.raises(DataError, match="expected at least one pixel"):
        lookalike.load(tmp_path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_trailing_and_missing_bytes(pack):
    whole = idx(IMAGES)
    with pytest.raises(DataError, match="is truncated: it holds 255 bytes, its header announces 256"):
        parse(pack(whole[:-1]), "x", 3)
    with pytest.raises(DataError, match=r"has trailing bytes|unpacks to more than the 256 bytes expected"):
        parse(pack(whole + b"\0"), "x", 3)


def test_truncated_gzip_and_bytes_after_it():
    packed = gzip.compress(idx(IMAGES))
    with pytest.raises(DataError, match="is truncated gzip"):
        parse(packed[:-1], "x", 3)
    with pytest.raises(DataError, match="has 4 bytes after its gzip end"):
        parse(packed + b"more", "x", 3)


@pytest.mark.parametrize(
    "head", [b"", b"\0\0\x08", b"\x89PNG", b"\0\0\x0d\x03" + bytes(12), b"\0\0\x08\x02" + bytes(8)]
)
def test_other_magic_numbers(head):
    with pytest.raises(DataError, match="expected IDX of bytes, 00 00 08 03"):
        parse(head, "x", 3)


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 1, 4, 4) + bytes(200 * 2**20), 1)
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to more than the 32 bytes expected"):
        parse(bomb, "x", 3)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_header_that_announces_too_much():
    with pytest.raises(DataError, match=r"announces 18,446,744,.* bytes: more than"):
        parse(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 4), "x", 3)


def test_find_keeps_parts_apart():
    files = ["a/train-images-idx3-ubyte", "a/train-labels-idx1-ubyte", "a/t10k-images.idx3-ubyte.gz"]
    files += ["a/t10k-labels.idx1-ubyte.gz", "readme"]
    pairs = find(files)
    assert pairs == {
        "train": (files[0], files[1]),
        "test": (files[2], files[3]),
    }


@given(st.data())
def test_mutated_bytes_are_read_or_refused(data):
    whole = bytearray(data.draw(st.sampled_from([idx(IMAGES), gzip.compress(idx(IMAGES))])))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, min(40, len(whole) - 1)))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        result = parse(bytes(whole[: cut or None]), "x", rank=3)
    except LookalikeError:
        return
    assert result.dtype == np.uint8
    assert result.ndim == 3
