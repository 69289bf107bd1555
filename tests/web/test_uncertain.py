import json

import numpy as np
import pytest
from asking_web import BASE, files, mark, told
from starlette.testclient import TestClient

from lookalike.web.app import create_app
from lookalike.web.uncertain import Uncertain

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
ODD = np.stack([mark(seed, 8) for seed in range(6)])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "uncertain"


@pytest.fixture
def asking(service, folder):
    with TestClient(create_app(service, uncertain=Uncertain(folder, most=3)), base_url=BASE) as client:
        yield client


def test_what_is_uncertain_is_kept_until_it_is_labelled(asking, folder, digits):
    _, valid = digits
    asking.post("/v1/models/digits/predict", files=files(*ODD[:2], ODD[0], np.zeros((8, 8), np.uint8)))
    sure = asking.post("/v1/models/digits/predict", files=files(*valid.images[:20])).json()["answers"]
    unsure = sum(one["rejected"] or one["probability"] < 0.75 for one in sure)
    queue = asking.get("/v1/queue").json()
    assert queue["total"] == min(2 + unsure, 3)
    crop = queue["crops"][0]
    assert crop["image"]["pixels"] == told(ODD[0])["pixels"]
    assert crop["answer"]["rejected"] or crop["answer"]["probability"] < 0.75
    assert {path.suffix for path in folder.iterdir()} == {".png", ".json"}
    done = asking.post(f"/v1/queue/{crop['id']}", json={"label": "11"}).json()
    assert done["taught"]["label"] == "11"
    assert asking.post(f"/v1/queue/{crop['id']}", json={"label": "11"}).status_code == 404
    again = asking.post("/v1/models/digits/predict", files=files(ODD[0])).json()["answers"][0]
    assert (again["best"], again["distance"]) == ("11", 0.0)
    left = asking.get("/v1/queue").json()["crops"][0]["id"]
    assert asking.post(f"/v1/queue/{left}", json={"label": None}).json() == {"id": left, "taught": None}


def test_a_label_that_cannot_be_leaves_the_crop(asking):
    asking.post("/v1/models/digits/predict", files=files(ODD[0]))
    (crop,) = asking.get("/v1/queue").json()["crops"]
    assert asking.post(f"/v1/queue/{crop['id']}", json={"label": "a\x1bb"}).status_code == 422
    assert asking.get("/v1/queue").json()["total"] == 1


def test_the_folder_is_bounded_and_says_when_it_is_full(asking, folder):
    asking.post("/v1/models/digits/predict", files=files(*ODD))
    queue = asking.get("/v1/queue").json()
    assert (queue["total"], queue["full"]) == (3, True)
    assert len(list(folder.iterdir())) == 6


def test_where_the_newest_are_wanted_the_oldest_give_way(folder):
    kept = Uncertain(folder, most=3, newest=True)
    answer = {"probability": None, "nothing": False, "rejected": True}
    for image in ODD:
        assert kept.note("digits", image[None], [answer]) == 1
    assert [crop.image.tolist() for crop in kept.crops(0, 9)] == ODD[-3:].tolist()
    assert len(list(folder.iterdir())) == 6


def test_what_the_page_draws_is_not_kept(asking):
    asking.post("/v1/models/digits/predict", json={"images": [told(one) for one in ODD]})
    assert asking.get("/v1/queue").json()["total"] == 0


def test_without_a_folder_there_is_no_queue(client):
    assert client.get("/v1/queue").json() == {"kept": False, "total": 0, "full": False, "crops": []}
    assert client.post("/v1/queue/x", json={"label": "7"}).status_code == 404


def test_what_somebody_else_changed_is_left_out(folder):
    kept = Uncertain(folder)
    answer = {"probability": 0.1, "rejected": True, "nothing": False}
    kept.note("digits", ODD[:3], [answer] * 3)
    names = [crop.id for crop in kept.crops(0, 9)]
    (folder / f"{names[0]}.png").write_bytes(b"no image")
    (folder / f"{names[1]}.json").write_text("{")
    (folder / "..json").write_text("{}")
    again = Uncertain(folder)
    assert [crop.id for crop in again.crops(0, 9)] == [names[2]]
    assert json.loads((folder / f"{names[2]}.json").read_text())["model"] == "digits"


@pytest.mark.parametrize("name", ["../../etc/passwd", "x", "0" * 32, "", "..%2f..%2fx"])
def test_a_number_is_no_path(asking, name):
    assert asking.post(f"/v1/queue/{name}", json={"label": None}).status_code in (404, 405)
