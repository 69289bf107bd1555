"""Probabilities from class distances: one temperature, fitted by leaving training images out in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.state import StateReader

Floats = NDArray[np.float64]

#: Forms of the exponent that are tried, and from how many images on; with fewer, the first is taken.
EXPONENTS = (1, 2, 3)
LEAST_TO_CHOOSE = 500
#: Bins of the calibration error.
BINS = 15
#: The temperature where none can be fitted: this share of the median distance between training images.
FIXED_SHARE = 1 / 20
#: Temperatures of the first power that are tried are the median distance divided by e to the power of these.
_COLDNESS = (-7.0, 9.0)
#: Distances divided by the temperature are cut here: their third powers are still finite.
_FARTHEST = 1e100
#: In files, what stands for a distance to a class that is left without an image.
_NONE = -1.0
#: The name by which class distances of images left out are derived from a model's state.
_LEFT_OUT = "left out"


class LeftOut(NamedTuple):
    """Class distances of training images, each of them left out in turn.

    Attributes
    ----------
    distances : ndarray of shape (m, n_classes), float64
        What ``class_distances`` would return of a model without the image; infinite for a class that then
        has no image.
    codes : ndarray of shape (m,), intp
        The images' classes.
    spreads : ndarray of shape (m,), float64
        The standard deviation of each image's values, where 1 is full ink.
    """

    distances: Floats
    codes: NDArray[np.intp]
    spreads: Floats


class Calibration(NamedTuple):
    """How class distances become probabilities.

    Attributes
    ----------
    temperature : float
        In the unit of the distances.
    exponent : int
        1, 2 or 3.
    fitted : bool
        Whether both were fitted; else they are a rule of thumb.
    """

    temperature: float
    exponent: int
    fitted: bool


class CalibratedClassifier(ImageClassifier):
    r"""A classifier by class distances that says how sure it is.

    The probability of a class at the distance :math:`d_c` is

    .. math:: p_c = \frac{\exp(-s_c)}{\sum_k \exp(-s_k)}, \quad
        s_c = \frac{d_c}{t}, \; \frac{d_c^2}{t^2} \text{ or } \frac{d_c^2 \min_k d_k}{t^3},

    with a temperature :math:`t`; its exponent, 1 to 3, says which form it is. They are fitted on up to 2,000
    training images, each left out of the model in turn: those with the smallest hash of their pixels and
    label, so that the order and the parts of training do not matter. For each form the temperature is that
    at which the mean probability of the answers is the share of right ones (with one right and one wrong
    answer added, so that a few images without a mistake do not make the model certain); of the forms the one
    with the smallest calibration error is taken, the first where there are fewer than 500 images. Where a
    class has a single image, it cannot be left out: then the exponent is 1 and the temperature a twentieth of
    the median distance between training images, a rule of thumb.

    The largest probability is that of the answer. Where it would not be (the nearest image was outvoted),
    the answer and the classes before it share their probabilities evenly, as many of them as it takes: of
    all probabilities whose largest is the answer's, these are nearest by least squares. Of equal ones
    the first counts as the largest; where that would be another class's, the answer's is larger by the last
    bit. A class without images has the probability 0.

    Attributes
    ----------
    temperature_ : float
        The temperature, in the unit of the distances.
    exponent_ : int
        The exponent of the temperature, 1 to 3.
    calibrated_ : bool
        Whether temperature and exponent were fitted; else they are a rule of thumb.
    """

    @property
    def temperature_(self) -> float:
        """The temperature, in the unit of the distances."""
        return self._calibration().temperature

    @property
    def exponent_(self) -> int:
        """The exponent of the temperature, 1 to 3: the form of the probabilities."""
        return self._calibration().exponent

    @property
    def calibrated_(self) -> bool:
        """Whether temperature and exponent were fitted."""
        return self._calibration().fitted

    def predict_proba(self, X: ArrayLike, *, progress: Progress = silent) -> Floats:
        """Return how likely each class is for each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of ``classes_``. Rows sum to 1 but for rounding, and ``argmax`` is what ``predict``
            answers.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``.

        Notes
        -----
        The first call after a change of the model fits the temperature, which takes as long as answering up
        to 2,000 images.
        """
        check_is_fitted(self)
        distances, answers, _ = self._class_answers(self._watched(X), progress)
        return probabilities(distances, answers, self._calibration())

    def _class_answers(self, X: ArrayLike, progress: Progress) -> tuple[Floats, NDArray[np.intp], Floats]:
        """Return class distances, the class that is the answer to each image, and its values' spread."""
        raise NotImplementedError

    def _leave_out(self) -> LeftOut:
        """Return class distances of the reservoir's images, each left out in turn."""
        raise NotImplementedError

    def _left_out(self) -> LeftOut:
        """Return the same, worked out once for each state of the model."""
        left_out: LeftOut = self._derive(_LEFT_OUT, self._leave_out)
        return left_out

    def _known_left_out(self) -> LeftOut | None:
        """Return the same if it was worked out before: files hold it then, for it may take a while."""
        known: LeftOut | None = self.__dict__.get("_derived", {}).get(_LEFT_OUT)
        return known

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        known = self._known_left_out()
        if known is not None:
            arrays["held_distances"] = np.where(np.isinf(known.distances), _NONE, known.distances)
            arrays["held_codes"] = known.codes.astype(np.int64)
            arrays["held_spreads"] = known.spreads

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        if not state.has("held_distances"):
            return
        distances = state.array("held_distances", np.float64, (None, len(self.classes_)))
        codes = state.codes("held_codes", len(distances), len(self.classes_))
        spread = state.array("held_spreads", np.float64, (len(distances),))
        if ((distances < 0) & (distances != _NONE)).any() or (spread < 0).any() or not len(codes):
            raise InputError("held_distances or held_spreads are negative, or there are none")
        held = LeftOut(np.where(distances < 0, np.inf, distances), codes, spread.copy())
        self._derive(_LEFT_OUT, lambda: held)

    def _calibration(self) -> Calibration:
        """Return how distances become probabilities."""
        check_is_fitted(self)

        def make() -> Calibration:
            return calibrate(self._left_out(), can_fit=not (self._class_sizes() == 1).any())

        calibration: Calibration = self._derive("calibration", make)
        return calibration


def probabilities(distances: Floats, answers: NDArray[np.intp], calibration: Calibration) -> Floats:
    """Return the probability of each class.

    Parameters
    ----------
    distances : ndarray of shape (n, n_classes)
        Not negative; infinite for a class that cannot be the answer.
    answers : ndarray of shape (n,)
        The class that is to have the largest probability.
    calibration : Calibration
        Temperature and exponent.

    Returns
    -------
    ndarray of shape (n, n_classes), float64

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.models.calibration import Calibration, probabilities
    >>> distances = np.array([[0.1, 0.2, np.inf], [0.1, 0.2, np.inf]])
    >>> probabilities(distances, np.array([0, 1]), Calibration(0.1, 1, True)).round(3)
    array([[0.731, 0.269, 0.   ],
           [0.5  , 0.5  , 0.   ]])
    """
    return _agreeing(_softmax(_powers(distances, calibration.temperature, calibration.exponent)), answers)


def calibrate(left_out: LeftOut, *, can_fit: bool = True) -> Calibration:
    """Return temperature and exponent for class distances.

    Parameters
    ----------
    left_out : LeftOut
        Distances of images whose classes are known.
    can_fit : bool
        False asks for the rule of thumb.

    Returns
    -------
    Calibration
    """
    distances, codes = left_out.distances, left_out.codes
    finite = distances[np.isfinite(distances)]
    unit = float(np.median(finite)) if finite.size else 0.0
    unit = unit or (float(finite.mean()) if finite.size else 0.0) or 1.0
    if not can_fit:
        return Calibration(unit * FIXED_SHARE, 1, False)
    right = int((np.argmin(distances, axis=1) == codes).sum())
    target = (right + 1) / (len(codes) + 2)
    exponents = EXPONENTS if len(codes) >= LEAST_TO_CHOOSE else EXPONENTS[:1]
    fits = [_fit(left_out, target, unit, exponent) for exponent in exponents]
    return min(fits, key=lambda fit: fit[0])[1]


def _fit(left_out: LeftOut, target: float, unit: float, exponent: int) -> tuple[float, Calibration]:
    """Return the temperature at which the mean confidence is ``target``, and the calibration error there."""
    powers = _powers(left_out.distances, unit, exponent)
    above = powers - powers.min(axis=1, keepdims=True)

    def confidence(coldness: float) -> Floats:
        largest: Floats = 1 / np.exp(-above * np.exp(coldness)).sum(axis=1)
        return largest

    def excess(coldness: float) -> float:
        return float(confidence(coldness).mean()) - target

    low, high = _COLDNESS
    if excess(low) >= 0:
        coldness = low
    elif excess(high) <= 0:
        coldness = high
    else:
        coldness = float(brentq(excess, low, high, xtol=1e-9))
    is_right = np.argmin(powers, axis=1) == left_out.codes
    temperature = float(unit * np.exp(-coldness / exponent))
    return calibration_error(confidence(coldness), is_right), Calibration(temperature, exponent, True)


def calibration_error(confidence: Floats, is_right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the mean, over answers, of how far their bin's mean probability is from its share of right ones.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
        The probability of each answer.
    is_right : ndarray of shape (n,), bool
        Whether it is right.
    bins : int, default=15
        Bins of equal width; a probability between two is in the lower one.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.models.calibration import calibration_error
    >>> round(calibration_error(np.array([0.9, 0.8, 0.7]), np.array([True, True, False])), 3)
    0.333
    """
    places = bin_places(confidence, bins)
    gaps = np.bincount(places, is_right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def bin_places(confidence: Floats, bins: int) -> NDArray[np.intp]:
    """Return which of some bins of equal width each probability is in: the lower one of two."""
    places: NDArray[np.intp] = np.clip(np.ceil(confidence * bins).astype(np.intp) - 1, 0, bins - 1)
    return places


def _powers(distances: Floats, temperature: float, exponent: int) -> Floats:
    """Return what is taken the exponential of; what is infinite stays so."""
    scaled = np.minimum(distances, _FARTHEST * temperature) / temperature
    powers = scaled ** min(exponent, 2)
    if exponent == 3:
        powers *= scaled.min(axis=1, keepdims=True)
    return np.where(np.isinf(distances), np.inf, powers)


def _softmax(powers: Floats) -> Floats:
    """Return shares of exp(-powers) in each row's sum."""
    shares: Floats = np.exp(powers.min(axis=1, keepdims=True) - powers)
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def _agreeing(shares: Floats, answers: NDArray[np.intp]) -> Floats:
    """Return the least changed shares of which the answer's is the first largest."""
    rows = np.flatnonzero(np.argmax(shares, axis=1) != answers)
    if not rows.size:
        return shares
    part, own = shares[rows], answers[rows, None]
    mine = np.take_along_axis(part, own, axis=1)
    np.put_along_axis(part, own, -1.0, axis=1)
    others = -np.sort(-part, axis=1)
    # The mean of the answer and of the j + 1 largest others; they share where the next is not above it.
    means = (mine + np.cumsum(others, axis=1)[:, :-1]) / np.arange(2, others.shape[1] + 1)
    enough = np.argmax(others[:, 1:] <= means, axis=1)[:, None]
    level = np.take_along_axis(means, enough, axis=1)
    np.minimum(part, level, out=part)
    np.put_along_axis(part, own, level, axis=1)
    behind = np.argmax(part, axis=1)[:, None] != own
    np.put_along_axis(part, own, np.where(behind, np.nextafter(level, 2.0), level), axis=1)
    shares[rows] = part
    return shares
