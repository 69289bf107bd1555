import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lookalike
from effort import examples
from lookalike import InputError
from lookalike.distance.deformation.definition import match
from lookalike.distance.deformation.matching import (
    deformable_distances,
    displacement_field,
    nearest,
    warped,
)
from lookalike.distance.deformation.planes import LARGEST, as_planes, double_angle_planes, sobel_planes

BOTH_VARIANTS = pytest.mark.parametrize("simd", ["auto", "portable"])


def defined(queries, references, warp, context, symmetric=False):
    """Return all distances by the definition, from arrays (n, p, h, w)."""

    def forward(first, second):
        return [[match(q, r, warp=warp, context=context).distance for r in second] for q in first]

    distances = np.array(forward(queries, references))
    return distances + np.array(forward(references, queries)).T if symmetric else distances


@st.composite
def problems(draw, largest_side):
    """Return queries, references, warp and context: small values and extreme ones, any shape."""
    height, width = draw(st.integers(1, largest_side)), draw(st.integers(1, largest_side))
    planes, largest = draw(st.integers(1, 5)), draw(st.sampled_from([1, 30, LARGEST]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    extreme = draw(st.booleans())
    values = rng.choice([-largest, largest], (5, planes, height, width)) if extreme else None
    if values is None:
        values = rng.integers(-largest, largest + 1, (5, planes, height, width))
    warp = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    return values[:2].astype(np.int8), values[2:].astype(np.int8), warp, draw(st.integers(0, 4))


@BOTH_VARIANTS
@examples(40)
@given(problem=problems(largest_side=34), symmetric=st.booleans())
def test_equals_the_definition(simd, problem, symmetric):
    queries, references, warp, context = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_SIMD", simd)
        distances = deformable_distances(
            as_planes(queries), as_planes(references), warp=warp, context=context, symmetric=symmetric
        )
    np.testing.assert_array_equal(distances, defined(queries, references, warp, context, symmetric))


@BOTH_VARIANTS
@pytest.mark.parametrize("context", range(5))
@pytest.mark.parametrize("warp", [(0, 0), (1, 0), (0, 3), (2, 2), (4, 4)], ids=str)
def test_equals_the_definition_where_sums_stay_in_registers(simd, context, warp, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_SIMD", simd)
    rng = np.random.default_rng(context)
    for height in (1, 2, 27, 28):
        queries, references = (rng.integers(-30, 31, (n, 2, height, 28)).astype(np.int8) for n in (2, 3))
        distances = deformable_distances(
            as_planes(queries), as_planes(references), warp=warp, context=context
        )
        np.testing.assert_array_equal(distances, defined(queries, references, warp, context))


@BOTH_VARIANTS
@pytest.mark.parametrize("shape", [(3, 3), (128, 128), (3, 128), (128, 3), (105, 105), (32, 20)], ids=str)
def test_equals_the_definition_at_all_sizes(simd, shape, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_SIMD", simd)
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (3, *shape), dtype=np.uint8)
    planes = sobel_planes(images)
    values = planes.values()
    for warp, context in (((1, 2), 1), ((2, 0), 4)):
        distances = deformable_distances(planes.take([0]), planes, warp=warp, context=context)
        np.testing.assert_array_equal(distances, defined(values[:1], values, warp, context))


@BOTH_VARIANTS
def test_equals_the_definition_on_real_digits(simd, monkeypatch, digits):
    monkeypatch.setenv("LOOKALIKE_SIMD", simd)
    for planes in (sobel_planes(digits.train.images[:12]), double_angle_planes(digits.train.images[:12])):
        values = planes.values()
        distances = deformable_distances(planes, planes, warp=2, context=1)
        np.testing.assert_array_equal(distances, defined(values, values, (2, 2), 1))


def test_equals_the_definition_on_real_mnist(shared_data):
    planes = sobel_planes(lookalike.load("mnist").train.images[:30])
    values = planes.values()
    for warp, context in ((2, 1), (3, 2)):
        distances = deformable_distances(planes.take(slice(0, 3)), planes, warp=warp, context=context)
        np.testing.assert_array_equal(distances, defined(values[:3], values, (warp, warp), context))


@pytest.mark.parametrize(("warp", "context"), [((9, 20), 1), ((30, 40), 0), ((0, 30), 12), ((3, 0), 25)])
def test_equals_the_definition_beyond_the_image(warp, context):
    rng = np.random.default_rng(5)
    queries, references = (rng.integers(-9, 10, (n, 2, 3, 5)).astype(np.int8) for n in (2, 3))
    distances = deformable_distances(as_planes(queries), as_planes(references), warp=warp, context=context)
    np.testing.assert_array_equal(distances, defined(queries, references, warp, context))


def test_largest_sums_fit():
    # Opposite extremes everywhere: 32-bit sums of 81 pixels, and 16-bit sums at their very edge.
    for value, context in ((LARGEST, 4), (30, 1), (42, 1), (43, 1)):
        low, high = (np.full((1, 2, 12, 28), sign * value, np.int8) for sign in (-1, 1))
        distances = deformable_distances(as_planes(low), as_planes(high), warp=0, context=context)
        np.testing.assert_array_equal(distances, defined(low, high, (0, 0), context))
        assert distances.max() > 200 * (2 * value) ** 2


@examples(40)
@given(images=hnp.arrays(np.uint8, (3, 9, 11)), context=st.integers(0, 2), symmetric=st.booleans())
def test_never_grows_with_warp_and_is_zero_for_identical_images(images, context, symmetric):
    planes = sobel_planes(images)
    before = None
    for warp in range(4):
        distances = deformable_distances(planes, planes, warp=warp, context=context, symmetric=symmetric)
        assert not np.diag(distances).any()
        assert before is None or (distances <= before).all()
        before = distances
        if symmetric:
            np.testing.assert_array_equal(distances, distances.T)


def test_warp_0_is_the_plain_distance():
    rng = np.random.default_rng(0)
    values = rng.integers(-9, 10, (4, 3, 7, 9))
    planes = as_planes(values)
    plain = ((values[:, None] - values) ** 2).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(deformable_distances(planes, planes, warp=0, context=0), plain)


@examples(40)
@given(problem=problems(largest_side=20), k=st.integers(1, 3), symmetric=st.booleans())
def test_nearest_is_the_head_of_all_distances(problem, k, symmetric):
    queries, references, warp, context = problem
    found = nearest(
        as_planes(queries), as_planes(references), None, k, warp=warp, context=context, symmetric=symmetric
    )
    expected = defined(queries, references, warp, context, symmetric)
    order = np.argsort(expected, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(found[1], order)
    np.testing.assert_array_equal(found[0], np.take_along_axis(expected, order, axis=1))


def test_equal_distances_go_to_the_lowest_index_in_any_order_of_candidates():
    rng = np.random.default_rng(1)
    images = np.repeat(rng.integers(0, 256, (3, 14, 14), dtype=np.uint8), 5, axis=0)
    planes = sobel_planes(images)
    candidates = np.array([rng.permutation(15) for _ in range(15)])
    distances, indices = nearest(planes, planes, candidates, 4, warp=1, context=1)
    assert not distances.any()
    np.testing.assert_array_equal(indices, np.arange(15)[:, None] // 5 * 5 + np.arange(4))


def test_candidates_are_columns_of_all_distances(digits):
    planes = sobel_planes(digits.train.images[:50])
    everything = deformable_distances(planes, planes, warp=1, context=1)
    candidates = np.random.default_rng(0).integers(0, 50, (50, 7))
    chosen = deformable_distances(planes, planes, candidates, warp=1, context=1)
    np.testing.assert_array_equal(chosen, np.take_along_axis(everything, candidates, axis=1))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("work", [1, 1 << 17, 1 << 28])
def test_does_not_depend_on_threads_and_chunks(threads, work, monkeypatch, digits):
    planes = sobel_planes(digits.train.images[:40])
    expected = deformable_distances(planes, planes, warp=1, context=2)
    first = nearest(planes, planes, None, 5, warp=1, context=2)
    monkeypatch.setattr("lookalike.distance.deformation.matching.CALL_WORK", work)
    found = deformable_distances(planes, planes, warp=1, context=2, threads=threads)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(nearest(planes, planes, None, 5, warp=1, context=2, threads=threads), first)


def test_does_not_depend_on_the_layout(digits):
    images = digits.train.images[:20]
    expected = deformable_distances(sobel_planes(images), sobel_planes(images), warp=2, context=1)
    wide = sobel_planes(images, gap=30)
    np.testing.assert_array_equal(
        deformable_distances(wide, sobel_planes(images[::-1][::-1]), warp=2, context=1), expected
    )
    wide.packed.flags.writeable = False
    np.testing.assert_array_equal(deformable_distances(wide, wide, warp=2, context=1), expected)


def test_field_and_warped_image_are_the_evidence_behind_a_distance(edge_images):
    planes = sobel_planes(edge_images)
    distances = deformable_distances(planes, planes, warp=(1, 2), context=1)
    values = planes.values()
    for reference in range(len(edge_images)):
        found = displacement_field(values[3], values[reference], warp=(1, 2), context=1)
        assert found.distance == found.costs.sum() == distances[3, reference]
        assert found.field.shape == (6, 5, 2)
        assert found.field.dtype == np.int8
        assert (abs(found.field) <= (1, 2)).all()
        bent = warped(edge_images[reference], found.field)
        assert bent.dtype == np.uint8
        assert np.isin(bent, edge_images[reference]).all()
    # Where everything matches equally well, nothing moves.
    assert not displacement_field(values[3], values[4], warp=(2, 2), context=0).field.any()
    assert not displacement_field(values[0], values[1], warp=(2, 2), context=1).field.any()


def test_warped_takes_each_pixel_from_where_it_was_matched():
    image = np.arange(12).reshape(3, 4)
    field = np.zeros((3, 4, 2), np.int8)
    field[1, 1] = 1, 2
    field[0, 0] = -1, -1  # from outside: the nearest pixel of the image
    field[2, 3] = 4, -1
    expected = image.copy()
    expected[1, 1], expected[2, 3] = 11, 10
    np.testing.assert_array_equal(warped(image, field), expected)
    colours = np.stack([image, image + 100], axis=-1)
    np.testing.assert_array_equal(warped(colours, field), np.stack([expected, expected + 100], axis=-1))


def test_progress_tells_of_queries(digits):
    planes = sobel_planes(digits.train.images[:20])
    heard = []
    deformable_distances(
        planes, planes, warp=1, context=1, threads=2, progress=lambda *told: heard.append(told)
    )
    assert heard[-1] == ("matching", 20, 20)
    assert nearest(planes.take(slice(0, 0)), planes, None, 2, warp=1, context=1)[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warp": -1}, "warp is -1: expected a whole number, 0 to 127"),
        ({"warp": (1, 2, 3)}, r"warp is \(1, 2, 3\)"),
        ({"warp": (1, 1.5)}, r"or two \(down, across\)"),
        ({"warp": True}, "warp is True"),
        ({"warp": 200}, "warp is 200"),
        ({"warp": "auto"}, "warp is 'auto'"),
        ({"context": -1}, "context is -1: expected a whole number from 0 to 127"),
        ({"context": 1.0}, "context is 1.0"),
        ({"context": 128}, "context is 128"),
        ({"candidates": [[0], [3]]}, "candidate 3 is not there: expected 0 to 2"),
        ({"candidates": [[0], [-1]]}, "candidate -1 is not there"),
        ({"candidates": [[0]]}, r"shape \(1, 1\): expected integers \(2, c\)"),
        ({"candidates": [[0.5], [1]]}, "candidates are float64"),
        ({"references": sobel_planes(np.ones((3, 4, 5), np.uint8))}, r"sizes, \(4, 4\) and \(4, 5\)"),
        ({"references": as_planes(np.ones((3, 1, 4, 4), np.int8))}, "numbers of planes, 2 and 1"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    planes = sobel_planes(np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8))
    options = {"queries": planes.take([0, 1]), "references": planes, "warp": 1, "context": 1}
    with pytest.raises(InputError, match=message):
        deformable_distances(**{**options, **change})


def test_refuses_sums_beyond_32_bits():
    planes = as_planes(np.full((1, 1100, 16, 16), LARGEST, np.int8))
    assert not deformable_distances(planes, planes, warp=0, context=1).any()
    with pytest.raises(InputError, match="context is 127: expected less"):
        deformable_distances(planes, planes, warp=0, context=127)


@pytest.mark.parametrize("k", [0, 4, 1.0, True])
def test_refuses_k_out_of_range(k):
    planes = sobel_planes(np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(InputError, match=r"k is .*: expected a whole number from 1 to the 3 candidates"):
        nearest(planes, planes, None, k, warp=1, context=1)


def test_two_python_threads_at_once_get_right_answers(digits):
    planes = sobel_planes(digits.train.images[:60])
    expected = deformable_distances(planes, planes, warp=1, context=1)
    wrong = []

    def work():
        for _ in range(5):
            if not np.array_equal(
                deformable_distances(planes, planes, warp=1, context=1, threads=2), expected
            ):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(sys.platform == "win32", reason="signals reach other threads differently on Windows")
def test_an_interrupt_stops_it_soon_and_leaves_it_usable(digits):
    import signal

    few = sobel_planes(digits.train.images[:10])
    expected = deformable_distances(few, few, warp=4, context=4)
    many = few.take(np.arange(100_000) % 10)
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.perf_counter()
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            deformable_distances(few.take(np.zeros(1000, int)), many, warp=4, context=4)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert time.perf_counter() - start < 10
    np.testing.assert_array_equal(deformable_distances(few, few, warp=4, context=4), expected)


@examples(20)
@given(images=hnp.arrays(np.uint8, (4, 5, 6)))
def test_double_angles_do_not_see_whether_ink_is_dark(images):
    planes, inverted = double_angle_planes(images), double_angle_planes(255 - images)
    assert not np.diag(deformable_distances(planes, inverted, warp=0, context=1)).any()
