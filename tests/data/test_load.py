import gzip

import numpy as np
import pytest
from making import encoded, gray, write_folder, write_idx

import lookalike
from lookalike.data.labelled import Split
from lookalike.errors import DataError, InputError


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "set", {"a": 10, "b": 20, "c": 5})


def test_the_result_is_a_named_pair(folder):
    split = lookalike.load(folder)
    assert isinstance(split, Split)
    assert split.train is split[0]
    assert split.train.source.name == str(folder)


def test_the_seed_decides_the_split(folder):
    names = [lookalike.load(folder, seed=seed).valid.names for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


def test_classes_limit_and_size_together(folder):
    train, valid = lookalike.load(folder, classes=["c", "b"], limit=4, size=7, seed=3)
    assert train.class_names == valid.class_names == ("b", "c")
    assert (len(train), len(valid)) == (4, 4)
    assert train.images.shape == (4, 7, 7)
    assert len(train.source.notes) == 3
    assert set(lookalike.load(folder, seed=3).train.names) >= set(train.names)


def test_only_what_is_drawn_is_read(folder):
    told = []
    lookalike.load(folder, limit=5, progress=lambda *what: told.append(what))
    assert [what for what in told if what[1] == what[2]] == [("reading images", 5, 5)] * 2


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_no_seeds(folder, seed):
    with pytest.raises(InputError, match=r"seed is .*: expected a whole number of at least 0"):
        lookalike.load(folder, seed=seed)


@pytest.mark.parametrize("limit", [1.5, "3", True, -1, 0, 2])
def test_no_limits(folder, limit):
    with pytest.raises(InputError, match=r"limit is .*: expected"):
        lookalike.load(folder, limit=limit)


def test_one_class_is_no_set_however_it_comes(folder, tmp_path):
    with pytest.raises(DataError, match=r"has one class only \('a'\)"):
        lookalike.load(folder, classes=["a"])
    write_idx(tmp_path, np.zeros((3, 2, 2)), [1, 1, 1])
    with pytest.raises(DataError, match=r"has one class only \('1'\)"):
        lookalike.load(tmp_path / "train-images-idx3-ubyte.gz")


def test_no_validation_image_of_these_classes(tmp_path):
    write_folder(tmp_path / "train", {"a": 1, "b": 1, "c": 1})
    write_folder(tmp_path / "valid", {"c": 1})
    train, valid = lookalike.load(tmp_path)
    assert valid.class_names == train.class_names
    with pytest.raises(DataError, match=r"the valid part of .* has no image of these classes"):
        lookalike.load(tmp_path, classes=["a", "b"])


def test_a_single_image_of_a_class(tmp_path):
    train, valid = lookalike.load(write_folder(tmp_path, {"a": 1, "b": 5}))
    assert train.counts() == {"a": 1, "b": 4}
    assert valid.counts() == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"text", gzip.compress(b"text"), encoded(gray())],
    ids=["empty", "text", "packed text", "a picture"],  # bytes in a name would carry the time
)
def test_a_file_that_is_no_data(tmp_path, content):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"file\.bin' cannot be read as labelled images: expected an image folder"
    ):
        lookalike.load(path)


def test_a_path_that_no_system_takes():
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        lookalike.load("a" * 5000)
    with pytest.raises(lookalike.UnknownNameError, match=r"no data set is called 'a\\x00b'"):
        lookalike.load("a\0b")


def test_largest_and_smallest_images(tmp_path):
    write_folder(tmp_path / "one", {"a": 2, "b": 2}, shape=(1, 1))
    assert lookalike.load(tmp_path / "one").train.images.shape == (2, 1, 1)
    write_folder(tmp_path / "wide", {"a": 2, "b": 2}, shape=(1, 5000))
    assert lookalike.load(tmp_path / "wide").train.images.shape == (2, 1, 5000)


def test_a_batch_that_would_not_fit(folder, monkeypatch):
    monkeypatch.setattr("lookalike.data.readers.listing.MAX_ARRAY_BYTES", 100)
    with pytest.raises(
        DataError, match=r"28 images of 4 x 3 need 336 bytes, more than 100: give size= or limit="
    ):
        lookalike.load(folder)
