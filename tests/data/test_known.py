import gzip
import zipfile
from dataclasses import replace
from hashlib import sha256
from io import BytesIO

import numpy as np
import pytest
from making import encoded, gray, write_folder

import lookalike
from lookalike.data import known as known_sets
from lookalike.data import known as sets
from lookalike.data.known import KNOWN, PublishedFile, known_set
from lookalike.errors import DataError, UnknownNameError

TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


def put(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def assert_is(tiny):
    train, valid = lookalike.load("tiny")
    np.testing.assert_array_equal(train.images, tiny.arrays[TRAIN_IMAGES])
    np.testing.assert_array_equal(valid.images, tiny.arrays[TEST_IMAGES])
    return train, valid


def test_files_as_published_or_unpacked(surroundings, tiny):
    tiny()
    put(surroundings / "data" / "tiny", tiny.packed)
    assert assert_is(tiny)[0].source.notes == ("There is no validation part: the test part stands for it.",)
    for style in ("-idx", ".idx"):
        for path in (surroundings / "data" / "tiny").iterdir():
            path.unlink()
        put(
            surroundings / "data" / "tiny",
            {name.removesuffix(".gz").replace("-idx", style): data for name, data in tiny.plain.items()},
        )
        train, _ = assert_is(tiny)
        assert any("No hash of the unpacked" in note for note in train.source.notes)


def test_one_zip_named_after_the_set(surroundings, tiny):
    tiny()
    with zipfile.ZipFile(surroundings / "data" / "tiny.zip", "w") as archive:
        for name, data in tiny.packed.items():
            archive.writestr(f"tiny/{name}", data)
    assert_is(tiny)
    with zipfile.ZipFile(surroundings / "data" / "tiny.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(DataError, match=r"tiny\.zip' lacks train-images-idx3-ubyte\.gz"):
        lookalike.load("tiny")


def test_own_data_comes_before_the_cache_and_is_checked(surroundings, tiny):
    known = tiny()
    put(known_sets.cache_of(known), tiny.packed)
    assert_is(tiny)
    assert known_sets.where(known).kind == "cache"
    put(
        surroundings / "data" / "tiny",
        tiny.packed | {TRAIN_IMAGES: gzip.compress(tiny.plain[TRAIN_IMAGES][:-1] + b"x")},
    )
    assert known_sets.where(known).kind == "data folder"
    with pytest.raises(DataError, match=r"data/tiny/train-images-idx3-ubyte\.gz' is not the published file"):
        lookalike.load("tiny")
    (surroundings / "data" / "tiny" / TRAIN_IMAGES).write_bytes(tiny.packed[TRAIN_IMAGES][:20])
    with pytest.raises(DataError, match="is truncated gzip"):
        lookalike.load("tiny")
    (surroundings / "data" / "tiny" / TRAIN_IMAGES).write_bytes(gzip.compress(bytes(10**6)))
    with pytest.raises(DataError, match="unpacks to more than the 124 bytes"):
        lookalike.load("tiny")


def test_writers_fill_the_groups(surroundings, tiny):
    tiny()
    folder = surroundings / "data" / "tiny"
    put(folder, tiny.packed)
    writers = np.arange(12) // 3
    text = "\n".join(["writer", *map(str, writers), ""])
    (folder / "train-writers.csv.gz").write_bytes(gzip.compress(text.encode()))
    train, valid = lookalike.load("tiny")
    np.testing.assert_array_equal(train.groups, writers)
    assert valid.groups is None
    drawn, _ = lookalike.load("tiny", limit=4)
    np.testing.assert_array_equal(drawn.groups, writers[[int(name) for name in drawn.names]])
    for wrong in ("writer\n1\n", text.replace("writer", "name"), text.replace("\n1", "\nx")):
        (folder / "train-writers.csv.gz").write_bytes(gzip.compress(wrong.encode()))
        with pytest.raises(DataError, match="is not a writer for each of 12 images: mend or remove it"):
            lookalike.load("tiny")


def test_omniglot_is_read_from_zips_that_hold_some_drawings_twice(surroundings, monkeypatch):
    drawings = {
        f"{a}/character0{c}/000{c}_0{d}.png": encoded(gray(d)) for a in "AB" for c in (1, 2) for d in (1, 2)
    }
    zips = {}
    for number, alphabets in ((1, "A"), (2, "AB")):
        file = BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("s/readme.txt", "x")
            for path, data in drawings.items():
                if path[0] in alphabets:
                    archive.writestr(f"s{number}/{path}", data)
        zips[f"images_background_small{number}.zip"] = file.getvalue()
    known = known_set("omniglot-small")
    files = tuple(PublishedFile(n, len(d), len(d), sha256(d).hexdigest()) for n, d in zips.items())
    monkeypatch.setattr(sets, "KNOWN", (replace(known, files=files),))
    put(surroundings / "data" / "omniglot", zips)
    split = lookalike.load("omniglot-small")
    assert split.train.class_names == ("A/character01", "A/character02", "B/character01", "B/character02")
    assert sorted(name for part in split for name in part.names) == sorted(drawings)
    assert {group for part in split for group in part.groups} == {"A/01", "A/02", "B/01", "B/02"}
    put(
        surroundings / "data" / "omniglot",
        dict.fromkeys(zips, b"x" * len(zips["images_background_small1.zip"])),
    )
    with pytest.raises(DataError, match="is not the published file"):
        lookalike.load("omniglot-small")


def test_a_packed_hash_is_checked(surroundings, tiny, monkeypatch):
    packed = {name: sha256(data).hexdigest() for name, data in tiny.packed.items()}
    known = tiny()
    files = tuple(replace(f, sha256=None, md5=None, packed_sha256=packed[f.name]) for f in known.files)
    monkeypatch.setattr(sets, "KNOWN", (replace(known, files=files),))
    put(surroundings / "data" / "tiny", tiny.packed)
    assert_is(tiny)
    put(surroundings / "data" / "tiny", {TRAIN_IMAGES: gzip.compress(tiny.plain[TRAIN_IMAGES], mtime=1)})
    with pytest.raises(DataError, match=r"is not the published file \(SHA-256\): get it again"):
        lookalike.load("tiny")


def test_where_says_nothing_is_here(surroundings, tiny):
    assert known_sets.where(tiny()) is None
    assert known_sets.where(known_set("mnist-sample")) is None
    place = known_sets.where(known_set("digits"))
    assert place.path.is_file()
    assert place.kind == "embedded"


def test_digits_are_embedded(surroundings, digits):
    from sklearn.datasets import load_digits

    given = load_digits()
    for part in digits:
        rows = [int(name) for name in part.names]
        np.testing.assert_array_equal(part.labels, given.target[rows])
        assert np.abs(part.images / 255 - given.images[rows] / 16).max() <= 0.5 / 255
        assert "Values 0 to 16 were spread over 0 to 255: k * 255 / 16, rounded half up." in part.source.notes
    assert len(digits.train) + len(digits.valid) == 1797
    assert set(np.unique(digits.train.images)) == {int(k * 255 / 16 + 0.5) for k in range(17)}


def test_an_own_mnist_sample_is_an_image_folder(surroundings):
    root = surroundings / "data" / "mnist_sample"
    write_folder(root / "train", {"3": 3, "7": 3})
    write_folder(root / "valid", {"3": 1, "7": 1})
    (root / "labels.csv").write_text("")
    train, valid = lookalike.load("mnist-sample")
    assert (len(train), len(valid), train.source.name) == (6, 2, "mnist-sample")
    assert known_sets.where(known_set("mnist-sample")).path == root


def test_a_folder_of_the_same_name_is_not_read_and_said(surroundings, monkeypatch):
    monkeypatch.chdir(surroundings)
    write_folder(surroundings / "digits", {"a": 3, "b": 3})
    train, _ = lookalike.load("digits")
    assert train.class_names[0] == "0"
    assert "The file or folder 'digits' here was not read: for that, write ./digits." in train.source.notes
    assert lookalike.load("./digits")[0].class_names == ("a", "b")


def test_unknown_names(surroundings):
    with pytest.raises(
        UnknownNameError, match=r"no data set is called 'mnits': did you mean mnist"
    ) as caught:
        lookalike.load("mnits")
    assert "nor is there a file or folder of that name" in str(caught.value)
    with pytest.raises(UnknownNameError, match="known are digits, mnist, mnist-sample, fashion-mnist"):
        lookalike.load(surroundings / "qqq")
    with pytest.raises(UnknownNameError, match="no data set is called ''"):
        lookalike.load("")
    with pytest.raises(UnknownNameError, match="did you mean fashion-mnist"):
        known_set("fashion_mnist")


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_the_catalogue_is_complete(known):
    assert known.title
    assert known.licence
    assert known.source
    assert bool(known.files) == bool(known.mirrors)
    for file in known.files:
        (known_hash,) = filter(None, (file.sha256, file.packed_sha256, file.md5))
        assert len(known_hash) == (32 if file.md5 else 64)
    assert all(mirror.endswith("/") for mirror in known.mirrors)
    assert len({known.name for known in KNOWN}) == len(KNOWN)


def test_real_mnist(mnist):
    assert mnist.train.images.shape == (60_000, 28, 28)
    assert mnist.valid.images.shape == (10_000, 28, 28)
    assert mnist.train.counts()["3"] == 6131
    assert mnist.train.groups is not None
    assert len(np.unique(mnist.train.groups)) == 539
    assert mnist.train.images.flags.writeable


def test_real_mnist_sample(mnist, mnist_sample):
    assert mnist_sample.train.counts() == {"3": 6131, "7": 6265}
    assert mnist_sample.valid.counts() == {"3": 1010, "7": 1028}
    for whole, part in zip(mnist, mnist_sample, strict=True):
        assert list(part.names) == sorted(part.names, key=lambda name: (name[0], int(name[2:-4])))
        rows = [int(name[2:-4]) for name in part.names]
        np.testing.assert_array_equal(part.images, whole.images[rows])
        np.testing.assert_array_equal(part.labels, whole.labels[rows])
    np.testing.assert_array_equal(
        mnist_sample.train.groups, mnist.train.groups[[int(n[2:-4]) for n in mnist_sample.train.names]]
    )


def test_real_meters(shared_data):
    train, valid = lookalike.load(shared_data / "meter-digits.zip")
    assert len(train) + len(valid) == 1267
    assert train.class_names == (*map(str, range(10)), "none")
    assert train.images.shape[1:] == (32, 20, 3)
    with pytest.raises(DataError, match=r"nested too deep.*for example '.*own-meters/gasmeter-gmt'"):
        lookalike.load(shared_data / "own-meters.zip")
    inner = shared_data / "own-meters.zip" / "own-meters" / "gasmeter-gmt"
    train, valid = lookalike.load(inner)
    assert train.images.shape[1:] == valid.images.shape[1:] == (43, 24, 3)
    assert any(
        "Images are of mixed sizes" in note and "to the median, 43 x 24" in note
        for note in train.source.notes
    )
    assert sum(map(len, lookalike.load(inner, size=(32, 20)))) == 568


def test_real_omniglot(shared_data):
    train, valid = lookalike.load("omniglot-small", limit=500)
    assert (len(train), len(valid), len(train.class_names)) == (500, 500, 242)
    assert train.class_names[0] == "Balinese/character01"
    assert train.images.shape[1:] == (105, 105)
    for path, group, label in zip(train.names, train.groups, train.labels, strict=True):
        assert f"{path.split('/')[0]}/{path[-6:-4]}" == group
        assert path.startswith(f"{label}/")
    whole = known_sets.read(known_set("omniglot-small"))["train"]
    assert len(whole) == len(set(whole.names)) == 4840
    # Eight alphabets, each by twenty people.
    assert len(set(whole.groups)) == 160


def test_real_alphabets(shared_data):
    zipped = shared_data / "omniglot" / "images_background_small1.zip"
    with pytest.raises(DataError, match="nested too deep"):
        lookalike.load(zipped)
    train, valid = lookalike.load(zipped / "images_background_small1" / "Balinese")
    assert (len(train), len(valid)) == (24 * 16, 24 * 4)
    assert train.images.shape[1:] == (105, 105)
