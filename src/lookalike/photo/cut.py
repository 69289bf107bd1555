"""Crops of the places of a value: cut out of photographs, and labelled by the photographs' names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import DataError, InputError
from lookalike.files import MAX_FILE_BYTES, read_file, write_whole
from lookalike.photo.layout import PhotoLayout, read_photograph
from lookalike.photo.register import PhotographError, Registrar, opencv
from lookalike.text import quoted

Bytes = NDArray[np.uint8]


def crops_of(layout: PhotoLayout, image: Bytes) -> Bytes:
    """Return what stands in each place of a photograph that lies on the reference, ``(places, h, w, 3)``."""
    cv2 = opencv()
    height, width = layout.crop_size
    target = np.array([[0, 0], [width, 0], [0, height]], np.float32) - 0.5
    found = []
    for place in layout.places:
        upper_left, upper_right, _, lower_left = place.corners.astype(np.float32) - 0.5
        matrix = cv2.getAffineTransform(target, np.stack([upper_left, upper_right, lower_left]))
        # A crop that is far smaller than its place would be sampled at few of its pixels.
        factor = max(1, round(float(np.hypot(*(lower_left - upper_left))) / height))
        large = np.diag([1 / factor, 1 / factor, 1.0])
        large[:2, 2] = 0.5 / factor - 0.5
        fine = (np.vstack([matrix, [0, 0, 1]]) @ large)[:2]
        crop = cv2.warpAffine(
            image,
            fine,
            (width * factor, height * factor),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        found.append(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA) if factor > 1 else crop)
    return np.stack(found)


def characters_of(layout: PhotoLayout, written: str, name: object) -> str:
    """Return the characters of all places of a value as somebody wrote it, ``00715`` or ``007.15``.

    Raises
    ------
    InputError
        It has another number of characters, or one that may not stand in its place.
    """
    text, decimals = written.strip(), layout.value.decimals
    if decimals and text[-decimals - 1 : -decimals] == ".":
        text = text[: -decimals - 1] + text[-decimals:]
    if layout.value.sign and len(text) == len(layout.places) - 1:
        text = f"+{text}"
    if len(text) != len(layout.places):
        raise InputError(
            f"{quoted(name)} says {quoted(written, 40)}: expected the {len(layout.places)} characters of the "
            f"value, such as {layout.value.written(''.join(place.characters[0] for place in layout.places))}"
        )
    for place, character in zip(layout.places, text, strict=True):
        if character not in place.characters:
            raise InputError(
                f"{quoted(name)} says {quoted(written, 40)}: {character!r} cannot stand in {place.name}, "
                f"expected one of {place.characters}"
            )
    return text


def value_in_name(path: Path) -> str:
    """Return the value that a photograph is named after: ``00715.jpg``, or ``00715_2.jpg`` for one more.

    Examples
    --------
    >>> from pathlib import Path
    >>> from lookalike.photo.cut import value_in_name
    >>> value_in_name(Path("photos/00715_evening.jpg"))
    '00715'
    """
    return path.stem.partition("_")[0]


def values_in(path: Path) -> dict[str, str]:
    """Return the values of photographs by their names, of a CSV with the columns ``photograph,value``."""
    text = read_file(path, path, MAX_FILE_BYTES).decode("utf-8-sig", "replace")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise InputError(f"{quoted(path)} is no CSV ({error}): expected lines of photograph,value") from error
    if not rows or [cell.strip().lower() for cell in rows[0]] != ["photograph", "value"]:
        raise InputError(f"{quoted(path)} does not begin with photograph,value: expected that first line")
    if any(len(row) != 2 for row in rows):
        raise InputError(f"{quoted(path)} has a line of other than two cells: expected photograph,value")
    values: dict[str, str] = {}
    for name, value in ((name.strip(), value) for name, value in rows[1:]):
        if values.setdefault(name, value) != value:
            raise InputError(
                f"{quoted(path)} says both {quoted(values[name], 40)} and {quoted(value, 40)} of "
                f"{quoted(name)}: expected one value of each photograph"
            )
    return values


def cut(
    layout: PhotoLayout,
    photographs: Iterable[Path],
    folder: Path,
    values: Mapping[Path, str] | None = None,
) -> Iterator[tuple[Path, int]]:
    """Cut the places out of photographs, and yield each photograph with how many crops were written of it.

    Parameters
    ----------
    layout : PhotoLayout
        Where the places are.
    photographs : iterable of Path
        Photographs; of one that is damaged or cannot be laid on the reference nothing is written.
    folder : Path
        Where crops go: ``NAME_PLACE.png``, in a folder for each character where values are known.
    values : mapping of Path to str, optional
        What each photograph shows.

    Raises
    ------
    PhotographError
        Some photographs are damaged or cannot be laid on the reference; all others were cut.
    InputError
        A value cannot be what a photograph of this layout shows, two photographs' crops would have one name,
        or a crop is in the folder already as another character. Nothing is written then.
    """
    photographs = list(photographs)
    known = None if values is None else {p: characters_of(layout, v, p.name) for p, v in values.items()}
    targets = _targets(layout, photographs, folder, known)
    registrar = Registrar(layout)
    failed: list[str] = []
    for path in photographs:
        try:
            crops = crops_of(layout, registrar.register(read_photograph(path)).image)
        except (DataError, PhotographError) as error:
            failed.append(str(error) if isinstance(error, DataError) else f"{quoted(path)}: {error}")
            yield path, 0
            continue
        for target, crop in zip(targets[path], crops, strict=True):
            _write(target, crop)
        yield path, len(crops)
    if failed:
        raise PhotographError(
            f"{len(failed):,} of {len(photographs):,} photographs were not cut, the others were: "
            f"{'; '.join(failed[:3])}{'; ...' if len(failed) > 3 else ''}"
        )


def _targets(
    layout: PhotoLayout, photographs: Iterable[Path], folder: Path, known: Mapping[Path, str] | None
) -> dict[Path, list[Path]]:
    """Return where each photograph's crops go, none of them over or beside another one of its name."""
    before = {path.name: path for pattern in ("*.png", "*/*.png") for path in folder.glob(pattern)}
    stems: dict[str, Path] = {}
    targets: dict[Path, list[Path]] = {}
    for path in photographs:
        if path.stem in stems:
            raise InputError(
                f"crops of {quoted(stems[path.stem])} and {quoted(path)} would have the same names: rename "
                "one, or name each photograph once"
            )
        stems[path.stem] = path
        characters = [""] * len(layout.places) if known is None else known[path]
        targets[path] = [
            folder / character / f"{path.stem}_{place.name}.png"
            for character, place in zip(characters, layout.places, strict=True)
        ]
        for target in targets[path]:
            if before.get(target.name, target) != target:
                raise InputError(
                    f"{quoted(before[target.name])} is there from before, and would now be {quoted(target)}: "
                    "delete it, or name a new folder"
                )
    return targets


def _write(path: Path, crop: Bytes) -> None:
    from lookalike.show.images import png_bytes

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, png_bytes(crop))
