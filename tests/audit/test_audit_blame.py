"""Blame is exact: what is said of an image is what a model fitted without it answers."""

import numpy as np
import pytest

import lookalike
from lookalike.audit.blame import find_blame


def refitted(model, images, labels, gone, asked, truth):
    """Return how many answers are right by a model that was fitted without one image."""
    keep = np.arange(len(images)) != gone
    return int((model.fit(images[keep], labels[keep]).predict(asked) == truth).sum())


@pytest.mark.parametrize("voters", [1, 3])
def test_what_goes_without_an_image_is_what_a_refit_says(digits, voters):
    train, valid = digits.train.take(slice(0, 60)), digits.valid.take(slice(0, 120))
    labels = train.labels.copy()
    labels[[3, 20, 41]] = (labels[[3, 20, 41]] + 1) % 10
    model = lookalike.NearestImages(n_neighbors=voters).fit(train.images, labels)
    codes = np.searchsorted(model.classes_, valid.labels)
    found = find_blame(model.recogniser_, valid, codes, held_out=True)
    before = int((model.predict(valid.images) == valid.labels).sum())
    assert found.before.hits == before
    for gone in range(60):
        fresh = lookalike.NearestImages(n_neighbors=voters)
        after = refitted(fresh, train.images, labels, gone, valid.images, valid.labels)
        assert found.gained[gone] == after - before, gone
    assert found.gained.max() > 0 > found.gained.min()


def test_left_out_answers_are_those_of_a_refit(digits):
    train = digits.train.take(slice(0, 50))
    model = lookalike.NearestImages().fit(train.images, train.labels)
    codes = np.searchsorted(model.classes_, train.labels)
    found = find_blame(model.recogniser_, train, codes, held_out=False)
    for place in range(50):
        keep = np.arange(50) != place
        fresh = lookalike.NearestImages().fit(train.images[keep], train.labels[keep])
        answer = fresh.predict(train.images[place][None])[0]
        assert model.classes_[found.answers[place]] == answer
        nearest = np.flatnonzero(keep)[fresh.kneighbors(train.images[place][None], 1)[1][0, 0]]
        assert found.decided[place] == nearest
    assert (found.credit + found.blame).sum() == 50
    assert found.credit.sum() == found.right.sum()


def test_removed_images_are_really_left_out(digits):
    train, valid = digits.train.take(slice(0, 200)), digits.valid
    labels = train.labels.copy()
    labels[:10] = (labels[:10] + 1) % 10
    model = lookalike.NearestImages().fit(train.images, labels)
    found = find_blame(model.recogniser_, valid, np.searchsorted(model.classes_, valid.labels), held_out=True)
    keep = np.isin(np.arange(200), found.removed, invert=True)
    fresh = lookalike.NearestImages().fit(train.images[keep], labels[keep])
    assert found.removed.size
    assert found.after.hits > found.before.hits
    assert found.after.hits == int((fresh.predict(valid.images) == valid.labels).sum())
