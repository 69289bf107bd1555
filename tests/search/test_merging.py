"""What one search finds, against a plain loop over everything, in any parts."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike.search.matches import NOWHERE, Matches

PARTS = "distances", "places", "codes", "class_distances", "class_places"


@st.composite
def searches(draw):
    """Draw distances with ties and infinities, classes, and how many of the nearest are wanted."""
    n, m, n_classes = draw(st.integers(1, 3)), draw(st.integers(0, 9)), draw(st.integers(1, 4))
    distances = draw(
        hnp.arrays(np.float64, (n, m), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, np.inf]))
    )
    codes = np.array(draw(st.lists(st.integers(0, n_classes - 1), min_size=m, max_size=m)), np.intp)
    return distances, codes, n_classes, draw(st.integers(1, 11))


def plain(distances, codes, n_classes, k, exclude=None, first=0):
    """Return the nearest of all and of each class as rows of ``(distance, place)``, one by one."""
    rows = []
    for row, line in enumerate(distances.tolist()):
        there = [
            (distance, first + place, int(codes[place]))
            for place, distance in enumerate(line)
            if distance < np.inf and (exclude is None or first + place != exclude[row])
        ]
        there.sort()
        near = (there + [(np.inf, NOWHERE, None)] * k)[:k]
        of_classes = [
            next(((d, place) for d, place, other in there if other == code), (np.inf, NOWHERE))
            for code in range(n_classes)
        ]
        rows.append((near, of_classes))
    return rows


def said(matches):
    """Return what matches say, in the same form; a class means nothing where there is no place."""
    rows = []
    for row in range(len(matches)):
        near = zip(matches.distances[row].tolist(), matches.places[row].tolist(), strict=True)
        codes = matches.codes[row].tolist()
        of_classes = zip(
            matches.class_distances[row].tolist(), matches.class_places[row].tolist(), strict=True
        )
        rows.append(
            (
                [(d, p, None if p == NOWHERE else c) for (d, p), c in zip(near, codes, strict=True)],
                list(of_classes),
            )
        )
    return rows


@given(searches(), st.data())
def test_what_is_found_is_what_a_plain_loop_finds(search, data):
    distances, codes, n_classes, k = search
    first = data.draw(st.sampled_from([0, 7]))
    exclude = None
    if data.draw(st.booleans()):
        inside = st.integers(first - 1, first + len(codes))
        exclude = np.array(data.draw(st.lists(inside, min_size=len(distances), max_size=len(distances))))
    before = distances.copy()
    found = Matches.of(distances, codes, n_classes, k, exclude=exclude, first=first)
    assert said(found) == plain(distances, codes, n_classes, k, exclude, first)
    assert found.distances.shape == found.places.shape == found.codes.shape == (len(distances), k)
    assert (found.places.dtype, found.class_places.dtype, found.codes.dtype) == (np.int64, np.int64, np.intp)
    np.testing.assert_array_equal(distances, before)


@given(searches(), st.data())
def test_parts_merge_to_the_whole_in_any_order_and_any_groups(search, data):
    distances, codes, n_classes, k = search
    cuts = sorted(data.draw(st.lists(st.integers(0, len(codes)), max_size=5)))
    bounds = [0, *cuts, len(codes)]
    parts = [
        Matches.of(distances[:, low:high], codes[low:high], n_classes, k, first=low)
        for low, high in itertools.pairwise(bounds)
    ]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        other = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts.append(one.merge(other))
    assert said(parts[0]) == plain(distances, codes, n_classes, k)


@given(searches(), st.integers(0, 9), st.integers(0, 9))
def test_merging_is_associative_and_commutative_and_nothing_is_neutral(search, one_cut, other_cut):
    distances, codes, n_classes, k = search
    low, high = sorted((min(one_cut, len(codes)), min(other_cut, len(codes))))
    a, b, c = (
        Matches.of(distances[:, part], codes[part], n_classes, k, first=part.start)
        for part in (slice(0, low), slice(low, high), slice(high, len(codes)))
    )
    assert said(a.merge(b).merge(c)) == said(a.merge(b.merge(c)))
    assert said(a.merge(b)) == said(b.merge(a))
    nothing = Matches.none(len(distances), k, n_classes)
    assert said(a.merge(nothing)) == said(nothing.merge(a)) == said(a)
    assert said(nothing) == plain(distances[:, :0], codes[:0], n_classes, k)


@given(searches(), st.integers(1, 14))
def test_more_and_fewer_of_the_nearest(search, other):
    distances, codes, n_classes, k = search
    found = Matches.of(distances, codes, n_classes, k)
    if other <= k:
        assert said(found.nearest(other)) == plain(distances, codes, n_classes, other)
        assert found.padded(other) is found
    else:
        expected = [
            (near + [(np.inf, NOWHERE, None)] * (other - k), of_classes) for near, of_classes in said(found)
        ]
        assert said(found.padded(other)) == expected
    # Fewer of one part, more of the other: as many as the larger one has.
    halves = (
        Matches.of(distances[:, :1], codes[:1], n_classes, 1),
        Matches.of(distances[:, 1:], codes[1:], n_classes, k, first=1),
    )
    if len(codes) > 1:
        assert said(halves[0].merge(halves[1])) == plain(distances, codes, n_classes, k)


@given(searches(), st.data())
def test_some_of_the_queries(search, data):
    distances, codes, n_classes, k = search
    found = Matches(*Matches.of(distances, codes, n_classes, k)._arrays(), reach=2.0)
    rows = np.array(data.draw(st.lists(st.integers(0, len(distances) - 1), max_size=4)), np.intp)
    some = found.take(rows)
    assert said(some) == [said(found)[row] for row in rows]
    assert (len(some), some.reach) == (len(rows), 2.0)
    for name in PARTS:
        np.testing.assert_array_equal(getattr(found.take(slice(1, None)), name), getattr(found, name)[1:])


def test_classes_are_told_as_far_as_both_tell_them():
    none = Matches.none(1, 1, 2)
    far = Matches(*none._arrays(), reach=3.0)
    assert (none.merge(far).reach, far.merge(none).reach, none.reach) == (3.0, 3.0, np.inf)
    assert far.nearest(1).reach == far.padded(4).reach == 3.0
