"""A chain of preparations: said in words, stored as JSON, and chosen by what images look like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.look import Gray8, gray_bytes, ink_box, paper
from lookalike.errors import InputError, unknown, warn
from lookalike.images import ImageBatch, as_images, evenly, unit_of
from lookalike.prepare.drawings import Deskew, EvenInk, FitToInk, ink
from lookalike.prepare.steps import (
    Blur,
    Gray,
    NormaliseContrast,
    Polarity,
    Preparation,
    RaiseContrast,
    Resize,
    Transformer,
    run_all,
    typical_range,
)
from lookalike.progress import Progress, silent
from lookalike.state import Fact, short

#: The one table of steps that JSON may name.
STEPS: Mapping[str, type[Preparation]] = {
    "blur": Blur,
    "deskew": Deskew,
    "even-ink": EvenInk,
    "fit-to-ink": FitToInk,
    "gray": Gray,
    "normalise-contrast": NormaliseContrast,
    "polarity": Polarity,
    "raise-contrast": RaiseContrast,
    "resize": Resize,
}
_NAMES = {kind: name for name, kind in STEPS.items()}
_VERSION = 1
_MOST_STEPS = 32
_MOST_REASONS = 100
_LONGEST_REASON = 1000
_KEYS = {"version", "fitted", "steps", "reasons"}

_SAMPLE = 2000
# How far a pixel of even paper may be from the paper's level, and how much of a drawing is such paper.
_EVEN = 8
_PAPER_SHARE = 0.4
# How much the ink's size may vary, and how far from the middle it may be, in parts of the frame.
_SIZE_SPREAD = 1 / 8
_OFF_CENTRE = 1 / 12
_LONGEST = 32
_LEVEL = 0.05
# Colour is judged in so many parts down and across, of up to so many images.
_PARTS, _COLOUR_SAMPLE = 4, 1000
# Images of which hardly one spans more than so many levels are faint.
_FAINT = 64
# With fewer images of the median class than this, width is evened out, by at most so much, and blur is less.
_MANY = 50
_STRETCH = 1.5
_FEW_BLUR = 0.5


class Prepare(Transformer):
    """Prepare images in several steps, one after the other.

    Parameters
    ----------
    steps : sequence of preparations
        At least one of lookalike's own, in order. They stay as they are: ``fit`` learns with copies.

    Attributes
    ----------
    steps_ : tuple of preparations
        The fitted steps.
    reasons_ : tuple of str
        Why these steps: what :func:`lookalike.prepare.choose` chose and why, one sentence a decision. Empty
        where they were not chosen so.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Blur, Polarity, Prepare
    >>> drawing = np.full((1, 3, 3), 255, np.uint8)
    >>> drawing[0, 1, 1] = 0
    >>> chain = Prepare([Polarity(), Blur(0.5)]).fit(drawing)
    >>> chain.describe()
    ('ink is dark: inverted', 'blurred by a Gaussian of 0.5 px')
    >>> bool((Prepare.from_json(chain.to_json()).transform(drawing) == chain.transform(drawing)).all())
    True
    """

    steps_: tuple[Preparation, ...]
    reasons_: tuple[str, ...]
    _learned = "steps_"

    def __init__(self, steps: Sequence[Preparation]) -> None:
        self.steps = steps

    def describe(self) -> tuple[str, ...]:
        """Return what each step does to images, one sentence a step."""
        return tuple(step.describe() for step in self._current())

    def to_json(self) -> dict[str, Any]:
        """Return the chain as plain data: what ``json`` can write and :meth:`from_json` reads.

        Returns
        -------
        dict
            ``version``, ``fitted``, ``reasons``, and ``steps``: for each the ``step``'s name, its parameters,
            and where the chain is fitted what the step learned.
        """
        return {
            "version": _VERSION,
            "fitted": hasattr(self, "steps_"),
            "steps": [_step_to_json(step) for step in self._current()],
            "reasons": list(getattr(self, "reasons_", ())),
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the chain that plain data describe. No code is run: steps come from a fixed table.

        Parameters
        ----------
        data : dict
            What :meth:`to_json` returned. It may come from an untrusted file.

        Returns
        -------
        Prepare
            Fitted where the data say so.

        Raises
        ------
        InputError
            The data are not such a dict, or a step or a parameter in it is unknown or out of range.
        """
        if not isinstance(data, dict) or set(data) != _KEYS:
            raise InputError(f"a preparation's JSON has other keys: expected {', '.join(sorted(_KEYS))}")
        if type(data["version"]) is not int or data["version"] != _VERSION:
            raise InputError(
                f"a preparation's version is {short(data['version'])}: expected {_VERSION} "
                "(did a newer lookalike write it?)"
            )
        if not isinstance(data["fitted"], bool):
            raise InputError(f"a preparation's fitted is {short(data['fitted'])}: expected true or false")
        items = _items(data["steps"], "steps", 1, _MOST_STEPS)
        steps = [_step_from_json(step, data["fitted"]) for step in items]
        reasons = _items(data["reasons"], "reasons", 0, _MOST_REASONS)
        for reason in reasons:
            if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
                raise InputError(
                    f"a preparation's reason is {short(reason)}: expected a text of at most "
                    f"{_LONGEST_REASON} characters"
                )
        chain = cls(steps)
        if data["fitted"]:
            chain.steps_, chain.reasons_ = tuple(steps), tuple(reasons)
        return chain

    def _current(self) -> Sequence[Preparation]:
        """Return the fitted steps, or those to be fitted."""
        if hasattr(self, "steps_"):
            return self.steps_
        self._check()
        return self.steps

    def _check(self) -> None:
        steps = self.steps
        if not isinstance(steps, (list, tuple)) or not 1 <= len(steps) <= _MOST_STEPS:
            raise InputError(f"steps are {short(steps)}: expected a list of 1 to {_MOST_STEPS} preparations")
        for place, step in enumerate(steps):
            if type(step) not in _NAMES:
                raise InputError(
                    f"step {place + 1} is {short(step)}: expected one of "
                    f"{', '.join(kind.__name__ for kind in _NAMES)}"
                )
            step._check()

    def _learn(self, images: ImageBatch, progress: Progress = silent) -> None:
        """Fit each step on what the steps before it make of the images."""
        steps = tuple(type(step)(**step.get_params()) for step in self.steps)
        # Where no later step learns anything, images need not be prepared for it.
        last = max((place for place, step in enumerate(steps) if step._learned), default=0)
        for step in steps[:last]:
            step._learn(images)
            images = step._run(images, progress)
        steps[last]._learn(images)
        self.steps_, self.reasons_ = steps, ()

    def _run(self, images: ImageBatch, progress: Progress = silent) -> Gray8:
        return run_all(self.steps_, images, progress)


def _step_to_json(step: Preparation) -> dict[str, Any]:
    """Return one step as plain data."""
    plain: dict[str, Any] = {"step": _NAMES[type(step)]}
    for name, value in step.get_params().items():
        # NumPy's numbers are not JSON's.
        plain[name] = value.item() if hasattr(value, "item") else value
    if step._learned and hasattr(step, step._learned):
        plain[step._learned.rstrip("_")] = getattr(step, step._learned)
    return plain


def _step_from_json(data: object, fitted: bool) -> Preparation:
    """Return the step that plain data describe."""
    if not isinstance(data, dict) or not isinstance(data.get("step"), str):
        raise InputError(f"a preparation's step is {short(data)}: expected an object with the step's name")
    name = data["step"]
    if name not in STEPS:
        raise InputError(unknown("preparation", name[:100], STEPS))
    given = {key: value for key, value in data.items() if key != "step"}
    attribute = STEPS[name]._learned if fitted else None
    learned = [attribute.rstrip("_")] if attribute else []
    expected = {*STEPS[name]._defaults(), *learned}
    if set(given) != expected:
        raise InputError(
            f"the step {name!r} has other parameters: expected {', '.join(sorted(expected)) or 'none'}"
        )
    values = [given.pop(key) for key in learned]
    step = STEPS[name](**given)
    step._check()
    for value in values:
        setattr(step, str(attribute), step.checked_learned(value))
    return step


def _items(value: object, name: str, least: int, most: int) -> list[Any]:
    """Return a list of a length that is allowed."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise InputError(
            f"a preparation's {name} are {short(value)}: expected a list of {least} to {most} items"
        )
    return value


def _fitted(name: str, value: Any) -> Prepare:
    """Return a fitted preparation from a file."""
    prepare = Prepare.from_json(value)
    if not hasattr(prepare, "steps_"):
        raise InputError(f"{name} is not fitted")
    return prepare


#: A fitted preparation in files.
FITTED = Fact(_fitted, lambda prepare: prepare.to_json())


def choose(images: ArrayLike, labels: ArrayLike | None = None, *, photographs: bool | None = None) -> Prepare:
    r"""Choose preparations by what the training images look like, and say why.

    The rule looks at up to 2,000 images, evenly spaced, in gray:

    1. **Drawing or photograph.** An image's paper is the median of its border. Where at least 40 % of a
       typical (median) image's pixels lie within 8 levels of its paper, the images are drawings; or they are
       what ``photographs`` says.
    2. **Photographs** are made gray (:class:`Gray`). Where their longer side has more than 32 pixels they are
       resized so that it has 32, the ratio of the sides kept (:class:`Resize`). Whether their ink is dark or
       light is not decided.
    3. **Drawings** are turned to light ink on dark (:class:`Polarity`).
    4. They are *framed* already where no side has more than 32 pixels, the longer side of their ink varies by
       at most 1/8 of the frame (5th to 95th percentile), and in 95 % of them the ink's centre of mass, or
       else the middle of its box, is within 1/12 of the frame of its centre. Framed drawings stay where they
       are. All others are fitted to 28x28 pixels (:class:`FitToInk`), blurred by 1 pixel (:class:`Blur`), and
       their ink is made equally strong (:class:`EvenInk`). With fewer than 50 images of a typical (median)
       class the shorter side of the ink is stretched, by up to 1.5, for there is not one image for each
       width that people draw; and they are blurred by half a pixel only, since
       :class:`lookalike.DeformableMatch` blurs further what it does not align.
    5. Drawings are deskewed (:class:`Deskew`), before any other step but polarity and contrast, where that
       helps: with each of the images in turn left out and answered by the nearest of the others (squared L2,
       ties to the first), significantly fewer answers are wrong (exact sign test of the images on which the
       two differ, 5 % level). Without labels, or with few images, slant is left alone: it may be what tells
       classes apart.
    6. Where 95 % of the images span less than 64 of 255 levels, all of this is judged once contrast is raised
       (:class:`RaiseContrast`), which is then the second step.
    7. Of images with colours, it is judged whether gray loses what tells classes apart: likewise, with the
       mean colour differences :math:`R - G` and :math:`(R + G) / 2 - B` in 4x4 parts of the image, alone or
       added to the prepared images (squared distances, each over its median). Where either makes
       significantly fewer errors than the prepared images (2.5 % level, up to 1,000 images), a
       LookalikeWarning says so, as it does where images are blank once they are gray and opacity is laid on
       white. It changes nothing.

    Percentiles are NumPy's, linearly interpolated. The answer is fitted, its first step is :class:`Polarity`
    for drawings and :class:`Gray` for photographs, and ``reasons_`` says what was found and decided, one
    sentence a decision.
    """
    batch = as_images(images)
    values = None if labels is None else np.asarray(labels)
    if values is not None and values.shape != (len(batch),):
        raise InputError(f"labels have shape {values.shape} for {len(batch)} images: expected one for each")
    places = evenly(len(batch), _SAMPLE)
    sample = gray_bytes(batch[places])
    faint = _raised(sample)
    share = paper_share(run_all(faint, sample))
    if share < _PAPER_SHARE if photographs is None else photographs:
        first: Preparation = Gray()
        steps, reasons = _for_photographs(sample)
        found = f"only {share:.0%} of a typical image is even paper: photographs"
    else:
        # All images vote on polarity, as they do when the chain is fitted.
        first = Polarity().fit(batch)
        few = values is not None and np.median(np.unique(values, return_counts=True)[1]) < _MANY
        known = None if values is None else values[places]
        steps, reasons = _for_drawings(run_all([first, *faint], sample), known, bool(few))
        reasons = [first.describe(), *reasons]
        found = f"{share:.0%} of a typical image is even paper: drawings"
    if photographs is not None:
        found = f"prepared as {'photographs' if photographs else 'drawings'}"
    blank = [] if photographs is not None else _blank_in_gray(batch[places], sample)
    said = [*blank, *(step.describe() for step in faint)]
    chain = Prepare([first, *faint, *steps]).fit(batch)
    if (
        photographs is None
        and values is not None
        and len(batch) > 1
        and batch.ndim == 4
        and batch.shape[3] > 2
    ):
        some = evenly(len(batch), _COLOUR_SAMPLE)
        reasons += _colour_lost(batch[some], chain.transform(batch[some]), values[some])
    chain.reasons_ = tuple(reason.replace("%", " %") for reason in (*said, found, *reasons))
    return chain


def _raised(sample: Gray8) -> list[Preparation]:
    """Return the fitted step that raises the contrast, where images are faint."""
    return [RaiseContrast().fit(sample)] if 0 < typical_range(sample) < _FAINT else []


def paper_share(sample: Gray8) -> float:
    """Return how much of the median image is even paper."""
    distance = np.abs(sample.astype(np.int16) - paper(sample)[:, None, None])
    return float(np.median((distance <= _EVEN).mean(axis=(1, 2))))


def _for_photographs(sample: Gray8) -> tuple[list[Preparation], list[str]]:
    """Return the steps for photographs, and why."""
    height, width = sample.shape[1:]
    longer = max(height, width)
    undecided = "dark and light ink may both occur: polarity is not decided"
    if longer <= _LONGEST:
        return [], [undecided, f"no side has more than {_LONGEST} px: not resized"]
    resize = Resize(*(max(1, round(side * _LONGEST / longer)) for side in (height, width)))
    why = f"the longer side has {longer} px, more than {_LONGEST}: {resize.describe()}"
    return [resize], [undecided, why]


def _for_drawings(
    light: Gray8, labels: NDArray[np.generic] | None, few: bool
) -> tuple[list[Preparation], list[str]]:
    """Return the steps for drawings that are light on dark, and why."""
    framed, why = _framed(light)
    fit, blur = (FitToInk(stretch=_STRETCH), Blur(_FEW_BLUR)) if few else (FitToInk(), Blur())
    steps: list[Preparation] = [] if framed else [fit, blur, EvenInk()]
    helps, evidence = _deskew_helps(light, steps, labels)
    deskew: list[Preparation] = [Deskew()] if helps else []
    return [*deskew, *steps], [why, evidence]


def _framed(light: Gray8) -> tuple[bool, str]:
    """Return whether ink of one size is in the middle of small images, and a sentence that says so."""
    height, width = light.shape[1:]
    frame = max(height, width)
    fitted = "fitted to ink, blurred, and made equally strong"
    if frame > _LONGEST:
        return False, f"the longer side has {frame} px, more than {_LONGEST}: {fitted}"
    inked = ink(light)
    inked = inked[inked.any(axis=(1, 2))]
    if not len(inked):
        return True, "there is no ink: not fitted"
    low, middle, high = np.percentile(ink_box(inked).longer, [5, 50, 95])
    if high - low > _SIZE_SPREAD * frame:
        return False, f"the longer side of the ink is {low:.3g} to {high:.3g} px: {fitted}"
    off = _off_centre(inked)
    if off > _OFF_CENTRE:
        return False, f"the ink is up to {off:.0%} of the frame off its centre: {fitted}"
    return True, (
        f"the ink is framed already (its longer side is {middle:.3g} px, within {high - low:.3g} px): "
        "not fitted"
    )


def _off_centre(inked: Gray8) -> float:
    """Return how far off the centre ink is in 95 % of the images, by its mass or else by its box."""
    height, width = inked.shape[1:]
    box = ink_box(inked)
    mass = inked.sum(axis=(1, 2), dtype=np.int64)
    by_mass = (
        inked.sum(axis=2, dtype=np.int64) @ (np.arange(height) + 0.5) / mass / height,
        inked.sum(axis=1, dtype=np.int64) @ (np.arange(width) + 0.5) / mass / width,
    )
    by_box = (box.top + box.bottom) / 2 / height, (box.left + box.right) / 2 / width
    return min(float(np.percentile(np.hypot(y - 0.5, x - 0.5), 95)) for y, x in (by_mass, by_box))


def _deskew_helps(
    light: Gray8, steps: list[Preparation], labels: NDArray[np.generic] | None
) -> tuple[bool, str]:
    """Return whether deskewing makes significantly fewer errors, and a sentence that says so."""
    if labels is None:
        return False, "slant is left alone: there are no labels to see whether deskewing helps"
    wrong = [
        _wrong(_far(Prepare([*first, *steps]).fit_transform(light)), labels)
        for first in ([Gray()], [Deskew()])
    ]
    helps = _fewer(wrong[0], wrong[1], _LEVEL)
    figures = (
        f"of {len(light):,} images the nearest other is of another class for {int(wrong[1].sum()):,} with "
        f"deskewing, for {int(wrong[0].sum()):,} without"
    )
    return helps, f"{figures}: {'deskewed' if helps else 'no clear gain, slant is left alone'}"


def _blank_in_gray(images: ImageBatch, gray: Gray8) -> list[str]:
    """Return a sentence where what images show is in colour or opacity alone, and warn of it."""
    if images.ndim == 3:
        return []
    shown = (images != images[:, :1, :1]).any(axis=(1, 2, 3))
    lost = int((shown & (gray == gray[:, :1, :1]).all(axis=(1, 2))).sum())
    if not lost:
        return []
    said = f"{lost:,} of {len(images):,} images are blank once they are gray, opacity laid on white"
    warn(f"{said}: lay them on another ground, or compare them without a preparation")
    return [said]


def _colour_lost(images: ImageBatch, prepared: Gray8, labels: NDArray[np.generic]) -> list[str]:
    """Return a sentence where colour would tell classes apart that gray does not, and warn of it."""
    unit = np.asarray(images, np.float64) * (255 / unit_of(images))
    red, green, blue = (unit[..., channel] for channel in range(3))
    parts = [[run for run in np.array_split(np.arange(side), _PARTS) if len(run)] for side in unit.shape[1:3]]
    means = [
        # Whole numbers, as gray bytes are.
        np.rint(chroma[:, down[0] : down[-1] + 1, across[0] : across[-1] + 1].mean(axis=(1, 2)))
        for chroma in (red - green, (red + green) / 2 - blue)
        for down in parts[0]
        for across in parts[1]
    ]
    gray, colour = (_far(rows) for rows in (prepared, np.stack(means, axis=1)))
    wrong = _wrong(gray, labels)
    found = [_wrong(far, labels) for far in (colour, _over_median(colour) + _over_median(gray))]
    fewest = min(found, key=np.sum)
    if not any(_fewer(wrong, one, _LEVEL / len(found)) for one in found):
        return []
    said = (
        f"colour tells classes apart, and is made gray: of {len(images):,} images the nearest other is of "
        f"another class for {int(wrong.sum()):,} in gray, for {int(fewest.sum()):,} by colour"
    )
    warn(f"{said}; NearestImages and MeanImage without a preparation compare colours")
    return [said]


def _over_median(far: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared distances in units of the median one, so that two kinds can be added."""
    return far / (float(np.median(far[np.isfinite(far)])) or 1)


def _fewer(wrong: NDArray[np.bool_], other: NDArray[np.bool_], level: float) -> bool:
    """Return whether another way is wrong for significantly fewer images."""
    better, worse = int((wrong & ~other).sum()), int((other & ~wrong).sum())
    return better > worse and _sign_test(worse, better) <= level


def _sign_test(fewer: int, more: int) -> float:
    """Return how likely chance makes one of two counts as much smaller than the other, at even odds."""
    tries = fewer + more
    return 2 * sum(math.comb(tries, count) for count in range(fewer + 1)) / (1 << tries)


def _far(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return the squared distance of each image to each other one; it is infinitely far from itself."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    # Whole numbers below 2^53: exact in floats, in any order.
    squares = (rows**2).sum(axis=1)
    distances: NDArray[np.float64] = squares[:, None] + squares - 2 * (rows @ rows.T)
    np.fill_diagonal(distances, np.inf)
    return distances


def _wrong(distances: NDArray[np.float64], labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return whether the nearest other image of each image has another label."""
    return np.asarray(labels[distances.argmin(axis=1)] != labels)
