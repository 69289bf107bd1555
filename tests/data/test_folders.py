import os
import sys

import numpy as np
import pytest
from making import encoded, gray, write_folder
from PIL import Image

import lookalike
from lookalike import NearestImages, fit_best, load, load_model, read_images, save_model
from lookalike.data.load import load_to_fit, load_to_measure
from lookalike.errors import DataError


def test_a_folder_for_each_class(tmp_path):
    write_folder(tmp_path, {"10": 5, "2": 10})
    train, valid = lookalike.load(tmp_path)
    assert train.class_names == valid.class_names == ("2", "10")
    assert train.labels.dtype == np.int64
    assert train.counts() == {"2": 8, "10": 4}
    assert valid.counts() == {"2": 2, "10": 1}
    assert sorted(train.names + valid.names) == sorted(
        [f"2/{i}.png" for i in range(10)] + [f"10/{i}.png" for i in range(5)]
    )
    for part in (train, valid):
        for image, name in zip(part.images, part.names, strict=True):
            folder, file = name.split("/")
            np.testing.assert_array_equal(image, gray((0 if folder == "10" else 1000) + int(file[:-4])))
    assert train.source.reader == "image folder"
    assert train.source.notes == (
        "There is no validation part: 20% of each class were drawn at random for it (seed 0).",
    )


@pytest.mark.parametrize("train_name", ["train", "Training"])
@pytest.mark.parametrize("valid_name", ["valid", "validation", "VAL", "dev"])
def test_names_of_the_parts(tmp_path, train_name, valid_name):
    write_folder(tmp_path / train_name, {"3": 4, "7": 2})
    write_folder(tmp_path / valid_name, {"3": 1, "7": 3})
    train, valid = lookalike.load(tmp_path)
    assert train.counts() == {"3": 4, "7": 2}
    assert valid.counts() == {"3": 1, "7": 3}
    assert train.names[0] == "3/0.png"
    assert (train.source.part, valid.source.part) == ("train", "valid")
    assert train.source.notes == ()


def test_the_test_part_is_left_alone_or_stands_in(tmp_path):
    write_folder(tmp_path / "train", {"3": 4, "7": 2})
    write_folder(tmp_path / "testing", {"3": 1, "7": 3})
    train, valid = lookalike.load(tmp_path)
    assert (len(train), len(valid), valid.source.part) == (6, 4, "test")
    assert "There is no validation part: the test part stands for it." in train.source.notes
    write_folder(tmp_path / "val", {"3": 1, "7": 1})
    train, valid = lookalike.load(tmp_path)
    assert (len(train), len(valid), valid.source.part) == (6, 2, "valid")
    assert "The test part (4 images) was left alone." in valid.source.notes


def test_the_layout_of_mnist_sample_with_its_strays(tmp_path):
    root = tmp_path / "mnist_sample"
    write_folder(root / "train", {"3": 3, "7": 3})
    write_folder(root / "valid", {"3": 1, "7": 1})
    (root / "labels.csv").write_text("name,label\n")
    (root / "models").mkdir()
    (root / "models" / "tmp.pth").write_bytes(b"\x80\x04 not to be opened")
    (root / "export.pkl").write_bytes(b"\x80\x04 not to be opened")
    (root / "train" / "3" / ".DS_Store").write_bytes(b"")
    (root / "train" / "3" / "Thumbs.db").write_bytes(b"")
    train, valid = lookalike.load(tmp_path)
    assert (len(train), len(valid)) == (6, 2)
    assert train.source.notes == (
        "5 stray files or folders were left out: 'mnist_sample/export.pkl', 'mnist_sample/labels.csv', "
        "'mnist_sample/models/', 'mnist_sample/train/3/.DS_Store', 'mnist_sample/train/3/Thumbs.db'.",
    )
    assert valid.source.notes == train.source.notes


def test_natural_order(tmp_path):
    write_folder(tmp_path / "train", {"a": 12, "b": 1})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    train, _ = lookalike.load(tmp_path)
    assert train.names == (*[f"a/{i}.png" for i in range(12)], "b/0.png")


def test_gray_and_colour_are_made_colour_and_said(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 3})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    colour = gray(9, (4, 3, 3))
    (tmp_path / "train" / "a" / "1.png").write_bytes(encoded(colour))
    train, valid = lookalike.load(tmp_path)
    assert train.images.shape == (6, 4, 3, 3)
    np.testing.assert_array_equal(train.images[1], colour)
    for channel in range(3):
        np.testing.assert_array_equal(train.images[[0, 2], ..., channel], [gray(0), gray(2)])
    assert "Gray and colour images are mixed: 5 gray ones were made colour." in train.source.notes
    np.testing.assert_array_equal(valid.images[0], np.repeat(gray(0)[..., None], 3, axis=2))
    assert (
        "The valid part is gray and the other is colour: its images were made colour." in valid.source.notes
    )


def test_a_bad_file_is_an_error_that_names_it_or_is_skipped_and_listed(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 3})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    (tmp_path / "train" / "a" / "1.png").write_text("no image")
    (tmp_path / "train" / "b" / "0.png").write_bytes(encoded(gray())[:-30])
    with pytest.raises(DataError, match=r"train/a/1\.png' is not an image: expected PNG"):
        lookalike.load(tmp_path)
    train, _ = lookalike.load(tmp_path, skip_bad=True)
    assert train.names == ("a/0.png", "a/2.png", "b/1.png", "b/2.png")
    np.testing.assert_array_equal(train.images[:2], [gray(0), gray(2)])
    np.testing.assert_array_equal(train.labels, ["a", "a", "b", "b"])
    (note,) = train.source.notes
    assert note.startswith("2 bad files were skipped: ")
    assert "train/a/1.png" in note
    assert "train/b/0.png" in note


def test_a_class_of_bad_files_alone_is_an_error(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 1})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    (tmp_path / "train" / "b" / "0.png").write_text("no image")
    with pytest.raises(
        DataError, match=r"no image of class 'b' in .* can be read: 1 bad file was skipped: .*b/0\.png"
    ):
        lookalike.load(tmp_path, skip_bad=True)
    (tmp_path / "valid" / "a" / "0.png").write_text("no image")
    (tmp_path / "valid" / "b" / "0.png").write_text("no image")
    (tmp_path / "train" / "b" / "0.png").write_bytes(encoded(gray()))
    with pytest.raises(DataError, match=r"none of 2 images in .* can be read: .*a/0\.png"):
        lookalike.load(tmp_path, skip_bad=True)


def test_an_empty_class_is_an_error(tmp_path):
    write_folder(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match=r"class 'c' in .* has no image: add some"):
        lookalike.load(tmp_path)
    (tmp_path / "c" / "scan.ico").write_bytes(b"II*\0")
    with pytest.raises(DataError, match=r"class 'c' in .* has no image \('c/scan\.ico'\)"):
        lookalike.load(tmp_path)


def test_one_class_and_none(tmp_path):
    with pytest.raises(DataError, match=r"; it holds no files at all$"):
        lookalike.load(tmp_path)
    for name in ("a.heic", "b.HEIC", "c.txt", "LICENCE"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"it holds 2 '\.heic', 1 without a suffix, 1 '\.txt'$"):
        lookalike.load(tmp_path)
    write_folder(tmp_path, {"a": 3})
    with pytest.raises(DataError, match=r"has one class only \('a'\): expected at least two"):
        lookalike.load(tmp_path)


def test_images_without_class_folders(tmp_path):
    write_folder(tmp_path, {"a": 3, "b": 3})
    (tmp_path / "loose.png").write_bytes(encoded(gray()))
    with pytest.raises(DataError, match=r"images beside or without class folders \('loose\.png'\)"):
        lookalike.load(tmp_path)


def test_nested_classes_say_what_to_read(tmp_path):
    write_folder(tmp_path / "meter2", {"0": 3, "1": 3})
    write_folder(tmp_path / "meter10", {"0": 3, "1": 3})
    with pytest.raises(DataError, match=r"nested too deep \('meter\d+/\d'\).*for example '.*/meter2'"):
        lookalike.load(tmp_path)
    assert sum(map(len, lookalike.load(tmp_path / "meter2"))) == 6


def test_series_of_photographs_are_not_called_classes(tmp_path):
    write_folder(tmp_path / "cat", {"2024-05": 3, "2024-06": 3})
    write_folder(tmp_path / "dog", {"monday": 3})
    with pytest.raises(DataError, match=r"where '(cat|dog)' is a class, .* --nested\)$"):
        lookalike.load(tmp_path)


def test_parts_without_train_twice_or_with_another_class(tmp_path):
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    with pytest.raises(DataError, match="has a valid part but none to train on: add train/"):
        lookalike.load(tmp_path)
    write_folder(tmp_path / "train", {"a": 2})
    with pytest.raises(DataError, match="has one class only"):
        lookalike.load(tmp_path)
    write_folder(tmp_path / "train", {"c": 2})
    with pytest.raises(DataError, match="has the class 'b' in its valid part only"):
        lookalike.load(tmp_path)
    write_folder(tmp_path / "val", {"a": 1, "b": 1})
    with pytest.raises(DataError, match="has two valid parts"):
        lookalike.load(tmp_path)


def test_a_class_may_be_called_train(tmp_path):
    write_folder(tmp_path, {"train": 3, "plane": 3})
    assert lookalike.load(tmp_path)[0].class_names == ("plane", "train")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_do_not_leave_the_folder(tmp_path):
    root = write_folder(tmp_path / "set", {"a": 3, "b": 3})
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(gray()))
    (root / "a" / "inner.png").symlink_to(root / "a" / "0.png")
    assert sum(map(len, lookalike.load(root))) == 7
    (root / "a" / "outer.png").symlink_to(secret)
    with pytest.raises(DataError, match=r"a/outer\.png' is a link that leaves the folder"):
        lookalike.load(root)
    (root / "a" / "outer.png").unlink()
    (root / "again").symlink_to(root)
    train, _ = lookalike.load(root)
    assert "1 stray file or folder was left out: 'again/'." in train.source.notes


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_read(tmp_path):
    write_folder(tmp_path, {"a": 3, "b": 3})
    os.mkfifo(tmp_path / "a" / "pipe.png")
    with pytest.raises(DataError, match=r"a/pipe\.png' is not a regular file"):
        lookalike.load(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", [b"[red]<b>\x1b[31m", b"\xff\xfe", "=1+1\u202e".encode()])
def test_hostile_class_names_are_only_text(tmp_path, name):
    write_folder(tmp_path, {"a": 5, os.fsdecode(name): 5})
    train, valid = lookalike.load(tmp_path)
    assert set(train.class_names) == {"a", os.fsdecode(name)}
    assert valid.counts() == {"a": 1, os.fsdecode(name): 1}
    assert len(train.sha256()) == 64
    os.rename(
        os.path.join(os.fsencode(tmp_path), name, b"0.png"),
        os.path.join(os.fsencode(tmp_path), name, b"x\x1b.txt"),
    )
    train, _ = lookalike.load(tmp_path)
    assert not any("\x1b" in note or "\u202e" in note for note in train.source.notes)
    assert any("left out" in note for note in train.source.notes)


def saved(folder, images, labels, picture):
    """Write images as files of some kind."""
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / str(label) / f"{place}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(image).save(path)


def twelve_bits(image):
    return Image.fromarray(image.astype(np.uint16) * 13 + 400)


def white_on_nothing(image):
    return Image.merge("LA", (Image.new("L", image.shape[::-1], 255), Image.fromarray(image)))


@pytest.mark.parametrize(
    ("picture", "expected", "reading", "note"),
    [
        (
            twelve_bits,
            lambda images: np.floor((images * 13.0 + 400) / 4095 * 255 + 0.5),
            (12, 255),
            "Images of 16 bits were read as 12 bits: white is 4,095.",
        ),
        (
            white_on_nothing,
            lambda images: images,
            (16, 0),
            "Transparent images were laid on black. On white some of them would be blank.",
        ),
    ],
    ids=["twelve bits", "white on nothing"],
)
def test_a_set_says_how_its_files_are_read_and_so_are_those_that_follow(
    digits, tmp_path, monkeypatch, picture, expected, reading, note
):
    monkeypatch.chdir(tmp_path)
    images, labels = digits.train.images[:60], digits.train.labels[:60]
    saved(tmp_path / "set" / "train", images, labels, picture)
    # By themselves, faint ones would be read otherwise, and those that hide nothing as they are.
    faint = images[:20] // 8
    saved(tmp_path / "set" / "valid", faint, labels[:20], picture)
    train, valid = load("set")
    for part, pixels in ((train, images), (valid, faint)):
        np.testing.assert_array_equal(part.images[part_order(part)], expected(pixels))
        assert part.source.reading == reading
        assert note in part.source.notes
    model = NearestImages(prepare=None).fit(train.images, train.labels)
    opened = load_model(save_model(model, "model", data=train))
    for asked in (train, opened, fit_best(train, ideas=["nearest-l2"]).model):
        found = read_images(f"set/valid/{valid.names[3]}", asked)
        np.testing.assert_array_equal(found.images, valid.images[3:4])
    measured = load_to_measure("set", part="valid", reading=opened.recogniser_.reading)
    np.testing.assert_array_equal(measured.images, valid.images)


def part_order(part):
    """Return the places of a part's images in the order of their numbers."""
    return np.argsort([int(name.split("/")[-1].split(".")[0]) for name in part.names])


def test_deep_and_transparent_files_of_the_usual_kind_stay_what_they_were(digits, tmp_path):
    images, labels = digits.train.images[:20], digits.train.labels[:20]
    saved(tmp_path / "deep", images, labels, lambda image: Image.fromarray(image.astype(np.uint16) * 257))
    found = load_to_fit(tmp_path / "deep")
    np.testing.assert_array_equal(found.images[part_order(found)], images)
    assert (found.source.notes, found.source.reading) == ((), (16, 255))
    saved(tmp_path / "plain", images, labels, Image.fromarray)
    assert load_to_fit(tmp_path / "plain").source.reading is None
