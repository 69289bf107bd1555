"""What strokes become: images like a model's own, wherever they were drawn, how large, and with which pen."""

import json
from pathlib import Path

import numpy as np
import pytest

import lookalike.web
from browsing import chromium
from lookalike.web.ink import ink_of
from lookalike.web.snapshot import LEVEL
from web.pens import strokes

#: Scale, left, top, and the pen's width, all as parts of the pad.
MIDDLE = (0.7, 0.15, 0.15, 0.065)
ELSEWHERE = {
    "small, in the upper left corner": (0.15, 0.02, 0.03, 0.04),
    "small, in the lower right corner": (0.2, 0.78, 0.77, 0.065),
    "thin": (0.7, 0.15, 0.15, 0.015),
    "thick": (0.7, 0.15, 0.15, 0.15),
    "small and thick": (0.25, 0.5, 0.1, 0.15),
    "large": (0.95, 0.02, 0.02, 0.1),
}
WRITERS = 300


#: What the page's own code makes of drawings that are laid on the pad in a way, as one text.
MAKE = """async asked => {
  const {drawnImage} = await import('/parts/draw.js');
  const [drawings, [scale, left, top, width], shape, ink] = JSON.parse(asked);
  const laid = ([x, y]) => ({ x: left + scale * x, y: top + scale * y, width });
  const made = drawings.map(one => drawnImage(one.map(stroke => stroke.map(laid)), shape, ink));
  return JSON.stringify(made.map(found => found && Array.from(found.data)));
}"""
STATIC = Path(lookalike.web.__file__).parent / "static"


@pytest.fixture(scope="module")
def make():
    """Return a function from drawings to what the page's code makes of them in a browser."""
    with chromium() as browser:
        page = browser.new_page()
        page.route("http://page/**", lambda route: route.fulfill(path=STATIC / route.request.url[12:]))
        page.goto("http://page/icon.svg")
        yield lambda *asked: json.loads(page.evaluate(MAKE, json.dumps(asked)))


@pytest.fixture(scope="module")
def render(make):
    """Return a function from paths to images, drawn in a way."""

    def render(drawings, how, size, ink):
        found = make(drawings, how, {"width": size, "height": size, "channels": 1}, ink)
        return np.array(found, np.uint8).reshape(-1, size, size)

    return render


@pytest.fixture(scope="module")
def written(mnist):
    """Return what several writers drew, as pen paths, and what it is."""
    places = np.linspace(0, 9999, WRITERS).astype(int)
    return [strokes(mnist[1].images[place]) for place in places], mnist[1].labels[places]


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
def test_digits_are_recognised_alike_at_all_scales_places_and_pens(mnist, digits, render, written):
    """Others wrote the embedded digits: more than half of these 2s, 4s and 7s look like none of theirs."""
    drawings, labels = written
    for (train, _), least, most in ((mnist, 0.95, 0.1), (digits, 0.85, 0.33)):
        model = lookalike.DeformableMatch().fit(train.images[:2000], train.labels[:2000])
        ink, size = ink_of(model.recogniser_)._asdict(), train.images.shape[1]
        drawn = render(drawings, MIDDLE, size, ink)
        elsewhere = [render(drawings, how, size, ink) for how in ELSEWHERE.values()]
        middle, *others = (float(np.mean(model.predict(one) == labels)) for one in (drawn, *elsewhere))
        assert middle >= least
        assert model.answer(drawn, LEVEL).rejected.mean() <= most
        assert min(others) >= middle - 0.03, (middle, dict(zip(ELSEWHERE, others, strict=True)))


def test_a_drawing_lies_as_the_models_images_do(render):
    bar = [[[0, 0], [0, 1]]]
    ink = {"height_share": 0.5, "light_on_dark": True, "centred_by": "mass", "pen": 0.1}
    light = render([bar], MIDDLE, 20, ink)[0]
    rows, columns = np.flatnonzero(light.max(axis=1) > 127), np.flatnonzero(light.max(axis=0) > 127)
    assert (rows[0], rows[-1]) == (5, 14)
    assert list(columns) == [9, 10]
    assert light.max() > 200
    np.testing.assert_array_equal(render([bar], MIDDLE, 20, {**ink, "light_on_dark": False})[0], 255 - light)


def test_a_drawing_is_made_upright_and_as_wide_where_the_models_images_are(render):
    slanted = [[[0.4, 0], [0, 1]]]
    ink = {"height_share": 1, "centred_by": "box", "pen": 0.1, "upright": "mass"}
    bar = render([slanted], MIDDLE, 20, ink)[0]
    assert np.flatnonzero(bar.any(axis=0)).size <= 3
    square = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    narrow = render([square], MIDDLE, 20, {**ink, "aspect": 0.6})[0] > 127
    assert narrow.any(axis=1).sum() == pytest.approx(20, abs=1)
    assert narrow.any(axis=0).sum() == pytest.approx(12, abs=1)


def test_the_left_ends_of_the_first_and_last_row_are_above_each_other_where_the_models_are(render):
    seven = [[[0, 0], [0.6, 0], [0.4, 1]]]
    ink = {"height_share": 1, "centred_by": "box", "pen": 0.1, "upright": "left"}
    drawn = render([seven], MIDDLE, 20, ink)[0] > 127
    assert drawn[0].argmax() == pytest.approx(drawn[-1].argmax(), abs=1)
    assert drawn[0].sum() > 2 * drawn[-1].sum()


def test_a_drawing_holds_as_much_ink_as_the_models_images_where_all_hold_as_much(render):
    bar, frame = [[[0, 0], [0, 1]]], [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    ink = {"height_share": 1, "centred_by": "box", "pen": 0.15, "amount": 0.25}
    for drawn in render([bar, frame], MIDDLE, 20, ink) / 255:
        assert drawn.mean() == pytest.approx(0.25, abs=0.02)


def test_what_was_done_to_all_images_alike_is_found_in_them(digits, render):
    """Images are made as a model's would be, and what they were made like is found in them again."""
    made = {"height_share": 0.9, "centred_by": "box", "pen": 0.1, "aspect": 0.6, "amount": 0.2}
    random = np.random.default_rng(0)
    zigzags = np.concatenate(
        [random.random((60, 1, 5, 1)), np.tile(np.linspace(0, 1, 5)[:, None], (60, 1, 1, 1))], axis=-1
    ).tolist()
    codes = np.arange(60) % 2
    for upright in ("mass", "left"):
        images = render(zigzags, MIDDLE, 28, {**made, "upright": upright})
        ink = ink_of(lookalike.NearestImages(prepare=None).fit(images, codes).recogniser_)
        assert (ink.upright, ink.centred_by) == (upright, "box")
        assert ink[-2:] == pytest.approx((made["aspect"], made["amount"]), abs=0.05)
    few = ink_of(lookalike.NearestImages(prepare=None).fit(images[:4], codes[:4]).recogniser_)
    assert (few.upright, few.aspect, few.amount) == (None, None, None)


def test_a_dot_stays_a_dot_and_nothing_stays_nothing(make, render):
    ink = {"height_share": 0.7, "centred_by": "mass", "pen": 0.1}
    dot = render([[[[0.5, 0.5]]]], MIDDLE, 28, ink)[0]
    assert 0 < (dot > 127).sum() <= 12
    assert make([[], [[]]], MIDDLE, {"width": 28, "height": 28, "channels": 1}, ink) == [None, None]
