"""Labelled images to and from NumPy, torch and Hugging Face tables."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lookalike.data.bridges import channels_first
from lookalike.data.labelled import LabelledImages
from lookalike.errors import DataError, InputError, MissingExtraError
from lookalike.text import one_form

RNG = np.random.default_rng(3)
GRAY = RNG.integers(0, 256, (6, 4, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
NAMES = ["cat", "dog", "eel"]
LABELS = ["dog", "cat", "eel", "dog", "cat", "eel"]


def labelled(images=GRAY, labels=LABELS):
    return LabelledImages.from_numpy(images, labels)


def same(first, other):
    np.testing.assert_array_equal(first.images, other.images)
    assert first.images.dtype == other.images.dtype
    np.testing.assert_array_equal(first.labels, other.labels)
    assert first.class_names == other.class_names
    return True


class Table:
    """A table as Hugging Face's: columns by name, rows by iteration, features with names."""

    def __init__(self, names=None, **columns):
        self.columns_ = columns
        self.column_names = list(columns)
        feature = type("ClassLabel", (), {"names": names})()
        self.features = {"label": feature if names else object()}

    def __len__(self):
        return len(next(iter(self.columns_.values())))

    def __getitem__(self, column):
        return self.columns_[column]


class Stream:
    """A table that is read row by row, and only once."""

    def __init__(self, rows):
        self.rows = iter(rows)

    def __iter__(self):
        return self.rows


def encoded(image, kind="PNG"):
    file = BytesIO()
    Image.fromarray(image).save(file, kind)
    return file.getvalue()


# NumPy


@pytest.mark.parametrize("images", [GRAY, COLOUR, GRAY / 256], ids=["gray", "colour", "floats"])
def test_numpy_there_and_back(images):
    first = labelled(images)
    assert same(first, LabelledImages.from_numpy(*first.to_numpy()))


def test_codes_and_names():
    numbers = [1, 0, 2, 1, 0, 2]
    assert same(labelled(), LabelledImages.from_numpy(GRAY, numbers, class_names=NAMES))
    other = LabelledImages.from_numpy(GRAY, numbers, class_names=["10", 9, "8"])
    assert other.labels.tolist() == [9, 10, 8, 9, 10, 8]
    assert other.class_names == ("8", "9", "10")
    assert other._codes().tolist() == [1, 2, 0, 1, 2, 0]


def test_a_class_may_have_no_image():
    assert LabelledImages.from_numpy(GRAY, LABELS, class_names=[*NAMES, "ant"]).counts() == {
        "ant": 0,
        "cat": 2,
        "dog": 2,
        "eel": 2,
    }


def test_a_stated_range():
    found = LabelledImages.from_numpy(np.full((1, 2, 2), 16), [1], value_range=(0, 16))
    assert (found.images == 255).all()


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (
            [0, 1, 2, 3, 0, 0],
            NAMES,
            "image 3 has the label 3: expected the place of one of 3 class names, 0 to 2",
        ),
        ([0, 1, -1, 3, 0, 0], NAMES, "image 2 has the label -1: expected the place"),
        ([*LABELS[:5], "emu"], NAMES, "label 'emu' is none of the classes 'cat', 'dog', 'eel'"),
        ([0] * 6, ["a", "a"], "class names are 'a', 'a': expected different ones"),
        ([0] * 6, [], "class names are : expected different ones, at least one"),
        ([[0]] * 6, NAMES, r"labels are int64 of shape \(6, 1\)"),
        ([0] * 5, NAMES, "5 labels for 6 images"),
    ],
)
def test_labels_that_do_not_fit_the_names(labels, names, message):
    with pytest.raises(InputError, match=message):
        LabelledImages.from_numpy(GRAY, labels, class_names=names)


# torch


def test_channels_come_first():
    gray, colour = channels_first(GRAY), channels_first(COLOUR)
    assert (gray.shape, colour.shape, gray.dtype) == ((6, 1, 4, 5), (6, 3, 4, 5), np.float32)
    assert colour[2, 1, 3, 4] == np.float32(COLOUR[2, 3, 4, 1] / 255)
    assert gray[5, 0, 3, 2] == np.float32(GRAY[5, 3, 2] / 255)
    assert gray.flags.c_contiguous
    assert colour.flags.c_contiguous


@pytest.mark.parametrize("images", [GRAY, COLOUR, np.float32(GRAY / 256)], ids=["gray", "colour", "floats"])
def test_torch_there_and_back(images):
    pytest.importorskip("torch")
    first = labelled(images)
    assert same(first, LabelledImages.from_torch(first.to_torch()))


def test_every_byte_survives():
    pytest.importorskip("torch")
    first = labelled(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), ["a"])
    assert same(first, LabelledImages.from_torch(first.to_torch()))


def test_items_are_what_torch_expects():
    torch = pytest.importorskip("torch")
    dataset = labelled().to_torch()
    image, code = dataset[0]
    assert isinstance(dataset, torch.utils.data.Dataset)
    assert (image.shape, image.dtype, code.dtype, int(code)) == ((1, 4, 5), torch.float32, torch.int64, 1)
    assert (dataset.classes, dataset.class_to_idx) == (NAMES, {"cat": 0, "dog": 1, "eel": 2})
    torch.testing.assert_close(image, torch.tensor(GRAY[0])[None] / 255, rtol=0, atol=0)


def test_what_torch_makes_does_not_change_the_images():
    pytest.importorskip("torch")
    floats = labelled(np.float32(GRAY / 256))
    before = floats.images.copy()
    floats.to_torch().tensors[0].zero_()
    np.testing.assert_array_equal(floats.images, before)


def test_a_loader_gives_batches():
    data = pytest.importorskip("torch.utils.data")
    first = labelled(COLOUR)
    loader = data.DataLoader(first.to_torch(), batch_size=4)
    assert [tuple(images.shape) for images, _ in loader] == [(4, 3, 4, 5), (2, 3, 4, 5)]
    assert same(first, LabelledImages.from_torch(loader))


def test_a_subset_knows_the_class_names():
    data = pytest.importorskip("torch.utils.data")
    first = labelled()
    loader = data.DataLoader(data.Subset(first.to_torch(), [4, 0]), batch_size=2)
    found = LabelledImages.from_torch(loader)
    assert found.class_names == tuple(NAMES)
    assert found.labels.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(found.images, GRAY[[4, 0]])


def test_workers_can_hold_the_set():
    torch = pytest.importorskip("torch")
    import pickle

    again = pickle.loads(pickle.dumps(labelled().to_torch()))  # noqa: S301 - our own bytes
    assert again.classes == NAMES
    assert torch.equal(again.tensors[0], labelled().to_torch().tensors[0])


@pytest.mark.parametrize("kind", ["bytes", "flat gray", "channels last", "pillow", "normalised"])
def test_what_data_sets_hold(kind):
    torch = pytest.importorskip("torch")
    items = {
        "bytes": [(torch.tensor(image).movedim(-1, 0), 1) for image in COLOUR],
        "flat gray": [(torch.tensor(image), torch.tensor(1)) for image in GRAY],
        "channels last": [(image, np.int64(1)) for image in COLOUR],
        "pillow": [(Image.fromarray(image), 1) for image in COLOUR],
        "normalised": [(torch.tensor(image)[None].double() / 255 * 2 - 1, 1) for image in GRAY],
    }[kind]
    value_range = (-1, 1) if kind == "normalised" else None
    found = LabelledImages.from_torch(items, value_range=value_range)
    expected = GRAY if kind in ("flat gray", "normalised") else COLOUR
    np.testing.assert_allclose(
        found.images, expected / (255 if found.images.dtype.kind == "f" else 1), atol=1e-15
    )
    assert found.labels.tolist() == [1] * 6


def test_a_set_that_never_ends_is_as_long_as_it_says():
    class Endless:
        classes = ("no", "yes")

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return GRAY[index % 6], index % 2

    assert LabelledImages.from_torch(Endless()).labels.tolist() == ["no", "yes", "no"]


def test_a_stream_of_pairs_and_progress():
    told = []
    found = LabelledImages.from_torch(
        zip(GRAY, LABELS, strict=True), progress=lambda *arguments: told.append(arguments)
    )
    assert same(found, labelled())
    assert told == [("reading items", 0, None), ("reading items", 6, 6)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the data set holds no item"),
        ([GRAY[0]], "item 0 is a ndarray: expected a pair of image and label"),
        ([{"image": GRAY[0], "label": 1}], "item 0 is a dict: expected a pair"),
        ([(GRAY[0], 1, 2)], "item 0 is a tuple: expected a pair"),
        ([(GRAY[0], 1), (GRAY[0, 1:], 1)], r"mixed shapes: \(4, 5\) at first and \(3, 5\) in item 1: resize"),
        ([(GRAY[0], 1), (COLOUR[0], 1)], r"\(4, 5\) at first and \(4, 5, 3\) in item 1: .* or all colour"),
        ([(GRAY[0], 1.5)], r"a label is float64 of shape \(\): expected a whole number or a text"),
        ([(GRAY[0], [[1]])], r"a label is int64 of shape \(1, 1\)"),
        ([(GRAY[:2], [1, 2, 3])], "3 labels for 2 images"),
        ([([[1], [2, 3]], 1)], "image 0 has rows of different lengths"),
        ([(GRAY[0] * 3.5, 1)], "expected uint8, or floats in 0-1; state their range"),
    ],
)
def test_what_is_no_data_set(data, message):
    with pytest.raises(InputError, match=message):
        LabelledImages.from_torch(data)


def test_without_torch_one_learns_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'to_torch needs torch: pip install "lookalike\[torch\]"'):
        labelled().to_torch()


def test_torch_is_not_imported_for_what_is_not_its_own():
    code = (
        "import sys, numpy, lookalike\n"
        "images = numpy.zeros((2, 3, 3), numpy.uint8)\n"
        "whole = lookalike.LabelledImages.from_torch(zip(images, [0, 1]))\n"
        "lookalike.LabelledImages.from_hugging_face({'image': images, 'label': [0, 1]})\n"
        "print(len(whole), [name for name in ('torch', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2 []"


# Hugging Face


@pytest.mark.parametrize(
    "cells",
    [
        [Image.fromarray(image) for image in COLOUR],
        [encoded(image) for image in COLOUR],
        [{"bytes": encoded(image), "path": "a.png"} for image in COLOUR],
        COLOUR.tolist(),
        COLOUR,
    ],
    ids=["pillow", "bytes", "undecoded", "lists", "array"],
)
def test_images_of_a_table(cells):
    value_range = (0, 255) if isinstance(cells, list) and isinstance(cells[0], list) else None
    table = Table(NAMES, image=cells, label=[1, 0, 2, 1, 0, 2])
    assert same(labelled(COLOUR), LabelledImages.from_hugging_face(table, value_range=value_range))


@pytest.mark.parametrize("form", ["table", "dictionary", "rows", "stream"])
def test_forms_of_a_table(form):
    columns = {"img": list(GRAY), "kind": LABELS}
    rows = [{"img": image, "kind": label} for image, label in zip(GRAY, LABELS, strict=True)]
    table = {"table": Table(**columns), "dictionary": columns, "rows": rows, "stream": Stream(rows)}[form]
    assert same(labelled(), LabelledImages.from_hugging_face(table, image="img", label="kind"))


def test_names_of_ones_own_win():
    table = Table(NAMES, image=GRAY, label=[1, 0, 2, 1, 0, 2])
    found = LabelledImages.from_hugging_face(table, class_names=["a", "b", "c"])
    assert found.labels.tolist() == ["b", "a", "c", "b", "a", "c"]


def test_a_palette_gives_its_colours():
    picture = Image.fromarray(GRAY[0]).convert("RGB").quantize(256)
    found = LabelledImages.from_hugging_face([{"image": picture, "label": 3}])
    assert found.images.shape == (1, 4, 5)
    np.testing.assert_array_equal(found.images[0], GRAY[0])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([], "the table holds no row"),
        (
            {"train": Table(image=GRAY, label=LABELS)},
            r"a dictionary of the parts 'train': .* table\['train'\]",
        ),
        (Table(picture=GRAY, label=LABELS), "no column 'image': it has 'picture', 'label'; name them with"),
        ({"image": GRAY}, "no column 'label': it has 'image'"),
        ([{"image": GRAY[0]}], "no column 'label': it has 'image'"),
        (Table(image=GRAY, label=LABELS[:5]), "5 labels for 6 images"),
        (Table(NAMES, image=GRAY, label=[0, 1, 2, 0, 1, -1]), "image 5 has the label -1"),
        (Table(image=GRAY, label=[None] * 6), "image 0 has no label in the column 'label': leave it out"),
        (
            [{"image": {"bytes": None, "path": "/etc/hostname"}, "label": 1}],
            "image 0 has no bytes, at most a path",
        ),
    ],
    ids=["empty", "parts", "image", "label", "row", "lengths", "code", "none", "path"],
)
def test_what_is_no_table(table, message):
    with pytest.raises(InputError, match=message):
        LabelledImages.from_hugging_face(table)


def test_bad_bytes_are_named():
    rows = [{"image": encoded(GRAY[0]), "label": 1}, {"image": b"GIF88a", "label": 1}]
    with pytest.raises(DataError, match="'image 1' is not an image: expected PNG"):
        LabelledImages.from_hugging_face(rows)
    deep = Image.fromarray(np.full((2, 2), 70000, np.int32))
    with pytest.raises(DataError, match="image 0 has pixels of more than 16 bits"):
        LabelledImages.from_hugging_face([{"image": deep, "label": 1}])


def test_without_datasets_one_learns_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match="to_hugging_face needs datasets: pip install datasets"):
        labelled().to_hugging_face()


@pytest.mark.parametrize("images", [GRAY, COLOUR], ids=["gray", "colour"])
def test_the_real_tables_there_and_back(images):
    datasets = pytest.importorskip("datasets")
    first = labelled(images)
    table = first.to_hugging_face()
    assert isinstance(table, datasets.Dataset)
    assert table.features["label"].names == NAMES
    assert table["name"][:] == list(first.names)
    for form in (table, table[:], table.to_iterable_dataset(), table.to_pandas(), table.with_format("numpy")):
        names = NAMES if form is not table else None
        assert same(first, LabelledImages.from_hugging_face(form, class_names=names))
    with pytest.raises(InputError, match="dictionary of the parts 'train'"):
        LabelledImages.from_hugging_face(datasets.DatasetDict(train=table))
    with pytest.raises(InputError, match="images are float64: expected uint8"):
        labelled(GRAY / 256).to_hugging_face()


def test_the_real_tables_as_tensors():
    pytest.importorskip("datasets")
    pytest.importorskip("torch")
    table = labelled(COLOUR).to_hugging_face().with_format("torch")
    assert same(labelled(COLOUR), LabelledImages.from_hugging_face(table))


@given(st.lists(st.integers(-5, 5).map(str) | st.text(min_size=1, max_size=3), min_size=1, max_size=8))
def test_codes_are_places_in_the_names(labels):
    labels = [label.encode("utf-8", "replace").decode().replace("\0", "0") for label in labels]
    labels = [one_form(label) for label in labels]
    first = labelled(np.zeros((len(labels), 1, 1), np.uint8), np.array(labels, object))
    assert [first.class_names[code] for code in first._codes()] == labels
    again = LabelledImages.from_numpy(first.images, first._codes(), class_names=first.class_names)
    assert same(first, again)
