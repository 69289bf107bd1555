import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestCentroid

from lookalike import InkCoverage, InputError, MeanImage
from lookalike.distance import definition


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("average", ["mean", "median"])
def test_distances_are_the_definition_to_numpys_averages(metric, average, digits):
    train, valid = digits
    model = MeanImage(metric, average=average).fit(train.images, train.labels)
    numpys = np.mean if average == "mean" else np.median
    expected = np.stack([numpys(train.images[train.labels == c] / 255, axis=0) for c in model.classes_])
    np.testing.assert_allclose(model.class_images_, expected, rtol=0, atol=1e-12)
    distances = getattr(definition, metric)(valid.images, expected)
    np.testing.assert_allclose(model.class_distances(valid.images), distances, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(valid.images), model.classes_[distances.argmin(axis=1)])


@pytest.mark.filterwarnings("ignore:self.within_class_std_dev_")
@pytest.mark.parametrize(
    ("ours", "metric"), [(MeanImage("l2"), "euclidean"), (MeanImage(average="median"), "manhattan")]
)
def test_answers_are_those_of_scikit_learns_nearest_centroid(ours, metric, digits):
    train, valid = digits
    rows, queries = (part.images.reshape(len(part), -1) / 255 for part in digits)
    theirs = NearestCentroid(metric=metric).fit(rows, train.labels)
    np.testing.assert_array_equal(
        ours.fit(train.images, train.labels).predict(valid.images), theirs.predict(queries)
    )


@given(
    images=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)),
    data=st.data(),
)
def test_partial_fit_is_exact_and_free_of_order(images, data):
    n = len(images)
    labels = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    order = np.array(data.draw(st.permutations(range(n))))
    cuts = sorted(data.draw(st.lists(st.integers(1, n), max_size=3)))
    whole = MeanImage().partial_fit(images, labels, classes=[0, 1, 2])
    parts = MeanImage()
    for part in np.split(order, cuts):
        if len(part):
            parts.partial_fit(images[part], labels[part], classes=[0, 1, 2])
    np.testing.assert_array_equal(parts.class_sums_, whole.class_sums_)
    np.testing.assert_array_equal(parts.class_counts_, whole.class_counts_)
    np.testing.assert_array_equal(parts.class_images_, whole.class_images_)
    for label in np.unique(labels):
        exact = images[labels == label].astype(np.int64).sum(axis=0)
        np.testing.assert_array_equal(whole.class_sums_[label], exact.ravel())


def test_partial_fit_equals_fit(digits):
    train, _ = digits
    model = MeanImage("l2")
    for start in range(0, len(train), 100):
        part = train.take(slice(start, start + 100))
        model.partial_fit(part.images, part.labels, classes=range(10))
    np.testing.assert_array_equal(
        model.class_images_, MeanImage("l2").fit(train.images, train.labels).class_images_
    )


def test_bytes_and_floats_can_meet_in_partial_fit(edge_images):
    labels = np.array([0, 1] * 4)
    floats = np.linspace(0, 1, edge_images.size).reshape(edge_images.shape)
    model = MeanImage().partial_fit(edge_images, labels, classes=[0, 1]).partial_fit(floats, labels)
    expected = [(edge_images[c::2] / 255 + floats[c::2]).mean(axis=0) / 2 for c in (0, 1)]
    np.testing.assert_allclose(model.class_images_, expected, atol=1e-12)


def test_a_class_without_images_is_never_an_answer(edge_images):
    model = MeanImage().partial_fit(edge_images, [1, 2] * 4, classes=[0, 1, 2])
    assert np.isnan(model.class_images_[0]).all()
    assert np.isinf(model.class_distances(edge_images)[:, 0]).all()
    assert set(model.predict(edge_images).tolist()) <= {1, 2}


def test_partial_fit_refuses_what_it_cannot_keep(edge_images):
    labels = [0, 1] * 4
    with pytest.raises(InputError, match="classes must be passed on the first call"):
        MeanImage().partial_fit(edge_images, labels)
    model = MeanImage().partial_fit(edge_images, labels, classes=[0, 1])
    with pytest.raises(InputError, match=r"classes are \[0 2\]: expected those of the first call, \[0 1\]"):
        model.partial_fit(edge_images, labels, classes=[0, 2])
    with pytest.raises(InputError, match="label 2 is none of the classes"):
        model.partial_fit(edge_images, [2] * 8)
    before = model.class_sums_.copy()
    with pytest.raises(InputError, match="label -1 is none of the classes"):
        model.partial_fit(edge_images, [0, 1, 0, 1, 0, 1, 0, -1])
    np.testing.assert_array_equal(model.class_sums_, before)


def test_a_median_has_no_partial_fit():
    model = MeanImage(average="median")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit"):
        model.partial_fit(np.zeros((1, 2, 2), np.uint8), [0], classes=[0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": "cosine"}, "metric is 'cosine': expected 'l1' or 'l2'"),
        ({"average": "mode"}, "average is 'mode': expected 'mean' or 'median'"),
    ],
)
def test_refuses_unknown_parameters(parameters, message, edge_images):
    with pytest.raises(InputError, match=message):
        MeanImage(**parameters).fit(edge_images, [0, 1] * 4)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_compiled_sums_are_numpys(metric, monkeypatch, digits):
    train, valid = digits
    plain = MeanImage(metric).fit(train.images, train.labels)
    expected = plain.class_distances(valid.images)
    monkeypatch.setattr("lookalike.search.averages.COMPILED_FROM", 1)
    compiled = MeanImage(metric).fit(train.images, train.labels)
    np.testing.assert_array_equal(compiled.class_sums_, plain.class_sums_)
    found = compiled.class_distances(valid.images)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    alone = np.concatenate([compiled.class_distances(image[None]) for image in valid.images])
    np.testing.assert_array_equal(found, alone)


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")  # any images are drawn, strange ones too
@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(2, 8), st.integers(1, 4), st.integers(1, 4))),
    data=st.data(),
)
def test_coverage_is_the_mean_intensity(images, data):
    labels = np.array(
        [0, 1, *data.draw(st.lists(st.integers(0, 1), min_size=len(images) - 2, max_size=len(images) - 2))]
    )
    model = InkCoverage().fit(images, labels)
    coverage = images.mean(axis=(1, 2)) / 255
    expected = np.array([coverage[labels == c].mean() for c in (0, 1)])
    np.testing.assert_allclose(model.class_coverage_, expected, atol=1e-12)
    distances = np.abs(coverage[:, None] - expected)
    np.testing.assert_allclose(model.class_distances(images), distances, atol=1e-12)


def test_coverage_by_partial_fit_is_exact_and_free_of_order(digits):
    train, _ = digits
    whole = InkCoverage().fit(train.images, train.labels)
    parts = InkCoverage()
    for part in np.array_split(np.random.default_rng(1).permutation(len(train)), 7):
        parts.partial_fit(train.images[part], train.labels[part], classes=range(10))
    np.testing.assert_array_equal(parts.class_sums_, whole.class_sums_)
    np.testing.assert_array_equal(parts.class_coverage_, whole.class_coverage_)


def test_only_the_amount_of_ink_counts(edge_images):
    model = InkCoverage().fit(edge_images, range(8))
    shuffled = (
        np.random.default_rng(0).permuted(edge_images.reshape(8, -1), axis=1).reshape(edge_images.shape)
    )
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(edge_images))
