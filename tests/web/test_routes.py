import numpy as np
import pytest
from asking_web import files, mark, pixels, png, told, until

import lookalike

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")

JSON, FORM = {"content-type": "application/json"}, {"content-type": "multipart/form-data; boundary=x"}


def test_models_say_what_the_page_needs(client, digits):
    found = client.get("/v1/models").json()["models"]
    (model,) = found
    train, _ = digits
    assert (model["name"], model["idea"], model["images"]) == ("digits", "nearest", len(train))
    assert {one["name"]: one["examples"] for one in model["classes"]} == {
        str(label): int((train.labels == label).sum()) for label in range(10)
    }
    assert model["image"] == {"width": 8, "height": 8, "channels": 1}
    assert [one["name"] for one in model["ideas"]] == ["nearest", "mean-l1", "mean-l2", "deformable"]
    assert model["can_teach"]
    assert not model["can_undo"]
    assert model["ink"]["light_on_dark"]
    assert client.get("/v1/models/digits").json() == model
    assert client.get("/v1/models/digits/classes").json()["classes"] == model["classes"]


@pytest.mark.parametrize("form", ["files", "json"])
def test_answers_are_those_of_the_model_in_order(client, digits, digits_file, form):
    _, valid = digits
    images = valid.images[:20]
    model = lookalike.load_model(digits_file)
    sent = {"files": files(*images)} if form == "files" else {"json": {"images": list(map(told, images))}}
    answers = client.post("/v1/models/digits/predict", **sent).json()["answers"]
    expected = model.assess(images)
    assert [one["best"] for one in answers] == list(map(str, expected.labels))
    assert [one["rejected"] for one in answers] == expected.rejected.tolist()
    assert [one["label"] is None for one in answers] == expected.rejected.tolist()
    np.testing.assert_allclose([one["distance"] for one in answers], expected.distances)
    shares = [[each["probability"] for each in one["probabilities"]] for one in answers]
    np.testing.assert_allclose(shares, model.predict_proba(images))
    second = np.sort(model.predict_proba(images), axis=1)[:, -2]
    np.testing.assert_allclose([one["runner_up"]["probability"] for one in answers], second)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("mean-l1", lookalike.MeanImage),
        ("mean-l2", lambda: lookalike.MeanImage("l2")),
        ("deformable", lambda: lookalike.DeformableMatch(None, n_neighbors=1)),
    ],
)
def test_another_idea_is_fitted_on_the_images_that_the_model_keeps(client, digits, name, made):
    train, valid = digits
    images = valid.images[:30]
    answers = client.post(f"/v1/models/digits/predict?idea={name}", files=files(*images)).json()["answers"]
    expected = made().fit(train.images, train.labels).predict(images)
    assert [one["best"] for one in answers] == list(map(str, expected))


def test_who_asks_for_an_idea_that_takes_long_is_asked_to_come_again(client, monkeypatch):
    from threading import Event

    from lookalike.web import snapshot, work

    made, fitted = Event(), snapshot._fitted
    monkeypatch.setattr(work, "PATIENCE", 0.05)
    monkeypatch.setattr(snapshot, "_fitted", lambda own, name: made.wait(10) and fitted(own, name))
    ask = {"url": "/v1/models/digits/predict?idea=mean-l1", "files": files(mark(1, 8))}
    refused = client.post(**ask)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert client.post("/v1/models/digits/predict", files=files(mark(1, 8))).status_code == 200
    made.set()
    assert until(lambda: client.post(**ask).status_code == 200)


def test_evidence_is_what_the_model_compares(client, digits, digits_file):
    train, valid = digits
    image = valid.images[3]
    (one,) = client.post("/v1/models/digits/explain", files=files(image)).json()["answers"]
    np.testing.assert_array_equal(pixels(one["seen"]), image)
    means = lookalike.MeanImage().fit(train.images, train.labels)
    l1, l2 = means.class_distances(image[None])[0], lookalike.MeanImage("l2").fit(train.images, train.labels)
    np.testing.assert_allclose([each["l1"] for each in one["classes"]], l1)
    np.testing.assert_allclose([each["l2"] for each in one["classes"]], l2.class_distances(image[None])[0])
    for each, mean in zip(one["classes"], means.class_images_, strict=True):
        np.testing.assert_array_equal(pixels(each["ideal"]), np.rint(mean * 255))
        np.testing.assert_array_equal(pixels(each["difference"]), np.rint(image - mean * 255))
    distances, places = lookalike.load_model(digits_file).kneighbors(image[None], 8)
    assert [each["id"] for each in one["nearest"]] == places[0].tolist()
    np.testing.assert_allclose([each["distance"] for each in one["nearest"]], distances[0])
    for each, place in zip(one["nearest"], places[0], strict=True):
        np.testing.assert_array_equal(pixels(each["image"]), train.images[place])
    assert one["moves"] is None
    (one,) = client.post("/v1/models/digits/explain?idea=deformable", files=files(image)).json()["answers"]
    moves = one["moves"]
    assert len(moves["from"]) == len(moves["to"]) > 0
    assert all(0 <= place <= 8 for pair in moves["from"] for place in pair)


def test_what_is_taught_is_known_at_once_and_can_be_taken_back(client):
    odd = np.zeros((8, 8), np.uint8)
    odd[1:7, 1] = odd[1:7, 6] = 255
    before = client.post("/v1/models/digits/predict", files=files(odd)).json()["answers"][0]
    taught = client.post("/v1/models/digits/teach", files=files(odd), data={"label": "11"}).json()
    assert taught["label"] == "11"
    assert {"name": "11", "examples": 1} in taught["classes"]
    for idea in ("", "?idea=mean-l1", "?idea=deformable"):
        found = client.post(f"/v1/models/digits/predict{idea}", files=files(odd)).json()["answers"][0]
        assert (found["best"], found["distance"]) == ("11", 0.0)
    again = client.post("/v1/models/digits/undo").json()
    assert again["undone"] == taught["entry"]
    after = client.post("/v1/models/digits/predict", files=files(odd)).json()["answers"][0]
    assert (after["best"], after["distance"]) == (before["best"], before["distance"])
    refused = client.post("/v1/models/digits/undo")
    assert refused.status_code == 422
    assert "nothing to undo" in refused.json()["detail"]


def test_forgetting_an_image_can_be_taken_back(client, digits):
    train, _ = digits
    first = train.images[:1]
    assert client.delete("/v1/models/digits/images/0").status_code == 200
    near = client.post("/v1/models/digits/explain", files=files(*first)).json()["answers"][0]["nearest"]
    assert 0 not in [one["id"] for one in near]
    for number in (0, 10**6, 10**15, 10**30, -1, "x"):
        assert client.delete(f"/v1/models/digits/images/{number}").status_code == 422
    client.post("/v1/models/digits/undo")
    near = client.post("/v1/models/digits/explain", files=files(*first)).json()["answers"][0]["nearest"]
    assert (near[0]["id"], near[0]["distance"]) == (0, 0.0)


def test_an_empty_model_knows_a_symbol_from_one_example(client):
    made = client.post("/v1/models", json={"name": "runes"})
    assert made.status_code == 201
    assert made.headers["location"] == "/v1/models/runes"
    nothing = client.post("/v1/models/runes/explain", json={"images": [told(mark(1))]}).json()["answers"][0]
    assert (nothing["best"], nothing["rejected"], nothing["nothing"]) == (None, True, False)
    for seed in (1, 2, 3):
        lesson = {"images": [told(mark(seed))], "label": f"<b>{seed}"}
        assert client.post("/v1/models/runes/teach", json=lesson).status_code == 200
    moved = [np.roll(mark(seed), (1, -1), (0, 1)) for seed in (1, 2, 3)]
    answers = client.post("/v1/models/runes/predict", json={"images": list(map(told, moved))}).json()[
        "answers"
    ]
    assert [one["best"] for one in answers] == ["<b>1", "<b>2", "<b>3"]
    blank = client.post("/v1/models/runes/predict", files=files(np.zeros((28, 28), np.uint8))).json()[
        "answers"
    ]
    assert (blank[0]["nothing"], blank[0]["label"]) == (True, None)
    for left in (2, 1, 0):
        client.post("/v1/models/runes/undo")
        assert len(client.get("/v1/models/runes/classes").json()["classes"]) == left


@pytest.mark.parametrize("name", ["", "../x", "a/b", "CON", "x" * 41, "-a", "é", "a b", "a\x00", ".hidden"])
def test_a_model_is_made_in_its_folder_and_nowhere_else(client, name, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    answer = client.post("/v1/models", json={"name": name})
    assert answer.status_code == 422
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_is_taken_is_refused(client):
    assert client.post("/v1/models", json={"name": "Digits"}).status_code == 409


def test_the_dataset_says_what_is_answered_to_images_left_out(client, digits):
    train, _ = digits
    found = client.get("/v1/models/digits/dataset?offset=5&limit=3").json()
    assert found["total"] == found["judged"] == len(train)
    assert [one["id"] for one in found["images"]] == [5, 6, 7]
    np.testing.assert_array_equal(pixels(found["images"][0]["image"]), train.images[5])
    differences = abs(train.images[:, None].astype(np.int16) - train.images).sum(axis=(2, 3))
    np.fill_diagonal(differences, 10**6)
    answered = train.labels[differences.argmin(axis=1)]
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (train.labels, answered), 1)
    assert found["confusion"]["counts"] == counts.tolist()
    wrong = np.flatnonzero(answered != train.labels)
    assert sorted(one["id"] for one in found["mistakes"]) == wrong.tolist()
    shares = [one["probability"] for one in found["mistakes"]]
    assert shares == sorted(shares, reverse=True)


def test_the_file_is_the_model_with_what_it_was_taught(client, tmp_path):
    client.post("/v1/models/digits/teach", files=files(mark(1, 8)), data={"label": "12"})
    answer = client.get("/v1/models/digits/file")
    assert "digits.lookalike" in answer.headers["content-disposition"]
    path = tmp_path / "got"
    path.write_bytes(answer.content)
    model = lookalike.load_model(path)
    assert model.predict(mark(1, 8)[None]).tolist() == [12]


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/v1/models/none/predict", {"files": files(mark(1, 8))}, 404),
        ("/v1/models/digits/predict?idea=none", {"files": files(mark(1, 8))}, 404),
        ("/v1/models/digits/predict", {"files": files(mark(1, 28))}, 422),
        ("/v1/models/digits/predict?resize=1", {"files": files(mark(1, 28))}, 200),
        ("/v1/models/digits/predict?resize=perhaps", {"files": files(mark(1, 28))}, 422),
        ("/v1/models/digits/predict", {"files": files(np.full((8, 8, 3), (9, 9, 9), np.uint8))}, 200),
        ("/v1/models/digits/predict", {"files": files(np.full((8, 8, 3), (9, 0, 9), np.uint8))}, 422),
        ("/v1/models/digits/predict", {"files": [("images", ("a.gif", b"GIF89a........"))]}, 415),
        ("/v1/models/digits/predict", {"files": [("images", ("a.ppm", b"P5 8 8 255\n" + bytes(64)))]}, 415),
        ("/v1/models/digits/predict", {"files": [("images", ("a.png", png(mark(1, 8))[:60]))]}, 422),
        ("/v1/models/digits/predict", {"files": [("other", ("a.png", png(mark(1, 8))))]}, 422),
        ("/v1/models/digits/predict", {"data": {"label": "7"}}, 415),
        ("/v1/models/digits/predict", {"content": b"{", "headers": JSON}, 400),
        ("/v1/models/digits/predict", {"content": b"x", "headers": FORM}, 400),
        ("/v1/models/digits/predict", {"content": b"--x\r\n\r\n", "headers": FORM}, 400),
        ("/v1/models/digits/predict", {"content": b"--x\r\n" * 400, "headers": FORM}, 400),
        ("/v1/models/digits/predict", {"json": {"images": []}}, 422),
        ("/v1/models/digits/predict", {"json": {"images": [{**told(mark(1, 8)), "pixels": "=="}]}}, 422),
        ("/v1/models/digits/predict", {"json": {"images": [{**told(mark(1, 8)), "width": 7}]}}, 422),
        ("/v1/models/digits/predict", {"json": {"images": [{**told(mark(1, 8)), "width": 2**24}]}}, 422),
        ("/v1/models/digits/predict", {"json": {"images": [{**told(mark(1, 8)), "channels": 4}]}}, 422),
        ("/v1/models/digits/teach", {"files": files(mark(1, 8))}, 422),
        ("/v1/models/digits/teach", {"files": files(mark(1, 8)), "data": {"label": " "}}, 422),
        ("/v1/models/digits/teach", {"files": files(mark(1, 8)), "data": {"label": "7\x1b[31m"}}, 422),
        ("/v1/models", {"json": {"name": "a", "more": 1}}, 422),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(client, path, sent, status):
    answer = client.post(path, **sent)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["type"]) == (status, "about:blank")
        assert len(problem["detail"]) > 10
    assert client.get("/v1/models/digits").json()["can_undo"] is False


def test_a_model_that_cannot_be_taught_says_so(digits, tmp_path):
    from asking_web import BASE
    from starlette.testclient import TestClient

    from lookalike.web.app import create_app
    from lookalike.web.service import Service

    train, valid = digits
    median = lookalike.MeanImage(average="median").fit(train.images, train.labels)
    means = lookalike.MeanImage().fit(train.images, train.labels)
    paths = [
        lookalike.save_model(one, tmp_path / f"{name}.lookalike")
        for name, one in (("median", median), ("means", means))
    ]
    with TestClient(create_app(Service(paths)), base_url=BASE) as client:
        image = files(valid.images[0])
        assert client.post("/v1/models/median/teach", files=image, data={"label": "1"}).status_code == 409
        assert client.post("/v1/models/median/explain", files=image).status_code == 200
        # Means keep no images: what was taught is taken back all the same, by the journal.
        before = client.post("/v1/models/means/predict", files=image).json()
        taught = client.post("/v1/models/means/teach", files=image, data={"label": "3"}).json()
        assert taught["id"] is None
        assert client.post("/v1/models/means/predict", files=image).json() != before
        assert client.post("/v1/models/means/undo").json()["undone"] == taught["entry"]
        assert client.post("/v1/models/means/predict", files=image).json() == before
        assert client.delete("/v1/models/means/images/0").status_code == 422
        assert client.get("/v1/models/means/dataset").json()["total"] == 0


def test_health_docs_and_metrics(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    client.post("/v1/models/digits/undo")
    client.get("/v1/models/../../etc/passwd")
    assert client.get("/readyz").status_code in (200, 503)
    lines = client.get("/metrics").text.splitlines()
    counted = 'lookalike_request_seconds_count{method="POST",route="/v1/models/{name}/undo",status="422"} 1.0'
    assert counted in lines
    assert not [line for line in lines if "passwd" in line]
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
