"""Evidence drawn: arrows, figures, HTML and the terminal."""

import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.console import Console

import lookalike
from lookalike.models.explained import Explanations
from lookalike.show.evidence import EvidenceText, parts
from lookalike.show.images import arrows, arrows_path, speaking_colours
from lookalike.show.pages import evidence_fragment, evidence_page

NUMBER = re.compile(r"[+−]?\d+\.\d{4}")
HOSTILE = ["<b>x</b>\x1b[31m", '"><img src=x onerror=alert(1)>', "$a^b$ [red]"]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("img", "meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "image", "path", "use"):
            while self.open and self.open[-1] in ("rect", "image", "path", "use"):
                self.open.pop()
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def evidence():
    """Return the evidence of every kind of idea, for images whose classes have hostile names."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (9, 8, 6), dtype=np.uint8)
    labels = [HOSTILE[i % 3] for i in range(9)]
    query = rng.integers(0, 256, (1, 8, 6), dtype=np.uint8)
    models = [
        lookalike.MeanImage("l2"),
        lookalike.InkCoverage(),
        lookalike.NearestImages(3),
        lookalike.DeformableMatch(),
        lookalike.DeformableMatch(lookalike.Prepare([lookalike.Resize(12, 10)])),
    ]
    found = [model.fit(images, labels).explain(query)[0] for model in models]
    rows = rng.normal(0, 9, (9, 30))
    found.append(lookalike.NearestImages().fit(rows, labels).explain(rows[:1] + 0.5)[0])
    colour = rng.uniform(0, 1, (6, 7, 5, 3))
    found += [
        lookalike.DeformableMatch(None).fit(colour, labels[:6]).explain(colour[:1])[0],
        lookalike.MeanImage().fit(colour, [1] * 6).explain(colour[:1])[0],
    ]
    return found


def test_an_arrow_points_from_where_a_pixel_was_found_to_where_it_is():
    field = np.zeros((5, 6, 2), np.int8)
    field[3, 2] = -2, 1
    field[1, 4] = 1, 1  # of bare paper, where nothing is to be seen
    warped = np.full((5, 6), 40, np.uint8)
    warped[3, 2], warped[2, 2] = 200, 0
    assert arrows(field, warped).tolist() == [[3.5, 1.5, 2.5, 3.5]]
    assert arrows(field, np.stack([np.zeros((5, 6)), warped / 255], axis=2)).tolist() == [
        [3.5, 1.5, 2.5, 3.5]
    ]
    assert not len(arrows(field, np.full((5, 6), 0.3)))


@given(
    hnp.arrays(
        np.int8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(2)), elements=st.integers(-5, 5)
    )
)
def test_there_are_at_most_so_many_arrows_and_their_path_is_plain(field):
    warped = np.random.default_rng(0).integers(0, 256, field.shape[:2], np.uint8)
    found = arrows(field, warped)
    assert len(found) <= 16 * 16
    height, width = field.shape[:2]
    assert (found[:, 2] <= width).all()
    assert (found[:, 3] <= height).all()
    path = arrows_path(field, warped)
    assert re.fullmatch(r"[MLml0-9. -]*", path)
    assert path.count("M") == len(found)


def test_a_large_field_has_the_mean_of_squares_of_pixels():
    field = np.zeros((32, 32, 2), np.int8)
    field[:2, :2, 0] = [[4, 0], [0, 0]]
    warped = np.zeros((32, 32))
    warped[1, 1] = 1
    assert arrows(field, warped).tolist() == [[1.0, 2.0, 1.0, 1.0]]


def test_colours_say_the_side_and_how_much():
    colours = speaking_colours(np.array([[1.0, 0.5, 0.0, -1.0]]))
    assert colours[0, :, 3].tolist() == [255, 128, 0, 255]
    assert (colours[0, 0, :3] == colours[0, 1, :3]).all()
    assert (colours[0, 0, :3] != colours[0, 3, :3]).any()
    assert speaking_colours(np.zeros((2, 2)))[..., 3].max() == 0
    assert (speaking_colours(np.ones((2, 2, 3))) == speaking_colours(np.ones((2, 2)))).all()


def test_what_the_model_saw_is_shown_only_where_it_is_another_image(evidence):
    seen = [parts(one).seen is not None for one in evidence]
    assert not any(seen[:3])
    assert seen[4]
    assert parts(evidence[4]).seen.shape == (12, 10)


def test_sentences_name_both_classes_and_both_distances(evidence):
    for one in evidence:
        text = " ".join(parts(one).sentences)
        assert f"{one.for_answer.distance:.4f} away" in text
        if one.for_runner_up is not None:
            assert f"{one.for_runner_up.distance:.4f} away" in text


def test_html_is_escaped_well_formed_and_loads_nothing(evidence):
    for text in (
        evidence_fragment(evidence),
        evidence_page(evidence, ["<u>n</u>"] * len(evidence), title="<i>t</i>", command="<s>"),
    ):
        found = Tags(text)
        assert found.open in ([], ["!doctype"])
        assert not {"script", "b", "u", "i", "s"} & set(found.tags)
        assert not [name for name, _ in found.attributes if name.startswith("on")]
        links = [value for name, value in found.attributes if name in ("src", "href")]
        assert links
        assert all(link.startswith(("data:image/png;base64,", "#", "data:,")) for link in links)
        assert "\x1b" not in text
        ids = [value for name, value in found.attributes if name == "id"]
        assert len(ids) == len(set(ids)) > 0
        assert {value for name, value in found.attributes if name == "popovertarget"} <= set(ids)


def test_html_is_the_same_for_the_same_evidence(evidence):
    assert evidence_fragment(evidence) == evidence_fragment(evidence)


def test_a_notebook_draws_the_first_images_and_says_how_many_are_left():
    images = np.random.default_rng(0).integers(0, 256, (25, 3, 3), dtype=np.uint8)
    explained = lookalike.MeanImage().fit(images, np.arange(25) % 2).explain(images)
    text = explained._repr_html_()
    assert text.count('role="group"') == 20
    assert "5 more images are not drawn" in text


def test_figures_are_made_without_pyplot_and_take_any_text(evidence, tmp_path):
    drawn = Explanations(evidence).plot()
    drawn[0, 0].figure.savefig(tmp_path / "f.png")
    assert drawn.shape == (2 * len(evidence), 6)
    code = (
        "import sys, numpy as np, lookalike\n"
        "images = np.zeros((2, 4, 4), np.uint8); images[1] = 9\n"
        "model = lookalike.MeanImage().fit(images, [0, 1])\n"
        "lookalike.EvidenceDisplay.from_estimator(model, images[0]).figure_.savefig(sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "g.png")], check=True)


def test_the_display_holds_its_figure_and_axes(digits):
    model = lookalike.NearestImages().fit(digits.train.images, digits.train.labels)
    display = lookalike.EvidenceDisplay.from_estimator(model, digits.valid.images[0], n_neighbors=5)
    assert len(display.evidence.nearest) == 5
    assert display.axes_.shape == (2, 4)
    titles = [axes.get_title() for axes in display.axes_.flat]
    assert titles[2].startswith(f"answer {display.evidence.answer}\ndistance ")
    assert titles[6].startswith(f"runner-up {display.evidence.runner_up}\n")
    first = display.figure_
    assert display.plot() is display.figure_ is not first
    assert display._repr_html_() == evidence_fragment([display.evidence])


def test_what_the_pixels_say_adds_up_to_the_distances_shown(digits):
    model = lookalike.NearestImages(metric="l2").fit(digits.train.images, digits.train.labels)
    for one in model.explain(digits.valid.images[:60]):
        more, less, margin = (float(text.replace("−", "-")) for text in NUMBER.findall(parts(one).said))
        assert round(more + less, 4) == margin
        first, second = (float(f"{one.distance:.4f}") for one in (one.for_answer, one.for_runner_up))
        assert round(second - first, 4) == margin


@pytest.mark.parametrize("width", [30, 80, 200])
@pytest.mark.parametrize("colours", ["truecolor", None])
def test_the_terminal_keeps_its_width_and_shows_no_escape_of_others(evidence, width, colours):
    for one in evidence:
        console = Console(
            width=width, color_system=colours, force_terminal=bool(colours), file=io.StringIO(), record=True
        )
        console.print(EvidenceText(one))
        text = console.export_text()
        assert max(len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert "Answered" in text


def test_maps_of_signs_are_drawn_only_where_there_are_colours(evidence):
    def captions(colours):
        console = Console(width=200, color_system=colours, force_terminal=bool(colours), no_color=not colours)
        with console.capture() as capture:
            console.print(EvidenceText(evidence[0]))
        return capture.get()

    assert "green" in captions("truecolor")
    assert "green" not in captions(None)
