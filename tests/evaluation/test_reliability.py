import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import InputError, MeanImage, NearestImages
from lookalike.evaluation.refusals import LEVELS, refusal_curve
from lookalike.evaluation.reliability import reliability


def by_hand(shares, truth, bins):
    """Return the expected calibration error, one answer after the other."""
    found = [[] for _ in range(bins)]
    for row, label in zip(shares, truth, strict=True):
        answer = int(np.argmax(row))
        place = next(b for b in range(bins) if row[answer] <= (b + 1) / bins or b == bins - 1)
        found[place].append((row[answer], answer == label))
    total = 0.0
    for part in found:
        if part:
            total += abs(sum(p for p, _ in part) - sum(right for _, right in part))
    return total / len(truth)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 5), st.sampled_from([1, 7, 15]))
def test_error_is_the_definitions(seed, n, n_classes, bins):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(n_classes), n)
    truth = rng.integers(0, n_classes, n)
    found = reliability(shares, np.arange(n_classes), truth, bins=bins)
    assert found.error == pytest.approx(by_hand(shares, truth, bins), abs=1e-9)
    assert sum(part.right.n for part in found.bins) == n == found.right.n
    assert sum(part.right.hits for part in found.bins) == found.right.hits
    assert [part.low for part in found.bins[1:]] == [part.high for part in found.bins[:-1]]
    for part in found.bins:
        if part.right.n:
            assert part.low - 1e-9 <= part.confidence <= part.high + 1e-9
        else:
            assert math.isnan(part.confidence)


def test_certain_and_right_is_no_error():
    found = reliability(np.eye(3), ["a", "b", "c"], ["a", "b", "c"])
    assert found.error == 0
    assert found.bins[-1].right.n == 3
    # A label that the model does not know makes a certain answer wrong.
    assert reliability(np.eye(3), ["a", "b", "c"], ["x", "x", "x"]).error == 1


@pytest.mark.parametrize(
    ("shares", "classes", "labels", "message"),
    [
        ([[0.5, 0.6]], [0, 1], [0], "do not sum to 1"),
        ([[1.5, -0.5]], [0, 1], [0], "are negative or do not sum to 1"),
        ([[0.5, np.nan]], [0, 1], [0], "are negative or do not sum to 1"),
        ([[1.0]], [0, 1], [0], r"probabilities \(1, 1\), classes \(2,\)"),
        ([[1.0]], [0], [0, 1], r"labels \(2,\)"),
        ([1.0], [0], [0], r"expected \(n, n_classes\)"),
    ],
    ids=["sum", "negative", "nan", "classes", "labels", "rank"],
)
def test_refuses_what_are_no_probabilities(shares, classes, labels, message):
    with pytest.raises(InputError, match=message):
        reliability(shares, classes, labels)
    with pytest.raises(InputError, match="bins is 0"):
        reliability([[1.0]], [0], [0], bins=0)


@pytest.mark.filterwarnings("ignore::lookalike.errors.LookalikeWarning")
def test_curve_counts_what_the_model_refuses(digits):
    train, valid = digits
    model = NearestImages().fit(train.images, train.labels)
    noise = np.random.default_rng(0).integers(0, 256, (50, 8, 8), dtype=np.uint8)
    curve = refusal_curve(model, valid.images, valid.labels, noise)
    assert [point.alpha for point in curve] == list(LEVELS)
    for point in curve[::4]:
        sets = model.predict_set(valid.images, point.alpha)
        answer = model.answer(noise, point.alpha)
        assert point.basis == answer.basis
        assert point.strangers.hits == answer.rejected.sum()
        assert point.strangers.n == 50
        assert point.rejected.hits == (~sets.any(axis=1)).sum()
        is_in = sets[np.arange(len(sets)), valid.labels]
        assert point.covered.hits == is_in.sum()
        assert [rate.hits for rate in point.class_covered] == np.bincount(valid.labels, is_in).tolist()
        assert point.set_size == sets.sum(axis=1).mean()
    refused = [point.rejected.hits for point in curve]
    assert refused == sorted(refused)
    assert refused[-1] > refused[0]
    assert refusal_curve(model, valid.images, valid.labels, levels=[0.05])[0].strangers is None


def test_curve_refuses_labels_of_no_class(digits):
    train, valid = digits
    model = MeanImage().fit(train.images, train.labels)
    with pytest.raises(InputError, match=r"label np.int64\(11\) is none of the model's classes"):
        refusal_curve(model, valid.images[:2], [1, 11])
    with pytest.raises(InputError, match="expected one for each"):
        refusal_curve(model, valid.images[:2], [1])
    with pytest.raises(InputError, match="alpha is 0"):
        refusal_curve(model, valid.images[:2], [1, 2], levels=[0])
