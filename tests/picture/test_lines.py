import io
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from PIL import Image

from lookalike.picture.lines import Line, lines_picture

LINE = Line("mean image", (1, 10), ((0.6, 0.5, 0.7), (0.8, 0.7, 0.9)), end=(50, (0.9, 0.8, 1)))


def draw(*lines, kind="svg", title="digits"):
    ticks = {1: "1", 10: "10", 50: "all"}
    return lines_picture(lines, title=title, across="examples", up="right", ticks=ticks, kind=kind)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_lines_make_the_same_bytes(kind):
    assert draw(LINE, kind=kind) == draw(LINE, kind=kind)


def test_png_is_a_picture_with_the_lines_in_it():
    image = np.asarray(Image.open(io.BytesIO(draw(LINE, LINE, kind="png"))).convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in np.unique(image, axis=0).tolist()}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= colours


@pytest.mark.parametrize("name", ["$x^{$", "_hidden", "<script>&", "\u5b57", ""])
def test_any_name_is_plain_text(name):
    line = Line(name, LINE.places, LINE.values)
    texts = [element.text or "" for element in ET.fromstring(draw(line, title=name)).iter() if element.text]
    assert sum(name in text for text in texts) >= 2
    assert draw(line, title=name, kind="png")[1:4] == b"PNG"


def test_lines_need_not_have_all_parts():
    for lines in ([], [Line("end alone", (), (), end=LINE.end)], [Line("one", (1,), ((0.5, 0.4, 0.6),))]):
        assert draw(*lines, kind="png")[1:4] == b"PNG"


def test_nobody_elses_settings_are_changed():
    before = dict(matplotlib.rcParams)
    draw(LINE)
    assert dict(matplotlib.rcParams) == before
