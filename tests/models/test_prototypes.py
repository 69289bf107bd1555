import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from apart import changed, put_together, taken_apart
from lookalike import ClusterImages, InputError, MeanImage
from lookalike.distance import definition
from lookalike.search import prototypes


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_one_image_a_class_is_the_median_or_the_mean_image(metric, digits):
    train, valid = digits
    model = ClusterImages(1, metric=metric).fit(train.images, train.labels)
    same = MeanImage(metric, average="median" if metric == "l1" else "mean").fit(train.images, train.labels)
    np.testing.assert_allclose(model.prototypes_, same.class_images_, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(model.predict(valid.images), same.predict(valid.images))


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
    monkeypatch.setattr(prototypes, "COMPILED_FROM", 1)
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
    left = model.recogniser_.left_out()
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
    again = put_together(model, taken_apart(model))
    np.testing.assert_array_equal(again.class_distances(valid.images), model.class_distances(valid.images))
    np.testing.assert_array_equal(again.predict_proba(valid.images), model.predict_proba(valid.images))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("matcher.codes", lambda codes: codes[::-1].copy(), "codes are not class by class"),
        ("matcher.codes", lambda codes: codes * 0, "codes are not class by class"),
        ("matcher.counts", lambda counts: counts + 1, "counts do not add up to class_counts"),
        ("matcher.class_counts", lambda counts: counts * 0, "class_counts holds 0 to 0: expected 1 to"),
        ("known_left_out.distances", lambda distances: distances - 3, "array distances holds -.*expected 0"),
        ("matcher.prototypes", lambda rows: rows[:, :-1].copy(), "the matcher keeps images of"),
        ("matcher.prototypes", lambda rows: rows * np.nan, "the array prototypes holds NaN"),
    ],
    ids=["reversed", "one class", "counts", "none", "negative", "width", "nan"],
)
def test_state_from_outside_is_checked(name, change, message, digits):
    model = ClusterImages(3).fit(digits.train.images, digits.train.labels)
    plain = taken_apart(model)
    with pytest.raises(InputError, match=message):
        put_together(model, changed(plain, arrays={name: change(plain.arrays[name])}))


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
