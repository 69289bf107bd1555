"""Plots of results, and how shapes line up as a picture."""

import io
from io import BytesIO
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lookalike.broadcasting import trace
from lookalike.errors import InputError
from lookalike.evaluation.curve import Curve, CurveRow, Point
from lookalike.evaluation.statistics import Estimate
from lookalike.show.plots import file_of, trace_picture

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_what_is_written():
    assert texts(trace_picture(trace((1010, 28, 1), (28, 28)), "svg")) == [
        *("axis", "shape 1", "shape 2", "result"),
        *("-3", "1010", "→ 1010", "1010"),
        *("-2", "28", "28", "28"),
        *("-1", "1 → 28", "28", "28"),
        "The result has rank 3 and shape (1010, 28, 28).",
    ]


def test_a_clash_is_marked():
    found = trace_picture(trace((2, 28), (3, 28)), "svg")
    assert texts(found)[-1] == "The shapes do not fit: they clash on axis -2."
    assert found.count(b"<pattern") == 1
    assert b"<pattern" not in trace_picture(trace((2, 28), (2, 28)), "svg")


@pytest.mark.parametrize(
    "shapes",
    [[(), ()], [(0,), (1,)], [(1,) * 64, (2,) * 64], [(2**62,) * 3, (1,)], [(3,)] * 50],
    ids=["scalars", "empty", "64 axes", "long", "many"],
)
def test_any_shapes_can_be_drawn(shapes):
    found = trace_picture(trace(*shapes), "png")
    pixels = np.asarray(Image.open(BytesIO(found), formats=["PNG"]).convert("L"))
    assert pixels.min() < 100
    # Nothing is cut off at the edges: the outermost lines of pixels are paper.
    assert (pixels[:, -1] == 255).all()
    assert (pixels[0] == 255).all()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_shapes_give_the_same_file(kind):
    found = trace((3, 1), (4,))
    assert trace_picture(found, kind) == trace_picture(found, kind)


def test_too_many_shapes_are_refused():
    with pytest.raises(InputError, match="101 shapes: a picture shows at most 100"):
        trace_picture(trace(*[(3,)] * 101), "png")


def point(n, value):
    return Point(n, (value, value), Estimate(value, value - 0.1, value + 0.1), None, ())


@pytest.fixture
def curve(labelled):
    """Return a function that makes a curve of given titles, with or without drawn examples."""

    def make(*titles, sizes=(1, 10), end=0.9):
        train, valid = (labelled((3, 3), ["a", "b"], n=100, part=part) for part in ("train", "valid"))
        drawn = [point(n, 0.5 + 0.03 * n) for n in sizes] + ([] if end is None else [point(None, end)])
        rows = tuple(CurveRow(title, title, "ours", tuple(drawn)) for title in titles)
        return Curve(train, valid, rows, sizes, 2, 0, ())

    return make


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_curves_make_the_same_bytes(curve, kind):
    assert file_of(curve("mean image").plot(), kind) == file_of(curve("mean image").plot(), kind)


def test_png_is_a_picture_with_the_lines_in_it(curve):
    drawn = file_of(curve("one", "other").plot(), "png")
    image = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in np.unique(image, axis=0).tolist()}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colours


@pytest.mark.parametrize("name", ["$x^{$", "_hidden", "<script>&", "\u5b57", ""])
def test_any_name_is_plain_text(curve, name):
    drawn = file_of(curve(name).plot(), "svg")
    assert any(name in (text or "") for text in texts(drawn))
    assert file_of(curve(name).plot(), "png")[1:4] == b"PNG"


def test_curves_need_not_have_all_parts(curve):
    for one in (curve(), curve("end alone", sizes=()), curve("no end", sizes=(1,), end=None)):
        assert file_of(one.plot(), "png")[1:4] == b"PNG"


def test_nobody_elses_settings_are_changed(curve):
    before = dict(matplotlib.rcParams)
    file_of(curve("mean image").plot(), "svg")
    assert dict(matplotlib.rcParams) == before


def test_lines_are_the_figures_and_the_best_comes_first(curve):
    axes = curve("one").plot()
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_ydata(), [0.53, 0.8, 0.9])
    assert line.get_xdata()[:2].tolist() == [1, 10]
    assert axes.get_xlabel() == "examples of each class"


def test_a_plot_goes_where_one_wants_it(curve):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert curve("one").plot(right) is right
    assert not left.lines
    assert len(figure.axes) == 2
