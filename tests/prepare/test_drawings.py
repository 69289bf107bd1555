"""Fit to ink, deskew and even ink, against moments by definition, SciPy and Pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from preparing import gray_batches
from scipy import ndimage

from lookalike.data.look import ink_box, paper
from lookalike.prepare import Deskew, EvenInk, FitToInk
from lookalike.prepare.drawings import ink

drawn = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.random.default_rng(seed).integers(0, 256, (2, 7, 6), dtype=np.uint8)
        * (np.random.default_rng(seed + 1).random((2, 7, 6)) < 0.4)
    )
)


@given(gray_batches)
def test_paper_ink_and_box_by_definition(images):
    box = ink_box(ink(images))
    for i, image in enumerate(images.astype(int)):
        h, w = image.shape
        around = sorted(image[y, x] for y in range(h) for x in range(w) if y in (0, h - 1) or x in (0, w - 1))
        level = around[(len(around) - 1) // 2]
        assert paper(images)[i] == level
        expected = np.maximum(image - level, 0)
        np.testing.assert_array_equal(ink(images)[i], expected)
        ys, xs = np.nonzero((expected > 0) & (4 * expected >= expected.max()))
        if len(ys):
            edges = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
            assert (box.top[i], box.bottom[i], box.left[i], box.right[i]) == edges
        else:
            assert (box.top[i], box.bottom[i], box.left[i], box.right[i]) == (0, 0, 0, 0)


@given(drawn, st.integers(0, 9), st.integers(0, 9), st.sampled_from(["mass", "box"]))
def test_where_it_was_drawn_does_not_matter(ink_images, down, across, centre):
    sheets = np.zeros((2, 2, 18, 17), np.uint8)
    sheets[0, :, 1:8, 1:7] = ink_images
    sheets[1, :, 1 + down : 8 + down, 1 + across : 7 + across] = ink_images
    step = FitToInk(size=12, centre=centre)
    np.testing.assert_array_equal(step.transform(sheets[0]), step.transform(sheets[1]))


def test_fitted_ink_is_in_the_middle_and_of_one_size(drawings):
    images = 255 - drawings[0]
    fitted = FitToInk(size=64, box=0.5).transform(images).astype(float)
    for image in fitted:
        assert ndimage.center_of_mass(image) == pytest.approx((31.5, 31.5), abs=0.05)
    # Where a small drawing grows, interpolation reaches half of its own pixels beyond.
    assert abs(ink_box(fitted.astype(np.uint8)).longer - 32).max() <= 3
    boxed = ink_box(FitToInk(size=64, box=0.5, centre="box").transform(images))
    assert (abs((boxed.top + boxed.bottom) / 2 - 32) <= 0.5).all()
    assert (abs((boxed.left + boxed.right) / 2 - 32) <= 0.5).all()


def by_integration(image, size, box, centre, stretch):
    """Fit one image by its definition: integrals over intervals, pixel by pixel."""
    inked = ink(image[None])
    top, bottom, left, right = (int(edge[0]) for edge in ink_box(inked))
    crop = inked[0, top:bottom, left:right].astype(float)
    scales = [box * size / max(crop.shape) * min((max(crop.shape) / n) ** 0.5, stretch) for n in crop.shape]
    ys, xs = np.indices(crop.shape) + 0.5
    middle = np.array(crop.shape) / 2
    if centre == "mass":
        middle = np.array([(crop * ys).sum(), (crop * xs).sum()]) / crop.sum()

    def overlap(i, j, c, scale):
        half = max(1, 1 / scale) / 2
        place = (i + 0.5 - size / 2) / scale + c
        return max(0, min(place + half, j + 1) - max(place - half, j)) / (2 * half)

    down, across = (
        np.array([[overlap(i, j, c, scale) for j in range(n)] for i in range(size)])
        for n, c, scale in zip(crop.shape, middle, scales, strict=True)
    )
    return down @ crop @ across.T


@pytest.mark.parametrize("size", [5, 11, 30])
@pytest.mark.parametrize("centre", ["mass", "box"])
@pytest.mark.parametrize("stretch", [1, 1.2, 4.0])
@pytest.mark.parametrize("width", [5, 9, 20])
def test_fit_is_its_definition(size, centre, stretch, width):
    images = np.random.default_rng(size).integers(0, 256, (6, 12, width), dtype=np.uint8)
    images[:, [0, -1]] = images[:, :, [0, -1]] = 10
    fitted = FitToInk(size=size, box=0.8, centre=centre, stretch=stretch).transform(images)
    for image, found in zip(images, fitted, strict=True):
        expected = by_integration(image, size, 0.8, centre, stretch)
        np.testing.assert_allclose(found, expected, atol=0.55)


def test_shrinking_by_a_whole_number_is_pillows_box_filter():
    image = np.random.default_rng(0).integers(100, 256, (1, 24, 24), dtype=np.uint8)
    sheet = np.pad(image, [(0, 0), (3, 3), (3, 3)])
    pillows = np.asarray(Image.fromarray(image[0]).resize((8, 8), Image.Resampling.BOX))
    found = FitToInk(size=8, box=1, centre="box").transform(sheet)[0]
    np.testing.assert_allclose(found, pillows.astype(int), atol=1)


def test_what_fits_already_stays_as_it_is():
    image = np.zeros((1, 10, 10), np.uint8)
    image[0, 1:9, 3:7] = np.random.default_rng(0).integers(100, 256, (8, 4))
    np.testing.assert_array_equal(FitToInk(size=10, box=0.8, centre="box").transform(image), image)


def test_a_stretched_bar_is_still_a_bar():
    bar = np.zeros((1, 40, 40), np.uint8)
    bar[0, 4:36, 18:22] = 255
    for stretch, width in ((1, 4), (1.5, 6), (2.0, 8), (8, 4 * 8**0.5)):
        box = ink_box(FitToInk(size=48, box=2 / 3, stretch=stretch).transform(bar))
        assert box.bottom - box.top == 32
        # Interpolation reaches half of the drawing's own pixels beyond.
        assert 0 <= box.right - box.left - width <= 3


@pytest.mark.parametrize("level", [0, 77, 255])
@pytest.mark.parametrize("stretch", [1, 2.0])
def test_blank_images_stay_blank(level, stretch):
    blank = np.full((2, 9, 7), level, np.uint8)
    assert not FitToInk(size=5, stretch=stretch).transform(blank).any()
    np.testing.assert_array_equal(Deskew().transform(blank), blank)
    assert not EvenInk().transform(np.zeros_like(blank)).any()


def test_gray_paper_is_taken_off():
    sheet = np.full((1, 12, 12), 15, np.uint8)
    sheet[0, 4:8, 5:7] = 215
    clean = np.where(sheet > 15, 200, 0).astype(np.uint8)
    np.testing.assert_array_equal(FitToInk(size=9).transform(sheet), FitToInk(size=9).transform(clean))


def test_faint_marks_beside_the_ink_are_cropped_away():
    clean = np.zeros((1, 12, 12), np.uint8)
    clean[0, 4:8, 5:7] = 200
    marked = clean.copy()
    marked[0, 2, 6] = marked[0, 10, 5] = marked[0, 6, 2] = marked[0, 5, 9] = 49
    step = FitToInk(size=9, box=0.5)
    np.testing.assert_array_equal(step.transform(marked), step.transform(clean))
    marked[0, 2, 6] = 50
    assert (step.transform(marked) != step.transform(clean)).any()


def test_a_quarter_of_the_strongest_ink_is_ink():
    image = np.zeros((1, 3, 9), np.uint8)
    image[0, 1, [2, 4, 6]] = [63, 255, 64]
    box = ink_box(image)
    assert (box.left[0], box.right[0]) == (4, 7)


def test_one_pixel_fills_the_box_and_an_enormous_image_is_no_matter():
    large = np.zeros((1, 2000, 1500), np.uint8)
    large[0, 1234, 567] = 255
    fitted = FitToInk(size=9, box=1 / 3).transform(large)
    assert fitted[0, 4, 4] == 255
    np.testing.assert_array_equal(fitted, np.transpose(fitted, (0, 2, 1)))


def by_moments(image):
    """Return the slant by its definition, and the image sheared by SciPy."""
    weights = ink(image[None])[0].astype(float)
    ys, xs = np.indices(image.shape)
    total = weights.sum()
    y, x = (weights * ys).sum() / total, (weights * xs).sum() / total
    slant = (weights * (xs - x) * (ys - y)).sum() / (weights * (ys - y) ** 2).sum()
    slant = np.clip(slant, -1, 1)
    matrix = np.array([[1, 0], [slant, 1]])
    level = paper(image[None])[0]
    padded = np.pad(image.astype(float), 40, constant_values=level)
    moved = ndimage.affine_transform(
        padded, matrix, offset=[0, -slant * (y + 40)], order=1, mode="constant", cval=level
    )
    return slant, moved[40:-40, 40:-40]


def test_deskew_is_scipys_shear_by_second_moments(digits):
    rng = np.random.default_rng(0)
    images = np.pad(digits.train.images[:30], [(0, 0), (3, 5), (2, 4)])
    images = np.concatenate([images, rng.integers(0, 256, (10, 16, 14), dtype=np.uint8)])
    found = Deskew().transform(images)
    slants = []
    for image, upright in zip(images, found, strict=True):
        slant, expected = by_moments(image)
        slants.append(slant)
        np.testing.assert_allclose(upright, expected, atol=0.51)
    assert np.ptp(slants) > 0.4


def test_deskewed_writing_is_upright_and_stays_where_it_was(digits):
    images = np.pad(digits.train.images[:100], [(0, 0), (4, 4), (6, 6)])
    upright = Deskew().transform(images)
    again = [abs(by_moments(image)[0]) for image in upright]
    assert np.mean(again) < 0.01 < 0.08 < np.mean([abs(by_moments(image)[0]) for image in images])
    for before, after in zip(images, upright, strict=True):
        assert ndimage.center_of_mass(after) == pytest.approx(ndimage.center_of_mass(before), abs=0.05)


def test_a_flat_stroke_is_not_stood_up():
    dash = np.zeros((1, 9, 15), np.uint8)
    dash[0, 4, 2:8] = dash[0, 5, 8:13] = 255
    assert Deskew().transform(dash)[0].any(axis=0).sum() > 9
    line = np.zeros((1, 9, 15), np.uint8)
    line[0, 4, 2:8] = 255
    np.testing.assert_array_equal(Deskew().transform(line), line)


def test_deskew_keeps_upright_and_symmetric_ink():
    cross = np.zeros((1, 9, 9), np.uint8)
    cross[0, 4, 1:8] = cross[0, 1:8, 4] = 200
    np.testing.assert_array_equal(Deskew().transform(cross), cross)


def test_even_ink_has_one_root_mean_square(digits):
    images = digits.train.images[:100] // np.arange(1, 101, dtype=np.uint8)[:, None, None].clip(1, 6)
    even = EvenInk(40).transform(images).astype(float)
    np.testing.assert_allclose(np.sqrt((even**2).mean(axis=(1, 2))), 40, atol=0.5)


@given(gray_batches)
def test_even_ink_is_its_formula(images):
    for image, found in zip(images.astype(float), EvenInk(50).transform(images), strict=True):
        strength = np.sqrt((image**2).mean())
        expected = np.minimum(image * 50 / strength, 255) if strength else image
        np.testing.assert_allclose(found, expected, atol=0.5 + 1e-9)


def test_real_writing_becomes_upright(mnist):
    images = mnist.train.images[:200]
    raw, upright = (
        np.array([by_moments(image)[0] for image in part]) for part in (images, Deskew().transform(images))
    )
    assert abs(upright).mean() < 0.02 < 0.15 < abs(raw).mean()
