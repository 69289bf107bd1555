from hypothesis import given
from hypothesis import strategies as st

from lookalike.picture.signed import adding_up


@given(
    values=st.lists(st.floats(-1000, 1000), min_size=1, max_size=5),
    off=st.floats(-0.49e-4, 0.49e-4),
)
def test_rounded_numbers_add_up_and_stay_near(values, off):
    total = round(sum(values) + off, 4)
    found = adding_up(values, total)
    if abs(total - sum(values)) < 0.99e-4:
        assert round(sum(found), 4) == total
    assert all(abs(one - value) <= 1.01e-4 for one, value in zip(found, values, strict=True))
