from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lookalike.broadcasting import trace
from lookalike.errors import InputError
from lookalike.picture.axes import trace_picture

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
