"""A fit that fails leaves the model as it was, and what is returned is the caller's own."""

import numpy as np
import pytest

from lookalike import MeanImage, NearestImages, evaluate
from lookalike.errors import InputError

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (20, 4, 5), np.uint8), np.arange(20) % 3


def test_a_fit_that_fails_changes_nothing():
    rows = RNG.normal(size=(20, 5))
    model = NearestImages().fit(rows, LABELS)
    with pytest.raises(InputError, match="3 labels for 20 images"):
        model.fit(np.hstack([rows, rows]), LABELS[:3])
    np.testing.assert_array_equal(model.predict(rows), LABELS)


@pytest.mark.parametrize("make", [NearestImages, MeanImage])
def test_writing_to_an_answer_leaves_the_model(make):
    model = make().fit(IMAGES, LABELS)
    expected = model.predict(IMAGES)
    model.assess(IMAGES).classes[:] = 7
    model.explain(IMAGES)[0].classes[:] = 7
    np.testing.assert_array_equal(model.predict(IMAGES), expected)


@pytest.mark.filterwarnings("ignore:.*blank")
def test_sets_at_another_level_are_tensors_where_images_were():
    torch = pytest.importorskip("torch")
    model = NearestImages().fit(IMAGES, LABELS)
    images = np.concatenate([IMAGES[:5], np.zeros((1, 4, 5), np.uint8)])
    found = model.assess(torch.from_numpy(images)).sets_at(0.2)
    np.testing.assert_array_equal(found.numpy(), model.predict_set(images, 0.2))


@pytest.mark.parametrize("kind", [float, str, np.int16])
def test_labels_of_another_kind_are_the_same_labels(kind):
    model = NearestImages().fit(IMAGES, LABELS)
    found = evaluate(model, IMAGES, LABELS.astype(kind), probabilities=True)
    assert found.accuracy.value == found.reliability.right.value == 1


@pytest.mark.parametrize("count", ["a", 1.5, True])
def test_a_number_of_neighbours_is_a_whole_number(count):
    with pytest.raises(InputError, match=r"n_neighbors is .*: expected a whole number"):
        NearestImages().fit(IMAGES, LABELS).kneighbors(IMAGES, count)
