"""Models audited by the service that serves them: the routes, and the page by keyboard alone."""

import shutil
from threading import Event

import numpy as np
import pytest
from asking_web import files, mark, running, until

import lookalike
from browsing import chromium, faults
from lookalike.audit.page import document_of
from lookalike.errors import InputError
from lookalike.web import audits
from web.drawing import visiting

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")

DIGITS = "/v1/models/digits"


@pytest.fixture(scope="session")
def digits_file(digits, tmp_path_factory):
    """Return the file of a model of a few digits, two of which have wrong labels."""
    train = digits.train.take(slice(0, 200))
    labels = train.labels.copy()
    labels[[50, 70]] = (labels[[50, 70]] + 5) % 10
    model = lookalike.NearestImages(prepare="auto").fit(train.images, labels)
    model.predict_proba(train.images[:1])
    return lookalike.save_model(model, tmp_path_factory.mktemp("models") / "digits.lookalike")


@pytest.fixture
def slow(monkeypatch):
    """Return what lets audits end: until then they tell that they go on, and find nothing."""
    go_on = Event()

    def audit(kept, model, progress):
        while not go_on.wait(0.01):
            progress("searching", 1, 3)
        raise InputError("nothing was looked for")

    monkeypatch.setattr("lookalike.audit.auditing.audit", audit)
    yield go_on
    go_on.set()


def told(client, *states):
    """Return how far the audit is, once that is one of some."""
    assert until(lambda: client.get(f"{DIGITS}/audit").json()["state"] in states, 60)
    return client.get(f"{DIGITS}/audit").json()


def images_of(client):
    return {one["id"]: one for one in client.get(f"{DIGITS}/dataset?limit=500").json()["images"]}


def test_what_a_model_keeps_is_audited_as_the_command_does(client, model_file):
    assert client.get(f"{DIGITS}/audit").json()["state"] == "none"
    assert client.post(f"{DIGITS}/audit").status_code == 200
    found = told(client, "done")
    model = lookalike.load_model(model_file).set_params(prepare=None)
    expected = document_of(lookalike.audit(lookalike.kept_images(model_file), model=model))
    assert [row[2][1:] for row in found["found"]["rows"]] == [[*row[2][1:]] for row in expected["rows"]]
    assert {"50", "70"} <= {row[2][2] for row in found["found"]["rows"] if "label" in row[2][3]}
    # It holds until the model changes.
    assert client.post(f"{DIGITS}/audit").json()["number"] == found["number"]
    taught = client.post(f"{DIGITS}/teach", files=files(mark(1, 8)), data={"label": "mark"})
    assert taught.status_code == 200
    assert client.get(f"{DIGITS}/audit").json()["outdated"]
    assert client.post(f"{DIGITS}/audit").json()["number"] == found["number"] + 1
    assert not told(client, "done")["outdated"]


def test_verdicts_are_applied_and_taken_back(client):
    before = images_of(client)
    verdicts = [
        {"image": 50, "label": "odd"},
        {"image": 70, "label": before[71]["label"]},
        {"image": 9, "label": None},
    ]
    done = client.post(f"{DIGITS}/audit/apply", json={"verdicts": verdicts}).json()
    assert done["message"] == "1 forgotten, 2 taught with another label."
    after = images_of(client)
    new = [one for number, one in sorted(after.items()) if number not in before]
    assert set(before) - set(after) == {9, 50, 70}
    assert [one["label"] for one in new] == ["odd", before[71]["label"]]
    assert [one["image"] for one in new] == [before[50]["image"], before[70]["image"]]
    first, *_, last = done["entries"]
    assert client.post(f"{DIGITS}/undo?entry={first}").status_code == 409
    # Somebody else's lesson is not taken back instead.
    taught = client.post(f"{DIGITS}/teach", files=files(mark(1, 8)), data={"label": "mark"}).json()
    refused = client.post(f"{DIGITS}/undo?entry={last}")
    assert (refused.status_code, f"change {last} is not the last" in refused.json()["detail"]) == (409, True)
    for entry in (taught["entry"], *reversed(done["entries"])):
        assert client.post(f"{DIGITS}/undo?entry={entry}").status_code == 200
    assert images_of(client) == before


def test_all_images_may_be_relabelled(client):
    before = images_of(client)
    verdicts = [{"image": number, "label": "one"} for number in before]
    assert client.post(f"{DIGITS}/audit/apply", json={"verdicts": verdicts}).status_code == 200
    after = images_of(client)
    assert (len(after), {one["label"] for one in after.values()}) == (len(before), {"one"})


@pytest.mark.parametrize(("verdicts", "message"), [
    ([{"image": 7000, "label": None}], "does not keep image '7000' (any more): audit it again"),
    ([{"image": 1, "label": None}, {"image": 1, "label": "2"}], "two verdicts are of one image"),
    ([{"image": 1, "label": None}, {"image": 2, "label": "\n"}], "expected 1 to"),
    ([], "at least 1"),
])  # fmt: skip
def test_verdicts_that_cannot_be_change_nothing(client, verdicts, message):
    before = images_of(client)
    refused = client.post(f"{DIGITS}/audit/apply", json={"verdicts": verdicts})
    assert refused.status_code == 422
    assert message in refused.json()["detail"]
    assert images_of(client) == before


def test_what_is_kept_otherwise_than_it_would_be_taught_is_not_relabelled(client, service):
    own = service["digits"].snapshot.own
    # Another preparation than that of what is kept: a pixel to the right.
    own.seen = lambda images: np.roll(images, 1, axis=2)
    verdicts = {"verdicts": [{"image": 1, "label": "2"}]}
    refused = client.post(f"{DIGITS}/audit/apply", json=verdicts)
    assert refused.status_code == 422
    assert "image '1' is kept as it was prepared" in refused.json()["detail"]


def test_others_are_answered_meanwhile_and_only_one_audit_runs(client, slow):
    assert client.post("/v1/models", json={"name": "other"}).status_code == 201
    for size in (1, 2):
        client.post("/v1/models/other/teach", files=files(mark(size)), data={"label": str(size)})
    assert client.post(f"{DIGITS}/audit").json()["state"] == "running"
    found = told(client, "running")
    assert found["found"] is None
    assert client.post(f"{DIGITS}/audit").json()["number"] == found["number"]
    assert client.post(f"{DIGITS}/predict", files=files(mark(1, 8))).status_code == 200
    refused = client.post("/v1/models/other/audit")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert client.get("/v1/models/other/audit").json()["state"] == "none"
    slow.set()
    assert told(client, "failed")["message"] == "nothing was looked for"
    assert client.post(f"{DIGITS}/audit").json()["number"] == found["number"] + 1


def test_an_audit_ends_where_the_model_changes(client, slow):
    client.post(f"{DIGITS}/audit")
    assert client.delete(f"{DIGITS}/images/3").status_code == 200
    assert told(client, "failed")["message"] == "the model has changed meanwhile"


def test_a_model_that_cannot_be_audited_says_why(client, service, digits, tmp_path, monkeypatch):
    mean = lookalike.MeanImage().fit(digits.train.images, digits.train.labels)
    service._open(lookalike.save_model(mean, tmp_path / "mean.lookalike"))
    client.post("/v1/models", json={"name": "empty"})
    monkeypatch.setattr(audits, "MOST_IMAGES", 199)
    for name, why in (
        ("mean", "it keeps no training images"),
        ("empty", "it knows nothing yet"),
        (
            "digits",
            "200 images, and an audit of more than 199 takes minutes: lookalike audit digits.lookalike",
        ),
    ):
        refused = client.post(f"/v1/models/{name}/audit")
        assert refused.status_code == 409
        assert why in refused.json()["detail"]
    assert service["mean"].why_not == ""
    assert client.post("/v1/models/none/audit").status_code == 404


def test_a_model_of_one_image_is_audited(client):
    client.post("/v1/models", json={"name": "one"})
    client.post("/v1/models/one/teach", files=files(mark(1)), data={"label": "a"})
    client.post("/v1/models/one/audit")
    ask = lambda: client.get("/v1/models/one/audit").json()  # noqa: E731
    assert until(lambda: ask()["state"] == "done", 60), ask()
    assert [one["kind"] for one in ask()["found"]["findings"]] == ["few"]


def test_on_the_page_findings_are_judged_applied_and_taken_back_by_keyboard(digits_file, axe, tmp_path):
    served = shutil.copy(digits_file, tmp_path / "digits.lookalike")
    with (
        running(served, "--folder", tmp_path / "made") as (_, where),
        chromium() as browser,
        visiting(browser) as visit,
    ):
        page = visit(where, "#audit/digits", reduced_motion="reduce")
        images = lambda: page.evaluate(f"fetch('{DIGITS}').then(one => one.json())")["images"]  # noqa: E731
        page.locator("#audit button.first").press("Enter")
        page.wait_for_selector(".finding-list > li[data-at]")
        for width in (1400, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert faults(page, axe) == []
        first = page.locator(".finding-choice").first.get_attribute("aria-label")
        # A verdict of nothing that one stands at only goes to the first finding.
        page.keyboard.press("3")
        assert page.locator(".finding-list .decided").count() == 0
        page.keyboard.press("3")
        page.keyboard.press("1")
        page.get_by_role("button", name="Apply to the model").press("Enter")
        page.locator("dialog button.first").press("Enter")
        page.locator("#note", has_text="1 forgotten, 0 taught").wait_for()
        assert images() == 199
        # What was kept is known in the next audit.
        page.wait_for_selector(".finding-said:has-text('1 of')")
        assert first not in page.locator(".finding-list").inner_html()
        page.locator("#note button", has_text="Undo").press("Enter")
        page.wait_for_selector("text=The model has changed since.")
        assert images() == 200
        page.goto("about:blank")
