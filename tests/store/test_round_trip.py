import copy
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from storing import BATCHES, IDEAS, KEEPING, LABELS, TEACHABLE, answers, assert_same, images, made

import lookalike
from lookalike import (
    ClusterImages,
    DeformableMatch,
    MeanImage,
    NearestImages,
    Prepare,
    load_model,
    save_model,
)
from lookalike.prepare import Blur
from lookalike.store.models import unsaved_info


def there_and_back(model, tmp_path):
    return load_model(save_model(model, tmp_path / "model.lookalike"))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", IDEAS)
def test_an_opened_model_gives_the_same_answers_to_the_bit(name, batch, tmp_path):
    X, y = BATCHES[batch](), LABELS["int64"]()
    model = made(name, X).fit(X, y)
    again = there_and_back(model, tmp_path)
    assert type(again) is type(model)
    assert repr(again) == repr(model)
    assert again.image_shape_ == model.image_shape_
    assert_same(answers(model, X), answers(again, X))


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", ["mean-l1", "median-l1", "nearest-l1", "deformable"])
def test_labels_come_back_with_their_dtype(name, labels, tmp_path):
    model = IDEAS[name]().fit(images(), LABELS[labels]())
    again = there_and_back(model, tmp_path)
    assert_same(answers(model, images()), answers(again, images()))
    assert [type(label) for label in again.classes_.tolist()] == [
        type(label) for label in model.classes_.tolist()
    ]


@pytest.mark.parametrize("batch", ["bytes", "colour", "floats", "table"])
@pytest.mark.parametrize("name", TEACHABLE)
def test_it_goes_on_learning_and_forgetting_the_same(name, batch, tmp_path):
    X, y = BATCHES[batch](), LABELS["texts"]()
    model = made(name, X).fit(X[:20], y[:20])
    again = there_and_back(model, tmp_path)
    for one in (model, again):
        one.partial_fit(X[20:25], y[20:25])
        one.teach(X[25:28], ["new", "a", "zebra"])
        if name in KEEPING:
            one.forget([0, 7, 20])
            one.teach(X[28:], ["new", "new"])
    assert_same(answers(model, X), answers(again, X))
    assert_same(answers(model, X), answers(there_and_back(again, tmp_path), X))


@pytest.mark.parametrize("name", IDEAS)
def test_an_opened_model_can_be_copied_and_pickled(name, tmp_path):
    model = there_and_back(IDEAS[name]().fit(images(), LABELS["texts"]()), tmp_path)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert_same(answers(model, images()), answers(again, images()))


@pytest.mark.parametrize("name", ["mean-l1", "nearest-l1", "deformable"])
def test_columns_keep_their_names(name, tmp_path):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(images().reshape(30, -1), columns=[f"pixel {place}" for place in range(42)])
    model = made(name, table).fit(table, LABELS["int64"]())
    assert model.feature_names_in_[3] == "pixel 3"
    again = there_and_back(model, tmp_path)
    np.testing.assert_array_equal(again.feature_names_in_, model.feature_names_in_, strict=True)
    assert_same(answers(model, table), answers(again, table))


@pytest.mark.parametrize(
    "model",
    [
        NearestImages(np.int64(3), metric="l2"),
        MeanImage("l2", average="median"),
        DeformableMatch(None, (2, 1), 0, candidates=np.int32(5)),
        DeformableMatch(Prepare([Blur(np.float64(0.7))]), n_neighbors=1),
    ],
    ids=["nearest", "median", "deformable", "prepared"],
)
def test_parameters_come_back(model, tmp_path):
    again = there_and_back(model.fit(images(), LABELS["int64"]()), tmp_path)
    plain = re.sub(r"np\.\w+\(([0-9.]+)\)", r"\1", repr(model))
    assert repr(again).split() == plain.split()


@pytest.mark.parametrize(
    ("fitted", "changed"),
    [
        (NearestImages(metric="l1"), {"metric": "l2", "n_neighbors": 3, "weights": "distance"}),
        (MeanImage("l1"), {"metric": "l2", "average": "median", "prepare": "auto"}),
        (MeanImage("l2", average="median"), {"average": "mean"}),
        (ClusterImages(2, metric="l1"), {"metric": "l2", "per_class": 3, "random_state": 7}),
        (DeformableMatch(None), {"warp": 3, "planes": "values", "n_neighbors": 5, "prepare": "auto"}),
        (DeformableMatch(Prepare([Blur(0.7)])), {"prepare": None, "candidates": 2, "image_shape": (6, 7)}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parameters_set_after_the_fit_wait_for_the_next(fitted, changed, tmp_path):
    X, y = images(), LABELS["int64"]()
    model = clone(fitted).fit(X, y)
    title = unsaved_info(model).title
    expected = {"proba": model.predict_proba(X), **answers(model, X)}
    model.set_params(**changed)
    assert_same(expected, {"proba": model.predict_proba(X), **answers(model, X)})
    again = there_and_back(model, tmp_path)
    assert_same(expected, {"proba": again.predict_proba(X), **answers(again, X)})
    assert (unsaved_info(again).title, repr(again)) == (title, repr(fitted))
    # What is learned next is learned as before, too.
    for one in (model, again):
        if hasattr(one, "ids_"):
            one.forget(one.teach(X[:2] // 2, y[:2]))
    assert_same(answers(model, X), answers(again, X))
    assert_same(answers(model.fit(X, y), X), answers(clone(model).fit(X, y), X))


def test_a_preparation_changed_after_the_fit_waits_for_the_next(tmp_path):
    own = Prepare([Blur(0.7)])
    model = NearestImages(prepare=own).fit(images(), LABELS["int64"]())
    expected = answers(model, images())
    own.steps[0].set_params(sigma=2.0)
    assert_same(expected, answers(model, images()))
    again = there_and_back(model, tmp_path)
    assert_same(expected, answers(again, images()))
    assert again.prepare.steps[0].sigma == 0.7


def test_rows_that_are_images_come_back(tmp_path):
    rows = images().reshape(30, -1)
    model = DeformableMatch(image_shape=(7, 6)).fit(rows, LABELS["int64"]())
    assert_same(answers(model, rows), answers(there_and_back(model, tmp_path), rows))


def test_more_images_than_are_all_compared_keep_their_descriptions(tmp_path):
    many = np.random.default_rng(0).integers(0, 256, (1100, 9, 8), dtype=np.uint8)
    model = DeformableMatch().fit(many, np.arange(1100) % 7)
    again = there_and_back(model, tmp_path)
    assert again.recogniser_.matcher.index.is_described
    assert again.candidates_ == 100
    assert_same(answers(model, many[:20]), answers(again, many[:20]))
    for one in (model, again):
        one.forget(one.teach(many[:1], [7]))
        one.forget([3, 500])
    assert_same(answers(model, many[:20]), answers(again, many[:20]))


def test_the_same_model_makes_the_same_file(tmp_path):
    model = NearestImages().fit(images(), LABELS["texts"]())
    first = save_model(model, tmp_path / "first").read_bytes()
    assert save_model(model, tmp_path / "second").read_bytes() == first
    assert save_model(load_model(tmp_path / "first"), tmp_path / "third").read_bytes() == first


def test_a_class_without_images_comes_back(tmp_path):
    for model in (MeanImage(), NearestImages()):
        model.partial_fit(images()[:2], [1, 5], classes=[1, 3, 5])
        again = there_and_back(model, tmp_path)
        assert_same(answers(model, images()), answers(again, images()))
        for one in (model, again):
            one.partial_fit(images()[2:3], [3])
        assert_same(answers(model, images()), answers(again, images()))


def test_real_digits(tmp_path):
    train, valid = lookalike.load("digits")
    for make in IDEAS.values():
        model = make().fit(train.images, train.labels)
        assert_same(answers(model, valid.images), answers(there_and_back(model, tmp_path), valid.images))
