import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lookalike.distance.rows import GrowingRows, rows_without


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**32)), max_size=12))
def test_rows_come_and_go_as_in_a_list_and_what_was_handed_out_stays(steps):
    rows, growing, held, made = [0, 1, 2], GrowingRows(np.arange(3)), [], 3
    for kind, seed in steps:
        rng = np.random.default_rng(seed)
        if kind == 0:
            more = np.arange(made, made + rng.integers(1, 5))
            made += len(more)
            rows, _ = [*rows, *more.tolist()], growing.add(more)
        elif kind == 1 and rows:
            places = rng.integers(0, len(rows), rng.integers(1, 4))
            growing.remove(places)
            rows = [row for place, row in enumerate(rows) if place not in places]
        elif kind == 2 and rows:
            places = rng.integers(0, len(rows), 5)
            assert growing.take(places).tolist() == [rows[place] for place in places]
        elif kind == 3:
            held.append((growing.rows, list(rows)))
        assert growing.shape == (len(rows),)
    assert growing.rows.tolist() == rows
    assert all(array.tolist() == then for array, then in held)


def test_left_out_rows_leave_zeros_behind():
    assert rows_without(np.arange(1, 5), np.array([1, 3]), 5).tolist() == [1, 3, 0, 0, 0]
