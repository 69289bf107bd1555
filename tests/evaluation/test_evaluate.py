import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

import lookalike
from lookalike import InputError
from lookalike.evaluation.evaluate import judge, reliability


class Answers:
    """A model that gives the answers it is told to give."""

    def __init__(self, answers):
        self.answers = list(answers)

    def predict(self, images):
        answers, self.answers = self.answers[: len(images)], self.answers[len(images) :]
        return np.array(answers)


def test_every_figure_agrees_with_scikit_learn(digits):
    train, valid = digits
    model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    found = lookalike.evaluate(model, valid.images, valid.labels)
    answers = model.predict(valid.images)
    np.testing.assert_array_equal(found.predictions, answers)
    assert found.accuracy.value == accuracy_score(valid.labels, answers)
    assert found.accuracy.n == len(valid)
    assert found.macro.value == pytest.approx(balanced_accuracy_score(valid.labels, answers))
    np.testing.assert_array_equal(found.confusion, confusion_matrix(valid.labels, answers))
    np.testing.assert_array_equal(found.mistakes, np.flatnonzero(answers != valid.labels))
    for rate, c in zip(found.per_class, found.classes, strict=True):
        assert (rate.hits, rate.n) == (
            ((answers == c) & (valid.labels == c)).sum(),
            (valid.labels == c).sum(),
        )
        assert rate.low <= rate.value <= rate.high


def test_chunks_keep_the_order():
    labels = np.arange(2500) % 7
    images = np.zeros((2500, 2, 2), np.uint8)
    heard = []
    found = lookalike.evaluate(Answers(labels), images, labels, progress=lambda *note: heard.append(note))
    assert found.accuracy.hits == 2500
    assert heard == [
        ("predict", 0, 2500),
        ("predict", 1000, 2500),
        ("predict", 2000, 2500),
        ("predict", 2500, 2500),
    ]


def test_a_model_that_tells_of_its_progress_cuts_its_own_work(edge_images):
    heard = []
    model = lookalike.NearestImages().fit(edge_images, range(8))
    lookalike.evaluate(model, edge_images, range(8), progress=lambda *note: heard.append(note))
    assert ("searching", 8, 8) in heard
    assert heard[-1] == ("predict", 8, 8)


def test_scikit_learns_own_get_rows(digits):
    train, valid = digits
    rows = train.images.reshape(len(train), -1).astype(np.float32) / np.float32(255)
    model = LogisticRegression(max_iter=300).fit(rows, train.labels)
    assert lookalike.evaluate(model, valid.images, valid.labels).accuracy.value > 0.9


def test_answers_and_labels_of_other_sorts():
    found = judge(np.array(["10", "2", "2"]), np.array(["2", "2", "other"]), seconds=0)
    assert found.classes.tolist() == ["2", "10", "other"]
    assert found.confusion.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert [rate.n for rate in found.per_class] == [2, 1, 0]
    assert found.macro.value == 0.25
    assert found.mistakes.tolist() == [0, 2]


def test_refuses_what_does_not_match(edge_images):
    with pytest.raises(InputError, match=r"labels have shape \(3,\) for 8 images"):
        lookalike.evaluate(Answers([]), edge_images, [1, 2, 3])
    with pytest.raises(InputError, match=r"the model answered with shape \(8, 2\) to 8 images"):
        lookalike.evaluate(Answers([[0, 1]] * 8), edge_images, [0] * 8)


def test_probabilities_are_measured_where_that_is_asked_for(digits):
    train, valid = digits
    model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    plain = lookalike.evaluate(model, valid.images, valid.labels)
    assert plain.reliability is None
    assert "probabilities" not in str(plain)
    found = lookalike.evaluate(model, valid.images, valid.labels, probabilities=True)
    expected = reliability(model.predict_proba(valid.images), model.classes_, valid.labels)
    assert found.reliability.error == expected.error
    assert found.reliability.right == found.accuracy == plain.accuracy
    assert str(found) == f"{plain}\nprobabilities: {found.reliability}"


def test_probabilities_of_scikit_learns_models_are_measured_too(digits):
    train, valid = digits
    rows = train.images.reshape(len(train), -1) / np.float32(255)
    model = LogisticRegression(max_iter=2000).fit(rows, train.labels)
    found = lookalike.evaluate(model, valid.images, valid.labels, probabilities=True)
    assert 0 < found.reliability.error < 0.2


def test_a_model_without_probabilities_is_refused(edge_images):
    with pytest.raises(InputError, match="Answers has no predict_proba"):
        lookalike.evaluate(Answers(range(8)), edge_images, range(8), probabilities=True)


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
