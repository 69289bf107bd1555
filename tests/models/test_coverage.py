import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike import InkCoverage


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


def test_partial_fit_is_exact_and_free_of_order(digits):
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
