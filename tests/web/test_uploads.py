"""Uploads by somebody who means harm: each ends in a clear 4xx, and nothing is written anywhere."""

import io
import json
import random
import struct
import zlib

import numpy as np
import pytest
from asking_web import BASE, mark, png, told
from PIL import Image
from starlette.testclient import TestClient

from effort import SOAK
from lookalike.web.app import create_app
from lookalike.web.guard import Limits
from lookalike.web.service import Service

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
COUNT = 10_000 if SOAK > 1 else 300
LABELS = (
    "7",
    "<script>alert(1)</script>",
    "../../x",
    "\x00",
    "\u202e7",
    "=1+1",
    "9" * 400,
    "",
    " ",
    "seven",
    "-0",
)
NAMES = (
    "a.png",
    "../../etc/passwd",
    "C:\\x.png",
    "<img src=x>",
    "\x1b[2J",
    "a" * 3000,
    "é\u202e.png",
    "",
    "a\r\nb: c",
)


def encoded(kind, image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width, height, bits=8):
    """Return a small PNG that says it is large, and is."""
    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    body = zlib.compress(bytes(min((width * bits // 8 + 1) * height, 40_000_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def text_bomb():
    """Return a PNG whose text unpacks to far more than it is."""
    whole = png(mark(1, 8))
    text = chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(30_000_000), 9))
    return whole[:33] + text + whole[33:]


BOMBS = {
    "wide": lambda: bomb(60_000, 60_000),
    "long": lambda: bomb(1, 2**31 - 1),
    "large": lambda: bomb(5000, 5000),
    "text": text_bomb,
    "no pixels": lambda: bomb(0, 8),
}


@pytest.fixture(scope="module")
def wholes():
    """Return whole files of every kind that is read, and of some that are not."""
    gray, colour = mark(1, 8), np.repeat(mark(2, 8)[..., None], 3, axis=2)
    kinds = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "ICO", "TGA", "PDF")
    made = [encoded(kind, image) for kind in kinds for image in (gray, colour)]
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"></svg>'
    return [
        *made,
        svg,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        b"PK\x03\x04",
        b"",
        b"\x89PNG\r\n\x1a\n",
    ]


@pytest.fixture(scope="module")
def asking(digits_file, tmp_path_factory):
    """Return what asks a service with small limits, and the folder that all of it is in."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "digits.lookalike"
    path.write_bytes(digits_file.read_bytes())
    app = create_app(Service([path], folder / "made"), limits=Limits(body=2 * 2**20))
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
        yield client, folder


def damaged(data, rng):
    """Return a file with something wrong."""
    kind = rng.randrange(5)
    changed = bytearray(data)
    if kind == 0 or len(changed) < 40:
        return data[: rng.randrange(len(data) + 1)]
    if kind == 1:
        for _ in range(rng.choice((1, 4, 40))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    elif kind == 2:
        changed[16:24] = rng.randbytes(8)
    elif kind == 3:
        changed[rng.randrange(30) :] = rng.randbytes(200)
    else:
        place = rng.randrange(len(changed))
        changed[place:place] = rng.randbytes(rng.choice((1, 100, 5000)))
    return bytes(changed)


def damaged_json(rng):
    """Return JSON with something wrong."""
    image = told(mark(rng.randrange(9), 8))
    strange = (-1, 0, 2**31, 1e308, None, "8", [], {}, True, "A" * 100_000, "\ud800", 8.5)
    for _ in range(rng.choice((1, 2))):
        image[rng.choice((*image, "__proto__"))] = rng.choice(strange)
    whole = rng.choice(
        ({"images": [image]}, {"images": image}, [image], {"images": [image] * 300}, {"images": [[image]]})
    )
    if isinstance(whole, dict) and rng.random() < 0.5:
        whole["label"] = rng.choice((*LABELS, 7, None, ["7"]))
    text = json.dumps(whole)
    return rng.choice(
        (text, text[: rng.randrange(len(text))], "[" * 5000, '{"images": NaN}', text + "x")
    ).encode()


def form(data, rng):
    """Return a form that no library would write, and its type."""
    boundary = rng.choice(("x", "x" * 70, "x" * 2000, "", 'a"b', "é"))
    name, label = rng.choice(NAMES), rng.choice(LABELS)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="images"; filename="{name}"\r\n'.encode()
    parts = [
        part + b"Content-Type: image/png\r\n\r\n" + data + b"\r\n" for _ in range(rng.choice((1, 1, 2, 300)))
    ]
    said = f'--{boundary}\r\nContent-Disposition: form-data; name="label"\r\n\r\n{label}\r\n'.encode(
        "utf-8", "replace"
    )
    whole = b"".join(parts) + said * rng.choice((0, 1, 1, 30)) + f"--{boundary}--\r\n".encode()
    if rng.random() < 0.3:
        whole = damaged(whole, rng)
    return whole, f"multipart/form-data; boundary={boundary}"


def state(folder):
    """Return every file below a folder, but for what the journal's own lines change."""
    return {
        path.relative_to(folder): path.stat().st_size
        for path in folder.rglob("*")
        if "journal" not in path.name
    }


def test_thousands_of_bad_uploads_end_in_clear_refusals(asking, wholes, tmp_path, monkeypatch):
    client, folder = asking
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before, rng = state(folder), random.Random(4)
    statuses = {}
    for _ in range(COUNT):
        path = f"/v1/models/digits/{rng.choice(('predict', 'explain', 'teach'))}"
        if rng.random() < 0.25:
            content, kind = damaged_json(rng), "application/json"
        else:
            data = rng.choice(wholes)
            content, kind = form(damaged(data, rng) if rng.random() < 0.8 else data, rng)
        answer = client.post(path, content=content, headers={"content-type": kind.encode()})
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code in (200, 400, 413, 415, 422), (
            answer.status_code,
            answer.text,
            content[:300],
        )
        if answer.status_code != 200:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["detail"].isprintable()
            assert len(problem["detail"]) <= 600
            assert "Traceback" not in problem["detail"]
        assert "<script" not in answer.headers.get("content-type", "")
    assert min(statuses.get(status, 0) for status in (400, 415, 422)) > COUNT / 50, statuses
    assert state(folder) == before
    assert list(tmp_path.iterdir()) == []
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_without_being_unpacked(asking, name):
    import resource

    client, _ = asking
    data = BOMBS[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = client.post("/v1/models/digits/predict", files=[("images", ("a.png", data, "image/png"))])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert answer.status_code in (413, 422)
    assert grown < 100_000  # kilobytes


def test_many_images_are_capped_together(asking):
    client, _ = asking
    image = png(np.zeros((3000, 3000), np.uint8))
    sent = [("images", ("a.png", image, "image/png"))] * 6
    answer = client.post("/v1/models/digits/predict?resize=1", files=sent)
    assert answer.status_code == 413
    assert "together" in answer.json()["detail"]
    sent = [("images", ("a.png", png(mark(1, 8)), "image/png"))] * 257
    assert client.post("/v1/models/digits/predict", files=sent).status_code == 413


def test_class_names_are_text_and_nothing_else(asking):
    client, _ = asking
    client.post("/v1/models", json={"name": "marks"})
    for place, label in enumerate(("<img src=x onerror=alert(1)>", "a/../b", "=cmd()", "{{7*7}}", "ä" * 255)):
        lesson = {"images": [told(mark(place))], "label": label}
        taught = client.post("/v1/models/marks/teach", json=lesson)
        assert taught.status_code == 200
        assert taught.headers["content-type"] == "application/json"
        found = client.post("/v1/models/marks/predict", json=lesson | {"images": [told(mark(place))]} | {})
        assert found.status_code == 422  # a label is nothing that predict takes
        found = client.post("/v1/models/marks/predict", json={"images": [told(mark(place))]}).json()[
            "answers"
        ][0]
        assert found["best"] == label


def test_a_page_outside_the_folder_is_not_served(asking):
    client, _ = asking
    for path in (
        "/../app.py",
        "/%2e%2e/app.py",
        "/..%2fapp.py",
        "//etc/passwd",
        "/static/../../app.py",
        "/%00",
    ):
        answer = client.get(path)
        assert answer.status_code in (404, 405), path
        assert "import" not in answer.text
