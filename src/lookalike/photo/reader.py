"""What a photograph says: each place answered, and a value where no place is doubtful."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.images import sizes
from lookalike.photo.cut import crops_of
from lookalike.photo.drawing import Marked, drawn, moved
from lookalike.photo.hidden import Hidden
from lookalike.photo.layout import DIGITS, PhotoLayout, ValuePlace, load_layout, read_photograph
from lookalike.photo.register import PhotographError, Registered, Registrar
from lookalike.photo.wheels import UNLIKE, Standing, Wheels, turned_back

if TYPE_CHECKING:
    from lookalike.recognition.recogniser import Recogniser

Bytes = NDArray[np.uint8]

#: A place is doubtful whose answer is less likely.
SURE = 0.7
#: Or that is none of the classes at this level, but for one whose answer is as likely as the second number:
#: of few examples the level rests on the one that is least like the others, and answers are right far beyond.
LEVEL, _LIKELY = 0.02, 0.9
#: Or more of which is burnt out than in the reference, by this share of its pixels.
_BURNT = 0.12
#: A wheel between two digits has passed the one that it leaves where its right neighbour shows so much.
_HALF = 5
#: What stands in a value for a place that is not known.
UNKNOWN = "?"


@dataclass(frozen=True)
class PlaceReading:
    """What one place of a photograph shows.

    Attributes
    ----------
    name : str
        The place, as its layout calls it.
    character : str
        The likeliest of the characters that may stand there.
    probability : float
        How likely it is.
    doubt : str or None
        Why it is not to be relied on.
    shown : str
        What is seen there: of a wheel between two digits both, such as ``3-4``.
    filled : bool
        Whether it was not read, but follows from the history.
    """

    name: str
    character: str
    probability: float
    doubt: str | None = None
    shown: str = ""
    filled: bool = False


@dataclass(frozen=True)
class PhotoReading:
    """What a photograph says.

    Attributes
    ----------
    photograph : str
        Its name.
    value : str or None
        The value as it is written, such as ``007.15``; None where it is rejected.
    unit : str
        What is counted.
    seen : str
        The same, with ``?`` in each place that is doubtful.
    places : tuple of PlaceReading
        Each place; none where the photograph could not be laid on the reference.
    reasons : tuple of str
        Why the value is rejected, a sentence for each reason.
    rules : tuple of str
        What else the value rests on: which rule of the world was used, and how.
    turns : int
        By how many quarters the photograph was turned, clockwise.
    """

    photograph: str
    value: str | None
    unit: str
    seen: str
    places: tuple[PlaceReading, ...] = ()
    reasons: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    turns: int = 0

    @property
    def rejected(self) -> bool:
        """Whether no value is given."""
        return self.value is None

    def to_plain(self) -> dict[str, Any]:
        """Return all of it as plain data that JSON can hold."""
        return {
            **vars(self),
            "rejected": self.rejected,
            "places": [vars(place) for place in self.places],
            "reasons": list(self.reasons),
            "rules": list(self.rules),
        }


class Reader:
    """Reads the value on photographs.

    Parameters
    ----------
    model : str, Path or Recogniser
        What tells characters: a model file, fitted on crops of this layout (``lookalike cut``), or what
        :func:`lookalike.store.load_recogniser` returns.
    layout : str, Path or PhotoLayout
        Where the characters stand.
    sure : float
        A place is doubtful whose answer is less likely.
    level : float
        The level of rejection: at most about this share of right characters is taken for none; answers of
        a probability of 0.9 and more stand all the same.

    Raises
    ------
    InputError
        The model's images have another size than the layout's crops, or it knows none of the characters; or
        the layout has wheels, and the model keeps no images of digits.

    Examples
    --------
    >>> from lookalike.photo import Reader
    >>> reader = Reader("meter.lookalike", "layout.json")  # doctest: +SKIP
    >>> reader.read("photo.jpg").value  # doctest: +SKIP
    '00715'
    """

    def __init__(
        self,
        model: str | Path | Recogniser,
        layout: str | Path | PhotoLayout,
        *,
        sure: float = SURE,
        level: float = LEVEL,
    ) -> None:
        if isinstance(model, (str, Path)):
            from lookalike.store import load_recogniser

            model = load_recogniser(Path(model))
        self.layout = layout if isinstance(layout, PhotoLayout) else load_layout(layout)
        for name, share in (("sure", sure), ("level", level)):
            if not 0 < share < 1:
                raise InputError(f"{name} is {share}: expected a number above 0 and below 1")
        self._model, self._sure, self._level = model, sure, level
        size = self.layout.crop_size
        if model.image_shape is None or model.image_shape[:2] != size:
            raise InputError(
                f"the model is of images of {sizes(model.image_shape or ())}: expected {sizes(size)}, as "
                "lookalike cut makes them with this layout"
            )
        labels = [str(label) for label in model.labels.classes.tolist()]
        self._stands_for = _meanings(labels, self.layout.places)
        self._registrar = Registrar(self.layout)
        self._hidden = Hidden.of(model)
        self._wheels = Wheels.of(model) if any(place.rolls for place in self.layout.places) else None

    def read(self, photograph: str | Path | bytes | Bytes, name: str = "") -> PhotoReading:
        """Return what a photograph says.

        Parameters
        ----------
        photograph : str, Path, bytes or ndarray of shape (h, w, 3), uint8
            A file's name, its bytes, or its pixels.
        name : str, optional
            What it is called; by default its file's name.

        Returns
        -------
        PhotoReading
            One without a value where a place is doubtful, or where the regions cannot be found.

        Raises
        ------
        DataError
            It is no photograph, or damaged.
        """
        return self._look(photograph, name)[0]

    def picture(self, photograph: str | Path | bytes | Bytes, name: str = "") -> tuple[PhotoReading, bytes]:
        """Return what a photograph says, and a PNG file of it with what was read and what is doubtful."""
        reading, found, photograph = self._look(photograph, name)
        if found is None:
            return reading, drawn(photograph, [], f"rejected: {reading.reasons[0]}")
        marks = [
            Marked(moved(place.corners, found.matrix), one.character, one.doubt is not None)
            for place, one in zip(self.layout.places, reading.places, strict=True)
        ]
        return reading, drawn(photograph, marks, f"{reading.seen} {reading.unit}".strip())

    def unread(self, name: str, reason: str) -> PhotoReading:
        """Return the rejected reading of a photograph that could not be read, for a reason."""
        nothing = self.layout.value.written(UNKNOWN * len(self.layout.places))
        return PhotoReading(name, None, self.layout.value.unit, nothing, reasons=(reason,))

    def _look(
        self, photograph: str | Path | bytes | Bytes, name: str
    ) -> tuple[PhotoReading, Registered | None, Bytes]:
        """Return what a photograph says, how it lies on the reference, and its pixels."""
        if not isinstance(photograph, np.ndarray):
            name = name or ("photograph" if isinstance(photograph, bytes) else str(photograph))
            photograph = read_photograph(photograph, name)
        try:
            found = self._registrar.register(photograph)
        except PhotographError as error:
            return self.unread(name, str(error)), None, photograph
        return self._read(found, name), found, photograph

    def _read(self, found: Registered, name: str) -> PhotoReading:
        """Return what a photograph says that lies on the reference."""
        crops = crops_of(self.layout, found.image)
        shape = self._model.image_shape
        if shape is not None and len(shape) == 2:
            from lookalike.data.look import gray_bytes

            crops = gray_bytes(crops)
        rolls = [place.rolls for place in self.layout.places]
        nowhere: list[Standing | None] = [None] * len(rolls)
        standing = nowhere if self._wheels is None else self._wheels.standing(crops, rolls)
        answered = self._answered(crops, standing)
        places: list[PlaceReading] = []
        rules: list[str] = []
        for number in range(len(rolls) - 1, -1, -1):
            right, wheel = (places[0] if places else None), standing[number]
            if wheel is not None and wheel.turns:
                places.insert(0, self._turning(self.layout.places[number].name, wheel, right))
                rules.insert(0, _rolled(places[0], right))
            else:
                places.insert(0, answered[number])
        doubts = self._burnt(found)
        places = [replace(one, doubt=burnt or one.doubt) for one, burnt in zip(places, doubts, strict=True)]
        if found.turns:
            degrees = 90 * found.turns
            rules.append(f"the photograph is turned clockwise by {degrees} degrees: it was turned back")
        return given(self.layout, name, places, rules, found.turns)

    def _answered(self, crops: Bytes, standing: list[Standing | None]) -> dict[int, PlaceReading]:
        """Return what the model answers; wheels between two digits it does not know, and is not asked."""
        from lookalike.recognition.assessment import Assessment

        asked = [number for number, one in enumerate(standing) if one is None or not one.turns]
        if not asked:
            return {}
        upright = [
            turned_back(crops[number], wheel.part if (wheel := standing[number]) else 0.0) for number in asked
        ]
        checked = self._model.checked(np.stack(upright))
        assessed = Assessment.of(self._model, checked, self._level, 1)
        found = {}
        for number, shares in zip(asked, assessed.probabilities, strict=True):
            meaning = self._stands_for[number]
            best = max(meaning, key=lambda code: shares[code])
            name = self.layout.places[number].name
            found[number] = PlaceReading(name, meaning[best], float(shares[best]), shown=meaning[best])
        hidden = self._hidden.doubts(self._model.seen(checked), [one.shown for one in found.values()])
        for row, (number, one) in enumerate(found.items()):
            if assessed.unlike[row] or (assessed.rejected[row] and one.probability < _LIKELY):
                doubt: str | None = "it looks like none of the characters that the model knows"
            else:
                doubt = hidden[row] or self._unsure(one)
            found[number] = replace(one, doubt=doubt)
        return found

    def _turning(self, name: str, wheel: Standing, right: PlaceReading | None) -> PlaceReading:
        """Return what a wheel between two digits counts as, by the place to its right."""
        here, after = wheel.shown[0], wheel.shown[-1]
        # Without a right neighbour it has passed the digit that it leaves, and not yet the next one.
        passed = right is None or right.character not in DIGITS or int(right.character) >= _HALF
        one = PlaceReading(name, here if passed else after, wheel.probability, shown=wheel.shown)
        if wheel.unlike > UNLIKE:
            return replace(one, doubt="it is covered, or looks like no wheel between two digits")
        return replace(one, doubt=self._unsure(one))

    def _burnt(self, found: Registered) -> list[str | None]:
        """Return for each place that too much of it cannot be seen, if so."""
        cv2 = self._registrar.cv2
        doubts: list[str | None] = []
        for place in self.layout.places:
            inside = np.zeros(found.burnt.shape, np.uint8)
            cv2.fillPoly(inside, [np.rint(place.corners).astype(np.int32)], 1)
            there = inside > 0
            burnt = found.burnt[there].mean() - self._registrar.burnt[there].mean()
            said = f"{burnt:.0%} of it is burnt out, or outside of the photograph"
            doubts.append(said if burnt > _BURNT else None)
        return doubts

    def _unsure(self, one: PlaceReading) -> str | None:
        """Return that an answer is not likely enough, if so."""
        if one.probability >= self._sure:
            return None
        return f"{one.character} has a probability of {one.probability:.2f}, below {self._sure:g}"


def given(
    layout: PhotoLayout, name: str, places: list[PlaceReading], rules: list[str], turns: int = 0
) -> PhotoReading:
    """Return a reading with a value where no place is doubtful."""
    doubts: dict[str, list[str]] = {}
    for place in places:
        if place.doubt is not None:
            doubts.setdefault(place.doubt, []).append(place.name)
    written = layout.value.written("".join(place.character for place in places))
    seen = layout.value.written("".join(UNKNOWN if one.doubt else one.character for one in places))
    reasons = tuple(f"{', '.join(names)}: {doubt}" for doubt, names in doubts.items())
    value = None if doubts else written
    return PhotoReading(name, value, layout.value.unit, seen, tuple(places), reasons, tuple(rules), turns)


def _meanings(labels: list[str], places: tuple[ValuePlace, ...]) -> list[dict[int, str]]:
    """Return for each place which characters the classes of a model are there, by their codes."""
    found = []
    for place in places:
        meaning = {code: label for code, label in enumerate(labels) if label in [*place.characters]}
        if not meaning:
            raise InputError(
                f"the model knows none of {place.characters}, which {place.name} may show: fit it on "
                "crops of this layout"
            )
        found.append(meaning)
    return found


def _rolled(place: PlaceReading, right: PlaceReading | None) -> str:
    """Say what a wheel between two digits was taken for, and why."""
    why = "it has no wheel to its right" if right is None else f"{right.name} shows {right.character}"
    return (
        f"{place.name} stands between {place.shown.replace('-', ' and ')} and {why}: it is {place.character}"
    )
