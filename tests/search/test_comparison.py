"""What is chosen for each kind of images, in what units distances are, and what files may hold of it."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.progress import silent
from lookalike.search.deformable import comparison as comparison_module
from lookalike.search.deformable.comparison import (
    Deformation,
    Settings,
    choose_comparison,
    is_photographs,
)
from lookalike.search.deformable.matcher import DeformableMatcher
from lookalike.state import from_plain, to_plain

SOFT = 0.866


def drawings(warp, context, both, aligned, soft):
    blur = SOFT if soft else 0.0
    return Deformation("sobel", warp, context, both, aligned, blur, 0.0, aligned)


def photographs(warp, context):
    return Deformation("double-angle", warp, context, True, window=1 / 3)


@pytest.mark.parametrize(
    ("shape", "each", "are_photographs", "expected"),
    [
        ((2, 2), 9, False, Deformation("values", (0, 0), 0, False)),
        ((2, 9), 9, True, Deformation("values", (0, 1), 1, False)),
        ((2, 28), 9, False, Deformation("values", (0, 3), 1, False)),
        ((2, 29), 9, False, Deformation("values", (0, 4), 1, False)),
        ((3, 3), 4, False, drawings((1, 1), 1, True, False, False)),
        ((28, 28), 4, False, drawings((3, 3), 2, True, True, True)),
        ((28, 28), 5, False, drawings((2, 2), 1, True, True, True)),
        ((28, 28), 49, False, drawings((2, 2), 1, True, True, True)),
        ((28, 28), 50, False, drawings((2, 2), 1, False, False, False)),
        ((12, 15), 4, False, drawings((2, 2), 1, True, False, False)),
        ((15, 16), 4, False, drawings((2, 2), 2, True, False, False)),
        ((16, 32), 4, False, drawings((2, 4), 2, True, True, True)),
        ((16, 33), 4, False, drawings((2, 4), 2, True, False, True)),
        ((28, 28, 3), 4, False, drawings((3, 3), 2, True, False, True)),
        ((32, 40), 4, True, photographs((4, 5), 5)),
        ((33, 28, 3), 60, True, photographs((5, 4), 5)),
    ],
)
def test_the_rules_by_size_and_examples(shape, each, are_photographs, expected):
    # The typical class counts: one has more, one fewer, and one none.
    counts = [each - 1, each, 0, each + 30]
    codes = np.repeat(np.arange(4), counts)
    images = np.zeros((len(codes), *shape), np.uint8)
    found, why = choose_comparison(Settings(), images, codes, are_photographs)
    assert found == expected
    assert why


def test_1_000_of_more_images_say_whether_they_are_photographs(monkeypatch):
    seen, of_all = [], comparison_module.choose
    monkeypatch.setattr(comparison_module, "choose", lambda images: (seen.append(images), of_all(images))[1])
    images = np.stack(np.divmod(np.arange(2300), 250), axis=1).astype(np.uint8)[:, None].repeat(3, axis=1)
    assert not is_photographs(images)
    np.testing.assert_array_equal(seen[0][:, 0] @ [250, 1], np.linspace(0, 2299, 1000).astype(int))


def test_what_is_set_is_taken_and_the_rest_is_chosen():
    images, codes = np.zeros((8, 28, 28), np.uint8), np.arange(8) // 4
    chosen = drawings((3, 3), 2, True, True, True)
    for setting, expected in (
        ({"warp": 1}, replace(chosen, warp=(1, 1))),
        ({"context": 0, "blur": 0}, replace(chosen, context=0, blur=0)),
        ({"symmetric": False}, replace(chosen, symmetric=False)),
        ({"aligned": False}, replace(chosen, aligned=False, hubness=False)),
        ({"hubness": False}, replace(chosen, hubness=False)),
        ({"planes": "values"}, Deformation("values", (3, 3), 1, False)),
        ({"planes": "double-angle", "window": 0.5}, replace(photographs((4, 4), 4), window=0.5)),
    ):
        assert choose_comparison(Settings(**setting), images, codes, None)[0] == expected


@pytest.mark.parametrize(
    ("comparison", "shape", "times", "step"),
    [
        (Deformation("values", (0, 0), 0, False), (2, 3), 1, 126),
        (Deformation("values", (3, 3), 0, False), (2, 3, 3), 3, 126),
        (Deformation("sobel", (0, 0), 0, False), (2, 3), 2, 30),
        (Deformation("sobel", (0, 0), 0, False), (2, 3, 3), 6, 30),
        (Deformation("sobel", (1, 1), 2, True), (2, 3), 2 * 25 * 2, 30),
        (Deformation("sobel", (1, 1), 1, True, aligned=True), (2, 3), 2 * 9 * 2 * 3, 30),
        (Deformation("sobel", (1, 1), 0, False, hubness=True), (2, 3), 2 * 4096, 30),
        (Deformation("double-angle", (1, 1), 0, True), (2, 3), 2 * 2, 39),
    ],
)
def test_sums_of_squares_are_told_as_root_mean_squares(comparison, shape, times, step):
    """Every pixel of every plane counts, of each patch, direction and alignment; a full step is 1."""
    sums = np.array([0, 6 * times * step**2, 6 * times * step**2 * 4])
    np.testing.assert_allclose(comparison.root_means(sums, shape), [0, 1, 2], rtol=1e-12)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_black_and_white_are_1_apart(channels):
    values = np.array([0, 255, 51, 204, 128], np.uint8)
    images = np.broadcast_to(values.reshape(5, 1, 1, *(1 for _ in channels)), (5, 4, 7, *channels)).copy()
    matcher = DeformableMatcher(Settings("values", 0, 0, symmetric=False))
    matcher.fit(images, np.arange(5), 5)
    found = matcher.match(images[:1], 5)
    assert found.class_distances[0] == pytest.approx(values / 255, abs=0.5 / 126)
    assert found.class_distances[0, 1] == 1


@pytest.mark.parametrize("planes", ["values", "sobel", "double-angle"])
def test_three_equal_channels_are_as_far_apart_as_one(planes):
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 7), np.uint8)
    found = []
    for given in (images, np.repeat(images[..., None], 3, axis=3)):
        matcher = DeformableMatcher(Settings(planes, (2, 1), 1, symmetric=True))
        matcher.fit(given[:4], np.arange(4), 4)
        found.append(matcher.match(given[4:], 4).class_distances)
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize("planes", ["values", "sobel", "double-angle"])
@pytest.mark.parametrize("shape", [(5, 7), (9, 17, 3), (16, 8)])
def test_descriptions_are_of_the_shape_that_is_said(planes, shape):
    images = np.random.default_rng(0).integers(0, 256, (4, *shape), np.uint8)
    comparison = Deformation(planes, (1, 1), 1, True, window=1 / 3)
    described = comparison.descriptors_of(images, silent)
    assert described.dtype == np.uint8
    assert described.reshape(4, -1).shape[1] == np.prod(comparison.description_shape(shape))


LEAST = Deformation("sobel", (0, 0), 0, False, False, 0.0, 0.0, False)
MOST = Deformation("values", (127, 127), 127, True, True, 32.0, 0.5, True)


@pytest.mark.parametrize("comparison", [LEAST, MOST])
def test_files_hold_every_comparison(comparison):
    assert from_plain(Deformation, to_plain(comparison)) == comparison


@pytest.mark.parametrize(
    "changes",
    [
        {"planes": "edges"},
        {"warp": [0, 128]},
        {"warp": [-1, 0]},
        {"warp": [0, 0, 0]},
        {"warp": [0]},
        {"context": 128},
        {"context": -1},
        {"symmetric": 1},
        {"blur": 32.5},
        {"blur": -0.5},
        {"window": 0.75},
        {"window": -0.25},
    ],
    ids=str,
)
def test_no_other_comparison_is_read(changes):
    plain = to_plain(LEAST)
    with pytest.raises(InputError, match=next(iter(changes))):
        from_plain(Deformation, plain._replace(facts={**plain.facts, **changes}))


@pytest.mark.parametrize(
    ("accepted", "refused"),
    [
        ({"blur": 0}, {"blur": -0.1}),
        ({"blur": 32}, {"blur": 32.1}),
        ({"window": np.float32(0.5)}, {"window": 0.6}),
        ({"window": 0.0}, {"window": "none"}),
        ({"hubness": np.True_}, {"hubness": 1}),
        ({"aligned": False}, {"aligned": None}),
        ({"blur": 1}, {"blur": True}),
        ({"planes": "values"}, {"planes": "edges"}),
        ({"context": 127}, {"context": 128}),
        ({"warp": (127, 0)}, {"warp": 1.5}),
    ],
    ids=str,
)
def test_settings_are_checked(accepted, refused):
    Settings(**accepted).checked()
    with pytest.raises(InputError, match=f"{next(iter(refused))} is"):
        Settings(**refused).checked()
