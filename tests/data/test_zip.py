import stat
import struct
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import bomb_png, encoded, gray, write_idx

import lookalike
from lookalike.data.readers.trees import zip_tree
from lookalike.errors import DataError, LookalikeError


def members(**classes):
    return {f"{name}/{index}.png": encoded(gray(index)) for name, n in classes.items() for index in range(n)}


def write_zip(path, files, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def hostile(path, name):
    """Write a zip with one more member of exactly this name, which zipfile itself would change."""
    placeholder = "n" * len(name)
    write_zip(path, {**members(a=2, b=2), placeholder: b"x"})
    path.write_bytes(path.read_bytes().replace(placeholder.encode(), name.encode()))
    return path


def test_a_zip_is_read_as_the_folder_is_and_nothing_is_extracted(tmp_path):
    files = members(a=4, b=2)
    folder = tmp_path / "folder"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    zipped = write_zip(tmp_path / "set.bin", {f"set/{name}": data for name, data in files.items()})
    before = sorted(tmp_path.rglob("*"))
    for one, other in zip(lookalike.load(folder), lookalike.load(zipped), strict=True):
        assert one.sha256() == other.sha256()
        assert one.names == other.names
        assert other.source.reader == "image folder in a zip"
    assert sorted(tmp_path.rglob("*")) == before


def test_parts_strays_and_what_macos_adds(tmp_path):
    files = {f"s/train/{name}": data for name, data in members(a=2, b=2).items()}
    files |= {f"s/valid/{name}": data for name, data in members(a=1, b=1).items()}
    files |= {
        "s/labels.csv": b"x",
        "s/models/": b"",
        "s/export.pkl": b"x",
        "__MACOSX/s/train/a/._0.png": b"x",
    }
    train, valid = lookalike.load(write_zip(tmp_path / "s.zip", files))
    assert (len(train), len(valid)) == (4, 2)
    (note,) = train.source.notes
    assert note.startswith(
        "4 stray files or folders were left out: '__MACOSX/s/train/a/._0.png', 's/export.pkl'"
    )


def test_a_folder_in_a_zip(tmp_path):
    files = {f"meters/one/{name}": data for name, data in members(a=2, b=2).items()}
    files |= {f"meters/two/{name}": data for name, data in members(a=3, b=3).items()}
    path = write_zip(tmp_path / "m.zip", files)
    with pytest.raises(DataError, match=r"nested too deep.*for example '.*m\.zip/meters/one'"):
        lookalike.load(path)
    assert sum(map(len, lookalike.load(path / "meters" / "two"))) == 6
    with pytest.raises(DataError, match="holds no folder 'meters/three'"):
        lookalike.load(path / "meters" / "three")


def test_idx_in_a_zip(tmp_path):
    write_idx(tmp_path, np.zeros((6, 2, 2)), [0, 1] * 3)
    files = {f"MNIST/raw/{path.name}": path.read_bytes() for path in tmp_path.iterdir()}
    assert sum(map(len, lookalike.load(write_zip(tmp_path / "s.zip", files)))) == 6


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../x", "/etc/x.png", "C:/evil.png", "..\\evil.png", "a\0b.png"]
)
def test_paths_that_leave_the_zip(tmp_path, name):
    with pytest.raises(DataError, match="a path that leaves it: refused"):
        lookalike.load(hostile(tmp_path / "s.zip", name))


def test_backslashes_are_separators(tmp_path):
    files = members(a=2, b=2)
    placeholder = {name.replace("/", "|"): data for name, data in files.items()}
    path = write_zip(tmp_path / "s.zip", placeholder)
    path.write_bytes(path.read_bytes().replace(b"a|", b"a\\").replace(b"b|", b"b\\"))
    assert sum(map(len, lookalike.load(path))) == 4


def test_a_link_in_a_zip(tmp_path):
    link = zipfile.ZipInfo("a/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"holds 'a/link\.png', a link: refused"):
        lookalike.load(tmp_path / "s.zip")


def test_one_name_twice(tmp_path):
    path = hostile(tmp_path / "s.zip", "a//0.png")
    with pytest.raises(DataError, match=r"holds 'a/0\.png' twice: refused"):
        lookalike.load(path)


def test_a_zip_bomb(tmp_path):
    files = members(a=2, b=2) | {"a/bomb.png": bytes(70 * 2**20)}
    path = write_zip(tmp_path / "s.zip", files, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(
        DataError, match=r"a/bomb\.png' announces 73,400,320 bytes: more than 67,108,864, refused"
    ):
        lookalike.load(path)


def test_a_member_that_lies_about_its_size(tmp_path):
    path = write_zip(tmp_path / "s.zip", {"a/bomb.png": bytes(2**20)}, compression=zipfile.ZIP_DEFLATED)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", 2**20), struct.pack("<I", 1000)))
    with pytest.raises(DataError, match=r"a/bomb\.png' is damaged in the zip"):
        zip_tree(path).read("a/bomb.png", 2000)


def test_a_member_that_lies_about_how_much_it_packs_takes_no_space(tmp_path):
    path = write_zip(tmp_path / "s.zip", {"a/one.png": bytes(1000)})
    raw = bytearray(path.read_bytes())
    packed = raw.index(b"PK\x01\x02") + 20
    raw[packed : packed + 4] = struct.pack("<I", 2**31)
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        assert zip_tree(path).read("a/one.png", 2**30) == bytes(1000)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_zip_that_announces_too_much(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "s.zip", members(a=2, b=2))
    monkeypatch.setattr("lookalike.data.readers.trees.MAX_FILES", 3)
    with pytest.raises(DataError, match="holds more than 3 members: refused"):
        lookalike.load(path)
    monkeypatch.setattr("lookalike.data.readers.trees.MAX_ARCHIVE_BYTES", 100)
    with pytest.raises(DataError, match=r"announces .* bytes: more than 100, refused"):
        lookalike.load(path)


def test_an_image_bomb_in_a_zip(tmp_path):
    path = write_zip(tmp_path / "s.zip", members(a=2, b=2) | {"a/bomb.png": bomb_png(50_000, 50_000)})
    with pytest.raises(DataError, match=r"a/bomb\.png' is 50000 x 50000 pixels"):
        lookalike.load(path)


def test_too_deep_and_too_long(tmp_path):
    with pytest.raises(DataError, match="expected 1 to 32 parts of at most 255 characters"):
        lookalike.load(write_zip(tmp_path / "s.zip", {"a/" * 40 + "x.png": b""}))
    with pytest.raises(DataError, match="expected 1 to 32 parts of at most 255 characters"):
        lookalike.load(write_zip(tmp_path / "s.zip", {"a" * 256 + "/x.png": b""}))


def test_encrypted_and_otherwise_packed(tmp_path):
    path = write_zip(tmp_path / "s.zip", {"a/0.png": b"x"}, compression=zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="is not packed by deflate"):
        lookalike.load(path)
    path = write_zip(tmp_path / "s.zip", {"a/0.png": b"x"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is encrypted: unpack it first"):
        lookalike.load(path)


def test_a_truncated_zip(tmp_path):
    path = write_zip(tmp_path / "s.zip", members(a=2, b=2))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="is no readable zip"):
        lookalike.load(path)


def _bytes_of_a_zip():
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members(a=2, b=2).items():
            archive.writestr(name, data)
    return file.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_bytes_are_read_or_refused(tmp_path, data):
    whole = bytearray(_bytes_of_a_zip())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "s.zip"
    path.write_bytes(whole)
    try:
        train, valid = lookalike.load(path)
    except LookalikeError:
        return
    assert len(train) >= len(valid) >= 1
