import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from effort import examples
from lookalike import DeformableMatch, InputError, NearestImages
from lookalike.distance import definition
from lookalike.progress import silent

METRICS = pytest.mark.parametrize("metric", ["l1", "l2"])


def by_sorting(distances, labels, classes):
    """Return the nearest of each class by a stable sort of all distances: the lowest place of equal ones."""
    best = np.full((len(distances), len(classes)), np.inf)
    places = np.full(best.shape, -1)
    order = np.argsort(distances, axis=1, kind="stable")
    for row in range(len(distances)):
        for code, label in enumerate(classes):
            of_class = order[row][labels[order[row]] == label]
            if of_class.size:
                places[row, code] = of_class[0]
                best[row, code] = distances[row, of_class[0]]
    return best, places


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")  # any images are drawn, strange ones too
@METRICS
@examples(40)
@given(
    images=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 4), st.integers(1, 4)),
        elements=st.integers(0, 3),
    ),
    as_floats=st.booleans(),
    data=st.data(),
)
def test_nearest_of_each_class_is_the_definitions(metric, images, as_floats, data):
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images))))
    queries = data.draw(hnp.arrays(np.uint8, (3, *images.shape[1:]), elements=st.integers(0, 3)))
    given_images = images * 0.25 if as_floats else images  # quarters: sums of them are exact
    given_queries = queries * 0.25 if as_floats else queries
    model = NearestImages(metric=metric).partial_fit(given_images, labels, classes=range(4))
    distances, places = model.class_neighbors(given_queries)
    all_distances = getattr(definition, metric)(given_queries, given_images)
    expected, order = by_sorting(all_distances, labels, range(4))
    np.testing.assert_array_equal(places, order)
    np.testing.assert_allclose(distances, expected, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.class_distances(given_queries), distances)


@METRICS
def test_follows_what_is_taught_and_forgotten(metric, digits):
    train, valid = digits
    model = NearestImages(metric=metric).fit(train.images[:200], train.labels[:200])
    model.class_neighbors(valid.images)
    model.partial_fit(train.images[200:], train.labels[200:])
    whole = NearestImages(metric=metric).fit(train.images, train.labels)
    for found, expected in zip(
        model.class_neighbors(valid.images), whole.class_neighbors(valid.images), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    gone = np.unique(whole.class_neighbors(valid.images[:3])[1])
    rest = np.setdiff1d(np.arange(len(train)), gone)
    without = NearestImages(metric=metric).fit(train.images[rest], train.labels[rest])
    distances, places = model.forget(gone).class_neighbors(valid.images)
    np.testing.assert_array_equal(distances, without.class_neighbors(valid.images)[0])
    np.testing.assert_array_equal(places, without.class_neighbors(valid.images)[1])


def deformable(train, **parameters):
    return DeformableMatch(None, warp=1, context=1, n_neighbors=3, **parameters).fit(
        train.images, train.labels
    )


def test_deformable_is_exact_where_all_are_compared(digits):
    train, valid = (part.take(slice(150)) for part in digits)
    model = deformable(train)
    distances, indices = model.kneighbors(valid.images, len(train))
    expected = np.empty_like(distances)
    np.put_along_axis(expected, indices, distances, axis=1)
    best, places = model.class_neighbors(valid.images)
    by_hand = by_sorting(expected, train.labels, range(10))
    np.testing.assert_array_equal(places, by_hand[1])
    np.testing.assert_array_equal(best, by_hand[0])


def test_deformable_compares_each_class_at_least_once(digits):
    train, valid = (part.take(slice(300)) for part in digits)
    exact, few = deformable(train), deformable(train, candidates=4)
    best, places = few.class_neighbors(valid.images)
    np.testing.assert_array_equal(train.labels[places], np.tile(np.arange(10), (len(valid), 1)))
    assert (best >= exact.class_neighbors(valid.images)[0]).all()
    # The nearest candidate is the nearest of its class.
    near, indices = few.kneighbors(valid.images, 1)
    rows, codes = np.arange(len(valid)), train.labels[indices[:, 0]]
    np.testing.assert_array_equal(best[rows, codes], near[:, 0])
    np.testing.assert_array_equal(places[rows, codes], indices[:, 0])
    # A class without a candidate shows its best coarse description: on 4 candidates most are such.
    index = few.recogniser_.matcher.index
    candidates = index.candidates(few.prepared(valid.images), 4, silent)
    lacking = ~(train.labels[candidates][:, :, None] == np.arange(10)).any(axis=1)
    assert lacking.mean() > 0.5
    described = index.comparison.descriptors_of(few.prepared(valid.images), silent)
    coarse = index.descriptions().search(described, len(train))[1]
    for row, code in np.argwhere(lacking)[::7]:
        of_class = coarse[row][train.labels[coarse[row]] == code]
        assert places[row, code] == of_class[0]


@pytest.mark.parametrize("candidates", ["auto", 4])
def test_a_query_can_be_left_out(candidates, digits):
    train = digits[0].take(slice(120))
    model = deformable(train, candidates=candidates)
    places = np.arange(0, 120, 5)
    matcher = model.recogniser_.matcher
    found = matcher.match(matcher.kept(places), 3, exclude=places)
    assert not (found.class_places == places[:, None]).any()
    assert not (found.places == places[:, None]).any()
    if candidates == "auto":
        for row, place in enumerate(places):
            others = np.delete(np.arange(120), place)
            without = deformable(train.take(others))
            expected = without.class_neighbors(train.images[[place]])[1][0]
            np.testing.assert_array_equal(found.class_places[row], others[expected])


def test_a_class_of_one_that_is_left_out_has_none():
    images = np.zeros((5, 4, 4), np.uint8)
    images[np.arange(5), np.arange(5) % 4] = 200
    for model in (NearestImages(), DeformableMatch(None), DeformableMatch(None, candidates=2)):
        model.fit(images, [0, 1, 1, 1, 1])
        places = np.array([0])
        matcher = model.recogniser_.matcher
        found = matcher.match(matcher.kept(places), 1, exclude=places)
        assert found.class_places[0, 0] == -1
        assert np.isinf(found.class_distances[0, 0])
        assert found.class_places[0, 1] > 0
        assert np.isfinite(found.class_distances[0, 1])


def test_refuses_images_of_another_shape(edge_images):
    model = NearestImages().fit(edge_images, range(8))
    with pytest.raises(InputError, match="images are 5x6: expected 6x5, as in fit"):
        model.class_neighbors(edge_images.transpose(0, 2, 1))
