"""Parts of a whole, fitted apart and brought together: what one fit on everything gives, to the bit."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import lookalike
from lookalike import Blur, InkCoverage, InputError, MeanImage, NearestImages, Prepare

IDEAS = {
    "nearest L1": lambda: NearestImages(),
    "nearest L2, three vote": lambda: NearestImages(3, metric="l2"),
    "nearest, prepared": lambda: NearestImages(metric="l2", prepare="auto"),
    "mean": lambda: MeanImage("l2"),
    "mean, prepared": lambda: MeanImage(prepare="auto"),
    "coverage": lambda: InkCoverage(),
}


@pytest.fixture(scope="module")
def digits():
    """Return training images with ties on purpose, the same image in several parts, and queries."""
    train, valid = lookalike.load("digits", limit=60)
    images = np.concatenate([train.images, train.images[:20], train.images[5:9]])
    labels = np.concatenate([train.labels, train.labels[:20], (train.labels[5:9] + 1) % 10])
    order = np.random.default_rng(3).permutation(len(images))
    groups = np.arange(len(images)) // 3
    return (
        images[order],
        labels[order],
        groups,
        np.concatenate([valid.images, images[:9]]),
    )


def same(one, other, queries):
    """Hold two models against each other: predictions, probabilities, neighbours, rejections."""
    np.testing.assert_array_equal(one.predict(queries), other.predict(queries))
    np.testing.assert_array_equal(one.predict_proba(queries), other.predict_proba(queries))
    np.testing.assert_array_equal(one.predict_set(queries, 0.1), other.predict_set(queries, 0.1))
    found, expected = (model.match(queries) for model in (one, other))
    for name in ("distances", "places", "codes", "class_distances", "class_places"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert one.look_ == other.look_
    assert one.reasons_ == other.reasons_
    if hasattr(one, "ids_"):
        np.testing.assert_array_equal(one.ids_, other.ids_)
        np.testing.assert_array_equal(one.labels_, other.labels_)


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize("idea", IDEAS)
@pytest.mark.parametrize(
    ("count", "grouped"), [(1, False), (2, True), (3, False), (3, True), (7, True), (16, False)]
)
def test_shards_in_any_order_are_one_fit(idea, count, grouped, digits):
    images, labels, groups, queries = digits
    given = groups if grouped else None
    whole = IDEAS[idea]().fit(images, labels, groups=given)
    parts = [IDEAS[idea]().fit(images, labels, groups=given, shard=(i + 1, count)) for i in range(count)]
    merged, *rest = [parts[i] for i in np.random.default_rng(count).permutation(count)]
    for part in rest:
        assert merged.merge(part) is merged
    assert merged.recogniser_.shard is None or count == 1
    same(merged, whole, queries)
    merged.teach(queries[:2], labels[:2])
    whole.teach(queries[:2], labels[:2])
    same(merged, whole, queries)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_uneven_parts_one_behind_the_other_are_one_fit(data):
    """Parts that are cut anywhere, of few values, so that ties are everywhere; a class may be missing."""
    n = data.draw(st.integers(2, 24), "n")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), "seed"))
    images, labels = rng.integers(0, 3, (n, 2, 3)).astype(np.uint8), rng.integers(0, 3, n)
    queries = rng.integers(0, 3, (5, 2, 3)).astype(np.uint8)
    cuts = [0, *sorted(data.draw(st.sets(st.integers(1, n - 1), max_size=5), "cuts")), n]
    for make in (NearestImages, MeanImage, InkCoverage):
        parts = [make().partial_fit(images[a:b], labels[a:b], classes=[0, 1, 2]) for a, b in pairwise(cuts)]
        merged = parts[0]
        for part in parts[1:]:
            merged.merge(part)
        same(merged, make().partial_fit(images, labels, classes=[0, 1, 2]), queries)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda x, y: MeanImage().fit(x, y),
            "the other model does not go with this model: it is of another idea",
        ),
        (lambda x, y: NearestImages(metric="l2").fit(x, y), "of another idea, or its parameters differ"),
        (lambda x, y: NearestImages(3).fit(x, y), "of another idea, or its parameters differ"),
        (
            lambda x, y: NearestImages().fit(x[y < 9], y[y < 9]),
            "it knows other classes; fit all with",
        ),
        (
            lambda x, y: NearestImages().fit(x[:, 1:], y),
            "its images are of another shape or of",
        ),
        (lambda x, y: NearestImages().fit(x / 300, y), "its images are of another shape or of"),
        (lambda x, y: NearestImages(prepare=Prepare([Blur(1)])).fit(x, y), "it prepares images otherwise"),
        (lambda x, y: NearestImages().fit(x, y, shard=(1, 2)), "this model is no shard, or has learned"),
    ],
)
def test_what_does_not_go_together_is_refused(other, message, digits):
    images, labels, _, queries = digits
    model = NearestImages().fit(images, labels)
    before = model.predict(queries)
    with pytest.raises(InputError, match=message):
        model.merge(other(images, labels))
    np.testing.assert_array_equal(model.predict(queries), before)
    assert len(model.ids_) == len(images)


def test_shards_are_refused_twice_of_another_whole_and_of_ideas_that_need_all(digits):
    images, labels, *_ = digits
    one, two = (MeanImage().fit(images, labels, shard=(i, 3)) for i in (1, 2))
    with pytest.raises(
        InputError, match=r"the other model has images that this model has \(from image 0 on\)"
    ):
        one.merge(MeanImage().fit(images, labels, shard=(1, 5))) if len(images) < 0 else one.merge(one)
    with pytest.raises(
        InputError, match=r"is a shard of 83 images, and this model of 84: expected shards of the"
    ):
        one.merge(MeanImage().fit(images[:-1], labels[:-1], shard=(3, 3)))
    one.merge(two)
    assert one.recogniser_.shard.missing == "images 56 to 83 of 0 to 83"
    two.teach(images[:1], labels[:1])
    with pytest.raises(InputError, match="the other model is no shard, or has learned or forgotten since"):
        one.merge(two)
    for model in (lookalike.MixtureMatch(), lookalike.DeformableMatch(), MeanImage(average="median")):
        with pytest.raises(
            InputError, match=r"parts cannot be merged, for .*; fit it on all images, or take"
        ):
            model.fit(images, labels, shard=(1, 3))
    with pytest.raises(InputError, match="NoneType is given: expected a fitted model"):
        one.merge(None)
    for shard, message in (
        ((4, 3), "4 of 3: expected a whole number from 1"),
        ((0, 3), "0 of 3: expected a whole number from 1"),
        ((1, 2.5), "1 of 2.5"),
        ((1, 200), "has none"),
    ):
        with pytest.raises(InputError, match=f"shard (is )?{message}|{message}: expected at most 84 shards"):
            MeanImage().fit(images, labels, shard=shard)


def test_files_of_shards_answer_as_one_whole(digits, tmp_path):
    images, labels, _, queries = digits
    whole = NearestImages().fit(images, labels)
    paths = [tmp_path / f"{i}.lookalike" for i in (1, 2, 3)]
    for i, path in enumerate(paths, 1):
        lookalike.save_model(NearestImages().fit(images, labels, shard=(i, 3)), path)
    same(lookalike.load_shards(paths[::-1]), whole, queries)
    lookalike.save_model(lookalike.load_shards(paths), tmp_path / "whole.lookalike")
    same(lookalike.load_model(tmp_path / "whole.lookalike"), whole, queries)
    with pytest.raises(InputError, match="images 28 to 55 of 0 to 83 are in none of the 2 files"):
        lookalike.load_shards([paths[0], paths[2]])
    with pytest.raises(InputError, match="no shards are given"):
        lookalike.load_shards([])
    lookalike.save_model(whole, paths[0])
    with pytest.raises(InputError, match=r"1\.lookalike is no shard, or has learned or forgotten since"):
        lookalike.load_shards(paths)
    with pytest.raises(InputError, match=r"1\.lookalike is no shard"):
        lookalike.load_shards(paths[:1])


def run(folder, *words):
    """Run the command line in a folder; return its exit status, output and errors."""
    done = subprocess.run(
        [sys.executable, "-m", "lookalike", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_commands_fit_parts_and_bring_them_together(tmp_path):
    """By processes of their own, as they would run on several machines."""
    fit = ("fit", "digits", "--idea", "nearest-l2", "-q")
    for i in (2, 1):
        assert run(tmp_path, *fit, "--shard", f"{i}/2", "-o", f"part-{i}.lookalike")[0] == 0
    assert run(tmp_path, *fit, "-o", "one.lookalike")[0] == 0
    assert run(tmp_path, "model", "merge", "part-*.lookalike", "-o", "whole.lookalike")[0] == 0
    _, valid = lookalike.load("digits")
    one, whole = (tmp_path / f"{name}.lookalike" for name in ("one", "whole"))
    same(*map(lookalike.load_model, (whole, one)), valid.images)
    assert lookalike.model_info(whole).data == lookalike.model_info(one).data
    Image.fromarray(valid.images[0]).save(tmp_path / "asked.png")
    by_parts = run(tmp_path, "predict", "--shards", "part-*.lookalike", "asked.png", "--jsonl")
    assert by_parts == run(tmp_path, "predict", "one.lookalike", "asked.png", "--jsonl")
    assert by_parts[0] == 0
    # A part alone answers too, and says what it does not know.
    code, _, said = run(tmp_path, "predict", "part-1.lookalike", "asked.png")
    assert (code, "part-1.lookalike is a part and does not know images 898 to 1,796 of" in said) == (0, True)
    code, _, said = run(tmp_path, "model", "merge", "part-1.lookalike", "-o", "half.lookalike")
    assert (code, (tmp_path / "half.lookalike").exists()) == (2, False)
    assert "are in none of the 1 files: expected all shards" in said
