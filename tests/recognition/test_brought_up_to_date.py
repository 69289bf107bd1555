"""How sure answers are after a lesson is what it would be worked out from scratch."""

import numpy as np
import pytest

from lookalike import DeformableMatch, NearestImages

RNG = np.random.default_rng(11)
#: More images than are found by one search, two or three of most classes.
IMAGES, LABELS = RNG.integers(0, 256, (300, 5, 5), np.uint8), np.arange(300) % 110
IMAGES[7] = IMAGES[117]


@pytest.fixture(params=["l1", "l2", "deformable"])
def model(request):
    if request.param == "deformable":
        found = DeformableMatch(prepare=None, aligned=False, hubness=False)
    else:
        found = NearestImages(metric=request.param)
    return found.fit(IMAGES, LABELS)


def test_after_each_lesson_it_is_as_from_scratch(model):
    steps = np.random.default_rng(1)
    for step in range(8):
        if step % 3 == 2:
            model.forget(steps.choice(model.ids_, 5, replace=False))
        else:
            more = steps.integers(0, 256, (3, 5, 5), np.uint8)
            model.teach(more, steps.choice([3, 50, 500 + step], 3))
        now, anew = model.recogniser_.left_out(), scratch(model).left_out()
        np.testing.assert_array_equal(now.codes, anew.codes)
        np.testing.assert_array_equal(now.distances, anew.distances)
        basis = model.rejection_basis(0.1), scratch(model).rejection().basis(0.1)
        assert basis[0] == basis[1]


def scratch(model):
    """Return a recogniser of the same images that remembers nothing."""
    fresh = model.recogniser_.copied()
    fresh.known_left_out = None
    return fresh


def test_bytes_that_become_floats_are_measured_anew():
    model = NearestImages().fit(IMAGES, LABELS)
    model.recogniser_.left_out()
    model.teach(RNG.random((2, 5, 5)), [1, 2])
    np.testing.assert_allclose(
        model.recogniser_.left_out().distances, scratch(model).left_out().distances, rtol=0
    )


def test_only_what_is_new_is_compared(monkeypatch):
    model = NearestImages().fit(IMAGES, LABELS)
    model.recogniser_.left_out()
    asked, kind = [], type(model.recogniser_.matcher)
    real = kind.match

    def match(matcher, images, k, **options):
        asked.append(len(images) * len(matcher.codes))
        return real(matcher, images, k, **options)

    monkeypatch.setattr(kind, "match", match)
    model.teach(RNG.integers(0, 256, (1, 5, 5), np.uint8), [3])
    model.recogniser_.left_out()
    # All against the new one, the new one and the copies against all; from scratch it is 300 times 300.
    assert 0 < sum(asked) < 3000
