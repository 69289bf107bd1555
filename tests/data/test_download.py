import gzip
import socket

import numpy as np
import pytest

import lookalike
from lookalike.data.known import cache_of
from lookalike.errors import DownloadError, LookalikeWarning

TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


def left(known):
    """Return what lies in the cache."""
    folder = cache_of(known)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_is(known, tiny):
    train, valid = lookalike.load(known.name)
    np.testing.assert_array_equal(train.images, tiny.arrays[TRAIN_IMAGES])
    np.testing.assert_array_equal(valid.images, tiny.arrays[TEST_IMAGES])


def test_download_then_cache(surroundings, server, tiny):
    mirror = server(tiny.packed)
    known = tiny(mirror.address)
    told = []
    lookalike.load("tiny", progress=lambda *what: told.append(what))
    size = len(tiny.packed[TRAIN_IMAGES])
    assert (f"downloading {TRAIN_IMAGES}", size, size) in told
    assert left(known) == sorted(tiny.packed)
    assert sorted(mirror.asked) == sorted(tiny.packed)
    mirror.asked.clear()
    assert_is(known, tiny)
    assert mirror.asked == []


@pytest.mark.parametrize("behaviour", ["missing", "truncated", "other"])
def test_a_bad_mirror_is_passed_over(surroundings, server, tiny, behaviour):
    bad, good = server(tiny.packed, behaviour), server(tiny.packed)
    known = tiny(bad.address, good.address)
    assert_is(known, tiny)
    assert len(bad.asked) == len(good.asked) == 4
    for name, data in tiny.packed.items():
        assert (cache_of(known) / name).read_bytes() == data


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("missing", "answered 404"),
        ("truncated", "broke off"),
        ("other", "damaged gzip|not the published file"),
    ],
)
def test_no_good_mirror_leaves_nothing(surroundings, server, tiny, behaviour, reason):
    first, second = server(tiny.packed, behaviour), server(tiny.packed, behaviour)
    known = tiny(first.address, second.address)
    with pytest.raises(DownloadError, match=r"no mirror gave train-images-idx3-ubyte\.gz") as caught:
        lookalike.load("tiny")
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("http://127.0.0.1:") == 2
    four = ", ".join(file.name for file in known.files)
    assert f"put {four} into a folder tiny/ of the folder that LOOKALIKE_DATA names" in message
    with pytest.raises(DownloadError, match=reason):
        lookalike.load("tiny")
    assert left(known) == []


def test_another_file_of_the_right_form_is_not_taken(surroundings, server, tiny):
    other = bytearray(tiny.plain[TRAIN_IMAGES])
    other[-1] ^= 1
    known = tiny(server(tiny.packed | {TRAIN_IMAGES: gzip.compress(bytes(other))}).address)
    with pytest.raises(DownloadError, match=r"is not the published file \(SHA-256 of its unpacked bytes\)"):
        lookalike.load("tiny")
    assert left(known) == []


@pytest.mark.parametrize("pack", [bytes, lambda data: gzip.compress(data, 1, mtime=9)])
def test_where_only_the_md5_is_known_the_packed_file_must_have_it(surroundings, server, tiny, pack):
    known = tiny(server(tiny.packed | {TEST_IMAGES: pack(tiny.plain[TEST_IMAGES])}).address)
    with pytest.raises(DownloadError, match=r"is not the published file \(MD5\)"):
        lookalike.load("tiny")
    assert TEST_IMAGES not in left(known)


def test_a_file_packed_anew_or_unpacked_is_taken_where_its_content_is_known(surroundings, server, tiny):
    files = tiny.packed | {TRAIN_IMAGES: gzip.compress(tiny.plain[TRAIN_IMAGES], 1, mtime=9)}
    assert_is(tiny(server(files).address), tiny)


def test_a_mirror_that_does_not_stop(surroundings, server, tiny):
    known = tiny(server(tiny.packed | {TRAIN_IMAGES: bytes(10**6)}).address)
    with pytest.raises(DownloadError, match="sent more than 1,148 bytes"):
        lookalike.load("tiny")
    assert left(known) == []


def test_a_mirror_that_is_down(surroundings, server, tiny):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert_is(tiny(down, server(tiny.packed).address), tiny)
        tiny(down)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+/: cannot be reached"):
        lookalike.data.known.download(tiny(down), tiny(down).files[0])


def test_an_interrupted_run_leaves_nothing_and_the_next_one_mends_it(surroundings, server, tiny):
    mirror = server(tiny.packed)
    known = tiny(mirror.address)

    def interrupt(what, done, total):
        if what == f"downloading {TEST_IMAGES}":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lookalike.load("tiny", progress=interrupt)
    assert left(known) == [TRAIN_IMAGES, "train-labels-idx1-ubyte.gz"]
    mirror.asked.clear()
    assert_is(known, tiny)
    assert sorted(mirror.asked) == [TEST_IMAGES, "t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("rest", ["half", "empty", "other", "larger"])
def test_what_a_killed_run_left_in_the_cache_is_not_taken(surroundings, server, tiny, rest):
    mirror = server(tiny.packed)
    known = tiny(mirror.address)
    whole = tiny.packed[TRAIN_IMAGES]
    left_over = {
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "other": gzip.compress(b"x"),
        "larger": bytes(999),
    }
    cache_of(known).mkdir(parents=True)
    (cache_of(known) / TRAIN_IMAGES).write_bytes(left_over[rest])
    (cache_of(known) / ".part-left").write_bytes(whole)
    assert_is(known, tiny)
    assert (cache_of(known) / TRAIN_IMAGES).read_bytes() == whole


def test_offline(surroundings, server, tiny, monkeypatch):
    mirror = server(tiny.packed)
    known = tiny(mirror.address)
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    with pytest.raises(
        DownloadError, match="tiny is not here and LOOKALIKE_OFFLINE forbids the network: put train-"
    ):
        lookalike.load("tiny")
    assert mirror.asked == []
    assert left(known) == []
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "0")
    lookalike.load("tiny")
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    assert_is(known, tiny)


def test_a_cache_that_cannot_be_written(surroundings, server, tiny, monkeypatch):
    (surroundings / "file").write_text("")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(surroundings / "file"))
    known = tiny(server(tiny.packed).address)
    with pytest.warns(LookalikeWarning, match=r"file/data/tiny' cannot be written .*: .* not kept") as said:
        assert_is(known, tiny)
    assert len(said) == 1
    # It was said, and works on.
    assert_is(known, tiny)
    with pytest.raises(
        DownloadError, match=r"cannot be written, so tiny cannot be kept: say in LOOKALIKE_CACHE"
    ):
        lookalike.data.known.get(known)


def test_all_files_that_are_missing_are_named(surroundings, server, tiny, monkeypatch):
    known = tiny(server(tiny.packed).address)
    monkeypatch.setenv("LOOKALIKE_OFFLINE", "1")
    names = ", ".join(file.name for file in known.files)
    with pytest.raises(DownloadError, match=f"forbids the network: put {names} into a folder tiny/"):
        lookalike.load("tiny")
    first, *others = known.files
    folder = lookalike.data.known.cache_of(known)
    folder.mkdir(parents=True)
    (folder / first.name).write_bytes(tiny.packed[first.name])
    names = ", ".join(file.name for file in others)
    with pytest.raises(DownloadError, match=rf"the network: put {names} into '.*tiny'$"):
        lookalike.load("tiny")


def test_the_cache_is_cleared_of_what_is_ours(surroundings, server, tiny, monkeypatch):
    known = tiny(server(tiny.packed).address)
    lookalike.load("tiny")
    cache = lookalike.data.known.cache_of(known).parent.parent
    code = cache / "compiled" / f"lookalike-{'0' * 16}" / "inner"
    code.mkdir(parents=True)
    (code / "a.nbc").write_bytes(bytes(10))
    for name in ("own.txt", "compiled/own.txt", "data/tiny/own.txt"):
        (cache / name).write_text("mine")
    size = sum(map(len, tiny.packed.values()))
    assert lookalike.data.known.clear_cache() == size + 10
    left = sorted(path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file())
    assert left == ["compiled/own.txt", "data/tiny/own.txt", "own.txt"]
    assert not code.parent.exists()
    assert lookalike.data.known.clear_cache() == 0
