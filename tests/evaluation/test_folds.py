import copy
import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

import lookalike
from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError
from lookalike.evaluation.folds import FOLDS, MOST_JUDGED, best, fit_best, make_folds
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.evaluation.statistics import Rate
from lookalike.search.mixture.matcher import MixtureMatcher


def labelled(images, labels, groups=None):
    labels = np.asarray(labels)
    names = tuple(str(name) for name in np.unique(labels))
    return LabelledImages(images, labels, names, tuple(map(str, range(len(labels)))), groups)


def random_images(n, seed=0, shape=(6, 5)):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=80),
    seed=st.integers(0, 2**31),
)
def test_every_image_is_judged_once_by_a_model_that_knows_its_class(labels, seed):
    labels = np.array(labels)
    folds = make_folds(labels, seed=seed)
    judged = folds.judged.tolist()
    assert len(set(judged)) == len(judged)
    for part in folds.parts:
        rest = np.setdiff1d(np.arange(len(labels)), part)
        assert set(labels[part].tolist()) <= set(labels[rest].tolist())
    left = np.setdiff1d(np.arange(len(labels)), folds.judged)
    counts = np.bincount(labels)
    # Where a class has two images there are two folds, and these are in different ones.
    assert set(left.tolist()) == set(np.flatnonzero(counts[labels] == 1).tolist())
    assert len(folds.parts) <= min(FOLDS, counts.max())
    for code in np.unique(labels):
        shares = [int((labels[part] == code).sum()) for part in folds.parts]
        if counts[code] > 1:
            assert max(shares) - min(shares) <= 1


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), min_size=2, max_size=60),
    seed=st.integers(0, 1000),
)
def test_no_group_is_in_two_folds(rows, seed):
    labels, groups = np.array(rows).T
    folds = make_folds(labels, groups, seed=seed)
    if len(set(groups.tolist())) == 1:
        assert len(folds.judged) == len(make_folds(labels, seed=seed).judged)
        return
    for one, part in enumerate(folds.parts):
        for other in folds.parts[one + 1 :]:
            assert not set(groups[part].tolist()) & set(groups[other].tolist())
        rest = np.setdiff1d(np.arange(len(labels)), part)
        assert set(labels[part].tolist()) <= set(labels[rest].tolist())
        # The same group in both is of a class that could not be judged in this fold.
        shared = rest[np.isin(groups[rest], groups[part])]
        assert not set(labels[shared].tolist()) & set(labels[part].tolist())


@pytest.mark.parametrize(
    ("n", "parts"), [(100, 5), (2000, 5), (4000, 3), (6000, 2), (10_000, 1), (60_000, 1)]
)
def test_large_sets_are_judged_in_part_and_each_model_sees_four_fifths(n, parts):
    labels = np.arange(n) % 10
    folds = make_folds(labels)
    assert len(folds.parts) == parts
    # Folds are whole images, and of each class: a few more or fewer than asked for.
    assert len(folds.judged) == pytest.approx(min(n, MOST_JUDGED), abs=5)
    assert all(len(part) <= n / 5 for part in folds.parts)
    assert f"{len(folds.judged):,} of {n:,} images were judged" in folds.notes[0]


def test_of_many_small_classes_fewer_folds_are_judged():
    (part,) = make_folds(np.repeat(np.arange(1500), 3)).parts
    assert len(part) == 1500


def test_the_deal_follows_the_seed_alone():
    labels = np.repeat(np.arange(4), 20)
    first, again, other = (make_folds(labels, seed=seed).parts for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_class_with_one_image_is_always_fitted_on_and_said():
    labels = np.array([0] * 5 + [1] * 5 + [2])
    folds = make_folds(labels)
    assert 10 not in folds.judged
    assert folds.notes[-1] == (
        "Always fitted on and not judged: 1 image of class '2', which no other fold has."
    )


def test_answers_are_those_of_models_that_did_not_see_the_image():
    images, labels = random_images(60), np.arange(60) % 3
    found = fit_best(labelled(images, labels), ideas=["nearest-l1", "mean-image-l2"], seed=5)
    folds = make_folds(labels, seed=5)
    for row, model in zip(
        found.comparison.rows, (lookalike.NearestImages(), lookalike.MeanImage("l2")), strict=True
    ):
        expected = np.empty_like(labels)
        for part in folds.parts:
            rest = np.setdiff1d(np.arange(60), part)
            expected[part] = model.fit(images[rest], labels[rest]).predict(images[part])
        assert np.array_equal(row.evaluation.predictions, expected)
        assert row.evaluation.accuracy.hits == (expected == labels).sum()
        assert row.model is None
    # Labels are random: a model that had seen the images would be right about all.
    assert found.comparison.rows[0].evaluation.accuracy.value < 0.6
    assert len(found.comparison.pairs) == 1


def test_judged_images_are_the_ones_that_figures_speak_of():
    images, labels = random_images(12), np.array(["a"] * 5 + ["b"] * 6 + ["c"])
    found = fit_best(labelled(images, labels), ideas=["mean-image-l1"])
    assert found.comparison.valid.names == tuple(map(str, range(11)))
    assert found.comparison.rows[0].evaluation.accuracy.n == 11
    assert np.array_equal(found.comparison.rows[0].evaluation.labels, labels[:11])


class FailsOnFew(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        if not (X == 1).all(axis=1).any():
            raise ValueError("there is no white image")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_an_idea_that_fails_in_one_fold_has_the_reason():
    images, labels = random_images(20), np.arange(20) % 2
    images[7] = 255
    found = fit_best(labelled(images, labels), ideas=[FailsOnFew(), "mean-image-l1"])
    failed, other = found.comparison.rows
    assert (failed.evaluation, failed.error) == (None, "ValueError: there is no white image")
    assert other.evaluation is not None
    assert best(found.comparison) is other


class HoldsOneNumberAnImage(FailsOnFew):
    def fit(self, X, y):
        self.classes_, self.held_ = np.unique(y), np.zeros(len(X))
        return self


class Warns(GaussianNB):
    def fit(self, X, y):
        warnings.warn(f"{int(X.sum())} is odd", lookalike.LookalikeWarning, stacklevel=2)
        warnings.warn("so is this", lookalike.LookalikeWarning, stacklevel=2)
        return super().fit(X, y)


def test_warnings_of_folds_that_differ_by_their_numbers_are_said_once():
    images = random_images(40)
    with pytest.warns(lookalike.LookalikeWarning, match="is odd|so is this"):  # of the fit on all images
        found = fit_best(images, np.arange(40) % 2, [Warns()]).row.warnings
    assert len(found) == 2
    assert re.search(r"\d+ is odd", found[0])
    assert "so is this" in found[1]


def test_the_size_is_that_of_the_last_folds_model():
    # Folds of 3, 2, 2, 2 and 2 images: the last model is fitted on one more than the first.
    found = fit_best(labelled(random_images(11), np.arange(11) % 2), ideas=[HoldsOneNumberAnImage()])
    sizes = [11 - len(part) for part in make_folds(np.arange(11) % 2).parts]
    assert sizes[0] < sizes[-1]
    assert found.row.size_bytes == 8 * (sizes[-1] + 2)  # and the two classes


def test_nothing_can_be_judged_where_every_class_has_one_image():
    assert make_folds(np.arange(3)).parts == ()


def row(name, hits):
    none = np.empty(0)
    accuracy = Rate(hits or 0, 10, 0, 1)
    evaluation = Evaluation(none, none, none, accuracy, None, (), none, none, 0.0)
    measured = hits is not None
    return Row(
        name, name, "ours", evaluation if measured else None, None if measured else "why", (), 0, 0, None
    )


@pytest.mark.parametrize(
    ("hits", "expected"), [((3, 9, 7), "1"), ((9, 3, 9), "2"), ((5, 5, None), "1"), ((0, 0, 0), "2")]
)
def test_the_best_has_the_most_right_and_of_equals_it_is_the_last(hits, expected):
    rows = tuple(row(str(place), one) for place, one in enumerate(hits))
    assert best(Comparison(None, None, rows, (), 0)).name == expected


def test_there_is_no_best_where_all_failed():
    with pytest.raises(InputError, match="no idea could be fitted: why"):
        best(Comparison(None, None, (row("a", None),), (), 0))


def test_the_best_is_fitted_on_all_images_and_its_figures_can_be_kept(digits, tmp_path):
    few = digits.train.take(slice(0, 120))
    ideas = ["ink-coverage", "nearest-l1", "mean-image-l2"]
    found = fit_best(few, ideas=ideas, seed=3)
    expected = best(found.comparison)
    assert (found.idea, found.title) == (expected.name, expected.title)
    assert found.notes == make_folds(few.labels, few.groups, seed=3).notes
    accuracy = expected.evaluation.accuracy
    assert found.row.evaluation.accuracy == accuracy
    assert (found.figures["right"], found.figures["judged"]) == (accuracy.hits, 120)
    model = lookalike.registry.idea(found.idea).make().fit(few.images, few.labels)
    np.testing.assert_array_equal(
        found.model.predict(digits.valid.images), model.predict(digits.valid.images)
    )
    assert replace(found, notes=("long", "note" * 300)).figures["how judged"] == f"long {'note' * 300}"[:1000]
    path = lookalike.save_model(found.model, tmp_path / "m", data=few, figures=found.figures)
    assert lookalike.model_info(path).figures == found.figures
    assert f"right about {accuracy.hits} of 120 images that were left out." in str(found)
    assert json.loads(found.to_json())["out_of_fold"]["judged"] == 120
    assert found.plot().get_title(loc="left").startswith("digits: right on 120 images")


def test_progress_tells_each_fold_and_what_comes_after():
    heard = []
    images = labelled(random_images(20), np.arange(20) % 2)
    fit_best(images, ideas=["nearest-l1"], progress=lambda *note: heard.append(note))
    fits = [note for note in heard if note[0].endswith(": fit")]
    assert fits == [(f"fold {fold} of 5: nearest image, L1: fit", 0, None) for fold in range(1, 6)]
    assert ("nearest image, L1: fit on all images", 0, None) in heard
    assert ("how sure answers are", 0, None) in heard


def test_arrays_estimators_and_groups_are_taken():
    images, labels, groups = random_images(24), np.arange(24) % 2, np.arange(24) // 4
    found = fit_best(images, labels, {"bayes": GaussianNB(), "means": "mean-image-l1"}, groups=groups)
    expected = fit_best(
        labelled(images, labels, groups), ideas=[("bayes", GaussianNB()), ("means", "mean-image-l1")]
    )
    assert found.idea == best(expected.comparison).name
    assert "no group (writer, camera) in two of them" in found.notes[0]
    assert found.images.names == tuple(map(str, range(24)))
    rows = [row.evaluation.accuracy for row in expected.comparison.rows]
    assert [row.evaluation.accuracy for row in found.comparison.rows] == rows


def test_what_takes_long_is_fitted_once_and_told_each_image_without_it(monkeypatch):
    train, _ = lookalike.load("digits", classes=[3, 5, 8], limit=30)
    images = np.concatenate([train.images, train.images[4:5]])
    labels = np.concatenate([train.labels, train.labels[4:5]])
    monkeypatch.setattr(MixtureMatcher, "most_left_out", 20)
    found = fit_best(images, labels, ["nearest-l2", "mixture"])
    nearest, mixture = (row.evaluation for row in found.comparison.rows)
    assert len(mixture.labels) == 20
    judged, whole = found.comparison.valid, lookalike.MixtureMatch().fit(images, labels)
    for one, told in zip(judged.images, mixture.predictions, strict=True):
        rest = copy.deepcopy(whole)
        rest.forget(np.flatnonzero((images == one).all(axis=(1, 2))))
        assert rest.predict(one[None])[0] == told
    np.testing.assert_array_equal(nearest.labels, mixture.labels)
    assert found.notes[1].startswith("Fitted once and asked of 20 of these images, each left out: mixture")
    assert found.notes[2] == "All figures are of these 20."
    with_folds = fit_best(images, labels, ["nearest-l2"])
    places = [with_folds.comparison.valid.names.index(name) for name in judged.names]
    np.testing.assert_array_equal(nearest.predictions, with_folds.row.evaluation.predictions[places])


def test_where_nothing_can_be_judged_the_last_idea_is_fitted():
    found = fit_best(random_images(3), ["a", "b", "c"])
    assert (found.idea, found.comparison, found.row, found.figures) == ("mixture", None, None, None)
    assert found.notes[0].endswith("so no idea was judged.")
    assert str(found).splitlines()[1] == "Fitted on all 3 images: mixture of measures."
    assert json.loads(found.to_json())["out_of_fold"] is None
    with pytest.raises(InputError, match="no idea was judged"):
        found.plot()


def test_what_cannot_be_fitted_is_said():
    images = random_images(4)
    with pytest.raises(InputError, match="labels are missing"):
        fit_best(images)
    with pytest.raises(InputError, match="beside labelled images"):
        fit_best(labelled(images, [0, 1, 0, 1]), [0, 1, 0, 1])
    with pytest.raises(InputError, match="no ideas to compare"):
        fit_best(images, [0, 1, 0, 1], [])
