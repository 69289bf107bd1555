import json
import re

import numpy as np
import pytest
from scipy.ndimage import center_of_mass, find_objects
from scipy.stats import binomtest

import lookalike
from lookalike import DeformableMatch, InputError, LookalikeWarning, MeanImage, NearestImages
from lookalike.prepare import Polarity, Prepare, choose
from lookalike.prepare import chain as chain_module
from lookalike.prepare.chain import _off_centre, _sign_test

FITTED = ["FitToInk", "Blur", "EvenInk"]


def names(chain):
    return [type(step).__name__ for step in chain.steps_]


def photographs(height, width):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (12, height, width, 3), dtype=np.uint8)


def test_drawings_are_fitted_and_their_polarity_is_said(drawings):
    images, labels = drawings
    chain = choose(images, labels)
    assert names(chain) == ["Polarity", *FITTED]
    assert chain.reasons_[0] == "99 % of a typical image is even paper: drawings"
    assert chain.reasons_[1] == "ink is dark: inverted"
    assert chain.reasons_[2].startswith("the longer side has 40 px, more than 32: fitted to ink")
    np.testing.assert_array_equal(
        choose(255 - images, labels).transform(255 - images), chain.transform(images)
    )


@pytest.mark.parametrize(("each", "stretch"), [(49, 1.5), (50, 1.0)])
def test_width_is_evened_out_where_a_class_has_few_images(drawings, each, stretch):
    images = drawings[0][:2].repeat(each, axis=0)
    chain = choose(images, np.repeat(["a", "b"], each))
    assert chain.steps_[1].stretch == stretch
    assert ("stretched by up to 1.5" in chain.describe()[1]) == (stretch > 1)
    assert choose(images).steps_[1].stretch == 1


def test_what_was_chosen_is_fitted_and_can_be_stored(drawings):
    chain = choose(*drawings)
    again = Prepare.from_json(json.loads(json.dumps(chain.to_json())))
    np.testing.assert_array_equal(again.transform(drawings[0]), chain.transform(drawings[0]))
    assert again.reasons_ == chain.reasons_


@pytest.mark.parametrize(("span", "raised"), [(63, True), (64, False), (3, True)])
def test_contrast_is_raised_where_images_are_faint(drawings, span, raised):
    images, labels = drawings
    faint = np.rint(90 + images / 255 * span).astype(np.uint8)
    chain = choose(faint, labels)
    assert names(chain) == ["Polarity", *["RaiseContrast"] * raised, *FITTED]
    assert chain.reasons_[0].startswith(f"faint: {span} levels become 255" if raised else "99 %")
    if raised:
        np.testing.assert_array_equal(chain.transform(faint), choose(images, labels).transform(images))
        np.testing.assert_array_equal(chain.transform(faint + np.uint8(40)), chain.transform(faint))
        again = Prepare.from_json(json.loads(json.dumps(chain.to_json())))
        np.testing.assert_array_equal(again.transform(faint), chain.transform(faint))


def test_faint_photographs_are_still_photographs():
    images = photographs(32, 20) // 5 + 60
    chain = choose(images)
    assert names(chain) == ["Gray", "RaiseContrast"]
    assert np.ptp(chain.transform(images)) == 255


@pytest.mark.parametrize(("span", "offset", "dark"), [(25, 200, False), (12, 60, True), (8, 240, False)])
def test_answers_to_faint_images_are_as_good(digits, span, offset, dark):
    train, valid = digits
    models = DeformableMatch(), NearestImages(prepare="auto"), MeanImage("l2", prepare="auto")

    def right(*scaled):
        return [model.fit(scaled[0], train.labels[:600]).score(scaled[1], valid.labels) for model in models]

    def faint(images):
        return np.rint(offset + (255 - images if dark else images) / 255 * span).astype(np.uint8)

    whole = right(train.images[:600], valid.images)
    assert (np.subtract(right(*map(faint, (train.images[:600], valid.images))), whole) > -0.01).all()


@pytest.mark.parametrize(("size", "steps"), [((32, 20), ["Gray"]), ((64, 40), ["Gray", "Resize"])])
def test_photographs_are_made_gray_and_small(size, steps):
    chain = choose(photographs(*size))
    assert names(chain) == steps
    assert chain.transform(photographs(*size)).shape == (12, 32, 20)
    assert chain.reasons_[0].endswith("is even paper: photographs")
    assert ("resized to 32 x 20" in chain.reasons_[-1]) == (len(steps) == 2)


def test_a_very_long_photograph_keeps_a_pixel():
    assert choose(photographs(2, 500)).transform(photographs(2, 500)).shape == (12, 1, 32)


@pytest.mark.parametrize(("near", "pixels", "are_drawings"), [(8, 4, True), (9, 4, False), (8, 3, False)])
def test_paper_is_within_8_levels_on_at_least_40_percent(near, pixels, are_drawings):
    images = np.full((3, 10, 10), 100 + near, np.uint8)
    images[:, 1:9, 1:9] = 200  # a border of 36 pixels is paper
    images[:, 1, 1 : 1 + pixels] = 100 + near
    images[:, 0], images[:, 9] = 100, 100
    assert (type(choose(images).steps_[0]) is Polarity) == are_drawings


@pytest.mark.parametrize("level", [0, 200, 255])
def test_blank_images_are_left_alone(level):
    chain = choose(np.full((5, 8, 8), level, np.uint8), [0, 0, 1, 1, 1])
    assert names(chain) == ["Polarity"]
    assert "there is no ink: not fitted" in chain.reasons_


def placed(digits, frame, offset):
    rng = np.random.default_rng(1)
    sheets = np.zeros((200, frame, frame), np.uint8)
    for sheet, image in zip(sheets, digits.train.images, strict=False):
        top, left = (frame - 8) // 2 + rng.integers(-offset, offset + 1, 2)
        sheet[top : top + 8, left : left + 8] = image
    return sheets


@pytest.mark.parametrize(
    ("frame", "offset", "why"),
    [
        (20, 0, "is framed already"),
        (20, 5, "of the frame off its centre"),
        (32, 0, "is framed already"),
        (33, 0, "has 33 px, more than 32"),
    ],
)
def test_small_images_of_one_size_in_the_middle_stay_where_they_are(digits, frame, offset, why):
    chain = choose(placed(digits, frame, offset))
    assert names(chain)[1:] == ([] if "already" in why else FITTED)
    assert why in chain.reasons_[2]
    if "already" in why:
        assert chain.reasons_[2].endswith("(its longer side is 8 px, within 0 px): not fitted")


@pytest.mark.parametrize("seen", ["mass", "box"])
def test_how_far_ink_is_off_the_centre_is_what_scipy_says(seen):
    rng = np.random.default_rng(2)
    images = np.zeros((60, 14, 20), np.uint8)
    for image in images:
        top, left = rng.integers(0, 4, 2)
        if seen == "mass":  # a heavy middle, and a corner that the box reaches
            image[5:9, 7:13] = 200
            image[top, left] = 50
        else:
            image[top, left] = image[13 - top, 19 - left] = 64
            image[11, rng.integers(4, 9)] = 255
    mass = np.array([center_of_mass(image) for image in images])
    boxes = [find_objects((image >= image.max() / 4).astype(int))[0] for image in images]
    box = np.array([[(side.start + side.stop - 1) / 2 for side in one] for one in boxes])
    apart = [np.hypot(*((middle + 0.5) / (14, 20) - 0.5).T) for middle in (mass, box)]
    expected = np.percentile(apart, 95, axis=1)
    assert expected.argmin() == (seen == "box")
    assert _off_centre(images) == pytest.approx(expected.min(), rel=1e-12)


def test_2_000_of_more_images_are_looked_at_evenly(monkeypatch):
    seen, gray = [], chain_module.gray_bytes
    monkeypatch.setattr(chain_module, "gray_bytes", lambda images: (seen.append(images), gray(images))[1])
    numbers = np.arange(4500)
    choose(np.stack(np.divmod(numbers, 250), axis=1).astype(np.uint8)[:, None])
    places = seen[0][:, 0] @ [250, 1]
    assert len(places) == 2000
    np.testing.assert_array_equal(places, np.linspace(0, 4499, 2000).astype(int))


@pytest.mark.parametrize(("off", "framed"), [(2, True), (3, False)])
def test_framed_ink_is_within_a_twelfth_of_the_centre(off, framed):
    images = np.zeros((5, 25, 25), np.uint8)
    images[:, 7 + off : 18 + off, 7:18] = 255
    assert (names(choose(images))[1:] == []) == framed


def test_ink_of_several_sizes_is_fitted():
    images = np.zeros((20, 21, 21), np.uint8)
    for i, image in enumerate(images):
        image[10 - i // 2 : 11 + i // 2, 10] = 255
    chain = choose(images)
    assert names(chain)[1:] == FITTED
    assert chain.reasons_[2].startswith("the longer side of the ink is 1 to 19 px")


@pytest.fixture(scope="module")
def slanted():
    """Return strokes of any slant with a dot on the left or on the right: upright, they are told apart."""
    rng = np.random.default_rng(5)
    images, labels = np.zeros((80, 25, 25), np.uint8), np.arange(80) % 2
    for image, label in zip(images, labels, strict=True):
        slant = rng.uniform(-0.8, 0.8)
        for y in range(-9, 10):
            image[12 + y, 12 + round(slant * y)] = 255
        image[12, 12:14] = 0
        image[12, 13 if label else 11] = 255
    return images, labels


def test_writing_is_deskewed_where_that_helps(slanted):
    chain = choose(*slanted)
    assert "Deskew" in names(chain)
    assert chain.reasons_[-1].endswith(": deskewed")


def test_slant_is_left_alone_where_it_tells_classes_apart(slanted):
    images, _ = slanted
    weights = images.astype(int) * np.sign(np.arange(25) - 12)[:, None] * (np.arange(25) - 12)
    chain = choose(images, weights.sum(axis=(1, 2)) > 0)
    assert "Deskew" not in names(chain)
    assert chain.reasons_[-1].endswith("no clear gain, slant is left alone")


def test_slant_is_left_alone_without_evidence(slanted):
    images, labels = slanted
    assert "no labels" in choose(images).reasons_[-1]
    assert "Deskew" not in names(choose(images))
    for n in (1, 2, 4):
        assert "Deskew" not in names(choose(images[:n], labels[:n]))


def test_a_gain_that_may_be_chance_is_not_enough(slanted):
    images, labels = (part[:12] for part in slanted)
    chain = choose(images, labels)
    assert chain.reasons_[-1] == (
        "of 12 images the nearest other is of another class for 2 with deskewing, for 5 without: "
        "no clear gain, slant is left alone"
    )


@pytest.mark.parametrize(("fewer", "more"), [(0, 1), (0, 6), (3, 9), (40, 61), (3, 1997), (900, 1100)])
def test_the_sign_test_is_scipys(fewer, more):
    assert _sign_test(fewer, more) == pytest.approx(binomtest(fewer, fewer + more).pvalue, rel=1e-9)


def coloured(drawings, ink, ground):
    """Return drawings of 8x8 in the colours of each, (n, 3) or (3,)."""
    share = (drawings / 255)[..., None]
    colours = (np.broadcast_to(one, (len(drawings), 3))[:, None, None] for one in (ink, ground))
    ink, ground = colours
    return np.rint(share * ink + (1 - share) * ground).astype(np.uint8)


RED, GREEN = np.array([255, 0, 0]), np.array([0, 130, 0])  # of one luma


def test_it_is_said_where_colour_tells_classes_apart_and_is_made_gray(digits):
    drawings, labels = digits.train.images[:200], digits.train.labels[:200]
    red = np.random.default_rng(0).random(200) < 0.5
    inks = np.where(red[:, None], RED, GREEN)
    images = coloured(drawings, inks, [0, 0, 0])
    both = np.array([f"{label} {colour}" for label, colour in zip(labels, red, strict=True)])
    for batch, told_by in ((images, red), (images / 255 * 0.999, both)):
        with pytest.warns(LookalikeWarning, match="colour tells classes apart, and is made gray") as said:
            chain = choose(batch, told_by)
        assert said[0].filename == __file__
        assert chain.reasons_[-1] in str(said[0].message)
        with pytest.warns(LookalikeWarning, match="colour tells"):
            assert chain.reasons_[-1] in NearestImages(prepare="auto").fit(batch, told_by).reasons_
    wrong = int(re.search(r"for (\d+) in gray", chain.reasons_[-1])[1])
    nearest = NearestImages(metric="l2").fit(chain.transform(batch), told_by)
    near = nearest.kneighbors(chain.transform(batch), 2)[1]
    other = np.where(near[:, 0] == np.arange(200), near[:, 1], near[:, 0])
    assert wrong == (told_by[other] != told_by).sum()


def test_it_is_said_where_gray_images_are_blank(digits):
    white = np.full((20, 8, 8, 3), 255, np.uint8)
    glyphs = np.concatenate([white, digits.train.images[:20, :, :, None]], axis=3)
    glyphs[0, ..., 3] = 0  # it shows nothing before either
    with pytest.warns(LookalikeWarning, match="19 of 20 images are blank once they are gray") as said:
        chain = choose(glyphs)
    assert chain.reasons_[0] in str(said[0].message)
    glyphs[..., :3] = 0
    choose(glyphs)
    hidden = coloured(digits.train.images[:200], RED, GREEN)
    with pytest.warns(LookalikeWarning, match="blank"), pytest.warns(LookalikeWarning, match="colour tells"):
        choose(hidden, digits.train.labels[:200])


def test_colour_that_tells_nothing_is_not_spoken_of(digits):
    drawings, labels = digits.train.images[:200], digits.train.labels[:200]
    red = np.random.default_rng(0).random(200) < 0.5
    choose(coloured(drawings, np.where(red[:, None], RED, GREEN), [0, 0, 0]), labels)
    choose(coloured(drawings, [255, 255, 255], [0, 0, 0]), labels)
    choose(photographs(20, 16), np.arange(12) % 2)
    choose(photographs(20, 16)[:1], ["a"])


def test_labels_must_fit(slanted):
    with pytest.raises(InputError, match=r"labels have shape \(3,\) for 80 images: expected one for each"):
        choose(slanted[0], [1, 2, 3])


def test_only_the_images_count(digits):
    images, labels = digits.train.images, digits.train.labels
    first = choose(images, labels)
    texts = np.array([f"class {label}" for label in labels])
    assert choose(images / 255, texts).reasons_ == first.reasons_
    assert names(first) == ["Polarity"]


def test_mnist_is_deskewed_and_nothing_else(mnist):
    chain = choose(mnist.train.images, mnist.train.labels)
    assert chain.describe() == ("ink is light: kept", "slanted ink is made upright")


def test_omniglots_drawings_are_fitted(shared_data):
    alphabet = (
        shared_data / "omniglot" / "images_background_small1.zip" / "images_background_small1" / "Latin"
    )
    train, _ = lookalike.load(str(alphabet))
    chain = choose(train.images, train.labels)
    assert names(chain) == ["Polarity", *FITTED]
    assert chain.steps_[0].inverted_


@pytest.mark.parametrize("meter", ["gasmeter-gmt", "powermeter-emeter1", "watermeter-metrona"])
def test_meters_are_photographs(shared_data, meter):
    train, _ = lookalike.load(str(shared_data / "own-meters.zip" / "own-meters" / meter), size=(32, 20))
    assert names(choose(train.images, train.labels)) == ["Gray"]
    assert names(choose(train.images[::20], train.labels[::20])) == ["Gray"]
