import itertools
import math
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control

from lookalike.evaluation.statistics import Rate, holm, letters, mcnemar, mean_interval, mean_of_rates, rate


@given(n=st.integers(1, 5000), data=st.data())
def test_wilson_interval_solves_its_equation(n, data):
    hits = data.draw(st.integers(0, n))
    found = rate(hits, n)
    z = 1.959963984540054
    for bound in (found.low, found.high):
        # Wilson (1927): the bounds are where (p^ - p)^2 = z^2 p (1 - p) / n.
        assert math.isclose((found.value - bound) ** 2, z**2 * bound * (1 - bound) / n, abs_tol=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_books_rates_have_the_published_intervals():
    assert [round(x, 3) for x in (rate(926, 1010).low, rate(926, 1010).high)] == [0.898, 0.932]
    assert [round(x, 3) for x in (rate(1013, 1028).low, rate(1013, 1028).high)] == [0.976, 0.991]


def test_nothing_of_nothing_is_not_known():
    assert math.isnan(rate(0, 0).value)
    assert (rate(0, 0).low, rate(0, 0).high) == (0, 1)


def test_mean_of_rates_is_unweighted_and_its_interval_covers():
    found = mean_of_rates([rate(926, 1010), rate(1013, 1028), rate(0, 0)])
    assert round(found.value, 4) == 0.9511
    # The normal approximation is good at these counts, and knows the classes' own variances.
    deviation = math.sqrt(sum(r.value * (1 - r.value) / r.n for r in (rate(926, 1010), rate(1013, 1028)))) / 2
    assert math.isclose(found.high - found.low, 2 * 1.96 * deviation, rel_tol=0.05)
    assert math.isnan(mean_of_rates([Rate(0, 0, 0, 1)]).value)


@given(n=st.integers(1, 300), hits=st.data(), k=st.integers(1, 12))
def test_the_mean_of_classes_of_one_size_has_wilsons_interval_of_all_images(n, hits, k):
    right = [hits.draw(st.integers(0, n)) for _ in range(k)]
    found, whole = mean_of_rates([rate(one, n) for one in right]), rate(sum(right), k * n)
    assert (found.value, found.low, found.high) == pytest.approx((whole.value, whole.low, whole.high))


@given(data=st.data(), n=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_nothing_is_certain_and_the_mean_is_within(data, n):
    found = mean_of_rates([rate(data.draw(st.integers(0, one)), one) for one in n])
    assert 0 <= found.low <= found.value <= found.high <= 1
    for right in (0, 1):  # all rates are the same end
        low, high = mean_interval(np.full(len(n), float(right)), np.array(n))
        assert 0 <= low <= right <= high <= 1
    assert found.high - found.low > 0.01
    assert (found.low == 0) == (found.value == 0)
    assert (found.high == 1) == (found.value == 1)


@pytest.mark.parametrize("right", [(0, 0), (3, 40), (2, 17), (0, 40), (1, 0)])
def test_its_ends_are_where_the_worst_case_is_just_not_rejected(right):
    n = np.array([3, 40])
    found = mean_of_rates([rate(*pair) for pair in zip(right, n.tolist(), strict=True)])
    # Every pair of true rates, on a grid, says which means it leaves unrejected.
    first, second = np.meshgrid(np.linspace(0, 1, 2001), np.linspace(0, 1, 2001))
    means = (first + second) / 2
    variances = (first * (1 - first) / n[0] + second * (1 - second) / n[1]) / 4
    kept = means[(found.value - means) ** 2 <= 1.959963984540054**2 * variances + 1e-12]
    assert (kept.min(), kept.max()) == pytest.approx((found.low, found.high), abs=1e-3)


@pytest.mark.parametrize("n", [(4, 4, 5), (1, 1, 1, 1, 1, 1), (2, 12), (36, 36)], ids=str)
def test_the_true_mean_is_within_as_often_as_is_said(n):
    right = np.array(list(itertools.product(*(range(one + 1) for one in n))))
    ends = [mean_interval(row / np.array(n), np.array(n)) for row in right]
    low, high = np.array(ends).T
    covered = []
    for true in np.random.default_rng(0).uniform(0.5, 1, (300, len(n))):
        chances = np.prod([binom.pmf(right[:, i], n[i], true[i]) for i in range(len(n))], axis=0)
        covered.append(chances[(low <= true.mean()) & (true.mean() <= high)].sum())
    assert np.mean(covered) >= 0.95
    # Right or wrong counts in steps: for single true rates Wilson's own falls as low.
    assert np.min(covered) >= 0.88


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_is_the_exact_binomial_test(answers):
    first, second = (np.array([pair[i] for pair in answers], dtype=bool) for i in (0, 1))
    only_first, only_second, p = mcnemar(first, second)
    assert (only_first, only_second) == (
        sum(a and not b for a, b in answers),
        sum(b and not a for a, b in answers),
    )
    n = only_first + only_second
    assert math.isclose(p, min(1, 2 * binom.cdf(min(only_first, only_second), n, 0.5)), rel_tol=1e-9)
    assert mcnemar(second, first) == (only_second, only_first, p)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_monotone_and_between_the_raw_and_bonferroni(p_values):
    adjusted = holm(p_values)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)
    for raw, one in zip(p_values, adjusted, strict=True):
        assert raw <= one <= min(1, raw * len(p_values)) or math.isclose(one, min(1, raw * len(p_values)))


def test_holm_by_hand():
    # 0.005*4, max(that, 0.01*3), max(that, 0.03*2), max(that, 0.04*1)
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([]) == []
    # Holm is at least as strict as the false discovery rate.
    p_values = [0.001, 0.2, 0.03, 0.04, 0.9]
    assert (np.array(holm(p_values)) >= false_discovery_control(p_values) - 1e-12).all()


@given(n=st.integers(1, 7), data=st.data())
def test_names_share_a_letter_exactly_where_they_were_not_told_apart(n, data):
    names = [f"idea {i}" for i in range(n)]
    pairs = list(itertools.combinations(names, 2))
    different = [pair for pair in pairs if data.draw(st.booleans())]
    found = letters(names, different)
    assert list(found) == names
    assert all(found.values())
    for first, second in pairs:
        assert bool(set(found[first]) & set(found[second])) == ((first, second) not in different)


def test_the_best_gets_the_first_letter():
    assert letters(["a", "b", "c"], [("a", "b"), ("a", "c")]) == {"a": "a", "b": "b", "c": "b"}
    assert letters(["a"], []) == {"a": "a"}


def test_letters_beyond_z_are_told_apart():
    names = [f"idea {i}" for i in range(56)]
    found = letters(names, itertools.combinations(names, 2))
    assert list(found.values()) == [*string.ascii_letters, "a2", "b2", "c2", "d2"]
    # Read as letters with the numbers behind them, none is another's.
    marks = [set(re.findall(r"[a-zA-Z][0-9]*", one)) for one in found.values()]
    assert not any(one & other for one, other in itertools.combinations(marks, 2))
