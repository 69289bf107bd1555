import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from effort import examples
from lookalike import InputError
from lookalike.distance.deformation import definition
from lookalike.distance.deformation.alignment import aligned, places


def strokes(n, height, width, seed=0):
    """Return smooth drawings of a few dots."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    images = np.zeros((n, height, width))
    for image in images:
        for y, x in rng.uniform((0, 0), (height, width), (4, 2)):
            image += 160 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 5)
    return np.minimum(images, 255).astype(np.uint8)


@examples(12)
@given(height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 999))
@example(height=1, width=4, seed=1)  # the second is flat
@example(height=2, width=3, seed=825)
def test_kernel_equals_the_definition(height, width, seed):
    first, second = strokes(2, height, width, seed)
    expected = definition.align(first, second)
    np.testing.assert_allclose(places(first, second), expected, rtol=0, atol=1e-6)
    bent = definition.sample(second, expected)[0]
    assert abs(aligned(first[None], second[None], [[0, 0]])[0] - bent).max() <= 0.5 + 1e-4


def test_the_slope_is_that_of_the_loss():
    fixed, moving = (definition.blurred(image, 2.0) for image in strokes(2, 20, 17))
    motion = np.random.default_rng(0).normal(0, 0.05, (2, 67))

    def loss(motion):
        bent = definition.sample(moving, definition.places_of(motion, fixed.shape))[0]
        grid = motion[:, 3:].reshape(2, 8, 8)
        rough = (np.diff(grid, axis=1) ** 2).sum() + (np.diff(grid, axis=2) ** 2).sum()
        stiff = (motion[:, :2] ** 2).sum()
        return ((bent - fixed) ** 2).mean() + definition.STIFF * stiff + definition.SMOOTH * rough

    slope = definition.slope_of(motion, fixed, moving)
    for at in [(0, 0), (1, 1), (0, 2), (1, 2), (0, 3), (1, 30), (0, 40), (1, 66)]:
        step = np.zeros_like(motion)
        step[at] = 1e-6
        numeric = (loss(motion + step) - loss(motion - step)) / 2e-6
        assert slope[at] == pytest.approx(numeric, rel=1e-3, abs=1e-6)


def test_equal_images_are_left_alone():
    images = strokes(3, 28, 28)
    own = np.repeat(np.arange(3)[:, None], 2, axis=1)
    np.testing.assert_array_equal(aligned(images, images, own), images)
    np.testing.assert_array_equal(places(images[0], images[0]), np.indices((28, 28)))


def test_a_turned_and_moved_drawing_is_brought_back():
    rows, columns = np.indices((28, 28)) - 13.5
    straight = (220 * np.exp(-(columns**2) / 3) * (abs(rows) < 9)).astype(np.uint8)
    turned = (220 * np.exp(-((columns - 0.35 * rows - 1.5) ** 2) / 3) * (abs(rows) < 9)).astype(np.uint8)
    bent = aligned(straight[None], turned[None], [[0, 0]])[0]
    before, after = (abs(image.astype(int) - straight).mean() for image in (turned, bent))
    assert after < 0.2 * before


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (128, 128)], ids=str)
@pytest.mark.parametrize("value", [0, 7, 255])
def test_flat_images_stay_what_they_are(shape, value):
    flat, other = np.full((1, *shape), value, np.uint8), strokes(1, *shape)
    np.testing.assert_array_equal(aligned(other, flat, [[0, 0]]), flat)
    assert aligned(flat, other, [[0, 0]]).shape == (1, *shape)
    np.testing.assert_array_equal(places(other[0], flat[0]), np.indices(shape))


def test_a_pair_does_not_depend_on_others_threads_or_memory_order():
    images = strokes(9, 30, 24)
    pairs = np.argwhere(np.ones((9, 9)))
    expected = aligned(images, images, pairs, threads=1)
    np.testing.assert_array_equal(aligned(images, images, pairs, threads=3), expected)
    other = np.asfortranarray(images)
    np.testing.assert_array_equal(aligned(other, other, pairs), expected)
    one = aligned(images[4:5], images[7:8][:, ::-1][:, ::-1], [[0, 0]])
    np.testing.assert_array_equal(one[0], expected[4 * 9 + 7])
    assert aligned(images, images, np.empty((0, 2), int)).shape == (0, 30, 24)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed": np.zeros((1, 4, 4))}, r"images are float64 of shape \(1, 4, 4\): expected uint8"),
        ({"moving": np.zeros((1, 4, 4, 3), np.uint8)}, r"images are uint8 of shape \(1, 4, 4, 3\)"),
        (
            {"moving": np.zeros((1, 4, 5), np.uint8)},
            r"images are of sizes \(4, 4\) and \(4, 5\): expected one",
        ),
        ({"pairs": [0, 0]}, r"pairs are int64 of shape \(2,\): expected integers \(n, 2\)"),
        ({"pairs": [[0, 1]]}, "a pair is not there: expected 0 to 0, and 0 to 0"),
        ({"pairs": [[-1, 0]]}, "a pair is not there"),
    ],
    ids=["floats", "colour", "sizes", "flat", "high", "low"],
)
def test_what_does_not_fit_is_refused(change, message):
    blank = np.zeros((1, 4, 4), np.uint8)
    with pytest.raises(InputError, match=message):
        aligned(**{"fixed": blank, "moving": blank, "pairs": np.array([[0, 0]]), **change})


def test_compilation_is_told(monkeypatch):
    monkeypatch.setattr("lookalike.distance.kernels.align.align._compiled", None)
    monkeypatch.setattr("lookalike.distance.kernels.align.align._known", set())
    told, images = [], strokes(2, 12, 12)
    aligned(images, images, [[0, 1]], progress=lambda *step: told.append(step))
    aligned(images, images, [[0, 1]], progress=lambda *step: told.append(step))
    assert told == [("compiling alignment (first use only)", done, 1) for done in (0, 1)]
