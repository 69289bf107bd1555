"""Tables in every dialect: each is read as it was written, or refused with what settles it."""

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lookalike
from lookalike.data.load import load_to_fit
from lookalike.errors import DataError

SETTLED_BY = re.compile(r"--label-column|--header or --no-header")
DIGITS = lookalike.load("digits").train.images
CLASSES = {
    "digits": ["0", "1", "2", "3", "7"],
    "spaces": ["New York", "NewYork", "x  y"],
    "commas": ["a, b", "a; b", 'say "7"', "7"],
    "text": ["label", "007", "7", "ä"],
}
HEADERS = ("none", "pixels", "numbers", "numbers and label", "V")


def written(images, labels, dialect):
    """Return a table as bytes, and what a user could say of it: the label's column and the header."""
    cell = (lambda value: f"{value}.0") if dialect["floats"] else str
    rows = [[cell(pixel) for pixel in image.ravel().tolist()] for image in images]
    at = {"first": 0, "last": images[0].size, "middle": images[0].size // 2, "none": None}[dialect["label"]]
    names = [f"pixel{index}" for index in range(images[0].size)]
    if at is not None:
        for row, label in zip(rows, labels, strict=True):
            row.insert(at, label)
        names.insert(at, dialect["name"])
    if dialect["index"]:
        rows = [[str(index), *row] for index, row in enumerate(rows)]
        names = ["", *names]
    if dialect["header"] == "numbers":
        names = [
            *names[: len(names) - images[0].size - (at is not None)],
            *map(str, range(images[0].size + 1)),
        ]
        names = names[: len(rows[0])]
    elif dialect["header"] == "numbers and label":
        names = [name.removeprefix("pixel") for name in names]
    elif dialect["header"] == "V":
        names = [f"V{index}" for index in range(1, len(names) + 1)]
    out = io.StringIO(newline="")
    quoting = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL}[dialect["quoting"]]
    writer = csv.writer(out, delimiter=dialect["delimiter"], lineterminator=dialect["end"], quoting=quoting)
    writer.writerows([names] * (dialect["header"] != "none") + rows)
    named = dialect["header"] in ("pixels", "numbers and label")
    said = dialect["name"] if named and at is not None else dialect["label"]
    return out.getvalue().encode("utf-8-sig" if dialect["mark"] else "utf-8"), said


DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t"),
        "quoting": st.sampled_from(["minimal", "all"]),
        "header": st.sampled_from(HEADERS),
        "label": st.sampled_from(["first", "last", "middle", "none"]),
        "name": st.sampled_from(["label", "Class", "target", "y"]),
        "floats": st.booleans(),
        "index": st.booleans(),
        "mark": st.booleans(),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
    }
).filter(lambda one: one["label"] != "middle" or one["header"] in ("pixels", "numbers and label"))


@st.composite
def tables(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(2, 40))
    kind = draw(st.sampled_from(["digits", "paper", "noise", "binary", "tiny"]))
    side = draw(st.integers(2, 3)) if kind == "tiny" else 8
    images = DIGITS[rng.integers(0, 1400, count)]
    if kind == "paper":
        images = 255 - images - rng.integers(0, 3, images.shape).astype(np.uint8).clip(0, 255 - images)
    elif kind == "noise":
        images = rng.integers(0, 256, images.shape)
    elif kind == "binary":
        images = images > 100
    elif kind == "tiny":
        images = rng.integers(0, draw(st.sampled_from([2, 10, 256])), (count, side, side))
    names = CLASSES[draw(st.sampled_from(sorted(CLASSES)))]
    names = names[: draw(st.integers(1, len(names)))]
    return images.astype(np.uint8), [names[place] for place in rng.integers(0, len(names), count)]


def refused(read):
    """Return what was said against reading, None where it was read."""
    try:
        read()
    except DataError as error:
        return str(error)
    return None


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(table=tables(), dialect=DIALECTS)
def test_every_dialect_is_read_as_written_or_refused(tmp_path, table, dialect):
    images, labels = table
    data, label_column = written(images, labels, dialect)
    path = tmp_path / "some.csv"
    path.write_bytes(data)
    header = dialect["header"] != "none"

    def predicted(**said):
        found = lookalike.read_images(path, images.shape[1:], **said)
        np.testing.assert_array_equal(found.images, images)

    def loaded(**said):
        train = load_to_fit(path, **said)
        np.testing.assert_array_equal(train.images, images)
        assert train.labels.astype(str).tolist() == labels

    several = len(set(labels)) > 1 and dialect["label"] != "none"
    for read in [predicted, loaded] if several else [predicted]:
        assert SETTLED_BY.search(refused(read) or "--label-column")
        read(label_column=label_column, header=header)
