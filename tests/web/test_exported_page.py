"""The exported page in a real browser without a network: the same answers as Python, taught or not."""

import copy

import numpy as np
import pytest

import lookalike
from browsing import chromium
from lookalike.web.snapshot import Snapshot
from web.exported import (
    asked,
    differences,
    drawings,
    few_drawings,
    ideas_of,
    opened,
    plain,
)

N = 200


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def nearest(digits):
    train, _ = digits
    return lookalike.NearestImages().fit(train.images[:300], train.labels[:300])


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    """Return a function that exports a model."""
    folder = tmp_path_factory.mktemp("exported")
    return lambda model, name: lookalike.export_page(model, folder / f"{name}.html")


@pytest.fixture(scope="module")
def nearest_page(page_of, nearest):
    return page_of(nearest, "nearest")


@pytest.mark.parametrize("idea", ["nearest", "mean-l1", "mean-l2", "deformable"])
def test_answers_are_pythons(browser, nearest, nearest_page, digits, idea):
    images = digits[1].images[:N]
    # Among what people draw is what looks like no digit: noise, nothing, and exchanged ink and paper.
    strange = np.stack(
        [
            np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8),
            np.zeros((8, 8), np.uint8),
            255 - images[0],
        ]
    )
    images = np.concatenate([images, strange])
    with opened(browser, nearest_page) as page:
        told = asked(page, images, idea)
    assert differences(told, nearest, idea, images) == []
    assert [one["label"] for one in told[-3:]] == [None, None, None]


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_a_model_of_means_alone_answers_as_python_does(browser, page_of, digits, metric):
    train, valid = digits
    model = lookalike.MeanImage(metric).fit(train.images, train.labels)
    with opened(browser, page_of(model, f"mean-{metric}")) as page:
        told = asked(page, valid.images[:N])
    assert differences(told, model.recogniser_, model.recogniser_, valid.images[:N]) == []


def test_votes_and_inverse_distances_count_as_in_python(browser, page_of, digits):
    train, valid = digits
    model = lookalike.NearestImages(5, weights="distance", metric="l2").fit(
        train.images[:200], train.labels[:200]
    )
    with opened(browser, page_of(model, "votes")) as page:
        told = asked(page, valid.images[:N])
    assert differences(told, model.recogniser_, model.recogniser_, valid.images[:N]) == []


def test_few_drawings_are_aligned_as_in_python(browser, page_of):
    model, images = few_drawings()
    assert (model.aligned_, model.hubness_) == (True, True)
    with opened(browser, page_of(model, "few")) as page:
        assert differences(asked(page, images), model.recogniser_, model.recogniser_, images) == []


def test_prepared_images_of_another_size_answer_as_in_python(browser, page_of):
    """Crop, deskew, blur, resize and all that "auto" may choose, of images larger than it compares."""
    images, labels = drawings(60, side=40)
    steps = [
        lookalike.Polarity(), lookalike.Deskew(), lookalike.Resize(33, 37), lookalike.Blur(0.7),
        lookalike.FitToInk(24, stretch=1.4), lookalike.EvenInk(40), lookalike.NormaliseContrast(),
    ]  # fmt: skip
    model = lookalike.NearestImages(prepare=lookalike.Prepare(steps)).fit(images, labels)
    asked_of = drawings(40, side=40, seed=3)[0] // 2 + np.random.default_rng(1).integers(
        0, 40, (40, 40, 40), np.uint8
    )
    with opened(browser, page_of(model, "prepared")) as page:
        assert differences(asked(page, asked_of), model.recogniser_, model.recogniser_, asked_of) == []


def test_photographs_in_colour_answer_as_in_python(browser, page_of):
    random = np.random.default_rng(5)
    patterns = random.uniform(0, 255, (3, 12, 12, 3))
    codes = np.arange(60) % 3
    images = np.clip(patterns[codes] + random.normal(0, 40, (60, 12, 12, 3)), 0, 255).astype(np.uint8)
    asked_of = np.clip(patterns + random.normal(0, 60, (3, 12, 12, 3)), 0, 255).astype(np.uint8)
    for name, planes in (("colour", "double-angle"), ("values", "values")):
        model = lookalike.DeformableMatch(prepare=None, planes=planes).fit(images, codes)
        with opened(browser, page_of(model, name)) as page:
            assert differences(asked(page, asked_of), model.recogniser_, model.recogniser_, asked_of) == []


def test_evidence_is_what_the_service_tells(browser, nearest, nearest_page, digits):
    from lookalike.recognition.explanation import ideal_images
    from lookalike.web import wire

    image = digits[1].images[0]
    with opened(browser, nearest_page) as page:
        for name, by in ideas_of(nearest).items():
            told = page.evaluate(
                """async ([image, idea]) => {
                  const listed = (key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);
                  return JSON.parse(JSON.stringify(await lookalike.explain(image, { idea }), listed));
                }""",
                [plain(image), name],
            )
            wanted = wire.evidence(by.explain(image[None], 8)[0], ideal_images(by.matcher))
            assert [one["label"] for one in told["classes"]] == [one["label"] for one in wanted["classes"]]
            for mine, theirs in zip(told["classes"], wanted["classes"], strict=True):
                assert max(abs(mine[name] - theirs[name]) for name in ("l1", "l2")) < 1e-12
                assert mine["ideal"]["data"] == bytes_of(theirs["ideal"], np.uint8)
                assert mine["difference"]["data"] == bytes_of(theirs["difference"], np.int16)
            assert [(one["id"], one["distance"]) for one in told["nearest"]] == [
                (one["id"], one["distance"]) for one in wanted["nearest"]
            ]
            assert told["moves"] == wanted["moves"]


def bytes_of(image, kind):
    import base64

    return np.frombuffer(base64.b64decode(image["pixels"]), kind).tolist()


TAUGHT = """async ({ lessons, forgotten }) => {
  for (const [image, label] of lessons) await lookalike.teach(image, label);
  for (const id of forgotten) await lookalike.forget(id);
}"""


@pytest.mark.parametrize(
    ("idea", "new"), [("nearest", "17"), ("nearest", "-"), ("mean-l1", "4b"), ("deformable", "17")]
)
def test_what_is_taught_answers_as_in_python(browser, nearest, nearest_page, digits, idea, new):
    train, valid = digits
    own = copy.deepcopy(nearest.recogniser_)
    python = Snapshot(own, "nearest-l1")
    python.by(idea)
    lessons = [(train.images[300 + i], str(train.labels[300 + i])) for i in range(3)]
    lessons.append((np.eye(8, dtype=np.uint8) * 255, new))
    for image, label in lessons:
        python.teach(image[None], label)
    for number in (5, 301):
        python.forget((number,))
    python.recalibrate()
    told_to = {"lessons": [(plain(image), label) for image, label in lessons], "forgotten": [5, 301]}
    with opened(browser, nearest_page) as page:
        # Some are asked before, so that what follows from the model then must be given up.
        before = answers(asked(page, valid.images[:3], idea))
        page.evaluate(TAUGHT, told_to)
        told = asked(page, valid.images[:N], idea)
        page.evaluate("async () => { for (let i = 0; i < 6; i++) await lookalike.undo(); }")
        assert answers(asked(page, valid.images[:3], idea)) == before
    assert new in [one["label"] for one in told[0]["probabilities"]]
    assert differences(told, own, python.by(idea), valid.images[:N]) == []


def test_a_copy_of_another_class_is_the_nearest_of_both(browser, nearest, nearest_page, digits):
    image = digits[0].images[0]
    taught = copy.deepcopy(nearest)
    taught.teach(image[None], [17])
    with opened(browser, nearest_page) as page:
        page.evaluate("image => lookalike.teach(image, '17')", plain(image))
        told = asked(page, digits[1].images[:N])
    assert differences(told, taught.recogniser_, taught.recogniser_, digits[1].images[:N]) == []


def answers(told):
    """Return answers without how long they took."""
    return [{name: value for name, value in one.items() if name != "took"} for one in told]


def test_what_few_drawings_are_taught_answers_as_in_python(browser, page_of):
    model, images = few_drawings()
    more, labels = drawings(4, seed=7)
    path = page_of(model, "taught")
    lessons = [(plain(image), str(label)) for image, label in zip(more, labels, strict=True)]
    model.teach(more, labels)
    model.forget([2, 13])
    with opened(browser, path) as page:
        # What is taken back leaves nothing behind.
        page.evaluate(TAUGHT, {"lessons": lessons[2:], "forgotten": []})
        asked(page, images[:1])
        page.evaluate("async () => { for (let i = 0; i < 2; i++) await lookalike.undo(); }")
        page.evaluate(TAUGHT, {"lessons": lessons, "forgotten": [2, 13]})
        told = asked(page, images)
    assert differences(told, model.recogniser_, model.recogniser_, images) == []


def test_what_was_taught_is_there_again(browser, nearest_page, digits):
    image = np.tril(np.full((8, 8), 255, np.uint8))
    context = browser.new_context(offline=True)
    with opened(browser, nearest_page, context) as page:
        done = page.evaluate("image => lookalike.teach(image, '42')", plain(image))
        assert "is kept in this browser" in done["message"]
    with opened(browser, nearest_page, context) as page:
        assert asked(page, image[None])[0]["best"] == "42"
        page.evaluate(f"lookalike.forget({done['id']})")
    with opened(browser, nearest_page, context) as page:
        assert asked(page, image[None])[0]["best"] != "42"
    context.close()


def test_where_a_browser_keeps_nothing_it_is_said(browser, nearest_page):
    context = browser.new_context(offline=True)
    context.add_init_script(
        "Object.defineProperty(globalThis, 'localStorage', { get() { throw new Error('no'); } });"
    )
    with opened(browser, nearest_page, context) as page:
        image = plain(np.eye(8, dtype=np.uint8) * 255)
        done = page.evaluate("image => lookalike.teach(image, '42')", image)
        assert "forgotten when the page is closed" in done["message"]
        assert page.evaluate("async image => (await lookalike.answer(image)).best", image) == "42"
    context.close()


def test_an_empty_model_learns_new_symbols(browser, nearest_page):
    images, labels = drawings(3, side=28)
    again, wanted = drawings(9, side=28, seed=4)
    with opened(browser, nearest_page) as page:
        page.evaluate("lookalike.create('runes')")
        nothing = page.evaluate("image => lookalike.answer(image, { model: 'runes' })", plain(images[0]))
        assert (nothing["label"], nothing["probabilities"]) == (None, [])
        for image, label in zip(images, labels.tolist(), strict=True):
            page.evaluate(
                "([image, label]) => lookalike.teach(image, label, { model: 'runes' })", [plain(image), label]
            )
        found = [
            page.evaluate("image => lookalike.explain(image, { model: 'runes' })", plain(one))["best"]
            for one in again
        ]
        assert found == wanted.tolist()
        page.evaluate("async () => { for (let i = 0; i < 3; i++) await lookalike.undo({ model: 'runes' }); }")
        assert page.evaluate("async () => (await lookalike.models())[1].images") == 0


def test_the_page_itself_works_without_a_network(browser, nearest_page):
    with opened(browser, nearest_page) as page:
        page.wait_for_selector("html[data-ready=yes]")
        page.locator("[role=tab]", has_text="Data").click()
        page.wait_for_selector("#data img, #data canvas")
        assert page.title() == "nearest"


def test_hostile_class_names_run_nothing(browser, page_of):
    names = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "__proto__"]
    images, _ = drawings(12)
    model = lookalike.NearestImages().fit(images, np.array(names)[np.arange(12) % 3])
    with opened(browser, page_of(model, "<img src=x onerror=alert(3)>")) as page:
        page.wait_for_selector("html[data-ready=yes]")
        assert differences(asked(page, images), model.recogniser_, model.recogniser_, images) == []
        assert page.locator("script").count() == 2
