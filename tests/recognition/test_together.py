"""Copies and groups are left out with an image, wherever training images are left out."""

import re
from dataclasses import replace

import numpy as np
import pytest

import lookalike
from drawings import drawings
from lookalike import (
    ClusterImages,
    DeformableMatch,
    InkCoverage,
    InputError,
    MeanImage,
    NearestImages,
)
from lookalike.evaluation.evaluate import Inputs
from lookalike.progress import silent
from lookalike.search.deformable.matcher import DeformableMatcher, Settings
from lookalike.search.pixels import PixelMatcher
from lookalike.search.together import FOLDS, Together, kin_of, shift_keys

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.errors.LookalikeWarning")
MODELS = {
    "nearest": lambda: NearestImages(metric="l2"),
    "mean": lambda: MeanImage("l2"),
    "median": lambda: MeanImage(average="median"),
    "ink": InkCoverage,
    "clusters": lambda: ClusterImages(2),
    "deformable": lambda: DeformableMatch(aligned=False, hubness=False),
}


def by_hand(images, codes):
    """Return which images are copies: one comparison after the other, and copies of copies."""
    n = len(images)
    same = np.zeros((n, n), bool)
    for one in range(n):
        for other in range(n):
            same[one, other] = (images[one] == images[other]).all()
            for down in (0, 1):
                for across in (-1, 0, 1):
                    here = images[one][down:, max(across, 0) : images.shape[2] + min(across, 0)]
                    end = images.shape[1] - down
                    there = images[other][:end, max(-across, 0) : images.shape[2] - max(across, 0)]
                    if (down, across) > (0, 0) and codes[one] == codes[other]:
                        same[one, other] |= (here == there).all()
    same |= same.T
    for _ in range(n):
        same = same @ same
    return same


def together(images, codes, groups=None):
    kin = None if groups is None else kin_of(images, codes, np.asarray(groups))
    return Together.of([shift_keys(images)], codes, kin)


@pytest.mark.parametrize("seed", range(6))
def test_copies_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 2, (6, 5, 6), dtype=np.uint8) * 255
    moved = [np.roll(first[rng.integers(6)], rng.integers(-1, 2, 2), (0, 1)) for _ in range(6)]
    images = np.stack([*first, *moved, first[0], np.roll(moved[0], 1, 1)])
    codes = rng.integers(0, 2, len(images))
    found = together(images, codes).copies
    expected = by_hand(images, codes)
    np.testing.assert_array_equal(found[:, None] == found, expected)
    np.testing.assert_array_equal(found, expected.argmax(axis=1))
    # In parts, and with copies known before: the same.
    parts = [shift_keys(images[:4]), shift_keys(images[4:] / 255)[:0], shift_keys(images[4:])]
    np.testing.assert_array_equal(Together.of(parts, codes, None).copies, found)
    unlike = rng.integers(0, 256, images.shape, dtype=np.uint8)
    known = kin_of(images, codes, None)
    np.testing.assert_array_equal(Together.of([shift_keys(unlike)], codes, known).copies, found)


def test_rows_and_small_sides_are_not_shifted():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (3, 8), dtype=np.uint8)
    rows[1], rows[2] = np.roll(rows[0], 1), rows[0]
    codes = np.zeros(3, int)
    assert together(rows, codes).copies.tolist() == [0, 1, 0]
    assert together(rows[:, None], codes).copies.tolist() == [0, 0, 0]
    assert together(rows[:, :3, None], codes).copies.tolist() == [0, 1, 0]


@pytest.mark.parametrize("given", [False, True])
def test_what_is_left_out_has_no_copy_and_no_group_left(given):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 5, 5), dtype=np.uint8)
    images[20:40] = images[:20]
    codes, groups = np.arange(60) % 3, rng.integers(0, 12, 60) if given else None
    codes[20:40] = codes[:20]
    whole = together(images, codes, groups)
    places = whole.one_each(rng.permutation(60))
    assert len(places) == 40
    seen, parts = [], 0
    for rows, gone in whole.leaving_out(places):
        seen += rows.tolist()
        if gone is None:
            assert not given
            assert (places[rows] >= 40).all()
            continue
        parts += 1
        kept = np.flatnonzero(~gone)
        assert not np.isin(whole.copies[kept], whole.copies[places[rows]]).any()
        if given:
            assert not np.isin(groups[kept], groups[places[rows]]).any()
        # Nothing else goes but what is of these groups, or copies of the images.
        also = np.isin(np.arange(60), places[rows]) if not given else np.isin(groups, groups[places[rows]])
        also |= np.isin(whole.copies, whole.copies[places[rows]])
        np.testing.assert_array_equal(gone, also)
        # A part never has all that a class has.
        assert (np.bincount(codes[kept], minlength=3) > 0).all()
    assert sorted(seen) == list(range(40))
    assert 1 < parts <= FOLDS


def test_images_without_copies_are_left_out_alone(digits):
    """Nothing is then left out but the image itself: what was so before copies were looked for."""
    train = digits[0].take(slice(120))
    model = NearestImages().fit(train.images, train.labels)
    found, matcher = model.recogniser_.left_out(), PixelMatcher("l1")
    codes = np.unique(train.labels, return_inverse=True)[1]
    matcher.fit(train.images, codes, 10)
    expected = matcher.match(train.images, 1, exclude=np.arange(120)).class_distances
    order = np.lexsort(found.distances.T), np.lexsort(expected.T)
    np.testing.assert_array_equal(found.distances[order[0]], expected[order[1]])


@pytest.mark.parametrize("name", MODELS)
def test_left_out_is_what_a_fit_without_them_finds(name):
    """Each group in turn: exactly the distances to a model that never saw it."""
    images, codes = drawings(40, 2, 16)
    # No two are the same when moved by a pixel.
    images ^= np.random.default_rng(0).integers(0, 4, images.shape, dtype=np.uint8)
    labels, groups = codes + 5, np.arange(40) // 10
    model = MODELS[name]().fit(images, labels, groups=groups)
    found = model.recogniser_.left_out()
    assert len(np.unique(found.units)) == 4
    expected = []
    for group in range(4):
        own = groups == group
        expected.append(fitted_like(model, images[~own], labels[~own]).class_distances(images[own]))
    expected = np.concatenate(expected)
    assert len(found.codes) == 40
    order = [np.lexsort(distances.round(9).T) for distances in (found.distances, expected)]
    np.testing.assert_allclose(found.distances[order[0]], expected[order[1]], rtol=0, atol=1e-9)


def fitted_like(model, images, labels):
    """Return a model of the same settings, fitted on other images; what was chosen stays."""
    if isinstance(model, DeformableMatch):
        again = DeformableMatch(
            model.prepare_,
            model.warp_,
            model.context_,
            planes=model.planes_,
            symmetric=model.symmetric_,
            blur=model.blur_,
            window=model.window_,
            aligned=False,
            hubness=False,
        )
        return again.fit(images, labels)
    return type(model)(**model.get_params(deep=False)).fit(images, labels)


def copied(images, labels, share, times, shifted, rng):
    """Return images with copies of a share of them."""
    who = np.repeat(rng.permutation(len(images))[: round(share * len(images))], times)
    copies = images[who]
    if shifted:
        moves = [(0, 1), (1, 0), (0, -1), (-1, -1)]
        copies = np.stack([np.roll(one, moves[rng.integers(4)], (0, 1)) for one in copies] or [copies])
        copies = copies.reshape(-1, *images.shape[1:])
    return np.concatenate([images, copies]), np.concatenate([labels, labels[who]])


@pytest.mark.parametrize("name", ["nearest", "mean", "median", "deformable"])
@pytest.mark.parametrize(
    ("share", "times", "shifted"),
    [(0, 1, False), (0.3, 5, False), (1, 1, False), (1, 5, False), (0.5, 1, True), (1, 2, True)],
)
def test_copies_leave_the_promise_as_it_is(name, share, times, shifted, digits):
    """At most 0.1 of genuine images lack their class: 3 draws of 40 examples a class, of 60 others."""
    everything = [np.concatenate([getattr(part, what) for part in digits]) for what in ("images", "labels")]
    images, labels = everything
    missed = []
    for draw in range(3):
        rng = np.random.default_rng(draw)
        order = rng.permutation(len(images))
        places = np.concatenate([order[labels[order] == label][:40] for label in (1, 4, 8)])
        rest = np.setdiff1d(np.flatnonzero(np.isin(labels, (1, 4, 8))), places)
        model = MODELS[name]().fit(*copied(images[places], labels[places], share, times, shifted, rng))
        assert model.rejection_basis(0.1).kind != "rule of thumb"
        sets = model.predict_set(images[rest], 0.1)
        missed.append(~sets[np.arange(len(rest)), np.searchsorted(model.classes_, labels[rest])])
    missed = np.concatenate(missed)
    # The draws share images: three standard deviations of a hundred independent ones.
    assert missed.mean() <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / len(missed) * 3)


@pytest.mark.parametrize("name", ["nearest", "mean"])
@pytest.mark.parametrize("hand", [0.5, 3])
def test_groups_keep_the_promise_for_new_groups(name, hand):
    """Writers with a hand of their own: an image differs more from other writers' than from its writer's."""
    rng = np.random.default_rng(0)
    shapes = rng.normal(size=(3, 64))
    missed, without = [], []
    for _ in range(12):
        # Some write in a larger hand than others.
        hands = rng.normal(size=(32, 3, 64)) * rng.uniform(0.5, 1.5, (32, 1, 1))
        codes, groups = (part.ravel() for part in np.indices((3, 32, 12))[:2])
        rows = 6 * shapes[codes] + hand * hands[groups, codes] + rng.normal(size=(len(codes), 64))
        known = groups < 12
        for told, found in ((groups[known], missed), (None, without)):
            model = MODELS[name]().fit(rows[known], codes[known], groups=told)
            assert model.rejection_basis(0.2).kind != "rule of thumb"
            found.append(~model.predict_set(rows[~known], 0.2)[np.arange((~known).sum()), codes[~known]])
    # 12 draws of 20 new groups that the images of one share.
    assert np.mean(missed) <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / (12 * 20))
    assert np.mean(without) > np.mean(missed) + 0.02


def test_too_few_groups_promise_nothing(digits):
    train = digits[0].take(slice(400))
    for n_groups in (1, 4, 38, 39):
        model = NearestImages().fit(train.images, train.labels, groups=np.arange(400) % n_groups)
        basis = model.rejection_basis(0.05)
        assert basis.kind == ("rule of thumb" if n_groups < 39 else "all classes")
        said = f"without a promised rate: .* takes 39 groups .writers, cameras., and {n_groups} can tell"
        assert bool(re.search(said, basis.sentence)) == (n_groups < 39)
        assert np.isfinite(model.predict_proba(digits[1].images[:5])).all()
    assert "if images of new groups" in basis.sentence
    # Without groups each image is its own.
    assert NearestImages().fit(train.images, train.labels).rejection_basis(0.05).kind == "all classes"


@pytest.mark.parametrize("name", ["nearest", "mean", "deformable"])
def test_groups_come_in_parts_and_are_kept_in_files(name, digits, tmp_path):
    train, valid = digits[0].take(slice(150)), digits[1]
    groups = np.array([f"writer {number % 7}" for number in range(150)])
    whole = MODELS[name]().fit(train.images, train.labels, groups=groups)
    parts = MODELS[name]()
    parts.prepare = whole.prepare_
    for part in (slice(60), slice(60, 150)):
        parts.partial_fit(train.images[part], train.labels[part], whole.classes_, groups=groups[part])
    if name != "deformable":  # what it compares follows from its first images
        np.testing.assert_array_equal(parts.predict_proba(valid.images), whole.predict_proba(valid.images))
    assert len(np.unique(parts.recogniser_.left_out().units)) == 7
    again = lookalike.load_model(lookalike.save_model(whole, tmp_path / "model.lookalike"))
    ids = [model.teach(valid.images[:2], valid.labels[:2], groups=["new", "new"]) for model in (whole, again)]
    for model in (whole, again):
        assert len(np.unique(model.recogniser_.left_out().units)) == 8
    np.testing.assert_array_equal(again.predict_proba(valid.images), whole.predict_proba(valid.images))
    # What is taught without a group is of its own.
    again.teach(valid.images[2:4], valid.labels[2:4])
    assert len(np.unique(again.recogniser_.left_out().units)) == 10
    if len(ids[0]):
        again.forget(ids[1])
        assert len(np.unique(again.recogniser_.left_out().units)) == 9


def test_teaching_a_copy_changes_nothing_of_what_is_promised(digits):
    train, valid = digits[0].take(slice(200)), digits[1]
    model = NearestImages(prepare="auto").fit(train.images, train.labels)
    before = model.predict_set(valid.images, 0.1)
    model.teach(train.images[:150], train.labels[:150])
    after = model.predict_set(valid.images, 0.1)
    # Those that have copies are left out in ten parts, with some others: a little farther from what is left.
    assert (after >= before).mean() > 0.99
    assert (after != before).mean() < 0.05


def test_labelled_images_tell_their_groups(digits, monkeypatch):
    train = digits[0].take(slice(200))
    train = replace(train, names=tuple(f"{place % 6}-{place}.png" for place in range(200)))
    grouped = train.grouped(r"(?P<group>\d)-")
    np.testing.assert_array_equal(grouped.groups, [str(place % 6) for place in range(200)])
    np.testing.assert_array_equal(train.grouped(r"^(\d)").groups, grouped.groups)
    np.testing.assert_array_equal(train.grouped(r"^\d").groups, grouped.groups)
    for model in (
        lookalike.fit_best(grouped, ideas=["nearest-l1"]).model,
        lookalike.compare(grouped, digits[1].take(slice(50)), ["nearest-l1"]).rows[0].model,
    ):
        assert len(np.unique(model.recogniser_.left_out().units)) == 6
    # A model that does not ask for groups is not told of them.
    Inputs.at(grouped).fit(
        lookalike.evaluation.ideas.MeanImageBy(lambda images, other: images[:, 0, 0]), silent
    )


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("(", "no regular expression"), (r"(x)?\d", "has no group like"), ("zzz", "has no group like")],
)
def test_names_without_a_group_are_refused(pattern, said, digits):
    with pytest.raises(InputError, match=said):
        digits[0].grouped(pattern)


@pytest.mark.parametrize(
    ("groups", "said"),
    [([1, 2], "expected one for each"), ([None] * 8, "None or NaN"), ([1.0] * 7 + [np.nan], "None or NaN")],
)
def test_groups_that_are_none_are_refused(groups, said, edge_images):
    for ask in (NearestImages().fit, lambda *given, **more: MeanImage().partial_fit(*given, [0, 1], **more)):
        with pytest.raises(InputError, match=said):
            ask(edge_images, [0, 1] * 4, groups=groups)


def test_voters_are_chosen_without_copies_and_groups():
    """Labels at random: an image that met itself, or its copy, would be right."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 16, 16), dtype=np.uint8)
    codes = np.repeat([0, 1], 60)
    settings = Settings(planes="values", aligned=False, hubness=False, blur=0.0)

    def chosen(images, codes, groups=None):
        matcher = DeformableMatcher(settings)
        matcher.fit(images, codes, 2, kin=None if groups is None else kin_of(images, codes, groups))
        sentence = matcher.reasons[-1]
        numbers = [int(text) for text in re.findall(r"\d+", sentence)]
        return matcher, numbers

    plain, (n, voted, _, single, _) = chosen(images, codes)
    found = plain.match(images, 3, exclude=np.arange(120), reach=1)
    assert n == 120
    assert single == (found.codes[:, 0] != codes).sum()
    assert voted == (found.codes.sum(axis=1) // 2 != codes).sum()
    assert plain.voters == (3 if voted <= single else 1)
    assert 40 < single < 80
    n, _, _, single, _ = chosen(np.concatenate([images, images]), np.tile(codes, 2))[1]
    assert n == 120
    assert 40 < single < 80
    # Pairs of nearly equal images: alone each finds the other, and its group takes it away.
    images[1::2] = images[::2] ^ 1
    assert chosen(images, codes)[1][3] == 0
    assert 40 < chosen(images, codes, np.arange(120) // 2)[1][3] < 80


def test_as_many_wrong_by_vote_as_alone_is_a_vote():
    rng = np.random.default_rng(0)
    images = np.concatenate([rng.integers(0, 50, (50, 16, 16)), rng.integers(200, 250, (50, 16, 16))])
    matcher = DeformableMatcher(Settings(planes="values", aligned=False, hubness=False, blur=0.0))
    matcher.fit(images.astype(np.uint8), np.repeat([0, 1], 50), 2)
    assert re.search("100 images left out 0 are wrong by a vote of 3, 0 by 1", matcher.reasons[-1])
    assert matcher.voters == 3


def test_voters_grow_again_with_the_images(digits):
    train = digits[0]
    model = DeformableMatch().fit(train.images, train.labels)
    assert model.n_neighbors_ == 3
    model.forget(model.ids_[2:])
    assert model.n_neighbors_ == 2
    model.teach(train.images[2:40], train.labels[2:40])
    assert model.n_neighbors_ == 3


@pytest.mark.parametrize("make", [lambda: NearestImages(metric="l2"), lambda: MeanImage("l2"), InkCoverage])
def test_floats_first_then_bytes(make, digits):
    train, valid = digits[0].take(slice(160)), digits[1]
    floats = train.images / 255
    whole = make().fit(floats * 0.9, train.labels)
    parts = make().partial_fit(floats[:80] * 0.9, train.labels[:80], np.arange(10))
    parts.partial_fit(train.images[80:], train.labels[80:])
    expected = make().fit(np.concatenate([floats[:80] * 0.9, floats[80:]]), train.labels)
    for asked in (valid.images, valid.images * (0.9 / 255)):
        found = parts.class_distances(asked)
        np.testing.assert_allclose(found, expected.class_distances(asked), rtol=0, atol=1e-12)
        assert np.abs(found - whole.class_distances(asked)).max() > 1e-3
    np.testing.assert_allclose(
        parts.predict_proba(valid.images), expected.predict_proba(valid.images), atol=1e-9
    )


@pytest.mark.parametrize(("n", "n_classes", "copied"), [(20, 10, 20), (200, 4, 8), (60, 30, 60)])
def test_parts_leave_something_of_each_class(n, n_classes, copied):
    """Classes in turn, two or more different images of each, some with a copy: of a class only one goes."""
    images = np.random.default_rng(0).integers(0, 256, (n, 5, 5), dtype=np.uint8)
    codes = np.arange(n) % n_classes
    # The second case: all copied ones are the only ones of their class.
    codes[:copied] = np.arange(copied) % n_classes if copied == n else n_classes
    places = [*range(n), *range(copied)]
    whole = together(images[places], codes[places])
    for _, gone in whole.leaving_out(np.arange(n)):
        if gone is not None:
            assert (np.bincount(codes[places][~gone], minlength=codes.max() + 1) > 0).all()


def test_images_without_a_group_do_not_go_together(digits):
    train = digits[0].take(slice(60))
    model = NearestImages().fit(train.images[:40], train.labels[:40], groups=np.arange(40) % 8)
    model.teach(train.images[40:], train.labels[40:])
    recogniser = model.recogniser_
    whole = Together.of([shift_keys(train.images)], recogniser.matcher.codes, recogniser.kin)
    alone = [rows for rows, gone in whole.leaving_out(np.arange(60)) if gone is None]
    np.testing.assert_array_equal(np.concatenate(alone), np.arange(40, 60))


@pytest.mark.parametrize("name", MODELS)
def test_of_copies_one_tells(name, digits):
    train = digits[0].take(slice(90))
    labels = np.where(train.labels < 5, 0, 1)
    twice = MODELS[name]().fit(np.concatenate([train.images] * 2), np.tile(labels, 2))
    assert len(twice.recogniser_.left_out().codes) == 90
    # An image in two classes tells of both.
    both = MODELS[name]().fit(np.concatenate([train.images] * 2), np.concatenate([labels, 1 - labels]))
    assert len(both.recogniser_.left_out().codes) == 180
