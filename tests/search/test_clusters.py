import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import KMeans

from effort import examples
from lookalike.distance.floats import prototype_sums
from lookalike.search.prototypes import clusters

AVERAGE = {"l1": np.median, "l2": np.mean}


@given(
    rows=hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 9)
    ),
    count=st.integers(1, 8),
    metric=st.sampled_from(["l1", "l2"]),
    seed=st.integers(0, 99),
)
@examples(100)
def test_clusters_are_at_rest(rows, count, metric, seed):
    found = clusters(rows, count, metric, np.random.RandomState(seed))
    sums = prototype_sums(rows, found.centres, metric, compiled=False)
    sizes = np.bincount(found.places, minlength=len(found.centres))
    # Each row is at its nearest centre, each centre is the average of its rows.
    np.testing.assert_allclose(sums[np.arange(len(rows)), found.places], sums.min(axis=1), atol=1e-9)
    for place, centre in enumerate(found.centres):
        np.testing.assert_allclose(centre, AVERAGE[metric](rows[found.places == place], axis=0), atol=1e-12)
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    assert len(found.centres) <= min(count, len(np.unique(rows, axis=0)))


def test_clusters_are_about_as_tight_as_scikit_learns(digits):
    images = digits.train.images[digits.train.labels == 1]
    rows = images.reshape(len(images), -1)
    ours = [
        prototype_sums(rows, clusters(rows, 5, "l2", np.random.RandomState(s)).centres, "l2", compiled=False)
        for s in range(10)
    ]
    theirs = [KMeans(5, n_init=1, random_state=s).fit(rows.astype(float)).inertia_ for s in range(10)]
    assert np.median([sums.min(axis=1).sum() for sums in ours]) < 1.05 * np.median(theirs)
