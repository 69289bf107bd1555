import copy
import pickle
import re

import numpy as np
import pytest
from storing import BATCHES, IDEAS, KEEPING, LABELS, TEACHABLE, answers, assert_same, images

import lookalike
from lookalike import DeformableMatch, MeanImage, NearestImages, Prepare, load_model, save_model
from lookalike.prepare import Blur


def there_and_back(model, tmp_path):
    return load_model(save_model(model, tmp_path / "model.lookalike"))


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", IDEAS)
def test_an_opened_model_gives_the_same_answers_to_the_bit(name, batch, tmp_path):
    X, y = BATCHES[batch](), LABELS["int64"]()
    model = IDEAS[name]().fit(X, y)
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
    model = IDEAS[name]().fit(X[:20], y[:20])
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
    model = IDEAS[name]().fit(table, LABELS["int64"]())
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
