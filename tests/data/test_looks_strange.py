from fractions import Fraction
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from making import write_folder

import lookalike
from lookalike.data import look as looks
from lookalike.data.look import (
    Look,
    _chance,
    border,
    look,
    paper,
    paper_and_darkness,
    part_notes,
    parts_note,
    roughness,
)

IMAGES = arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(5), st.just(4)))
SMALL = arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)))


def strange(images, training):
    return list(looks.strange(images, training).values())


def drawings(count, size=12, ink=8, level=255, seed=0):
    """Return light strokes on black: an upright box outline, ``ink`` pixels high, here and there."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, size, size), np.uint8)
    for image in images:
        top, left = rng.integers(1, max(2, size - ink)), rng.integers(1, size - 4)
        image[top : top + ink, left : left + 3] = level
        image[top + 1 : top + ink - 1, left + 1] = 0
    return images


def by_hand(images):
    """Return the look of gray images, counted one by one."""
    ranges, inks, signs = [], [], []
    for image in images.astype(int):
        around = [
            value
            for (row, column), value in np.ndenumerate(image)
            if row in (0, image.shape[0] - 1) or column in (0, image.shape[1] - 1)
        ]
        rest = image.sum() - sum(around)
        signs.append(np.sign(np.median(around) * (image.size - len(around)) - rest))
        if image.max() == image.min():
            continue
        ranges.append(image.max() - image.min())
        distance = abs(image - sorted(around)[(len(around) - 1) // 2])
        rows, columns = np.nonzero(distance >= max(1, distance.max() / 4))
        inks.append(max(np.ptp(rows), np.ptp(columns)) + 1)
    ends = [end for values in (ranges, inks) for end in ((min(values), max(values)) if values else (0, 0))]
    return Look(len(images), len(images) - len(ranges), signs.count(-1), signs.count(1), *ends)


@given(IMAGES)
def test_the_look_is_what_it_says(images):
    assert look(images) == by_hand(images)
    assert look(np.stack([images] * 3, axis=-1)) == by_hand(images)
    assert look(images / 255) == by_hand(images)


@given(IMAGES, IMAGES, st.randoms())
def test_looks_add_up_in_any_order_and_parts(one, other, random):
    both = np.concatenate([one, other])
    order = list(range(len(both)))
    random.shuffle(order)
    assert look(one).plus(look(other)) == look(other).plus(look(one)) == look(both[order])
    assert Look().plus(look(one)) == look(one)


def test_the_look_does_not_depend_on_chunks(monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (50, 7, 6), dtype=np.uint8)
    expected = look(images)
    monkeypatch.setattr("lookalike.data.look._CHUNK_VALUES", 100)
    assert look(images) == expected
    assert all(type(number) is int for number in expected)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_opposite_polarity(count):
    images = drawings(10, seed=1)
    images[:count] = 255 - images[:count]
    texts = strange(images, look(drawings(500)))
    verb = "is" if count == 1 else "are"
    assert texts == [
        f"{count} of 10 images {verb} dark on light; the training images are light on dark: "
        "invert them (255 - images)"
    ]
    assert list(looks.strange(images, look(drawings(500)))) == ["polarity"]
    (text,) = strange(drawings(count) / 255, look(255 - drawings(500)))
    assert text.endswith("light on dark; the training images are dark on light: invert them (1 - images)")


def test_what_training_images_show_too_is_not_strange():
    training = drawings(500)
    training[:60] = 255 - training[:60]
    assert strange(255 - drawings(10), look(training)) == []
    assert strange(drawings(10), look(training)) == []


def test_few_training_images_say_less_than_many():
    odd = 255 - drawings(1)
    assert strange(odd, look(drawings(5))) == []
    assert strange(odd, look(drawings(500))) != []
    assert strange(255 - drawings(5), look(drawings(5))) != []


def test_blank_images():
    images = drawings(6, seed=2)
    images[[3, 4]] = 128
    (text,) = strange(images, look(drawings(5)))
    assert text == (
        "2 of 6 images are blank (the first is at place 3); none of the 5 training images looked at is: "
        "leave them out, or add blank images as a class"
    )
    assert strange(images, look(np.concatenate([drawings(5), images[3:4]]))) == []


def test_bytes_that_are_0_and_1():
    (text,) = strange(drawings(3, level=1), look(drawings(500)))
    assert text == (
        "3 of 3 images span only 1 of 255 levels, as if 0-1 had been read as 0-255; the training images "
        "span at least 255: multiply them by 255"
    )
    (text,) = strange(drawings(1), look(drawings(500, level=1)))
    assert text.startswith("1 of 1 image spans up to 255 of 255 levels; the training images span at most 1: ")


def test_another_scale():
    (text,) = strange(drawings(3, level=16), look(drawings(500)))
    assert text.endswith(
        "span only 16 of 255 levels; the training images span at least 255: bring them to that scale "
        "(as_images, value_range)"
    )
    assert strange(drawings(3, level=100), look(drawings(500))) == []


@pytest.mark.parametrize(("ink", "word"), [(4, "smaller"), (20, "larger")])
def test_another_size_of_ink(ink, word):
    (text,) = strange(drawings(4, 24, ink), look(drawings(500, 24, 10)))
    assert text == (
        f"the ink of 4 of 4 images is much {word} ({ink} pixels long) than that of the training images (10): "
        "cut them alike, or prepare both with FitToInk"
    )
    assert strange(drawings(4, 24, 8), look(drawings(500, 24, 10))) == []
    assert list(looks.strange(drawings(4, 24, ink), look(drawings(500, 24, 10)))) == ["size"]


def test_of_many_images_some_are_looked_at():
    images = np.concatenate([drawings(100)] * 50)
    assert strange(images, look(images)) == []
    images[2500:] = 0
    (text,) = strange(images, look(images[:100]))
    assert text.startswith("1,000 of 2,000 images are blank (the first is at place 250")
    assert text.endswith("add blank images as a class (2,000 of 5,000 were looked at)")


@given(IMAGES, IMAGES)
def test_nothing_is_refused(images, training):
    assert all("\n" not in text for text in strange(images, look(training)))
    assert strange(training, look(training)) == []


@pytest.mark.parametrize(
    "shape", [(3, 1, 1), (3, 1, 9), (3, 9, 1), (3, 2, 2, 2), (3, 4, 4, 4), (1, 1, 100_000)]
)
def test_edge_shapes(shape):
    images = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    assert look(images).images == shape[0]
    assert strange(images, look(images)) == []
    assert isinstance(part_notes(images, range(3)), tuple)


def test_notes_on_a_part():
    names = [f"{index}.png" for index in range(9)]
    images = drawings(9, 40, 30)
    assert part_notes(images, names) == ()
    images[[2, 5]] = 7
    assert part_notes(images, names) == ("2 of 9 images are blank (the first is '2.png').",)
    assert part_notes(np.full((3, 4, 4), 9), names) == (
        "All 3 images are the same: nothing tells their classes apart.",
    )
    assert part_notes(drawings(9, 40, 30, level=1), names) == (
        "No value is above 1: 0-1 seems to have been read as 0-255. Multiply the images by 255.",
    )
    (note,) = part_notes(drawings(9, 40, 9), names)
    assert note.startswith("The ink of a typical image is 9 of 40 pixels long: cut the images closer")


def test_notes_on_two_parts():
    assert parts_note(drawings(5), drawings(5)) is None
    assert parts_note(drawings(5), 255 - drawings(5)) == (
        "One part is light on dark and the other dark on light: invert one of them (255 - images)."
    )
    assert parts_note(np.zeros((5, 4, 4), np.uint8), 255 - drawings(5)) is None


def test_load_says_what_looks_wrong(tmp_path):
    images, labels = drawings(20, 30, 20), np.arange(20) % 2
    images[3] = 0
    arrays = {"x_train": images, "y_train": labels, "x_val": 255 - drawings(4, 30, 20), "y_val": labels[:4]}
    np.savez(tmp_path / "s.npz", **arrays)
    train, valid = lookalike.load(tmp_path / "s.npz")
    assert train.source.notes[-2] == "1 of 20 images is blank (the first is '3')."
    assert train.source.notes[-1] == valid.source.notes[-1]
    assert valid.source.notes[-1].startswith("One part is light on dark and the other dark on light")


def test_load_says_nothing_of_what_is_well(tmp_path, digits):
    assert not any("blank" in note or "pixels long" in note for note in digits.train.source.notes)
    train, _ = lookalike.load(write_folder(tmp_path, {"a": 9, "b": 9}, (12, 12)))
    assert len(train.source.notes) == 1


@given(st.integers(1, 60), st.integers(0, 10**6), st.data())
def test_chance_is_the_beta_binomials(images, training, data):
    count, seen = data.draw(st.integers(1, images)), data.draw(st.integers(0, training))
    odd, even = Fraction(2 * seen + 1, 2), Fraction(2 * (training - seen) + 1, 2)

    def risen(start, steps):
        return prod((start + step for step in range(steps)), start=Fraction(1))

    terms = (
        comb(images, more) * risen(odd, more) * risen(even, images - more)
        for more in range(count, images + 1)
    )
    expected = sum(terms) / risen(odd + even, images)
    assert _chance(count, images, seen, training) == pytest.approx(float(expected), rel=1e-9)


def test_chance_holds_for_numbers_of_any_file():
    assert 0 <= _chance(1, 2000, 0, 2**53) < 1e-9


@given(SMALL)
def test_the_border_is_every_outermost_pixel_once(images):
    mask = np.ones(images.shape[1:], bool)
    mask[1:-1, 1:-1] = False
    for image, around in zip(images, border(images), strict=True):
        assert sorted(around.tolist()) == sorted(image[mask].tolist())


@given(SMALL)
def test_darkness_is_what_it_says(images):
    mask = np.ones(images.shape[1:], bool)
    mask[1:-1, 1:-1] = False
    for image, sign in zip(images, paper_and_darkness(images)[1], strict=True):
        rest = image[~mask].astype(float)
        difference = np.median(image[mask]) * len(rest) - rest.sum()
        assert sign == np.sign(difference)


@given(SMALL)
def test_an_inverted_image_is_the_opposite(images):
    np.testing.assert_array_equal(paper_and_darkness(255 - images)[1], -paper_and_darkness(images)[1])


@pytest.mark.parametrize("value", [0, 128, 255])
def test_even_images_are_neither(value):
    images = np.full((2, 5, 4), value, np.uint8)
    assert paper_and_darkness(images)[1].tolist() == [0, 0]
    assert paper(images).tolist() == [value, value]


@given(SMALL)
def test_paper_is_found_either_way(images):
    np.testing.assert_array_equal(paper_and_darkness(images)[0], paper(images))


@pytest.mark.parametrize("shape", [(7, 9), (1, 12), (12, 1)])
def test_roughness_is_the_ratio_that_it_says(shape):
    rng = np.random.default_rng(0)
    images = np.concatenate([rng.integers(0, 256, (3, *shape)), np.full((1, *shape), 8)]).astype(np.uint8)
    for image, found in zip(images[:3], roughness(images), strict=False):
        values = image.astype(float)
        steps = np.concatenate([np.diff(values, axis=axis).ravel() for axis in (0, 1)])
        assert found == pytest.approx((steps**2).mean() / (2 * values.var()))
    assert roughness(images)[3] == 0
    assert roughness(np.zeros((2, 1, 1), np.uint8)).tolist() == [0, 0]
    assert roughness(rng.integers(0, 256, (5, 40, 40), dtype=np.uint8)) == pytest.approx(1, abs=0.1)
