"""Photographs that a service reads, and the page that shows them."""

import base64

import numpy as np
import pytest
from photographing import hidden

pytest.importorskip("fastapi", reason="serving needs the extra [serve]")

from starlette.testclient import TestClient

from browsing import chromium
from cli_runner import call
from lookalike.photo.layout import read_photograph
from lookalike.web.app import create_app
from lookalike.web.photographs import Photographs
from lookalike.web.service import Service
from web.asking_web import BASE, files, mark, png, running
from web.drawing import visiting, waited


@pytest.fixture
def laid(layout, tmp_path):
    layout.save(tmp_path / "layout.json")
    return tmp_path / "layout.json"


@pytest.fixture
def served(saved, tmp_path):
    path = tmp_path / "meter.lookalike"
    path.write_bytes(saved.read_bytes())
    return path


@pytest.fixture
def asking(served, laid):
    service = Service([served])
    model = service["meter"]
    model.photographs = Photographs(lambda: model.snapshot, laid)
    with TestClient(create_app(service), base_url=BASE, raise_server_exceptions=False) as client:
        yield client


def test_photographs_are_read_as_by_the_reader(asking, reader, photograph):
    images = [photograph("0715", 40), photograph("0715", 3, change=hidden)]
    told = asking.post("/v1/models/meter/read", files=files(*images)).json()
    assert told["model"] == "meter"
    for place, (found, image) in enumerate(zip(told["readings"], images, strict=True)):
        expected = reader.read(image, f"{place}.png").to_plain()
        for one, other in zip(found.pop("places"), expected.pop("places"), strict=True):
            assert one.pop("probability") == pytest.approx(other["probability"], abs=1e-6)
            assert one == {name: value for name, value in other.items() if name != "probability"}
        assert found == {**expected, "picture": None}
    drawn = asking.post("/v1/models/meter/read?picture=true", files=files(images[0])).json()["readings"][0]
    expected = reader.picture(images[0])[1]
    np.testing.assert_array_equal(
        read_photograph(base64.b64decode(drawn["picture"])), read_photograph(expected)
    )
    assert asking.get("/v1/models/meter").json()["reads_photographs"]


def test_what_is_taught_counts_for_the_next_photograph(asking, layout, photograph):
    image = photograph("0715", 40)
    before = asking.post("/v1/models/meter/read", files=files(image)).json()["readings"][0]
    crops = np.stack([np.full((*layout.crop_size, 3), level, np.uint8) for level in (3, 250)])
    crops[:, ::2] = 99
    assert asking.post("/v1/models/meter/teach", files=files(*crops), data={"label": "5"}).is_success
    after = asking.post("/v1/models/meter/read", files=files(image)).json()["readings"][0]
    assert [one["probability"] for one in before["places"]] != [one["probability"] for one in after["places"]]


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"files": [("images", ("a.png", b"no image"))]}, 415, "is not an image"),
        ({"files": [("images", ("a.png", png(mark(1))[:90]))]}, 422, "a.png"),
        ({"json": {"images": []}}, 422, "images"),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "multipart"),
    ],
)
def test_what_is_no_photograph_is_refused(asking, sent, status, said):
    found = asking.post("/v1/models/meter/read", **sent)
    assert (found.status_code, said in found.json()["detail"]) == (status, True), found.json()


def test_a_photograph_of_something_else_is_rejected(asking):
    (found,) = asking.post("/v1/models/meter/read", files=files(mark(1, 60))).json()["readings"]
    assert found["rejected"]
    assert found["places"] == []


def test_a_model_without_a_layout_reads_none(served):
    with TestClient(create_app(Service([served])), base_url=BASE) as client:
        assert not client.get("/v1/models/meter").json()["reads_photographs"]
        found = client.post("/v1/models/meter/read", files=files(mark(1)))
    assert (found.status_code, "--layout" in found.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("count", "said"), [(0, "expected one, 0 are named"), (2, "expected one, 2 are named")]
)
def test_a_layout_goes_with_one_model(monkeypatch, capsys, served, laid, tmp_path, count, said):
    options = ("--layout", laid, "--no-browser", "--port", 0, "--folder", tmp_path / "made")
    out = call(monkeypatch, capsys, "serve", *[served] * count, *options)
    assert (out.code, said in out.err) == (2, True), out.err


def test_the_page_shows_what_was_read(served, laid, photograph, tmp_path):
    arguments = (served, "--layout", laid, "--folder", tmp_path / "made")
    with chromium() as browser, running(*arguments) as (_, address), visiting(browser) as visit:
        page = visit(address)
        page.locator("#tab-photograph").click()
        shot = {"mimeType": "image/png"}
        for value, change, shown in (("0715", None, "0715"), ("0715", hidden, "07?5")):
            image = photograph(value, 40 if change is None else 3, change=change)
            page.locator("#photograph-file").set_input_files(
                {"name": f"{shown}.png", "buffer": png(image), **shot}
            )
            waited(page, f"document.querySelector('#photograph .value')?.textContent.startsWith('{shown}')")
        assert page.locator("#photograph .told").inner_text().count("counter.") >= 5
        assert "Rejected" in page.locator("#photograph").inner_text()
        waited(page, "document.querySelector('#photograph img').naturalWidth > 100")
