import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from effort import examples
from lookalike import ClusterImages, InputError, MeanImage
from lookalike.distance import definition
from lookalike.distance.prototypes import prototype_sums
from lookalike.models import prototype_base
from lookalike.search.clusters import clusters

AVERAGE = {"l1": np.median, "l2": np.mean}


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_one_image_a_class_is_the_median_or_the_mean_image(metric, digits):
    train, valid = digits
    model = ClusterImages(1, metric=metric).fit(train.images, train.labels)
    same = MeanImage(metric, average="median" if metric == "l1" else "mean").fit(train.images, train.labels)
    np.testing.assert_allclose(model.prototypes_, same.class_images_, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(model.predict(valid.images), same.predict(valid.images))


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


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_distances_are_the_definitions_to_the_nearest_prototype_of_each_class(metric, digits):
    train, valid = digits
    model = ClusterImages(4, metric=metric).fit(train.images, train.labels)
    each = getattr(definition, metric)(valid.images, model.prototypes_)
    expected = np.stack(
        [each[:, model.prototype_labels_ == label].min(axis=1) for label in range(10)], axis=1
    )
    np.testing.assert_allclose(model.class_distances(valid.images), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.prototype_distances(valid.images), each, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.predict(valid.images), expected.argmin(axis=1))


def test_more_images_a_class_answer_better(digits):
    train, valid = digits
    scores = [
        ClusterImages(count).fit(train.images, train.labels).score(valid.images, valid.labels)
        for count in (1, 10)
    ]
    assert scores[1] > scores[0] + 0.04


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_compiled_code_finds_the_same_and_on_any_number_of_threads(metric, digits, monkeypatch):
    train, valid = digits
    plain = ClusterImages(3, metric=metric).fit(train.images, train.labels)
    monkeypatch.setattr(prototype_base, "COMPILED_FROM", 1)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("LOOKALIKE_THREADS", threads)
        found.append(ClusterImages(3, metric=metric).fit(train.images, train.labels))
    np.testing.assert_array_equal(found[0].prototypes_, found[1].prototypes_)
    np.testing.assert_array_equal(found[0].prototypes_, plain.prototypes_)
    distances = [model.class_distances(valid.images) for model in (*found, plain)]
    np.testing.assert_array_equal(distances[0], distances[1])
    np.testing.assert_allclose(distances[0], distances[2], rtol=0, atol=1e-12)


def test_the_seed_decides(digits):
    train = digits.train
    one, same, other = (ClusterImages(3, random_state=s).fit(train.images, train.labels) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.prototypes_, same.prototypes_)
    assert (one.prototypes_ != other.prototypes_).any()


def test_few_different_images_give_fewer_prototypes(edge_images):
    # Of the first four one is there three times, but for one pixel of one of them.
    model = ClusterImages(10).fit(edge_images[3:7], [1, 1, 1, 0])
    assert model.prototype_labels_.tolist() == [0, 1, 1]
    assert model.prototype_counts_.tolist() == [1, 2, 1]
    np.testing.assert_array_equal(model.prototypes_[1], edge_images[3] / 255)


def test_colour_and_floats_and_tables(edge_images):
    labels = [0, 1] * 4
    colour = np.stack([edge_images, edge_images[::-1], edge_images], axis=-1)
    assert ClusterImages(2).fit(colour, labels).prototypes_.shape == (4, 6, 5, 3)
    floats = ClusterImages(2).fit(edge_images / 255 * 0.999, labels)
    assert 0 <= floats.prototypes_.min() <= floats.prototypes_.max() <= 1
    table = ClusterImages(2).fit(edge_images.reshape(8, -1) * 3.0 - 100, labels)
    assert table.prototypes_.shape == (4, 30)
    assert table.prototypes_.min() < 0


def test_left_out_images_are_as_far_as_from_the_mean_of_the_others(edge_images):
    model = ClusterImages(1).fit(edge_images, [0, 0, 0, 0, 1, 1, 1, 1])
    left = model._held
    for place, image in enumerate(edge_images):
        own = np.arange(8) // 4 == place // 4
        own[place] = False
        expected = definition.l2(image[None], edge_images[own].mean(axis=0)[None] / 255)[0, 0]
        assert np.isclose(left.distances[np.arange(8), left.codes], expected, rtol=1e-9).any()


def test_probabilities_and_evidence_follow_the_answers(digits):
    train, valid = digits
    model = ClusterImages(3).fit(train.images, train.labels)
    answers = model.predict(valid.images)
    chances = model.predict_proba(valid.images)
    np.testing.assert_array_equal(chances.argmax(axis=1), answers)
    for one, answer, distances in zip(
        model.explain(valid.images[:5]), answers, model.class_distances(valid.images), strict=False
    ):
        assert (one.answer, one.for_answer.kind) == (answer, "prototype")
        assert one.for_answer.distance == distances.min()
        near = definition.l2(one.prepared[None], one.for_answer.image[None])[0, 0]
        assert np.isclose(near, distances.min(), atol=1e-12)
        assert np.isclose(one.contributions.sum(), one.margin, atol=1e-12)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_state_gives_the_same_model(metric, digits):
    train, valid = digits
    model = ClusterImages(3, metric=metric).fit(train.images, train.labels)
    again = ClusterImages.from_state(model.to_state())
    np.testing.assert_array_equal(again.class_distances(valid.images), model.class_distances(valid.images))
    np.testing.assert_array_equal(again.predict_proba(valid.images), model.predict_proba(valid.images))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("prototype_codes", lambda codes: codes[::-1].copy(), "prototype_codes are not class by class"),
        ("prototype_codes", lambda codes: codes * 0, "prototype_codes are not class by class"),
        ("prototype_counts", lambda counts: counts + 1, "prototype_counts do not add up to class_counts"),
        ("class_counts", lambda counts: counts * 0, "class_counts are not all from 1"),
        ("held_distances", lambda distances: distances - 3, "held_distances or held_spreads are negative"),
        ("prototypes", lambda rows: rows[:, :-1].copy(), "the array prototypes has shape"),
        ("prototypes", lambda rows: rows * np.nan, "the array prototypes holds NaN"),
    ],
    ids=["reversed", "one class", "counts", "none", "negative", "width", "nan"],
)
def test_state_from_outside_is_checked(name, change, message, digits):
    state = ClusterImages(3).fit(digits.train.images, digits.train.labels).to_state()
    arrays = {**state.arrays, name: change(state.arrays[name])}
    with pytest.raises(InputError, match=message):
        ClusterImages.from_state(state._replace(arrays=arrays))


def test_refuses_what_it_cannot_do(edge_images):
    labels = [0, 1] * 4
    with pytest.raises(InputError, match="per_class is 0: expected a whole number of at least 1"):
        ClusterImages(0).fit(edge_images, labels)
    with pytest.raises(InputError, match="metric is 'cosine': expected 'l1' or 'l2'"):
        ClusterImages(metric="cosine").fit(edge_images, labels)
    model = ClusterImages(2).fit(edge_images, labels)
    with pytest.raises(InputError, match="this model cannot be taught: prototypes follow from all"):
        model.teach(edge_images[:1], [2])
    assert not hasattr(model, "partial_fit")


def test_real_digits_in_ten_clusters(mnist):
    """As good as prototypes by scikit-learn's k-means, on training images that neither has seen."""
    some, others = mnist.train.take(slice(0, 4000)), mnist.train.take(slice(4000, 6000))
    ours = ClusterImages(10).fit(some.images, some.labels).score(others.images, others.labels)
    rows = some.images.reshape(len(some), -1) / 255
    classes = [rows[some.labels == digit] for digit in range(10)]
    centres = np.stack([KMeans(10, n_init=1, random_state=0).fit(part).cluster_centers_ for part in classes])
    apart = cdist(others.images.reshape(len(others), -1) / 255, centres.reshape(100, -1))
    theirs = np.mean(apart.argmin(axis=1) // 10 == others.labels)
    assert theirs > 0.85
    assert abs(ours - theirs) < 0.02
