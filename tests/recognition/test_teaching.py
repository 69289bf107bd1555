import numpy as np
import pytest
from sklearn.base import clone

from lookalike import DeformableMatch, InkCoverage, InputError, MeanImage, NearestImages
from lookalike.errors import LabelWarning
from lookalike.recognition.labels import as_classes

KEEPING = {
    "nearest-l1": NearestImages(),
    "nearest-l2": NearestImages(2, metric="l2"),
    "deformable": DeformableMatch(),
}
MODELS = {"coverage": InkCoverage(), "mean-l1": MeanImage(), "mean-l2": MeanImage("l2"), **KEEPING}


def images(n, seed=0, shape=(6, 6)):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


@pytest.fixture(params=KEEPING)
def keeping(request):
    return clone(KEEPING[request.param])


def said(model, batch):
    if hasattr(model, "kneighbors"):
        return [model.classes_, model.predict(batch), *model.kneighbors(batch, 2), model.labels_]
    return [model.classes_, model.predict(batch), model.class_distances(batch)]


def assert_says(model, batch, expected):
    for now, then in zip(said(model, batch), expected, strict=True):
        np.testing.assert_array_equal(now, then, strict=True)


def test_taught_at_once_or_bit_by_bit_or_fitted_it_is_the_same(model):
    X, y = images(12), np.array([4, 2, 9, 4, 2, 9, 4, 2, 9, 4, 2, 9])
    fitted = clone(model).fit(X, y)
    model.fit(X[:2], y[:2])
    for start in range(2, 12, 5):
        model.teach(X[start : start + 5], y[start : start + 5])
    queries = np.concatenate([X, images(20, 1)])
    assert_says(model, queries, said(fitted, queries))


def test_a_new_label_is_a_new_class_and_the_next_answer_knows_it(model):
    model.fit(images(4), ["b", "d", "b", "d"])
    # All ink and nothing else, which even coverage alone tells from noise.
    model.teach(np.full((1, 6, 6), 255, np.uint8), ["c"])
    assert model.classes_.tolist() == ["b", "c", "d"]
    assert model.predict(np.full((1, 6, 6), 255, np.uint8)).tolist() == ["c"]


def test_teaching_returns_the_ids_that_forget_takes(keeping):
    keeping.fit(images(3), [0, 1, 2])
    assert keeping.teach(images(2, 1), [2, 7]).tolist() == [3, 4]
    keeping.forget(4)
    assert keeping.teach(images(1, 2), [7]).tolist() == [5]
    assert keeping.ids_.tolist() == [0, 1, 2, 3, 5]


@pytest.mark.parametrize("name", ["coverage", "mean-l1", "mean-l2"])
def test_a_model_that_keeps_no_images_has_no_ids_to_return(name):
    ids = clone(MODELS[name]).fit(images(2), [0, 1]).teach(images(1, 1), [5])
    assert ids.shape == (0,)
    assert ids.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "taught"),
    [
        ([3, 5, 3, 5], [4, 9]),
        (np.array([3, 5, 3, 5], np.int8), [4, 300]),
        (np.array([3, 5, 3, 5], np.uint8), [4, -1]),
        (["b", "d", "b", "d"], ["a", "a much longer name"]),
        (np.array(["b", "d", "b", "d"], object), ["c", "e"]),
        (np.array([0.0, 2.0, 0.0, 2.0]), [1, 3.0]),
    ],
    ids=["int", "int8", "uint8", "text", "object", "float"],
)
def test_forgetting_what_was_taught_restores_the_earlier_answers_to_the_bit(keeping, labels, taught):
    queries = images(15, 4)
    keeping.fit(images(4), labels)
    before = said(keeping, queries)
    first = keeping.teach(images(2, 1), taught)
    second = keeping.teach(images(2, 2), [taught[0], labels[0]])
    assert len(keeping.classes_) == 4
    keeping.forget(first)
    assert taught[0] in keeping.classes_.tolist(), "one of its images is left"
    keeping.forget(second)
    assert_says(keeping, queries, before)


def test_forgetting_in_any_order_is_as_if_never_taught():
    many = images(1500, shape=(12, 12))
    model = NearestImages(metric="l2").fit(many, np.arange(1500) % 4)
    queries = images(30, 5, (12, 12))
    before = said(model, queries)
    taught = model.teach(images(40, 6, (12, 12)), np.arange(40) % 9)
    for ids in (taught[5:20], taught[30:], taught[:5], taught[20:30]):
        model.forget(ids)
        model.predict(queries)
    assert_says(model, queries, before)


def test_classes_of_fit_stay_without_images(keeping):
    keeping.partial_fit(images(2), [1, 2], classes=[1, 2, 3])
    keeping.forget(keeping.teach(images(1, 1), [3]))
    assert keeping.classes_.tolist() == [1, 2, 3]
    keeping.forget([0])
    assert keeping.classes_.tolist() == [1, 2, 3]


def test_partial_fit_knows_the_classes_that_were_taught(model):
    model.fit(images(4), [0, 4, 0, 4])
    model.teach(images(1, 1), [2])
    model.partial_fit(images(2, 2), [2, 4])
    with pytest.raises(InputError, match="label 3 is none of the classes"):
        model.partial_fit(images(1, 3), [3])
    fitted = clone(model).fit(np.concatenate([images(4), images(1, 1), images(2, 2)]), [0, 4, 0, 4, 2, 2, 4])
    assert_says(model, images(9, 7), said(fitted, images(9, 7)))


def test_a_fit_forgets_what_was_taught(model):
    model.fit(images(4), [0, 1, 0, 1])
    model.teach(images(1, 1), [9])
    model.fit(images(4), [0, 1, 0, 1])
    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("known", "labels", "message"),
    [
        ([0.0, 1.0], ["cat"], "label 'cat' is no class of .* kind: expected numbers, as 0.0, 1.0 are"),
        ([0, 1], [1.0], "label 1.0 is no class of this model's kind"),
        ([0, 1], [True], "label True is no class of this model's kind"),
        ([0, 1], [None], "label None is no class of this model's kind"),
        ([0, 1], [2**64], "label 18446744073709551616 is no number of 64 bits"),
        ([-1, 1], [2**64 - 1], "fit no integers of 64 bits"),
        (["a", "b"], [3], "label 3 is no class of this model's kind: expected texts, as 'a', 'b' are"),
        (np.array(["a", "b"], object), [3], "label 3 is no class of this model's kind"),
        ([True, False], [2], "label 2 is no class of this model's kind: expected truth values"),
        ([0.0, 1.0], [0.5], "label 0.5 is no class of this model's kind: expected numbers"),
        ([0, 1], [0, 1], r"labels have shape \(2,\): expected \(1,\), one for each image"),
        ([0, 1], 0, r"labels have shape \(\): expected \(1,\)"),
        ([0, 1], None, r"labels have shape \(\): expected \(1,\)"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:30],
)
def test_labels_of_another_kind_are_refused_and_nothing_changes(model, known, labels, message):
    model.fit(images(2), known)
    before = said(model, images(5, 1))
    with pytest.raises(InputError, match=message):
        model.teach(images(1, 2), labels)
    assert_says(model, images(5, 1), before)


def test_images_of_another_shape_are_refused_and_nothing_changes(model):
    model.fit(images(4), [0, 1, 0, 1])
    before = said(model, images(5, 1))
    with pytest.raises(InputError, match="images are 6x5: expected 6x6, as in fit"):
        model.teach(images(1)[:, :, :5], [7])
    assert_says(model, images(5, 1), before)


def test_a_failure_on_the_way_leaves_no_empty_class(keeping, monkeypatch):
    keeping.fit(images(4), [0, 1, 0, 1])
    before = said(keeping, images(5, 1))

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(type(keeping.recogniser_.matcher), "add", fail)
    with pytest.raises(MemoryError):
        keeping.teach(images(1, 2), [7])
    assert_says(keeping, images(5, 1), before)


@pytest.mark.parametrize("learn", ["teach", "partial_fit"])
def test_an_image_that_is_kept_as_another_class_is_warned_of(keeping, learn):
    X = images(6)
    keeping.fit(X, [0, 1, 2, 0, 1, 2])
    with pytest.warns(LabelWarning, match=r"of 3 images taught 1 are.*taught as '1' is kept as '0'"):
        getattr(keeping, learn)(np.concatenate([X[:1], X[1:2], images(1, 9)]), [1, 1, 1])
    keeping.forget([0])
    with pytest.warns(LabelWarning, match="one taught as '0' is kept as '1'"):
        getattr(keeping, learn)(X[:1], [0])


def test_what_is_taught_again_as_the_same_is_no_contradiction(keeping, recwarn):
    X = images(6)
    keeping.fit(X, [0, 1, 2, 0, 1, 2]).teach(X[:2], [0, 1])
    keeping.forget([0, 6])
    keeping.teach(X[:1], [2])
    assert not [one for one in recwarn if issubclass(one.category, LabelWarning)]


def test_a_median_cannot_be_taught():
    model = MeanImage(average="median").fit(images(2), [0, 1])
    with pytest.raises(InputError, match=r"this model cannot be taught: .*average='mean'"):
        model.teach(images(1), [0])


def test_a_model_must_be_fitted_first(model):
    with pytest.raises(ValueError, match="not fitted"):
        model.teach(images(1), [0])


def test_labels_take_the_least_wider_dtype_that_holds_them():
    assert as_classes([1, 2], np.dtype(">i4")).dtype.str == ">i4"
    assert as_classes([1, 200], np.dtype("i1")).dtype == np.int16
    assert as_classes([0, -1], np.dtype("u1")).dtype == np.int16
    assert as_classes(["a", "abc"], np.dtype(">U2")).dtype.str == ">U3"
    assert as_classes(["a"], np.dtype("U9")).dtype == np.dtype("U9")
