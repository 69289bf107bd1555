"""Wrong labels are found, and their scores mean what is said."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from lookalike.audit.neighbours import Neighbours, find_neighbours
from lookalike.audit.suspects import _shares, find_suspects
from lookalike.data.labelled import LabelledImages


def flipped(codes, share, seed, pairs=None):
    """Return labels of which a share was flipped, at random or within pairs of classes, and which were."""
    generator = np.random.default_rng(seed)
    can = np.arange(len(codes)) if pairs is None else np.flatnonzero(np.isin(codes, [*pairs]))
    chosen = generator.permutation(can)[: int(share * len(codes))]
    wrong = codes.copy()
    if pairs is None:
        wrong[chosen] = (codes[chosen] + generator.integers(1, 10, len(chosen))) % 10
    else:
        wrong[chosen] = [pairs[code] for code in codes[chosen].tolist()]
    return wrong, np.isin(np.arange(len(codes)), chosen)


@pytest.fixture(scope="module")
def near(digits):
    return find_neighbours(digits.train)


CONFUSED = {4: 9, 9: 4, 3: 5, 5: 3, 1: 7, 7: 1}


@pytest.mark.parametrize(
    ("share", "pairs", "least"),
    [
        (0.01, None, 0.95),
        (0.1, None, 0.97),
        (0.01, CONFUSED, 0.9),
        (0.1, CONFUSED, 0.93),
    ],
)
def test_planted_flips_are_found(near, digits, share, pairs, least):
    wrong, planted = flipped(digits.train.labels, share, 3, pairs)
    found = find_suspects(near, wrong)
    assert average_precision_score(planted, found.scores) >= least
    assert found.rate == pytest.approx(share, rel=0.5)
    # What is suggested is mostly what it was.
    assert (found.rivals[planted] == digits.train.labels[planted]).mean() >= 0.9


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_a_score_is_the_share_of_wrong_labels_above_it(near, digits, share):
    claimed, real = [], []
    for seed in range(6):
        wrong, planted = flipped(digits.train.labels, share, seed)
        found = find_suspects(near, wrong)
        last = np.flatnonzero(found.expected[found.ranked] >= 0.9).max()
        claimed.append(found.expected[found.ranked][last])
        real.append(planted[found.ranked[: last + 1]].mean())
    assert 0.85 <= np.mean(real) <= 0.97, (claimed, real)


@pytest.mark.parametrize("seed", range(3))
def test_rare_forms_of_a_class_are_not_taken_for_wrong_labels(seed):
    generator = np.random.default_rng(seed)
    planted = tuple(generator.normal(0.4, 0.15, (2, 100)))
    # Seven rare ones, and four wrong labels: with an exponential tail most of both would be said to be wrong.
    rare, wrong = np.linspace(0, 0.2, 7), np.linspace(0.35, 0.6, 4)
    likely = _shares(np.concatenate([generator.normal(-0.35, 0.13, 440), rare, wrong]), planted)
    assert likely[-11:-4].max() < 0.35
    assert likely[-4:].min() > 0.5


def test_what_is_more_suspicious_is_no_less_likely_wrong(near, digits):
    wrong, _ = flipped(digits.train.labels, 0.05, 2)
    found = find_suspects(near, wrong)
    assert (np.diff(found.wrong[found.ranked]) <= 0).all()
    assert found.expected == pytest.approx(
        [found.wrong[found.scores >= score].mean() for score in found.scores], abs=0.01
    )


def test_clean_labels_are_not_suspected(near, digits):
    found = find_suspects(near, digits.train.labels)
    assert found.rate < 0.005
    assert (found.wrong > 0.5).sum() <= 2


def test_what_cannot_be_judged_is_not_suspected():
    places, distances = np.array([[1, 2], [0, 2], [0, 1]]), np.ones((3, 2))
    of_one = find_suspects(Neighbours(places, distances, ""), np.zeros(3, int))
    assert (of_one.scores == -np.inf).all()
    assert not of_one.wrong.any()
    alone = find_suspects(Neighbours(places, distances, ""), np.array([0, 0, 1]))
    assert alone.scores[2] == -np.inf
    assert np.isfinite(alone.scores[:2]).all()
    assert (of_one.rate, alone.rate) == (None, None)


def test_a_class_of_copies_of_one_image_cannot_be_judged(near, digits):
    codes = np.append(digits.train.labels[:-6], [10] * 6)
    copies = np.append(np.arange(len(codes) - 6), [len(codes)] * 6)
    apart = near.apart(copies)
    found = find_suspects(apart, codes)
    assert (found.scores[-6:] == -np.inf).all()
    assert not found.wrong[-6:].any()
    assert np.isfinite(found.scores[:-6]).all()
    # With one more that is no copy, each has another that speaks for it.
    copies[-1] += 1
    assert np.isfinite(find_suspects(near.apart(copies), codes).scores).all()


def test_others_of_a_class_are_counted_without_those_left_out():
    generator = np.random.default_rng(0)
    codes, copies, writers = (generator.integers(0, most, 60) for most in (3, 20, 4))
    units = [np.array([f"writer {writer}" for writer in writers]), copies]
    near = Neighbours(np.zeros((60, 1), int), np.ones((60, 1)), "")
    for given in (units[:0], units[:1], units):
        told = near
        for one in given:
            told = told.apart(one)
        same = np.eye(60, dtype=bool) | np.any(
            [one[:, None] == one for one in given or [np.arange(60)]], axis=0
        )
        assert np.array_equal(told.others_of(codes), ((codes[:, None] == codes) & ~same).sum(axis=1))


def test_neighbours_are_the_nearest_others(digits):
    some = digits.train.take(slice(0, 40))
    near = find_neighbours(some)
    assert not (near.places == np.arange(40)[:, None]).any()
    assert (np.diff(near.distances, axis=1) >= 0).all()
    units = np.arange(40) // 2
    apart = near.apart(units)
    there = apart.places >= 0
    assert not ((units[apart.places] == units[:, None]) & there).any()
    assert there.sum() == 40 * 39 - 40


def test_colours_count_where_they_tell_classes_apart(digits):
    generator = np.random.default_rng(0)
    some = digits.train.images[:120]
    coloured, labels = np.repeat(some[..., None], 3, axis=3), np.arange(120) % 2
    coloured[..., 2] //= 1 + 3 * labels[:, None, None].astype(np.uint8)
    told, gray = (
        find_neighbours(LabelledImages.from_numpy(images, labels))
        for images in (coloured, np.repeat(some[..., None], 3, axis=3))
    )
    assert (told.title, gray.title) == ("deformable match, and colours", "deformable match")
    assert (labels[told.places[:, 0]] == labels).mean() > 0.9 > (labels[gray.places[:, 0]] == labels).mean()
    assert (np.diff(told.distances, axis=1) >= 0).all()
    # Labels that colours do not tell change nothing.
    noise = LabelledImages.from_numpy(coloured, generator.integers(0, 2, 120))
    assert find_neighbours(noise).title == "deformable match"


def test_a_set_of_many_is_searched_by_descriptions(monkeypatch, digits):
    monkeypatch.setattr("lookalike.audit.neighbours.DEFORMABLE", 100)
    images = LabelledImages.from_numpy(
        np.kron(digits.train.images[:400], np.ones((2, 2), np.uint8)), digits.train.labels[:400]
    )
    near = find_neighbours(images)
    assert near.title == "coarse descriptions of edges"
    assert near.places.shape == (400, 50)
    assert not (near.places == np.arange(400)[:, None]).any()
    assert (digits.train.labels[near.places[:, 0]] == digits.train.labels[:400]).mean() > 0.9
