from dataclasses import replace

import numpy as np
import pytest

import lookalike
from lookalike import InputError, appraise
from lookalike.data.labelled import LabelledImages, Source
from lookalike.data.loose import LooseBatch
from lookalike.evaluation.appraise import LEVELS, made_out_of_distribution
from lookalike.evaluation.evaluate import reliability, unwarned
from lookalike.search.pixels import PixelMatcher


@pytest.fixture(scope="module")
def model(digits):
    return lookalike.NearestImages(metric="l2").fit(digits.train.images, digits.train.labels)


@pytest.fixture(scope="module")
def found(model, digits):
    return appraise(model, digits.valid)


def test_answers_and_probabilities_are_the_models_own(found, model, digits):
    valid = digits.valid
    np.testing.assert_array_equal(found.evaluation.predictions, model.predict(valid.images))
    shares = model.predict_proba(valid.images)
    expected = reliability(shares, model.classes_, valid.labels)
    assert found.evaluation.reliability.error == expected.error
    assert [one.right for one in found.evaluation.reliability.bins] == [one.right for one in expected.bins]
    np.testing.assert_array_equal(found.confidence, shares.max(axis=1))
    assert found.notes == ()


def test_each_level_rejects_what_the_model_rejects(found, model, digits):
    valid = digits.valid
    right = model.predict(valid.images) == valid.labels
    for level in found.levels:
        rejected = ~model.predict_set(valid.images, level.alpha).any(axis=1)
        assert (level.known.hits, level.known.n) == (rejected.sum(), len(valid))
        assert (level.right.hits, level.right.n) == (rejected[right].sum(), right.sum())
        assert (level.wrong.hits, level.wrong.n) == (rejected[~right].sum(), (~right).sum())
        assert level.basis == model.rejection_basis(level.alpha)
        for one, share in zip(found.out_of_distribution, level.out_of_distribution, strict=True):
            with unwarned():
                none = ~model.predict_set(one.images, level.alpha).any(axis=1)
            assert (share.hits, share.n) == (none.sum(), len(none))
    assert found.chosen.wrong.n == len(found.evaluation.mistakes) > 0
    np.testing.assert_array_equal(found.rejected, model.answer(valid.images, 0.05).rejected)


def test_each_level_says_what_its_sets_cover(found, model, digits):
    valid = digits.valid
    assert [level.alpha for level in found.levels] == list(LEVELS)
    for level in found.levels[::4]:
        sets = model.predict_set(valid.images, level.alpha)
        is_in = sets[np.arange(len(sets)), valid.labels]
        assert (level.covered.hits, level.covered.n) == (is_in.sum(), len(valid))
        assert [rate.hits for rate in level.class_covered] == np.bincount(valid.labels, is_in).tolist()
        assert level.set_size == sets.sum(axis=1).mean()
    rejected = [level.known.hits for level in found.levels]
    assert rejected == sorted(rejected)
    assert rejected[-1] > rejected[0]


def test_images_and_those_of_each_kind_are_searched_once(digits, monkeypatch):
    few = digits.train.take(slice(0, 300))
    fitted = lookalike.NearestImages().fit(few.images, few.labels)
    fitted.rejection_basis()
    asked = []
    match = PixelMatcher.match
    monkeypatch.setattr(
        PixelMatcher, "match", lambda self, X, *a, **k: asked.append(len(X)) or match(self, X, *a, **k)
    )
    appraise(fitted, digits.valid.take(slice(0, 40)), {"digits": digits.train.images[-7:]})
    assert asked == [40, 7, 40, 40, 64]


def test_arrays_are_appraised_as_labelled_images_are(model, digits):
    few = digits.valid.take(slice(0, 40))
    found = appraise(model, (few.images, few.labels), levels=[0.1])
    assert [level.alpha for level in found.levels] == [0.05, 0.1]
    assert (found.data.source.name, found.data.source.part) == ("arrays", "valid")
    assert found.evaluation.accuracy == appraise(model, few).evaluation.accuracy


def test_another_level_is_among_the_levels(model, digits):
    few = digits.valid.take(slice(0, 40))
    found = appraise(model, few, alpha=0.123)
    assert found.chosen.alpha == 0.123
    assert [level.alpha for level in found.levels] == sorted({level.alpha for level in found.levels})
    with pytest.raises(InputError, match=r"alpha is 1\.0"):
        appraise(model, few, alpha=1.0)


def test_images_of_classes_the_model_does_not_know_are_out_of_distribution(model, digits):
    few = digits.valid.take(slice(0, 40))
    labels = few.labels.astype(str)
    labels[[3, 9]] = "none"
    mixed = replace(few, labels=labels, class_names=(*few.class_names, "none"))
    found = appraise(model, mixed)
    kept = np.delete(np.arange(40), [3, 9])
    assert found.data.labels.tolist() == few.labels[kept].tolist()
    assert found.evaluation.accuracy.n == 38
    first = found.out_of_distribution[0]
    assert (first.kind, first.made) == ("images of other classes", False)
    np.testing.assert_array_equal(first.images, few.images[[3, 9]])
    assert first.names == (few.names[3], few.names[9])
    (note,) = found.notes
    assert note.startswith("2 of 40 images are of classes that the model does not know ('none')")
    with pytest.raises(InputError, match="no image of 'digits' is of a class that the model knows"):
        appraise(model, replace(few, labels=np.full(40, "x"), class_names=("x",)))


def test_what_is_given_comes_first(model, digits):
    given = {
        "letters": LooseBatch(tuple("abcde"), 255 - digits.valid.images[:5]),
        "more": digits.valid.images,
    }
    found = appraise(model, digits.valid.take(slice(0, 40)), given)
    assert found.out_of_distribution[0].names == tuple("abcde")
    assert found.out_of_distribution[1].names[:2] == ("more 1", "more 2")
    assert [one.kind for one in found.out_of_distribution[:3]] == ["letters", "more", "uniform noise"]


def test_images_that_the_model_was_fitted_on_are_said(model, digits, tmp_path):
    (note,) = appraise(model, digits.train.take(slice(0, 40))).notes
    assert note.startswith("40 of 40 images are the same as a training image")
    means = lookalike.MeanImage().fit(digits.train.images, digits.train.labels)
    assert appraise(means, digits.train).notes == ()
    lookalike.save_model(means, tmp_path / "m", data=digits.train)
    kept = lookalike.load_model(tmp_path / "m")
    (note,) = appraise(kept, digits.train).notes
    assert "fitted on images of the same name and part" in note
    assert appraise(kept, digits.valid).notes == ()
    others = replace(digits.train, source=replace(digits.train.source, name="others"))
    assert appraise(kept, others).notes == ()


@pytest.mark.parametrize("idea", ["nearest-l2", "deformable"])
def test_training_images_are_counted_whatever_is_answered(digits, idea):
    few = digits.train.take(slice(0, 300))
    voting = lookalike.registry.idea(idea).make().set_params(n_neighbors=7).fit(few.images, few.labels)
    mixed = replace(
        digits.train,
        images=np.concatenate([few.images, digits.valid.images])[:400],
        labels=np.concatenate([few.labels, digits.valid.labels])[:400],
        names=digits.train.names[:400],
    )
    found = appraise(voting, mixed)
    assert (found.evaluation.predictions != mixed.labels)[:300].any()
    (note,) = found.notes
    prepared = ", as the model prepares them" if idea == "deformable" else ""
    assert note.startswith(f"300 of 400 images are the same as a training image{prepared}: what is")


@pytest.mark.parametrize("idea", ["ink-coverage", "mean-image-l1", "clusters-l2", "deformable"])
def test_every_idea_is_appraised(digits, idea):
    few = digits.train.take(slice(0, 200))
    fitted = lookalike.registry.idea(idea).make().fit(few.images, few.labels)
    found = appraise(fitted, digits.valid.take(slice(0, 60)))
    np.testing.assert_array_equal(found.evaluation.predictions, fitted.predict(found.data.images))
    assert len(found.levels) == 12


def test_a_single_image_a_class_is_enough(digits):
    places = [int(np.flatnonzero(digits.train.labels == label)[0]) for label in range(10)]
    fitted = lookalike.NearestImages().fit(digits.train.images[places], digits.train.labels[places])
    found = appraise(fitted, digits.valid.take(slice(0, 60)))
    assert found.levels[0].basis.kind == "rule of thumb"
    assert not fitted.calibrated_


def test_gray_and_colour_meet_where_that_is_unambiguous(model, digits):
    few = digits.valid.take(slice(0, 30))
    colour = replace(few, images=np.repeat(few.images[..., None], 3, axis=3))
    assert appraise(model, colour).evaluation.accuracy == appraise(model, few).evaluation.accuracy
    coloured = lookalike.MeanImage().fit(colour.images, colour.labels)
    assert appraise(coloured, few).data.images.shape == (30, 8, 8, 3)
    red = colour.images.copy()
    red[0, 0, 0, 0] ^= 1
    with pytest.raises(InputError, match=r"are of 3 channels and the model's are gray"):
        appraise(model, replace(colour, images=red))
    with pytest.raises(InputError, match=r"are 16 x 8 \(height x width\).* 8 x 8: .*--size 8x8"):
        appraise(model, replace(few, images=np.repeat(few.images, 2, axis=1)))


def test_warnings_of_strange_images_come_once(digits):
    fitted = lookalike.MeanImage().fit(digits.train.images, digits.train.labels)
    few = digits.valid.take(slice(0, 40))
    inverted = replace(few, images=255 - few.images)
    with pytest.warns(lookalike.LookalikeWarning) as warned:
        appraise(fitted, inverted)
    assert len({str(one.message) for one in warned}) == len(warned)


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64], ids=["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 4), (3, 2, 3)], ids=str)
def test_made_images_are_of_the_images_kind(kind, shape):
    rng = np.random.default_rng(0)
    images = rng.random((7, *shape))
    images = (images * 255).astype(kind) if kind is np.uint8 else images.astype(kind)
    noise, exchanged, blanks = made_out_of_distribution(images, seed=3)
    for one in (noise, exchanged, blanks):
        assert one.images.dtype == kind
        assert one.images.shape[1:] == shape
        assert len(one.names) == len(one.images)
        assert one.images.min() >= 0
        assert one.images.max() <= (255 if kind is np.uint8 else 1)
    np.testing.assert_allclose(exchanged.images, (255 if kind is np.uint8 else 1) - images)
    assert len(np.unique(blanks.images.reshape(64, -1), axis=1).T[0]) == 64
    assert (np.ptp(blanks.images.reshape(64, -1), axis=1) == 0).all()
    np.testing.assert_array_equal(noise.images, made_out_of_distribution(images, seed=3)[0].images)


def test_at_most_500_are_made_and_exchanged_ones_are_evenly_spaced():
    images = np.arange(2000, dtype=np.float64).reshape(-1, 1, 1) / 2000
    noise, exchanged, _ = made_out_of_distribution(images)
    assert (len(noise.images), len(exchanged.images)) == (500, 500)
    assert 1 - exchanged.images[[0, -1]].ravel() == pytest.approx([0, 1999 / 2000])


def test_floats_are_appraised(digits):
    def floats(part):
        return LabelledImages(
            images=part.images / 256 + 0.001,
            labels=part.labels,
            class_names=part.class_names,
            names=part.names,
            source=Source(),
        )

    fitted = lookalike.MeanImage().fit(floats(digits.train).images, digits.train.labels)
    found = appraise(fitted, floats(digits.valid))
    assert found.evaluation.accuracy.value > 0.8
    assert found.chosen.out_of_distribution[2].value == 1
