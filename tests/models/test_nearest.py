import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import KNeighborsClassifier

import lookalike
from lookalike import InputError, NearestImages
from lookalike.distance import definition

METRICS = pytest.mark.parametrize("metric", ["l1", "l2"])


def brute(metric, images, queries, k):
    """Return the k nearest by the definition; a stable sort keeps the first of equal ones first."""
    distances = getattr(definition, metric)(queries, images)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order


@METRICS
@pytest.mark.parametrize("kind", ["bytes", "floats", "mixed"])
def test_neighbours_are_the_definitions(metric, kind, digits):
    train, valid = digits
    images, queries = train.images, valid.images
    # Noise, since sums of floats that are equal on paper may differ by their rounding.
    noise = np.random.default_rng(0)
    if kind != "bytes":
        queries = np.clip(queries / 255 + noise.uniform(-0.01, 0.01, queries.shape), 0, 1)
    if kind == "floats":
        images = np.clip(images / 255 + noise.uniform(-0.01, 0.01, images.shape), 0, 1)
    model = NearestImages(metric=metric).fit(images, train.labels)
    distances, indices = model.kneighbors(queries, n_neighbors=7)
    expected, order = brute(metric, images, queries, 7)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, expected, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")  # any images are drawn, strange ones too
@METRICS
@given(
    images=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5)),
        elements=st.integers(0, 3),
    ),
    data=st.data(),
)
def test_ties_go_to_the_lowest_index(metric, images, data):
    k = data.draw(st.integers(1, len(images)))
    model = NearestImages(k, metric=metric).fit(images, np.zeros(len(images), int))
    queries = data.draw(hnp.arrays(np.uint8, (3, *images.shape[1:]), elements=st.integers(0, 3)))
    np.testing.assert_array_equal(model.kneighbors(queries)[1], brute(metric, images, queries, k)[1])


@METRICS
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 5])
def test_votes_without_ties_are_scikit_learns(metric, weights, k, digits):
    train, valid = digits
    rows, queries = (part.images.reshape(len(part), -1).astype(float) for part in digits)
    theirs = KNeighborsClassifier(
        k, algorithm="brute", metric="manhattan" if metric == "l1" else "euclidean", weights=weights
    ).fit(rows, train.labels)
    ours = NearestImages(k, metric=metric, weights=weights).fit(train.images, train.labels)
    votes = np.sort(theirs.predict_proba(queries), axis=1)
    clear = votes[:, -1] > votes[:, -2] + 1e-9
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(ours.predict(valid.images)[clear], theirs.predict(queries)[clear])


def test_equal_votes_go_to_the_nearest_voters_class():
    images = np.array([[[10]], [[20]], [[30]], [[40]]], np.uint8)
    model = NearestImages(4).fit(images, ["b", "a", "a", "b"])
    assert model.predict(np.array([[[11]], [[22]], [[29]], [[41]]], np.uint8)).tolist() == [
        "b",
        "a",
        "a",
        "b",
    ]
    # Both are as near: the one that came first.
    model = NearestImages(2).fit(images[:2], ["z", "a"])
    assert model.predict(np.array([[[15]]], np.uint8)).tolist() == ["z"]


def test_images_at_distance_0_are_the_only_ones_to_vote():
    images = np.array([[[9]], [[9]], [[9]], [[8]], [[8]]], np.uint8)
    model = NearestImages(5, weights="distance").fit(images, ["a", "b", "b", "c", "c"])
    assert model.predict(np.array([[[9]]], np.uint8)).tolist() == ["b"]


@METRICS
def test_partial_fit_appends_in_order(metric, digits):
    train, valid = digits
    whole = NearestImages(3, metric=metric).fit(train.images, train.labels)
    parts = NearestImages(3, metric=metric)
    for start in range(0, len(train), 400):
        part = train.take(slice(start, start + 400))
        parts.partial_fit(part.images, part.labels, classes=range(10))
    np.testing.assert_array_equal(parts.ids_, whole.ids_)
    np.testing.assert_array_equal(parts.labels_, whole.labels_)
    for found, expected in zip(parts.kneighbors(valid.images), whole.kneighbors(valid.images), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_bytes_and_floats_can_meet(edge_images):
    floats = np.linspace(0, 1, edge_images.size).reshape(edge_images.shape)
    model = NearestImages().partial_fit(edge_images, [0] * 8, classes=[0, 1]).partial_fit(floats, [1] * 8)
    both = np.concatenate([edge_images / 255, floats])
    np.testing.assert_array_equal(model.kneighbors(both, 3)[1], brute("l1", both, both, 3)[1])
    np.testing.assert_array_equal(model.kneighbors(edge_images, 3)[1], brute("l1", both, both[:8], 3)[1])


def test_forgetting_restores_the_earlier_answers(digits):
    train, valid = digits
    model = NearestImages(3).fit(train.images, train.labels)
    before = model.kneighbors(valid.images)
    model.partial_fit(valid.images[:5], valid.labels[:5])
    assert model.ids_[-5:].tolist() == list(range(len(train), len(train) + 5))
    assert not model.kneighbors(valid.images[:5])[0][:, 0].any()
    model.forget(model.ids_[-5:])
    for found, expected in zip(model.kneighbors(valid.images), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    # Numbers are not given twice.
    assert model.partial_fit(valid.images[:1], valid.labels[:1]).ids_[-1] == len(train) + 5


@pytest.mark.parametrize("as_floats", [False, True])
def test_forgetting_is_fitting_without(as_floats, edge_images):
    images = edge_images * 0.5 / 255 if as_floats else edge_images
    model = NearestImages().fit(images, range(8)).forget([3, 0]).forget(6)
    rest = [1, 2, 4, 5, 7]
    assert model.ids_.tolist() == rest
    assert model.labels_.tolist() == rest
    expected = NearestImages().fit(images[rest], rest)
    np.testing.assert_array_equal(model.predict(images), expected.predict(images))


def test_refuses_what_it_cannot_do(edge_images):
    model = NearestImages().fit(edge_images, range(8))
    with pytest.raises(InputError, match="no training image has the id 8"):
        model.forget([1, 8])
    with pytest.raises(InputError, match="ids are true or false: expected whole numbers"):
        model.forget([True, False])
    for texts in ("3", ["3", "4"], [b"3"], [None]):
        with pytest.raises(InputError, match="ids are no numbers: expected whole numbers"):
            model.forget(texts)
    assert len(model.ids_) == 8
    with pytest.raises(InputError, match="all 8 training images would be forgotten"):
        model.forget(range(8))
    with pytest.raises(InputError, match="n_neighbors is 9: expected 1 to 8, the number of training images"):
        model.kneighbors(edge_images, 9)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors is 0: expected a whole number of at least 1"),
        ({"n_neighbors": 1.5}, "n_neighbors is 1.5"),
        ({"metric": "l3"}, "metric is 'l3': expected 'l1' or 'l2'"),
        ({"weights": "heavy"}, "weights is 'heavy': expected 'uniform' or 'distance'"),
    ],
)
def test_refuses_unknown_parameters(parameters, message, edge_images):
    with pytest.raises(InputError, match=message):
        NearestImages(**parameters).fit(edge_images, range(8))


@pytest.mark.parametrize(("metric", "expected"), [("l1", 0.9631), ("l2", 0.9691)])
def test_ten_classes_of_mnist(mnist, metric, expected):
    train, valid = mnist
    model = NearestImages(metric=metric).fit(train.images, train.labels)
    assert round(lookalike.evaluate(model, valid.images, valid.labels).accuracy.value, 4) == expected
