import json
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from making import bomb_png, encoded, gray

import lookalike
from lookalike.errors import DataError, LookalikeError, MissingExtraError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

COUNT = 12


def images(count=COUNT, first=0):
    return [encoded(gray(first + index)) for index in range(count)]


def structs(data):
    return pa.array([{"bytes": one, "path": f"{index}.png"} for index, one in enumerate(data)])


def class_label(names, column="label"):
    features = {"image": {"_type": "Image"}, column: {"names": names, "_type": "ClassLabel"}}
    return {"huggingface": json.dumps({"info": {"features": features}})}


def write(path, columns=None, metadata=None, **options):
    if columns is None:
        columns = {"image": structs(images()), "label": [index % 3 for index in range(COUNT)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata), path, **options)
    return path


def by_name(split):
    """Return every image's pixels and label, in the order of the file."""
    found = {}
    for part in split:
        found |= {
            int(name): (image, label)
            for name, image, label in zip(part.names, part.images, part.labels, strict=True)
        }
    return [found[index] for index in range(len(found))]


@pytest.mark.parametrize("plain", [False, True], ids=["struct", "binary"])
@pytest.mark.parametrize("groups", [100, 5, 1])
def test_images_and_labels_are_those_written(tmp_path, plain, groups):
    data = images()
    image = pa.array(data, pa.large_binary()) if plain else structs(data)
    path = write(tmp_path / "s.parquet", {"image": image, "label": [7, 3] * 6}, row_group_size=groups)
    split = lookalike.load(path)
    assert split.train.source.reader == "Parquet"
    assert split.train.class_names == ("3", "7")
    for index, (pixels, label) in enumerate(by_name(split)):
        np.testing.assert_array_equal(pixels, gray(index))
        assert label == [7, 3][index % 2]


def test_class_names_are_the_labels(tmp_path):
    path = write(tmp_path / "s.parquet", metadata=class_label(["cat", "dog", "eel"]))
    split = lookalike.load(path)
    assert split.train.class_names == ("cat", "dog", "eel")
    assert [label for _, label in by_name(split)] == ["cat", "dog", "eel"] * 4
    # Names that are whole numbers are face values.
    write(path, metadata=class_label(["2", "1", "0"]))
    assert [label for _, label in by_name(lookalike.load(path))] == [2, 1, 0] * 4


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_texts_are_labels(tmp_path, kind):
    texts = ["b", "a", "ä"] * 4
    label = pa.array(texts)
    label = label.dictionary_encode() if kind == "dictionary" else label.cast(getattr(pa, kind)())
    path = write(tmp_path / "s.parquet", {"img": structs(images()), "class": label}, row_group_size=5)
    assert [label for _, label in by_name(lookalike.load(path))] == texts


def test_parts_and_pieces(tmp_path):
    root = tmp_path / "set"
    for piece in range(2):
        columns = {"image": structs(images(6, 6 * piece)), "label": [0, 1] * 3}
        write(root / "data" / f"train-0000{piece}-of-00002.parquet", columns)
    write(root / "data" / "test-00000-of-00001.parquet", {"image": structs(images(2, 50)), "label": [0, 1]})
    write(root / "data" / "extra.parquet")
    (root / "README.md").write_text("x")
    train, valid = lookalike.load(root)
    assert (len(train), len(valid), valid.source.part) == (12, 2, "test")
    assert "Parquet files left out, of no known part: 'data/extra.parquet'." in train.source.notes
    for index in range(12):
        np.testing.assert_array_equal(train.images[index], gray(index))
    np.testing.assert_array_equal(valid.images[1], gray(51))
    (root / "data" / "train-00000-of-00002.parquet").unlink()
    with pytest.raises(DataError, match=r"lacks 'data/train-00000-of-00002\.parquet': get it, all pieces"):
        lookalike.load(root)


def test_parts_by_folders_and_sets_that_may_differ(tmp_path):
    write(tmp_path / "default" / "train" / "0000.parquet")
    write(tmp_path / "default" / "validation" / "0000.parquet")
    assert [part.source.part for part in lookalike.load(tmp_path)] == ["train", "valid"]
    write(tmp_path / "other" / "train" / "0000.parquet")
    with pytest.raises(
        DataError, match=r"holds Parquet files in 2 folders \('default', 'other'\).*: give one"
    ):
        lookalike.load(tmp_path)
    assert len(lookalike.load(tmp_path / "default").train) == COUNT


def test_files_of_no_part_are_one_set(tmp_path):
    write(tmp_path / "one.parquet")
    write(tmp_path / "two.parquet")
    assert sum(map(len, lookalike.load(tmp_path))) == 2 * COUNT
    write(tmp_path / "two.parquet", {"img": structs(images()), "label": [0] * COUNT})
    with pytest.raises(DataError, match=r"has the columns 'img', 'label': expected 'image', 'label' as in"):
        lookalike.load(tmp_path)


def test_a_folder_with_image_files_is_an_image_folder(tmp_path):
    write(tmp_path / "a" / "index.parquet")
    for name in "ab":
        (tmp_path / name).mkdir(exist_ok=True)
        for index in range(2):
            (tmp_path / name / f"{index}.png").write_bytes(encoded(gray(index)))
    assert lookalike.load(tmp_path).train.source.reader == "image folder"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [0]}, "has the columns 'label', of which none can be the image column"),
        ({"image": [b"x"]}, "has the columns 'image', of which none can be the label column"),
        ({"image": [b"x"], "label": [0.5]}, "of which none can be the label column"),
        ({"image": ["x"], "label": [0]}, "of which none can be the image column"),
        ({"front": [b"x"], "back": [b"x"], "label": [0]}, "'front', 'back' may be the image column"),
        ({"image": [b"x"], "fine": [0], "coarse": [0]}, "'fine', 'coarse' may be the label column"),
        ({"image": [b"x"], "label": [0], "class": [0]}, "'label', 'class' may be the label column"),
    ],
)
def test_columns_that_are_not_clear(tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        lookalike.load(write(tmp_path / "s.parquet", columns))


def test_the_clear_choice_of_columns(tmp_path):
    columns = {"id": list(range(COUNT)), "Image": structs(images()), "Label": [0, 1] * 6, "mask": images()}
    assert sum(map(len, lookalike.load(write(tmp_path / "s.parquet", columns)))) == COUNT
    columns = {"picture": images(), "id": list(range(COUNT)), "digit": [0, 1] * 6}
    path = write(tmp_path / "s.parquet", columns, class_label(["a", "b"], "digit"))
    assert lookalike.load(path).train.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 5], r"has labels 0 to 5: expected places in its 2 class names"),
        ([0, -2], r"has labels -2 to 0: expected places"),
        ([0, -1], r"has no label in 1 of 2 rows \(the first is row 1\): leave these out"),
        ([0, None], r"has no label in 1 of 2 rows"),
        ([None, None], r"has no label in 2 of 2 rows"),
    ],
)
def test_labels_that_are_no_class(tmp_path, labels, message):
    columns = {"image": structs(images(2)), "label": pa.array(labels, pa.int64())}
    with pytest.raises(DataError, match=message):
        lookalike.load(write(tmp_path / "s.parquet", columns, class_label(["a", "b"])))


def test_a_part_without_labels_is_left_out(tmp_path):
    write(tmp_path / "train.parquet", metadata=class_label(["a", "b", "c"]))
    write(
        tmp_path / "test.parquet", {"image": structs(images(2)), "label": [-1, -1]}, class_label(["a", "b"])
    )
    train, valid = lookalike.load(tmp_path)
    assert valid.source.part == "valid"
    assert "The test part has no labels and was left out." in train.source.notes


@pytest.mark.parametrize("name", ["", "\x1b[31m", "x" * 300, 3, None, ["a"]])
def test_hostile_class_names(tmp_path, name):
    with pytest.raises(DataError, match=r"names a class .*: expected 1 to 255 printable characters"):
        lookalike.load(write(tmp_path / "s.parquet", metadata=class_label(["a", "b", name])))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "3", '{"info": 3}', '{"info": {"features": []}}'])
def test_metadata_that_say_nothing(tmp_path, text):
    path = write(tmp_path / "s.parquet", metadata={"huggingface": text})
    assert lookalike.load(path).train.class_names == ("0", "1", "2")


def test_hostile_labels(tmp_path):
    for text in ("", "\x1b[31m", "x" * 300):
        columns = {"image": structs(images(2)), "label": ["a", text]}
        with pytest.raises(DataError, match=r"has the label .*: expected 1 to 255 printable characters"):
            lookalike.load(write(tmp_path / "s.parquet", columns))


def test_bad_images_are_skipped_where_asked(tmp_path):
    data = images(60)
    data[3], data[4], data[5] = b"no image", None, bomb_png(50_000, 50_000)
    columns = {"image": pa.array(data, pa.binary()), "label": [0, 1] * 30}
    path = write(tmp_path / "s.parquet", columns)
    with pytest.raises(DataError, match=r"s\.parquet/[345]' "):
        lookalike.load(path)
    train, valid = lookalike.load(path, skip_bad=True)
    assert len(train) + len(valid) == 60 - 3


def test_what_repeats_stays_small(tmp_path):
    large = encoded(gray(1, (600, 600)))
    count = 3000
    columns = {
        "image": pa.array([large] * 3, pa.binary()).take(pa.array([0] * count)),
        "label": [0, 1] * (count // 2),
    }
    path = write(tmp_path / "s.parquet", columns)
    del columns
    assert path.stat().st_size < 2 * len(large)
    before = pa.total_allocated_bytes()
    from lookalike.data.readers.parquet import OpenFile

    file = OpenFile(path.read_bytes(), "s")
    assert file.image(0) == large
    assert pa.total_allocated_bytes() - before < 20 * len(large)
    assert file.image(count - 1) == large


def test_what_announces_too_much(tmp_path, monkeypatch):
    path = write(tmp_path / "s.parquet")
    monkeypatch.setattr("lookalike.data.readers.parquet.MAX_GROUP_BYTES", 100)
    with pytest.raises(DataError, match=r"announces .* bytes in one group of rows: more than 100, refused"):
        lookalike.load(path)
    monkeypatch.setattr("lookalike.data.readers.parquet.MAX_FILES", 5)
    with pytest.raises(DataError, match="announces 12 rows: more than 5, refused"):
        lookalike.load(path)
    monkeypatch.setattr("lookalike.data.readers.parquet.MAX_PARQUET_BYTES", 50)
    with pytest.raises(DataError, match="is larger than 50 bytes"):
        lookalike.load(path)


def test_no_rows(tmp_path):
    columns = {"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}
    with pytest.raises(DataError, match="holds no image: expected a row for each"):
        lookalike.load(write(tmp_path / "s.parquet", columns))


@pytest.mark.parametrize(
    "data", [b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 60 + b"PAR1"], ids=["a", "b", "c"]
)
def test_damaged_files(tmp_path, data):
    (tmp_path / "s.parquet").write_bytes(data)
    with pytest.raises(DataError, match=r"is damaged Parquet .*: get it again"):
        lookalike.load(tmp_path / "s.parquet")


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    path = write(tmp_path / "train.parquet")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    for given_path in (path, tmp_path):
        with pytest.raises(MissingExtraError, match=r'needs pyarrow: pip install "lookalike\[parquet\]"'):
            lookalike.load(given_path)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_mutated_bytes_are_read_or_refused(tmp_path, data):
    path = tmp_path / "s.parquet"
    if not path.exists():
        write(path, metadata=class_label(["a", "b", "c"]))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    changed = tmp_path / "t.parquet"
    changed.write_bytes(whole)
    try:
        train, valid = lookalike.load(changed)
    except LookalikeError:
        return
    assert len(train) >= len(valid) >= 1
