import asyncio
import socket
import time

import pytest
from asking_web import BASE, files, mark, png
from starlette.testclient import TestClient

from lookalike.web.app import create_app
from lookalike.web.guard import HEADERS, Guard, Limits

TOKEN = "correct-horse-battery-staple"


def test_every_answer_is_sealed(client):
    for path in ("/", "/v1/models", "/nothing", "/docs", "/healthz"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:1234", 200),
        ("LOCALHOST", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("127.0.0.1.nip.io", 421),
        ("192.168.1.7:8000", 421),
        ("localhost.evil.example", 421),
        ("evil.example@localhost:80", 421),
        ("", 421),
        ("[::1", 421),
        ("localhost:8000, evil.example", 421),
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(client, host, status):
    assert client.get("/v1/models", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"origin": BASE}, 422),
        ({"sec-fetch-site": "same-origin"}, 422),
        ({"sec-fetch-site": "none"}, 422),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "http://127.0.0.1:8000.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_changes_from_other_sites_are_refused(client, headers, status):
    assert client.post("/v1/models/digits/undo", headers=headers).status_code == status
    expected = 403 if status == 403 else 404
    assert client.delete("/v1/models/nothing/images/0", headers=headers).status_code == expected


def test_a_form_that_any_site_may_send_is_not_read(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post(
            "/v1/models/digits/teach", content=b'{"images": [], "label": "7"}', headers={"content-type": kind}
        )
        assert answer.status_code == 415


def test_no_answer_lets_other_sites_read(client):
    answer = client.get("/v1/models", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert client.options("/v1/models", headers={"origin": "http://evil.example"}).status_code == 405


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (None, 401),
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        ("Bearer", 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer é{TOKEN}".encode("latin-1"), 401),
    ],
)
def test_without_the_token_nothing_is_told(service, sent, status):
    with TestClient(create_app(service, token=TOKEN), base_url=BASE) as client:
        headers = {} if sent is None else {"authorization": sent}
        for path in ("/v1/models", "/metrics", "/v1/queue"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == status
            assert TOKEN not in answer.text
        assert client.get(f"/v1/models?token={TOKEN}").status_code == 401
        # The page itself holds nothing that is secret.
        assert client.get("/").status_code == 200
        assert client.get("/healthz").status_code == 200


def test_other_addresses_are_known_by_address_and_by_name(service):
    own = socket.gethostname()
    with TestClient(create_app(service, host="0.0.0.0", token=TOKEN), base_url=BASE) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        for host, status in (("10.1.2.3:80", 200), (own, 200), ("localhost", 200), ("evil.example", 421)):
            assert client.get("/v1/models", headers={**headers, "host": host}).status_code == status


def test_too_long_a_body_is_refused_before_it_is_read(service):
    limits = Limits(body=10_000)
    with TestClient(create_app(service, limits=limits), base_url=BASE) as client:
        answer = client.post("/v1/models/digits/predict", content=b"x" * 10_001)
        assert answer.status_code == 413
        pieces = (b"x" * 1000 for _ in range(11))
        assert client.post("/v1/models/digits/predict", content=pieces).status_code == 413
        for length in ("-1", "x", "99999999999999999999", "1e3"):
            answer = client.post("/v1/models/digits/predict", headers={"content-length": length})
            assert answer.status_code in (400, 413)


async def _ask(app, receive, length=None):
    """Ask an application with a body that comes as it comes; return the status."""
    sent = []
    headers = [(b"host", b"localhost")] + (
        [] if length is None else [(b"content-length", str(length).encode())]
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": headers,
        "query_string": b"",
        "scheme": "http",
    }

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"]


async def _nothing(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_slow_body_is_given_up_and_holds_nobody():
    guard = Guard(_nothing, "localhost", None, Limits(seconds=0.2))

    async def slow():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def at_once():
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def both():
        crowd = [asyncio.create_task(_ask(guard, slow)) for _ in range(100)]
        began = time.monotonic()
        assert await _ask(guard, at_once) == 200
        assert time.monotonic() - began < 0.15
        return await asyncio.gather(*crowd)

    assert set(asyncio.run(both())) == {408}
    assert guard.held == 0


def test_bytes_that_are_held_together_are_bounded():
    guard = Guard(_nothing, "localhost", None, Limits(body=1000, together=2500))
    hold = asyncio.Event()

    def body():
        parts = [{"type": "http.request", "body": b"x" * 1000, "more_body": True}]

        async def receive():
            if parts:
                return parts.pop()
            await hold.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        return receive

    async def crowd():
        asked = [asyncio.create_task(_ask(guard, body())) for _ in range(5)]
        await asyncio.sleep(0.05)
        hold.set()
        return await asyncio.gather(*asked)

    assert sorted(asyncio.run(crowd())) == [200, 200, 503, 503, 503]
    assert guard.held == 0


def test_too_many_at_once_are_asked_to_come_again(service, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    from lookalike.web import app

    hold = Event()
    monkeypatch.setattr(app, "answers", lambda *_: hold.wait(10) and {"answers": []})
    with TestClient(create_app(service, waiting=3), base_url=BASE) as client, ThreadPoolExecutor(12) as crowd:
        client.get("/readyz")
        asked = [
            crowd.submit(client.post, "/v1/models/digits/predict", files=files(mark(1, 8))) for _ in range(12)
        ]
        time.sleep(0.5)
        hold.set()
        answers = [one.result() for one in asked]
    refused = [one for one in answers if one.status_code == 503]
    assert {one.status_code for one in answers} == {200, 503}
    assert {one.headers["retry-after"] for one in refused} == {"1"}


def test_websockets_are_not_spoken(service):
    from starlette.websockets import WebSocketDisconnect

    with (
        TestClient(create_app(service), base_url=BASE) as client,
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/v1/models"),
    ):
        pass


def test_images_with_too_many_pixels_are_refused(client):
    import zlib

    head = png(mark(1, 8))
    huge = bytearray(head)
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(bytes(huge[12:29])).to_bytes(4, "big")
    answer = client.post("/v1/models/digits/predict", files=[("images", ("a.png", bytes(huge)))])
    assert answer.status_code == 413
    assert "refused before decoding" in answer.json()["detail"]
