"""New photographs as they come."""

import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from photographing import write

from cli_runner import call
from lookalike.errors import InputError
from lookalike.photo.watch import Watcher


def dated(path, seconds):
    os.utime(path, (seconds, seconds))
    return path


def test_files_are_taken_once_oldest_first_and_whole(tmp_path):
    watcher = Watcher(str(tmp_path))
    dated(tmp_path / "b.png", 0) if (tmp_path / "b.png").exists() else None
    (tmp_path / "b.png").write_bytes(b"bb")
    dated(tmp_path / "b.png", 100)
    (tmp_path / "a.png").write_bytes(b"a")
    dated(tmp_path / "a.png", 200)
    (tmp_path / "note.txt").write_bytes(b"no photograph")
    assert watcher.look() == []
    assert [(one.name, one.data, one.taken) for one in watcher.look()] == [
        ("b.png", b"bb", 100),
        ("a.png", b"a", 200),
    ]
    assert watcher.look() == []


def test_a_file_that_grows_waits_until_it_is_whole(tmp_path):
    path = tmp_path / "new.jpg"
    watcher = Watcher(str(path))
    assert watcher.look() == []
    for length in range(1, 5):
        path.write_bytes(b"x" * length)
        assert watcher.look() == []
    (found,) = watcher.look()
    assert found.data == b"xxxx"
    assert watcher.look() == []
    path.write_bytes(b"replaced")
    assert watcher.look() == []
    assert [one.data for one in watcher.look()] == [b"replaced"]


def test_after_a_restart_old_files_stay_read(tmp_path):
    for name, seconds in (("old.png", 100), ("new.png", 200)):
        (tmp_path / name).write_bytes(b"...")
        dated(tmp_path / name, seconds)
    watcher = Watcher(str(tmp_path), since=100)
    watcher.look()
    assert [one.name for one in watcher.look()] == ["new.png"]


def test_what_vanishes_is_no_error(tmp_path):
    watcher = Watcher(str(tmp_path / "new.png"))
    (tmp_path / "new.png").write_bytes(b"...")
    watcher.look()
    (tmp_path / "new.png").unlink()
    assert watcher.look() == watcher.look() == []


@pytest.mark.parametrize("source", ["file:///etc/passwd", "ftp://host/a.jpg"])
def test_other_addresses_are_refused(source):
    with pytest.raises(InputError, match="expected a folder, a file, or an http or https address"):
        Watcher(source)


class _Camera(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/broken"):
            self.send_error(503)
            return
        if self.path in ("/moved", "/away"):
            self.send_response(302)
            self.send_header("Location", "/snap.jpg" if self.path == "/moved" else "http://localhost:1/")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a photograph")

    def log_message(self, *args):
        pass


@pytest.fixture
def camera():
    server = HTTPServer(("127.0.0.1", 0), _Camera)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_address_is_asked_each_time_and_its_secrets_are_not_said(camera):
    found = [Watcher(f"http://{camera}/snap.jpg?token=secret").look()[0] for _ in range(2)]
    assert [one.data for one in found] == [b"a photograph"] * 2
    assert {one.name for one in found} == {f"http://{camera}/snap.jpg"}
    assert abs(found[0].taken - time.time()) < 60
    (broken,) = Watcher(f"http://{camera}/broken").look()
    assert broken.data is None
    assert broken.problem == f"http://{camera}/broken gives no photograph: Service Unavailable"


def test_a_camera_that_is_gone_is_said_and_asked_again():
    watcher = Watcher("http://127.0.0.1:9/snap.jpg")
    for _ in range(2):
        (found,) = watcher.look()
        assert found.data is None
        assert "gives no photograph" in found.problem


@pytest.fixture
def looks(monkeypatch):
    """Return a function that says after how many looks the watching is interrupted."""

    def until(count):
        waited = []

        def sleep(seconds):
            waited.append(seconds)
            if len(waited) >= count:
                raise KeyboardInterrupt

        monkeypatch.setattr("lookalike.cli.watch.time.sleep", sleep)

    return until


def test_the_command_survives_bad_frames_and_restarts(
    looks, monkeypatch, capsys, tmp_path, saved, layout, photograph
):
    layout.save(tmp_path / "layout.json")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, value, seed, seconds in (
        ("a", "0715", 3, 1000),
        ("c", "0716", 10, 3000),
        ("d", "0700", 9, 4000),
    ):
        dated(write(folder / f"{name}.png", photograph(value, seed)), seconds)
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:3000])
    dated(folder / "b.png", 2000)
    options = [
        "--every",
        "1",
        "--history",
        tmp_path / "m.db",
        "--increasing",
        "--keep-doubtful",
        tmp_path / "kept",
    ]
    looks(2)
    found = call(monkeypatch, capsys, "watch", saved, tmp_path / "layout.json", folder, *options)
    assert found.code == 130
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert [line["photograph"] for line in lines] == ["a.png", "b.png", "c.png", "d.png"]
    assert [line["value"] for line in lines] == ["0715", None, "0716", None]
    assert "truncated or damaged" in lines[1]["reasons"][0]
    assert "never decreases" in lines[3]["reasons"][0]
    assert lines[0]["taken"] == "1970-01-01T00:16:40+00:00"
    # What cannot be decoded is not kept: there is nothing to see.
    assert len(list((tmp_path / "kept").glob("*.png"))) == 1
    dated(write(folder / "e.png", photograph("0717", 11)), 5000)
    looks(2)
    again = call(monkeypatch, capsys, "watch", saved, tmp_path / "layout.json", folder, *options)
    assert [json.loads(line)["photograph"] for line in again.out.splitlines()] == ["d.png", "e.png"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("http://me:secret@camera.local:8080/shot.jpg?token=1#x", "http://camera.local:8080/shot.jpg"),
        ("https://[::1]:9/a%20b.jpg", "https://[::1]:9/a%20b.jpg"),
    ],
)
def test_an_address_is_shown_without_its_secrets(source, shown):
    assert Watcher(source).shown == shown


def test_a_redirect_is_followed_on_the_same_host_only(camera):
    (found,) = Watcher(f"http://{camera}/moved").look()
    assert found.data == b"a photograph"
    (away,) = Watcher(f"http://{camera}/away").look()
    assert away.data is None
    assert "it leads to http://localhost:1, another host" in away.problem


def test_what_is_not_there_yet_is_said(monkeypatch, capsys, tmp_path, saved, layout, looks):
    layout.save(tmp_path / "layout.json")
    monkeypatch.chdir(tmp_path)
    for said in ("watching new.jpg, which is not there yet, every 60", "watching new.jpg, every 60 seconds"):
        looks(1)
        found = call(monkeypatch, capsys, "watch", saved, "layout.json", "new.jpg")
        assert (found.code, said in found.err) == (130, True), found.err
        (tmp_path / "new.jpg").write_bytes(b"")


def test_doubtful_photographs_need_a_named_folder(monkeypatch, capsys, tmp_path, saved, layout):
    layout.save(tmp_path / "layout.json")
    found = call(
        monkeypatch, capsys, "watch", saved, tmp_path / "layout.json", tmp_path, "--keep-doubtful", ""
    )
    assert found.code == 2
    assert "--keep-doubtful is empty: expected a folder's name" in found.err
