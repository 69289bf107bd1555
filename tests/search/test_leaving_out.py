"""A query that is one of the kept images is left out of everything, as if it had never been seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from drawings import drawings
from effort import examples
from lookalike.distance import definition
from lookalike.search.averages import CoverageMatcher, MeanMatcher, MedianMatcher
from lookalike.search.deformable import hubness
from lookalike.search.deformable.comparison import Settings
from lookalike.search.deformable.matcher import DeformableMatcher
from lookalike.search.matches import NOWHERE
from lookalike.search.pixels import PixelMatcher
from lookalike.search.prototypes import ClusterMatcher

METRICS = pytest.mark.parametrize("metric", ["l1", "l2"])
#: Nothing is left for "auto" to decide otherwise of one image fewer.
PLAIN = Settings("sobel", 1, 1, True, False, 0.0, 0.0, False)
ALIGNED = Settings("sobel", 2, 1, True, True, 0.866, 0.0, True)


def fitted(make, images, codes, n_classes):
    matcher = make()
    matcher.fit(images, codes, n_classes)
    return matcher


def assert_left_out(make, images, codes, n_classes, k, places, *, atol=0.0, reach=np.inf):
    """Hold a search that leaves a kept image out against one of a matcher that never saw it."""
    whole = fitted(make, images, codes, n_classes)
    for place in places:
        kept = np.delete(np.arange(len(codes)), place)
        without = fitted(make, images[kept], codes[kept], n_classes)
        query = images[place : place + 1]
        found = whole.match(query, k, exclude=np.array([place]), reach=reach)
        expected = without.match(query, min(k, len(kept)), reach=reach).padded(k)
        # Places without the image, as places with it; -1 stays.
        moved = np.append(kept, NOWHERE)
        np.testing.assert_array_equal(found.places, moved[expected.places])
        np.testing.assert_array_equal(found.class_places, moved[expected.class_places])
        there = found.places != NOWHERE
        np.testing.assert_array_equal(found.codes[there], expected.codes[there])
        np.testing.assert_allclose(found.distances, expected.distances, rtol=0, atol=atol)
        np.testing.assert_allclose(found.class_distances, expected.class_distances, rtol=0, atol=atol)
        # Together with others it is what it is alone.
        others = np.array([place, (place + 1) % len(codes)])
        both = whole.match(images[others], k, exclude=others, reach=reach)
        np.testing.assert_array_equal(both.places[:1], found.places)
        np.testing.assert_array_equal(both.class_distances[:1], found.class_distances)


@st.composite
def labelled(draw, least=1):
    """Draw small images with ties and classes, some of which may have no image, or one."""
    shape = draw(st.tuples(st.integers(2, 9), st.integers(1, 3), st.integers(1, 3)))
    images = draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 3)))
    codes = np.array(draw(st.lists(st.integers(0, 2), min_size=len(images), max_size=len(images))), np.intp)
    return images, codes


@METRICS
@pytest.mark.parametrize("unit", [None, 0.25, 0.1])
@given(batch=labelled(), k=st.integers(1, 10))
@examples(30)
def test_pixels(metric, unit, batch, k):
    images, codes = batch
    # Sums of quarters are exact, so that ties stay ties; of tenths they are not.
    given_images = images if unit is None else images * unit
    if unit == 0.1:
        rng = np.random.default_rng(len(images))
        given_images = given_images + rng.uniform(0, 0.01, images.shape)
    places = range(len(codes))
    assert_left_out(
        lambda: PixelMatcher(metric), given_images, codes, 3, k, places, atol=0 if unit != 0.1 else 1e-12
    )


@METRICS
@pytest.mark.parametrize("as_floats", [False, True])
@given(batch=labelled(), k=st.integers(1, 4))
@examples(40)
def test_means(metric, as_floats, batch, k):
    images, codes = batch
    given_images = images / 7 if as_floats else images
    holds = [lambda: MeanMatcher(metric), CoverageMatcher]
    for make in holds:
        whole = fitted(make, given_images, codes, 3)
        holder = whole.holder(given_images, codes)
        np.testing.assert_array_equal(holder, codes)
        found = whole.match(given_images, k, exclude=holder)
        assert found.distances.shape == (len(codes), k)
        for place in range(len(codes)):
            kept = np.delete(np.arange(len(codes)), place)
            without = fitted(make, given_images[kept], codes[kept], 3)
            expected = without.match(given_images[place : place + 1], k)
            np.testing.assert_allclose(
                found.class_distances[place], expected.class_distances[0], rtol=0, atol=1e-12
            )
            np.testing.assert_array_equal(found.class_places[place], expected.class_places[0])
            np.testing.assert_allclose(found.distances[place], expected.distances[0], rtol=0, atol=1e-12)


@METRICS
@pytest.mark.parametrize("as_floats", [False, True])
@given(
    images=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(2, 9), st.integers(1, 3), st.integers(1, 3)),
        elements=st.integers(0, 4),
    ),
    alone=st.booleans(),
)
@examples(60)
def test_medians(metric, as_floats, images, alone):
    images = images / 7 if as_floats else images
    # A class of its own for the last image, of which nothing is left without it.
    codes = np.zeros(len(images), np.intp)
    codes[-1] = alone
    whole = fitted(lambda: MedianMatcher(metric), images, codes, 1 + alone)
    found = whole.match(images, 1, exclude=whole.holder(images, codes)).class_distances
    unit = 1 if as_floats else 255
    for place, image in enumerate(images):
        own = np.flatnonzero(codes == codes[place])
        rest = np.setdiff1d(own, place)
        if not rest.size:
            assert np.isinf(found[place, codes[place]])
            continue
        median = np.median(images[rest], axis=0) / unit
        expected = getattr(definition, metric)(image[None] / unit, median[None])[0, 0]
        np.testing.assert_allclose(found[place, codes[place]], expected, rtol=0, atol=1e-12)


def test_clusters_are_left_by_their_mean_alone():
    """The other clusters stay where they are: only the image's own one is as if it were not in it."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 4, 4), dtype=np.uint8)
    codes = np.arange(30) % 3
    for metric in ("l1", "l2"):
        matcher = fitted(lambda metric=metric: ClusterMatcher(metric, 3, 0), images, codes, 3)
        plain, holder = matcher.distances(images), matcher.holder(images, codes)
        own = np.where(matcher.codes == codes[:, None], plain, np.inf)
        np.testing.assert_array_equal(holder, own.argmin(axis=1))
        np.testing.assert_array_equal(np.bincount(holder, minlength=len(matcher.codes)), matcher.counts)
        found = matcher.match(images, len(matcher.codes), exclude=holder)
        for row, place in enumerate(holder):
            members = np.setdiff1d(np.flatnonzero(holder == place), row)
            expected = plain[row].copy()
            factor = (len(members) + 1) / max(len(members), 1)
            expected[place] = expected[place] * factor if members.size else np.inf
            if metric == "l2" and members.size:
                mean = images[members].mean(axis=0) / 255
                apart = definition.l2(images[row : row + 1], mean[None])[0, 0]
                np.testing.assert_allclose(expected[place], apart, rtol=0, atol=1e-12)
            np.testing.assert_allclose(found.distances[row], np.sort(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("candidates", ["auto", 5])
@pytest.mark.parametrize("changes", [{}, {"symmetric": False}, {"hubness": True}, {"planes": "values"}])
def test_deformable(candidates, changes):
    images, codes = drawings(24, 4, 16)
    images[5], images[11] = images[1], images[1]  # ties, within a class and between classes
    settings = PLAIN._replace(**changes)

    def make():
        return DeformableMatcher(settings, candidates, 1)

    for k in (1, 9, 24):
        assert_left_out(make, images, codes, 4, k, range(0, 24, 5 if k > 1 else 1))


@pytest.mark.parametrize("k", [1, 3])
def test_deformable_where_the_nearest_class_alone_is_told(k):
    images, codes = drawings(24, 4, 16)
    assert_left_out(
        lambda: DeformableMatcher(PLAIN, "auto", 1), images, codes, 4, k, range(0, 24, 5), reach=1
    )
    one = fitted(lambda: DeformableMatcher(PLAIN, "auto", 1), images[:1], codes[:1], 4)
    alone = one.match(images[:1], 1, exclude=np.array([0]), reach=1)
    assert (alone.places[0, 0], alone.distances[0, 0]) == (NOWHERE, np.inf)
    assert (alone.class_places == NOWHERE).all()


@pytest.mark.parametrize(
    ("n", "n_classes", "candidates", "short"),
    [(24, 4, "auto", 100), (24, 4, 7, 100), (24, 4, "auto", 5), (17, 3, "auto", 5), (16, 3, "auto", 5)],
)
def test_deformable_after_alignment(n, n_classes, candidates, short, monkeypatch):
    # With few candidates each image's hubness rests on some of the others alone: on 16 of 17,
    # and on all of 16.
    monkeypatch.setattr(hubness, "_CANDIDATES", short)
    images, codes = drawings(n, n_classes, 16)
    images[5], images[11] = images[1], images[1]
    whole = [0, 1, 5, n - 1]
    for k, places in ((1, whole), (n, whole[1:3])):
        assert_left_out(
            lambda: DeformableMatcher(ALIGNED, candidates, 1), images, codes, n_classes, k, places, atol=1e-12
        )


def test_deformable_after_alignment_where_few_images_are_of_another_class():
    """Fewer than the five, and the eight, that count for how near an image is to all others."""
    images, codes = drawings(14, 2, 16)
    codes[:], codes[:3] = 1, 0
    places = [0, 1, 5, 13]
    assert_left_out(lambda: DeformableMatcher(ALIGNED, "auto", 1), images, codes, 2, 3, places, atol=1e-12)


def test_deformable_after_alignment_of_more_images_than_are_aligned():
    images, codes = drawings(36, 4, 16)
    assert_left_out(lambda: DeformableMatcher(ALIGNED, "auto", 1), images, codes, 4, 36, [0, 20], atol=1e-12)


def test_a_class_whose_only_image_is_left_out_has_none():
    images, codes = drawings(9, 3, 16)
    codes[:] = [0, 1, 1, 1, 1, 2, 2, 2, 2]
    for make in (
        lambda: PixelMatcher("l1"),
        lambda: DeformableMatcher(PLAIN, 3, 1),
        lambda: DeformableMatcher(ALIGNED, "auto", 1),
        lambda: DeformableMatcher(ALIGNED, 3, 1),
    ):
        assert_left_out(make, images, codes, 3, 2, [0], atol=1e-12)
