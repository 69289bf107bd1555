"""Images of two classes, and images measured on that were fitted on, against a loop over all pairs."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lookalike
from cli_runner import call
from data.making import encoded
from lookalike.data.look import contradictions
from lookalike.errors import LabelWarning
from lookalike.images import digests

IDEAS = ["mean-image-l2", "nearest-l2"]


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=12),
    st.sampled_from([np.uint8, np.float32, np.float64]),
)
def test_contradictions_are_those_of_all_pairs(drawn, kind):
    values, labels = (np.array(column) for column in zip(*drawn, strict=True))
    images = (values[:, None, None] * 51 * np.ones((1, 2, 3))).astype(np.uint8)
    given = images if kind is np.uint8 else (images / 255).astype(kind)
    count, notes = contradictions(digests(given), labels, range(len(labels)))
    clashing = [
        place
        for place in range(len(values))
        if any(values[place] == value and labels[place] != label for value, label in drawn)
    ]
    assert count == len(clashing)
    assert len(notes) == bool(clashing)
    if clashing:
        first = clashing[0]
        other = next(
            place for place in clashing if values[place] == values[first] and labels[place] != labels[first]
        )
        assert f"('{first}' of class '{labels[first]}' and '{other}' of class '{labels[other]}')" in notes[0]
        assert notes[0].startswith(f"{count} of {len(labels)} image")


def test_a_hash_is_the_same_for_bytes_and_for_floats_that_stand_for_them():
    images = np.arange(256, dtype=np.uint8).reshape(16, 4, 4)
    wanted = digests(images)
    assert len(set(wanted.tolist())) == 16
    for kind in (np.float32, np.float64):
        assert (digests((images / 255).astype(kind)) == wanted).all()
    beside = (images / 255).astype(np.float64)
    beside[:, 0, 0] = np.nextafter(beside[:, 0, 0], 2)
    assert not np.isin(digests(beside), wanted).any()
    zeros = np.array([[[0.0, 0.123]], [[-0.0, 0.123]]])
    assert len(set(digests(zeros).tolist())) == 1
    # Of some values that are no bytes, the others are still the same.
    assert digests(beside.astype(np.float32))[0] == digests(beside.astype(np.float32).astype(np.float64))[0]


@pytest.fixture
def parts(digits):
    """Return 60 training images, of which 2 contradict, and 20 to measure on, of which 5 were fitted on."""
    train, valid = digits.train.take(slice(0, 60)), digits.valid.take(slice(0, 20))
    other = next(place for place in range(60) if train.labels[place] != train.labels[0])
    train.images[other] = train.images[0]
    places = [place for place in range(60) if place not in (0, other)][:5]
    valid.images[3:8], valid.labels[3:8] = train.images[places], train.labels[places]
    return train, valid


def test_compare_counts_and_says_them(parts):
    train, valid = parts
    found = lookalike.compare(train, valid, IDEAS)
    assert (found.contradictions, found.leaks) == (2, 5)
    clash, leak = found.notes
    assert clash.startswith("2 of 80 images are the same as an image of another class ('train: 0' of class '")
    assert leak == "5 of 20 images are the same as a training image: what is measured on them is too good."
    assert all(row.warnings == () for row in found.rows)
    assert "copies: 5 measured on are training images, 2 are of two classes" in str(found)
    facts = json.loads(found.to_json())
    assert (facts["contradictions"], facts["leaks"], facts["notes"]) == (2, 5, list(found.notes))
    assert set(found.notes) <= set(lookalike.curve(train, valid, IDEAS[:1], sizes=[1], draws=2).notes)
    # An image measured on that is there to learn from by another class is both.
    valid.labels[3] += 1
    found = lookalike.compare(train, valid, IDEAS[:1])
    assert (found.contradictions, found.leaks) == (4, 5)


def test_the_page_of_a_comparison_says_them(parts, tmp_path):
    found = lookalike.compare(*parts, IDEAS)
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert found.notes[1] in page


def test_nothing_is_said_where_there_is_nothing(digits):
    train, valid = digits.train.take(slice(0, 60)), digits.valid.take(slice(0, 20))
    found = lookalike.compare(train, valid, IDEAS)
    assert (found.contradictions, found.leaks, found.notes) == (0, 0, ())
    assert "copies" not in str(found)
    model = found.rows[1].model
    evaluation = lookalike.evaluate(model, valid.images, valid.labels)
    assert (evaluation.contradictions, evaluation.leaks) == (0, 0)
    assert "copies" not in str(evaluation)


def test_evaluate_and_appraise_count_them(parts):
    train, valid = parts
    with pytest.warns(LabelWarning):
        model = lookalike.DeformableMatch().fit(train.images, train.labels)
    valid.images[10], valid.images[12] = valid.images[11], valid.images[11]
    valid.labels[10:13] = [1, 2, 2]
    found = lookalike.evaluate(model, valid.images, valid.labels)
    assert (found.contradictions, found.leaks) == (3, 5)
    assert "copies: 5 measured on are training images, 3 are of two classes" in str(found)
    assert json.loads(found.to_json())["leaks"] == 5
    whole = lookalike.appraise(model, valid)
    assert (whole.evaluation.contradictions, whole.evaluation.leaks) == (3, 5)
    assert whole.notes[0].startswith("5 of 20 images are the same as a training image")
    assert whole.notes[1].startswith("3 of 20 images are the same as an image of another class")
    with pytest.warns(LabelWarning):
        means = lookalike.MeanImage().fit(train.images, train.labels)
    # It keeps no images, and cannot know.
    assert lookalike.evaluate(means, valid.images, valid.labels).leaks is None


def test_the_same_after_preparation_is_the_same(digits):
    train = digits.train.take(slice(0, 40))
    framed = np.pad(train.images, ((0, 0), (4, 4), (4, 4)))
    model = lookalike.NearestImages(prepare=lookalike.Prepare([lookalike.FitToInk()]))
    model.fit(framed, train.labels)
    moved = np.roll(framed[:9], 2, axis=2)
    assert not np.isin(digests(moved), digests(framed)).any()
    assert lookalike.evaluate(model, moved, train.labels[:9]).leaks == 9


def test_fit_says_contradictions(parts):
    train, _ = parts
    with pytest.warns(LabelWarning, match="2 of 60 images are the same as an image of another class") as said:
        lookalike.NearestImages().fit(train.images, train.labels)
    assert [one.filename for one in said] == [__file__]


def test_the_best_fit_counts_copies_in_other_folds(digits):
    train = digits.train.take(np.r_[0:40, 0:40])
    found = lookalike.fit_best(train, ideas=IDEAS, seed=1)
    folds = lookalike.evaluation.folds.make_folds(train.labels, seed=1).parts
    fold_of = {place: number for number, fold in enumerate(folds) for place in fold.tolist()}
    wanted = sum(fold_of[place] != fold_of[(place + 40) % 80] for place in fold_of)
    assert wanted > 40
    assert (found.comparison.leaks, found.comparison.contradictions) == (wanted, 0)
    assert found.notes[-1].startswith(
        f"{wanted} of 80 images are the same as a training image of another fold:"
    )
    assert json.loads(found.to_json())["out_of_fold"]["leaks"] == wanted
    assert f"copies: {wanted} measured on" in str(found)


def test_the_best_fit_says_contradictions_once(parts):
    found = lookalike.fit_best(parts[0], ideas=IDEAS)
    assert found.comparison.contradictions == 2
    (note,) = [note for note in found.notes if "another class" in note]
    assert note.startswith("2 of 60 images")
    assert all(row.warnings == () for row in found.comparison.rows)


def test_commands_say_them_and_end_well(cli, parts, tmp_path):
    for part in parts:
        for name, image, label in zip(part.names, part.images, part.labels, strict=True):
            folder = tmp_path / "set" / part.source.part / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(encoded(image))
    path, model = tmp_path / "set", tmp_path / "m.lookalike"
    compared = cli("compare", path, "--ideas", "nearest-l2", "--json")
    assert compared.code == 0
    assert json.loads(compared.out)["leaks"] == 5
    assert compared.err.count("5 of 20 images are the same as a training image") == 1
    assert compared.err.count("2 of 80 images are the same as an image of another class") == 1
    fitted = cli("fit", path, "-o", model, "--idea", "nearest-l2")
    assert fitted.code == 0
    assert fitted.err.count("2 of 60 images are the same as an image of another class") == 1
    measured = cli("evaluate", model, path, "--json")
    assert measured.code == 0
    assert json.loads(measured.out)["leaks"] == 5
    assert measured.err.count("5 of 20 images are the same as a training image") == 1
