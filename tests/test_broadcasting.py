"""How shapes line up: against NumPy's and torch's own answers, and in words."""

import html
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effort import SOAK
from lookalike.broadcasting import Axis, Mend, Trace, trace
from lookalike.errors import InputError, UnknownNameError

PAIRS = 100_000
SHAPES = st.lists(st.sampled_from([0, 1, 1, 2, 3, 28]), max_size=5).map(tuple)


def random_pairs(count):
    """Return pairs of shapes of up to six axes, zeros and ones among them; more than half of them fit."""
    rng = np.random.default_rng(4)
    ranks = rng.integers(0, 7, (count, 2))
    common = rng.choice([0, 1, 2, 3, 7, 28, 1010], (count, 6), p=[0.05, 0.1, 0.2, 0.2, 0.2, 0.2, 0.05])
    shapes = np.where(rng.random((2, count, 6)) < 0.3, 1, common)
    other = rng.random((2, count, 6)) < 0.1
    shapes = np.where(other, rng.integers(0, 9, shapes.shape), shapes).transpose(1, 0, 2).tolist()
    return [
        tuple(tuple(shape[6 - rank :]) for shape, rank in zip(pair, both, strict=True))
        for pair, both in zip(shapes, ranks.tolist(), strict=True)
    ]


def answer(function, shapes):
    try:
        return tuple(function(*shapes))
    except (ValueError, RuntimeError):
        return None


def check_against(function, count):
    pairs = random_pairs(count)
    expected = [answer(function, pair) for pair in pairs]
    failures = sum(result is None for result in expected)
    assert count / 10 < failures < count / 2
    wrong = [pair for pair, result in zip(pairs, expected, strict=True) if trace(*pair).shape != result]
    assert not wrong, f"{len(wrong)} pairs differ, such as {wrong[0]}"


def test_every_answer_is_numpys():
    check_against(np.broadcast_shapes, PAIRS)


def test_every_answer_is_torchs():
    torch = pytest.importorskip("torch")
    # Torch takes long to say no.
    check_against(torch.broadcast_shapes, PAIRS if SOAK > 1 else PAIRS // 10)


@given(st.lists(SHAPES, min_size=2, max_size=4))
def test_several_shapes(shapes):
    found = trace(*shapes)
    assert found.shape == answer(np.broadcast_shapes, shapes)
    if found.shape is None:
        assert found.rank is found.elements is found.nbytes is None
        assert found.clashes == tuple(axis.number for axis in found.axes if axis.length is None) != ()
    else:
        made = np.broadcast_to(np.float32(0), found.shape)
        assert (found.rank, found.elements, found.nbytes) == (made.ndim, made.size, made.nbytes)
        assert (found.clashes, found.mends, found.mended()) == ((), (), found)


@given(st.lists(SHAPES, min_size=2, max_size=4))
def test_a_mend_mends_and_only_puts_axes_in(shapes):
    found = trace(*shapes)
    mended = found.mended()
    assert mended.shape == np.broadcast_shapes(*mended.shapes)
    for place, shape, indexing in found.mends:
        array = np.broadcast_to(np.uint8(1), shapes[place])
        index = tuple({"None": None, ":": slice(None)}[part] for part in indexing[1:-1].split(", "))
        assert array[index].shape == shape == mended.shapes[place]
        assert [length for length in shape if length != 1] == [n for n in shapes[place] if n != 1]


@given(SHAPES, SHAPES)
def test_no_mend_of_two_shapes_has_fewer_axes(first, other):
    """The fewest axes are counted here by trying every alignment."""

    def fewest(a, b):
        if not a or not b:
            return len(a) + len(b)
        best = 1 + min(fewest(a[1:], b), fewest(a, b[1:]))
        fits = a[0] == b[0] or 1 in (a[0], b[0])
        return min(best, 1 + fewest(a[1:], b[1:])) if fits else best

    found = trace(first, other)
    if found.shape is None:
        assert found.mended().rank == fewest(first, other)


@pytest.mark.parametrize(
    ("shapes", "mends", "result"),
    [
        ([(1010, 28, 28), (1010,)], [Mend(1, (1010, 1, 1), "[:, None, None]")], (1010, 28, 28)),
        ([(2038, 28, 28), (2, 28, 28)], [Mend(0, (2038, 1, 28, 28), "[:, None]")], (2038, 2, 28, 28)),
        ([(5,), (4,)], [Mend(0, (5, 1), "[:, None]")], (5, 4)),
        (
            [(3,), (4,), (5,)],
            [Mend(0, (3, 1, 1), "[:, None, None]"), Mend(1, (4, 1), "[:, None]")],
            (3, 4, 5),
        ),
        ([(28, 28, 3), (28, 28)], [Mend(1, (28, 28, 1), "[:, :, None]")], (28, 28, 3)),
        ([(28, 28), (28,)], [], (28, 28)),
        ([(2, 1), (3, 2)], [Mend(1, (3, 2, 1), "[:, :, None]")], (3, 2, 1)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else None,
)
def test_mends_that_one_would_choose(shapes, mends, result):
    found = trace(*shapes)
    assert list(found.mends) == mends
    assert found.mended().shape == result


def test_a_mend_has_no_more_axes_than_an_array_may():
    odd, even = tuple(range(3, 83, 2)), tuple(range(2, 82, 2))
    found = trace(odd, even)
    assert found.shape is None
    assert found.mends == ()
    assert str(found).endswith("-2 and -1.")


def test_axes_of_each_kind():
    assert trace((1010, 28, 1), (28, 28)).axes == (
        Axis(-3, (1010, None), 1010),
        Axis(-2, (28, 28), 28),
        Axis(-1, (1, 28), 28),
    )
    assert [axis.stretched for axis in trace((1010, 28, 1), (28, 28)).axes] == [(1,), (), (0,)]
    assert trace((1, 1), (1,)).axes[0].stretched == ()


@pytest.mark.parametrize(
    ("shapes", "line"),
    [
        ([(2, 3), (3,)], "axis -2: shape 2 has no such axis, which counts as 1; it is stretched to 2: "),
        ([(2, 1), (2, 3)], "axis -1: shape 1 has 1; it is stretched to 3: each value is used 3 times."),
        ([(0,), (1,)], "axis -1: shape 2 has 1; it is stretched to 0: no value is left."),
        (
            [(2, 2), (), ()],
            "axis -1: shapes 2 and 3 have no such axis, which counts as 1; they are stretched",
        ),
        (
            [(4,), (1,), ()],
            "axis -1: shape 3 has no such axis, which counts as 1, and shape 2 has 1; they are ",
        ),
        ([(1, 3), (3,)], "axis -2: shape 2 has no such axis, which counts as 1: nothing is stretched."),
        ([(1, 3), (1, 3)], "axis -2: both are 1."),
        ([(3,), (3,), (3,)], "axis -1: all are 3."),
        ([(3,), (4,)], "axis -1: 3 and 4 clash: they differ, and neither is 1."),
        ([(3,), (4,), (1,), (5,), (4,)], "axis -1: 3, 4 and 5 clash: they differ, and none is 1."),
        ([(), ()], "No axes: scalars."),
        ([(), ()], "each of its steps, 1 element of float32: 4 bytes."),
        ([(1000,), (1,)], "1,000 elements of float32: 4,000 bytes (4.0 kB)."),
        ([(2**62,), (2**62, 1)], "bytes, more than any array can hold."),
        ([(2, 3), (3, 2)], "The shapes do not fit: they clash on axis -2 and -1."),
    ],
)
def test_what_is_said(shapes, line):
    assert line in str(trace(*shapes))


def test_huge_lengths_do_not_overflow():
    found = trace((2**62, 1), (1, 2**62), dtype="float64")
    assert (found.elements, found.nbytes) == (2**124, 2**127)


def test_columns_are_lined_up():
    text = str(trace((1010, 28, 1), (3, 28, 5)))
    table = text.split("\n\n")[0].splitlines()
    assert [line.split() for line in table] == [
        ["axis", "-3", "-2", "-1"],
        ["shape", "1", "1010", "28", "1"],
        ["shape", "2", "3", "28", "5"],
        ["result", "?", "28", "5"],
    ]
    assert len({len(line) for line in table}) == 1


@pytest.mark.parametrize("dtype", ["uint8", "float16", "int64", "complex128", "bool"])
def test_bytes_are_numpys(dtype):
    expected = np.empty((3, 4), dtype).nbytes
    for given_as in (dtype, np.dtype(dtype), np.dtype(dtype).type):
        assert trace((3, 1), (4,), dtype=given_as).nbytes == expected or dtype == "bool"
    assert trace((3, 1), (4,), dtype=dtype).nbytes == expected


def test_torchs_dtypes():
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.uint8, torch.float64, torch.bool):
        assert trace(torch.Size([3, 1]), (4,), dtype=dtype).nbytes == torch.empty((3, 4), dtype=dtype).nbytes


def test_shapes_may_be_lists_or_numbers():
    assert trace([np.int64(3), 1], 4) == trace((3, 1), (4,)) == Trace(((3, 1), (4,)), "float32")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([], "the shapes given are 0: expected two or more"),
        ([(3,)], "the shapes given are 1: expected two or more"),
        ([(3,), (-1, 3)], r"shape 2 has an axis of a length below 0: expected 0 to 2\*\*63 - 1"),
        ([(10**5000,), ()], r"shape 1 has an axis of a length above 2\*\*63 - 1"),
        ([(2.0,), (3,)], r"shape 1 is \(2.0,\): expected whole numbers"),
        ([(3,), "28,28"], "shape 2 is '28,28': expected whole numbers"),
        ([(3,), (True,)], "shape 2 is .*: expected whole numbers"),
        ([True, (3,)], "shape 1 is True: expected whole numbers"),
        ([None, (3,)], "shape 1 is None: expected whole numbers"),
        ([np.zeros((2, 2)), (3,)], "shape 1 is array.*or an array's .shape"),
        ([(1,) * 65, (3,)], "shape 1 has 65 axes: expected at most 64"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value[:30],
)
def test_what_is_no_shape_is_refused(shapes, message):
    with pytest.raises(InputError, match=message) as caught:
        trace(*shapes)
    assert "\n" not in str(caught.value)


def test_an_unknown_dtype_names_the_nearest():
    with pytest.raises(UnknownNameError, match="no dtype is called 'float33': did you mean float32"):
        trace((1,), (1,), dtype="float33")


def test_repr_is_one_line():
    assert repr(trace((2, 3), (3,))) == "<Trace (2, 3) with (3,): (2, 3)>"
    assert repr(trace((), ())) == "<Trace () with (): ()>"
    assert repr(trace((2,), (3,))) == "<Trace (2,) with (3,): they clash>"


def test_a_notebook_shows_what_text_says():
    for found in (trace((1010, 28, 28), (28, 28)), trace((2, 5), (3, 5)), trace((), ())):
        page = found._repr_html_()
        words = html.unescape(re.sub("<[^>]*>", " ", page))
        for line in str(found).split("\n\n", 1)[1].splitlines():
            assert line in words or line == "No axes: scalars."
        for opened, closed in (
            ("<table", "</table>"),
            ("<tr", "</tr>"),
            ("<td", "</td>"),
            ("<div", "</div>"),
        ):
            assert page.count(opened) == page.count(closed)
    page = trace((1010, 28, 28), (28, 28))._repr_html_()
    assert page.count("background: rgba(0, 114, 178, 0.2); border: 1px dashed") == 1
    assert "→ 1010" in page


def test_a_notebook_can_be_black_or_white():
    """No colour of text or paper is set: only tints that let both through."""
    page = trace((2, 5, 1), (3, 5, 4))._repr_html_()
    assert set(re.findall(r"(?<![-\w])color: (\w+)", page)) == {"inherit"}
    assert set(re.findall(r"background: (\w+)", page)) == {"none", "rgba"}


def test_no_array_library_is_needed():
    code = (
        "import sys, lookalike; print(lookalike.broadcasting.trace((2, 3), (3,)).shape, "
        "[name for name in ('numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 3) []"


def test_the_random_pairs_are_of_every_kind():
    pairs = random_pairs(2000)
    assert {len(shape) for pair in pairs for shape in pair} == set(range(7))
    assert any(0 in shape for pair in pairs for shape in pair)
    assert all(first != other for first, other in pairwise(pairs[:50]))
