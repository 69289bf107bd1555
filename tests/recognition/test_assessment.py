"""All that one search knows: each field is what the single methods say."""

import numpy as np
import pytest
from asking import ASKED, IDEAS, asked, made, training

from lookalike import InputError, NearestImages
from lookalike.recognition.assessment import Assessment
from lookalike.recognition.recogniser import Recogniser

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")


@pytest.fixture(params=IDEAS)
def model(request):
    return made(request.param).fit(*training())


def strange():
    """Return drawings, a blank image and noise."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    return np.concatenate([asked(), np.full((1, 16, 16), 9, np.uint8), noise])


@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.7])
def test_every_field_is_what_the_methods_say(model, alpha):
    images = strange()
    found = model.assess(images, alpha)
    assert isinstance(found, Assessment)
    assert len(found) == len(images) == ASKED + 3
    answers = model.answer(images, alpha)
    np.testing.assert_array_equal(found.classes, model.classes_)
    np.testing.assert_array_equal(found.labels, model.predict(images))
    np.testing.assert_array_equal(found.distances, answers.distances)
    np.testing.assert_array_equal(found.class_distances, model.class_distances(images))
    np.testing.assert_array_equal(found.probabilities, model.predict_proba(images))
    np.testing.assert_array_equal(found.sets, model.predict_set(images, alpha))
    np.testing.assert_array_equal(found.rejected, answers.rejected)
    assert (found.alpha, found.basis) == (alpha, model.rejection_basis(alpha))
    np.testing.assert_array_equal(found.blank, [False] * ASKED + [True] + [False] * 2)
    matches = model.match(images)
    np.testing.assert_array_equal(found.nearest_distances, matches.distances)
    ids = model.ids_[matches.places] if hasattr(model, "ids_") else matches.places
    np.testing.assert_array_equal(found.nearest, ids)
    if found.basis.kind == "rule of thumb":
        assert np.isnan(found.p_values).all()
    else:
        assert ((found.p_values > 0) & (found.p_values <= 2)).all()
        np.testing.assert_array_equal((found.p_values > alpha) & ~found.blank[:, None], found.sets)


def test_p_values_are_shares_of_the_training_images_that_are_as_unlike(digits):
    train, valid = digits
    model = NearestImages().fit(train.images[:600], train.labels[:600])
    found = model.assess(valid.images[:30], 0.06)
    assert found.basis.kind == "each class"
    left_out = model.recogniser_.left_out()
    for row, line in enumerate(found.class_distances):
        for code in range(10):
            own = left_out.codes == code
            other = np.delete(line, code).min()
            known = left_out.distances[own]
            others = np.delete(known, code, axis=1).min(axis=1)
            shares = [
                (1 + (of_known >= mine).sum()) / (own.sum() + 1)
                for of_known, mine in (
                    (known[:, code], line[code]),
                    (known[:, code] / others, line[code] / other),
                )
            ]
            assert found.p_values[row, code] == pytest.approx(2 * min(shares), abs=1e-12)


def test_other_levels_need_no_other_search(model, monkeypatch):
    images = strange()
    found = model.assess(images)
    levels = [0.01, 0.05, 0.2, 0.5, 0.9]
    expected = [model.predict_set(images, level) for level in levels]
    monkeypatch.setattr(type(model.recogniser_.matcher), "match", lambda *_, **__: pytest.fail("searched"))
    for level, sets in zip(levels, expected, strict=True):
        np.testing.assert_array_equal(found.sets_at(level), sets)
    np.testing.assert_array_equal(found.sets_at(found.alpha), found.sets)
    for wrong in (0, 1, "0.1", True):
        with pytest.raises(InputError, match="expected a level above 0 and below 1"):
            found.sets_at(wrong)


def test_as_many_of_the_nearest_as_are_asked_for():
    images, labels = training()
    model = NearestImages(3).fit(images, labels)
    model.forget([0, 4])
    near, places = model.kneighbors(asked(), 5)
    few, default, many = (model.assess(asked(), n_neighbors=k) for k in (1, None, 5))
    np.testing.assert_array_equal(many.nearest, model.ids_[places])
    np.testing.assert_array_equal(many.nearest_distances, near)
    np.testing.assert_array_equal(default.nearest, model.ids_[places[:, :3]])
    np.testing.assert_array_equal(few.nearest, model.ids_[places[:, :1]])
    for one in (few, many):
        # How many are shown does not change who votes.
        np.testing.assert_array_equal(one.labels, model.predict(asked()))
        np.testing.assert_array_equal(one.probabilities, model.predict_proba(asked()))
    with pytest.raises(InputError, match="n_neighbors is 17: expected 1 to 16"):
        model.assess(asked(), n_neighbors=17)


def test_a_class_without_images_is_impossible():
    images, labels = training()
    model = NearestImages().partial_fit(images, labels, classes=["a", "b", "c", "none"])
    found = model.assess(asked(), 0.2)
    assert np.isinf(found.class_distances[:, 3]).all()
    assert not found.probabilities[:, 3].any()
    assert not found.sets[:, 3].any()
    if found.basis.kind != "rule of thumb":
        assert not found.p_values[:, 3].any()


def test_a_data_frame_has_a_row_an_image(model):
    pandas = pytest.importorskip("pandas")
    found = model.assess(strange(), 0.2)
    frame = found.frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame) == ["label", "distance", "probability", "p_value", "rejected", "set", "nearest"]
    assert frame["label"].tolist() == found.labels.tolist()
    np.testing.assert_array_equal(frame["distance"], found.distances)
    np.testing.assert_array_equal(frame["rejected"], found.rejected)
    np.testing.assert_array_equal(frame["nearest"], found.nearest[:, 0])
    for row, line in frame.iterrows():
        code = found.classes.tolist().index(line["label"])
        assert line["probability"] == found.probabilities[row, code]
        np.testing.assert_equal(line["p_value"], found.p_values[row, code])
        assert line["set"] == tuple(found.classes[found.sets[row]].tolist())


def test_it_is_of_one_moment(model):
    """What a model learns later does not change what was said."""
    found = model.assess(strange(), 0.2)
    kept, sets = (
        {key: np.copy(value) for key, value in vars(found).items() if isinstance(value, np.ndarray)},
        (found.sets_at(0.5)),
    )
    if hasattr(model, "partial_fit"):
        model.teach(strange()[-2:], ["a", "new"])
        model.predict_set(strange(), 0.2)
    for key, value in kept.items():
        np.testing.assert_array_equal(getattr(found, key), value)
    np.testing.assert_array_equal(found.sets_at(0.5), sets)


def test_what_a_preparation_makes_even_of_another_polarity_is_rejected_and_not_blank(monkeypatch):
    """Dark strokes, cut off where light is taken for ink, are still there to be seen."""
    images, labels = training()
    model = NearestImages().fit(images, labels)
    model.rejection_basis()

    def cut_off(self, images, *_):
        rest = images.astype(int) - np.median(images, axis=(1, 2), keepdims=True)
        return np.clip(rest, 0, 255).astype(np.uint8)

    monkeypatch.setattr(Recogniser, "seen", cut_off)
    inked = images[images.std(axis=(1, 2)) > 255 / 8]
    asked_for = np.concatenate([255 - inked, np.full((1, *images.shape[1:]), 200, np.uint8)])
    found = model.assess(asked_for)
    assert found.rejected.all()
    assert found.blank.tolist() == [False] * len(inked) + [True]
    assert len(inked) > 9
