from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier

import lookalike
from lookalike import InputError, MeanImage, UnknownNameError
from lookalike.data.labelled import from_arrays
from lookalike.evaluation.curve import curve, mean_of_draws
from lookalike.evaluation.statistics import rate


@pytest.fixture(scope="module")
def two():
    return lookalike.load("digits", classes=[3, 8])


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted on, in a list that its copies share."""

    seen = ()

    def __init__(self, fail_at=None):
        self.fail_at = fail_at

    def fit(self, X, y):
        if len(X) == self.fail_at:
            raise RuntimeError("too few\nsecond line")
        Recorder.seen = (*Recorder.seen, (X, y))
        self.answer = y[0]
        return self

    def predict(self, X):
        return np.full(len(X), self.answer)


def records(monkeypatch, train, valid, **options):
    """Return what was fitted on, for each fit."""
    monkeypatch.setattr(Recorder, "seen", ())
    found = curve(train, valid, [Recorder()], **options)
    seen = Recorder.seen
    return found, seen


def rows_of(images):
    return {row.tobytes() for row in images.reshape(len(images), -1)}


def test_draws_are_stratified_nested_and_the_last_is_everything(two, monkeypatch):
    found, seen = records(monkeypatch, *two, sizes=[5, 1, 20], draws=3)
    assert found.sizes == (1, 5, 20)
    assert len(seen) == 3 * 3 + 1
    for place, size in enumerate(found.sizes):
        for draw in range(3):
            images, labels = seen[3 * place + draw]
            assert np.unique(labels, return_counts=True)[1].tolist() == [size, size]
            assert rows_of(images) <= rows_of(seen[-1][0])
            if place:
                assert rows_of(seen[3 * (place - 1) + draw][0]) < rows_of(images)
    assert len({seen[draw][0].tobytes() for draw in range(3)}) == 3
    assert len(seen[-1][0]) == len(two.train)


def test_every_idea_gets_the_same_draws(two, monkeypatch):
    _, first = records(monkeypatch, *two, sizes=[2], draws=2, seed=4)
    _, second = records(monkeypatch, *two, sizes=[1, 2], draws=2, seed=4)
    _, third = records(monkeypatch, *two, sizes=[2], draws=2, seed=5)
    for (images, labels), (other, others) in zip(first[:2], second[2:4], strict=True):
        np.testing.assert_array_equal(images, other)
        np.testing.assert_array_equal(labels, others)
    assert first[0][0].tobytes() != third[0][0].tobytes()


def test_figures_are_those_of_fits_by_hand(two, monkeypatch):
    train, valid = two
    found = curve(train, valid, ["mean-image-l2"], sizes=[1, 4], draws=3)
    _, seen = records(monkeypatch, train, valid, sizes=[1, 4], draws=3)
    (row,) = found.rows
    assert (row.name, row.title, row.origin) == ("mean-image-l2", "mean image, L2", "ours")
    by_hand = [
        MeanImage("l2").fit(images.reshape(-1, 8, 8), labels).score(valid.images, valid.labels)
        for images, labels in seen
    ]
    assert [point.n for point in row.points] == [1, 4, None]
    assert [value for point in row.points for value in point.accuracies] == by_hand
    for point, values in zip(row.points, (by_hand[:3], by_hand[3:6]), strict=False):
        mean = np.mean(values)
        reach = stats.t.interval(0.95, 2, 0, stats.sem(values))[1] if np.ptp(values) else 0.0
        # Wilson's equation, for the images.
        z, n = 1.959963984540054, len(valid)
        ends = np.roots([1 + z**2 / n, -2 * mean - z**2 / n, mean**2])
        assert point.accuracy.value == pytest.approx(mean)
        assert point.accuracy.low == pytest.approx(max(0, mean - np.hypot(mean - ends.min(), reach)))
        assert point.accuracy.high == pytest.approx(min(1, mean + np.hypot(ends.max() - mean, reach)))
    expected = rate(round(by_hand[-1] * len(valid)), len(valid))
    final = row.points[-1].accuracy
    assert (final.value, final.low, final.high) == (expected.value, expected.low, expected.high)


def test_intervals_of_draws():
    found, alone = mean_of_draws([1, 1, 1], 2), rate(2, 2)
    assert (found.value, found.low, found.high) == pytest.approx((1, alone.low, 1))
    found = mean_of_draws([0, 1], 100)
    assert (found.value, found.low, found.high) == (0.5, 0, 1)


def test_the_interval_covers_the_mean_over_draws_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        found = mean_of_draws(rng.normal(0.6, 0.03, 5), 10**9)
        covered += found.low <= 0.6 <= found.high
    assert 930 <= covered <= 970


@pytest.mark.parametrize(("low", "high"), [(0.2, 1), (0.9, 1), (1, 1)])
def test_the_interval_covers_the_mean_over_draws_and_images(low, high):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        # Some images are harder than others, and in some draws all are.
        chances = rng.uniform(low, high, 20) ** rng.uniform(0.5, 1.5, (5, 1))
        found = mean_of_draws((rng.random((5, 20)) < chances).mean(axis=1), 20)
        exponents = np.linspace(0.5, 1.5, 201)[:, None]
        true = (np.linspace(low, high, 201) ** exponents).mean()
        covered += found.low <= true <= found.high
    assert covered >= 940


def test_sizes_beyond_the_smallest_class_are_left_out_and_said(two):
    train = two.train.take(
        np.r_[np.flatnonzero(two.train.labels == 3)[:7], np.flatnonzero(two.train.labels == 8)]
    )
    found = curve(train, two.valid, ["ink-coverage"], sizes=[7, 8, 50, 1000], draws=2)
    assert found.sizes == (7,)
    assert found.notes == ("8, 50 and 1,000 examples of each class were left out: the smallest class has 7.",)
    none = curve(train, two.valid, ["ink-coverage"], sizes=[8], draws=2)
    assert [point.n for point in none.rows[0].points] == [None]


def test_by_default_seven_sizes_up_to_100_are_drawn_ten_times(two):
    found = curve(*two, ["most-frequent"])
    assert (found.sizes, found.draws) == ((1, 2, 5, 10, 20, 50, 100), 10)


def test_a_size_that_takes_all_images_is_the_last_point(two):
    train = two.train.take(
        np.concatenate([np.flatnonzero(two.train.labels == label)[:5] for label in (3, 8)])
    )
    found = curve(train, two.valid, ["ink-coverage"], sizes=[2, 5], draws=2)
    assert found.sizes == (2,)
    assert found.notes == ("5 examples of each class are all images: see there.",)


def test_a_class_without_training_images_does_not_count(two):
    train = two.train.take(np.flatnonzero(two.train.labels == 3)[:4])
    train = from_arrays(np.concatenate([train.images, 255 - train.images]), [3] * 4 + [5] * 4)
    found = curve(train, two.valid, ["mean-image-l1"], sizes=[1], draws=2)
    assert found.rows[0].points[0].error is None


def test_an_idea_that_fails_keeps_its_reason_and_the_others_their_figures(two):
    found = curve(*two, [Recorder(fail_at=4), "ink-coverage"], sizes=[1, 2, 3], draws=2)
    points = found.rows[0].points
    assert [point.error for point in points] == [None, "RuntimeError: too few", None, None]
    assert (points[1].accuracy, points[1].accuracies) == (None, ())
    assert points[2].accuracy is not None
    assert all(point.accuracy for point in found.rows[1].points)


def test_random_choices_follow_the_seed(two):
    forest = RandomForestClassifier(n_estimators=2)
    first, second, third = (
        curve(*two, [forest], sizes=[3], draws=3, seed=seed).rows[0].points[0].accuracies
        for seed in (1, 1, 2)
    )
    assert first == second != third


def test_each_draw_has_random_choices_of_its_own(two, monkeypatch):
    seeds = []
    fit = RandomForestClassifier.fit
    monkeypatch.setattr(
        RandomForestClassifier,
        "fit",
        lambda self, X, y: (seeds.append(self.random_state), fit(self, X, y))[1],
    )
    curve(*two, [RandomForestClassifier(n_estimators=1)], sizes=[1, 2], draws=3, seed=7)
    assert seeds == [7, 8, 9, 7, 8, 9, 7]


def test_progress_counts_fits(two):
    heard = []
    curve(*two, ["ink-coverage"], sizes=[1, 2], draws=2, progress=lambda *note: heard.append(note))
    assert heard == [("curve: ink coverage", done, 5) for done in range(6)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 1}, "draws is 1: expected a whole number from 2 to 1000"),
        ({"draws": 2.0}, r"draws is 2\.0"),
        ({"sizes": []}, "no sizes: expected at least one number"),
        ({"sizes": 5}, "sizes is 5: expected a list of numbers"),
        ({"sizes": [0]}, "a size is 0: expected a whole number of at least 1"),
        ({"sizes": [True]}, "a size is True"),
        ({"sizes": [1.5]}, r"a size is 1\.5"),
        ({"ideas": [3]}, "3 is no idea"),
    ],
)
def test_bad_input_is_refused(two, options, message):
    with pytest.raises(InputError, match=message):
        curve(*two, **options)


def test_names_and_shapes_are_checked_before_anything_is_fitted(two):
    with pytest.raises(UnknownNameError, match="no idea is called 'mean-imag'"):
        curve(*two, ["mean-imag"])
    smaller = from_arrays(two.valid.images[:, 1:], two.valid.labels)
    with pytest.raises(InputError, match=r"shape \(8, 8\) and validation images \(7, 8\)"):
        curve(two.train, smaller)


def test_of_many_images_a_thousand_are_measured(digits):
    train, valid = digits
    many = valid.take(np.resize(np.arange(len(valid)), 3000))
    many = replace(many, names=tuple(map(str, range(3000))))
    first, again, other = (
        lookalike.curve(train, many, ["most-frequent"], sizes=[1], draws=2, seed=seed) for seed in (3, 3, 4)
    )
    assert first.notes == ("Measured on 1,000 of 3,000 images, drawn at random (seed 3).",)
    assert first.rows[0].points[-1].accuracy.value == pytest.approx(0.1, abs=0.03)
    places, others = (np.array(found.valid.names, int) for found in (first, other))
    assert first.valid.names == again.valid.names
    assert (np.diff(places) > 0).all()
    # As many of each third as chance gives them, and others for another seed.
    assert all(abs(np.histogram(places, 3, (0, 3000))[0] - 1000 / 3) < 60)
    assert len(np.intersect1d(places, others)) == pytest.approx(1000 / 3, abs=60)
