import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lookalike
from cli_runner import call
from data.making import encoded, gray, write_folder
from lookalike.data.load import load_to_fit
from lookalike.data.pixels import resized
from lookalike.data.sizes import Sizes
from lookalike.errors import InputError, LookalikeWarning


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def digit(number, shape=(20, 12), seed=0):
    """Return a light field with a dark bar, across for 0 and down for 1, that fills any shape alike."""
    image = np.random.default_rng(seed).integers(200, 256, shape, dtype=np.uint8)
    if number:
        image[:, shape[1] // 3 : 2 * shape[1] // 3] = 30
    else:
        image[shape[0] // 3 : 2 * shape[0] // 3] = 30
    return image


def write_crops(root, shapes, labels=(0, 1)):
    """Write one crop of each label in each shape."""
    for label, (place, shape) in itertools.product(labels, enumerate(shapes)):
        (root / str(label)).mkdir(parents=True, exist_ok=True)
        (root / str(label) / f"{place}.png").write_bytes(encoded(digit(label, shape, place)))
    return root


SHAPES = [(20, 12), (20, 12), (21, 12), (20, 13), (19, 12), (20, 12), (22, 14)]


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    return write_crops(tmp_path_factory.mktemp("mixed") / "crops", SHAPES)


@pytest.fixture(scope="session")
def mixed_model(mixed):
    """Return a model file that was fitted on crops of mixed sizes."""
    train = load_to_fit(mixed)
    model = lookalike.NearestImages().fit(train.images, train.labels)
    return lookalike.save_model(model, mixed.parent / "m.lookalike", data=train)


def test_images_are_brought_to_the_median_of_the_training_images(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 2})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1}, shape=(5, 4))
    (tmp_path / "train" / "b" / "2.png").write_bytes(encoded(gray(7, (6, 3))))
    train, valid = lookalike.load(tmp_path)
    assert train.images.shape[1:] == valid.images.shape[1:] == (4, 3)
    np.testing.assert_array_equal(train.images[0], gray(0))
    np.testing.assert_array_equal(train.images[-1], resized(gray(7, (6, 3)), (4, 3)))
    np.testing.assert_array_equal(valid.images[0], resized(gray(0, (5, 4)), (4, 3)))
    said = "Images are of mixed sizes, 4 to 6 pixels high and 3 wide: all were resized to the median, 4 x 3"
    for part in (train, valid):
        assert Counter(said in note for note in part.source.notes)[True] == 1
    assert train.source.sizes == (4, 6, 3, 3, 4, 3, 4 / 3, 2.0)


def test_a_size_that_is_asked_for_is_taken(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 3})
    write_folder(tmp_path / "valid", {"a": 1, "b": 1})
    (tmp_path / "train" / "b" / "2.png").write_bytes(encoded(gray(0, (50, 3))))
    train, valid = lookalike.load(tmp_path, size=(4, 3))
    np.testing.assert_array_equal(train.images[0], gray(0))
    assert any("Images were resized to 4 x 3" in note for note in train.source.notes)
    assert not any("resized" in note for note in valid.source.notes)
    assert (train.source.sizes.most_height, valid.source.sizes) == (50, None)


def test_images_of_one_size_say_nothing(tmp_path):
    train, valid = lookalike.load(write_folder(tmp_path, {"a": 5, "b": 5}))
    assert train.source.sizes is valid.source.sizes is None
    assert not any("resized" in note for part in (train, valid) for note in part.source.notes)


def test_images_to_measure_on_are_brought_to_the_size_of_training_images(tmp_path):
    write_folder(tmp_path / "train", {"a": 2, "b": 2}, shape=(8, 6))
    write_folder(tmp_path / "valid", {"a": 1, "b": 1}, shape=(6, 8))
    train, valid = lookalike.load(tmp_path)
    assert (train.source.sizes, valid.images.shape) == (None, (2, 8, 6))
    assert any("Images were resized to 8 x 6" in note for note in valid.source.notes)
    assert not any("resized" in note for note in train.source.notes)


def test_mixed_sizes_with_bad_files_transparent_ones_and_colour(tmp_path):
    write_folder(tmp_path / "train", {"a": 3, "b": 3}, shape=(8, 8))
    write_folder(tmp_path / "valid", {"a": 1, "b": 1}, shape=(8, 8))
    (tmp_path / "train" / "a" / "1.png").write_bytes(b"bad")
    glyph = np.zeros((9, 8, 4), np.uint8)
    glyph[..., :3] = 255
    glyph[2:5, :, 3] = 255
    (tmp_path / "train" / "b" / "2.png").write_bytes(encoded(glyph))
    train, _ = lookalike.load(tmp_path, skip_bad=True)
    assert (train.images.shape, train.source.reading) == ((5, 8, 8, 3), (16, 0))
    assert train.images[-1].max() > 200
    assert train.images[-1].min() == 0
    kinds = ("mixed sizes", "1 bad file", "4 gray ones were made colour", "laid on black")
    assert all(Counter(kind in note for note in train.source.notes)[True] == 1 for kind in kinds)


sides = st.integers(1, 300)


@given(st.lists(st.tuples(sides, sides), min_size=1, max_size=5), st.tuples(sides, sides))
def test_the_rule_of_sizes_is_its_definition(seen, size):
    ratios = [height / width for height, width in seen]
    ratio = size[0] / size[1]
    expected = (
        all(
            min(lengths) / 2 <= length <= 2 * max(lengths)
            for lengths, length in zip(zip(*seen, strict=True), size, strict=True)
        )
        and ratio >= min(ratios) / 1.5 * (1 - 1e-12)
        and ratio <= 1.5 * max(ratios) * (1 + 1e-12)
    )
    assert Sizes.of(seen).takes(size) == expected
    assert all(map(Sizes.of(seen).takes, seen))


def test_what_a_file_says_of_sizes_is_checked():
    sizes = Sizes.of([(4, 3), (6, 3)])
    assert Sizes.read("sizes", json.loads(json.dumps(list(sizes)))) == sizes
    for wrong in ([1] * 7, [0, *sizes[1:]], [*sizes[:-1], "2"], None, [1.5, *sizes[1:]]):
        with pytest.raises(InputError, match="sizes"):
            Sizes.read("sizes", wrong)


def test_fit_says_it_once_and_keeps_the_rule(cli, mixed, tmp_path):
    path = tmp_path / "m.lookalike"
    found = cli("fit", mixed, "-o", path, "--idea", "nearest-l2")
    assert found.code == 0
    assert found.err.count("mixed sizes") == 1
    assert "19 to 22 pixels high and 12 to 14 wide: all were resized to the median, 20 x 12" in " ".join(
        found.err.split()
    )
    model = lookalike.load_model(path)
    assert model.image_shape_ == (20, 12)
    assert model.recogniser_.sizes == Sizes.of(SHAPES)
    # It stays with what is saved again.
    lookalike.save_model(model, path)
    assert lookalike.load_model(path).recogniser_.sizes == Sizes.of(SHAPES)


@pytest.mark.parametrize("command", ["compare", "curve"])
def test_compare_and_curve_say_it_once(cli, mixed, command):
    found = cli(command, mixed, "--ideas", "mean-image-l2")
    assert found.code == 0
    assert found.err.count("mixed sizes") == 1


@pytest.mark.parametrize("shape", [(20, 12), (21, 13), (17, 10), (26, 17), (39, 24)])
def test_a_crop_a_little_off_is_answered(cli, mixed_model, tmp_path, shape):
    for label in (0, 1):
        (tmp_path / f"{label}.png").write_bytes(encoded(digit(label, shape, 77)))
    found = cli("predict", mixed_model, tmp_path)
    assert (found.code, [line.split("\t")[1] for line in found.out.splitlines()]) == (0, ["0", "1"])
    said = "note: 2 images were resized to 20 x 12 (height x width), as in the fit."
    assert (said in found.err) == (shape != (20, 12))
    model = lookalike.load_model(mixed_model)
    if shape == (20, 12):
        images = lookalike.read_images(tmp_path, model).images
    else:
        with pytest.warns(LookalikeWarning, match="2 images were resized to 20 x 12"):
            images = lookalike.read_images(tmp_path, model).images
    np.testing.assert_array_equal(images, [resized(digit(label, shape, 77), (20, 12)) for label in (0, 1)])


@pytest.mark.parametrize("shape", [(12, 20), (200, 120), (8, 5), (20, 20)])
def test_one_of_another_shape_is_refused(cli, mixed_model, tmp_path, shape):
    (tmp_path / "x.png").write_bytes(encoded(digit(1, shape)))
    found = cli("predict", mixed_model, tmp_path / "x.png")
    assert (found.code, found.out) == (2, "")
    said = (
        f"is {shape[0]} x {shape[1]} (height x width) and the model's images are 20 x 12 (made of 19 to 22 "
        "pixels high and 12 to 14 wide): crop it like those, or resize it (on the command line: --resize, "
        "of an audit: --size, of a service: ?resize=true)"
    )
    assert said in found.err
    assert cli("predict", mixed_model, tmp_path / "x.png", "--resize").code == 0


def test_explain_teach_and_evaluate_take_it_too(cli, mixed_model, tmp_path):
    path = tmp_path / "m.lookalike"
    path.write_bytes(mixed_model.read_bytes())
    (tmp_path / "x.png").write_bytes(encoded(digit(1, (23, 13), 5)))
    assert cli("explain", path, tmp_path / "x.png", "--json").code == 0
    assert cli("teach", path, tmp_path / "x.png", "--label", 1).code == 0
    model = lookalike.load_model(path)
    assert (len(model.ids_), model.recogniser_.sizes) == (15, Sizes.of(SHAPES))
    other = write_crops(tmp_path / "other", [(23, 13), (18, 12), (24, 14)])
    found = cli("evaluate", path, other, "--json")
    assert found.code == 0
    assert json.loads(found.out)["accuracy"]["n"] == 6
    assert found.err.count("resized to the median, 20 x 12") == 1
    write_crops(tmp_path / "far", [(12, 20)])
    found = cli("evaluate", path, tmp_path / "far")
    assert (found.code, found.out) == (2, "")
    assert "is 12 x 20 (height x width), far from the images that are fitted on, which are 19 to" in found.err
    assert "give a size for all, size=(20, 12), on the command line --size 20x12" in found.err


def test_a_model_of_one_size_still_refuses_others(cli, tmp_path):
    path = tmp_path / "m.lookalike"
    write_crops(tmp_path / "crops", [(20, 12)] * 4)
    assert cli("fit", tmp_path / "crops", "-o", path, "--idea", "nearest-l2").code == 0
    (tmp_path / "x.png").write_bytes(encoded(digit(1, (21, 12))))
    assert "the model's images are 20 x 12: crop it" in cli("predict", path, tmp_path / "x.png").err


def test_real_sets_of_mixed_sizes_are_fitted_on(shared_data):
    path = shared_data / "real-sets.zip"
    if not path.is_file():
        pytest.skip("LOOKALIKE_DATA has no real-sets.zip")
    import zipfile

    with zipfile.ZipFile(path) as archive:
        sets = sorted({name.split("/")[0] for name in archive.namelist()})
    for one in sets:
        train, valid = lookalike.load(path / one, limit=60)
        assert train.images.shape[1:] == valid.images.shape[1:]
