import gzip
import threading
from dataclasses import dataclass, field
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from making import gray, idx

from lookalike.data import known as sets
from lookalike.data.known import KnownSet, PublishedFile


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """Return an empty folder for data and one for the cache; nothing else of this machine is seen."""
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("LOOKALIKE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOOKALIKE_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@dataclass
class Server:
    """A mirror on this machine: what it has, how it misbehaves, what it was asked for."""

    address: str
    files: dict = field(default_factory=dict)
    behaviour: str = "well"
    asked: list = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        mirror = self.server.mirror
        mirror.asked.append(self.path.lstrip("/"))
        body = mirror.files.get(self.path.lstrip("/"))
        if body is None or mirror.behaviour == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mirror.behaviour == "truncated":
            body = body[: len(body) // 2]
        elif mirror.behaviour == "other":
            body = body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]
        self.wfile.write(body)

    def log_message(self, *what):
        pass


@pytest.fixture
def server():
    """Return a factory of local mirrors."""
    running = []

    def make(files, behaviour="well"):
        listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        listening.daemon_threads = True
        listening.mirror = Server(f"http://127.0.0.1:{listening.server_port}/", dict(files), behaviour)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((listening, thread))
        return listening.mirror

    yield make
    for listening, thread in running:
        listening.shutdown()
        listening.server_close()
        thread.join()


@pytest.fixture
def tiny(monkeypatch):
    """Return a known set of 12 and 4 images of 3x3, its published files, and register it."""
    arrays = {
        "train-images-idx3-ubyte.gz": np.stack([gray(seed, (3, 3)) for seed in range(12)]),
        "train-labels-idx1-ubyte.gz": np.arange(12) % 2,
        "t10k-images-idx3-ubyte.gz": np.stack([gray(seed, (3, 3)) for seed in range(20, 24)]),
        "t10k-labels-idx1-ubyte.gz": np.arange(4) % 2,
    }
    plain = {name: idx(array) for name, array in arrays.items()}
    packed = {name: gzip.compress(data, mtime=0) for name, data in plain.items()}
    files = []
    for name in plain:
        # As with Fashion-MNIST: of the test images only the packed file's MD5 is published.
        hashes = (
            {"md5": md5(packed[name]).hexdigest()}
            if name.startswith("t10k-images")
            else {"sha256": sha256(plain[name]).hexdigest()}
        )
        files.append(PublishedFile(name, len(packed[name]), len(plain[name]), **hashes))
    known = KnownSet("tiny", "Tiny", "16 of 3 x 3", "none", "this test", tuple(files))

    def register(*mirrors):
        from dataclasses import replace

        registered = replace(known, mirrors=mirrors)
        monkeypatch.setattr(sets, "KNOWN", (*sets.KNOWN, registered))
        return registered

    register.plain, register.packed, register.arrays = plain, packed, arrays
    return register
