import numpy as np
import pytest

import lookalike
from cli_runner import call
from data.making import encoded, gray
from lookalike.data.labelled import LabelledImages, Source
from lookalike.data.load import few_of_each
from lookalike.data.pixels import decode_image
from lookalike.data.readers.folders import write_folder
from lookalike.errors import DataError, InputError


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
        (labelled(["a"], ["1"], np.full((1, 4, 5), 0.3)), "images are float64: expected bytes"),
    ],
    ids=["floats"],
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


def test_classes_of_any_name_and_images_of_one_name_are_kept_apart(tmp_path):
    names = ["a/b", "a,b", "a_b", "A:b", 'q"', "é"]
    data = labelled([*names, "a,b"], ["x/1.png", "x/1.png", "1.png", "1.png", "1.png", "1.png", "y/1.png"])
    (note,) = write_folder([data], tmp_path / "out")
    assert "'a,b' to a_b_2, 'a/b' to a_b_3" in note
    assert "'a_b'" not in note
    folders = {path.name: len(list(path.iterdir())) for path in (tmp_path / "out" / "train").iterdir()}
    assert folders == {"a_b": 1, "a_b_2": 2, "a_b_3": 1, "A_b": 1, "q_": 1, "_": 1}
    train, valid = lookalike.load(tmp_path / "out")
    assert len(train) + len(valid) == 7


def test_classes_with_commas_are_named_in_quotes(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("a,b", "c", '"d"'):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "in" / name / f"{number}.png").write_bytes(encoded(gray(number)))
    found = call(monkeypatch, capsys, "data", "export", "in", "out", "--classes", '"a,b",c,"""d"""')
    assert (found.code, "3 classes" in found.out) == (0, True)
    found = call(monkeypatch, capsys, "data", "export", "in", "two", "--classes", 'c, "a,b"')
    assert (found.code, "2 classes" in found.out) == (0, True)
    found = call(monkeypatch, capsys, "data", "export", "in", "three", "--classes", '"a,b')
    assert (found.code, "in double quotes" in found.err) == (2, True)


def exported(monkeypatch, capsys, tmp_path, model, *options):
    """Return what came of the export of a model, and the images that were written, by class and name."""
    lookalike.save_model(model, tmp_path / "m.lookalike")
    found = call(monkeypatch, capsys, "data", "export", tmp_path / "m.lookalike", tmp_path / "out", *options)
    files = sorted((tmp_path / "out").rglob("*.png"))
    return found, {f"{path.parent.name}/{path.stem}": decode_image(path.read_bytes(), "x") for path in files}


def test_a_model_gives_its_images_back(digits, monkeypatch, capsys, tmp_path):
    few = digits.train.take(slice(0, 30))
    model = lookalike.NearestImages().fit(few.images, few.labels)
    (new,) = model.teach(digits.valid.images[:1], [3])
    model.forget([0])
    found, images = exported(monkeypatch, capsys, tmp_path, model)
    assert (found.code, found.err) == (0, "")
    assert f"30 images of {len({*few.labels.tolist(), 3})} classes" in found.out
    expected = {
        f"{label}/{place}": image
        for place, (label, image) in enumerate(zip(few.labels, few.images, strict=True))
    }
    del expected[f"{few.labels[0]}/0"]
    expected[f"3/{new}"] = digits.valid.images[0]
    assert images.keys() == expected.keys()
    assert all((images[name] == image).all() for name, image in expected.items())


def test_some_classes_of_a_model_and_what_it_says_of_preparation(digits, monkeypatch, capsys, tmp_path):
    model = lookalike.NearestImages(prepare="auto").fit(digits.train.images, digits.train.labels)
    found, images = exported(monkeypatch, capsys, tmp_path, model, "--classes", "3,7", "--per-class", "2")
    assert (found.code, len(images)) == (0, 4)
    assert {name[0] for name in images} == {"3", "7"}
    assert "note: Images are as the model keeps them, prepared: " in found.err
    (tmp_path / "out").rename(tmp_path / "before")
    found, _ = exported(monkeypatch, capsys, tmp_path, model, "--classes", "12")
    assert (found.code, "there is no class '12': known are '0'" in found.err) == (2, True)


def test_a_model_that_keeps_no_images_says_so(digits, monkeypatch, capsys, tmp_path):
    model = lookalike.MeanImage().fit(digits.train.images, digits.train.labels)
    found, images = exported(monkeypatch, capsys, tmp_path, model)
    assert (found.code, images) == (2, {})
    assert "m.lookalike keeps no training images, only what was made of them (" in found.err
    rows = lookalike.NearestImages().fit(
        digits.train.images.reshape(-1, 64)[:50] / 255, digits.train.labels[:50]
    )
    with pytest.raises(InputError, match="was fitted on rows of numbers: expected a model of images"):
        lookalike.kept_images(rows)


def test_the_help_names_the_commands_that_there_are(monkeypatch, capsys):
    from lookalike.cli.data import app

    (line,) = [
        line for line in call(monkeypatch, capsys, "--help").out.splitlines() if line.split()[:1] == ["data"]
    ]
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {word.strip(".,") for word in line.split()} >= names
    assert names == {"list", "get", "path", "export", "apply", "clear-cache"}
    assert all(name in call(monkeypatch, capsys, "data", "--help").out for name in names)


def test_clear_cache_says_how_much(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    found = call(monkeypatch, capsys, "data", "clear-cache")
    assert (found.code, found.out) == (0, f"0 bytes freed in {tmp_path / 'cache'}\n")
