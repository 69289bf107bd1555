import threading
from dataclasses import replace

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from effort import examples
from lookalike import LookalikeError
from lookalike.distance import search as search_module
from lookalike.distance.metrics import METRICS
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError

from .exact import assert_exact, nearest, sums

shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([2, 3, 4])),
)


@st.composite
def jobs(draw):
    """Write images and queries of one shape; few different values, so that distances tie."""
    shape = draw(shapes)
    values = draw(st.sampled_from([st.integers(0, 255), st.sampled_from([0, 1, 255]), st.just(7)]))
    images = draw(hnp.arrays(np.uint8, (draw(st.integers(1, 40)), *shape), elements=values))
    queries = draw(hnp.arrays(np.uint8, (draw(st.integers(1, 9)), *shape), elements=values))
    return images, queries, draw(st.integers(1, len(images)))


@examples(60)
@given(job=jobs(), metric=st.sampled_from(["l1", "l2"]), threads=st.integers(1, 4))
def test_any_images_of_any_shape(job, metric, threads):
    images, queries, k = job
    assert_exact(ImageIndex(images, metric).search(queries, k, threads=threads), queries, images, metric, k)


@examples(25)
@given(
    data=st.data(),
    metric=st.sampled_from(["l1", "l2"]),
    shape=st.sampled_from([(12, 11), (16, 9), (1, 130), (7, 7, 3), (9, 15)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_images_with_bounds(data, metric, shape, seed):
    """From 1,024 images on the bounds take part: noise, flat images, extremes, copies, one changed pixel."""
    rng = np.random.default_rng(seed)
    ramp = np.arange(np.prod(shape)).reshape(shape)
    kinds = {
        "noise": lambda n: rng.integers(0, 256, (n, *shape)),
        "extremes": lambda n: rng.choice([0, 255], (n, *shape), p=[0.9, 0.1]),
        "flat": lambda n: np.broadcast_to(rng.integers(0, 256, (n,) + (1,) * len(shape)), (n, *shape)),
        "copies": lambda n: rng.integers(0, 256, (3, *shape))[rng.integers(0, 3, n)],
        "blank": lambda n: np.zeros((n, *shape)),
        "ramps": lambda n: ramp * rng.uniform(0, 1, (n,) + (1,) * len(shape)) % 256,
    }  # fmt: skip
    chosen = data.draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3))
    images = np.concatenate([kinds[kind](-(-1100 // len(chosen))) for kind in chosen]).astype(np.uint8)
    queries = np.concatenate([images[rng.integers(0, len(images), 4)], kinds["noise"](2).astype(np.uint8)])
    queries.reshape(6, -1)[2, rng.integers(0, queries[0].size)] ^= 1
    k = data.draw(st.sampled_from([1, 2, 7, 100, 1100]))
    index = ImageIndex(images, metric)
    assert_exact(index.search(queries, k, threads=data.draw(st.integers(1, 3))), queries, images, metric, k)


@pytest.mark.parametrize("k", [1, 5, 50])
def test_smooth_images(smooth, metric, simd, k):
    images, queries = smooth[:3900], smooth[3900:]
    assert_exact(ImageIndex(images, metric).search(queries, k), queries, images, metric, k)


def test_real_digits(metric, simd):
    digits = load_digits().images.astype(np.uint8)
    images, queries = digits[:1500], digits[1500:]
    assert_exact(ImageIndex(images, metric).search(queries, 3), queries, images, metric, 3)


@pytest.mark.parametrize("k", [1, 5])
def test_real_mnist(mnist, metric, simd, k):
    images, queries = mnist
    assert_exact(ImageIndex(images, metric).search(queries, k), queries, images, metric, k)


def test_sorted_by_class_and_copied(mnist, metric):
    images = np.repeat(mnist[0][np.argsort(mnist[0].mean(axis=(1, 2)))][:2000], 2, axis=0)
    queries = mnist[1][:30]
    assert_exact(ImageIndex(images, metric).search(queries, 3), queries, images, metric, 3)


def test_noise_falls_back(metric, simd):
    rng = np.random.default_rng(0)
    images, queries = (
        rng.integers(0, 256, (9000, 12, 12), np.uint8),
        rng.integers(0, 256, (5, 12, 12), np.uint8),
    )
    assert_exact(ImageIndex(images, metric).search(queries, 2), queries, images, metric, 2)


def test_tiles_after_the_fallback(smooth, metric):
    """Noise first, so that brute force is on, then images that bounds suit: both parts have nearest ones."""
    noise = np.random.default_rng(1).integers(0, 256, (9000, 16, 16), np.uint8)
    images = np.concatenate([noise, smooth[:3000]])
    queries = np.concatenate([smooth[3000:3010], noise[:10] ^ 1])
    assert_exact(ImageIndex(images, metric).search(queries, 4), queries, images, metric, 4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (5, 7), (30, 31), (17, 19, 3), (64, 64)])
def test_extremes_of_any_size(shape, metric, simd):
    images = np.zeros((1100, *shape), np.uint8)
    images[7:] = 255
    images[500].reshape(-1)[-1] = 254
    queries = np.stack([images[0], images[7], images[500]])
    for k in (1, 9):
        assert_exact(ImageIndex(images, metric).search(queries, k), queries, images, metric, k)


@pytest.mark.parametrize("features", [70_000, 300_001])
def test_sums_do_not_overflow(features, metric, simd):
    images = np.zeros((5, 1, features), np.uint8)
    images[1:] = 255
    images[3, 0, -1] = 0
    queries = images[[0, 1]]
    distances, positions = ImageIndex(images, metric).search(queries, 5)
    largest = features * (255 if metric == "l1" else 255**2)
    assert distances[0].tolist() == [0, largest - largest // features, largest, largest, largest]
    assert positions.tolist() == [[0, 3, 1, 2, 4], [1, 2, 4, 3, 0]]


def test_bounds_of_many_features(metric, simd):
    """18,000 features and enough rows for bounds: the largest distances there are."""
    images = np.zeros((1030, 90, 200), np.uint8)
    images[::2] = 255
    images[1000] = 0
    images[1000, 100:102, 50:90] = 200
    queries = np.stack([images[1000], images[0], np.full((90, 200), 128, np.uint8)])
    answer = ImageIndex(images, metric).search(queries, 2)
    for row, query in enumerate(queries):
        wanted = np.concatenate(
            [sums(query[None], images[i : i + 1], metric) for i in (0, 1, 2, 3, 1000)], axis=1
        )[0]
        order = np.argsort(wanted, kind="stable")[:2]
        assert answer[0][row].tolist() == wanted[order].tolist()
        assert answer[1][row].tolist() == np.array([0, 1, 2, 3, 1000])[order].tolist()


def test_equal_images_come_by_position(metric, simd):
    images = np.full((2000, 12, 12), 9, np.uint8)
    distances, positions = ImageIndex(images, metric).search(images[:3] + np.uint8(1), 2000)
    assert (positions == np.arange(2000)).all()
    assert (distances == 144).all()
    assert (ImageIndex(images, metric).search(images[:3], 4)[1] == np.arange(4)).all()


def test_threads_and_batches_change_nothing(smooth, metric, monkeypatch):
    wanted = nearest(smooth[3000:3200], smooth[:3000], metric, 6)
    for threads, batch, seconds in ((1, 256, 1), (2, 8, 0.001), (5, 4, 0.1), (3, 64, 0)):
        row = METRICS[metric]
        monkeypatch.setitem(METRICS, metric, replace(row, kernels=row.kernels._replace(batch=batch)))
        monkeypatch.setattr(search_module, "CALL_SECONDS", seconds)
        answer = ImageIndex(smooth[:3000], metric).search(smooth[3000:3200], 6, threads=threads)
        np.testing.assert_array_equal(answer, wanted)


def test_memory_layouts(smooth, metric, tmp_path):
    images, queries = smooth[:1200], smooth[1200:1210]
    wanted = ImageIndex(images, metric).search(queries, 3)
    np.save(tmp_path / "images.npy", images)
    read_only = images.copy()
    read_only.flags.writeable = False
    strided = np.repeat(np.repeat(images, 2, axis=0), 2, axis=2)[::2, :, ::2]
    backwards = images[::-1].copy()[::-1]
    memory_mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    for same in (np.asfortranarray(images), strided, backwards, read_only, memory_mapped, images[..., None]):
        assert np.array_equal(ImageIndex(same, metric).search(queries, 3), wanted)
        assert np.array_equal(ImageIndex(images, metric).search(np.asfortranarray(same[:1]), 3)[0][0, 0], 0)


def test_order_of_images_and_queries(smooth, metric):
    images, queries = smooth[:1500], smooth[1500:1540]
    order = np.random.default_rng(2).permutation(len(images))
    assert_exact(
        ImageIndex(images[order], metric).search(queries[::-1], 2), queries[::-1], images[order], metric, 2
    )


def test_adding_is_the_same_as_having(smooth, metric):
    """Through every growth: below the bounds, when they are first made, and when they are chosen anew."""
    index = ImageIndex(smooth[:1], metric)
    size = 1
    for more in (1, 15, 1000, 6, 1, 900, 77, 1):
        index.add(smooth[size : size + more])
        size += more
        assert len(index) == size
        assert_exact(index.search(smooth[-6:], 1), smooth[-6:], smooth[:size], metric, 1)


def test_added_images_outside_the_range_of_the_first(metric):
    """Lower bounds are scaled to the images they were chosen by: others are clipped, and they still hold."""
    rng = np.random.default_rng(5)
    dim = rng.integers(0, 3, (1100, 12, 12), np.uint8)
    bright = rng.integers(200, 256, (300, 12, 12), np.uint8)
    index = ImageIndex(dim, metric)
    index.add(bright)
    queries = np.concatenate([bright[:5] ^ 3, dim[:5] ^ 1])
    assert_exact(index.search(queries, 3), queries, np.concatenate([dim, bright]), metric, 3)


def test_removing(smooth, metric):
    index = ImageIndex(smooth[:2500], metric)
    gone = np.random.default_rng(4).choice(2500, 1300, replace=False)
    index.remove(np.concatenate([gone, gone[:3]]))
    left = np.delete(smooth[:2500], gone, axis=0)
    assert_exact(index.search(smooth[2500:2520], 5), smooth[2500:2520], left, metric, 5)
    index.add(smooth[3000:3100])
    both = np.concatenate([left, smooth[3000:3100]])
    assert_exact(index.search(smooth[2500:2520], 5), smooth[2500:2520], both, metric, 5)
    index.remove(np.arange(len(index)))
    assert len(index) == 0
    index.remove([])
    with pytest.raises(InputError, match="k is 1: expected a whole number from 1 to the 0 images"):
        index.search(smooth[:1], 1)
    index.add(smooth[:2])
    assert index.search(smooth[1:2], 1)[1] == 1


def test_the_index_keeps_its_own_copy(metric):
    images = np.zeros((3, 4, 4), np.uint8)
    index = ImageIndex(images, metric)
    images[:] = 255
    assert index.search(np.zeros((1, 4, 4), np.uint8), 3)[0].tolist() == [[0, 0, 0]]


def test_searching_from_several_threads(smooth, metric):
    index = ImageIndex(smooth[:3000], metric)
    wanted = index.search(smooth[3000:3300], 3)
    answers = [None] * 4

    def ask(number):
        answers[number] = index.search(smooth[3000:3300], 3, threads=1 + number % 2)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    index.add(smooth[3300:])  # a search sees what was there when it began
    for thread in threads:
        thread.join()
    for answer in answers:
        seen = answer[1].max() >= 3000
        assert seen or np.array_equal(answer, wanted)
    assert_exact(
        index.search(smooth[3000:3010], 3),
        smooth[3000:3010],
        np.delete(smooth, slice(3000, 3300), 0),
        metric,
        3,
    )


def test_refusals(metric):
    images = np.zeros((3, 4, 5), np.uint8)
    index = ImageIndex(images, metric)
    with pytest.raises(
        InputError, match=r"k is 4: expected a whole number from 1 to the 3 images of the index"
    ):
        index.search(images, 4)
    for k in (0, -1, 1.0, True, "1"):
        with pytest.raises(LookalikeError, match="k is"):
            index.search(images, k)
    with pytest.raises(InputError, match=r"shape \(5, 4\) each: expected \(4, 5\)"):
        index.search(images.transpose(0, 2, 1), 1)
    with pytest.raises(InputError, match=r"shape \(4, 5, 3\) each: expected \(4, 5\)"):
        index.add(np.zeros((1, 4, 5, 3), np.uint8))
    with pytest.raises(InputError, match="expected uint8"):
        index.search(np.full((1, 4, 5), 0.123), 1)
    with pytest.raises(InputError, match="metric is 'cosine': expected 'l1' or 'l2'"):
        ImageIndex(images, "cosine")
    for positions in ([3], [-1], [0.0], [True]):
        with pytest.raises(InputError, match="expected whole numbers from 0 to 2"):
            index.remove(positions)


def test_progress_is_told(smooth, metric):
    heard = []
    ImageIndex(smooth[:1500], metric).search(
        smooth[:600], 1, threads=2, progress=lambda *told: heard.append(told)
    )
    assert heard[-1] == ("searching", 600, 600)
    done = [told[1] for told in heard if told[0] == "searching"]
    assert done == sorted(done)


@pytest.fixture(params=[1, 10, 100, 300])
def times(request, monkeypatch):
    """Scale the units of lower bounds: what rounding moved them by then decides which rows remain."""
    for name, row in METRICS.items():
        if row.kernels is None:
            continue

        def coarser(*arguments, make=row.kernels.bounds):
            bounds = make(*arguments)
            bounds.units = tuple(unit * request.param for unit in bounds.units)
            return bounds

        monkeypatch.setitem(METRICS, name, replace(row, kernels=row.kernels._replace(bounds=coarser)))


def test_rounding_of_rows_that_are_equally_far(metric, times):
    """The same pixels in any order are equally far from a blank image, whose own numbers are not rounded."""
    images = np.random.default_rng(0).permuted(np.tile(np.arange(132, dtype=np.uint8), (1500, 1)), axis=1)
    index = ImageIndex(images.reshape(1500, 12, 11), metric)
    assert index.search(np.zeros((1, 12, 11), np.uint8), 10)[1][0].tolist() == list(range(10))


def test_rounding_around_a_query(metric, times):
    """Rows in directions that the axes hold in full: those a little nearer come when the others are known."""
    rng = np.random.default_rng(1)
    centres = rng.integers(60, 190, (100, 1, 31))
    apart = rng.choice([-4, 4], (20, 100, 31))
    apart[10:, :, 0] = 3
    images = np.repeat((centres.transpose(1, 0, 2) + apart).reshape(2000, 1, 31), 5, axis=2)
    queries = np.repeat(centres, 5, axis=2).astype(np.uint8)
    images = images.astype(np.uint8)
    assert_exact(ImageIndex(images, metric).search(queries, 6), queries, images, metric, 6)


def test_the_first_queries_do_not_wait_for_lower_bounds(smooth, metric, monkeypatch):
    """Brute force answers as many queries as lower bounds take time for; rows come and go meanwhile."""
    monkeypatch.setattr(search_module, "FEW", 9)
    images, index = smooth[:3000], ImageIndex(smooth[:2000], metric)
    assert_exact(index.search(smooth[3000:3004], 3), smooth[3000:3004], smooth[:2000], metric, 3)
    index.add(smooth[2000:3000])
    index.remove([5, 2500])
    images = np.delete(images, [5, 2500], axis=0)
    assert_exact(index.search(smooth[3000:3005], 3), smooth[3000:3005], images, metric, 3)
    assert index._held.bounds is None
    assert_exact(index.search(smooth[3000:3001], 3), smooth[3000:3001], images, metric, 3)
    assert index._held.bounds is not None
    index.add(smooth[3000:3001])
    images = np.concatenate([images, smooth[3000:3001]])
    assert_exact(index.search(smooth[3000:3002], 3), smooth[3000:3002], images, metric, 3)
