import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lookalike
from lookalike.errors import DataError, LookalikeError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 3), dtype=np.uint8)
LABELS = np.arange(10) % 2
HEADER = "label," + ",".join(f"pixel{index}" for index in range(9))


def text(labels=LABELS, images=IMAGES, header=HEADER, end="\n"):
    rows = [",".join(map(str, (label, *image.ravel()))) for label, image in zip(labels, images, strict=True)]
    return end.join([*([header] if header else []), *rows, ""])


@pytest.mark.parametrize("header", [HEADER, HEADER.replace("label", '"Label"'), ""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: b"\xef\xbb\xbf" + data])
def test_the_form_of_kaggle(tmp_path, header, end, pack):
    path = tmp_path / "train.csv"
    path.write_bytes(pack(text(header=header, end=end).encode()))
    train, valid = lookalike.load(path)
    assert (len(train), len(valid), train.source.reader) == (8, 2, "CSV")
    for part in (train, valid):
        rows = [int(name) for name in part.names]
        np.testing.assert_array_equal(part.images, IMAGES[rows])
        np.testing.assert_array_equal(part.labels, LABELS[rows])


def test_many_blocks_of_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.data.readers.delimited._CELLS", 1)
    path = tmp_path / "train.csv"
    path.write_text(text())
    told = []
    train, _ = lookalike.load(path, progress=lambda *what: told.append(what))
    np.testing.assert_array_equal(train.images, IMAGES[[int(name) for name in train.names]])
    assert len([what for what in told if what[0] == "reading CSV"]) > 1


def test_text_labels_and_blank_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text(labels=np.array(["cat", '"dog"'])[LABELS]) + "\n\n")
    assert lookalike.load(path)[0].class_names == ("cat", "dog")


def test_no_square_needs_a_size(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text(images=IMAGES[:, :2], header=""))
    with pytest.raises(
        DataError, match=r"has 6 pixels a line, which is no square: give size=\(height, width\)"
    ):
        lookalike.load(path)
    assert lookalike.load(path, size=(2, 3))[0].images.shape == (8, 2, 3)


def test_a_square_is_resized(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text())
    train, _ = lookalike.load(path, size=6)
    assert train.images.shape == (8, 6, 6)
    assert any("resized to 6 x 6" in note for note in train.source.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text(header="id,pixel0"), r"image 0 in .* has 10 columns: expected 2 as in the first line"),
        (text().replace("label", "name"), r"the columns 'name' beside its pixels: .* --label-column"),
        (text().replace("pixel3", "label"), r"the columns 'label', 'label': say which is .* --label-column"),
        (text().replace("pixel3", "writer"), r"has 8 pixels a line, which is no square"),
        (text(labels=LABELS.astype(str)).replace("label", "id"), r"has no column of labels"),
        (HEADER, r"holds no image"),
        ("", r"is empty: expected a line for each image"),
        ("label\n3\n", r"has 0 pixels a line"),
        (text() + "1,2,3\n", r"image 10 in .* has 3 columns: expected 10 as in the first line"),
        (text() + "1\n", r"image 10 in .* has 1 columns"),
        (text() + "1" + ",0" * 10 + "\n", r"image 10 in .* has 11 columns"),
        (text() + "1" + ",0" * 8 + ",0.5\n", r"image 10 in .* has the pixel '0\.5': expected whole numbers"),
        (text() + "1" + ",0" * 8 + ",\n", r"image 10 in .* has the pixel ''"),
        (text() + "1" + ",0" * 8 + ",-1\n", r"image 10 in .* has the pixel '-1'"),
        (
            text() + "1" + ",0" * 8 + ",256\n",
            r"image 10 in .* has the pixel '256': expected whole numbers from 0",
        ),
        (text() + "1" + ",0" * 8 + ",99999999\n", r"has the pixel .99999999."),
        (text() + "1" + ",0" * 8 + "," + "9" * 30 + "\n", r"image 10 in .* has the pixel .9{30}."),
        (text() + ",0" * 9 + "\n", r"image 10 in .* has the label ''"),
        (text() + "\x1b" + ",0" * 9 + "\n", r"image 10 in .* has the label '\\x1b'"),
        (text() + "x" * 300 + ",0" * 9 + "\n", r"image 10 in .* has the label 'xxx.*\.\.\.'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        lookalike.load(path)


def test_no_text(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"label,\xff\xfe")
    with pytest.raises(DataError, match="is no CSV in UTF-8"):
        lookalike.load(path)


def test_a_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.data.readers.delimited.MAX_ARRAY_BYTES", 5000)
    path = tmp_path / "x.csv"
    path.write_bytes(gzip.compress(b"0" * 10**6))
    with pytest.raises(DataError, match="unpacks to more than the 5,000 bytes"):
        lookalike.load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_text_is_read_or_refused(tmp_path, data):
    whole = bytearray(text().encode())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / "x.csv"
    path.write_bytes(whole)
    try:
        train, _ = lookalike.load(path)
    except LookalikeError:
        return
    assert train.images.dtype == np.uint8
