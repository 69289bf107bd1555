import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from apart import put_together, taken_apart
from effort import examples
from lookalike import DeformableMatch, InkCoverage, InputError, LookalikeWarning, MeanImage, NearestImages
from lookalike.data.look import paper_and_darkness
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


@pytest.mark.parametrize("n", [60, 400])
def test_each_group_counts_once(n):
    rng = np.random.default_rng(n)
    distances, codes = rng.uniform(0.1, 1, (n, 2)), np.arange(n) % 2
    groups = rng.integers(1, 60, n) * (rng.random(n) < 0.9)
    own, other = distances[np.arange(n), codes], distances[np.arange(n), 1 - codes]
    left_out = LeftOut(distances, codes, np.ones(n), groups.astype(np.uint64))
    rejection = Rejection(left_out, np.ones(2, bool))
    assert rejection.basis(0.05).kind == ("all classes" if n == 60 else "each class")
    parts = [np.flatnonzero(groups == group) for group in np.unique(groups[groups > 0])]
    parts += [[place] for place in np.flatnonzero(groups == 0)]
    asked = rng.uniform(0.05, 1.2, (30, 2))
    for row, found in zip(asked, rejection.p_values(asked, 0.05), strict=True):
        for code in range(2):
            pool = parts
            if rejection.basis(0.05).kind == "each class":
                pool = [few for part in parts if (few := [place for place in part if codes[place] == code])]
            scores = ((own, row[code]), (own / other, row[code] / row[1 - code]))
            shares = [1 + sum(np.mean(known[part] >= value) for part in pool) for known, value in scores]
            assert found[code] == pytest.approx(2 * min(shares) / (len(pool) + 1))


def test_a_class_alone_allows_above_its_smallest_p_value():
    groups = np.array([1] * 100 + [0] * 79, np.uint64)
    own = np.append(0.3, np.linspace(0.1, 0.2, 178))
    codes = np.repeat([0, 1], [139, 40])
    distances = np.where(codes[:, None] == np.arange(2), own[:, None], 1)
    rejection = Rejection(LeftOut(distances, codes, np.ones(179), groups), np.ones(2, bool))
    assert rejection.basis(0.03).kind == "all classes"
    # One of a group's 100 is as large; of all classes there are 80 groups, of the class alone 40.
    found = rejection.p_values(np.array([[0.25, 1.0], [0.35, 1.0]]), 0.03)[:, 0]
    np.testing.assert_allclose(found, [2 * 1.01 / 41, 2 / 81])


def test_an_image_that_equals_one_of_another_class_tells():
    distances = np.column_stack([np.linspace(0.1, 0.2, 39), np.full(39, 0.5)])
    distances[7:9, 1] = 0, distances[8, 0] / 2
    rejection = Rejection(LeftOut(distances, np.zeros(39, int), np.ones(39)), np.ones(2, bool))
    assert rejection.basis(0.05)[:2] == ("all classes", 39)
    # Something to nothing is more than anything, nothing to nothing is 1.
    found = rejection.p_values(np.array([[0.1, 0.0], [0.0, 0.0]]), 0.05)
    np.testing.assert_allclose(found, [[2 * 2 / 40, 2], [2 * 3 / 40, 2 * 3 / 40]])


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


def test_a_confidence_in_the_place_of_a_level_is_warned_of(digits):
    train, valid = digits
    model = NearestImages().fit(train.images, train.labels)
    asked = [
        lambda level: model.answer(valid.images[:3], level),
        lambda level: model.predict_set(valid.images[:3], level),
        lambda level: model.assess(valid.images[:3], level),
        lambda level: model.rejection_basis(level),
    ]
    for ask in asked:
        ask(0.5)
        with pytest.warns(LookalikeWarning, match=r"level 0\.95 .* confidence of 0\.95 the level is 0\.05"):
            ask(0.95)


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


def simulated(rng, counts):
    """Return points of classes that overlap, with these counts, left out in turn, and a model of them."""
    counts = np.asarray(counts)
    codes = np.repeat(np.arange(len(counts)), counts)
    centres = 3 * rng.standard_normal((len(counts), 2))
    points = centres[codes] + rng.standard_normal((len(codes), 2))
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(between, np.inf)
    asked_codes = np.repeat(np.arange(len(counts)), 6)
    asked = centres[asked_codes] + rng.standard_normal((len(asked_codes), 2))
    asked[::6] *= 4

    def nearest(distances):
        return np.stack([distances[:, codes == code].min(axis=1) for code in range(len(counts))], axis=1)

    left_out = LeftOut(nearest(between), codes, np.ones(len(codes)))
    found = nearest(np.linalg.norm(asked[:, None] - points[None], axis=2))
    return Rejection(left_out, counts > 0), found, asked_codes


LEVELS = sorted([1e-3, 0.01, 0.02, 0.045, 0.05, 2 / 41, 0.06, 0.1, 2 / 19, 0.2, 0.35, 0.5, 0.8, 0.99])
COUNTS = st.lists(st.sampled_from([1, 1, 2, 3, 8, 20, 40]), min_size=1, max_size=8) | st.lists(
    st.integers(38, 45), min_size=2, max_size=4
)


@examples(150)
@given(COUNTS, st.integers(0, 2**32 - 1))
def test_what_a_level_allows_any_lower_one_allows(counts, seed):
    rejection, found, _ = simulated(np.random.default_rng(seed), counts)
    sets = [rejection.sets(found, level) for level in LEVELS]
    for more, fewer in itertools.pairwise(sets):
        assert (fewer <= more).all()
    for level, allowed in zip(LEVELS, sets, strict=True):
        # Classes beyond reach do not matter.
        reach = found.min(axis=1, keepdims=True) * rejection.reach(level)
        near = np.where(found <= reach, found, np.inf)
        np.testing.assert_array_equal(rejection.sets(near, level), allowed)


@pytest.mark.parametrize("counts", [[40, 1, 1], [12, 12, 12, 12, 1], [15] * 4, [45, 45], [20, 1] * 4])
@pytest.mark.parametrize("level", [0.05, 0.2])
def test_promises_are_kept_beside_classes_of_a_single_image(counts, level):
    # An image of a class at random, of those that can tell, takes part like any of them.
    rng = np.random.default_rng(3)
    missed = []
    for _ in range(400):
        rejection, found, codes = simulated(rng, counts)
        promised = rejection.basis(level).kind != "rule of thumb"
        ordinary = np.arange(len(codes)) % 6 > 0
        told = ordinary & (np.asarray(counts)[codes] > 1)
        place = rng.choice(np.flatnonzero(told))
        missed.append(not rejection.sets(found, level)[place, codes[place]])
    assert promised
    assert np.mean(missed) < level + 3 * np.sqrt(level * (1 - level) / 400)


def test_a_single_image_of_a_class_says_nothing_of_others(digits):
    train, valid = digits
    places = np.concatenate([np.flatnonzero(train.labels == label)[:5] for label in range(10)])
    model = NearestImages().fit(train.images[places], train.labels[places])
    before = model.predict_set(valid.images, 0.05)
    noise = np.random.default_rng(0).integers(0, 256, (200, 8, 8), dtype=np.uint8)
    model.teach(np.full((1, 8, 8), 99, np.uint8) + np.arange(8, dtype=np.uint8), [10])
    np.testing.assert_array_equal(model.predict_set(valid.images, 0.05)[:, :10], before)
    assert model.answer(noise, 0.05).rejected.all()
    assert model.rejection_basis(0.05).kind == "all classes"
    assert "; nothing is promised of 1 class of a single image" in model.rejection_basis(0.05).sentence
    assert "50 can tell (they support levels from 0.0393 on)" in model.rejection_basis(0.01).sentence
    assert np.isnan(model.assess(valid.images, 0.05).p_values[:, 10]).all()


@pytest.mark.parametrize(
    "few", [[1] * 10, [1] * 9 + [12], [5] * 9 + [1], [2] * 10, [1, 3, 10, 2, 1, 5, 40, 1, 2, 3]]
)
@pytest.mark.parametrize("kind", [MeanImage, NearestImages, DeformableMatch])
def test_noise_and_negatives_and_blanks_are_rejected_with_few_examples(kind, few, digits):
    train, valid = digits
    order = [np.flatnonzero(train.labels == label)[:count] for label, count in enumerate(few)]
    model = kind().fit(train.images[np.concatenate(order)], train.labels[np.concatenate(order)])
    noise = np.random.default_rng(0).integers(0, 256, (100, 8, 8), dtype=np.uint8)
    blank = np.broadcast_to(np.arange(0, 256, 5, dtype=np.uint8)[:, None, None], (52, 8, 8))
    for strange in (noise, 255 - valid.images[:100], blank):
        assert model.answer(strange, 0.05).rejected.mean() >= 0.95
    assert model.answer(valid.images, 0.05).rejected.mean() < 0.35


def test_what_looks_strange_follows_training_images(digits):
    train, valid = digits
    images, labels = train.images[:60], train.labels[:60]
    model = NearestImages().fit(images, labels)
    noise = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    negatives = 255 - valid.images[:20]
    assert model.assess(noise).unlike.all()
    assert model.assess(negatives).unlike.all()
    assert not model.assess(valid.images).unlike.any()
    model.teach(noise[:10], ["noise"] * 10 if labels.dtype.kind == "U" else [10] * 10)
    model.teach(255 - images[:10], labels[:10])
    assert not model.assess(negatives).unlike.any()
    assert not model.assess(noise[:10]).unlike.any()


@pytest.mark.parametrize(("n", "level"), [(39, 0.05), (48, 2 / 49), (19, 0.1)])
def test_a_p_value_that_equals_the_level_is_not_above_it(n, level):
    distances = np.column_stack([np.linspace(0.1, 0.2, n), np.full(n, 0.8)])
    left_out = LeftOut(distances, np.zeros(n, int), np.ones(n))
    rejection = Rejection(left_out, np.array([True, False]))
    farthest = np.array([[0.3, 0.9], [0.2, 0.8]])
    assert rejection.p_values(farthest, level)[:, 0].tolist() == [2 / (n + 1), 2 * (2 / (n + 1))]
    assert rejection.sets(farthest, level)[:, 0].tolist() == [False, True]
    assert rejection.basis(level).kind != "rule of thumb"
    assert rejection.basis(np.nextafter(level, 0)).kind == "rule of thumb"


@pytest.mark.parametrize("tellers", [0, 1, 8, 9])
def test_the_rule_of_thumb_is_as_said(tellers):
    rng = np.random.default_rng(tellers)
    distances = rng.uniform(0.2, 0.9, (tellers + 2, 3))
    codes = np.array([0] * tellers + [1, 2])
    distances[tellers, 1] = distances[tellers + 1, 2] = np.inf
    largest = distances[:tellers, 0].max(initial=0)
    median = np.median([d for row, code in zip(distances, codes, strict=True) for d in np.delete(row, code)])
    rejection = Rejection(LeftOut(distances, codes, np.ones(len(codes))), np.ones(3, bool))
    rows = rng.uniform(0.1, 1, (300, 3))
    ratio = np.stack([rows[:, c] / np.delete(rows, c, axis=1).min(axis=1) for c in range(3)], axis=1)
    wanted = (rows <= max(largest, median)) & (ratio <= 1)
    if tellers == 9:
        known = (distances[:9, 0] / distances[:9, 1:].min(axis=1)).max()
        wanted[:, 0] = (rows[:, 0] <= largest) & (ratio[:, 0] <= max(known, 1))
    np.testing.assert_array_equal(rejection.sets(rows, 0.1), wanted)
    assert rejection.basis(0.1).kind == "rule of thumb"
    assert rejection.basis(0.2).kind == ("all classes" if tellers == 9 else "rule of thumb")
    np.testing.assert_array_equal(rejection.sets(rows, 0.2)[:, 1:], wanted[:, 1:])


def test_negatives_are_not_strange_to_what_forgets_polarity(digits):
    train, valid = digits
    model = DeformableMatch(planes="double-angle").fit(train.images[:100], train.labels[:100])
    assert model.recogniser_.matcher.forgets_polarity
    assert not model.assess(255 - valid.images[:20]).unlike.any()


def test_a_model_file_of_before_says_nothing_of_noise(digits):
    train, _ = digits
    model = NearestImages().fit(train.images[:100], train.labels[:100])
    plain = taken_apart(model)
    noise = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    # Of noise that is light on dark, as digits are.
    noise = noise[paper_and_darkness(noise)[1] < 0]
    assert put_together(model, plain).assess(noise).unlike.all()
    del plain.arrays["roughest"]
    old = put_together(model, plain)
    assert not old.assess(noise).unlike.any()
    old.teach(train.images[100:110], train.labels[100:110])
    assert not old.assess(noise).unlike.any()


@pytest.mark.parametrize(
    ("n", "kind"), [(4, "rule of thumb"), (20, "rule of thumb"), (60, "all classes"), (120, "each class")]
)
@pytest.mark.parametrize("together", [1, 40])
def test_reach_is_as_far_as_a_class_may_matter_and_hardly_farther(n, kind, together):
    rng = np.random.default_rng(n)
    codes = np.arange(n) % 2
    distances = rng.uniform(1, 1.6, (n, 2)) + 0.4 * (codes[:, None] != np.arange(2))
    # Those of one group count as one: so many more are there.
    more = np.repeat(np.arange(n), np.where(np.arange(n) < 2, together, 1))
    distances, codes = distances[more] * rng.uniform(0.8, 1, (len(more), 2)), codes[more]
    left_out = LeftOut(distances, codes, np.ones(len(more)), more.astype(np.uint64) + 1)
    rejection = Rejection(left_out, np.ones(2, bool))
    assert rejection.basis(0.05).kind == kind
    ratios = np.linspace(1, 3, 4001)
    near, far = np.ones((4001, 2)), np.ones((4001, 2))
    near[:, 1], far[:, 1] = ratios, np.inf
    matters = (rejection.sets(near, 0.05) != rejection.sets(far, 0.05)).any(axis=1)
    last = ratios[matters].max()
    assert last <= rejection.reach(0.05) <= last + 0.03
