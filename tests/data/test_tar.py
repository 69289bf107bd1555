import gzip
import io
import struct
import tarfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import bomb_png, encoded, gray, write_idx

import lookalike
from lookalike.data.loose import find
from lookalike.data.readers.trees import is_tar, tar_tree
from lookalike.errors import DataError, LookalikeError


def members(**classes):
    return {f"{name}/{index}.png": encoded(gray(index)) for name, n in classes.items() for index in range(n)}


def write_tar(path, files, mode="w", kind=tarfile.PAX_FORMAT, *headers):
    with tarfile.open(path, mode, format=kind) as archive:
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
        for header in headers:
            archive.addfile(header)
    return path


def special(name, kind, leads_to=""):
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, leads_to
    return header


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_tar_is_read_as_the_folder_is_and_nothing_is_extracted(tmp_path, mode, kind):
    files = members(a=4, b=2)
    folder = tmp_path / "folder"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    path = write_tar(tmp_path / "set.bin", {f"set/{name}": data for name, data in files.items()}, mode, kind)
    before = sorted(tmp_path.rglob("*"))
    for one, other in zip(lookalike.load(folder), lookalike.load(path), strict=True):
        assert one.sha256() == other.sha256()
        assert one.names == other.names
        assert other.source.reader == "image folder in a tar"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("inside", ["", "/a"])
def test_a_packing_that_is_not_read_is_said(tmp_path, inside):
    lzma = pytest.importorskip("lzma")
    path = tmp_path / "set.tar.xz"
    path.write_bytes(lzma.compress(write_tar(tmp_path / "set.tar", members(a=2, b=2)).read_bytes()))
    with pytest.raises(DataError, match="is packed by xz, which is not read: expected a folder"):
        lookalike.load(f"{path}{inside}")
    with pytest.raises(DataError, match="is packed by xz"):
        find([f"{path}{inside}"])


def test_long_names_parts_and_what_macos_adds(tmp_path):
    files = {f"{'long' * 30}/train/{name}": data for name, data in members(a=2, b=2).items()}
    files |= {f"{'long' * 30}/valid/{name}": data for name, data in members(a=1, b=1).items()}
    files |= {f"{'long' * 30}/train/a/._0.png": b"x"}
    train, valid = lookalike.load(write_tar(tmp_path / "s.tar", files))
    assert (len(train), len(valid)) == (4, 2)
    assert train.source.notes[0].startswith("1 stray file or folder was left out")


def test_headers_are_not_kept_in_memory(tmp_path, monkeypatch):
    path, kept = write_tar(tmp_path / "s.tar", members(a=30, b=30)), []
    following = tarfile.TarFile.next

    def watched(archive):
        kept.append(len(archive.members))
        return following(archive)

    monkeypatch.setattr(tarfile.TarFile, "next", watched)
    lookalike.load(path)
    assert len(kept) > 60
    assert max(kept) <= 1


def test_a_folder_in_a_tar(tmp_path):
    files = {
        f"meters/{meter}/{name}": data for meter in ("1", "2") for name, data in members(a=2, b=3).items()
    }
    path = write_tar(tmp_path / "m.tar.gz", files, "w:gz")
    assert sum(map(len, lookalike.load(path / "meters" / "2"))) == 5
    with pytest.raises(DataError, match="holds no folder 'meters/3'"):
        lookalike.load(path / "meters" / "3")


def test_idx_in_a_tar(tmp_path):
    write_idx(tmp_path, np.zeros((6, 2, 2)), [0, 1] * 3)
    files = {f"MNIST/raw/{path.name}": path.read_bytes() for path in tmp_path.iterdir()}
    assert sum(map(len, lookalike.load(write_tar(tmp_path / "s.tar", files)))) == 6


@pytest.mark.parametrize("name", ["../evil.png", "a/../../x", "/etc/x.png", "C:/evil.png", "..\\evil.png"])
def test_paths_that_leave_the_tar(tmp_path, name):
    with pytest.raises(DataError, match="a path that leaves it: refused"):
        lookalike.load(write_tar(tmp_path / "s.tar", {**members(a=2, b=2), name: b"x"}))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (tarfile.SYMTYPE, "a link: refused; pack it anew with what it leads to"),
        (tarfile.LNKTYPE, "a link: refused"),
        (tarfile.CHRTYPE, "a device or pipe: refused"),
        (tarfile.BLKTYPE, "a device or pipe: refused"),
        (tarfile.FIFOTYPE, "a device or pipe: refused"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file: refused"),
    ],
    ids=["link", "hard link", "character device", "block device", "pipe", "sparse"],
)
def test_no_plain_files(tmp_path, kind, message):
    odd = special("a/odd.png", kind, "/etc/passwd")
    with pytest.raises(DataError, match=rf"holds 'a/odd\.png', {message}"):
        lookalike.load(write_tar(tmp_path / "s.tar", members(a=2, b=2), "w", tarfile.GNU_FORMAT, odd))


def test_one_name_twice(tmp_path):
    path = write_tar(tmp_path / "s.tar", {**members(a=2, b=2), "a//0.png": b"x"})
    with pytest.raises(DataError, match=r"holds 'a/0\.png' twice: refused"):
        lookalike.load(path)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2"])
def test_a_bomb_is_refused_while_it_is_unpacked(tmp_path, monkeypatch, mode):
    monkeypatch.setattr("lookalike.data.readers.trees.MAX_FILE_BYTES", 2**16)
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2) | {"a/bomb.png": bytes(2**23)}, mode)
    with pytest.raises(DataError, match=r"unpacks to more than [0-9,]+ bytes, .*: refused as a bomb"):
        lookalike.load(path)


def test_a_member_that_is_too_large(tmp_path):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2) | {"a/large.png": bytes(70 * 2**20)})
    with pytest.raises(DataError, match=r"large\.png' announces 73,400,320 bytes: more than 67,108,864"):
        lookalike.load(path)
    path = write_tar(tmp_path / "t.tar", members(a=2, b=2) | {"a/bomb.png": bomb_png(50_000, 50_000)})
    with pytest.raises(DataError, match=r"a/bomb\.png' is 50000 x 50000 pixels"):
        lookalike.load(path)


def changed_header(path, place, value):
    """Write other bytes into the first header, and its checksum anew."""
    raw = bytearray(path.read_bytes())
    raw[place : place + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("size", [2**62, -(2**40)], ids=["huge", "negative"])
@pytest.mark.parametrize("kind", [b"0", b"x", b"L"], ids=["file", "pax header", "long name"])
def test_sizes_that_lie_ask_for_no_memory(tmp_path, size, kind):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2), "w", tarfile.USTAR_FORMAT)
    marked = (b"\xff" if size < 0 else b"\x80") + b"\0" * 3 + struct.pack(">q", size)
    if size < 0:
        marked = b"\xff" * 4 + struct.pack(">q", size)
    changed_header(path, 124, marked)
    changed_header(path, 156, kind)
    with pytest.raises(DataError, match=r"truncated or damaged|leads back|no readable tar"):
        tar_tree(path)


def test_headers_in_headers(tmp_path):
    block = tarfile.TarInfo("././@LongLink")
    block.type, block.size = tarfile.GNUTYPE_LONGNAME, 1
    one = block.tobuf(tarfile.GNU_FORMAT) + b"a".ljust(512, b"\0")
    path = tmp_path / "s.tar"
    path.write_bytes(one * 5000 + bytes(1024))
    with pytest.raises(DataError, match="no readable tar"):
        lookalike.load(path)


@pytest.mark.parametrize("cut", [3, 300, 512, 1024, 1500])
def test_a_truncated_tar(tmp_path, cut):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2))
    whole = path.read_bytes().rstrip(b"\0")
    path.write_bytes(whole.ljust(-(-len(whole) // 512) * 512, b"\0")[:-cut])
    with pytest.raises(DataError, match=r"truncated or damaged|no readable tar"):
        lookalike.load(path)
    packed = tmp_path / "s.tar.gz"
    packed.write_bytes(gzip.compress(whole + bytes(10_240))[: -cut % 100 - 9])
    with pytest.raises(DataError, match=r"no readable tar|cannot be read as labelled images"):
        lookalike.load(packed)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"b/0.png")] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="is truncated or damaged: get it again"):
        lookalike.load(path)


def test_too_many(tmp_path, monkeypatch):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2))
    monkeypatch.setattr("lookalike.data.readers.trees.MAX_FILES", 3)
    with pytest.raises(DataError, match="holds more than 3 members: refused"):
        lookalike.load(path)
    monkeypatch.setattr("lookalike.data.readers.trees.MAX_ARCHIVE_BYTES", 100)
    with pytest.raises(DataError, match=r"announces .* bytes: more than 100, refused"):
        lookalike.load(path)


def test_what_is_a_tar(tmp_path):
    assert is_tar(write_tar(tmp_path / "s", members(a=1), "w:bz2"))
    for data in (b"", b"BZh9x", gzip.compress(b"x" * 600), gzip.compress(b"x")[:-9], b"\x1f\x8b"):
        (tmp_path / "s").write_bytes(data)
        assert not is_tar(tmp_path / "s")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_bytes_are_read_or_refused(tmp_path, mode, data):
    path = write_tar(tmp_path / "s.tar", members(a=2, b=2), mode)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        train, valid = lookalike.load(path)
    except LookalikeError:
        return
    assert len(train) >= len(valid) >= 1
