import os

import pytest

from lookalike import InputError
from lookalike.cli.common import check_output
from lookalike.files import write_whole


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


def test_a_folder_that_cannot_be_written_to_is_said_first(tmp_path, monkeypatch):
    check_output("--report", tmp_path / "r.html")
    # As root every folder can be written to: the system's own answer is stood in for.
    monkeypatch.setattr(os, "access", lambda folder, mode: not mode & os.W_OK)
    with pytest.raises(InputError, match=r"r\.html: the folder .* cannot be written to; name another"):
        check_output("--report", tmp_path / "r.html")
