"""How deformable matching compares two images, and what "auto" chooses by the training images alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import checked_context, checked_warp
from lookalike.distance.deformation.planes import (
    LARGEST,
    SPACING,
    Planes,
    as_planes,
    double_angle_planes,
    edge_descriptors,
    gap_for,
    sobel_planes,
    window_weights,
)
from lookalike.distance.kernels.sums import DIRECTIONS
from lookalike.errors import InputError
from lookalike.images import evenly
from lookalike.prepare import Blur, Gray, NormaliseContrast, Prepare, choose
from lookalike.progress import Progress
from lookalike.state import State, choice, flag, number, whole, wholes

Bytes = NDArray[np.uint8]
PlanesName = Literal["sobel", "double-angle", "values"]
Auto = Literal["auto"]

#: How large one plane value is where a full step from black to white is 1.
UNITS: dict[str, float] = {"sobel": 30.0, "double-angle": 39.0, "values": 2.0 * LARGEST}
#: How often the distance of aligned images counts, beside that of the images as they are.
ALIGNED_WEIGHT = 2
#: What a typical image counts under hubness correction: factors are whole numbers of such parts, which keeps
#: sums exact.
PARTS = 4096

#: Examples are few where the median class has fewer than so many, and many where it has at least so many.
FEW, MANY = 5, 50
#: Gradients of images with a shorter side than this mean little.
_LEAST_SIDE = 3
#: Images with a shorter side need no alignment, and with a longer one they take too long.
_ALIGNED_SIDES = 16, 32
#: In which part of photographs, from either border, what is there counts less: neighbours look in.
_WINDOW = 1 / 3
#: By how many pixels few drawings are blurred where they are compared as they are: strokes that are some
#: pixels apart then still have something in common. Those that are aligned lie upon each other, and are not.
_BLUR = 0.866
#: So many images say whether they are photographs.
_SAMPLE = 1000


@dataclass(frozen=True)
class Deformation:
    """How two prepared images are compared."""

    planes: PlanesName  # gradients, gradients without strength and sign, or the pixels' values
    warp: tuple[int, int]  # how far pixels may move down and across
    context: int  # the radius of the patch around each pixel
    symmetric: bool  # both directions are added
    aligned: bool = False  # the distance after alignment is added, ALIGNED_WEIGHT times
    blur: float = 0.0  # by how many pixels images are blurred before they are compared as they are
    window: float = 0.0  # in which part from the border double-angle gradients count less
    hubness: bool = False  # images that those of other classes are near to count as farther

    state: ClassVar[State] = {
        "planes": choice(*get_args(PlanesName)),
        "warp": wholes(0, 127, length=2),
        "context": whole(0, 127),
        "symmetric": flag(),
        "aligned": flag(),
        "blur": number(0, 32),
        "window": number(0, 0.5),
        "hubness": flag(),
    }

    def planes_of(self, images: Bytes) -> Planes:
        """Return what is compared of some images as they are."""
        return self.sharp_planes_of(Blur(self.blur).fit_transform(images) if self.blur else images)

    def sharp_planes_of(self, images: Bytes) -> Planes:
        """Return what is compared of aligned images."""
        gap = gap_for(self.warp, self.context)
        if self.planes == "values":
            channels = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
            # Mid-gray is 0: what lies beyond the border is neither black nor white.
            return as_planes(np.rint(channels * (2 * LARGEST / 255) - LARGEST).astype(np.int8), gap=gap)
        if self.planes == "double-angle":
            return double_angle_planes(images, gap=gap, window=self.window)
        return sobel_planes(images, gap=gap)

    def descriptors_of(self, images: Bytes, progress: Progress) -> Bytes:
        """Return coarse descriptions of images, by which candidates are found."""
        if self.planes == "values":
            return images
        if self.planes == "sobel":
            return edge_descriptors(images, progress=progress)
        evened = edge_descriptors(NormaliseContrast().fit_transform(images), progress=progress)
        opposite = evened.reshape(len(evened), 2, DIRECTIONS // 2, -1).astype(np.uint16).sum(axis=1)
        weights = np.multiply.outer(
            *(window_weights(-(-side // SPACING), self.window) for side in images.shape[1:3])
        )
        described: Bytes = np.rint(np.minimum(opposite, 255) * weights.ravel()).astype(np.uint8)
        return described

    def description_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the description of an image of some shape."""
        if self.planes == "values":
            return shape
        down, across = (-(-side // SPACING) for side in shape[:2])
        if self.planes == "sobel":
            return DIRECTIONS * down, across
        return DIRECTIONS // 2, down * across

    def root_means(self, sums: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return sums of squares as root mean squares, where a step from black to white is 1."""
        height, width, channels = (*shape, 1)[:3]
        n_planes = channels if self.planes == "values" else 2 * channels
        n_planes *= 1 + ALIGNED_WEIGHT if self.aligned else 1
        count = height * width * (2 * self.context + 1) ** 2 * n_planes * (1 + self.symmetric)
        count *= PARTS if self.hubness else 1
        roots: NDArray[np.float64] = np.sqrt(sums / count) / UNITS[self.planes]
        return roots


class Settings(NamedTuple):
    """What a user set of a comparison; "auto" is chosen."""

    planes: Auto | PlanesName = "auto"
    warp: Auto | int | tuple[int, int] = "auto"
    context: Auto | int = "auto"
    symmetric: Auto | bool = "auto"
    aligned: Auto | bool = "auto"
    blur: Auto | float = "auto"
    window: Auto | float = "auto"
    hubness: Auto | bool = "auto"

    def checked(self) -> None:
        """Refuse what is none of a setting's values."""
        if self.planes not in ("auto", *get_args(PlanesName)):
            raise InputError(
                f"planes is {self.planes!r}: expected 'auto', {', '.join(map(repr, get_args(PlanesName)))}"
            )
        if self.warp != "auto":
            try:
                checked_warp(self.warp)
            except TypeError as error:
                raise InputError(
                    f"warp is {self.warp!r}: expected a whole number, 0 to 127, or two of them"
                ) from error
        if self.context != "auto":
            checked_context(self.context)
        for name in ("symmetric", "aligned", "hubness"):
            value = getattr(self, name)
            if value != "auto" and not isinstance(value, bool | np.bool_):
                raise InputError(f"{name} is {value!r}: expected 'auto', True or False")
        for name, most in (("blur", 32), ("window", 0.5)):
            value = getattr(self, name)
            real = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if value != "auto" and not (real and 0 <= value <= most):
                raise InputError(f"{name} is {value!r}: expected 'auto' or a number from 0 to {most}")


def choose_comparison(
    settings: Settings, images: Bytes, codes: NDArray[np.intp], photographs: bool | None
) -> tuple[Deformation, str]:
    """Return how prepared training images are compared, and why in a sentence.

    ``photographs`` says whether they are; None where nobody has looked yet.
    """
    height, width = images.shape[1:3]
    counts = np.bincount(codes)
    median = float(np.median(counts[counts > 0]))
    chosen, why = settings.planes, "planes as you set them"
    if chosen == "auto" and min(height, width) < _LEAST_SIDE:
        chosen = "values"
        why = f"images of {height}x{width} have no gradients to speak of: values are compared"
    elif chosen == "auto":
        seen = min(height, width) > 1 and (is_photographs(images) if photographs is None else photographs)
        chosen = "double-angle" if seen else "sobel"
    rule = {"values": _values, "double-angle": _photographs, "sobel": _drawings}[chosen]
    comparison, said = rule((height, width), median, images.ndim == 3)
    given: dict[str, Any] = {
        name: value for name, value in settings._asdict().items() if value != "auto" and name != "planes"
    }
    if "warp" in given:
        given["warp"] = checked_warp(given["warp"])
    comparison = replace(comparison, **given)
    if settings.hubness == "auto":
        comparison = replace(comparison, hubness=comparison.aligned)
    if comparison.aligned and images.ndim != 3:
        raise InputError("aligned is True: expected gray images, and these have colours")
    return comparison, said or why


def is_photographs(images: Bytes) -> bool:
    """Return whether prepared images are photographs, as :func:`lookalike.prepare.choose` decides it."""
    return is_of_photographs(choose(images[evenly(len(images), _SAMPLE)]))


def is_of_photographs(chain: Prepare) -> bool:
    """Return whether what ``choose`` chose is for photographs."""
    return isinstance(chain.steps_[0], Gray)


def _values(shape: tuple[int, int], median: float, gray: bool) -> tuple[Deformation, str]:
    """Return how pixels' values are compared; why is said by whoever chose it."""
    return Deformation("values", _warp(shape, 3 / 28), int(max(shape) >= _LEAST_SIDE), False), ""


def _photographs(shape: tuple[int, int], median: float, gray: bool) -> tuple[Deformation, str]:
    """Return how photographs are compared, and why."""
    context = -(-max(shape) // 8)
    return Deformation("double-angle", _warp(shape, 1 / 8), context, True, window=_WINDOW), (
        "photographs: double-angle gradients, a large context, both directions; what is near the border "
        "counts less"
    )


def _drawings(shape: tuple[int, int], median: float, gray: bool) -> tuple[Deformation, str]:
    """Return how drawings are compared, and why."""
    longer = max(shape)
    if median < FEW:
        freedom, context, why = 3 / 28, 2 if longer >= 16 else 1, "few, so pixels may move far"
    else:
        freedom, context, why = 2 / 28, 1, "not few, so pixels need not move far"
    both = median < MANY
    soft = both and min(shape) >= _ALIGNED_SIDES[0]
    aligned = soft and longer <= _ALIGNED_SIDES[1] and gray
    directions = "both directions" if both else "one direction"
    before = f"; blurred by {_BLUR:.2g} px" if soft else ""
    after = (
        "; the nearest are also aligned, not blurred; what is near to other classes counts as farther"
        if aligned
        else ""
    )
    comparison = Deformation(
        "sobel", _warp(shape, freedom), context, both, aligned, _BLUR if soft else 0.0, hubness=aligned
    )
    return comparison, f"drawings, {median:g} of a typical class: {why}; {directions}{before}{after}"


def _warp(shape: tuple[int, int], share: float) -> tuple[int, int]:
    """Return how far pixels may move: a share of each side, rounded up; not at all where a side is short."""
    down, across = (int(np.ceil(side * share - 1e-9)) if side >= _LEAST_SIDE else 0 for side in shape)
    return down, across
