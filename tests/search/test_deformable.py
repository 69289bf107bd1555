"""Deformable matching: neighbours by the definition, stated choices, evidence, edge images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from apart import changed, put_together, taken_apart
from drawings import drawings
from lookalike import DeformableMatch, InputError, LookalikeWarning
from lookalike.distance.deformation.definition import align, match, sample
from lookalike.distance.deformation.matching import deformable_distances, warped
from lookalike.distance.deformation.planes import sobel_planes
from lookalike.prepare import Blur, Gray, Polarity, Prepare
from lookalike.progress import silent
from lookalike.search.deformable.alignment import aligned_distances
from lookalike.search.deformable.hubness import _means, _short


def brute(model, images, queries, k):
    """Return the k nearest by the definition; a stable sort keeps the first of equal ones first."""
    comparison = model.recogniser_.matcher.comparison
    kept, asked = (comparison.planes_of(model.prepared(part)).values() for part in (images, queries))
    settings_ = {"warp": model.warp_, "context": model.context_}
    sums = np.array([[match(one, other, **settings_).distance for other in kept] for one in asked])
    if model.symmetric_:
        sums += np.array([[match(other, one, **settings_).distance for other in kept] for one in asked])
    order = np.argsort(sums, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(sums, order, axis=1), order


def root_means(model, sums):
    """Return sums as the distances that they stand for."""
    matcher = model.recogniser_.matcher
    return matcher.comparison.root_means(sums, matcher.images.shape[1:])


def strokes(n, size, seed=0):
    """Return drawings of n classes: light strokes of one shape a class, moved by a pixel or two."""
    rng = np.random.default_rng(seed)
    shapes = np.random.default_rng(9).integers(0, 2, (n, 5, 5)) * 255
    images = np.zeros((n, size, size), np.uint8)
    for image, shape in zip(images, shapes, strict=True):
        top, left = rng.integers(size // 2 - 4, size // 2 - 1, 2)
        image[top : top + 5, left : left + 5] = shape
    return images


@pytest.mark.parametrize("parameters", [{}, {"warp": (0, 2), "context": 0}, {"prepare": None, "warp": 1}])
def test_neighbours_are_the_definitions(parameters, digits):
    train, valid = digits
    model = DeformableMatch(**parameters).fit(train.images[:60], train.labels[:60])
    distances, indices = model.kneighbors(valid.images[:5], n_neighbors=7)
    sums, order = brute(model, train.images[:60], valid.images[:5], 7)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, root_means(model, sums), rtol=1e-12)
    assert (np.diff(distances, axis=1) >= 0).all()


def test_photographs_are_compared_by_the_definition_in_both_directions():
    images = np.random.default_rng(0).integers(0, 256, (12, 11, 9, 3), dtype=np.uint8)
    model = DeformableMatch().fit(images, np.arange(12))
    assert (model.planes_, model.symmetric_) == ("double-angle", True)
    np.testing.assert_array_equal(model.kneighbors(images[:4], 5)[1], brute(model, images, images[:4], 5)[1])


@settings(max_examples=10)
@given(
    images=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5)),
        elements=st.sampled_from([0, 255]),
    )
)
def test_ties_go_to_the_lowest_index(images):
    twice = np.concatenate([images, images])
    model = DeformableMatch(prepare=None).fit(twice, np.arange(len(twice)))
    indices = model.kneighbors(images, len(twice))[1]
    np.testing.assert_array_equal(indices, brute(model, twice, images, len(twice))[1])
    assert (indices[:, 0] < len(images)).all()


def test_equal_votes_go_to_the_nearest():
    images = strokes(3, 12)
    model = DeformableMatch(n_neighbors=2, prepare=None).fit(images, ["z", "a", "b"])
    assert model.predict(images).tolist() == ["z", "a", "b"]


def test_candidates_are_those_whose_descriptions_are_nearest(digits):
    train, valid = digits
    every = DeformableMatch(candidates=len(train)).fit(train.images, train.labels)
    some = DeformableMatch(candidates=40).fit(train.images, train.labels)
    assert (every.candidates_, some.candidates_) == (len(train), 40)
    assert DeformableMatch().fit(train.images, train.labels).candidates_ == 100
    same = every.kneighbors(valid.images, 1)[1] == some.kneighbors(valid.images, 1)[1]
    assert 0.9 < same.mean() < 1
    # More neighbours than candidates are compared where they are asked for.
    assert some.kneighbors(valid.images[:1], 50)[1].shape == (1, 50)


@pytest.mark.parametrize("candidates", ["auto", 5])
def test_partial_fit_is_fit_on_all(candidates, digits):
    train, valid = digits
    chosen = {"prepare": None, "warp": 1, "context": 1, "n_neighbors": 3, "candidates": candidates}
    whole = DeformableMatch(**chosen).fit(train.images[:90], train.labels[:90])
    parts = DeformableMatch(**chosen)
    for start in range(0, 90, 30):
        part = slice(start, start + 30)
        parts.partial_fit(train.images[part], train.labels[part], classes=range(10))
    assert parts.candidates_ == whole.candidates_
    np.testing.assert_array_equal(parts.ids_, whole.ids_)
    for found, expected in zip(parts.kneighbors(valid.images), whole.kneighbors(valid.images), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("candidates", ["auto", 5])
def test_forgetting_is_fitting_without(candidates, digits):
    train, valid = digits
    chosen = {"prepare": None, "warp": 1, "n_neighbors": 1, "candidates": candidates}
    model = DeformableMatch(**chosen).fit(train.images[:40], train.labels[:40]).forget([0, 17, 39])
    rest = np.delete(np.arange(40), [0, 17, 39])
    assert model.ids_.tolist() == rest.tolist()
    without = DeformableMatch(**chosen).fit(train.images[rest], train.labels[rest])
    assert model.candidates_ == without.candidates_
    for found, expected in zip(model.kneighbors(valid.images), without.kneighbors(valid.images), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_says_what_it_chose_and_why():
    few = DeformableMatch().fit(strokes(6, 60), np.arange(6))
    assert (few.planes_, few.warp_, few.context_) == ("sobel", (3, 3), 2)
    assert (few.symmetric_, few.n_neighbors_, few.candidates_) == (True, 1, 6)
    assert few.prepare_.describe()[0] == "ink is light: kept"
    assert few.reasons_[-2:] == (
        "drawings, 1 of a typical class: few, so pixels may move far; both directions; blurred by 0.87 px; "
        "the nearest are also aligned, not blurred; what is near to other classes counts as farther",
        "1 images of a typical class: too few for a vote, the nearest decides",
    )
    more = DeformableMatch().fit(np.concatenate([strokes(6, 60, seed) for seed in range(5)]), [*range(6)] * 5)
    assert (more.warp_, more.context_, more.symmetric_, more.n_neighbors_) == ((2, 2), 1, True, 1)
    photographs = np.random.default_rng(1).integers(0, 256, (6, 32, 20, 3), dtype=np.uint8)
    model = DeformableMatch().fit(photographs, np.arange(6))
    assert (model.planes_, model.warp_, model.context_) == ("double-angle", (4, 3), 4)


def test_many_examples_vote_and_move_less(digits):
    train, _ = digits
    model = DeformableMatch().fit(train.images, train.labels)
    assert (model.symmetric_, model.warp_, model.context_) == (False, (1, 1), 1)
    assert model.n_neighbors_ in (1, 3)
    assert "images left out" in model.reasons_[-1]


def test_a_moved_stroke_is_still_right_from_one_example():
    fitted, asked = strokes(12, 24), strokes(12, 24, seed=5)
    labels = np.arange(12)
    model = DeformableMatch().fit(255 - fitted, labels)
    assert model.prepare_.describe()[0] == "ink is dark: inverted"
    np.testing.assert_array_equal(model.predict(255 - asked), labels)


def test_field_is_the_evidence_of_the_distance():
    images = np.zeros((2, 15, 15), np.uint8)
    images[0, 3:12, 6] = images[1, 3:12, 7] = 255
    model = DeformableMatch(prepare=None, warp=2, context=1).fit(images[:1], [0])
    found = model.displacement_field(images[1], 0)
    assert found.distance == 0
    np.testing.assert_array_equal(warped(images[0], found.field), images[1])
    with pytest.raises(InputError, match="place is 1: expected 0 to 0"):
        model.displacement_field(images[1], 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 9), (3, 3), (4, 2), (3, 3, 3)])
def test_small_images(shape):
    images = np.random.default_rng(3).integers(0, 256, (6, *shape), dtype=np.uint8)
    images[0], images[1], images[3] = 0, 255, images[2]
    model = DeformableMatch().fit(images, list("abcdef"))
    assert set(model.predict(images)) <= set("abcdef")
    assert (model.planes_ == "values") == (min(shape[:2]) < 3)
    np.testing.assert_array_equal(model.kneighbors(images, 6)[1], brute(model, images, images, 6)[1])


def test_floats_are_rounded_to_bytes(digits):
    train, _ = digits
    rng = np.random.default_rng(0)
    moved = np.clip(train.images / 255 + rng.uniform(-0.4, 0.4, train.images.shape) / 255, 0, 1)
    model = DeformableMatch().fit(moved[:99], train.labels[:99])
    np.testing.assert_array_equal(
        model.recogniser_.matcher.images,
        DeformableMatch().fit(train.images[:99], train.labels[:99]).recogniser_.matcher.images,
    )


def test_rows_are_images_of_the_shape_that_is_said(digits):
    train, _ = digits
    images = np.ascontiguousarray(train.images[:90])
    rows = images.reshape(90, -1).astype(float) / images.max() * 16
    model = DeformableMatch(image_shape=(8, 8)).fit(rows, train.labels[:90])
    assert model.planes_ == "sobel"
    assert model.prepare_ is not None
    flat = DeformableMatch(image_shape=(1, 64)).fit(rows, train.labels[:90])
    assert (flat.planes_, flat.prepare_, flat.prepared(rows[:2]).shape) == ("values", None, (2, 1, 64))
    with pytest.raises(InputError, match=r"image_shape is \(7, 8\): expected .* of 64 values"):
        DeformableMatch(image_shape=(7, 8)).fit(rows, train.labels[:90])


def test_rows_of_a_square_number_are_square_images_and_it_is_said(digits):
    images, labels = digits.train.images[:90], digits.train.labels[:90]
    rows = images.reshape(90, -1) / 255
    with pytest.warns(
        LookalikeWarning, match=r"rows of 64 values and no image_shape: .* images of 8x8"
    ) as said:
        model = DeformableMatch().fit(rows, labels)
    assert said[0].filename == __file__
    assert "the rows of 64 values are images of 8x8" in model.reasons_
    asked = digits.valid.images
    found = model.predict(asked.reshape(len(asked), -1) / 255)
    np.testing.assert_array_equal(found, DeformableMatch().fit(images, labels).predict(asked))
    told = DeformableMatch(image_shape=(8, 8)).fit(rows, labels)
    np.testing.assert_array_equal(told.predict(asked.reshape(len(asked), -1) / 255), found)


@pytest.mark.parametrize("width", [12, 30, 63, 3072])
def test_rows_that_are_no_square_images_are_refused(width):
    rows = np.random.default_rng(0).random((6, width))
    with pytest.raises(
        InputError, match=rf"rows of {width} values, which are no square image: .* image_shape="
    ):
        DeformableMatch().fit(rows, [0, 1] * 3)
    assert DeformableMatch(image_shape=(1, width)).fit(rows, [0, 1] * 3).planes_ == "values"


@pytest.mark.parametrize("width", [1, 4, 10])
def test_rows_too_short_for_an_image_are_compared_as_they_are(width):
    rows = np.random.default_rng(0).random((6, width))
    model = DeformableMatch().fit(rows, [0, 1] * 3)
    assert (model.prepared(rows).shape, model.prepare_) == ((6, 1, width), None)


def test_own_preparation_is_used_and_stays_as_it_is(digits):
    train, _ = digits
    own = Prepare([Gray(), Blur(0.5)])
    model = DeformableMatch(own).fit(train.images[:20], train.labels[:20])
    assert not hasattr(own, "steps_")
    assert len(model.prepare_.steps_) == 2
    np.testing.assert_array_equal(model.recogniser_.matcher.images, own.fit_transform(train.images[:20]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"prepare": "deskew"}, "prepare is 'deskew': expected 'auto', None or a Prepare"),
        ({"warp": -1}, "warp is -1: expected a whole number, 0 to 127"),
        ({"context": 1.5}, "context is 1.5: expected a whole number from 0 to 127"),
        ({"n_neighbors": 0}, "n_neighbors is 0: expected a whole number of at least 1"),
        ({"candidates": True}, "candidates is True: expected a whole number of at least 1"),
    ],
)
def test_refuses_unknown_parameters(parameters, message, edge_images):
    with pytest.raises(InputError, match=message):
        DeformableMatch(**parameters).fit(edge_images, range(8))


def test_refuses_more_neighbours_than_images(edge_images):
    model = DeformableMatch(n_neighbors=3).fit(edge_images, range(8))
    with pytest.raises(InputError, match="n_neighbors is 9: expected 1 to 8, the number of training images"):
        model.kneighbors(edge_images, 9)
    with pytest.raises(InputError, match="n_neighbors is 3: expected 1 to 2"):
        model.forget(range(6)).predict(edge_images)


def aligned_brute(model, queries):
    """Return the distances of a model that aligns, by the definitions."""
    comparison = model.recogniser_.matcher.comparison
    kept, asked = model.recogniser_.matcher.images, model.prepared(queries)
    rest = tuple(int(np.ceil(side / 3)) for side in model.warp_)

    def one_way(first, second):
        bent = np.rint(sample(second, align(first, second))[0]).astype(np.uint8)
        soft, sharp = np.stack([first, second]), np.stack([first, bent])
        if comparison.blur:
            soft = Blur(comparison.blur).fit_transform(soft)
        plain, aligned = (
            match(*sobel_planes(pair).values(), warp=warp, context=model.context_).distance
            for pair, warp in ((soft, model.warp_), (sharp, rest))
        )
        return plain + 2 * aligned

    def distances(queries):
        return np.array([[one_way(one, other) + one_way(other, one) for other in kept] for one in queries])

    # Each image is of a class of its own: the five nearest others are of other classes.
    others = np.sort(distances(kept), axis=1)[:, 1:6].mean(axis=1)
    factors = (np.exp(np.log(others).mean()) / others) ** 0.4
    return distances(asked) * np.rint(4096 * factors).astype(np.int64)


def test_few_drawings_are_aligned_too():
    fitted, asked = 255 - strokes(6, 24), 255 - strokes(6, 24, seed=5)
    model = DeformableMatch().fit(fitted, np.arange(6))
    assert model.aligned_
    assert "the nearest are also aligned" in model.reasons_[-2]
    assert model.recogniser_.matcher.comparison.blur == 0.866
    distances, places = model.kneighbors(asked, 6)
    sums = aligned_brute(model, asked)
    np.testing.assert_array_equal(places, np.argsort(sums, axis=1, kind="stable"))
    np.testing.assert_allclose(distances, root_means(model, np.sort(sums, axis=1)), rtol=1e-12)
    of_classes, first = model.class_neighbors(asked)
    np.testing.assert_allclose(of_classes, root_means(model, sums), rtol=1e-12)
    np.testing.assert_array_equal(first, np.tile(np.arange(6), (6, 1)))
    np.testing.assert_array_equal(model.kneighbors(asked[3:4], 6)[0][0], distances[3])
    assert not model.kneighbors(fitted, 1)[0].any()
    near, found = DeformableMatch(candidates=3).fit(fitted, np.arange(6)).kneighbors(asked, 3)
    np.testing.assert_allclose(near, root_means(model, np.take_along_axis(sums, found, 1)), rtol=1e-12)


def test_ties_of_aligned_images_go_to_the_lowest_index():
    images = 255 - strokes(4, 24)
    model = DeformableMatch().fit(np.concatenate([images, images]), np.arange(8))
    places = model.kneighbors(images, 8)[1]
    assert model.aligned_
    np.testing.assert_array_equal(places[:, :2], np.arange(4)[:, None] + [0, 4])
    np.testing.assert_array_equal(places[:, 1::2], places[:, ::2] + 4)
    np.testing.assert_array_equal(model.class_neighbors(images)[1], np.tile(np.arange(8), (4, 1)))


def test_evidence_of_aligned_images_sums_to_the_margin():
    fitted, asked = 255 - strokes(6, 24), 255 - strokes(6, 24, seed=5)
    model = DeformableMatch().fit(fitted, np.arange(6))
    for place, one in enumerate(model.explain(asked)):
        assert one.contributions.sum() == pytest.approx(one.margin, abs=1e-12)
        nearest = model.kneighbors(asked[place : place + 1], 1)[1][0, 0]
        field = model.displacement_field(asked[place], int(nearest)).field
        np.testing.assert_array_equal(one.nearest[0].field, field)


def test_the_field_of_aligned_images_leads_to_the_image_as_it_is():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 6:22, 10:13] = 200
    image = Blur(1.0).fit_transform(image)
    moved = np.roll(image, (3, -4), axis=(1, 2))
    model = DeformableMatch(prepare=None, warp=1).fit(image, [0])
    found = model.displacement_field(moved[0], 0)
    ink = moved[0] > 60
    assert model.aligned_
    assert abs(found.field[ink].mean(axis=0) - (-3, 4)).max() < 0.7
    assert abs(warped(image[0], found.field).astype(int) - moved[0])[ink].mean() < 25
    assert found.distance == found.costs.sum()


def sums_as_they_are(matcher, queries):
    """Return the sums of squares of queries and all kept images, in both directions."""
    comparison = matcher.comparison
    soft = [comparison.planes_of(images) for images in (queries, matcher.images)]
    return deformable_distances(*soft, warp=comparison.warp, context=comparison.context, symmetric=True)


def full_sums(matcher, queries):
    """Return these, with twice what still differs after alignment."""
    plain = sums_as_they_are(matcher, queries)
    pairs = np.argwhere(np.ones(plain.shape, bool))
    rest = aligned_distances(queries, matcher.images, pairs, matcher.comparison)
    return plain + 2 * rest.reshape(plain.shape)


class Hubness:
    """What distances to each kept image count, in parts of 4,096, one image after the other."""

    def __init__(self, matcher, codes):
        self.codes = codes
        self.plain, self.whole = sums_as_they_are(matcher, matcher.images), full_sums(matcher, matcher.images)
        described = matcher.comparison.descriptors_of(matcher.images, silent)
        self.described = described.reshape(len(codes), -1).astype(np.int64)

    def factors(self, left_out=None, candidates=None):
        """Return them where each is compared with all, or with those whose descriptions are nearest."""
        n, others = len(self.codes), []
        for place in range(n):
            apart = ((self.described - self.described[place]) ** 2).sum(axis=1)
            near = np.argsort(apart, kind="stable")[:candidates].tolist()
            there = [other for other in near if self.codes[other] != self.codes[place] and other != left_out]
            short = sorted(there, key=lambda other, row=self.plain[place]: (row[other], other))[:8]
            others.append(np.mean(sorted(self.whole[place, short])[:5]))
        means = np.maximum(others, 1)
        ratio = np.exp(np.log(means[np.arange(n) != left_out]).mean()) / means
        return np.rint(4096 * np.clip(ratio, 1 / 8, 8) ** 0.4).astype(np.int64)


def of_short_list(model, queries, codes, without=None):
    """Return the nearest image, and the nearest of each class, of a model that aligns, one by one."""
    matcher = model.recogniser_.matcher
    seen = model.prepared(queries)
    plain, whole, hubness = sums_as_they_are(matcher, seen), full_sums(matcher, seen), Hubness(matcher, codes)
    factors = hubness.factors()
    near, of_classes = [], []
    for row in range(len(queries)):
        if without is not None:
            factors = hubness.factors(without[row])
        there = np.array([place for place in range(len(codes)) if without is None or place != without[row]])
        order = there[np.argsort(plain[row, there], kind="stable")]
        first = np.array([order[codes[order] == code][0] for code in np.unique(codes)])
        full = np.full(len(codes), np.inf)
        chosen = np.unique([*order[:30], *first[np.argsort(plain[row, first], kind="stable")[:50]]])
        full[chosen] = (whole[row] * factors)[chosen]
        # What is not aligned is as far as if that had changed nothing, and no nearer than what is.
        rest = np.setdiff1d(there, chosen)
        full[rest] = np.maximum(3 * plain[row, rest] * factors[rest], full[chosen].max())
        near.append(min(order[:30], key=lambda place: (full[place], place)))
        of_aligned = {code: full[chosen[codes[chosen] == code]] for code in np.unique(codes)}
        of_classes.append(
            [some.min() if some.size else full[codes == code].min() for code, some in of_aligned.items()]
        )
    return np.array(near), root_means(model, np.array(of_classes))


def test_only_the_nearest_are_aligned():
    fitted = 255 - np.concatenate([strokes(20, 24, seed) for seed in range(4)])
    asked, codes = 255 - strokes(6, 24, seed=9), np.tile(np.arange(40), 2)
    model = DeformableMatch().fit(fitted, codes)
    assert model.aligned_
    near, of_classes = of_short_list(model, asked, codes)
    np.testing.assert_array_equal(model.kneighbors(asked)[1][:, 0], near)
    np.testing.assert_array_equal(model.class_neighbors(asked)[0], of_classes)
    distances, places = model.kneighbors(asked, 80)  # those that are aligned come first
    assert (np.sort(places, axis=1) == np.arange(80)).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    asked, without = fitted[:6], np.arange(6)
    expected = of_short_list(model, asked, codes, without)[1]
    matcher = model.recogniser_.matcher
    found = matcher.match(model.prepared(asked), 1, exclude=without).class_distances
    np.testing.assert_array_equal(found, expected)


def test_no_class_is_nearer_than_the_answer():
    """Classes are many, and their nearest images beyond the 30 that are nearest as they are."""
    fitted = 255 - np.concatenate([strokes(40, 24, seed) for seed in range(3)])
    asked, codes = 255 - strokes(40, 24, seed=9), np.tile(np.arange(40), 3)
    model = DeformableMatch().fit(fitted, codes)
    np.testing.assert_array_equal(model.predict(asked), model.class_distances(asked).argmin(axis=1))
    assert all(one.margin >= 0 for one in model.explain(asked[:5]))


def test_classes_beyond_the_50_nearest_are_told_and_behind():
    fitted, asked = 255 - np.concatenate([strokes(20, 24, seed) for seed in range(3)]), 255 - strokes(2, 24)
    codes = np.arange(60)
    for model in (
        DeformableMatch().fit(fitted, codes),
        DeformableMatch(candidates=20).fit(fitted, codes),
        DeformableMatch().fit(fitted[:40], codes[:40]),
    ):
        if len(model.classes_) < 60:
            model.teach(fitted[40:], codes[40:])
        assert model.aligned_
        distances = model.class_distances(asked)
        assert np.isfinite(distances).all()
        shares = model.predict_proba(asked)
        np.testing.assert_array_equal(shares.argmax(axis=1), model.predict(asked))
    matcher, seen = model.recogniser_.matcher, model.prepared(asked)
    plain = sums_as_they_are(matcher, seen)
    order = np.argsort(plain, axis=1, kind="stable")
    ordered = np.take_along_axis(distances, order, 1)
    assert (ordered[:, 50:].min(axis=1) >= ordered[:, :50].max(axis=1)).all()
    factors = Hubness(matcher, codes).factors()
    whole = full_sums(matcher, seen) * factors
    last = np.take_along_axis(whole, order, 1)[:, :50].max(axis=1)[:, None]
    expected = root_means(model, np.maximum(3 * plain * factors, last + 1))
    np.testing.assert_array_equal(ordered[:, 50:], np.take_along_axis(expected, order, 1)[:, 50:])
    aligned = root_means(model, whole)
    np.testing.assert_array_equal(ordered[:, :50], np.take_along_axis(aligned, order, 1)[:, :50])


def test_copies_in_other_classes_are_hubs_within_bounds():
    images = 255 - strokes(8, 24)
    fitted = np.concatenate([images, np.repeat(images[:1], 6, axis=0)])
    model = DeformableMatch().fit(fitted, np.arange(14))
    factors = model.recogniser_.matcher.hubness_factors
    assert factors[0] == round(4096 / 8**-0.4)
    assert (factors[[8, 13]] == factors[0]).all()
    assert (factors[1:8] < 4096).all()
    np.testing.assert_array_equal(model.predict(images), np.arange(8))
    alone = DeformableMatch().fit(images, np.zeros(8, int))
    assert (alone.recogniser_.matcher.hubness_factors == 4096).all()
    assert (alone.predict(images) == 0).all()


def test_how_much_of_a_hub_many_images_are_rests_on_those_with_near_descriptions(monkeypatch):
    monkeypatch.setattr("lookalike.search.deformable.hubness._CANDIDATES", 50)
    fitted = 255 - np.concatenate([strokes(20, 24, seed) for seed in range(4)])
    codes = np.repeat(np.arange(20), 4)
    model = DeformableMatch().fit(fitted, codes)
    matcher = model.recogniser_.matcher
    sums = full_sums(matcher, matcher.images).astype(float)
    sums[codes[:, None] == codes] = np.inf
    apart = np.maximum(np.sort(sums, axis=1)[:, :5].mean(axis=1), 1)
    exact = np.clip(np.exp(np.log(apart).mean()) / apart, 1 / 8, 8) ** 0.4
    # Not all of the nearest are candidates, but nearly.
    assert abs(matcher.hubness_factors / 4096 / exact - 1).mean() < 0.02
    assert abs(matcher.hubness_factors / 4096 / exact - 1).max() < 0.2


@pytest.mark.parametrize("n", [15, 16, 17, 18, 30])
def test_how_much_of_a_hub_an_image_is_rests_on_a_stated_number_of_candidates(n, monkeypatch):
    monkeypatch.setattr("lookalike.search.deformable.hubness._CANDIDATES", 16)
    images, codes = drawings(n, 6, 16)
    images, codes = images[::-1].copy(), codes[::-1].copy()  # the last one is near to others
    model = DeformableMatch(None, aligned=True, hubness=True).fit(images, codes)
    matcher = model.recogniser_.matcher
    expected = Hubness(matcher, codes).factors(candidates=16)
    np.testing.assert_array_equal(matcher.hubness_factors, expected)


def test_how_much_of_a_hub_an_image_is_rests_on_fewer_than_five_where_there_are_no_more():
    images, codes = drawings(14, 2, 16)
    codes[:], codes[:3] = 1, 0
    matcher = DeformableMatch(None, aligned=True, hubness=True).fit(images, codes).recogniser_.matcher
    np.testing.assert_array_equal(matcher.hubness_factors, Hubness(matcher, codes).factors())


def test_eight_sums_count_and_of_these_the_five_smallest():
    sums = np.arange(18.0).reshape(2, 9)
    left_out = np.arange(9) == [[20], [2]]
    assert _short(sums, left_out).tolist() == [sums[0, :8].tolist(), np.delete(sums[1], 2).tolist()]
    few = _short(sums[:, :8], left_out[:, :8])
    assert few[1, 2] == np.inf
    assert _means(few).tolist() == [2, (9 + 10 + 12 + 13 + 14) / 5]
    assert _means(np.array([[np.inf, 3, 5, np.inf], [np.inf] * 4])).tolist() == [4, np.inf]


def test_taught_and_forgotten_images_leave_alignment_as_it_was():
    fitted = 255 - np.concatenate([strokes(20, 24, seed) for seed in range(2)])
    model = DeformableMatch().fit(fitted[:30], np.repeat(np.arange(10), 3))
    before = model.kneighbors(fitted[:2], 2)[0]
    model.partial_fit(fitted[30:], np.arange(10))
    again = DeformableMatch().fit(fitted, [*np.repeat(np.arange(10), 3), *range(10)])
    np.testing.assert_array_equal(model.kneighbors(fitted, 3)[0], again.kneighbors(fitted, 3)[0])
    model.forget(model.ids_[30:])
    np.testing.assert_array_equal(model.kneighbors(fitted[:2], 2)[0], before)


@pytest.mark.parametrize(
    ("shape", "per_class", "expected"),
    [((16, 32), 4, True), ((15, 32), 4, False), ((16, 33), 4, False), ((28, 28), 5, True)],
)
def test_the_rule_of_alignment(shape, per_class, expected):
    images = np.zeros((10, *shape), np.uint8)
    images[:, 3:7, 4:9] = np.random.default_rng(0).integers(0, 256, (10, 4, 5))
    model = DeformableMatch(prepare=None).fit(images, np.arange(10) // per_class)
    assert model.aligned_ == expected
    assert model.recogniser_.matcher.comparison.blur == (0.866 if min(shape) >= 16 else 0)


def test_what_is_blurred_and_not_aligned_is_the_definition_of_blurred_images():
    images = np.random.default_rng(0).integers(0, 2, (51, 20, 20), np.uint8) * 200
    model = DeformableMatch(prepare=Prepare([Polarity()]), aligned=False).fit(images, np.arange(51))
    assert (model.aligned_, model.blur_, model.hubness_) == (False, 0.866, False)
    soft = sobel_planes(Blur(0.866).fit_transform(model.prepared(images)))
    sums = deformable_distances(soft, soft, warp=model.warp_, context=model.context_, symmetric=True)
    expected = root_means(model, np.sort(sums, axis=1))
    np.testing.assert_array_equal(model.kneighbors(images, 51)[0], expected)


def test_what_is_near_the_border_of_photographs_counts_less():
    """Seven-segment digits: what a crop shows at its sides is of their neighbours."""
    uneven = np.random.default_rng(0).integers(0, 10, (4, 32, 20)) + np.arange(20) * 6 + 30
    images = uneven.astype(np.uint8)
    images[[0, 2], 10:22, 8:10] += 80  # a thing in the middle
    images[[1, 3], 10:12, 6:14] += 80  # another thing
    images[[0, 3], :, 1] += 80  # a neighbour of either looks in
    model = DeformableMatch(prepare=None).fit(images[:2], [0, 1])
    assert model.recogniser_.matcher.comparison.window == 1 / 3
    assert "what is near the border counts less" in model.reasons_[-2]
    assert model.predict(images[2:]).tolist() == [0, 1]
    plain = taken_apart(model)
    again = put_together(model, plain)
    np.testing.assert_array_equal(again.kneighbors(images)[0], model.kneighbors(images)[0])
    unweighted = {**plain.facts["matcher"]["comparison"], "window": 0.0}
    flat = put_together(model, changed(plain, matcher={"comparison": unweighted}))
    assert (flat.kneighbors(images[2:])[0] > model.kneighbors(images[2:])[0]).all()

    def apart(one):
        """Return how unlike the coarse descriptions of what differs near the border are."""
        first, second = one.recogniser_.matcher.comparison.descriptors_of(images[[0, 2]], silent).astype(
            np.int64
        )
        return ((first - second) ** 2).sum()

    assert 0 < apart(model) < 0.2 * apart(flat)


@pytest.mark.parametrize("value", [0, 200])
def test_flat_drawings_are_aligned_to_nothing(value):
    images = np.full((3, 20, 20), value, np.uint8)
    images[1:] = strokes(2, 20)
    model = DeformableMatch(prepare=None).fit(images, [0, 1, 2])
    assert model.aligned_
    assert model.predict(images).tolist() == [0, 1, 2]
    assert np.isfinite(model.explain(images)[0].contributions).all()


def test_aligned_models_are_stored():
    model = DeformableMatch().fit(255 - strokes(6, 24), np.arange(6))
    plain = taken_apart(model)
    again = put_together(model, plain)
    asked = 255 - strokes(6, 24, seed=5)
    assert again.aligned_
    np.testing.assert_array_equal(again.kneighbors(asked, 6)[0], model.kneighbors(asked, 6)[0])
    comparison = plain.facts["matcher"]["comparison"]
    with pytest.raises(InputError, match="aligned is 1: expected true or false"):
        put_together(model, changed(plain, matcher={"comparison": {**comparison, "aligned": 1}}))
    factors = {"matcher.hubness_factors": np.zeros(6, np.int64)}
    with pytest.raises(InputError, match="hubness_factors holds 0 to 0: expected 1 to 65536"):
        put_together(model, changed(plain, arrays=factors))
    with pytest.raises(InputError, match="hubness_factors do not go with the comparison's hubness"):
        put_together(model, changed(plain, arrays={"matcher.hubness_factors": None}))
    in_colour = DeformableMatch(prepare=None).fit(np.zeros((2, 20, 20, 3), np.uint8), [0, 1])
    colour = taken_apart(in_colour)
    comparison = {**colour.facts["matcher"]["comparison"], "aligned": True}
    with pytest.raises(InputError, match="aligned is true: expected gray images"):
        put_together(in_colour, changed(colour, matcher={"comparison": comparison}))
    flat = DeformableMatch(prepare=None).fit(strokes(6, 15), np.arange(6))
    assert not flat.aligned_
    assert "matcher.hubness_factors" not in taken_apart(flat).arrays
