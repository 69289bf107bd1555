"""What evidence says: answers, runners-up, nearest images, maps and fields."""

import json

import numpy as np
import pytest
from explaining import MAKERS

import lookalike
from lookalike.distance.deformation.matching import warped
from lookalike.errors import InputError


@pytest.fixture(scope="module")
def digit_models(digits):
    train = digits.train
    models = [
        lookalike.MeanImage("l2"),
        lookalike.InkCoverage(),
        lookalike.NearestImages(3),
        lookalike.DeformableMatch(),
    ]
    return [model.fit(train.images, train.labels) for model in models]


def test_the_answer_is_that_of_predict_and_the_runner_up_the_next_class(digit_models, digits):
    queries = digits.valid.images[:60]
    for model in digit_models:
        distances = model.class_distances(queries)
        for evidence, answer, row in zip(
            model.explain(queries), model.predict(queries), distances, strict=True
        ):
            others = np.where(model.classes_ == answer, np.inf, row)
            assert evidence.answer == answer
            assert evidence.runner_up == model.classes_[np.argmin(others)]
            assert evidence.for_runner_up.distance == others.min()
            assert evidence.for_answer.distance == row[model.classes_ == answer][0]
            np.testing.assert_array_equal(evidence.distances, row)


def test_the_nearest_are_those_of_kneighbors(digit_models, digits):
    queries = digits.valid.images[:20]
    for model in digit_models[2:]:
        distances, places = model.kneighbors(queries, 4)
        for i, evidence in enumerate(model.explain(queries, 4)):
            assert [one.id for one in evidence.nearest] == model.ids_[places[i]].tolist()
            assert [one.distance for one in evidence.nearest] == distances[i].tolist()
            assert [one.label for one in evidence.nearest] == model.labels_[places[i]].tolist()


def test_ids_stay_with_their_images_when_others_are_forgotten(digits):
    train = digits.train
    model = lookalike.NearestImages().fit(train.images, train.labels)
    model.forget(np.arange(0, 500))
    evidence = model.explain(train.images[700:701])[0]
    assert evidence.for_answer.id == evidence.nearest[0].id == 700
    np.testing.assert_array_equal(evidence.nearest[0].image, train.images[700] / 255)


def test_differences_are_image_minus_reference(digit_models, digits):
    for model in digit_models:
        evidence = model.explain(digits.valid.images[:1])[0]
        for one in (evidence.for_answer, evidence.for_runner_up, *evidence.means, *evidence.nearest):
            if one.image is not None:
                np.testing.assert_allclose(one.difference, evidence.prepared - one.image)


def test_mean_images_are_those_of_the_prepared_training_images(digits):
    train = digits.train
    model = lookalike.DeformableMatch().fit(train.images, train.labels)
    evidence = model.explain(digits.valid.images[:1])[0]
    assert [one.label for one in evidence.means] == [evidence.answer, evidence.runner_up]
    prepared = model.prepared(train.images)
    for one in evidence.means:
        np.testing.assert_allclose(one.image, (prepared[train.labels == one.label] / 255).mean(axis=0))


def test_fields_are_the_models_own_and_bend_the_match(digit_models, digits):
    model, query = digit_models[3], digits.valid.images[3]
    evidence = model.explain(query[None])[0]
    assert evidence.prepared.shape == evidence.for_answer.image.shape
    np.testing.assert_array_equal(evidence.prepared, model.prepared(query[None])[0] / 255)
    for one in (evidence.for_answer, evidence.for_runner_up, *evidence.nearest):
        place = int(np.searchsorted(model.ids_, one.id))
        np.testing.assert_array_equal(one.field, model.displacement_field(query, place).field)
        np.testing.assert_array_equal(one.warped, warped(one.image, one.field))


def test_an_outvoted_nearest_image_is_said_and_the_margin_is_negative():
    images = np.array([[[0]], [[20]], [[22]], [[200]]], np.uint8)
    model = lookalike.NearestImages(3).fit(images, ["a", "b", "b", "c"])
    evidence = model.explain(np.array([[[9]]], np.uint8))[0]
    assert (evidence.answer, evidence.runner_up, evidence.outvoted) == ("b", "a", True)
    assert evidence.margin == pytest.approx((9 - 11) / 255)
    assert evidence.contributions.sum() == pytest.approx(evidence.margin)
    assert evidence.voters == 3


def test_equal_runners_up_go_to_the_image_that_came_first():
    images = np.array([[[0]], [[30]], [[10]]], np.uint8)
    model = lookalike.NearestImages().fit(images, ["z", "y", "x"])
    assert model.explain(np.array([[[20]]], np.uint8))[0].answer == "y"
    assert model.explain(np.array([[[5]]], np.uint8))[0].answer == "z"
    tied = lookalike.NearestImages().fit(np.array([[[20]], [[30]], [[10]]], np.uint8), ["z", "y", "x"])
    assert tied.explain(np.array([[[20]]], np.uint8))[0].runner_up == "y"


@pytest.mark.parametrize("name", ["nearest-l1", "mean-l2", "deformable-raw"])
def test_one_class_has_no_runner_up(name):
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8)
    evidence = MAKERS[name]().fit(images, [7, 7, 7, 7]).explain(images[:1])[0]
    assert evidence.answer == 7
    assert evidence.runner_up is evidence.for_runner_up is evidence.margin is evidence.contributions is None
    assert not evidence.outvoted
    assert json.loads(json.dumps(evidence.to_plain()))["runner_up"] is None


def test_a_class_without_images_is_never_the_runner_up():
    model = lookalike.MeanImage().partial_fit(np.array([[[9]], [[99]]], np.uint8), [1, 2], classes=[0, 1, 2])
    evidence = model.explain(np.array([[[8]]], np.uint8))[0]
    assert (evidence.answer, evidence.runner_up) == (1, 2)
    assert np.isinf(evidence.distances[0])
    assert evidence.to_plain()["distances"][0] == {"label": 0, "distance": None}


def test_ink_coverage_says_numbers_and_no_pixels():
    images = np.array([[[0, 255]], [[255, 255]]], np.uint8)
    evidence = lookalike.InkCoverage().fit(images, ["half", "full"]).explain(images[:1])[0]
    assert evidence.coverage == evidence.for_answer.coverage == 0.5
    assert evidence.for_runner_up.coverage == 1.0
    assert evidence.margin == 0.5
    assert evidence.contributions is None
    assert evidence.means == evidence.nearest == ()


def test_more_neighbours_than_there_are_is_all_of_them():
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8)
    for name in ("nearest-l1", "deformable-raw"):
        assert len(MAKERS[name]().fit(images, [0, 1, 0, 1]).explain(images[:1], 99)[0].nearest) == 4


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "3"])
def test_neighbours_must_be_a_whole_number(wrong):
    model = MAKERS["mean-l1"]().fit(np.zeros((2, 3, 3), np.uint8), [0, 1])
    with pytest.raises(InputError, match=r"n_neighbors is .*: expected a whole number of at least 1"):
        model.explain(np.zeros((1, 3, 3), np.uint8), wrong)


@pytest.mark.parametrize("name", ["mean-l1", "nearest-l2", "deformable"])
def test_images_of_another_shape_are_refused(name):
    model = MAKERS[name]().fit(np.zeros((2, 3, 3), np.uint8), [0, 1])
    with pytest.raises(InputError, match="images are 4x4: expected 3x3"):
        model.explain(np.zeros((1, 4, 4), np.uint8))


def test_edge_images_are_explained(edge_images):
    for make in MAKERS.values():
        model = make().fit(edge_images, np.arange(8) % 2)
        for evidence in model.explain(edge_images):
            assert evidence.contributions.sum() == pytest.approx(evidence.margin, abs=1e-12)


def test_plain_data_can_be_written_as_json(digit_models, digits):
    for model in digit_models:
        evidence = model.explain(digits.valid.images[:1])[0]
        facts = json.loads(json.dumps(evidence.to_plain()))
        assert facts["answer"] == evidence.answer
        assert len(facts["distances"]) == 10
        if facts["contributions"] is not None:
            assert np.sum(facts["contributions"]) == pytest.approx(facts["margin"])


def test_explanations_are_a_sequence(digit_models, digits):
    explained = digit_models[0].explain(digits.valid.images[:12])
    assert len(explained) == 12
    assert explained[-1] is list(explained)[11]
    assert [one.answer for one in explained[2:4]] == [explained[2].answer, explained[3].answer]
    assert repr(explained[:1]) == f"<Explanations of 1 image: {explained[0].answer}>"
    assert repr(explained).endswith(", ...>")
