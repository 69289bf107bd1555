import ast
import csv
import gzip
import io
import json
import os
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest

import lookalike
from cli_runner import call
from data.making import encoded
from lookalike.data.loose import find
from lookalike.data.readers.folders import write_folder
from lookalike.recognition.recogniser import Recogniser
from lookalike.search.pixels import PixelMatcher


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="session")
def model(tmp_path_factory, digits):
    """Return the file of a model of 8x8 digits."""
    path = tmp_path_factory.mktemp("model") / "digits.lookalike"
    return lookalike.save_model(lookalike.NearestImages().fit(digits.train.images, digits.train.labels), path)


@pytest.fixture(scope="session")
def crops(tmp_path_factory, digits):
    """Return a folder of 30 images with their classes, in folders named after them."""
    folder = tmp_path_factory.mktemp("crops") / "crops"
    write_folder([digits.valid.take(slice(0, 30))], folder)
    return folder / "valid"


def lines(found):
    assert (found.code, found.err) == (0, "")
    return [line.split("\t") for line in found.out.splitlines()]


def pixels_csv(images, labels=None, header=True):
    """Return images as Kaggle's digits are published."""
    rows = images.reshape(len(images), -1).tolist()
    head = [f"pixel{place}" for place in range(len(rows[0]))]
    if labels is not None:
        head = ["label", *head]
        rows = [[label, *row] for label, row in zip(labels.tolist(), rows, strict=True)]
    return "".join(",".join(map(str, row)) + "\n" for row in ([head] if header else []) + rows)


def test_lines_are_names_answers_and_distances(cli, model, crops, digits):
    few = digits.valid.take(slice(0, 30))
    loaded = lookalike.load_model(model)
    distances, _ = loaded.kneighbors(few.images)
    expected = {
        f"{crops}/{label}/{name}.png": [str(answer), f"{far:.4f}"]
        for label, name, answer, far in zip(
            few.labels, few.names, loaded.predict(few.images), distances[:, 0], strict=True
        )
    }
    found = lines(cli("predict", model, crops))
    assert {name: rest for name, *rest in found} == expected
    assert len(found) == 30
    # Folders, and files in them, as people count.
    order = [tuple(map(int, name[:-4].split("/")[-2:])) for name, *_ in found]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "how", ["files", "pattern", "deep pattern", "folders by pattern", "zip", "folder in a zip"]
)
def test_every_way_to_name_images_gives_the_same_answers(cli, model, crops, tmp_path, how):
    zipped = tmp_path / "crops.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in crops.rglob("*.png"):
            archive.write(path, f"inner/{path.relative_to(crops)}")
    sources = {
        "files": [f"{crops}/3/{path.name}" for path in sorted((crops / "3").iterdir())],
        "pattern": [f"{crops}/3/*.png"],
        "deep pattern": [f"{crops}/**/*.png"],
        "folders by pattern": [f"{crops}/*"],
        "zip": [zipped],
        "folder in a zip": [f"{zipped}/inner/3"],
    }
    wanted = crops / "3" if how in ("files", "pattern", "folder in a zip") else crops
    expected = sorted(rest for _, *rest in lines(cli("predict", model, wanted)))
    found = lines(cli("predict", model, *sources[how]))
    assert sorted(rest for _, *rest in found) == expected
    assert len(expected) > 1


def test_a_name_with_a_bracket_is_a_name_first(cli, model, digits, tmp_path):
    path = tmp_path / "a[1].png"
    path.write_bytes(encoded(digits.valid.images[0]))
    (tmp_path / "a1.png").write_bytes(encoded(digits.valid.images[1]))
    ((name, *_),) = lines(cli("predict", model, path))
    assert name == str(path)


def test_standard_input_is_one_image(model, digits):
    ran = subprocess.run(
        [sys.executable, "-m", "lookalike", "predict", model, "-"],
        input=encoded(digits.valid.images[3]),
        capture_output=True,
        check=True,
    )
    name, label, _ = ran.stdout.decode().split("\t")
    assert (name, label) == ("-", str(lookalike.load_model(model).predict(digits.valid.images[3:4])[0]))


def test_standard_input_is_given_once(cli, model, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    found = cli("predict", model, "-", "-")
    assert (found.code, found.out) == (2, "")
    assert "- was given twice" in found.err


def test_json_and_csv_hold_the_same(cli, model, crops):
    facts = json.loads(cli("predict", model, crops, "--json").out)
    rows = list(csv.DictReader(io.StringIO(cli("predict", model, crops, "--csv").out)))
    assert len(facts) == len(rows) == 30
    for fact, row in zip(facts, rows, strict=True):
        assert isinstance(fact["label"], int)
        assert row == {name: str(value) for name, value in fact.items()}


def test_a_kaggle_round_trip(cli, tmp_path, digits):
    train, test = digits.train.take(slice(0, 400)), digits.valid.take(slice(0, 700))
    (tmp_path / "train.csv").write_text(pixels_csv(train.images, train.labels), encoding="utf-8")
    (tmp_path / "test.csv").write_text(pixels_csv(test.images), encoding="utf-8")
    assert cli("fit", tmp_path / "train.csv", "-o", tmp_path / "m", "--idea", "nearest-l2").code == 0
    found = cli("predict", tmp_path / "m", tmp_path / "test.csv", "--kaggle")
    assert (found.code, found.err) == (0, "")
    (tmp_path / "submission.csv").write_text(found.out, encoding="utf-8")
    rows = list(csv.DictReader((tmp_path / "submission.csv").read_text(encoding="utf-8").splitlines()))
    expected = lookalike.NearestImages(metric="l2").fit(train.images, train.labels).predict(test.images)
    assert found.out.startswith("ImageId,Label\n")
    assert [int(row["ImageId"]) for row in rows] == list(range(1, len(test) + 1))
    assert [int(row["Label"]) for row in rows] == expected.tolist()


@pytest.mark.parametrize(
    ("labelled", "header", "packed"),
    [(False, True, False), (False, False, False), (True, True, True), (True, False, False)],
    ids=["pixels", "no header", "labels, gzip", "labels, no header"],
)
def test_every_csv_of_pixels_is_read(cli, model, digits, tmp_path, labelled, header, packed):
    few = digits.valid.take(slice(0, 60))
    text = pixels_csv(few.images, few.labels if labelled else None, header).encode()
    path = tmp_path / ("some.csv.gz" if packed else "some.csv")
    path.write_bytes(gzip.compress(text) if packed else text)
    said = cli("predict", model, path)
    # What was told by the values alone is said.
    assert ("The first column was taken for the labels" in said.err) == (labelled and not header)
    found = [line.split("\t") for line in said.out.splitlines()]
    assert [name for name, *_ in found] == [f"{path}:{number}" for number in range(1, 61)]
    assert [int(label) for _, label, _ in found] == lookalike.load_model(model).predict(few.images).tolist()


def test_kaggle_numbers_one_csv_only(cli, model, crops):
    found = cli("predict", model, crops, "--kaggle")
    assert (found.code, found.out) == (2, "")
    assert "expected that alone" in found.err


def test_a_line_of_json_holds_all_that_one_search_knows(cli, model, crops):
    loaded = lookalike.load_model(model)
    names, images = lookalike.read_images(crops, loaded)
    said = [json.loads(line) for line in cli("predict", model, crops, "--jsonl").out.splitlines()]
    assert [one["image"] for one in said] == list(names)
    assert [one["label"] for one in said] == [one["best"] for one in said] == loaded.predict(images).tolist()
    assert {one["rejected"] for one in said} == {None}
    shares, far = loaded.predict_proba(images), loaded.class_distances(images)
    found = loaded.assess(images, 0.05)
    for row, one in enumerate(said):
        best = one["best"]
        order = sorted(range(10), key=lambda label: (label != best, -shares[row, label], label))
        second = order[1]
        assert one["probability"] == shares[row, best] == shares[row].max()
        assert one["distance"] == far[row, best]
        assert one["p_value"] == min(found.p_values[row, best], 1)
        runner_up = {"label": second, "probability": shares[row, second], "distance": far[row, second]}
        assert one["runner_up"] == runner_up


def test_none_of_these_is_null_in_a_line_of_json_whatever_a_class_is_called(cli, tmp_path, digits):
    few = digits.train.take(slice(0, 200))
    labels = np.where(few.labels < 5, "none of these", "null")
    path = lookalike.save_model(lookalike.NearestImages().fit(few.images, labels), tmp_path / "m")
    (tmp_path / "blank.png").write_bytes(encoded(np.zeros((8, 8), np.uint8)))
    (tmp_path / "known.png").write_bytes(encoded(few.images[0]))
    asked = tmp_path / "blank.png", tmp_path / "known.png"
    out = cli("predict", path, *asked, "--reject", 0.05, "--jsonl", "--quiet").out
    blank, known = map(json.loads, out.splitlines())
    assert (blank["label"], blank["rejected"]) == (None, True)
    assert blank["best"] in ("none of these", "null")
    assert (known["label"], known["rejected"]) == (labels[0], False)


def test_one_class_has_no_runner_up_and_a_rule_of_thumb_no_p_value(cli, tmp_path, digits):
    path = lookalike.save_model(
        lookalike.NearestImages().fit(digits.train.images[:5], ["a"] * 5), tmp_path / "m"
    )
    (tmp_path / "one.png").write_bytes(encoded(digits.train.images[0]))
    said = json.loads(cli("predict", path, tmp_path / "one.png", "--jsonl", "--quiet").out)
    assert (said["runner_up"], said["p_value"], said["probability"]) == (None, None, 1.0)


def test_doubtful_images_are_copied_once_with_their_answers(cli, model, crops, tmp_path, digits):
    folder = tmp_path / "doubtful"
    plain = cli("predict", model, crops).out
    said = ("predict", model, crops, "--reject", 0.5)
    facts = [json.loads(line) for line in cli(*said, "--jsonl").out.splitlines()]
    wanted = {one["image"]: one for one in facts if one["rejected"] or one["probability"] < 0.75}
    assert 0 < len(wanted) < 30
    found = cli(*said, "--keep-doubtful", folder)
    assert (found.code, found.out) == (0, cli(*said).out)
    assert found.err.startswith(f"note: {len(wanted)} doubtful images are in {folder}")
    kept = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert {one["image"] for one in kept.values()} == set(wanted)
    for name, one in kept.items():
        answer = wanted[one["image"]]
        assert one["model"] == "digits"
        assert one["answer"]["best"] == str(answer["best"])
        assert one["answer"]["label"] == (None if answer["rejected"] else str(answer["label"]))
        (_, image), (_, copy) = (
            [batch.names[0], batch.images[0]]
            for path in (one["image"], folder / f"{name}.png")
            for batch in [lookalike.read_images(path, (8, 8))]
        )
        np.testing.assert_array_equal(copy, image)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    # Asked again, at no level: what is answered is as ever, and nothing is written over.
    assert cli("predict", model, crops, "--keep-doubtful", folder).out == plain
    after = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert before.items() <= after.items()


def test_the_folder_of_doubtful_images_is_bounded(cli, model, crops, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.web.uncertain.Uncertain.__init__.__defaults__", (2,))
    folder = tmp_path / "doubtful"
    found = cli("predict", model, crops, "--reject", 0.5, "--keep-doubtful", folder)
    assert (found.code, len(list(folder.glob("*.png")))) == (0, 2)
    assert "2 doubtful images are in" in found.err
    assert "2 is as many as it takes" in found.err


def test_a_folder_that_cannot_be_is_one_line(cli, model, crops, tmp_path):
    (tmp_path / "file").write_text("mine")
    found = cli("predict", model, crops, "--keep-doubtful", tmp_path / "file")
    assert (found.code, found.out, (tmp_path / "file").read_text()) == (2, "", "mine")
    assert f"--keep-doubtful {tmp_path / 'file'} cannot be written" in found.err


@pytest.mark.skipif(os.sep == "\\", reason="names of files cannot hold these characters")
def test_a_shell_can_read_the_lines(cli, tmp_path, digits):
    """Three fields a line, in which a tab and two characters that spell one are told apart."""
    folder = tmp_path / "crops"
    folder.mkdir()
    names = ["a\tb.png", "a\\tb.png", "  a b .png", "c\nd.png"]
    for name in names:
        (folder / name).write_bytes(encoded(digits.valid.images[0]))
    path = lookalike.save_model(
        lookalike.MeanImage().fit(digits.valid.images[:2], ["x\\y", "b"]), tmp_path / "m"
    )
    out = cli("predict", path, folder).out
    script = 'while IFS=$\'\\t\' read -r name label far; do printf "%b\\0%b\\0" "$name" "$label"; done'
    ran = subprocess.run(["bash", "-c", script], input=out.encode(), capture_output=True, check=True)
    read = ran.stdout.decode().split("\0")
    assert sorted(read[:-1:2]) == sorted(f"{folder}/{name}" for name in names)
    assert set(read[1::2]) == {"x\\y"}


@pytest.mark.parametrize("level", [0.05, 0.5])
def test_rejected_images_are_none_of_these(cli, model, crops, level):
    loaded = lookalike.load_model(model)
    known = {row[0]: row[1:] for row in lines(cli("predict", model, crops))}
    found = {row[0]: row[1:] for row in lines(cli("predict", model, crops, "--reject", level))}
    batch = next(find([str(crops)]).batches((8, 8)))
    rejected = dict(zip(batch.names, loaded.answer(batch.images, level).rejected, strict=True))
    assert any(rejected.values()) == (level == 0.5)
    assert found == {
        name: ["none of these", far] if rejected[name] else [label, far]
        for name, (label, far) in known.items()
    }


def test_json_and_csv_have_no_label_where_an_image_is_rejected(cli, model, crops):
    said = ("predict", model, crops, "--reject", 0.5)
    facts = json.loads(cli(*said, "--json").out)
    rows = list(csv.DictReader(io.StringIO(cli(*said, "--csv").out)))
    assert {fact["rejected"] for fact in facts} == {True, False}
    for fact, row in zip(facts, rows, strict=True):
        assert (fact["label"] is None) == fact["rejected"]
        assert row == {name: "" if value is None else str(value) for name, value in fact.items()}


def test_no_class_is_mistaken_for_a_rejection(cli, tmp_path, digits):
    few = digits.train.take(slice(0, 200))
    labels = np.where(few.labels < 5, "none of these", "(none of these)")
    path = lookalike.save_model(lookalike.NearestImages().fit(few.images, labels), tmp_path / "m")
    (tmp_path / "blank.png").write_bytes(encoded(np.zeros((8, 8), np.uint8)))
    found = cli("predict", path, tmp_path / "blank.png", "--reject", 0.05, "--quiet")
    assert found.out.split("\t")[1] == "((none of these))"


def test_a_level_that_few_images_cannot_support_is_said(cli, tmp_path, digits, crops):
    few = digits.train.take(slice(0, 50))
    path = lookalike.save_model(lookalike.NearestImages().fit(few.images, few.labels), tmp_path / "m")
    found = cli("predict", path, crops, "--reject", 0.01)
    assert found.code == 0
    (line,) = found.err.splitlines()
    assert line.startswith("note: --reject 0.01: a rule of thumb, without a promised rate")
    (line,) = cli("predict", path, crops, "--reject", 0.1).err.splitlines()
    assert line.startswith("note: --reject 0.1: of all classes together at most a share of 0.1 is rejected")
    assert cli("predict", path, crops, "--reject", 0.01, "--quiet").err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reject", "0"], "--reject is 0: expected a level above 0 and below 1"),
        (["--reject", "1"], "--reject is 1: expected a level above 0 and below 1"),
        (["--reject", "nan"], "--reject is nan: expected a level"),
        (["--reject", "0.05", "--kaggle"], "--kaggle takes a label for every image"),
    ],
    ids=["0", "1", "nan", "kaggle"],
)
def test_a_reject_that_cannot_be_is_one_line(cli, model, crops, arguments, message):
    found = cli("predict", model, crops, *arguments)
    assert (found.code, found.out) == (2, "")
    assert len(found.err.splitlines()) == 1
    assert message in found.err


@pytest.mark.parametrize("more", [[], ["--reject", 0.05], ["--reject", 0.05, "--json"]], ids=len)
def test_images_are_searched_once(cli, model, crops, tmp_path, monkeypatch, more):
    kept = lookalike.load_model(model)
    kept.rejection_basis()
    path = lookalike.save_model(kept, tmp_path / "m")
    asked = []
    match = PixelMatcher.match
    monkeypatch.setattr(
        PixelMatcher, "match", lambda self, X, *a, **k: asked.append(len(X)) or match(self, X, *a, **k)
    )
    assert cli("predict", path, crops, *more).code == 0
    assert asked == [30]


HEAVY = ("sklearn", "scipy.", "matplotlib", "jinja2", "pandas", "torch", "rich")


@pytest.fixture(scope="session")
def kinds(tmp_path_factory, digits):
    """Return the files of a model of each kind."""
    train = digits.train
    folder = tmp_path_factory.mktemp("kinds")
    for kind in (lookalike.NearestImages, lookalike.DeformableMatch, lookalike.MeanImage):
        fitted = kind().fit(train.images, train.labels)
        fitted.rejection_basis()
        lookalike.save_model(fitted, folder / kind.__name__)
    return folder


@pytest.mark.parametrize("kind", ["NearestImages", "DeformableMatch", "MeanImage"])
@pytest.mark.parametrize(
    "arguments",
    [["predict", "--json"], ["predict", "--reject", "0.05"], ["explain"]],
    ids=" ".join,
)
def test_an_answer_imports_what_compares_images_and_nothing_else(kinds, kind, crops, arguments):
    command, *options = arguments
    words = ["lookalike", command, str(kinds / kind), str(next(crops.rglob("*.png"))), *options]
    code = (
        f"import sys; sys.argv = {words!r}\n"
        "import numba\n"
        "before = set(sys.modules)\n"
        "import contextlib, io\n"
        "from lookalike.cli.main import run\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out: run()\n"
        "assert out.getvalue()\n"
        f"print([name for name in set(sys.modules) - before if (name + '.').startswith({HEAVY!r})])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = ast.literal_eval(ran.stdout)
    # What people read is drawn by Rich.
    assert [name for name in found if arguments != ["explain"] or not name.startswith("rich")] == []


def test_warnings_are_said_once_with_reject_too(cli, model, digits, tmp_path):
    for place in range(12):
        (tmp_path / f"{place}.png").write_bytes(encoded(255 - digits.valid.images[place]))
    (line,) = cli("predict", model, tmp_path, "--reject", 0.05).err.splitlines()
    assert line.startswith("warning: 12 of 12 images are dark on light")
    assert "more like it" not in line


def test_timings_are_told_and_answers_stay(cli, model, crops):
    found = cli("predict", model, crops, "--timings")
    assert found.out == cli("predict", model, crops).out
    assert found.err.startswith("timings: the first image ")
    assert "; 29 more, one at a time: median " in found.err
    assert " ms, 95 % within " in found.err


def test_more_images_than_a_batch_keep_their_order(cli, model, digits, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.data.loose._BATCH_IMAGES", 7)
    path = tmp_path / "some.csv"
    path.write_text(pixels_csv(digits.valid.images[:30]), encoding="utf-8")
    found = cli("predict", model, path, "--kaggle").out.splitlines()
    assert [int(line.split(",")[0]) for line in found[1:]] == list(range(1, 31))
    expected = lookalike.load_model(model).predict(digits.valid.images[:30])
    assert [int(line.split(",")[1]) for line in found[1:]] == expected.tolist()


def test_gray_and_colour_meet_where_that_is_unambiguous(cli, model, digits, tmp_path):
    image = digits.valid.images[5]
    colour = np.repeat(image[..., None], 3, axis=2)
    (tmp_path / "gray.png").write_bytes(encoded(image))
    (tmp_path / "same.png").write_bytes(encoded(colour))
    gray, same = lines(cli("predict", model, tmp_path / "gray.png", tmp_path / "same.png"))
    assert gray[1:] == same[1:]
    coloured = lookalike.MeanImage().fit(np.stack([colour, 255 - colour]), [1, 2])
    ((_, label, distance),) = lines(
        cli("predict", lookalike.save_model(coloured, tmp_path / "c"), tmp_path / "gray.png")
    )
    assert (label, distance) == ("1", "0.0000")
    colour = colour.copy()
    colour[0, 0, 0] ^= 1
    (tmp_path / "red.png").write_bytes(encoded(colour))
    found = cli("predict", model, tmp_path / "red.png")
    assert (found.code, found.out) == (2, "")
    assert "red.png' is colour and the model's images are gray: make it gray" in found.err


def test_other_sizes_are_refused_or_resized(cli, model, digits, tmp_path):
    large = np.kron(digits.valid.images[7], np.ones((3, 2), np.uint8))
    (tmp_path / "large.png").write_bytes(encoded(large))
    found = cli("predict", model, tmp_path / "large.png")
    assert (found.code, found.out) == (2, "")
    assert "is 24 x 16 (height x width) and the model's images are 8 x 8" in found.err
    assert "--resize" in found.err
    ((_, label, _),) = lines(cli("predict", model, tmp_path / "large.png", "--resize"))
    assert label == str(digits.valid.labels[7])


def test_bad_files_are_an_error_unless_they_are_to_be_skipped(cli, model, digits, tmp_path):
    (tmp_path / "1.png").write_bytes(encoded(digits.valid.images[0]))
    (tmp_path / "2.png").write_bytes(encoded(digits.valid.images[1])[:40])
    (tmp_path / "3.png").write_bytes(b"")
    found = cli("predict", model, tmp_path)
    assert (found.code, found.out) == (2, "")
    assert "2.png' is truncated" in found.err
    found = cli("predict", model, tmp_path, "--skip-bad")
    assert found.code == 0
    assert len(found.out.splitlines()) == 1
    assert "2 bad files were skipped" in found.err
    assert "3.png' is not an image" in found.err
    (tmp_path / "1.png").unlink()
    found = cli("predict", model, tmp_path, "--skip-bad", "--csv")
    assert (found.code, found.out) == (2, "")
    assert "none of 2 images can be read" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.png"], "there is no file or folder 'nothing.png'"),
        (["no*thing"], "no file is called like 'no*thing'"),
        (["empty"], "'empty' holds no images"),
        ([""], "there is no file or folder ''"),
        (["a\0b.png"], "a\\x00b.png"),
        (["notes.txt"], "'notes.txt' is not an image"),
        (["short.csv"], "image 0 in 'short.csv' has 3 columns: expected 9"),
        (["words.csv"], "image 0 in 'words.csv' has the pixel 'x'"),
        (["head.csv"], "'head.csv' holds no image"),
        (["notes.txt", "--json", "--csv"], "more than one of"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_one_line_and_exit_2(cli, model, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    head = ",".join(f"pixel{place}" for place in range(9)) + "\n"
    (tmp_path / "short.csv").write_text(head + "1,2,3\n", encoding="utf-8")
    (tmp_path / "words.csv").write_text(head + "1,2,3,4,x,6,7,8,9\n", encoding="utf-8")
    (tmp_path / "head.csv").write_text(head, encoding="utf-8")
    found = cli("predict", model, *arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("lookalike: ")
    assert len(found.err.splitlines()) == 1
    assert message in found.err


def test_a_model_of_rows_is_refused(cli, tmp_path, crops):
    rows = lookalike.NearestImages().fit(np.arange(8.0).reshape(4, 2), [1, 2, 1, 2])
    found = cli("predict", lookalike.save_model(rows, tmp_path / "m"), crops)
    assert found.code == 2
    assert "was fitted on rows of numbers: expected a model of images" in found.err


def test_hostile_names_do_no_harm(cli, tmp_path, digits):
    hostile = "=\x1b[31m\n[red]"
    labels = np.array([hostile, "b"])
    path = lookalike.save_model(lookalike.MeanImage().fit(digits.valid.images[:2], labels), tmp_path / "m")
    folder = tmp_path / "crops"
    folder.mkdir()
    (folder / f"{hostile}.png").write_bytes(encoded(digits.valid.images[0]))
    found = cli("predict", path, folder)
    assert found.code == 0
    assert len(found.out.splitlines()) == 1
    assert "\x1b" not in found.out
    (row,) = csv.DictReader(io.StringIO(cli("predict", path, folder, "--csv").out))
    assert row["label"].startswith("'=\\x1b")
    (fact,) = json.loads(cli("predict", path, folder, "--json").out)
    assert fact["label"] == hostile


def test_each_kind_of_warning_is_one_line(cli, model, crops, monkeypatch):
    predict = Recogniser.predict

    def warning(self, X, **more):
        for _ in range(2):
            warnings.warn(f"{len(X)} images are\x1b[31m odd", lookalike.LookalikeWarning, stacklevel=2)
        warnings.warn("something else", lookalike.LookalikeWarning, stacklevel=2)
        return predict(self, X, **more)

    monkeypatch.setattr(Recogniser, "predict", warning)
    monkeypatch.setattr("lookalike.data.loose._BATCH_IMAGES", 10)
    found = cli("predict", model, crops)
    assert found.code == 0
    assert found.err.splitlines() == [
        "warning: 10 images are\\x1b[31m odd (and 5 more like it)",
        "warning: something else (and 2 more like it)",
    ]
    assert cli("predict", model, crops, "--quiet").err == ""
    found = cli("predict", model, crops, "no-such-file")
    assert len(found.err.splitlines()) == 1


def test_images_of_the_other_polarity_are_answered_and_said(cli, model, digits, tmp_path):
    for place in range(12):
        (tmp_path / f"{place}.png").write_bytes(encoded(255 - digits.valid.images[place]))
    found = cli("predict", model, tmp_path)
    assert (found.code, len(found.out.splitlines())) == (0, 12)
    (line,) = found.err.splitlines()
    assert line.startswith("warning: 12 of 12 images are dark on light")


def test_a_closed_pipe_is_quiet(model, crops):
    code = f"'{sys.executable}' -m lookalike predict '{model}' '{crops}' | head -n 1"
    ran = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert (len(ran.stdout.splitlines()), ran.stderr) == (1, "")


def test_a_table_that_can_be_read_in_two_ways_is_settled_by_options(cli, model, digits, tmp_path):
    few = digits.valid.take(slice(0, 5))
    path = tmp_path / "some.csv"
    path.write_text(pixels_csv(few.images, few.labels, header=False), encoding="utf-8")
    found = cli("predict", model, path)
    assert (found.code, found.out) == (2, "")
    assert "--label-column" in found.err
    said = ("--label-column", "first", "--no-header")
    expected = lookalike.load_model(model).predict(few.images).tolist()
    assert [int(label) for _, label, _ in lines(cli("predict", model, path, *said))] == expected
    own = tmp_path / "own"
    own.write_bytes(model.read_bytes())
    for command in (
        ["evaluate", model, path],
        ["fit", path, "-o", tmp_path / "m", "--idea", "nearest-l2"],
        ["teach", own, path, "--label", "3"],
    ):
        assert (cli(*command).code, cli(*command, *said).code) == (2, 0)
