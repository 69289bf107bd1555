import numpy as np
import pytest

import lookalike
from cli_runner import call
from data.making import encoded, gray
from lookalike.data.labelled import LabelledImages, Source
from lookalike.data.load import few_of_each
from lookalike.data.pixels import decode_image
from lookalike.data.readers.folders import write_folder
from lookalike.errors import DataError


def labelled(labels, names, images=None, part="train"):
    if images is None:
        images = np.arange(len(labels) * 20, dtype=np.uint8).reshape(-1, 4, 5)
    classes = tuple(sorted({str(label) for label in labels}))
    return LabelledImages(images, np.array(labels), classes, tuple(names), source=Source(part=part))


def test_what_is_written_is_read_back(digits, tmp_path):
    few = few_of_each(digits.train, 3, seed=2)
    write_folder([few, digits.valid], tmp_path / "out")
    train, valid = lookalike.load(tmp_path / "out")
    for found, expected in ((train, few), (valid, digits.valid)):
        assert found.counts() == expected.counts()
        pixels = {
            f"{label}/{name}.png": image
            for label, name, image in zip(expected.labels, expected.names, expected.images, strict=True)
        }
        assert set(found.names) == set(pixels)
        assert all(
            (image == pixels[name]).all() for image, name in zip(found.images, found.names, strict=True)
        )


def test_few_of_each_are_drawn_by_the_seed(digits):
    first, again, other = (few_of_each(digits.train, 5, seed=seed).names for seed in (1, 1, 2))
    assert first == again != other
    assert set(few_of_each(digits.train, 5).counts().values()) == {5}
    assert len(few_of_each(digits.train, 10_000)) == len(digits.train)


def test_hostile_names_stay_in_the_folder(tmp_path):
    data = labelled(["../a", "..", "/b", "é1"], ["../../x.png", "..", "c:\\d.png", "\x1b[31m"])
    (note,) = write_folder([data], tmp_path / "out")
    assert note == (
        "Class names that are no folder's name everywhere were changed: '..' to _, '../a' to _a, '/b' to _b, "
        "'é1' to _1."
    )
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == 4
    assert all(file.startswith("out/train/") and file.isascii() and file.isprintable() for file in files)
    assert all(path.is_relative_to(tmp_path / "out") for path in tmp_path.glob("*/**"))


def test_colour_is_kept(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (1, 4, 5, 3), dtype=np.uint8)
    write_folder([labelled(["a"], ["x.jpg"], images)], tmp_path / "out")
    np.testing.assert_array_equal(decode_image((tmp_path / "out/train/a/x.png").read_bytes(), "x"), images[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (labelled(["a", "a"], ["x/1.png", "y/1.png"]), "two images would be '1.png'"),
        (labelled(["a"], ["1"], np.full((1, 4, 5), 0.3)), "images are float64: expected bytes"),
        (
            labelled(["a?", "b", "a*"], ["1", "2", "3"]),
            r"the classes 'a\*' and 'a\?' would both be in the folder 'a_': name one of them otherwise",
        ),
    ],
    ids=["one name twice", "floats", "one folder for two classes"],
)
def test_nothing_is_left_where_it_fails(tmp_path, data, message):
    with pytest.raises(DataError, match=message):
        write_folder([data], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_called_by_its_own_name(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / ".out.tmp" / "train"))

    monkeypatch.setattr("PIL.Image.Image.save", full)
    with pytest.raises(DataError) as caught:
        write_folder([labelled(["a"], ["1"])], tmp_path / "out")
    assert str(caught.value) == f"{str(tmp_path / 'out')!r} cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_written_over_and_none_is_made_above(tmp_path):
    data = labelled(["a"], ["1"])
    (tmp_path / "there").mkdir()
    with pytest.raises(DataError, match="exists already: name a new folder"):
        write_folder([data], tmp_path / "there")
    with pytest.raises(DataError, match="there is no folder"):
        write_folder([data], tmp_path / "no" / "out")


def test_the_command_says_what_it_wrote(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = call(
        monkeypatch, capsys, "data", "export", "digits", "out", "--per-class", "2", "--classes", "3,7"
    )
    assert (found.code, found.out) == (
        0,
        "out/train\t4 images of 2 classes\nout/valid\t73 images of 2 classes\n",
    )
    assert len(list((tmp_path / "out" / "train").rglob("*.png"))) == 4
    assert "changed" not in found.err
    found = call(monkeypatch, capsys, "data", "export", "digits", "out")
    assert (found.code, found.out) == (2, "")
    assert "'out' exists already" in found.err


def test_the_command_says_which_class_names_it_changed(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("[red]<b>\x1b[31m", "plain"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "in" / name / f"{number}.png").write_bytes(encoded(gray(number)))
    found = call(monkeypatch, capsys, "data", "export", "in", "out")
    assert found.code == 0
    changed = r"were changed: '[red]<b>\x1b[31m' to _red__b___31m."
    assert changed in found.err
    assert {path.name for path in (tmp_path / "out" / "train").iterdir()} == {"_red__b___31m", "plain"}
    assert changed not in call(monkeypatch, capsys, "data", "export", "in", "again", "--quiet").err
