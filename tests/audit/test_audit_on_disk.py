"""An audit in a folder finds what one in memory does, and goes on where it was stopped."""

import json
import mmap

import numpy as np
import pytest

import lookalike
from cli_runner import call
from lookalike.audit import results
from lookalike.audit.neighbours import find_neighbours
from lookalike.audit.results import Results, RowKind
from lookalike.data.readers.folders import write_folder
from lookalike.errors import DataError
from lookalike.search.deformable.matcher import DeformableMatcher
from lookalike.search.pixels import PixelMatcher


@pytest.fixture
def many(digits, monkeypatch):
    """Return two parts of images that count as many, worked on a few at a time."""
    monkeypatch.setattr("lookalike.audit.neighbours._HELD_BYTES", 0)
    monkeypatch.setattr("lookalike.audit.neighbours.DEFORMABLE", 50)
    monkeypatch.setattr("lookalike.audit.auditing._FEW", 50)
    monkeypatch.setattr(results, "BLOCK", 64)
    train, valid = digits.train.take(slice(0, 300)), digits.valid.take(slice(0, 100))
    images, labels = train.images.copy(), train.labels.copy()
    images[7], images[10], labels[20:24] = images[8], valid.images[0], (labels[20:24] + 3) % 10
    labels[7], labels[10] = labels[8], valid.labels[0]
    return lookalike.LabelledImages.from_numpy(images, labels), valid


def mapped(part, path):
    np.save(path, part.images)
    images = np.load(path, mmap_mode="r")
    return lookalike.LabelledImages(images, part.labels, part.class_names, part.names, source=part.source)


def same(found, expected):
    assert found.issues == expected.issues
    for name in ("scores", "rivals", "wrong", "expected"):
        np.testing.assert_array_equal(getattr(found.suspects, name), getattr(expected.suspects, name))
    for name in ("places", "distances"):
        np.testing.assert_array_equal(getattr(found.neighbours, name), getattr(expected.neighbours, name))
    for name in ("asked", "decided", "gained", "removed", "after"):
        np.testing.assert_array_equal(getattr(found.blame, name), getattr(expected.blame, name))
    assert (found.to_json(), found.to_csv()) == (expected.to_json(), expected.to_csv())


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_findings_are_those_of_an_audit_in_memory(many, tmp_path, monkeypatch, held):
    monkeypatch.setattr("lookalike.audit.neighbours._HELD_BYTES", held)
    with monkeypatch.context() as patch:
        patch.setattr(results, "BLOCK", 8192)
        expected = lookalike.audit(*many)
    assert {"label", "leak", "duplicate"} <= expected.counts.keys()
    assert expected.leaks
    parts = [mapped(part, tmp_path / f"{number}.npy") for number, part in enumerate(many)]
    found = lookalike.audit(*parts, on_disk=tmp_path / "work")
    same(found, expected)
    for array in (found.images.images, found.neighbours.places, found.neighbours.distances):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    # All is there: nothing is searched again.
    monkeypatch.setattr("lookalike.audit.results.part_of", None)
    same(lookalike.audit(*parts, on_disk=tmp_path / "work"), expected)


class StoppedError(Exception):
    """Somebody stopped it."""


@pytest.fixture
def asked(monkeypatch):
    """Return the images whose neighbours were searched, and after how many searches all stops."""
    match, told = PixelMatcher.match, {"images": [], "left": -1}

    def counted(self, images, k, *, exclude=None, **how):
        if told["left"] == 0:
            raise StoppedError
        told["left"] -= 1
        told["images"] += exclude.tolist()
        return match(self, images, k, exclude=exclude, **how)

    monkeypatch.setattr(PixelMatcher, "match", counted)
    return told


def test_a_search_that_is_stopped_anywhere_goes_on(many, asked, tmp_path):
    train = many[0]
    expected = find_neighbours(train)
    for stop in range(5):
        asked.update(images=[], left=stop)
        with pytest.raises(StoppedError):
            find_neighbours(train, results=Results.at(tmp_path / str(stop), [train]))
        assert asked["images"] == [*range(64 * stop)]
        asked["left"] = -1
        found = find_neighbours(train, results=Results.at(tmp_path / str(stop), [train]))
        np.testing.assert_array_equal(found.places, expected.places)
        np.testing.assert_array_equal(found.distances, expected.distances)
        # No image is asked twice.
        assert asked["images"] == [*range(300)]


def test_an_audit_that_is_stopped_goes_on_at_the_answers_that_are_blamed(many, asked, tmp_path, monkeypatch):
    train, left, match = many[0], [3], DeformableMatcher.match

    def stopped(*given, **how):
        left[0] -= 1
        if left[0] == 0:
            raise StoppedError
        return match(*given, **how)

    monkeypatch.setattr(DeformableMatcher, "match", stopped)
    with pytest.raises(StoppedError):
        lookalike.audit(train, on_disk=tmp_path)
    assert asked["images"] == [*range(300)]
    found = lookalike.audit(train, on_disk=tmp_path)
    # The third of five blocks was stopped: it and the rest are asked, and all without those that mislead.
    assert left == [-3 - 5]
    assert asked["images"] == [*range(300)]
    same(found, lookalike.audit(train))


@pytest.mark.parametrize("what", ["images", "labels", "version"])
def test_results_of_other_images_are_not_taken(many, asked, tmp_path, monkeypatch, what):
    train = many[0]
    find_neighbours(train, results=Results.at(tmp_path, [train]))
    images, labels = train.images.copy(), train.labels.copy()
    if what == "images":
        images[3] = images[200]
    elif what == "labels":
        labels[3] = (labels[3] + 1) % 10
    else:
        monkeypatch.setattr(lookalike, "__version__", "0.0.1")
    other = lookalike.LabelledImages.from_numpy(images, labels)
    asked["images"].clear()
    found = find_neighbours(other, results=Results.at(tmp_path, [other]))
    assert asked["images"] == [*range(300)]
    np.testing.assert_array_equal(found.places, find_neighbours(other).places)


def squares(rows):
    return (np.arange(rows.start, rows.stop) ** 2,)


LIKE = [RowKind(np.int64, ())]


@pytest.mark.parametrize("damage", ["cut", "gone", "note", "more", "list", "negative"])
def test_what_was_damaged_is_made_anew(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(results, "BLOCK", 3)
    made = Results(tmp_path, "of")
    made.rows("squares", 10, LIKE, squares)
    rows, note = tmp_path / "squares-0.bytes", tmp_path / "squares.json"
    said = json.loads(note.read_bytes())
    if damage == "cut":
        rows.write_bytes(rows.read_bytes()[:-1])
    elif damage == "gone":
        rows.unlink()
    else:
        other = {"note": b"{", "more": said | {"rows": 11}, "list": [said], "negative": said | {"rows": -1}}
        given = other[damage]
        note.write_bytes(given if isinstance(given, bytes) else json.dumps(given).encode())
    asked = []
    (found,) = made.rows("squares", 10, LIKE, lambda rows: asked.append(rows.start) or squares(rows))
    assert asked == [0, 3, 6, 9]
    assert found.tolist() == [place**2 for place in range(10)]


def test_rows_behind_the_note_are_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "BLOCK", 3)

    def stopped(rows):
        if rows.start == 6:
            raise OSError("no room")
        return squares(rows)

    with pytest.raises(OSError, match="no room"):
        Results(tmp_path, "of").rows("squares", 10, LIKE, stopped)
    with (tmp_path / "squares-0.bytes").open("ab") as file:
        file.write(b"half a row")
    asked = []
    (found,) = Results(tmp_path, "of").rows(
        "squares", 10, LIKE, lambda rows: asked.append(rows.start) or squares(rows)
    )
    assert asked == [6, 9]
    assert found.tolist() == [place**2 for place in range(10)]


def test_a_folder_that_cannot_be_used_is_refused(digits, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    for path, why in ((tmp_path / "file", "it is a file"), (tmp_path / "file" / "inside", ".*")):
        with pytest.raises(DataError, match=rf"cannot be written into: {why}; name a new folder"):
            Results.at(path, [digits.train])
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 79})())
    with pytest.raises(
        DataError, match="needs 80 bytes more, and 79 are free there: name a folder elsewhere"
    ):
        Results(tmp_path, "of").rows("squares", 10, LIKE, squares)


def test_what_no_audit_wrote_stays_as_it_is(digits, tmp_path, monkeypatch, capsys):
    """The set itself is such a folder too: what were written there would be read as images."""
    write_folder([digits.train.take(slice(0, 60))], tmp_path / "digits")
    before = sorted(tmp_path.rglob("*"))
    said = "which no audit wrote: name a new folder"
    found = call(monkeypatch, capsys, "audit", tmp_path / "digits", "--on-disk", tmp_path / "digits")
    assert (found.code, said in found.err, sorted(tmp_path.rglob("*"))) == (2, True, before)
    with pytest.raises(DataError, match=said):
        lookalike.audit(digits.train.take(slice(0, 60)), on_disk=tmp_path)


def test_rows_without_a_note_are_not_written_over(tmp_path, digits):
    rows = tmp_path / "neighbours-0.bytes"
    rows.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds 'neighbours-0\.bytes', which no audit wrote"):
        Results.at(tmp_path, [digits.train])
    assert rows.read_bytes() == b"mine"
    rows.unlink()

    # An audit that was stopped before its first block may be gone on with.
    def stopped(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Results.at(tmp_path, [digits.train]).rows("neighbours", 10, LIKE, stopped)
    assert rows.exists()
    Results.at(tmp_path, [digits.train])


@pytest.mark.parametrize("held", [b'{"images": []}', b"[]", b"mine", b"[" * 100_000, None])
def test_a_file_that_is_only_called_as_a_note_is_stays_as_it_is(digits, tmp_path, held):
    path = tmp_path / "images.json"
    path.mkdir() if held is None else path.write_bytes(held)
    with pytest.raises(DataError, match=r"holds 'images\.json', which no audit wrote: name a new folder"):
        Results.at(tmp_path, [digits.train])
    assert path.is_dir() if held is None else path.read_bytes() == held


def test_images_that_mislead_are_looked_for_among_some_of_many(digits, monkeypatch):
    train, valid = digits
    monkeypatch.setattr("lookalike.audit.auditing._ASKED", 50)
    monkeypatch.setattr("lookalike.audit.auditing._KEPT_BYTES", 64 * 144)
    kept = np.unique(np.linspace(0, len(train) - 1, 144).astype(int))
    known = lookalike.audit(train.take(kept), valid).blame
    found = lookalike.audit(train, valid)
    for name in ("gained", "credit", "blame"):
        np.testing.assert_array_equal(getattr(found.blame, name)[kept], getattr(known, name))
        assert np.delete(getattr(found.blame, name), kept).sum() == 0
    np.testing.assert_array_equal(found.blame.decided, kept[known.decided])
    assert any("among 144 of 1,438 training images, evenly spaced" in note for note in found.notes)
    alone = lookalike.audit(train).blame
    assert np.isin(alone.asked, kept).all()


def test_the_command_reads_into_the_folder_and_goes_on_there(digits, tmp_path, monkeypatch, capsys):
    write_folder([digits.train.take(slice(0, 60))], tmp_path / "digits")
    asked = "audit", tmp_path / "digits", "--json"
    expected = call(monkeypatch, capsys, *asked)
    on_disk = *asked, "--on-disk", tmp_path / "deep" / "work"
    assert call(monkeypatch, capsys, *on_disk).out == expected.out != ""
    assert (tmp_path / "deep" / "work" / "images" / "train.json").is_file()
    monkeypatch.setattr(DeformableMatcher, "match", None)
    assert call(monkeypatch, capsys, *on_disk).out == expected.out


def test_memory_of_files_is_let_go(many, tmp_path, monkeypatch):
    if not hasattr(mmap, "MADV_DONTNEED"):
        pytest.skip("the system has no such advice")
    part = mapped(many[0], tmp_path / "0.npy")
    seen = []
    monkeypatch.setattr(results, "let_go", lambda images: seen.append(images is part.images))
    Results.at(tmp_path / "work", [part])
    assert seen == [True] * 5
