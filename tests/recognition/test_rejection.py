import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from effort import examples
from lookalike import DeformableMatch, InkCoverage, InputError, MeanImage, NearestImages
from lookalike.recognition.probability import LeftOut
from lookalike.recognition.rejection import Rejection

MODELS = {
    "mean-l1": MeanImage(),
    "mean-l2": MeanImage("l2"),
    "median-l1": MeanImage(average="median"),
    "coverage": InkCoverage(),
    "nearest-l1": NearestImages(),
    "three-vote": NearestImages(3, metric="l2"),
    "deformable": DeformableMatch(),
}
pytestmark = pytest.mark.filterwarnings("ignore::lookalike.errors.LookalikeWarning")


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


def by_hand(distances, codes, row, level, pooled):
    """Return which classes a row of distances allows, one comparison after the other."""
    n_classes = distances.shape[1]

    def scores(line, code):
        other = min(line[k] for k in range(n_classes) if k != code)
        return line[code], line[code] / other

    allowed = []
    for code in range(n_classes):
        known = [scores(d, c) for d, c in zip(distances, codes, strict=True) if pooled or c == code]
        mine = scores(row, code)
        smaller = min((1 + sum(k[s] >= mine[s] for k in known)) / (len(known) + 1) for s in (0, 1))
        allowed.append(2 * smaller > level)
    return allowed


@examples(60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.1, 0.3, 0.9]), st.sampled_from([30, 90, 200]))
def test_sets_are_the_definitions(seed, level, n):
    rng = np.random.default_rng(seed)
    distances = rng.integers(1, 30, (n, 3)) / 8
    codes = rng.integers(0, 3, n)
    codes[:3] = range(3)
    rejection = Rejection(LeftOut(distances, codes, np.ones(n)), np.ones(3, bool))
    rows = rng.integers(1, 40, (6, 3)) / 8
    kind = rejection.basis(level).kind
    needed = math.ceil(2 / level - 1 - 1e-9)
    fewest = np.bincount(codes).min()
    assert kind == (
        "each class" if fewest >= max(needed, 39) else "all classes" if n >= needed else "rule of thumb"
    )
    if kind != "rule of thumb":
        expected = [by_hand(distances, codes, row, level, kind == "all classes") for row in rows]
        np.testing.assert_array_equal(rejection.sets(rows, level), expected)


def test_promise_is_kept_on_what_is_exchangeable():
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(200):
        codes = np.repeat([0, 1], 60)
        distances = rng.gamma(3, 1, (120, 2)) + 2 * (np.arange(2) != codes[:, None])
        rejection = Rejection(LeftOut(distances[1:], codes[1:], np.ones(119)), np.ones(2, bool))
        missed.append(not rejection.sets(distances[:1], 0.2)[0, 0])
    assert 0.08 < np.mean(missed) < 0.2 + 3 * np.sqrt(0.2 * 0.8 / 200)


@pytest.mark.parametrize(
    ("n", "kind", "sentence"),
    [
        (78, "each class", "of each class at most a share of 0.05 is rejected, if new images are like"),
        (77, "all classes", "of all classes together at most a share of 0.05 .* it takes 39"),
        (39, "all classes", "39 of them tell"),
        (38, "rule of thumb", "without a promised rate: a level of 0.05 takes 39 training images, and 38"),
    ],
)
def test_a_level_says_what_it_rests_on(n, kind, sentence, digits):
    train = digits[0]
    places = np.concatenate([np.flatnonzero(train.labels == label)[: (n + label) // 2] for label in (0, 1)])
    model = NearestImages().fit(train.images[places], train.labels[places])
    basis = model.rejection_basis(0.05)
    assert basis.kind == kind
    assert len(places) == n

    assert re.search(sentence, basis.sentence)
    assert model.answer(train.images[:2]).basis == basis


def test_covers_images_and_rejects_what_is_of_none(model, digits):
    train, valid = digits
    model.fit(train.images, train.labels)
    sets = model.predict_set(valid.images)
    assert sets.shape == (len(valid), 10)
    assert sets.dtype == np.bool_
    assert sets[np.arange(len(valid)), valid.labels].mean() > 0.92
    answers = model.answer(valid.images)
    np.testing.assert_array_equal(answers.labels, model.predict(valid.images))
    np.testing.assert_array_equal(answers.rejected, ~sets.any(axis=1))
    noise = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    assert model.answer(noise).rejected.mean() > 0.98
    assert model.answer(255 - valid.images[:100]).rejected.mean() > 0.98
    # A level nearer to 1 rejects no less.
    assert (model.predict_set(valid.images, 0.3) <= sets).all()
    np.testing.assert_array_equal(model.predict_set(valid.images[3:4])[0], sets[3])


def test_blanks_are_rejected(model, digits):
    train, _ = digits
    model.fit(train.images, train.labels)
    grays = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 8, 8))
    assert model.answer(grays, 1e-6).rejected.all()
    assert model.answer(grays / 255, 1e-6).rejected.all()


def test_blanks_that_were_learned_are_not_rejected():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 5, 5), dtype=np.uint8)
    images[20:] = 0
    labels = ["noise"] * 20 + ["blank"] * 20
    model = NearestImages().fit(images, labels)
    answers = model.answer(images[-1:], 0.2)
    assert answers.labels.tolist() == ["blank"]
    assert not answers.rejected.any()


def test_rows_of_a_table_are_never_blank():
    rows = np.concatenate([np.linspace(0, 1, 30), np.linspace(5, 6, 30)])[:, None] * np.ones(4)
    rows[:, 0] += 1
    model = MeanImage("l2").fit(rows, [0] * 30 + [1] * 30)
    assert model.predict_set(np.array([[0.5, 0.5, 0.5, 0.5]])).any()


def test_rule_of_thumb_allows_what_training_images_show(digits):
    train, valid = (part.take(part.labels < 3) for part in digits)
    model = NearestImages().fit(train.images[:20], train.labels[:20])
    assert model.rejection_basis().kind == "rule of thumb"
    found = model.recogniser_.left_out()
    own = found.distances[np.arange(20), found.codes].max()
    sets = model.predict_set(valid.images)
    distances = model.class_distances(valid.images)
    assert not sets[distances > own].any()
    nearest = np.argmin(distances, axis=1)
    near = distances.min(axis=1) <= own
    assert sets[np.arange(len(sets)), nearest][near].all()
    # One image of each class: none can be left out.
    places = [int(np.flatnonzero(train.labels == label)[0]) for label in range(3)]
    model = NearestImages().fit(train.images[places], train.labels[places])
    sets = model.predict_set(valid.images)
    distances = model.class_distances(valid.images)
    between = model.class_distances(train.images[places])
    limit = np.median(between[between > 0])
    expected = (distances <= limit) & (distances == distances.min(axis=1, keepdims=True))
    np.testing.assert_array_equal(sets, expected)


def test_a_class_without_images_is_in_no_set(edge_images):
    model = NearestImages().partial_fit(edge_images, ["b"] * 4 + ["c"] * 4, classes=["a", "b", "c"])
    for alpha in (0.01, 0.9):
        assert not model.predict_set(edge_images, alpha)[:, 0].any()


def test_one_class_is_judged_by_distance_alone(digits):
    train, valid = digits
    threes = train.images[train.labels == 3]
    model = NearestImages().fit(threes, ["three"] * len(threes))
    rejected = model.answer(valid.images).rejected
    assert rejected[valid.labels == 3].mean() < 0.15
    assert rejected[valid.labels != 3].mean() > 0.8


def test_several_levels_are_each_as_alone(digits):
    train, valid = digits
    model = MeanImage("l2").fit(train.images, train.labels)
    levels = [0.2, 0.01, 0.05]
    assessed = model.assess(valid.images)
    np.testing.assert_array_equal(assessed.labels, model.predict(valid.images))
    for level in levels:
        np.testing.assert_array_equal(model.predict_set(valid.images, level), assessed.sets_at(level))


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 2.0, "0.05", True, None, float("nan")])
def test_refuses_what_is_no_level(alpha, edge_images):
    model = MeanImage().fit(edge_images, [0, 1] * 4)
    for ask in (model.predict_set, model.answer):
        with pytest.raises(InputError, match=r"expected a level above 0 and below 1, for example 0\.05"):
            ask(edge_images, alpha)
    with pytest.raises(InputError, match="expected a level"):
        model.rejection_basis(alpha)


def test_a_higher_level_rejects_no_less_where_each_class_has_few(digits):
    train, valid = digits
    places = np.concatenate([np.flatnonzero(train.labels == label)[:10] for label in range(10)])
    model = NearestImages().fit(train.images[places], train.labels[places])
    levels = [0.02, 0.05, 0.1, 0.19, 0.3, 0.6]
    assessed = model.assess(valid.images)
    sets = [assessed.sets_at(level) for level in levels]
    assert {model.rejection_basis(level).kind for level in levels} == {"all classes"}
    for more, fewer in itertools.pairwise(sets):
        assert (fewer <= more).all()
        assert fewer.sum() < more.sum()
