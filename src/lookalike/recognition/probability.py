"""Probabilities from class distances: one temperature, fitted by leaving training images out in turn.

The probability of a class at the distance d_c is exp(-s_c) over the sum of them all, where s_c is d_c / t,
d_c^2 / t^2 or d_c^2 n / t^3 with a temperature t; its exponent, 1 to 3, says which form it is. There n is the
distance of the nearest class, and no less than the next one's over the root of 3, at which the difference of
both exponents is largest: the nearer the one, the surer (where both are 0, n / t is 1). They are fitted on up
to 2,000 training images, each left out of the model in turn. For each form the temperature is that at which
the mean probability of the answers is the share of right ones (with one right and one wrong answer added, so
that a few images without a mistake do not make the model certain); of the forms the one with the smallest
calibration error is taken, the first where there are fewer than 500 images.

The share of right ones among a few is known too badly for that. Where a typical class has at most 10 images,
the form is the first, and the temperature is the one that makes the images' own classes likeliest, drawn to
the rule of thumb below (to the negative logarithm of the likelihood is added the square of the logarithm of
how many times as large it is). And an image that is left out of a class of m misses one of m images, and a
new one none: the temperature is 1 - 1 / 2m times that. On fourteen sets of photographs, drawings and digits
with 5 images a class this brought the calibration error of a mixture of measures from 0.049 to 0.030; it was
chosen on these same sets (``python -m benchmarks.sure_of_real_sets --told 120`` measures it).

A class of a single image has none that can be left out. Beside one, the temperature is a rule of thumb: the
others', of the first form, where there are 20 of them, else a ninth of the median distance between training
images. That ninth is a compromise between twenty sets of photographs, drawings and digits; on one set, with
an image a class, the mean probability is about 0.17 off the share of right answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.recognition.roots import root_between
from lookalike.search.together import OWN
from lookalike.state import Array, State, array, class_codes

Floats = NDArray[np.float64]

#: Forms of the exponent that are tried, and from how many images on; with fewer, the first is taken.
EXPONENTS = (1, 2, 3)
LEAST_TO_CHOOSE = 500
#: Bins of the calibration error.
BINS = 15
#: The temperature where none can be fitted: this share of the median distance between training images.
FIXED_SHARE = 1 / 9
#: Beside a class of a single image it is fitted on so many others, and not on fewer.
LEAST_TO_FIT = 20
#: Of so few images in a typical class, one that is left out is missed, and shares are known badly.
FEW = 10
#: Inverse temperatures of the first power that are tried are e to the power of these, over the median
#: distance.
_INVERSE = (-7.0, 9.0)
#: So many of them are tried before the likeliest is found.
_TRIED = 33
#: Distances divided by the temperature are cut here: their third powers are still finite.
_FARTHEST = 1e100


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Class distances of training images, each of them left out in turn, with its copies and its group."""

    #: (m, n_classes): what would be found without the image; infinite for a class that then has none.
    distances: Floats
    codes: NDArray[np.intp]  # (m,): the images' classes
    spreads: Floats  # (m,): the standard deviation of each image's values, where 1 is full ink
    groups: NDArray[np.uint64] | None = None  # (m,): a number for each one's group, where groups are known

    state: ClassVar[State] = {
        "distances": Array((np.float64,), ("m", None), 0, np.inf),
        "codes": class_codes("m"),
        "spreads": array(np.float64, shape=("m",), low=0),
        "groups": array(np.uint64, shape=("m",), optional=True),
    }

    @property
    def units(self) -> NDArray[np.intp]:
        """A number for each image's group, ``(m,)``; what is of none is alone in one."""
        alone = np.arange(len(self.codes))
        if self.groups is None:
            return alone
        of = np.unique(self.groups, return_inverse=True)[1]
        return np.where(self.groups == OWN, len(of) + alone, of)

    def moved(self, moved: NDArray[np.intp], n_classes: int) -> LeftOut:
        """Return the same after a change of classes: new ones have no images yet, gone ones are left out."""
        distances = np.full((len(self.codes), n_classes), np.inf)
        distances[:, moved[moved >= 0]] = self.distances[:, moved >= 0]
        kept = moved[self.codes] >= 0
        groups = None if self.groups is None else self.groups[kept]
        return LeftOut(distances[kept], moved[self.codes][kept], self.spreads[kept], groups)

    def restored(self) -> None:
        """Refuse what says nothing."""
        if not len(self.codes) or self.codes.max() >= self.distances.shape[1]:
            raise InputError("codes are none, or of classes beyond those that distances are of")


class Calibration(NamedTuple):
    """How class distances become probabilities."""

    temperature: float  # in the unit of the distances
    exponent: int  # 1, 2 or 3
    fitted: bool  # whether both were fitted; else they are a rule of thumb


def probabilities(distances: Floats, answers: NDArray[np.intp], calibration: Calibration) -> Floats:
    """Return the probability of each class, the largest that of ``answers``.

    Where it would not be (the nearest image was outvoted), the answer and the classes before it share their
    probabilities evenly, as many of them as it takes: of all probabilities whose largest is the answer's,
    these are nearest by least squares. Of equal ones the first counts as the largest; where that would be
    another class's, the answer's is larger by the last bit. A class without images has the probability 0.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.probability import Calibration, probabilities
    >>> distances = np.array([[0.1, 0.2, np.inf], [0.1, 0.2, np.inf]])
    >>> probabilities(distances, np.array([0, 1]), Calibration(0.1, 1, True)).round(3)
    array([[0.731, 0.269, 0.   ],
           [0.5  , 0.5  , 0.   ]])
    """
    return _agreeing(_softmax(_powers(distances, calibration.temperature, calibration.exponent)), answers)


def calibrate(left_out: LeftOut, counts: NDArray[np.integer] | None = None) -> Calibration:
    """Return temperature and exponent for class distances; classes have ``counts (n_classes,)`` images."""
    distances, codes = left_out.distances, left_out.codes
    finite = distances[np.isfinite(distances)]
    unit = float(np.median(finite) or finite.mean() or 1) if finite.size else 1.0
    sizes = np.array([np.inf]) if counts is None else counts[counts > 0]
    told = np.isfinite(distances[np.arange(len(codes)), codes])
    by_thumb = bool((sizes == 1).any()) or not told.all()
    if by_thumb and told.sum() < LEAST_TO_FIT:
        return Calibration(unit * FIXED_SHARE, 1, False)
    if by_thumb:
        distances, codes = distances[told], codes[told]
    typical = float(np.median(sizes))
    if typical <= FEW:
        missed = 0.0 if by_thumb else 1 / (2 * typical)
        return Calibration(_likeliest(distances, codes, unit) * (1 - missed), 1, not by_thumb)
    right = int((np.argmin(distances, axis=1) == codes).sum())
    target = (right + 1) / (len(codes) + 2)
    exponents = EXPONENTS if len(codes) >= LEAST_TO_CHOOSE else EXPONENTS[:1]
    fits = [_fit(distances, codes, target, unit, exponent) for exponent in exponents]
    found = min(fits, key=lambda fit: fit[0])[1]
    return found._replace(fitted=not by_thumb)


def _likeliest(distances: Floats, codes: NDArray[np.intp], unit: float) -> float:
    """Return the temperature that makes images' own classes likeliest, drawn to the rule of thumb."""
    powers = _powers(distances, unit, 1)
    above = powers - powers.min(axis=1, keepdims=True)
    own, there = above[np.arange(len(codes)), codes].sum(), np.where(np.isinf(above), 0, above)

    def loss(inverse: float) -> float:
        factor = np.exp(inverse)
        likely = factor * own + np.log(np.exp(-above * factor).sum(axis=1)).sum()
        return float(likely + (inverse + np.log(FIXED_SHARE)) ** 2)

    def slope(inverse: float) -> float:
        factor = np.exp(inverse)
        shares = np.exp(-above * factor)
        expected = ((there * shares).sum(axis=1) / shares.sum(axis=1)).sum()
        return float(factor * (own - expected) + 2 * (inverse + np.log(FIXED_SHARE)))

    # The likelihood has one maximum; together with what it is drawn to there may be two.
    tried = np.linspace(*_INVERSE, _TRIED)
    best = int(np.argmin([loss(one) for one in tried]))
    low, high = tried[max(best - 1, 0)], tried[min(best + 1, _TRIED - 1)]
    inverse = tried[best] if slope(low) >= 0 or slope(high) <= 0 else root_between(slope, low, high, 1e-9)
    return float(unit * np.exp(-inverse))


def _fit(
    distances: Floats, codes: NDArray[np.intp], target: float, unit: float, exponent: int
) -> tuple[float, Calibration]:
    """Return the temperature at which the mean confidence is ``target``, and the calibration error there."""
    powers = _powers(distances, unit, exponent)
    above = powers - powers.min(axis=1, keepdims=True)

    def confidence(inverse: float) -> Floats:
        largest: Floats = 1 / np.exp(-above * np.exp(inverse)).sum(axis=1)
        return largest

    def excess(inverse: float) -> float:
        return float(confidence(inverse).mean()) - target

    low, high = _INVERSE
    if excess(low) >= 0:
        inverse = low
    elif excess(high) <= 0:
        inverse = high
    else:
        inverse = root_between(excess, low, high, 1e-9)
    is_right = np.argmin(powers, axis=1) == codes
    temperature = float(unit * np.exp(-inverse / exponent))
    return calibration_error(confidence(inverse), is_right), Calibration(temperature, exponent, True)


def calibration_error(confidence: Floats, is_right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the mean, over answers, of how far their bin's mean probability is from its share of right ones.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.probability import calibration_error
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
    """Return what is taken the exponential of; what is infinite stays so, beside anything that is not."""
    scaled = np.minimum(distances, _FARTHEST * temperature) / temperature
    powers = scaled ** min(exponent, 2)
    if exponent == 3:
        first, second = np.sort(scaled, axis=1)[:, [0, min(1, scaled.shape[1] - 1)]].T[:, :, None]
        near = np.maximum(first, second / np.sqrt(3))
        powers *= np.where(near > 0, near, 1)
    known = np.isfinite(distances)
    return np.where(known | ~known.any(axis=1, keepdims=True), powers, np.inf)


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
