"""What strokes become: images like a model's own, wherever they were drawn, how large, and with which pen."""

import json

import numpy as np
import pytest
from asking_web import running

import lookalike
from browsing import chromium
from lookalike.web.ink import ink_of
from web.drawing import visiting
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


#: What the page's own code makes of drawings.
MAKE = """async asked => {
  const {drawnImage} = await import('/parts/draw.js');
  const [drawings, shape, ink] = JSON.parse(asked);
  return drawings.map(one => drawnImage(one, shape, ink)).map(found => found && [...found.data]);
}"""


@pytest.fixture(scope="module")
def make(digits_file, tmp_path_factory):
    """Return a function from drawings to what the page makes of them in a browser."""
    made = tmp_path_factory.mktemp("made")
    with (
        chromium() as browser,
        running(digits_file, "--folder", made) as (_, where),
        visiting(browser) as visit,
    ):
        page = visit(where)
        yield lambda *asked: page.evaluate(MAKE, json.dumps(asked))


@pytest.fixture(scope="module")
def render(make):
    """Return a function from paths to images, drawn in a way."""

    def render(drawings, how, size, ink):
        scale, left, top, pen = how
        point = lambda x, y: {"x": left + scale * x, "y": top + scale * y, "width": pen}  # noqa: E731
        laid = [[[point(*place) for place in line] for line in one] for one in drawings]
        found = make(laid, {"width": size, "height": size, "channels": 1}, ink)
        return np.array(found, np.uint8).reshape(-1, size, size)

    return render


@pytest.fixture(scope="module")
def written(mnist):
    """Return what several writers drew, as pen paths, and what it is."""
    places = np.linspace(0, 9999, WRITERS).astype(int)
    return [strokes(mnist[1].images[place]) for place in places], mnist[1].labels[places]


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize(("name", "least"), [("mnist", 0.95), ("digits", 0.75)])
def test_digits_are_recognised_alike_at_all_scales_places_and_pens(
    name, least, mnist, digits, render, written
):
    train = (mnist if name == "mnist" else digits)[0]
    model = lookalike.DeformableMatch().fit(train.images[:5000], train.labels[:5000])
    ink, size = ink_of(model.recogniser_)._asdict(), train.images.shape[1]
    drawings, labels = written
    share = lambda how: float(np.mean(model.predict(render(drawings, how, size, ink)) == labels))  # noqa: E731
    middle = share(MIDDLE)
    found = {where: share(how) for where, how in ELSEWHERE.items()}
    assert middle >= least
    assert min(found.values()) >= middle - 0.03, (middle, found)


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
    ink = {"height_share": 1, "centred_by": "box", "pen": 0.1, "upright": True}
    bar = render([slanted], MIDDLE, 20, ink)[0]
    assert np.flatnonzero(bar.any(axis=0)).size <= 3
    square = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    narrow = render([square], MIDDLE, 20, {**ink, "aspect": 0.6})[0] > 127
    assert narrow.any(axis=1).sum() == pytest.approx(20, abs=1)
    assert narrow.any(axis=0).sum() == pytest.approx(12, abs=1)


def test_a_dot_stays_a_dot_and_nothing_stays_nothing(make, render):
    ink = {"height_share": 0.7, "centred_by": "mass", "pen": 0.1}
    dot = render([[[[0.5, 0.5]]]], MIDDLE, 28, ink)[0]
    assert 0 < (dot > 127).sum() <= 12
    assert make([[], [[]]], {"width": 28, "height": 28, "channels": 1}, ink) == [None, None]
