"""Rules and history: against simulated meters whose true values are known."""

import sqlite3
from decimal import Decimal

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.photo.history import Keeper, ValueHistory
from lookalike.photo.layout import PhotoLayout, Region, ValueFormat
from lookalike.photo.reader import PlaceReading, given
from lookalike.photo.rules import Kept, Rules

LAYOUT = PhotoLayout("none.png", (200, 50), (Region("n", 0, 0, 80, 32, 4),))
WHEELS = PhotoLayout(
    "none.png", (200, 50), (Region("n", 0, 0, 80, 32, 4),), ValueFormat(decimals=1, rolls=("n.4",))
)
HOUR = 3600.0


def reading(text, layout=LAYOUT):
    """Return a reading of digits; an x is a doubtful place, taken for a 0."""
    places = [
        PlaceReading(place.name, "0" if one == "x" else one, 0.3, "it is covered" if one == "x" else None)
        for place, one in zip(layout.places, text, strict=True)
    ]
    return given(layout, "new.jpg", places, [])


def test_a_simulated_meter_is_never_given_a_wrong_value(tmp_path):
    rng = np.random.default_rng(0)
    keeper = Keeper(LAYOUT, ValueHistory(tmp_path / "meter.db"), Rules(increasing=True, most_an_hour=30.0))
    true, time, kept = 400, 0.0, []
    for step in range(100):
        true, time = true + int(rng.integers(0, 10)), time + HOUR / 2
        wrong = rng.random() < 0.2 and step > 0
        # A misread digit of hundreds or thousands: well-formed, and wrong.
        shown = (true + int(rng.choice([-1000, -100, 100, 1000, 3000]))) % 10000 if wrong else true
        held = keeper.hold(reading(f"{shown:04}"), time)
        assert held.rejected == wrong
        if wrong:
            assert "never decreases" in held.reasons[0] or "is possible since" in held.reasons[0]
        else:
            kept.append(f"{true:04}")
    with sqlite3.connect(tmp_path / "meter.db") as base:
        assert [row[0] for row in base.execute("SELECT value FROM readings ORDER BY taken")] == kept


def test_without_rules_all_is_kept_but_what_was_rejected(tmp_path):
    history = ValueHistory(tmp_path / "meter.db")
    keeper = Keeper(LAYOUT, history, Rules())
    assert keeper.hold(reading("0715"), 0.0).value == "0715"
    assert keeper.hold(reading("07x0"), 1.0).rejected
    assert history.last() == Kept(Decimal("715"), 0.0)
    assert keeper.hold(reading("0001"), 2.0).value == "0001"
    assert ValueHistory(tmp_path / "meter.db").last() == Kept(Decimal("1"), 2.0)


def test_a_clock_that_goes_back_is_said(tmp_path):
    history = ValueHistory(tmp_path / "meter.db")
    keeper = Keeper(LAYOUT, history, Rules())
    keeper.hold(reading("0715"), HOUR)
    held = keeper.hold(reading("0716"), 0.0)
    assert held.reasons == (
        "it was taken at 1970-01-01 00:00:00 UTC, before the last one at 1970-01-01 01:00:00 UTC",
    )
    assert history.last() == Kept(Decimal("715"), HOUR)


def test_a_doubtful_place_is_filled_where_one_value_is_possible():
    rules = Rules(increasing=True, most_an_hour=2.0, fill=True)
    held = rules.hold(LAYOUT, reading("0x16"), HOUR, Kept(Decimal(715), 0.0))
    assert held.value == "0716"
    assert [place.filled for place in held.places] == [False, True, False, False]
    assert held.rules == ("n.2 was doubtful, and filled: after 715 no other value is possible",)


def test_a_doubtful_place_that_may_be_two_is_not_filled():
    rules = Rules(increasing=True, most_an_hour=3.0, fill=True)
    held = rules.hold(LAYOUT, reading("071x"), HOUR, Kept(Decimal(715), 0.0))
    assert held.rejected
    assert held.reasons[-1] == "the history leaves 5 values: it was not filled"
    none = rules.hold(LAYOUT, reading("08x0"), HOUR, Kept(Decimal(715), 0.0))
    assert none.reasons[-1] == "the history leaves 0 values: it was not filled"


def test_nothing_is_filled_unless_that_is_asked_for():
    rules = Rules(increasing=True, most_an_hour=2.0)
    assert rules.hold(LAYOUT, reading("0x16"), HOUR, Kept(Decimal(715), 0.0)).rejected


def test_a_wheel_that_seems_to_turn_back_by_a_part_stays():
    rules, last = Rules(increasing=True), Kept(Decimal("71.5"), 0.0)
    held = rules.hold(WHEELS, reading("0714", WHEELS), 60.0, last)
    assert held.value == "071.5"
    assert held.rules == ("the last wheel stands between 071.4 and 071.5: it has been at 071.5 before",)
    assert rules.hold(WHEELS, reading("0713", WHEELS), 60.0, last).rejected
    still = PhotoLayout("none.png", (200, 50), LAYOUT.regions, ValueFormat(decimals=1))
    assert rules.hold(still, reading("0714", still), 60.0, last).rejected


def test_another_database_is_refused_and_stays_as_it_was(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="is another database: expected a history"):
        ValueHistory(path)
    assert path.read_bytes() == before
    (tmp_path / "text.db").write_text("no database, whatever its name says" * 100)
    with pytest.raises(InputError, match="cannot be used as a history"):
        ValueHistory(tmp_path / "text.db")


def test_filling_needs_rules_that_leave_little():
    with pytest.raises(InputError, match="expected it to be said that the value never decreases"):
        Rules(fill=True)
    with pytest.raises(InputError, match="the most an hour is -1"):
        Rules(most_an_hour=-1)
