"""What every step of preparation must do."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from preparing import every_step, gray_batches
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lookalike import InputError
from lookalike.prepare import (
    Blur,
    EvenInk,
    FitToInk,
    Gray,
    NormaliseContrast,
    Polarity,
    RaiseContrast,
    Resize,
)
from lookalike.prepare import steps as steps_module

EDGES = {
    "blank": np.zeros((2, 6, 5), np.uint8),
    "full": np.full((2, 6, 5), 255, np.uint8),
    "constant": np.full((2, 6, 5), 77, np.uint8),
    "1x1": np.array([[[9]], [[255]]], np.uint8),
    "one row": np.arange(14, dtype=np.uint8).reshape(2, 1, 7),
    "one column": np.arange(14, dtype=np.uint8).reshape(2, 7, 1),
    "one pixel": np.pad(np.full((1, 1, 1), 255, np.uint8), [(0, 1), (3, 2), (1, 3)]),
    "colour": np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3), dtype=np.uint8),
    "opacity": np.random.default_rng(0).integers(0, 256, (2, 6, 5, 4), dtype=np.uint8),
    "floats": np.random.default_rng(0).random((2, 6, 5)),
    "bool": np.eye(6, dtype=bool)[None],
    "flipped": np.random.default_rng(1).integers(0, 256, (2, 6, 5), dtype=np.uint8)[:, ::-1, ::-1],
}


@pytest.mark.parametrize("images", EDGES.values(), ids=EDGES)
def test_every_image_becomes_gray_bytes(step, images):
    before = images.copy()
    prepared = clone(step).fit_transform(images)
    assert prepared.dtype == np.uint8
    sizes = {FitToInk: (step.size,) * 2} if isinstance(step, FitToInk) else {Resize: (5, 7)}
    assert prepared.shape == (len(images), *sizes.get(type(step), images.shape[1:3]))
    np.testing.assert_array_equal(images, before)


@given(images=gray_batches, index=st.integers(0, 8))
def test_an_image_alone_gives_what_it_gives_in_a_batch(images, index):
    step = every_step()[index].fit(images)
    whole = step.transform(images)
    for image, prepared in zip(images, whole, strict=True):
        np.testing.assert_array_equal(step.transform(image[None])[0], prepared)


def test_chunks_do_not_show(step, monkeypatch, edge_images):
    whole = clone(step).fit_transform(edge_images)
    monkeypatch.setattr(steps_module, "_CHUNK_VALUES", 70)
    heard = []
    chunked = clone(step).fit(edge_images).transform(edge_images, progress=lambda *note: heard.append(note))
    np.testing.assert_array_equal(chunked, whole)
    assert len(heard) > 4
    assert heard[0][1:] == (0, 8)
    assert heard[-1][1:] == (8, 8)
    assert heard[0][0].startswith("prepare: ")


def test_memory_is_bounded_where_small_images_grow():
    step = FitToInk(size=1024)
    assert step._values(1, 1) >= steps_module._CHUNK_VALUES
    assert Resize(1024, 1024)._values(1, 1) >= steps_module._CHUNK_VALUES


def test_steps_work_in_a_pipeline_and_can_be_cloned(step, digits):
    train, valid = digits
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1).astype(float))
    model = clone(make_pipeline(clone(step), flat, KNeighborsClassifier(1)))
    model.fit(train.images[:300], train.labels[:300])
    assert model.score(valid.images[:50], valid.labels[:50]) > 0.6
    assert clone(step).get_params() == step.get_params()


def test_only_steps_that_learn_need_a_fit(step, edge_images):
    fresh = clone(step)
    if isinstance(fresh, Polarity | RaiseContrast):
        with pytest.raises(NotFittedError):
            fresh.transform(edge_images)
    else:
        np.testing.assert_array_equal(fresh.transform(edge_images), clone(step).fit_transform(edge_images))


def test_each_says_what_it_does(step):
    assert len(step.describe()) > 10


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Blur(0), "sigma is 0: expected a number above 0 and up to 32"),
        (Blur(float("nan")), "sigma is nan"),
        (Blur(1e9), "sigma is 1000000000.0"),
        (Blur("1"), "sigma is '1'"),
        (Blur(True), "sigma is True"),
        (Resize(0, 3), "height is 0: expected a whole number from 1 to 1024"),
        (Resize(3, 2.0), r"width is 2\.0"),
        (Resize(3, 10**9), "width is 1000000000"),
        (Resize(True, 3), "height is True"),
        (FitToInk(size=0), "size is 0"),
        (FitToInk(box=1.5), "box is 1.5: expected a number above 0 and up to 1"),
        (FitToInk(centre="middle"), "centre is 'middle': expected 'mass' or 'box'"),
        (FitToInk(stretch=0.5), "stretch is 0.5: expected a number from 1 to 8"),
        (FitToInk(stretch=9), "stretch is 9: expected a number above 0 and up to 8"),
        (EvenInk(-1), "level is -1: expected a number above 0 and up to 255"),
    ],
)
def test_parameters_out_of_range_are_refused(step, message, edge_images):
    with pytest.raises(InputError, match=message):
        step.fit(edge_images)
    with pytest.raises(InputError, match=message):
        step.transform(edge_images)


def test_what_is_no_image_batch_is_refused(step, edge_images):
    with pytest.raises(InputError, match=r"images have shape \(3, 4\)"):
        step.fit(np.zeros((3, 4)))
    fitted = clone(step).fit(edge_images)
    with pytest.raises(InputError, match="images hold nan"):
        fitted.transform(np.full((1, 2, 2), np.nan))


colours = hnp.arrays(np.uint8, (2, 3, 4, 3))


@given(colours)
def test_gray_is_luma_exactly_rounded(images):
    parts = (Fraction(299, 1000), Fraction(587, 1000), Fraction(114, 1000))
    expected = [
        int(sum(part * int(v) for part, v in zip(parts, pixel, strict=True)) + Fraction(1, 2))
        for pixel in images.reshape(-1, 3)
    ]
    np.testing.assert_array_equal(Gray().transform(images).ravel(), expected)


@given(colours)
def test_gray_is_pillows_to_its_own_rounding(images):
    pillows = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
    difference = Gray().transform(images).astype(int) - pillows
    assert abs(difference).max() <= 1


def test_opacity_is_laid_on_white():
    pixels = np.array([[[[0, 0, 0, 0], [0, 0, 0, 255], [255, 0, 0, 128]]]], np.uint8)
    np.testing.assert_array_equal(Gray().transform(pixels)[0, 0], [255, 0, 165])
    np.testing.assert_array_equal(Gray().transform(pixels[..., [0, 3]])[0, 0], [255, 0, 255])


@given(gray_batches)
def test_a_negative_has_the_other_polarity(images):
    step, other = Polarity().fit(images), Polarity().fit(255 - images)
    assume(step.inverted_ != other.inverted_)
    np.testing.assert_array_equal(step.transform(images), other.transform(255 - images))


@pytest.mark.parametrize("dark", [False, True])
def test_polarity_of_real_digits(dark, digits):
    images = 255 - digits.train.images if dark else digits.train.images
    step = Polarity().fit(images)
    assert step.inverted_ is dark
    assert step.describe() == ("ink is dark: inverted" if dark else "ink is light: kept")
    np.testing.assert_array_equal(step.transform(images), digits.train.images)


def votes(*images):
    return Polarity().fit(np.array(images, np.uint8)).inverted_


def test_polarity_is_the_vote_of_the_images():
    light = np.pad(np.full((2, 2), 9), 1)
    dark = np.pad(np.full((2, 2), 3), 1, constant_values=9)
    even = np.full((4, 4), 5)
    assert votes(dark, dark, light)
    assert not votes(dark, light, light)
    assert not votes(dark, light)
    assert votes(dark, even, even)
    assert not votes(even)


def test_polarity_without_a_middle_is_light():
    assert not votes([[255, 0], [255, 255]])
    assert not Polarity().fit(np.full((1, 1, 1), 255, np.uint8)).inverted_


def test_polarity_takes_colour_by_its_luma():
    images = np.full((1, 3, 3, 3), 255, np.uint8)
    images[0, 1, 1] = [0, 0, 255]
    assert Polarity().fit(images).inverted_


@given(gray_batches, gray_batches)
def test_raised_contrast_is_its_formula(images, others):
    step = RaiseContrast().fit(images)
    ranges = sorted(int(image.max()) - int(image.min()) for image in images if np.ptp(image))
    assert step.range_ == (ranges[-1] if ranges else 255)  # of so few images no one is left out
    for image, raised in zip(others, step.transform(others), strict=True):
        expected = (image - float(image.min())) * 255 / step.range_
        np.testing.assert_allclose(raised, expected.clip(0, 255), atol=0.5 + 1e-9)


def test_few_strong_images_do_not_set_the_range():
    images = np.zeros((100, 2, 2), np.uint8)
    images[:40, 0, 0] = 9
    assert RaiseContrast().fit(images).range_ == 9
    images[:2, 0, 0] = 200
    assert RaiseContrast().fit(images).range_ == 9
    images[:3, 0, 0] = 200
    assert RaiseContrast().fit(images).range_ == 200


@given(gray_batches)
def test_contrast_is_its_formula(images):
    found = NormaliseContrast().transform(images)
    for image, stretched in zip(images, found, strict=True):
        values = np.sort(image.ravel().astype(float))
        k = (len(values) - 1) // 50
        low, high = values[k], values[len(values) - 1 - k]
        expected = (image - (low + high) / 2) * 255 / max(high - low, 32) + 127.5
        np.testing.assert_allclose(stretched, expected.clip(0, 255), atol=0.5 + 1e-9)


@given(gray_batches)
def test_contrast_twice_is_contrast_once(images):
    once = NormaliseContrast().transform(images)
    ranked = np.sort(images.reshape(len(images), -1), axis=1).astype(int)
    k = (ranked.shape[1] - 1) // 50
    assume((ranked[:, -1 - k] - ranked[:, k] >= 32).all())
    np.testing.assert_array_equal(NormaliseContrast().transform(once), once)


@given(gray_batches)
def test_contrast_of_a_negative_is_the_negative(images):
    found = NormaliseContrast().transform(images).astype(int)
    other = 255 - NormaliseContrast().transform(255 - images).astype(int)
    # Halves are rounded to even: in a negative they go the other way.
    assert abs(found - other).max() <= 1


@given(gray_batches, st.integers(1, 60))
def test_contrast_forgets_brightness(images, offset):
    darker = images // 2
    np.testing.assert_array_equal(
        NormaliseContrast().transform(darker), NormaliseContrast().transform(darker + np.uint8(offset))
    )


@pytest.mark.parametrize(("pixels", "outside"), [(50, 0), (51, 1), (100, 1), (101, 2)])
def test_a_fiftieth_lies_outside(pixels, outside):
    image = np.arange(100, 100 + pixels, dtype=np.uint8).reshape(1, 1, -1)
    stretched = NormaliseContrast().transform(image)
    assert (stretched == 0).sum() == (stretched == 255).sum() == 1 + outside


def test_reflections_do_not_darken_the_rest():
    image = np.tile(np.array([100, 120], np.uint8), 50).reshape(1, 10, 10)
    image[0, 0, 0] = 255
    stretched = NormaliseContrast().transform(image)
    assert stretched[0, 0, 0] == 255
    assert np.ptp(stretched[0, 1:]) == 159


@pytest.mark.parametrize("sigma", [0.5, 1, 2.3])
def test_blur_is_a_sum_of_gaussian_weights(sigma, edge_images):
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(edge_images.astype(float), [(0, 0), (radius, radius), (radius, radius)], mode="edge")
    h, w = edge_images.shape[1:]
    expected = sum(
        a * b * padded[:, i : i + h, j : j + w] for i, a in enumerate(weights) for j, b in enumerate(weights)
    )
    np.testing.assert_allclose(Blur(sigma).transform(edge_images), expected, atol=0.5 + 1e-9)


@given(gray_batches, st.floats(0.01, 6))
def test_blur_is_scipys_byte_for_byte(images, sigma):
    expected = gaussian_filter(images.astype(float), sigma, mode="nearest", axes=(1, 2))
    np.testing.assert_array_equal(Blur(sigma).transform(images), np.rint(expected.clip(0, 255)))


@given(st.integers(0, 255), st.floats(1e-300, 3))
def test_an_even_image_is_not_changed_by_blur(level, sigma):
    even = np.full((1, 4, 5), level, np.uint8)
    np.testing.assert_array_equal(Blur(sigma).transform(even), even)


@given(gray_batches, st.integers(1, 12), st.integers(1, 12))
def test_resize_is_pillows_triangle_filter(images, height, width):
    found = Resize(height, width).transform(images)
    assert found.shape == (len(images), height, width)
    for image, resized in zip(images, found, strict=True):
        pillows = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(resized, np.asarray(pillows))


@given(gray_batches)
def test_resize_to_the_same_size_changes_nothing(images):
    np.testing.assert_array_equal(Resize(*images.shape[1:]).transform(images), images)
