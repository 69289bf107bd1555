"""Pixels' contributions sum to the difference of the two distances, for every idea that has them."""

import numpy as np
import pytest
from explaining import MAKERS, drawn
from hypothesis import given
from hypothesis import strategies as st

import lookalike
from drawings import told_of
from effort import examples
from lookalike.distance.definition import l1, l2
from lookalike.distance.deformation.definition import match
from lookalike.recognition.explanation import contributions


# Any images are drawn, those that a model rightly finds strange too.
@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize("idea", MAKERS)
@examples(15)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(1, 1), (1, 7), (5, 4), (8, 8), (3, 6, 3), (9, 4, 4)]),
    kind=st.sampled_from(["bytes", "floats", "rows"]),
)
def test_they_sum_to_the_margin(idea, seed, shape, kind):
    images, labels = drawn(seed, shape, kind)
    model = told_of(MAKERS[idea](), images).fit(images, labels)
    queries = np.concatenate([drawn(seed + 1, shape, kind)[0][:3], images[:2]])
    for evidence, answer in zip(model.explain(queries), model.predict(queries), strict=True):
        assert evidence.answer == answer
        assert evidence.contributions.shape == evidence.prepared.shape[: evidence.contributions.ndim]
        size = 1 + np.abs(evidence.contributions).sum()
        assert abs(evidence.contributions.sum() - evidence.margin) < 1e-12 * size


@given(
    values=st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=20), root=st.booleans()
)
def test_the_formula_splits_sums_and_roots_of_sums(values, root):
    answer, runner_up = np.array(values).T
    measure = np.sqrt if root else np.asarray
    margin = measure(runner_up.sum()) - measure(answer.sum())
    found = contributions(answer, runner_up, root=root)
    assert found.sum() == pytest.approx(float(margin), abs=1e-9)
    assert (np.sign(found) == np.sign(runner_up - answer)).all() or np.abs(found).max() < 1e-150


def test_identical_images_contribute_nothing():
    images = np.full((2, 4, 4), 77, np.uint8)
    for model in (lookalike.NearestImages(metric="l2"), lookalike.DeformableMatch(None)):
        evidence = model.fit(images, [0, 1]).explain(images[:1])[0]
        assert evidence.margin == 0
        assert (evidence.contributions == 0).all()
        assert (evidence.answer, evidence.runner_up) == (0, 1)


@pytest.mark.parametrize(("metric", "measure"), [("l1", l1), ("l2", l2)])
def test_one_pixel_says_what_its_values_say(metric, measure):
    images = np.array([[[0, 0]], [[255, 0]]], np.uint8)
    evidence = lookalike.NearestImages(metric=metric).fit(images, ["off", "on"]).explain(images[:1])[0]
    assert evidence.contributions[0, 1] == 0
    assert evidence.contributions[0, 0] == pytest.approx(measure(images[:1], images[1:])[0, 0])


def test_deformable_costs_are_those_of_both_directions():
    rng = np.random.default_rng(5)
    images = rng.integers(0, 256, (4, 9, 8), dtype=np.uint8)
    model = lookalike.DeformableMatch(None, warp=(1, 2), context=1).fit(images[1:], [0, 0, 1])
    assert model.symmetric_  # few images of a class: both directions are added
    evidence = model.explain(images[:1])[0]
    places = [model.class_neighbors(images[:1])[1][0][code] for code in (0, 1)]
    query = model.recogniser_.matcher.comparison.planes_of(images[:1]).values()[0]
    costs = []
    for place in places:
        kept = model.recogniser_.matcher.index.planes.values()[place]
        forward = match(query, kept, warp=(1, 2), context=1)
        back = match(kept, query, warp=(1, 2), context=1)
        total = forward.costs.copy()
        for y in range(9):
            for x in range(8):
                down, across = back.field[y, x].tolist()
                total[min(max(y + down, 0), 8), min(max(x + across, 0), 7)] += back.costs[y, x]
        costs.append(total)
    signs = np.sign(costs[1] - costs[0]) * (1 if evidence.answer == 0 else -1)
    assert (np.sign(evidence.contributions) == signs).all()
