"""Images that stay in a file: answers from memory, to the bit, however small the parts that are read."""

import copy
import mmap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lookalike
from lookalike import InputError, ModelFileError, NearestImages
from lookalike.distance import mapped
from lookalike.distance.mapped import MappedIndex
from lookalike.distance.search import ImageIndex


@pytest.fixture
def small_parts(monkeypatch):
    """Have few images in memory at once."""
    monkeypatch.setattr(mapped, "PART_BYTES", 7 * 64)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_searches_as_an_index_in_memory_does(data):
    n, part = data.draw(st.integers(1, 30), "n"), data.draw(st.integers(1, 31), "images in a part")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), "seed"))
    images, queries = (rng.integers(0, 3, (count, 2, 3)).astype(np.uint8) for count in (n, 4))
    metric = data.draw(st.sampled_from(["l1", "l2"]), "metric")
    index, known = MappedIndex(images, metric), ImageIndex(images, metric)
    gone = data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1), "gone")
    before = copy.copy(index)
    for one in (index, known):
        one.remove(np.array(sorted(gone), np.intp))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "PART_BYTES", part * 6)
        for k in {1, len(known)}:
            for found, expected in zip(index.search(queries, k), known.search(queries, k), strict=True):
                np.testing.assert_array_equal(found, expected)
    places = rng.permutation(len(known))
    np.testing.assert_array_equal(index.take(places), known.take(places))
    assert (len(index), len(before)) == (len(known), n)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Return a memory map of images with copies, two of them in another class, their labels, and queries."""
    train, valid = lookalike.load("digits", limit=90)
    path = tmp_path_factory.mktemp("disk") / "images.npy"
    np.save(path, np.concatenate([train.images, train.images[:5]]))
    labels = np.concatenate([train.labels, train.labels[:3], (train.labels[3:5] + 1) % 10])
    return np.load(path, mmap_mode="r"), labels, valid.images


def test_a_model_that_is_opened_leaves_its_images_in_the_file(digits, tmp_path):
    images, labels, _ = digits
    path = lookalike.save_model(NearestImages(on_disk=True).fit(images, labels), tmp_path / "m.lookalike")
    base = lookalike.load_model(path).recogniser_.matcher.images
    while isinstance(base, np.ndarray):  # a copy of a memory map is one by its type alone
        base = base.base
    assert isinstance(base, mmap.mmap)


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize(("votes", "metric"), [(1, "l1"), (3, "l2")])
def test_a_model_answers_as_one_in_memory(votes, metric, digits, small_parts, tmp_path):
    images, labels, queries = digits
    groups = np.arange(len(labels)) // 2
    known = NearestImages(votes, metric=metric).fit(np.array(images), labels, groups=groups)
    model = NearestImages(votes, metric=metric, on_disk=True).fit(images, labels, groups=groups)
    assert np.shares_memory(model.recogniser_.matcher.images, images)
    path = lookalike.save_model(model, tmp_path / "model.lookalike")
    for one in (model, lookalike.load_model(path), copy.deepcopy(model)):
        found, expected = (each.match(queries, 9) for each in (one, known))
        for name in ("distances", "places", "codes", "class_distances", "class_places"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        np.testing.assert_array_equal(one.predict(queries), known.predict(queries))
        np.testing.assert_array_equal(one.predict_proba(queries), known.predict_proba(queries))
        np.testing.assert_array_equal(one.predict_set(queries), known.predict_set(queries))
        np.testing.assert_array_equal(one.is_kept(images[:3]), [True] * 3)
    opened = lookalike.load_model(path)
    assert isinstance(opened.recogniser_.matcher.images, np.memmap)
    again = lookalike.save_model(opened, tmp_path / "again.lookalike")
    assert again.read_bytes() == path.read_bytes()


def test_what_stays_on_disk_is_not_changed(digits):
    images, labels, queries = digits
    model = NearestImages(on_disk=True).fit(images, labels)
    fixed = "its images stay on disk, where nothing is added to them; fit it anew"
    with pytest.raises(InputError, match=f"this model cannot be taught: {fixed}"):
        model.teach(queries[:1], [3])
    with pytest.raises(InputError, match=f"this model cannot forget: {fixed}"):
        model.forget([0])
    with pytest.raises(InputError, match=f"parts cannot be merged, for {fixed}"):
        model.merge(model)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(InputError, match="images are float64: expected uint8, which is compared on disk"):
        model.predict(queries / 300)


def test_what_cannot_stay_on_disk_is_refused(digits):
    images, labels, _ = digits
    with pytest.raises(InputError, match="images are float64: expected uint8, which can be compared on disk"):
        NearestImages(on_disk=True).fit(images / 300, labels)
    with pytest.raises(InputError, match="on_disk is True: expected prepare=None"):
        NearestImages(on_disk=True, prepare="auto").fit(images, labels)
    with pytest.raises(InputError, match="on_disk is 1: expected True or False"):
        NearestImages(on_disk=1).fit(images, labels)


def test_all_but_the_images_of_a_file_is_checked_when_it_is_opened(digits, tmp_path):
    images, labels, queries = digits
    path = lookalike.save_model(NearestImages(on_disk=True).fit(images, labels), tmp_path / "m.lookalike")
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - images.size, 100):
        path.write_bytes(whole[:cut])
        with pytest.raises(ModelFileError, match="is cut short"):
            lookalike.load_model(path)
    at = len(whole) - images.size - 9  # of the labels' codes or ids, which lie before the images
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ModelFileError, match="was changed or damaged"):
        lookalike.load_model(path)
    path.write_bytes(whole)
    lookalike.load_model(path).predict(queries[:2])
