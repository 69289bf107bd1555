"""The tensors' own code; on the CPU everywhere, and on a CUDA card where there is one."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from distance.exact import nearest, sums
from effort import examples

torch = pytest.importorskip("torch", reason="torch is not installed")

from lookalike import InputError  # noqa: E402
from lookalike.distance import device as on_device  # noqa: E402
from lookalike.distance import tensor_sums as device_sums  # noqa: E402
from lookalike.distance.deformation.definition import match  # noqa: E402
from lookalike.distance.deformation.matching import deformable_distances as compiled  # noqa: E402
from lookalike.distance.deformation.planes import sobel, sobel_planes  # noqa: E402
from lookalike.distance.device import DeviceIndex, deformable_distances  # noqa: E402
from lookalike.distance.search import ImageIndex  # noqa: E402

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
HAS_TRITON = importlib.util.find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="triton is not installed")
ALL = {"l1": device_sums.absolute_sums, "l2": device_sums.squared_sums}


@pytest.fixture(params=DEVICES, scope="session")
def device(request):
    return request.param


@pytest.fixture(params=ALL, scope="session")
def metric(request):
    return request.param


@pytest.fixture(scope="session")
def products(device):
    """Products of bytes as cards work them out: on the CPU by a stand-in that asks for what cards ask for."""

    def stand_in(a, b):
        assert a.dtype == b.dtype == torch.int8
        assert a.is_contiguous()
        assert b.T.is_contiguous()
        assert len(a) > 16
        assert a.shape[1] % 8 == b.shape[1] % 8 == 0
        # What does not fit int32 wraps around.
        return (a.double() @ b.double()).long().int()

    with pytest.MonkeyPatch.context() as patch:
        if device == "cpu":
            patch.setattr(torch, "_int_mm", stand_in)
        yield device_sums.byte_products


@st.composite
def pairs(draw):
    """Two batches of bytes, many of them equal, so that there are ties."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=6))
    elements = draw(st.sampled_from([st.integers(0, 255), st.sampled_from([0, 255]), st.integers(0, 2)]))
    return tuple(
        draw(hnp.arrays(np.uint8, (draw(st.integers(1, most)), *shape), elements=elements))
        for most in (6, 12)
    )


def extremes(d):
    """Rows of length ``d`` whose products, squares and differences are the largest there are."""
    return np.array([[0] * d, [255] * d, [0, 255] * (d // 2) + [0] * (d % 2)], np.uint8)


@given(pair=pairs())
def test_sums_are_those_of_the_definition(device, metric, pair):
    tensors = (torch.tensor(part.reshape(len(part), -1), device=device) for part in pair)
    found = ALL[metric](*tensors)
    assert found.dtype == torch.int64
    assert found.device.type == device
    np.testing.assert_array_equal(found.cpu(), sums(*pair, metric))


# Either side of where sums of products, and of differences, are split.
@pytest.mark.parametrize("d", [65_536, 65_793, 65_794, 131_056, 131_071, 131_072, 262_150])
def test_sums_do_not_overflow(device, metric, d):
    rows = extremes(d)
    found = ALL[metric](*[torch.tensor(rows, device=device)] * 2)
    np.testing.assert_array_equal(found.cpu(), sums(rows, rows, metric))


@given(pair=pairs())
def test_products_of_bytes_as_on_cards(products, device, pair):
    a, b = (torch.tensor(part.reshape(len(part), -1).view(np.int8)) for part in pair)
    found = products(a.to(device), b.to(device))
    assert found.dtype == torch.int64
    np.testing.assert_array_equal(found.cpu(), a.long() @ b.long().T)


@pytest.mark.parametrize("d", [131_056, 131_071, 131_072, 262_150])
def test_products_of_bytes_do_not_overflow(products, device, d):
    rows = torch.full((2, d), -128, dtype=torch.int8, device=device)
    assert (products(rows, rows) == d * 2**14).all()


def test_cards_multiply_bytes_where_they_can(monkeypatch):
    class Tensor:
        is_cuda, device = True, "cuda:0"

    monkeypatch.setattr(torch.version, "hip", None)
    for capability, can in (((7, 0), False), ((7, 5), True), ((9, 0), True)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, found=capability: found)
        assert device_sums._multiplies_bytes(Tensor) is can
    assert not device_sums._multiplies_bytes(torch.zeros(1))


@given(pair=pairs(), k=st.integers(1, 12), pairs_at_once=st.integers(1, 60), values=st.integers(1, 2000))
def test_neighbours_are_those_of_the_compiled_search(device, metric, pair, k, pairs_at_once, values):
    queries, images = pair
    k = min(k, len(images))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "PAIRS", pairs_at_once)
        patch.setattr(on_device, "VALUES", values)
        index = DeviceIndex(torch.tensor(images, device=device), metric)
        found = index.search(torch.tensor(queries, device=device), k)
    for ours, wanted in zip(found, nearest(queries, images, metric, k), strict=True):
        assert ours.dtype == torch.int64
        assert ours.device.type == device
        np.testing.assert_array_equal(ours.cpu(), wanted)
    if images.ndim == 3:
        for ours, wanted in zip(found, ImageIndex(images, metric).search(queries, k), strict=True):
            np.testing.assert_array_equal(ours.cpu(), wanted)


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_of_real_images(device, metric, mnist, k):
    images, queries = mnist
    index = DeviceIndex(torch.tensor(images, device=device), metric)
    some = 100 if device == "cuda" else 20
    found = index.search(torch.tensor(queries[:some], device=device), k)
    for ours, wanted in zip(found, ImageIndex(images, metric).search(queries[:some], k), strict=True):
        np.testing.assert_array_equal(ours.cpu(), wanted)


def test_edge_images_and_their_ties(device, metric, edge_images):
    twice = np.concatenate([edge_images, edge_images])
    index = DeviceIndex(torch.tensor(twice, device=device), metric)
    distances, positions = index.search(torch.tensor(edge_images, device=device), len(twice))
    wanted = nearest(edge_images, twice, metric, len(twice))
    np.testing.assert_array_equal(distances.cpu(), wanted[0])
    np.testing.assert_array_equal(positions.cpu(), wanted[1])


def test_memory_layout_does_not_matter(metric, edge_images):
    turned = torch.tensor(edge_images).transpose(1, 2)
    index = DeviceIndex(turned, metric)
    found = index.search(turned.flip(0), 3)
    wanted = DeviceIndex(turned.contiguous(), metric).search(turned.flip(0).contiguous(), 3)
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(index.take([2, 2]), turned[[2, 2]])


def test_a_search_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr(on_device, "QUERIES", 2)
    images, heard = torch.zeros((3, 1, 1), dtype=torch.uint8), []
    DeviceIndex(images).search(images, 1, progress=lambda *step: heard.append(step))
    assert heard == [("searching", 0, 3), ("searching", 2, 3), ("searching", 3, 3)]


def test_refuses_what_it_cannot_search():
    images = torch.zeros((3, 2, 2), dtype=torch.uint8)
    index = DeviceIndex(images)
    with pytest.raises(InputError, match="metric is 'cosine': expected 'l1' or 'l2'"):
        DeviceIndex(images, "cosine")
    with pytest.raises(InputError, match=r"shape \(0, 2, 2\): expected at least one, of one value"):
        DeviceIndex(images[:0])
    with pytest.raises(InputError, match=r"images are torch\.float32 .* expected torch\.uint8 \(n, 2, 2\)"):
        index.search(images.float(), 1)
    with pytest.raises(InputError, match=r"of shape \(3, 4\): expected torch\.uint8 \(n, 2, 2\)"):
        index.search(images.reshape(3, 4), 1)
    with pytest.raises(InputError, match="queries are on meta: expected cpu, as the index"):
        index.search(images.to("meta"), 1)
    for k in (0, 4, True, 1.5):
        with pytest.raises(InputError, match="expected a whole number from 1 to the 3 images of the index"):
            index.search(images, k)


@given(
    planes=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)).flatmap(
        lambda shape: st.tuples(*[hnp.arrays(np.int16, shape)] * 2)
    ),
    warp=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    context=st.integers(0, 3),
    values=st.integers(1, 5000),
)
@examples(60)
def test_deformable_distances_are_those_of_the_definition(device, planes, warp, context, values):
    wanted = [match(*pair, warp=warp, context=context).distance for pair in zip(*planes, strict=True)]
    tensors = [torch.tensor(part, device=device) for part in planes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_device, "PLANE_VALUES", values)
        found = deformable_distances(*tensors, warp=warp, context=context)
    assert found.dtype == torch.int64
    assert found.device.type == device
    assert found.tolist() == wanted


@pytest.mark.parametrize(("largest", "kind"), [(5461, torch.int32), (5462, torch.int64)])
def test_squares_are_summed_in_as_many_bits_as_they_take(device, largest, kind):
    # 2 planes times 9 places: 18 * (2 * 5461)^2 is just below 2^31.
    planes = torch.full((1, 2, 3, 3), largest, dtype=torch.int16, device=device)
    assert on_device._kind(planes, -planes, 2 * 9) == kind
    # Beyond the border is 0, which is as far from the largest value.
    assert on_device._kind(2 * planes, 2 * planes, 2 * 9) == kind
    wanted = match(planes[0].cpu().numpy(), -planes[0].cpu().numpy(), warp=(1, 1), context=1).distance
    assert deformable_distances(planes, -planes, warp=1, context=1).tolist() == [wanted]


def test_deformable_distances_of_real_digits(device, digits):
    train, valid = (sobel_planes(part.images[:40]) for part in digits)
    wanted = np.diag(compiled(valid, train, warp=1, context=1))
    pair = [torch.tensor(part.values(), device=device) for part in (valid, train)]
    np.testing.assert_array_equal(deformable_distances(*pair, warp=1, context=1).cpu(), wanted)
    gradients = [torch.tensor(sobel(part.images[:2]), device=device) for part in digits]
    assert gradients[0].abs().max() > 128
    found = deformable_distances(*gradients, warp=(2, 1), context=1)
    for one, first, second in zip(found.tolist(), *(part.cpu().numpy() for part in gradients), strict=True):
        assert one == match(first, second, warp=(2, 1), context=1).distance


def test_refuses_planes_that_are_no_pairs():
    planes = torch.zeros((2, 1, 3, 3), dtype=torch.int16)
    with pytest.raises(InputError, match=r"\(2, 1, 3, 3\) and \(1, 1, 3, 3\): expected twice the same"):
        deformable_distances(planes, planes[:1], warp=1, context=1)
    with pytest.raises(InputError, match=r"planes are torch\.float32: expected whole numbers"):
        deformable_distances(planes, planes.float(), warp=1, context=1)
    with pytest.raises(InputError, match="planes are on cpu and meta: expected one device"):
        deformable_distances(planes, planes.to("meta"), warp=1, context=1)
    with pytest.raises(InputError, match="warp is"):
        deformable_distances(planes, planes, warp=-1, context=1)


INTERPRETED = """
import torch
from lookalike.distance.kernels import triton_l1
triton_l1.MOST_FEATURES = 200
torch.manual_seed(0)
for q, n, d in ((1, 1, 1), (3, 70, 5), (65, 130, 33), (2, 3, 500)):
    queries, rows = (torch.randint(0, 256, (count, d), dtype=torch.uint8) for count in (q, n))
    rows[0], queries[-1] = 255, 0
    found = triton_l1.absolute_sums(queries, rows)
    assert found.dtype == torch.int64
    assert torch.equal(found, (queries[:, None].long() - rows.long()).abs().sum(-1)), (q, n, d)
print("equal")
"""

BUILT = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from lookalike.distance.kernels import triton_l1 as kernel
tile = {"BLOCK_QUERIES": kernel.BLOCK_QUERIES, "BLOCK_ROWS": kernel.BLOCK_ROWS}
kinds = ["*u8", "*u8", "*i64", "i32", "i32", "i32", "constexpr", "constexpr"]
names = dict(zip(kernel._add_tile.arg_names, kinds, strict=True))
for capability in (75, 80, 90):
    source = ASTSource(kernel._add_tile, names, constexprs=tile)
    assert compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]
print("built")
"""


def run_alone(code, tmp_path, **environment):
    """Run code in a process of its own: Triton reads its environment once."""
    given_too = {"TRITON_CACHE_DIR": str(tmp_path), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **given_too}, capture_output=True, text=True
    )
    return done.stdout.strip() or done.stderr


@needs_triton
def test_the_kernel_computes_the_definition_in_tritons_interpreter(tmp_path):
    assert run_alone(INTERPRETED, tmp_path, TRITON_INTERPRET="1") == "equal"


@needs_triton
def test_the_kernel_can_be_built_for_cards_that_are_not_here(tmp_path):
    assert run_alone(BUILT, tmp_path) == "built"


@pytest.mark.skipif(not HAS_TRITON or len(DEVICES) == 1, reason="no CUDA card with Triton here")
def test_the_kernel_computes_the_definition_on_a_card():
    from lookalike.distance.kernels import triton_l1

    rows = extremes(1000)
    tensor = torch.tensor(rows, device="cuda")
    np.testing.assert_array_equal(triton_l1.absolute_sums(tensor, tensor).cpu(), sums(rows, rows, "l1"))


def test_without_triton_it_is_said_so(monkeypatch):
    from lookalike.distance.kernels import triton_l1

    monkeypatch.setattr(triton_l1, "triton", None)
    triton_l1.is_usable.cache_clear()
    assert triton_l1.is_usable() is False
    triton_l1.is_usable.cache_clear()
