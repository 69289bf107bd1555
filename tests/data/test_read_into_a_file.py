"""Images that are read into a file: those that memory would hold, also where reading was stopped."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from itertools import count

import numpy as np
import pytest
from PIL import Image

import lookalike
from cli_runner import call
from data.making import encoded, gray, write_folder
from lookalike import DataError
from lookalike.data.load import load_to_fit
from lookalike.data.readers import intake, listing


class StoppedError(Exception):
    """What ends a process, as far as a test can tell."""


def deep(value):
    """Return a picture of 16 bits that uses fewer."""
    return Image.fromarray(np.full((4, 3), value, np.uint16))


def see_through(level):
    """Return a transparent picture with a glyph of one level of gray."""
    pixels = np.zeros((4, 3, 4), np.uint8)
    pixels[1:3, 1] = level, level, level, 255
    return pixels


EXTRA = {
    "alike": [gray(1)],
    "gray, then colour": [gray(1), gray(2, (4, 3, 3)), gray(3)],
    "mixed sizes": [gray(1, (5, 3)), gray(2, (4, 4)), gray(3, (5, 3))],
    "few bits of many": [deep(700), deep(1000)],
    "white on nothing": [see_through(255), see_through(255)],
}


@pytest.fixture(params=EXTRA)
def folder(request, tmp_path):
    """Return a folder of two classes of images, most of them alike and some as the name says."""
    root = write_folder(tmp_path / "set", {"0": 5, "1": 4})
    for place, picture in enumerate(EXTRA[request.param]):
        (root / "0" / f"{place}x.png").write_bytes(encoded(picture))
    return root


@pytest.fixture
def decoded(monkeypatch):
    """Count which files are decoded, note after two of them, and stop where the test says."""
    counts, decode = Counter(), listing.decode_image

    def counting(data, name, *more):
        if counting.left == 0:
            raise StoppedError
        counting.left -= 1
        counts[name] += 1
        return decode(data, name, *more)

    counting.left, counting.counts = -1, counts
    monkeypatch.setattr(listing, "decode_image", counting)
    monkeypatch.setattr(listing, "EVERY", 2)
    return counting


def same(found, expected):
    """Compare both parts of sets, to the bit."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        assert (one.labels.tolist(), one.names) == (other.labels.tolist(), other.names)
        assert one.source == other.source
        assert one.images.dtype == other.images.dtype == np.uint8


def test_reading_that_is_stopped_anywhere_goes_on(folder, decoded, tmp_path):
    expected = lookalike.load(folder)
    once = sum(decoded.counts.values())
    for stop in count(1):
        where = tmp_path / str(stop)
        decoded.counts.clear()
        decoded.left = stop
        try:
            lookalike.load(folder, on_disk=where)
        except StoppedError:
            decoded.left = -1
            same(lookalike.load(folder, on_disk=where), expected)
            # What was read behind the last note, which is one image at most, is read again, and nothing else.
            assert once <= sum(decoded.counts.values()) <= once + 1
        else:
            assert stop == once
            break
    decoded.left = 0  # all is there
    same(lookalike.load(folder, on_disk=where), expected)


def test_images_are_memory_maps_that_nobody_changes(tmp_path):
    root = write_folder(tmp_path / "set", {"0": 5, "1": 5})
    for part in lookalike.load(root, on_disk=tmp_path / "read"):
        assert isinstance(part.images, np.memmap)
        assert not part.images.flags.writeable


def test_bad_files_are_left_out_when_reading_goes_on(decoded, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 5, "1": 5})
    (root / "0" / "1.png").write_bytes(b"nothing")
    expected = lookalike.load(root, skip_bad=True, limit=8)
    with pytest.raises(DataError, match=r"1\.png.* is not an image"):
        lookalike.load(root, limit=8, on_disk=tmp_path / "read")
    decoded.left = 2
    with pytest.raises(StoppedError):
        lookalike.load(root, skip_bad=True, limit=8, on_disk=tmp_path / "read")
    decoded.left = -1
    same(lookalike.load(root, skip_bad=True, limit=8, on_disk=tmp_path / "read"), expected)
    with pytest.raises(DataError, match=r"1\.png.* is not an image"):
        lookalike.load(root, limit=8, on_disk=tmp_path / "read")


def test_a_file_that_was_bad_is_mended_and_reading_goes_on(decoded, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 5, "1": 5})
    good = (root / "1" / "3.png").read_bytes()
    (root / "1" / "3.png").write_bytes(good[:20])
    with pytest.raises(DataError, match=r"3\.png"):
        lookalike.load(root, on_disk=tmp_path / "read")
    (root / "1" / "3.png").write_bytes(good)
    before = sum(decoded.counts.values())
    found = lookalike.load(root, on_disk=tmp_path / "read")
    assert sum(decoded.counts.values()) - before < 10
    same(found, lookalike.load(root))


def test_an_archive_is_read_as_a_folder_is(decoded, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 5, "1": 5})
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in root.rglob("*.png"):
            archive.write(file, file.relative_to(root))
    decoded.left = 5
    with pytest.raises(StoppedError):
        lookalike.load(path, on_disk=tmp_path / "read")
    decoded.left = -1
    same(lookalike.load(path, on_disk=tmp_path / "read"), lookalike.load(path))
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="changed since: delete the folder"):
        lookalike.load(path, on_disk=tmp_path / "read")


def test_parquet_is_read_as_it_is_into_memory(decoded, tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    images = [{"bytes": encoded(gray(seed)), "path": None} for seed in range(10)]
    pq.write_table(pa.table({"image": images, "label": [0, 1] * 5}), tmp_path / "set.parquet")
    decoded.left = 5
    with pytest.raises(StoppedError):
        lookalike.load(tmp_path / "set.parquet", on_disk=tmp_path / "read")
    decoded.left = -1
    path = tmp_path / "set.parquet"
    same(lookalike.load(path, on_disk=tmp_path / "read"), lookalike.load(path))
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="changed since"):
        lookalike.load(path, on_disk=tmp_path / "read")


def spoil_state(read, root):
    (read / "train.json").write_text('{"schema": 1')


def other_state(read, root):
    said = json.loads((read / "train.json").read_text())
    (read / "train.json").write_text(json.dumps(said | {"intake": said["intake"] | {"count": 1}}))


def newer_state(read, root):
    said = json.loads((read / "train.json").read_text())
    (read / "train.json").write_text(json.dumps(said | {"schema": 2}))


def cut_pixels(read, root):
    (path,) = read.glob("train-*.bytes")
    path.write_bytes(path.read_bytes()[:-1])


def change_file(read, root):
    (root / "0" / "0.png").write_bytes(encoded(gray(99)))


def take_file_away(read, root):
    (root / "0" / "0.png").unlink()


def put_something_in(read, root):
    (read / "train.npy").write_bytes(b"mine")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_state, r"train\.json'? is damaged \(.*delete the folder"),
        (other_state, "is damaged .the numbers of images differ"),
        (newer_state, "is of another version"),
        (cut_pixels, r"is about more images than .*train-4x3\.bytes.* has"),
        (change_file, "is of other images, or of ones that were changed since"),
        (take_file_away, "is of other images"),
        (put_something_in, r"holds .*train\.npy.*expected a new folder"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(spoil, says, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 3, "1": 3})
    (root / "valid" / "0").mkdir(parents=True)
    (root / "0").rename(root / "0a")
    write_folder(root / "train", {"0": 3, "1": 3})
    write_folder(root / "valid", {"0": 1, "1": 1})
    root = root / "train"
    read = tmp_path / "read"
    lookalike.load(root.parent, on_disk=read)
    spoil(read, root)
    with pytest.raises(DataError, match=says):
        lookalike.load(root.parent, on_disk=read)


def test_a_disk_that_is_too_small_is_said_before_anything_is_read(monkeypatch, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 3, "1": 3})
    monkeypatch.setattr(intake.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 40}))
    with pytest.raises(DataError, match=r"need 48 bytes, and 40 are free where .*read.* is: name a folder"):
        lookalike.load(root, on_disk=tmp_path / "read")
    with pytest.raises(DataError, match=r"nowhere.read.* cannot be written: No such file"):
        lookalike.load(root, on_disk=tmp_path / "nowhere" / "read")


STOPPED = """
import os, signal
from lookalike.data.readers import listing
decode, left = listing.decode_image, [150]
def last(*given):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return decode(*given)
listing.decode_image, listing.EVERY = last, 20
from lookalike.cli.main import run
run()
"""


def test_means_of_images_that_are_not_in_memory(monkeypatch, capsys, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 5, "1": 5})
    words = ["fit", str(root), "--idea", "mean-image-l2", "--on-disk", "-o", str(tmp_path / "mean.lookalike")]
    assert call(monkeypatch, capsys, *words).code == 0
    whole = load_to_fit(root)
    expected = lookalike.MeanImage(metric="l2").fit(whole.images, whole.labels)
    found = lookalike.load_model(tmp_path / "mean.lookalike")
    np.testing.assert_array_equal(found.class_sums_, expected.class_sums_)
    np.testing.assert_array_equal(found.predict_proba(whole.images), expected.predict_proba(whole.images))
    assert not [*tmp_path.glob("*.images")]


def test_what_needs_all_images_at_once_is_not_read_onto_the_disk(monkeypatch, capsys, tmp_path):
    (tmp_path / "out.lookalike.images").mkdir()
    words = ["fit", "digits", "--on-disk", "-o", str(tmp_path / "out.lookalike"), "--idea"]
    for idea in ("median-image-l1", "mixture"):
        assert "expected --idea mean-image-l1, mean" in call(monkeypatch, capsys, *words, idea).err
    # What is no folder of ours stays: digits are an array, and nothing was read into it.
    assert call(monkeypatch, capsys, *words, "nearest-l1").code == 0
    assert (tmp_path / "out.lookalike.images").is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_fit_that_was_killed_goes_on_and_is_the_same(decoded, monkeypatch, capsys, tmp_path):
    root = write_folder(tmp_path / "set", {"0": 100, "1": 100})
    words = ["fit", str(root), "--idea", "nearest-l2", "--on-disk", "-o"]
    assert call(monkeypatch, capsys, *words, str(tmp_path / "whole.lookalike")).code == 0
    path = tmp_path / "killed.lookalike"
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, *words, str(path)], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert (tmp_path / "killed.lookalike.images").is_dir()
    decoded.counts.clear()
    assert call(monkeypatch, capsys, *words, str(path)).code == 0
    assert sum(decoded.counts.values()) == 200 - 140
    assert path.read_bytes() == (tmp_path / "whole.lookalike").read_bytes()
    assert not [*tmp_path.glob("*.images")]
