"""An audit as a whole: what was planted is found, nothing crashes, and what is done can be undone."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import lookalike
from lookalike.audit.findings import COLUMNS, KINDS, Verdict, changed, read_csv
from lookalike.audit.neighbours import Neighbours
from lookalike.audit.oddities import find_oddities
from lookalike.audit.suspects import find_suspects
from lookalike.errors import DataError, InputError, LabelWarning


@pytest.fixture(scope="module")
def dirty(digits):
    """Return digits with one fault of each kind, and where they are."""
    train, valid = digits
    images, labels = train.images.copy(), train.labels.copy()
    labels[100:110] = (labels[100:110] + 3) % 10
    images[3] = 0
    images[8] = 255 - images[8]
    images[10], labels[10] = valid.images[0], valid.labels[0]
    images[20], labels[20] = images[21], (labels[21] + 1) % 10
    return replace(train, images=images, labels=labels), valid


@pytest.fixture(scope="module")
def found(dirty):
    return lookalike.audit(*dirty)


def of_kind(found, kind):
    return {one.places[0] for one in found.issues if one.kind == kind}


def test_what_was_planted_is_found(found, digits):
    # Two eights that are called ones look a little like ones.
    planted = set(range(100, 110)) - {102, 105}
    assert of_kind(found, "label") >= planted
    assert of_kind(found, "blank") == {3}
    assert of_kind(found, "polarity") == {8}
    assert 10 in of_kind(found, "leak")
    assert of_kind(found, "contradiction") & {20, 21}
    assert (found.label_quality[[*planted]] < 0.8).all()
    assert found.label_quality[[*planted]].mean() < 0.5
    assert found.label_quality.mean() > 0.97
    rather = {one.places[0]: one.label for one in found.issues if one.kind == "label"}
    assert all(rather[place] == digits.train.labels[place] for place in planted)


def test_images_of_the_same_values_are_told_from_those_that_are_nearly_so(digits):
    """Where many are nearly the same, those that are the same may go, and are shown first."""
    train = digits.train.take(np.r_[0:60])
    near = np.clip(train.images[5] * 0.9, 0, 255).astype(np.uint8)
    images = np.concatenate([train.images, near[None], train.images[[5]], near[None]])
    labels = np.r_[train.labels, np.repeat(train.labels[5], 3)]
    whole = lookalike.LabelledImages.from_numpy(images, labels)
    said = [
        (one.places, one.why, one.action) for one in lookalike.audit(whole).issues if one.kind == "duplicate"
    ]
    assert said == [
        ((61, 5), "the same values as another", "drop"),
        ((62, 60), "the same values as another", "drop"),
        ((60, 5), "nearly the same as another", "look"),
    ]
    valid = lookalike.LabelledImages.from_numpy(images[[60, 5]], labels[[60, 5]])
    leaks = [one for one in lookalike.audit(whole.take(np.r_[0:60]), valid).issues if one.kind == "leak"]
    assert [(one.places, one.why, one.action) for one in leaks] == [
        ((5, 61, 60), "the same values as an image of the valid part", "drop")
    ]


def test_findings_are_worst_first_and_told_in_every_form(found):
    kinds = [one.kind for one in found.issues]
    assert kinds == sorted(kinds, key=[*KINDS].index)
    facts = json.loads(found.to_json())
    assert facts["counts"] == found.counts
    assert len(facts["findings"]) == len(found.issues)
    assert facts["parts"] == {"train": 1438, "valid": 359}
    assert "Expected share of wrong labels" in str(found)
    assert "<table" in found._repr_html_()
    assert found.plot().get_ylabel() == "images"


def test_leaks_change_the_score_that_is_told(found, dirty):
    train, valid = dirty
    rows = {row.name: row for row in found.leaks}
    row = rows["nearest-l2"]
    copies = {other for one in found.issues if one.kind == "leak" for other in one.places[1:]}
    assert row.everything.n == len(valid)
    assert row.without.n == len(valid) - len(copies)
    fitted = lookalike.NearestImages(metric="l2").fit(train.images, train.labels)
    kept = np.isin(np.arange(len(train), len(train) + len(valid)), [*copies], invert=True)
    right = fitted.predict(valid.images) == valid.labels
    assert (row.everything.hits, row.without.hits) == (right.sum(), right[kept].sum())


def test_blame_names_whom_it_misled(found):
    assert found.blame.held_out
    assert found.blame.removed.size
    for one in found.issues:
        if one.kind == "blame":
            assert found.blame.gained[one.places[0]] >= 1
            assert all(found.parts[other] == "valid" for other in one.places[1:])


def test_a_table_says_one_thing_of_each_image(found):
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert tuple(rows[0]) == COLUMNS
    assert len({(row["part"], row["image"]) for row in rows}) == len(rows)
    by_name = {row["image"]: row for row in rows if row["part"] == "train"}
    assert by_name[found.images.names[3]]["action"] == "drop"


def test_applied_changes_leave_the_images_alone(found, dirty, digits):
    before = dirty[0].sha256(), dirty[1].sha256()
    train, valid = found.apply()
    assert (dirty[0].sha256(), dirty[1].sha256()) == before
    dropped = {one.places[0] for one in found.issues if one.action == "drop"}
    assert len(train) + len(valid) == len(found.images) - len(dropped)
    labels = dict(zip(train.names, train.labels.tolist(), strict=True))
    names = dirty[0].names
    relabelled = {one.places[0] for one in found.issues if one.action == "relabel"}
    assert {103, 104, 106, 107, 108} <= relabelled
    for place in range(100, 110):
        wanted = digits.train.labels if place in relabelled else dirty[0].labels
        assert labels[names[place]] == wanted[place]
    assert train.source.notes[-1].startswith(f"train: {len(train):,} of 1,438 images kept")


def edited(found, tmp_path, change):
    rows = list(csv.reader(io.StringIO(found.to_csv())))
    change(rows)
    path = tmp_path / "findings.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_an_edited_table_is_what_is_applied(found, dirty, tmp_path):
    def keep_all_but_one(rows):
        for row in rows[1:]:
            row[5:7] = ["keep", ""]
        rows[1][5:7] = ["relabel", "new class"]

    path = edited(found, tmp_path, keep_all_but_one)
    train, valid = found.apply(path)
    assert len(train) == 1438
    assert len(valid) == 359
    assert (train.labels == "new class").sum() + (valid.labels == "new class").sum() == 1


@pytest.mark.parametrize(("label", "expected", "said"), [
    (" 2 ", "2", "1 relabelled"),
    ("2", "2", "1 relabelled"),
    ("two", "two", "1 relabelled; of new classes: 'two'"),
])  # fmt: skip
def test_a_label_that_was_typed_is_one_that_is_known_or_said_to_be_new(digits, label, expected, said):
    train = replace(digits.train.take(np.r_[0:9]), names=tuple("abcdefghi"))
    cleaned, sentence = changed(train, [Verdict(train.source.part, "c", "relabel", label)])
    assert str(cleaned.labels[2]) == expected
    assert sentence.endswith(said)


@pytest.mark.parametrize(("change", "message"), [
    (lambda rows: rows[1].__setitem__(5, "burn"), "has the action 'burn'"),
    (lambda rows: rows[1].__setitem__(slice(5, 7), ["relabel", ""]), "with relabel a label"),
    (lambda rows: rows[0].__setitem__(5, "deed"), "is no table of findings"),
    (lambda rows: rows.extend([*rows[1][:5], "relabel", n, *rows[1][7:]] for n in "ab"), "says two"),
])  # fmt: skip
def test_a_table_that_cannot_be_meant_is_refused(found, tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        found.apply(edited(found, tmp_path, change))


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_table_that_a_spreadsheet_saved_is_read(between):
    rows = [["data", "part", "image", "action", "new_label"], ["d", "train", "a;,b", " Drop ", ""]]
    text = io.StringIO()
    csv.writer(text, delimiter=between, lineterminator="\r\n").writerows(rows)
    assert read_csv(text.getvalue().encode("utf-8-sig")) == ("d", (Verdict("train", "a;,b", "drop", ""),))


def test_a_table_of_two_sets_or_in_another_encoding_is_refused():
    head = "data,part,image,action,new_label\n"
    with pytest.raises(DataError, match=r"is of 'a', 'b': expected the findings of one data set"):
        read_csv(f"{head}a,train,1,drop,\nb,train,1,drop,\n".encode())
    with pytest.raises(DataError, match="saves it as CSV UTF-8"):
        read_csv(f"{head}a,train,é,drop,\n".encode("latin-1"))


def test_a_table_of_other_images_is_refused(found, tmp_path):
    path = edited(
        found, tmp_path, lambda rows: rows[1].__setitem__(slice(2, 6), ["none", "label", "1", "drop"])
    )
    with pytest.raises(InputError, match="no image of the train part is called 'none'"):
        found.apply(path)


noise = np.random.default_rng(0).integers(0, 256, (24, 8, 8), np.uint8)


@pytest.mark.filterwarnings("ignore::lookalike.errors.LookalikeWarning")
@pytest.mark.parametrize(("images", "labels", "said"), [
    (noise, np.zeros(24, int), "All images are of one class"),
    (noise, np.arange(24), "24 of 24 labels could not be judged"),
    (np.repeat(noise[:1], 24, axis=0), np.arange(24) % 2, None),
    (np.concatenate([noise[:12], noise[:12]]), np.arange(24) // 12, None),
    (noise[:1], np.zeros(1, int), "All images are of one class"),
    (noise[:2], np.arange(2), "2 of 2 labels could not be judged"),
    (np.zeros((6, 8, 8), np.uint8), np.arange(6) % 2, None),
    (noise[:, :1, :1], np.arange(24) % 2, None),
    (noise[:, :1], np.arange(24) % 2, None),
    (noise, np.array(["a,b", "=1+1", "<b>", "new\nline", "\x1b[31m", ""] * 4), None),
], ids=["one class", "one image a class", "all the same", "clash", "one", "two", "blank", "a pixel", "a row",
        "odd names"])  # fmt: skip
def test_bad_sets_are_answered(images, labels, said):
    found = lookalike.audit(images, labels)
    assert said is None or any(said in note for note in found.notes)
    assert np.isfinite(found.label_quality).all()
    assert len(found.label_quality) == len(images)
    str(found), found.to_json(), found.to_csv()


def test_copies_of_an_image_are_one_of_its_class():
    copied = np.concatenate([noise[:10], np.repeat(noise[10:13], 3, axis=0)])
    found = lookalike.audit(copied, np.repeat(["many", "few"], [10, 9]))
    assert [one.why for one in found.issues if one.kind == "few"] == [
        "class 'few' has 3 of at least 5 images that are needed to judge it, of 9 with copies"
    ]


def test_an_image_of_one_pixel_is_not_blank():
    assert "blank" not in lookalike.audit(noise[:, :1, :1], np.arange(24) % 2).counts


def test_one_image_is_enough_to_pick_by():
    assert len(lookalike.audit(noise[:1], np.zeros(1, int), unlabelled=noise[1:], pick_count=2).picked) == 2


def test_noise_of_images_that_show_nothing_is_like_no_other_and_no_finding(digits):
    some = digits.train.take(slice(0, 40))
    images, distances = some.images.copy(), np.ones((40, 3))
    images[:5] = 120 + np.random.default_rng(0).integers(0, 10, (5, 8, 8))
    distances[:10:3] = 9
    near = Neighbours(np.tile(np.arange(37, 40), (40, 1)), distances, "")
    suspects = find_suspects(near, some.labels)
    odd = find_oddities(replace(some, images=images), np.full(40, "train"), some.labels, near, suspects)
    assert [one.places[0] for one in odd if one.kind == "outlier"] == [6, 9]


def test_labels_are_named_where_all_nearest_agree_though_too_many_look_wrong(digits):
    # Of half of the classes nothing can be told.
    train = digits.train.take(slice(0, 600))
    labels = train.labels.copy()
    unclear = np.flatnonzero(labels >= 5)
    labels[unclear] = np.random.default_rng(0).integers(5, 10, len(unclear))
    wrong = np.flatnonzero(labels < 5)[:4]
    labels[wrong] = (labels[wrong] + 1) % 5
    found = lookalike.audit(replace(train, labels=labels))
    said = [one for one in found.issues if one.kind == "label"]
    assert found.suspects.rate is None
    assert "lie nearer to another class, too many to tell" in str(found)
    assert {one.places[0] for one in said} >= {*wrong.tolist()}
    assert {(one.action, one.score) for one in said} == {("look", None)}
    assert all(one.why.startswith("6 of the 6 nearest") for one in said)


@pytest.mark.parametrize("count", [0, -1, 1.5, "2"])
def test_a_number_to_pick_that_is_none_is_refused(count):
    with pytest.raises(InputError, match="expected how many images to pick, at least 1"):
        lookalike.audit(noise, np.arange(24) % 2, unlabelled=noise, pick_count=count)


@pytest.mark.parametrize("model", ["nearest-l2", lookalike.NearestImages, LogisticRegression()])
def test_a_model_that_is_none_of_ours_is_refused(model):
    with pytest.raises(InputError, match="expected a classifier of lookalike's"):
        lookalike.audit(noise, np.arange(24) % 2, model=model)


def test_labels_that_contradict_everywhere_are_all_named():
    found = lookalike.audit(np.concatenate([noise[:12], noise[:12]]), np.arange(24) // 12)
    assert found.counts["contradiction"] == 12


def test_colours_and_floats_are_audited():
    generator = np.random.default_rng(0)
    images = generator.random((30, 10, 10, 3)) * 0.4
    images[15:, :5] += 0.5
    labels = np.repeat(["a", "b"], 15)
    labels[0] = "b"
    found = lookalike.audit(images, labels)
    assert of_kind(found, "label") == {0} or found.suspects.ranked[0] == 0


@pytest.mark.parametrize(("given", "message"), [
    ((noise,), "labels are missing"),
    ((noise, np.arange(3)), "expected one"),
])  # fmt: skip
def test_bad_input_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        lookalike.audit(*given)


def test_a_model_that_keeps_no_images_is_refused(digits):
    with pytest.raises(InputError, match="MeanImage keeps no training images"):
        lookalike.audit(digits.train, model=lookalike.MeanImage("l2"))


def test_unclear_images_are_picked_first(digits):
    train = digits.train.take(slice(0, 300))
    middle = (train.images[train.labels == 1][0] // 2) + (train.images[train.labels == 8][0] // 2)
    asked = np.concatenate([train.images[:20], middle[None], middle[None]])
    found = lookalike.audit(train, unlabelled=asked, pick_count=3)
    assert found.picked[0] == "20"
    assert "21" not in found.picked
    assert len(found.picked) == 3


def test_parts_that_look_different_drift(digits):
    train, valid = digits
    other = replace(valid, images=valid.images.copy())
    other.images[:, :, 0] = 255
    some = train.take(np.random.default_rng(0).permutation(len(train))[:359])
    assert lookalike.audit(some, other).counts["drift"] == 1
    plain = lookalike.audit(some, valid)
    assert "drift" not in plain.counts


def test_names_that_several_images_have_change_none_of_them(digits):
    train = digits.train.take(slice(0, 60))
    images = train.images.copy()
    images[7] = 0
    found = lookalike.audit(replace(train, images=images, names=("a",) * 60))
    with pytest.raises(InputError, match="several images of the train part are called 'a'"):
        found.apply()


def test_names_that_are_formulas_are_harmless_and_found_again(digits):
    train = digits.train.take(slice(0, 60))
    images = train.images.copy()
    images[7] = 0
    names = tuple(f"=cmd|{place}" for place in range(60))
    found = lookalike.audit(replace(train, images=images, names=names))
    assert "'=cmd|7" in found.to_csv()
    assert "=cmd|7" not in found.apply()[0].names


def test_two_labels_of_one_image_are_no_warning_of_an_audit(recwarn):
    lookalike.audit(np.concatenate([noise[:12], noise[:12]]), np.arange(24) // 12)
    assert not [one for one in recwarn if issubclass(one.category, LabelWarning)]
