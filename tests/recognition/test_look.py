import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from apart import changed, put_together, taken_apart
from drawings import told_of
from lookalike import (
    DeformableMatch,
    FitToInk,
    InkCoverage,
    LookalikeWarning,
    MeanImage,
    NearestImages,
    Prepare,
)
from lookalike.data.look import look

MODELS = {
    "mean": MeanImage(),
    "median": MeanImage(average="median"),
    "coverage": InkCoverage(),
    "nearest": NearestImages(),
    "deformable": DeformableMatch(),
}


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


def fit_on_rows(model, images):
    """Fit on rows of numbers, and return them."""
    rows = images.images.reshape(len(images), -1)
    told_of(model, rows).fit(rows, images.labels)
    return rows


def test_the_look_of_the_training_images_is_kept(model, digits):
    model.fit(digits.train.images, digits.train.labels)
    assert model.look_ == look(digits.train.images)
    model.fit(digits.valid.images / 255, digits.valid.labels)
    assert model.look_ == look(digits.valid.images)
    fit_on_rows(model, digits.valid)
    assert model.look_ is None


@pytest.mark.parametrize("name", ["mean", "coverage", "nearest", "deformable"])
def test_the_look_adds_up(name, digits):
    images, labels = digits.train.images[:60], digits.train.labels[:60]
    model = clone(MODELS[name])
    for start in range(0, 60, 20):
        part = slice(start, start + 20)
        model.partial_fit(images[part], labels[part], classes=np.arange(10))
    assert model.look_ == look(images)
    model.teach(255 - images[:5], labels[:5])
    assert model.look_ == look(np.concatenate([images, 255 - images[:5]]))


def test_warns_once_for_each_kind_and_call(model, digits):
    model.fit(digits.train.images, digits.train.labels)
    expected = model.predict(digits.valid.images)
    with pytest.warns(LookalikeWarning) as caught:
        model.predict(255 - digits.valid.images)
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message) == (
        "359 of 359 images are dark on light; the training images are light on dark: "
        "invert them (255 - images)"
    )
    mixed = digits.valid.images.copy()
    mixed[:20] = 255 - mixed[:20]
    mixed[20] = 0
    with pytest.warns(LookalikeWarning) as caught:
        answers = model.predict(mixed)
    assert [str(warning.message).split(";")[0] for warning in caught] == [
        "20 of 359 images are dark on light",
        "1 of 359 images is blank (the first is at place 20)",
    ]
    # A warning changes no answer, nor the next one.
    np.testing.assert_array_equal(answers[21:], expected[21:])
    np.testing.assert_array_equal(model.predict(digits.valid.images), expected)


def test_bytes_that_are_0_and_1(model, digits):
    model.fit(digits.train.images, digits.train.labels)
    with pytest.warns(LookalikeWarning, match="as if 0-1 had been read as 0-255.*: multiply them by 255"):
        model.predict((digits.valid.images[10:13] > 100).astype(np.uint8))


def test_tables_are_never_looked_at(model, digits):
    rows = fit_on_rows(model, digits.train)
    model.predict(255 - rows[:20])
    model.predict(np.zeros_like(rows[:20]))


def test_rows_of_another_scale_are_warned_of(model, digits):
    # scaled for the fit and not for the answers, or the other way round: 10 % are right, and nothing was said
    rows = fit_on_rows(model, digits.train)
    model.predict(rows[:20] * 4.0)
    said = "20 of 20 rows span .* from their least to largest value; the training rows span 223 to 255: bring"
    for factor in (1 / 255, 255.0, 1e300):
        with pytest.warns(LookalikeWarning, match=said):
            model.predict(rows[:20] * factor)
    again = taken_apart(model)
    with pytest.warns(LookalikeWarning, match="1 of 1 row spans .* from its least to largest value"):
        put_together(model, again).predict(rows[:1] / 255)
    del again.arrays["row_spans"]
    put_together(model, again).predict(rows[:20] / 255)


def test_rows_that_are_taught_are_as_wide_as_they_are(digits):
    model = MeanImage()
    rows = fit_on_rows(model, digits.train)
    model.partial_fit(rows[:5] * 100.0, digits.train.labels[:5])
    model.predict(rows[:20] * 100.0)
    assert model.recogniser_.row_spans.tolist() == [len(rows) + 5, 223, 25500]


def test_what_is_refused_is_refused_as_ever(model, digits):
    model.fit(digits.train.images, digits.train.labels)
    with pytest.raises(ValueError, match="images are 4x8: expected 8x8, as in fit"):
        model.predict(digits.valid.images[:, :4])
    with pytest.raises(ValueError, match="images hold nan"):
        model.predict(np.full((1, 8, 8), np.nan))
    with pytest.raises(ValueError, match="expected images"):
        model.predict(np.zeros((1, 64)))


def test_the_look_survives_storing(model, digits):
    model.fit(digits.train.images, digits.train.labels)
    assert pickle.loads(pickle.dumps(model)).look_ == model.look_  # noqa: S301
    plain = taken_apart(model)
    assert put_together(model, plain).look_ == model.look_
    again = put_together(model, changed(plain, facts={"look": None}))
    assert again.look_ is None
    again.predict(255 - digits.valid.images[:50])
    for wrong in ([1, 2], "look", [0.5] * 8, [-1] * 8):
        with pytest.raises(ValueError, match="look"):
            put_together(model, changed(plain, facts={"look": wrong}))


def test_what_the_preparation_mends_is_not_said(digits):
    images = np.pad(digits.train.images, ((0, 0), (8, 8), (8, 8)))
    large = digits.valid.images[:20].repeat(3, axis=1).repeat(3, axis=2)
    plain = DeformableMatch(prepare=None).fit(images, digits.train.labels)
    with pytest.warns(LookalikeWarning, match="the ink of 20 of 20 images is much larger"):
        plain.predict(large)
    fitted = DeformableMatch(prepare=Prepare([FitToInk()])).fit(images, digits.train.labels)
    fitted.predict(large)


def test_gradients_that_forget_polarity_need_no_warning():
    rng = np.random.default_rng(0)
    # Uneven light and coarse noise: photographs, of light marks on dark.
    images = rng.integers(0, 90, (60, 12, 10)).astype(np.uint8)
    images[:, 3:9, 3:7] += 120
    labels = np.arange(60) % 2
    images[labels == 1, 3:6, 3:7] -= 60
    model = DeformableMatch().fit(images, labels)
    assert model.planes_ == "double-angle"
    model.predict(255 - images[:20])
    with pytest.warns(LookalikeWarning, match="20 of 20 images are dark on light"):
        NearestImages().fit(images, labels).predict(255 - images[:20])


def test_real_sets_give_no_false_alarm(mnist_sample, shared_data, digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LookalikeWarning)
        for train, valid in (mnist_sample, digits):
            model = MeanImage().fit(train.images, train.labels)
            model.predict(train.images)
            model.predict(valid.images)
            for image in valid.images[:200]:
                model.predict(image[None])
