from pathlib import Path

import numpy as np
import pytest

from lookalike.registry import idea

GOLDEN = Path(__file__).with_name("golden_answers.npz")
IDEAS = (
    "ink-coverage",
    "mean-image-l1",
    "mean-image-l2",
    "median-image-l1",
    "clusters-l1",
    "clusters-l2",
    "nearest-l1",
    "nearest-l2",
    "deformable",
)
LEARNED, ASKED, STRANGE = 20, 40, 5


def fitted(name, train):
    """Return a model of an idea, fitted on the first images of each digit."""
    few = np.sort(np.concatenate([np.flatnonzero(train.labels == digit)[:LEARNED] for digit in range(10)]))
    return idea(name).make().fit(train.images[few], train.labels[few])


def asked(valid):
    """Return digits, and at the end what is no digit: noise on a dark ground."""
    noise = np.zeros((STRANGE, 8, 8), np.uint8)
    noise[:, 2:-2, 1:-1] = np.random.default_rng(5).integers(0, 256, (STRANGE, 4, 6))
    return np.concatenate([valid.images[: ASKED - STRANGE], noise])


def answers(model, X):
    """Return what a model says of images, and what it stands on."""
    answered = model.answer(X, 0.05)
    evidence = model.explain(X)
    said = {
        "labels": model.predict(X),
        "answered": answered.labels,
        "rejected": answered.rejected,
        "proba": model.predict_proba(X).round(12),
        "distances": answered.distances,
        "runner-up": np.array([one.runner_up for one in evidence]),
    }
    if evidence[0].contributions is not None:
        said["contributions"] = np.array([one.contributions.sum() for one in evidence])
    if hasattr(model, "kneighbors"):
        said["near distances"], said["places"] = model.kneighbors(X, 5)
    return said


@pytest.fixture(scope="module")
def golden():
    """Return what each idea said when the file was written."""
    with np.load(GOLDEN) as stored:
        return dict(stored)


def test_the_file_is_small_and_holds_every_idea(golden):
    assert GOLDEN.stat().st_size < 60_000
    assert {key.partition("/")[0] for key in golden} == set(IDEAS)


@pytest.mark.parametrize("name", IDEAS)
def test_ideas_answer_and_explain_digits_as_they_did(name, golden, digits):
    train, valid = digits
    expected = {key.partition("/")[2]: value for key, value in golden.items() if key.startswith(f"{name}/")}
    said = answers(fitted(name, train), asked(valid))
    assert said.keys() == expected.keys()
    for what, value in expected.items():
        if value.dtype.kind == "f":
            # A temperature is found to nine places; sums of floats may round otherwise on other processors.
            atol = 1e-9 if what == "proba" else 1e-12
            np.testing.assert_allclose(said[what], value, rtol=0, atol=atol, err_msg=what)
        else:
            np.testing.assert_array_equal(said[what], value, err_msg=what)
