"""Labels in every form that NumPy, SciPy and pandas have: learned, or refused in our words."""

import numpy as np
import pytest
import scipy.sparse

import lookalike
from lookalike import InputError, NearestImages

IMAGES = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3) * 7
TEXTS = np.array(["a", "b", "a", "b"])
STRING = np.dtypes.StringDType()


class Thing:
    pass


REFUSED = [
    ([b"a", b"b", b"a", b"b"], "are bytes: expected texts or whole numbers"),
    (np.array([b"a", b"b"] * 2), "are bytes: expected texts or whole numbers"),
    (np.array([b"a", b"b"] * 2, object), "are bytes: expected texts or whole numbers"),
    (
        scipy.sparse.csr_matrix([[1], [2], [1], [2]]),
        r"are sparse \(csr_matrix\): expected an array of one label",
    ),
    (scipy.sparse.coo_array([1, 2, 1, 2]), r"are sparse \(coo_array\): expected an array"),
    (np.zeros(4, [("a", int)]), "expected texts or whole numbers"),
]


@pytest.mark.parametrize(("labels", "message"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_can_be_no_label_is_refused_everywhere(labels, message):
    model = NearestImages().fit(IMAGES, [1, 2, 1, 2])
    for asked in (
        lambda: NearestImages().fit(IMAGES, labels),
        lambda: NearestImages().partial_fit(IMAGES, labels, classes=[1, 2]),
        lambda: NearestImages().partial_fit(IMAGES, [1, 2, 1, 2], classes=labels),
        lambda: model.teach(IMAGES, labels),
        lambda: model.score(IMAGES, labels),
        lambda: lookalike.evaluate(model, IMAGES, labels),
        lambda: lookalike.compare((IMAGES, labels), (IMAGES, labels), ["nearest-l2"]),
    ):
        with pytest.raises(InputError, match=message):
            asked()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([Thing()] * 4, r"y holds <.*\.\.\..*>: expected texts alone, or numbers alone"),
        ([(1, 2), (1,), (2,), (3,)], r"y holds \(1, 2\): expected texts alone|y differ in length"),
    ],
    ids=["objects", "tuples"],
)
def test_objects_that_are_neither_texts_nor_numbers_are_refused(labels, message):
    values = np.empty(4, object)
    values[:] = labels
    with pytest.raises(InputError, match=message):
        NearestImages().fit(IMAGES, values)
    with pytest.raises(InputError, match="expected integers or strings"):
        lookalike.compare((IMAGES, values), (IMAGES, values), ["nearest-l2"])


def test_texts_of_numpys_own_kind_and_objects_that_are_numbers_are_learned():
    model = NearestImages().fit(IMAGES, TEXTS.astype(STRING))
    assert (model.classes_.dtype, model.predict(IMAGES).tolist()) == ("<U1", TEXTS.tolist())
    assert model.score(IMAGES, TEXTS.astype(STRING)) == 1
    numbers = NearestImages().fit(IMAGES, np.array([1, 2, 1, 2], object))
    assert (numbers.classes_.dtype, numbers.score(IMAGES, [1, 2, 1, 2])) == (np.int64, 1)
    assert lookalike.evaluate(model, IMAGES, TEXTS.astype(STRING)).accuracy.hits == 4
    with pytest.raises(InputError, match="y holds None at 1: expected one label for each image"):
        NearestImages().fit(IMAGES, np.array(["a", None, "a", "b"], np.dtypes.StringDType(na_object=None)))


def test_a_score_of_other_labels_than_the_classes_is_refused():
    model = NearestImages().fit(IMAGES, [1, 2, 1, 2])
    with pytest.raises(
        InputError, match="y holds texts, and the classes are numbers: expected labels such as 1, 2"
    ):
        model.score(IMAGES, TEXTS)


def test_one_image_is_said_to_be_no_batch():
    images = np.arange(80, dtype=np.uint8).reshape(4, 5, 4)
    colour = np.repeat(images[..., None], 3, axis=3)
    gray, of_colour = (NearestImages().fit(some, [1, 2, 1, 2]) for some in (images, colour))
    for model, image in ((gray, images[0]), (gray, colour[0]), (of_colour, colour[0])):
        with pytest.raises(InputError, match=r"one image alone is image\[None\]"):
            model.predict(image)
    with pytest.raises(
        InputError, match=r"1 labels for 3 images: expected one for each; one image alone is X\["
    ):
        NearestImages().fit(IMAGES[0], [1])
    with pytest.raises(InputError, match="resize them first") as error:
        gray.predict(np.zeros((2, 4, 9), np.uint8))
    assert "alone" not in str(error.value)
