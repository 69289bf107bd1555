"""Tables as people have them: Kaggle's files, pandas', R's and FER's, and tables of image files."""

import gzip
import tracemalloc
import zipfile

import numpy as np
import pytest
from making import encoded, gray

import lookalike
from lookalike.data.load import load_to_fit, load_to_measure
from lookalike.errors import DataError, InputError

DIGITS, VALID = lookalike.load("digits")
FEW = DIGITS.take(slice(0, 60))


def rows_of(images):
    return [[*map(str, image.ravel().tolist())] for image in images]


def table(*columns, names=None, delimiter=","):
    """Return the text of a table made of columns of cells, each a list of lists or of texts."""
    cells = [[one] if isinstance(one, str) else one for column in columns for one in column]
    count = len(columns[0])
    rows = [[cell for one in cells[row::count] for cell in one] for row in range(count)]
    return "".join(delimiter.join(row) + "\n" for row in ([names] if names else []) + rows)


def numbered(count, name="pixel"):
    return [f"{name}{index}" for index in range(count)]


LABELS = [*map(str, FEW.labels.tolist())]
PIXELS = rows_of(FEW.images)
COUNT = [*map(str, range(60))]
CUT = np.array([*map(int, LABELS)])
AS_TEXTS = sorted(range(64), key=str)


def check(path, labels=LABELS, images=FEW.images, **options):
    found = load_to_fit(path, **options)
    np.testing.assert_array_equal(found.images, images)
    assert found.labels.astype(str).tolist() == list(labels)
    return found


@pytest.mark.parametrize(
    ("text", "options"),
    {
        "fashion": (table(LABELS, PIXELS, names=["label", *numbered(64)]), {}),
        "kannada": (table(COUNT, LABELS, PIXELS, names=["id", "label", *numbered(64)]), {}),
        "openml": (table(PIXELS, LABELS, names=[*numbered(64), "class"]), {}),
        "1x1": (
            table(LABELS, PIXELS, names=["label", *(f"{y}x{x}" for y in "12345678" for x in "12345678")]),
            {},
        ),
        "characters": (
            table(PIXELS, [f"character_{one}" for one in LABELS], names=[*numbered(64), "character"]),
            {},
        ),
        "no header, first": (table(LABELS, PIXELS), {}),
        "no header, last": (table(PIXELS, LABELS), {}),
        "pandas": (table(COUNT, PIXELS, LABELS, names=["", *map(str, range(64)), "target"]), {}),
        "pandas, a row for names": (
            table(LABELS, PIXELS, names=["0", "0.1", *(f"0.{n}" for n in range(2, 65))]),
            {},
        ),
        "R": (
            table(
                [f'"{n}"' for n in COUNT], LABELS, PIXELS, names=['""', *(f'"V{n}"' for n in range(1, 66))]
            ),
            {},
        ),
        "numpy": ("# " + table(LABELS, PIXELS, names=["label", *numbered(64)]), {}),
        "numpy's floats": (
            table(
                *([[f"{float(c):.18e}" for c in [r]] for r in LABELS] for _ in [0]),
                [[f"{float(c):.18e}" for c in row] for row in PIXELS],
            ),
            {},
        ),
        "sorted names": (
            table(
                LABELS,
                [[row[at] for at in AS_TEXTS] for row in PIXELS],
                names=["label", *sorted(numbered(64))],
            ),
            {},
        ),
        "sorted names of rows and columns": (
            table(
                LABELS,
                [[row[at] for at in AS_TEXTS] for row in PIXELS],
                names=["label", *(f"{at // 8 + 1}x{at % 8 + 1}" for at in AS_TEXTS)],
            ),
            {},
        ),
        "x before y": (
            table(LABELS, PIXELS, names=["label", *(f"{x}x{y}" for y in "12345678" for x in "12345678")]),
            {},
        ),
        "sorted numbers": (
            table(
                LABELS,
                [[row[at] for at in AS_TEXTS] for row in PIXELS],
                names=["label", *map(str, AS_TEXTS)],
            ),
            {},
        ),
        "bars": (table(LABELS, PIXELS, names=["label", *numbered(64)], delimiter="|"), {}),
        "Excel's first line": ("sep=;\n" + table(PIXELS, LABELS, delimiter=";"), {}),
        "remarks": ("# by me\n#a, b\n" + table(LABELS, PIXELS, names=["label", *numbered(64)]), {}),
        "remarks above NumPy's names": (
            "#\r\n# " + table(LABELS, PIXELS, names=["label", *numbered(64)]).replace("\n", "\r\n"),
            {},
        ),
        "numbers of which one lacked": (
            table([f"{one}.0" for one in LABELS], PIXELS, names=["label", *numbered(64)]),
            {},
        ),
        "a writer": (table(LABELS, COUNT, PIXELS, names=["label", "writer", *numbered(64)]), {}),
        "said": (table(LABELS, PIXELS, names=["person", *numbered(64)]), {"label_column": "person"}),
        "two labels": (
            table(LABELS, ["x"] * 60, PIXELS, names=["class_id", "class_name", *numbered(64)]),
            {"label_column": "class_id"},
        ),
        "a delimiter at the end": (table(LABELS, PIXELS, [""] * 60, names=["label", *numbered(64), ""]), {}),
        "packed": (table(LABELS, [" ".join(row) for row in PIXELS], names=["emotion", "pixels"]), {}),
        "packed, spaced names": (
            table(LABELS, [f'"{" ".join(row)}"' for row in PIXELS], names=["emotion", " pixels"]),
            {},
        ),
        "packed, no header": (table(LABELS, [" ".join(row) for row in PIXELS]), {}),
    }.values(),
    ids=lambda value: None,
)
@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
def test_tables_as_they_are_published(tmp_path, text, options):
    path = tmp_path / "train.csv"
    path.write_text(text)
    labels = LABELS if "character_" not in text else [f"character_{one}" for one in LABELS]
    check(path, labels, **options)
    found = lookalike.read_images(path, (8, 8), **options)
    np.testing.assert_array_equal(found.images, FEW.images)


def test_labels_keep_their_spaces_and_their_case(tmp_path):
    names = np.array(["New York", "NewYork", "a, b", 'say "x"', "new york"])
    labels = names[CUT % 5].tolist()
    quoted = ['"' + label.replace('"', '""') + '"' for label in labels]
    (tmp_path / "a.csv").write_text(table(quoted, PIXELS, names=["label", *numbered(64)]))
    check(tmp_path / "a.csv", labels)


@pytest.mark.parametrize(
    "labels",
    [
        [f"#{one}" for one in LABELS],
        [f"{int(one) / 2}" for one in LABELS],
        [["1.0", "1.00", "2.0"][int(one) % 3] for one in LABELS],
        ["2", *(f"{one}.0" for one in LABELS[1:])],
    ],
)
def test_labels_that_are_like_remarks_or_numbers_stay_apart(tmp_path, labels):
    (tmp_path / "a.csv").write_text(table(labels, PIXELS))
    check(tmp_path / "a.csv", labels, label_column="first")


def test_colours_in_a_table_are_refused_with_what_reads_them(tmp_path):
    three = [[one for cell in row for one in (cell, cell, "7")] for row in PIXELS]
    (tmp_path / "a.csv").write_text(table(LABELS, three, names=["label", *numbered(192)]))
    for read in (lookalike.load, lambda path: lookalike.load(path, size=(16, 4))):
        with pytest.raises(DataError, match=r"192 values a line, .* of three colours: .* \.npz file"):
            read(tmp_path / "a.csv")


def test_a_label_in_the_last_column_shifts_no_image(tmp_path):
    (tmp_path / "a.csv").write_text(table(rows_of(255 - FEW.images), LABELS))
    found = check(tmp_path / "a.csv", images=255 - FEW.images)
    assert "The last column was taken for the labels: its values are unlike the pixels' beside it." in (
        found.source.notes
    )
    with pytest.warns(lookalike.LookalikeWarning, match="The last column was taken for the labels"):
        images = lookalike.read_images(tmp_path / "a.csv", (8, 8)).images
    np.testing.assert_array_equal(images, 255 - FEW.images)


@pytest.mark.parametrize(
    ("text", "option", "settled"),
    [
        (table(LABELS[:5], PIXELS[:5]), "--label-column", {"label_column": "first"}),
        (table(PIXELS[:5], LABELS[:5]), "--label-column", {"label_column": "last"}),
        (table(LABELS, PIXELS, names=[*map(str, range(65))]), "--header", {"header": True}),
        (table(LABELS, PIXELS, names=["label", *map(str, range(100, 164))]), "--header", {"header": True}),
        (table(COUNT, PIXELS), "--label-column", {"label_column": "first"}),
        (
            table(COUNT, ["7"] * 30 + ["8"] * 30, PIXELS, names=["writer", "room", *numbered(64)]),
            "--label-column",
            {"label_column": "room"},
        ),
    ],
)
def test_two_readings_are_refused_with_what_settles_them(tmp_path, text, option, settled):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=option):
        load_to_fit(path)
    np.testing.assert_array_equal(load_to_fit(path, **settled).images, FEW.images[: text.count("\n")])


def test_a_gradient_below_no_header_is_an_image_if_one_says_so(tmp_path):
    images = FEW.images.copy()
    images[0] = np.arange(64).reshape(8, 8)
    (tmp_path / "a.csv").write_text(table(rows_of(images)))
    with pytest.raises(DataError, match="names or an image"):
        lookalike.read_images(tmp_path / "a.csv", (8, 8))
    found = lookalike.read_images(tmp_path / "a.csv", (8, 8), header=False)
    np.testing.assert_array_equal(found.images, images)
    assert len(lookalike.read_images(tmp_path / "a.csv", (8, 8), header=True).images) == 59


def test_usage_tells_the_parts(tmp_path):
    usage = ["Training"] * 40 + ["PublicTest"] * 10 + ["PrivateTest"] * 10
    packed = [" ".join(row) for row in PIXELS]
    (tmp_path / "fer.csv").write_text(table(LABELS, packed, usage, names=["emotion", "pixels", "Usage"]))
    (tmp_path / "wide.csv").write_text(table(usage, LABELS, PIXELS, names=["split", "y", *numbered(64)]))
    for name in ("fer.csv", "wide.csv"):
        train, valid = lookalike.load(tmp_path / name)
        np.testing.assert_array_equal(train.images, FEW.images[:40])
        np.testing.assert_array_equal(valid.images, FEW.images[40:50])
        assert load_to_measure(tmp_path / name, part="test").labels.tolist() == FEW.labels[50:].tolist()
    (tmp_path / "odd.csv").write_text(
        table(["fold1"] * 60, LABELS, PIXELS, names=["split", "y", *numbered(64)])
    )
    with pytest.raises(DataError, match="a part called 'fold1'"):
        lookalike.load(tmp_path / "odd.csv")


def kaggle():
    """Return Kaggle's files of pixels by name."""
    return {
        "train.csv": table(LABELS, PIXELS, names=["label", *numbered(64)]),
        "test.csv": table(PIXELS, names=numbered(64)),
        "sample_submission.csv": "ImageId,Label\n1,0\n2,0\n",
    }


def test_kaggles_files_both_ways(tmp_path):
    for name, text in kaggle().items():
        (tmp_path / name).write_text(text)
    check(tmp_path / "train.csv")
    for name in ("train.csv", "test.csv"):
        np.testing.assert_array_equal(lookalike.read_images(tmp_path / name, (8, 8)).images, FEW.images)
    with pytest.raises(DataError, match=r"test\.csv' has no column of labels, as lookalike predict takes it"):
        lookalike.load(tmp_path / "test.csv")
    with zipfile.ZipFile(tmp_path / "digit-recognizer.zip", "w") as archive:
        for name, text in kaggle().items():
            archive.writestr(name, text)
    for place in (tmp_path, tmp_path / "digit-recognizer.zip"):
        if place == tmp_path:
            continue
        found = check(place)
        assert found.source.notes[0] == (
            "Tables without labels were left out: 'sample_submission.csv', 'test.csv'."
        )


def test_tables_called_by_their_part_are_the_parts(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "mnist_train.csv").write_text(table(LABELS, PIXELS))
    (folder / "mnist_test.csv").write_text(table(LABELS[:30], PIXELS[:30], names=["label", *numbered(64)]))
    train, valid = lookalike.load(folder)
    np.testing.assert_array_equal(train.images, FEW.images)
    np.testing.assert_array_equal(valid.images, FEW.images[:30])
    assert valid.source.part == "test"
    (folder / "train.csv").write_text(table(LABELS, PIXELS))
    with pytest.raises(DataError, match="two tables of its train part"):
        lookalike.load(folder)


def write_images(folder, count=6, name="{}.png"):
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(count):
        (folder / name.format(place)).write_bytes(encoded(gray(place)))


SIX = np.stack([gray(place) for place in range(6)])
NAMES = ["cat", "dog", "a cat", "dog", "cat", "dog"]


@pytest.mark.parametrize("where", ["", "images", "train"])
@pytest.mark.parametrize("named", ["{}.png", "{}", "whole"])
@pytest.mark.parametrize("names", [["filename", "label"], ["id", "breed"], ["Image", "Class"], None])
def test_files_and_their_labels(tmp_path, where, named, names):
    write_images(tmp_path / where)
    named = f"{where}/{{}}.png".lstrip("/") if named == "whole" else named
    files = [named.format(place) for place in range(6)]
    (tmp_path / "labels.csv").write_text(table(files[::-1], NAMES[::-1], names=names))
    if names is None and named == "{}":
        return
    for path in (tmp_path, tmp_path / "labels.csv"):
        found = check(path, NAMES[::-1], SIX[::-1])
        assert found.names[0] == f"{where}/5.png".lstrip("/")
    found = lookalike.read_images(tmp_path / "labels.csv", (4, 3))
    np.testing.assert_array_equal(found.images, SIX[::-1])


def test_files_with_splits(tmp_path):
    write_images(tmp_path / "images")
    split = ["train", "train", "train", "train", "val", "test"]
    files = [f"{place}.png" for place in range(6)]
    (tmp_path / "meta.csv").write_text(
        table(files, NAMES, split, COUNT[:6], names=["file", "class", "split", "width"])
    )
    train, valid = lookalike.load(tmp_path)
    np.testing.assert_array_equal(train.images, SIX[:4])
    np.testing.assert_array_equal(valid.images, SIX[4:5])


def test_what_a_table_of_files_leaves_out_is_said(tmp_path):
    (tmp_path / "images").mkdir()
    for place in range(8):
        (tmp_path / "images" / f"{place}.png").write_bytes(encoded(gray(place)))
    lines = [f"{place},{place}.png,{'ab'[place % 2]},1,2" for place in range(6)]
    (tmp_path / "boxes.csv").write_text("\n".join(["id,filename,class,xmin,ymin", *lines]))
    for path in (tmp_path, tmp_path / "boxes.csv"):
        found = load_to_fit(path)
        assert len(found) == 6
        assert found.source.notes == (
            "Images are taken whole, whatever the columns 'xmin', 'ymin' say.",
            "2 images were left out, in no line of a table: 'images/6.png', 'images/7.png'.",
        )
    lines = [f"{place}.png,{'ab'[place % 2]}" for place in range(8)]
    for part, few in (("train", lines[:4]), ("test", lines[4:])):
        (tmp_path / f"{part}.csv").write_text("\n".join(["filename,class", *few]))
    (tmp_path / "boxes.csv").unlink()
    assert [note for note in load_to_fit(tmp_path).source.notes if "left alone" not in note] == []


def test_kaggles_folders_of_images(tmp_path):
    """Two folders with the same file names, a table for each, and one that labels nothing."""
    write_images(tmp_path / "train")
    write_images(tmp_path / "test", 2)
    files = [f"{place}.png" for place in range(6)]
    (tmp_path / "train.csv").write_text(table(files, NAMES, names=["id", "label"]))
    (tmp_path / "sample_submission.csv").write_text(table(files[:2], ["cat"] * 2, names=["id", "label"]))
    (tmp_path / "notes.csv").write_text('a,"b\n')
    found = check(tmp_path, NAMES, SIX)
    assert found.names[0] == "train/0.png"
    assert "Tables without labels were left out: 'notes.csv', 'sample_submission.csv'." in found.source.notes
    np.testing.assert_array_equal(lookalike.read_images(tmp_path / "train.csv", (4, 3)).images, SIX)


def test_hugging_faces_metadata(tmp_path):
    for part, count in (("train", 6), ("test", 3)):
        write_images(tmp_path / part, count)
        files = [f"{place}.png" for place in range(count)]
        (tmp_path / part / "metadata.csv").write_text(
            table(files, NAMES[:count], names=["file_name", "label"])
        )
    train, valid = lookalike.load(tmp_path)
    np.testing.assert_array_equal(train.images, SIX)
    np.testing.assert_array_equal(valid.images, SIX[:3])
    assert valid.labels.tolist() == NAMES[:3]


def test_folders_that_are_classes_win_over_a_table(tmp_path):
    for name in ("cat", "dog"):
        write_images(tmp_path / name, 3)
    (tmp_path / "labels.csv").write_text("filename,label\ncat/0.png,x\ndog/0.png,y\n")
    assert lookalike.load(tmp_path)[0].class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,label\n0.png,a\n9.png,b\n", r"names the image '9\.png', which is not there"),
        ("filename,label\n0.png,a\n0.png,b\n", r"names '0\.png' twice"),
        ("filename,label\n../0.png,a\n1.png,b\n", r"names the image '\.\./0\.png', which is not there"),
        ("filename,label\n/etc/0.png,a\n1.png,b\n", r"which is not there"),
        ("filename,label\n0.png,\n1.png,b\n", r"has the label ''"),
        ("filename,label\n0.png,a,b\n1.png,b\n", r"columns"),
        (
            "filename,size,who\n0.png,1,2\n1.png,2,3\n",
            r"has 'size', 'who' beside its files: .* --label-column",
        ),
        ("filename\n0.png\n1.png\n", r"has no column of labels"),
    ],
)
def test_what_is_wrong_with_files_is_said(tmp_path, text, message):
    write_images(tmp_path, 2)
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        lookalike.load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "data",
    [
        b"label,pixel0\n1,\x002\n",
        b'label,pixel0\n"1,2\n1,2\n' * 50,
        b"1," + b"9" * 200_000 + b"\n",
        b"0," * 10**6 + b"0\n",
        b"," * (2**24 + 1),
        b'"' + b"a" * 10**6 + b'"\n',
        b'"\n' * 10**6,
        b"label,pixel0\n" + b"3,nan\n4,inf\n",
        b"label,pixel0\n" + b"3,1e400\n4,1_0\n",
        b"\xff\xfe" + b"1,2\n" * 5 + b"\n",
        b"\xff\xfe\x00\xd8",
        b"pixels\n" + b"1 2 3 4 " * 20_000 + b"\n",
        b"label,0\xd9\xa3\n1,\xd9\xa3\n",
        b"label," + b",".join(b"p" + b"9" * 5000 for _ in range(4)) + b"\n1,2,3,4,5\n",
    ],
    ids=range(14),
)
def test_hostile_tables_are_refused_in_a_line(tmp_path, data):
    path = tmp_path / "a.csv"
    path.write_bytes(gzip.compress(data))
    reads = [lookalike.load, lambda path: lookalike.read_images(path, (1, 1))]
    for read in reads:
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(caught.value).isprintable()


def test_a_long_table_is_not_held_as_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table(["1"] * 3000, ["0," * 783 + "255"] * 3000))
    size = path.stat().st_size
    tracemalloc.start()
    found = lookalike.read_images(path, (28, 28), label_column="first", header=False)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The file itself, the images twice, and a block of lines.
    assert most < size + 2 * found.images.nbytes + 2**25


def test_options_for_what_is_no_table_are_refused(tmp_path):
    with pytest.raises(InputError, match="label_column and header are for tables"):
        lookalike.load("digits", label_column="first")
    for wrong in ({"label_column": 3}, {"label_column": ""}, {"header": "no"}):
        with pytest.raises(InputError, match="expected"):
            lookalike.load("digits", **wrong)
    (tmp_path / "a.csv").write_text(table(LABELS, PIXELS))
    with pytest.raises(DataError, match="no one column 'label' \\(nothing names its columns\\)"):
        lookalike.load(tmp_path / "a.csv", label_column="label")
    with pytest.raises(DataError, match="has no column of labels"):
        lookalike.load(tmp_path / "a.csv", label_column="none", size=(5, 13))


def test_utf_16_is_read(tmp_path):
    text = table([f"é{one}" for one in LABELS], PIXELS, names=["label", *numbered(64)], delimiter="\t")
    (tmp_path / "a.tsv").write_bytes(text.encode("utf-16"))
    check(tmp_path / "a.tsv", [f"é{one}" for one in LABELS])
