import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from lookalike import InputError
from lookalike.distance.definition import l1, l2, signed

ALL = pytest.mark.parametrize("distance", [l1, l2, signed], ids=lambda distance: distance.__name__)


def one_line(distance, images, references):
    """Return the definition as the book has it, in one expression, with all its temporaries."""
    difference = images[:, None] - references
    axes = tuple(range(2, difference.ndim))
    if distance is l1:
        return np.abs(difference).mean(axis=axes)
    return np.sqrt((difference**2).mean(axis=axes)) if distance is l2 else difference.mean(axis=axes)


@st.composite
def batches(draw, elements=None, dtype=np.uint8):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=5))
    return tuple(
        draw(hnp.arrays(dtype, (draw(st.integers(1, 6)), *shape), elements=elements)) for _ in range(2)
    )


@ALL
@given(pair=batches(), chunk=st.integers(1, 4000))
def test_bytes_equal_the_one_line_and_do_not_depend_on_chunks(distance, pair, chunk):
    images, references = pair
    expected = one_line(distance, images / 255, references / 255)
    np.testing.assert_allclose(distance(images, references), expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(
        distance(images, references, chunk_bytes=chunk), distance(images, references)
    )


@ALL
@given(pair=batches(elements=st.floats(0, 1), dtype=np.float64), chunk=st.integers(1, 4000))
def test_floats_equal_the_one_line_and_do_not_depend_on_chunks(distance, pair, chunk):
    images, references = pair
    np.testing.assert_allclose(
        distance(images, references), one_line(distance, images, references), atol=1e-12
    )
    np.testing.assert_array_equal(
        distance(images, references, chunk_bytes=chunk), distance(images, references)
    )


@pytest.mark.parametrize(("distance", "scipys", "power"), [(l1, "cityblock", 1), (l2, "euclidean", 0.5)])
def test_scipy_agrees_on_real_digits(distance, scipys, power, digits):
    rows = [part.images[:200].reshape(200, -1) / 255 for part in digits]
    images = [part.images[:200] for part in digits]
    np.testing.assert_allclose(distance(*images), cdist(*rows, scipys) / 64**power, atol=1e-12)


@ALL
def test_bytes_beside_floats_are_255ths(distance, edge_images):
    np.testing.assert_array_equal(
        distance(edge_images, edge_images / 255), distance(edge_images / 255, edge_images / 255)
    )


@ALL
def test_equal_sums_of_bytes_are_equal_floats(distance, edge_images):
    distances = distance(edge_images, edge_images)
    np.testing.assert_array_equal(distances[:, 3], distances[:, 4])
    assert not np.diag(distances).any()


@ALL
def test_largest_difference_and_one_value_images(distance):
    black, white = np.zeros((1, 1, 1), np.uint8), np.full((1, 1, 1), 255, np.uint8)
    assert distance(white, black).tolist() == [[1.0]]
    many = np.full((1, 300, 300, 3), 255, np.uint8)
    assert distance(many, many * 0).tolist() == [[1.0]]


@ALL
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_torch_agrees_with_numpy(distance, dtype, digits):
    torch = pytest.importorskip("torch")
    images, references = (part.images[:50] for part in digits)
    if dtype != "uint8":
        images, references = ((batch / 255).astype(dtype) for batch in (images, references))
    tensor = distance(torch.tensor(images), torch.tensor(references), chunk_bytes=100_000)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_allclose(
        tensor.numpy(), distance(images, references), rtol=0, atol=1e-15 if dtype == "uint8" else 1e-12
    )


def test_memory_stays_bounded():
    import tracemalloc

    images = np.zeros((400, 32, 32), np.uint8)
    tracemalloc.start()
    l1(images, images, chunk_bytes=2**22)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The one line would take 400 * 400 * 1024 * 8 bytes = 1.3 GB.
    assert peak < 40e6


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3, 3), (3, 3)), r"images have shape \(2, 3, 3\) and references \(3, 3\)"),
        (((2, 3, 3), (2, 3, 4)), "equal but for the first axis"),
        (((0, 3, 3), (2, 3, 3)), "not empty"),
        (((2, 3, 3), (0, 3, 3)), "not empty"),
        (((2,), (2,)), r"expected \(n, \.\.\.\) and \(m, \.\.\.\)"),
    ],
)
def test_refuses_shapes_that_do_not_match(shapes, message):
    with pytest.raises(InputError, match=message):
        l1(*(np.zeros(shape) for shape in shapes))


def test_refuses_arrays_of_two_libraries():
    torch = pytest.importorskip("torch")
    with pytest.raises(InputError, match="expected two arrays of one library"):
        l1(np.zeros((1, 2, 2)), torch.zeros((1, 2, 2)))
    with pytest.raises(InputError, match="images are list and references list"):
        l1([[0]], [[1]])
