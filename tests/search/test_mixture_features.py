"""Features, heads, weights and altered copies of a mixture: against loops, scikit-learn and SciPy."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.optimize import minimize
from sklearn.kernel_ridge import KernelRidge

from lookalike.data.look import gray_bytes
from lookalike.data.pixels import resized_batch
from lookalike.search.mixture import features
from lookalike.search.mixture.features import FEATURES, altered_edges, feature_rows
from lookalike.search.mixture.heads import Head
from lookalike.search.mixture.jitter import jittered
from lookalike.search.mixture.matcher import spread
from lookalike.search.mixture.weights import fitted_weights

EVERY = pytest.mark.parametrize("name", FEATURES)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@EVERY
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (7, 1), (2, 2), (3, 4, 3), (1, 1, 2), (33, 12), (9, 150, 4), (140, 130, 3)]
)
def test_rows_of_any_shape_are_those_of_each_image_alone(name, shape):
    images = noise(3, *shape)
    images[0] = 0
    rows = feature_rows(name, images)
    assert rows.dtype == np.float64
    assert np.isfinite(rows).all()
    alone = np.concatenate([feature_rows(name, image[None]) for image in images])
    np.testing.assert_array_equal(rows, alone)
    np.testing.assert_array_equal(feature_rows(name, np.asfortranarray(images)), rows)
    many = feature_rows(name, np.concatenate([images] * 40)[: features._FEW + 2])
    np.testing.assert_array_equal(many[-2:], rows[[(features._FEW + place) % 3 for place in (0, 1)]])


@EVERY
@pytest.mark.parametrize("side", [6, 40])
def test_gray_is_three_equal_channels(name, side):
    gray = noise(2, side, side)
    rows = feature_rows(name, gray)
    np.testing.assert_array_equal(feature_rows(name, np.repeat(gray[..., None], 3, axis=3)), rows)
    opaque = np.stack([gray, gray, gray, np.full_like(gray, 255)], axis=3)
    np.testing.assert_array_equal(feature_rows(name, opaque), rows)


def histogram(image):
    """Return the squares of what colour() says of one image, by lightness, a* and b*."""
    return feature_rows("colour", np.asarray(image, np.uint8)[None])[0].reshape(4, 7, 7) ** 2


def test_colours_are_where_they_belong():
    white, black = (histogram(np.full((2, 3), value)) for value in (255, 0))
    assert white[3, 3, 3] == pytest.approx(1)
    assert black[0, 3, 3] == pytest.approx(1)
    # Of sRGB 119 the lightness is 50.03: between the points at 33.3 and 66.7.
    middle = histogram(np.full((2, 3), 119))
    assert middle[1:3, 3, 3] == pytest.approx([0.499, 0.501], abs=1e-3)
    # Red is L* 53.24, a* 80.09, b* 67.20: both beyond 60, and at the last points.
    red = histogram(np.full((1, 1, 3), [255, 0, 0]))
    assert red[:, 6, 6] == pytest.approx([0, 0.4028, 0.5972, 0], abs=1e-3)
    # Blue is L* 32.30, a* 79.19, b* -107.86.
    assert histogram(np.full((1, 1, 3), [0, 0, 255]))[:2, 6, 0] == pytest.approx([0.0311, 0.9689], abs=1e-3)
    # Each half counts as much as it covers, and what is transparent is white.
    half = np.zeros((1, 4, 2), np.uint8)
    half[0, 0, 1] = 255
    assert histogram(half)[[0, 3], 3, 3] == pytest.approx([0.25, 0.75])


def test_texture_of_a_flat_image_is_one_pattern():
    rows = feature_rows("texture", np.full((1, 5, 5), 90, np.uint8))[0].reshape(3, 4, 59)
    # No point around is as bright as a flat pixel and a little more: the first of all patterns.
    assert rows[..., 0] == pytest.approx(1)
    assert not rows[..., 1:].any()


def patterns_by_loops(image):
    """Return histograms (radius, cell, pattern) of an image of 48 x 48 pixels, as the docstring says."""
    number = {}
    for code in range(256):
        bits = [code >> bit & 1 for bit in range(8)]
        if sum(bits[bit] != bits[bit - 1] for bit in range(8)) <= 2:
            number[code] = len(number)
    assert len(number) == 58
    found = np.zeros((3, 4, 59))
    gray = image.astype(np.float64)
    for place, radius in enumerate((1, 2, 4)):
        around = []
        for bit in range(8):
            angle = bit * np.pi / 4
            where = np.indices(gray.shape) + radius * np.array([np.sin(angle), np.cos(angle)])[:, None, None]
            around.append(map_coordinates(gray, where, order=1, mode="nearest") >= gray + 1e-3)
        for y, x in np.ndindex(gray.shape):
            code = sum(int(bright[y, x]) << bit for bit, bright in enumerate(around))
            for cell, (top, left) in enumerate(np.ndindex(2, 2)):
                down, across = np.clip(((y + 0.5) / 24 - 0.5, (x + 0.5) / 24 - 0.5), 0, 1)
                share = (1 - abs(down - top)) * (1 - abs(across - left))
                found[place, cell, number.get(code, 58)] += share / 576
    return np.sqrt(found)


def test_texture_is_what_loops_find():
    rows, columns = np.indices((48, 48))
    waves = 127.5 + 60 * np.sin(rows / 3.1 + np.cos(columns / 4.3)) + noise(48, 48) / 5
    image = np.rint(waves).astype(np.uint8)
    found = feature_rows("texture", image[None])[0].reshape(3, 4, 59)
    np.testing.assert_allclose(found, patterns_by_loops(image), atol=2e-3)
    assert (found > 0).sum() > 300


def test_energy_of_a_checkerboard_is_all_at_the_first_scale():
    board = (np.indices((16, 16)).sum(axis=0) % 2 * 200).astype(np.uint8)
    row = feature_rows("energy", board[None])[0]
    # Neighbours differ by 200, diagonal ones not at all; the Laplacian is 800 everywhere.
    strong, none = np.log(200**2 + 4), np.log(4)
    np.testing.assert_allclose(row[:5], [strong, strong, none, none, np.log(800**2 + 4)])
    np.testing.assert_allclose(row[5:10], np.log(802))
    # Averaged over 2 x 2 pixels it is flat; four pixels are the last scale but one; then 2 x 2 are too few.
    np.testing.assert_allclose(row[10:30], np.tile([*[none] * 5, *[np.log(2)] * 5], 2))
    np.testing.assert_allclose(row[30:40], 0)
    np.testing.assert_allclose(row[40:], np.array([0, 0, 0, 100, 200, 200, 200]) / 127.5)


def test_edges_have_the_length_one_or_none():
    rows = feature_rows("edges", np.stack([noise(20, 20), np.full((20, 20), 9, np.uint8)]))
    np.testing.assert_allclose((rows**2).sum(axis=1), [1, 0])


def head_of(rows, codes, n_classes, evened=False):
    return Head.scaled(rows, floor=0.4, evened=evened).solved(codes, n_classes)


@pytest.fixture
def labelled_rows():
    rng = np.random.default_rng(3)
    codes = np.array([0, 1, 2, 0, 1, 0, 0, 2, 1, 2, 1])
    rows = rng.normal(size=(11, 17)) * rng.uniform(0.1, 9, 17) + codes[:, None]
    return rows.astype(np.float32).astype(np.float64), codes


@pytest.mark.parametrize("evened", [False, True])
def test_heads_are_kernel_ridge_regression(evened, labelled_rows):
    rows, codes = labelled_rows
    head = head_of(rows, codes, 3, evened)
    spread_ = (rows.std(axis=0) + 0.05) * np.sqrt(17) if evened else np.ones(17)
    centred = (rows - rows.mean(axis=0)) / spread_
    scaled = centred / np.sqrt((centred**2).sum(axis=1).mean() + 0.16)
    ridge = KernelRidge(alpha=0.03, kernel="rbf", gamma=0.5).fit(scaled, np.eye(3)[codes] - 1 / 3)
    np.testing.assert_allclose(head.solution, ridge.dual_coef_, atol=1e-9)
    asked = np.concatenate([scaled[:2], scaled[2:] / 3])
    scores = ridge.predict(asked) + 1 / 3
    expected = ((scores[:, None] - np.eye(3)) ** 2).sum(axis=2)
    unit = spread_ * np.sqrt((centred**2).sum(axis=1).mean() + 0.16)
    found = head.costs((asked * unit + rows.mean(axis=0)).astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_heads_leave_an_image_out_exactly(labelled_rows):
    rows, codes = labelled_rows
    head = head_of(rows, codes, 3)
    places = np.array([4, 0, 10])
    asked = rows[places] + np.array([0, 0, 1])[:, None]  # the last is another image than what is left out
    found = head.costs(asked, head.inverse(), places)
    for row, place in enumerate(places):
        kept = np.delete(np.arange(11), place)
        without = head.holding(head.without(np.array([place]))).solved(codes[kept], 3)
        np.testing.assert_allclose(found[row], without.costs(asked[row : row + 1])[0], atol=1e-12)
    assert abs(found - head.costs(asked)).max() > 1e-3


@pytest.mark.parametrize("places", [[0], [2, 1], [1, 2, 0]])
def test_heads_leave_an_image_out_with_its_copies(places, labelled_rows):
    rows = labelled_rows[0][:9]
    codes, places = np.array([1, 0, 2]), np.array(places)
    head = Head.scaled(rows, floor=1.4, evened=False, each=3).solved(codes, 3)
    assert (head.each, head.solution.shape) == (3, (9, 3))
    np.testing.assert_allclose(head.centre, rows[::3].mean(axis=0), atol=1e-6)
    found = head.costs(rows[places * 3 + 1], head.inverse(), places)
    for row, place in enumerate(places):
        kept = np.delete(np.arange(3), place)
        rest = head.holding(np.delete(rows.reshape(3, 3, -1), place, axis=0).reshape(6, -1)).solved(
            codes[kept], 3
        )
        np.testing.assert_allclose(found[row], rest.costs(rows[[place * 3 + 1]])[0], atol=1e-9)


def test_rows_that_are_all_equal_tell_how_common_classes_are():
    codes = np.array([0, 0, 1, 2])
    head = head_of(np.ones((4, 3)), codes, 3)
    found = head.costs(np.ones((2, 3)), head.inverse(), np.array([3, 0]))
    for costs, kept in zip(found, ([0, 0, 1], [0, 1, 2]), strict=True):
        scores = (np.bincount(kept, minlength=3) - 1) / 3.03 + 1 / 3
        np.testing.assert_allclose(costs, ((scores - np.eye(3)) ** 2).sum(axis=1))


def loss_of(weights, costs, codes, prior, penalty):
    """Return what the weights minimise, as the docstring has it."""
    total = penalty * (np.log(weights / prior) ** 2).sum()
    for place, code in enumerate(codes):
        sums = [
            np.inf if np.isinf(costs[:, place, other]).any() else weights @ costs[:, place, other]
            for other in range(costs.shape[2])
        ]
        total -= np.log(np.exp(-sums[code]) / np.exp(-np.array(sums)).sum())
    return total


@pytest.mark.parametrize("penalty", [0.05, 3.0])
def test_weights_are_those_with_the_least_loss(penalty):
    rng = np.random.default_rng(1)
    codes = np.arange(20) % 4
    costs = rng.uniform(0, 2, (3, 20, 4))
    costs[0, np.arange(20), codes] *= 0.4
    costs[:, 3, 0] = costs[1, 5, 3] = np.inf
    prior = np.array([1.0, 2.0, 0.5])
    found = fitted_weights(costs, codes, prior, penalty)

    def loss(logs):
        return loss_of(np.exp(logs), costs, codes, prior, penalty)

    best = minimize(
        loss, np.log(prior), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12, "maxiter": 5000}
    )
    np.testing.assert_allclose(np.log(found), best.x, atol=1e-3)
    slopes = [(loss(np.log(found) + step) - loss(np.log(found) - step)) / 2e-5 for step in np.eye(3) * 1e-5]
    np.testing.assert_allclose(slopes, 0, atol=5e-3)
    assert loss(np.log(found)) < loss(np.log(prior)) - 0.1


def test_weights_stay_within_their_bounds_and_at_the_prior_without_examples():
    prior = np.array([1.0, 3.0])
    np.testing.assert_allclose(fitted_weights(np.zeros((2, 0, 3)), np.zeros(0, int), prior, 0.3), prior)
    codes = np.arange(600) % 2
    tells = 1 - np.eye(2)[codes]
    costs = np.stack([tells, 1 - tells])
    np.testing.assert_allclose(fitted_weights(costs, codes, prior, 1e-9), prior * np.exp([4, -4]))


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (9, 7), (6, 8, 3), (5, 5, 4)])
@pytest.mark.parametrize("bend", [0.0, 1.0])
def test_altered_copies(shape, bend):
    images = noise(3, *shape)
    copies = jittered(images, 4, bend)
    assert (copies.shape, copies.dtype) == ((12, *shape), np.uint8)
    np.testing.assert_array_equal(jittered(images, 4, bend), copies)
    np.testing.assert_array_equal(jittered(images, 1, bend), copies[:3])
    assert len(np.unique(copies.reshape(12, -1), axis=0)) == 12 or shape == (1, 1)
    assert (jittered(images, 4, bend, seed=1) != copies).any()


@pytest.mark.parametrize("bend", [0.0, 1.0])
def test_an_image_is_altered_alike_whatever_else_is(bend):
    images = noise(5, 9, 8, 3)
    copies = jittered(images, 3, bend).reshape(3, 5, 9, 8, 3)
    np.testing.assert_array_equal(jittered(images[3:4], 3, bend), copies[:, 3])
    np.testing.assert_array_equal(jittered(images[..., 1], 3, 0.0)[:5].shape, (5, 9, 8))


def test_edges_of_copies_follow_those_of_their_image():
    images = noise(3, 40, 20, 3)
    rows = altered_edges(images, 2, 0.5).reshape(3, 3, -1)
    gray = gray_bytes(resized_batch(images, (32, 16)))
    np.testing.assert_array_equal(rows[:, 0], feature_rows("edges", images))
    copies = feature_rows("edges", jittered(gray, 2, 0.5)).reshape(2, 3, -1)
    np.testing.assert_array_equal(rows[:, 1:], copies.swapaxes(0, 1))
    np.testing.assert_array_equal(altered_edges(images, 0, 0.5), rows[:, 0])


def off_the_line(copies):
    """Return how far what was a line is from the nearest straight line in a typical copy, in pixels."""
    gone = []
    for copy in copies.astype(np.float64):
        weight = np.maximum(copy - 100, 0)
        columns = np.arange(copy.shape[1])[weight.sum(axis=0) > 0]
        rows = (weight * np.arange(len(copy))[:, None]).sum(axis=0)[columns] / weight.sum(axis=0)[columns]
        gone.append((rows - np.polyval(np.polyfit(columns, rows, 1), columns)).std())
    return np.median(gone)


def test_copies_bend_only_as_far_as_they_are_told():
    line = np.zeros((2, 41, 41), np.uint8)
    line[:, 20, 4:37] = 255
    straight, half, bent = (off_the_line(jittered(line, 6, bend)) for bend in (0.0, 0.5, 1.0))
    assert straight < 0.3 < 0.4 < half < 0.7 < bent
    # In the middle they stay like their image: another one is less like it.
    images = np.kron(noise(4, 5, 5), np.ones((6, 6), np.uint8))
    apart = [
        [abs(copy - image.astype(float)).mean() for image in images] for copy in jittered(images, 3, 0.0)
    ]
    np.testing.assert_array_equal(np.argmin(apart, axis=1), np.tile(np.arange(4), 3))


@pytest.mark.parametrize(("before", "after"), [((4, 6), (8, 3)), ((5, 7), (3, 11)), ((1, 1), (2, 3))])
def test_spread_costs_keep_their_sum(before, after):
    costs = np.random.default_rng(0).uniform(size=before)
    found = spread(costs, after)
    assert found.shape == after
    np.testing.assert_allclose(found.sum(), costs.sum())
    # Each goes to the pixels that cover its area: brute force on a grid that both divide.
    fine = np.kron(costs / np.prod(after), np.ones(after)).reshape(after[0], before[0], after[1], before[1])
    np.testing.assert_allclose(found, fine.sum(axis=(1, 3)))
