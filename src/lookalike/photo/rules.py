"""What is known of the world: how a value can change, held against the values before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from lookalike.errors import InputError
from lookalike.photo.layout import PhotoLayout
from lookalike.photo.reader import PhotoReading, given

#: Digits of doubtful places are tried in all ways, up to so many.
_MOST_WAYS = 10_000


class Kept(NamedTuple):
    """A value that was read before, and when its photograph was taken: seconds since 1970."""

    value: Decimal
    taken: float


@dataclass(frozen=True)
class Rules:
    """How a value can change.

    Attributes
    ----------
    increasing : bool
        It never decreases. Where the last wheel rolls, a value one lower than the last one is held at that:
        the wheel stands between the two.
    most_an_hour : float or None
        It changes by no more in an hour.
    fill : bool
        Doubtful places are filled where the other rules leave one value for them.
    """

    increasing: bool = False
    most_an_hour: float | None = None
    fill: bool = False

    def __post_init__(self) -> None:
        if self.most_an_hour is not None and not 0 < self.most_an_hour < 1e12:
            raise InputError(f"the most an hour is {self.most_an_hour:g}: expected a number above 0")
        if self.fill and not (self.increasing and self.most_an_hour is not None):
            raise InputError(
                "places are filled where the history leaves one character: expected it to be said that the "
                "value never decreases, and how much it grows in an hour at most"
            )

    def hold(
        self, layout: PhotoLayout, reading: PhotoReading, taken: float, last: Kept | None
    ) -> PhotoReading:
        """Return a reading held against the last value: as it is, rejected, mended or filled.

        Parameters
        ----------
        layout : PhotoLayout
            How the value is written.
        reading : PhotoReading
            What was read.
        taken : float
            When the photograph was taken, in seconds since 1970.
        last : Kept or None
            The last value of the history.

        Examples
        --------
        >>> from decimal import Decimal
        >>> from lookalike.photo.layout import PhotoLayout, Region
        >>> from lookalike.photo.reader import PhotoReading
        >>> from lookalike.photo.rules import Kept, Rules
        >>> layout = PhotoLayout("photo.jpg", (100, 50), (Region("n", 0, 0, 40, 20, 3),))
        >>> reading = PhotoReading("new.jpg", "714", "", "714")
        >>> Rules(increasing=True).hold(layout, reading, 60.0, Kept(Decimal(715), 0.0)).reasons
        ('714 is less than 715 before, and the value never decreases',)
        """
        if last is None:
            return reading
        if taken < last.taken:
            return _rejected(
                reading, f"it was taken at {_time(taken)}, before the last one at {_time(last.taken)}"
            )
        if reading.value is None:
            return self._filled(layout, reading, taken, last) if self.fill and reading.places else reading
        value, step = Decimal(reading.value), Decimal(1).scaleb(-layout.value.decimals)
        if self.increasing and layout.places[-1].rolls and value == last.value - step:
            return _held(layout, reading, last.value)
        wrong = self._broken(value, taken, last)
        return reading if wrong is None else _rejected(reading, wrong)

    def _broken(self, value: Decimal, taken: float, last: Kept) -> str | None:
        """Return which rule a value breaks, if any."""
        if self.increasing and value < last.value:
            return f"{value} is less than {last.value} before, and the value never decreases"
        if self.most_an_hour is not None:
            most = self.most_an_hour * (taken - last.taken) / 3600
            # A reading is as fine as its last place: it may have grown by one of these at once.
            fine = Decimal(1).scaleb(int(last.value.as_tuple().exponent))
            if abs(value - last.value) > Decimal(most) + fine:
                return (
                    f"{value} is {abs(value - last.value)} away from {last.value} before, and at most "
                    f"{most:.3g} is possible since"
                )
        return None

    def _filled(self, layout: PhotoLayout, reading: PhotoReading, taken: float, last: Kept) -> PhotoReading:
        """Return a reading whose doubtful places are filled, where one value alone is possible."""
        ways = [""]
        for place, allowed in zip(reading.places, layout.places, strict=True):
            choices = allowed.characters if place.doubt else place.character
            ways = [before + one for before in ways for one in choices]
            if len(ways) > _MOST_WAYS:
                return reading
        # All ways that the rules leave are as possible: only where there is one, it is known.
        left = [way for way in ways if self._broken(Decimal(layout.value.written(way)), taken, last) is None]
        if len(left) != 1:
            return replace(
                reading,
                reasons=(*reading.reasons, f"the history leaves {len(left):,} values: it was not filled"),
            )
        places = [
            replace(place, character=one, doubt=None, shown="", filled=True) if place.doubt else place
            for place, one in zip(reading.places, left[0], strict=True)
        ]
        names = ", ".join(place.name for place in places if place.filled)
        why = f"{names} was doubtful, and filled: after {last.value} no other value is possible"
        return given(layout, reading.photograph, places, [*reading.rules, why], reading.turns)


def _held(layout: PhotoLayout, reading: PhotoReading, value: Decimal) -> PhotoReading:
    """Return a reading with the value before, where the last wheel seems to have turned back by a part."""
    written = layout.value.written(str(value).replace(".", "").zfill(len(layout.places)))
    why = f"the last wheel stands between {reading.value} and {written}: it has been at {written} before"
    return replace(reading, value=written, seen=written, rules=(*reading.rules, why))


def _rejected(reading: PhotoReading, reason: str) -> PhotoReading:
    return replace(reading, value=None, reasons=(*reading.reasons, reason))


def _time(seconds: float) -> str:
    # With the fraction, if there is one: photographs of one second are told apart.
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)} UTC"
