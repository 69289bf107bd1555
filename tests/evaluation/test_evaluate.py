import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

import lookalike
from lookalike import InputError
from lookalike.evaluation.evaluate import judge
from lookalike.evaluation.reliability import reliability


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
    assert found._repr_html_() == f"<pre>{found}</pre>"


def test_probabilities_of_scikit_learns_models_are_measured_too(digits):
    train, valid = digits
    rows = train.images.reshape(len(train), -1) / np.float32(255)
    model = LogisticRegression(max_iter=2000).fit(rows, train.labels)
    found = lookalike.evaluate(model, valid.images, valid.labels, probabilities=True)
    assert 0 < found.reliability.error < 0.2


def test_a_model_without_probabilities_is_refused(edge_images):
    with pytest.raises(InputError, match="Answers has no predict_proba"):
        lookalike.evaluate(Answers(range(8)), edge_images, range(8), probabilities=True)
