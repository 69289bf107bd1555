"""``lookalike show``: look at the images of a set in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from lookalike.cli import common
from lookalike.errors import InputError, unknown
from lookalike.text import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lookalike.data.labelled import LabelledImages


def show(
    data: common.Data,
    class_name: Annotated[str, Option("--class", metavar="LABEL", help="Only images of this class.")] = "",
    n: Annotated[int, Option("--n", metavar="N", min=1, help="How many images.")] = 10,
    pixels: Annotated[bool, Option("--pixels", help="Print the numbers of one image instead.")] = False,
    part: Annotated[Literal["train", "valid"], Option("--part", help="Which part.")] = "train",
    limit: common.Limit = None,
    size: common.Size = "",
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    quiet: common.Quiet = False,
) -> None:
    """Draw some images of a set in the terminal.

    Each class has its turn; class and name stand below. With --pixels, print the numbers of one image as a
    table shaded by value, with its rank, shape, dtype and range, as an array and as a tensor.
    """
    from lookalike.data.load import load

    with common.progress(quiet) as tell:
        split = load(
            data, size=common.parse_size(size), limit=limit, seed=seed, skip_bad=skip_bad, progress=tell
        )
    images = split.train if part == "train" else split.valid
    console = common.console()
    indices = _chosen(images, class_name, 1 if pixels else n, seed)
    if pixels:
        _print_numbers(images, int(indices[0]))
        return
    from lookalike.show.terminal import ImageGrid

    shape = "x".join(str(length) for length in images.images.shape[1:])
    of = f"class {plain(class_name)}" if class_name else f"{len(images.class_names)} classes"
    console.print(
        f"{plain(images.source.name)} ({part}): {len(indices)} of {len(images):,} images, "
        f"{shape} {images.images.dtype}, {of}"
    )
    labels = images.labels
    console.print(
        ImageGrid(
            [images.images[index] for index in indices],
            [_caption(str(labels[index]), images.names[index]) for index in indices],
        ),
        end="",
    )


def _print_numbers(images: LabelledImages, index: int) -> None:
    """Print what one image is, as array and as tensor, and its numbers."""
    from importlib.util import find_spec

    from lookalike.data.bridges import channels_first
    from lookalike.images import describe
    from lookalike.show.terminal import PixelTable

    console = common.console()
    image = images.images[index]
    # What the tensors are is known without torch, which takes seconds to import.
    absent = "" if find_spec("torch") else ' (torch is not installed: pip install "lookalike[torch]")'
    given, ready = describe(image), describe(channels_first(image[None])[0])
    console.print(f"{plain(images.names[index])}, class {plain(images.labels[index])}")
    console.print(f"array        {given}")
    console.print(f"tensor       {given.replace(str(image.dtype), f'torch.{image.dtype}')}{absent}")
    console.print(f".to_torch()  {ready.replace('float32', 'torch.float32')}")
    console.print(PixelTable(image), end="", soft_wrap=True)


def _caption(label: str, name: str) -> str:
    """Return class and name, once where the name's folder is the class."""
    return name if name.split("/")[0] == label else f"{label}  {name}"


def _chosen(images: LabelledImages, class_name: str, n: int, seed: int) -> NDArray[Any]:
    """Return the indices of up to ``n`` images drawn at random: of one class, or of each class in turn."""
    import numpy as np

    from lookalike.data.labelled import face_values

    labels = dict(zip(images.class_names, face_values(images.class_names), strict=True))
    if class_name and class_name not in labels:
        raise InputError(unknown("class", class_name, images.class_names))
    wanted = [class_name] if class_name else list(images.class_names)
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(np.flatnonzero(images.labels == labels[name])) for name in wanted]
    turns = max(len(indices) for indices in drawn)
    in_turn = [indices[turn] for turn in range(min(turns, n)) for indices in drawn if turn < len(indices)]
    return np.array(in_turn[:n])
