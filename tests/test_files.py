import os
import stat

import pytest

from lookalike import DataError, InputError
from lookalike.files import check_writable, read_file, write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "r.html"
    path.write_bytes(b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_asked_for(tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device", "something else")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_whole(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "r.html").write_bytes(b"old")
    for name in ("r.html", "new.html"):
        (tmp_path / name).symlink_to(tmp_path / "there" / name)
        write_whole(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "there" / name).read_bytes() == b"new"
    assert len(list(tmp_path.rglob("*"))) == 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("write", [lambda path: write_whole(path, b"new"), check_writable])
def test_what_is_no_file_is_never_replaced(tmp_path, write):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link, tmp_path):
        with pytest.raises(InputError, match="is no file, so it is not written over"):
            write(path)
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode)
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_whether_a_file_can_be_written_is_found_out_without_a_trace(tmp_path):
    old = tmp_path / "old"
    old.write_bytes(b"old")
    check_writable(old)
    check_writable(tmp_path / "new")
    assert old.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [old]
    for path in (tmp_path / "no" / "x", old / "x", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=r"No such file|Not a directory|too long") as caught:
            check_writable(path)
        assert caught.value.filename == str(path)


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
def test_who_may_read_a_file_stays_as_it_was(tmp_path):
    path = tmp_path / "mine"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_whole(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_may_be_as_long_as_names_may_be(tmp_path):
    path = tmp_path / ("\u6a21" * 85)  # 255 bytes
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_missing_and_a_large_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png' cannot be read"):
        read_file(tmp_path / "gone.png", "gone.png", 10)
    (tmp_path / "large.png").write_bytes(bytes(11))
    with pytest.raises(DataError, match=r"large\.png' is larger than 10 bytes"):
        read_file(tmp_path / "large.png", "large.png", 10)
