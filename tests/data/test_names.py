"""Class names that look the same, by whatever door they come in; names of zips in other code pages."""

import contextlib
import json
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import encoded, gray

import lookalike
from cli_runner import call
from lookalike.data.load import load_to_fit
from lookalike.errors import DataError, InputError, LabelWarning
from lookalike.text import name_notes, one_form

ONE, TWO = "caf\u00e9", "cafe\u0301"
JOINED = r"The names 'caf\xe9' and 'cafe\u0301' are forms of one text in Unicode: they are one class."


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def as_folder(path, names):
    for number, name in enumerate(names):
        (path / name).mkdir(parents=True, exist_ok=True)
        (path / name / f"{number}.png").write_bytes(encoded(gray(number)))
    return path


def as_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(f"{name}/{number}.png", encoded(gray(number)))
    return path


def as_npz(path, names):
    np.savez(path, x=np.stack([gray(number) for number in range(len(names))]), y=np.array(names))
    return path


def as_parquet(path, names):
    images = [{"bytes": encoded(gray(number)), "path": None} for number in range(len(names))]
    pq.write_table(pa.table({"image": images, "label": list(names)}), path)
    return path


def as_csv(path, names):
    lines = [
        f"{name},{','.join(map(str, gray(number, (2, 2)).ravel()))}" for number, name in enumerate(names)
    ]
    path.write_text("\n".join(["label,pixel0,pixel1,pixel2,pixel3", *lines]), encoding="utf-8")
    return path


DOORS = [
    (as_folder, "set"),
    (as_zip, "set.zip"),
    (as_npz, "set.npz"),
    (as_parquet, "set.parquet"),
    (as_csv, "set.csv"),
]


@pytest.mark.parametrize(("write", "file"), DOORS, ids=[file for _, file in DOORS])
def test_two_forms_of_a_name_are_one_class(tmp_path, write, file):
    path = write(tmp_path / file, [ONE, TWO, "tea", "tea", TWO])
    found = load_to_fit(path)
    assert found.class_names == (ONE, "tea")
    assert found.counts() == {ONE: 3, "tea": 2}
    assert JOINED in found.source.notes
    for wanted in (ONE, TWO):
        assert load_to_fit(path, classes=[wanted, "tea"]).sha256() == found.sha256()
    # One form alone is no collision, and is the same class.
    other = load_to_fit(write(tmp_path / f"other-{file}", [TWO, TWO, "tea", "tea", TWO]))
    assert other.sha256() == found.sha256()
    assert not any("look" in note or "form" in note for note in other.source.notes)


def test_a_name_may_have_another_form_in_another_part(tmp_path):
    as_folder(tmp_path / "train", [ONE, "tea", "cafz"])
    as_folder(tmp_path / "valid", [TWO, "tea"])
    train, valid = lookalike.load(tmp_path)
    assert train.class_names == valid.class_names == ("cafz", ONE, "tea")
    assert valid.labels.tolist() == [ONE, "tea"]
    assert valid.names == (f"{TWO}/0.png", "tea/1.png")
    assert JOINED in train.source.notes


ALIKE = [
    "tea",
    "tea ",
    "\u200btea",
    "\uff34ea",
    "x\u00b2",
    "x2",
    "Tea",
    "3",
    "\uff13",
    "t\u00a0a",
    "t a",
    "a\u2010b",
    "a\u2011b",
]


def test_names_that_only_look_the_same_stay_apart_and_are_said():
    notes = name_notes(ALIKE)
    # The wide T is a T, not a t; a square is no 2.
    assert notes == (
        r"The classes '\u200btea' and 'tea ' and 'tea' look the same and are 3: if one is meant, use one.",
        r"The classes 'Tea' and '\uff34ea' look the same and are 2: if one is meant, use one.",
        r"The classes '3' and '\uff13' look the same and are 2: if one is meant, use one.",
        r"The classes 't a' and 't\xa0a' look the same and are 2: if one is meant, use one.",
        r"The classes 'a\u2010b' and 'a\u2011b' look the same and are 2: if one is meant, use one.",
    )
    many = [f"{number}{end}" for number in range(9) for end in ("", " ")]
    assert len(name_notes(many)) == 6
    assert name_notes(many)[-1] == "So do 4 more groups of names."


def test_a_set_says_which_names_look_the_same(tmp_path):
    found = load_to_fit(as_npz(tmp_path / "a.npz", ALIKE))
    assert set(found.class_names) == set(ALIKE)
    assert set(name_notes(ALIKE)) <= set(found.source.notes)


@given(st.text(st.characters(codec="utf-8")))
def test_every_form_of_a_name_is_one(name):
    import unicodedata

    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, name)
        assert one_form(other) == one_form(name)
        assert len(name_notes({name, other})) == (name != other)


@pytest.fixture
def images():
    return np.stack([gray(number) for number in range(6)])


def test_fit_teach_and_evaluate_know_every_form(images):
    with pytest.warns(LabelWarning) as said:
        model = lookalike.NearestImages().fit(images[:4], [ONE, TWO, "tea", "tea"])
    assert [str(one.message) for one in said] == [
        "labels were brought to Unicode's normal form NFC: answers are so spelled",
        JOINED,
    ]
    assert said[0].filename == __file__
    assert model.classes_.tolist() == [ONE, "tea"]
    model.teach(images[4:5], [TWO])
    assert model.classes_.tolist() == [ONE, "tea"]
    truth = [TWO, ONE, "tea", "tea", TWO]
    assert model.score(images[:5], truth) == 1
    assert lookalike.evaluate(model, images[:5], truth).accuracy.hits == 5
    with pytest.warns(LabelWarning, match=r"'tea ' and 'tea' look the same and are 2"):
        model.teach(images[5:], ["tea "])
    assert model.classes_.tolist() == [ONE, "tea", "tea "]


def test_objects_and_parts_are_known_in_every_form(images):
    labels = np.array([TWO, "tea"], object)
    model = lookalike.MeanImage()
    with pytest.warns(LabelWarning, match="were brought"):
        model.partial_fit(images[:2], labels, classes=labels)
    model.partial_fit(images[2:3], [ONE], classes=[ONE, "tea"])
    assert model.classes_.tolist() == [ONE, "tea"]
    assert model.classes_.dtype == object


def test_a_model_of_before_is_taught_by_its_own_form(images):
    model = lookalike.NearestImages().fit(images[:2], ["a", "tea"])
    model.recogniser_.labels.classes[:] = [TWO[:1] + "\u0301", "tea"]
    model.teach(images[2:3], ["c\u0301"])
    model.partial_fit(images[3:4], ["\u0107"])
    assert model.classes_.tolist() == ["c\u0301", "tea"]


def test_arrays_with_class_names_in_two_forms(images):
    with pytest.warns(LabelWarning, match="one class"):
        found = lookalike.LabelledImages.from_numpy(images, [0, 1, 2] * 2, class_names=[ONE, TWO, "tea"])
    assert found.class_names == (ONE, "tea")
    assert found.labels.tolist() == [ONE, ONE, "tea"] * 2


def test_compare_and_appraise_know_every_form(images):
    given_images = np.concatenate([images, 255 - images])
    with pytest.warns(LabelWarning, match="one class"):
        found = lookalike.compare(
            (images, [ONE, TWO, "tea"] * 2), (images, [TWO, TWO, "tea"] * 2), ["nearest-l2"]
        )
    assert found.rows[0].evaluation.accuracy.hits == 6
    assert found.rows[0].warnings == ()
    model = lookalike.NearestImages().fit(given_images, [ONE, "tea"] * 6)
    given_labels = np.array([TWO, "tea"] * 6)
    assert lookalike.appraise(model, (given_images, given_labels)).evaluation.accuracy.hits == 12
    made = replace(lookalike.LabelledImages.from_numpy(given_images, given_labels), labels=given_labels)
    assert lookalike.appraise(model, made).evaluation.accuracy.hits == 12


def test_commands_know_every_form(cli, tmp_path):
    path = as_folder(tmp_path / "set", [ONE, ONE, ONE, "tea", "tea", "tea", "oak", TWO])
    model = tmp_path / "m.lookalike"
    done = cli("fit", path, "-o", model, "--idea", "nearest-l2", "--classes", f"{TWO},tea")
    assert done.code == 0
    assert f"note: {JOINED}" in done.err
    taught = cli("teach", model, path / "oak" / "6.png", "--label", TWO)
    assert taught.code == 0
    assert "new class" not in taught.err
    assert json.loads(cli("info", model, "--json").out)["classes"] == {ONE: 5, "tea": 3}
    taught = cli("teach", model, path / "oak" / "6.png", "--label", "tea ")
    assert r"warning: The classes 'tea ' and 'tea' look the same and are 2" in taught.err
    shown = cli("show", path, "--class", TWO)
    assert shown.code == 0


# Names of zips: bytes without a word of what they are.


def write_raw(path, names):
    """Write a zip whose names are these bytes, and are not said to be UTF-8."""
    data = {f"{number}-" + "n" * (len(name) - len(f"{number}-")): name for number, name in enumerate(names)}
    with zipfile.ZipFile(path, "w") as archive:
        for number, placeholder in enumerate(data):
            archive.writestr(placeholder, encoded(gray(number)))
    content = path.read_bytes()
    for placeholder, name in data.items():
        assert content.count(placeholder.encode()) == 2
        content = content.replace(placeholder.encode(), name)
    path.write_bytes(content)
    return path


def in_page(page, *classes):
    return [f"{name}/{number}.png".encode(page) for name in classes for number in range(2)]


def test_names_in_utf_8_need_no_word(tmp_path):
    found = load_to_fit(write_raw(tmp_path / "a.zip", in_page("utf-8", TWO, "数字")))
    assert set(found.class_names) == {ONE, "数字"}
    assert found.source.notes == ()


@pytest.mark.parametrize(
    ("page", "names", "hint"),
    [
        ("gbk", ("数字", "汉字"), "gbk"),
        ("cp932", ("数字", "表示", "ソ"), None),  # of which bytes are backslashes
        ("cp437", (ONE, "Ωmega"), "cp1251"),
        ("cp1251", ("да", "нет"), "cp1251"),
    ],
)
def test_names_in_another_code_page_are_said_and_named(tmp_path, cli, page, names, hint):
    path = write_raw(tmp_path / "a.zip", in_page(page, *names))
    found = load_to_fit(path, zip_encoding=page)
    assert set(found.class_names) == set(names)
    assert found.source.notes == ()
    counted = json.loads(cli("compare", path, "--zip-encoding", page, "--ideas", "nearest-l2", "--json").out)
    assert set(counted["train"]["classes"]) == set(names)
    if hint is None:
        return
    guessed = load_to_fit(path)
    (note,) = guessed.source.notes
    assert note.startswith(f"The code page of names in '{path}' is not known, and cp437 was taken.")
    assert f"in {page} '{names[0]}/0.png'" in note
    assert note.endswith(f"(on the command line: --zip-encoding {hint}).")
    assert list(guessed.counts().values()) == [2] * len(names)
    assert note in cli("compare", path, "--ideas", "nearest-l2").err


def test_a_page_that_names_are_not_in_is_refused(tmp_path):
    path = write_raw(tmp_path / "a.zip", in_page("cp1251", "да", "нет"))
    with pytest.raises(DataError, match=r"are not in utf-8: expected cp437 or cp1251 or cp1252"):
        load_to_fit(path, zip_encoding="utf-8")
    for encoding in ("utf-16", "utf-7", "unicode_escape", "rot13", "no such", "a\0", 8, ""):
        with pytest.raises(InputError, match=r"zip_encoding is .*: expected a code page, for example cp437"):
            load_to_fit(path, zip_encoding=encoding)


@pytest.mark.parametrize("page", [None, "cp932", "gbk", "big5"])
@pytest.mark.parametrize(
    "name", [b"\x83\x5c/../../x.png", b"..\\\x8e\x9a.png", b"\x83\xb9\\..\\x.png", b"/\x8e\x9a.png"]
)
def test_names_that_leave_the_archive_are_refused_in_every_page(tmp_path, name, page):
    path = write_raw(tmp_path / "a.zip", [*in_page("ascii", "aaa", "bbb"), name])
    with pytest.raises(DataError, match=r"a path that leaves it|are not in"):
        load_to_fit(path, zip_encoding=page)


@given(
    st.lists(st.binary(min_size=4, max_size=20), min_size=1, max_size=4, unique=True),
    st.sampled_from([None, "gbk", "cp932"]),
)
def test_any_bytes_are_read_or_refused(tmp_path_factory, names, page):
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    write_raw(path, [*in_page("ascii", "aaa", "bbb"), *names])
    with contextlib.suppress(DataError):
        load_to_fit(path, zip_encoding=page, skip_bad=True)


def test_one_number_written_in_two_ways_is_said():
    # A spreadsheet drops zeros, and pandas writes whole numbers as floats where one is missing.
    notes = name_notes(["1", "01", "1.0", "10", "100", "a1", "0.5", "2"])
    assert notes == (
        "The classes '01' and '1' and '1.0' are one number and are 3: if one is meant, use one.",
    )
    assert not name_notes(["1" * 40, "1" * 39 + "2", "1e1", "10"])
