"""What is wrong with an image and what to do with it: a table that people edit, applied to a set."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lookalike.data.labelled import LabelledImages, face_values, natural_order
from lookalike.errors import DataError, InputError
from lookalike.text import csv_cell, listed, quoted

#: Each kind of finding: what ``--fail-on`` calls it, and what a heading says. Worst first.
KINDS: dict[str, str] = {
    "contradiction": "Copies with different labels",
    "label": "Probably wrong labels",
    "leak": "Images of one part that are in another",
    "duplicate": "Copies",
    "blame": "Images that mislead",
    "blank": "Blank images",
    "polarity": "Ink and paper exchanged",
    "off-centre": "Ink far from where it is in the others",
    "size": "Ink much larger or smaller than in the others",
    "outlier": "Images like no other",
    "few": "Classes with too few images to judge",
    "alike": "Classes that look the same",
    "drift": "Parts or groups that look different",
}
ACTIONS = ("keep", "relabel", "drop", "look")
#: The columns of a table of findings; the last is for people to say that they judged a line.
COLUMNS = (
    "data", "part", "image", "kind", "label", "action", "new_label", "score", "why", "others", "decided",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, of one image or, where there are several places, seen at them together."""

    kind: str  #: one of :data:`KINDS`
    places: tuple[int, ...]  #: the image, and the images that are the evidence; places in ``Audit.images``
    why: str  #: a sentence; names in it are untrusted
    action: str = "look"  #: what is proposed: keep, relabel, drop, or look
    label: Any = None  #: the label that is proposed
    #: Of a label: the expected share of wrong labels among this and all more suspicious ones.
    score: float | None = None


class Verdict(NamedTuple):
    """What a table says of one image."""

    part: str
    image: str
    action: str
    label: str


def rows_of(
    findings: Sequence[Finding], images: LabelledImages, parts: Sequence[str]
) -> dict[int, tuple[str, ...]]:
    """Return the cells of a table of findings for each image, harmless to spreadsheets, in their order."""
    own: dict[int, list[Finding]] = {}
    for one in findings:
        own.setdefault(one.places[0], []).append(one)
    rows = {}
    for place, said in own.items():
        # What is to be done with an image is said by the worst finding that says something.
        first = next((one for one in said if one.action != "look"), said[0])
        cells = (
            images.source.name,
            parts[place],
            images.names[place],
            ", ".join(dict.fromkeys(one.kind for one in said)),
            images.labels[place],
            first.action,
            first.label,
            None if first.score is None else f"{first.score:.4f}",
            "; ".join(one.why for one in said),
            " | ".join(images.names[other] for other in first.places[1:6]),
            None,
        )
        rows[place] = tuple(csv_cell(cell) for cell in cells)
    return rows


def to_csv(findings: Sequence[Finding], images: LabelledImages, parts: Sequence[str]) -> str:
    """Return findings as a table, a line an image; ``parts`` are those of the images."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows_of(findings, images, parts).values())
    return out.getvalue()


def read_csv(data: bytes, name: str = "findings") -> tuple[str, tuple[Verdict, ...]]:
    """Return the data that a table is of, and what it says of each image.

    Spreadsheets save tables with semicolons or tabs, too.

    Raises
    ------
    DataError
        It is no such table, has an action that is none, is of two data, or says two things of one image.
    """
    try:
        text = data.decode("utf-8-sig")
        between = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=between)
        rows = list(reader)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{quoted(name)} is no CSV file in UTF-8 ({error}): expected a table of findings; a spreadsheet "
            "saves it as CSV UTF-8"
        ) from error
    except csv.Error as error:
        raise DataError(f"{quoted(name)} is no CSV file ({error}): expected a table of findings") from error
    wanted = {"data", "part", "image", "action", "new_label"}
    if not wanted <= set(reader.fieldnames or ()):
        raise DataError(
            f"{quoted(name)} is no table of findings: expected the columns {', '.join(sorted(wanted))}, as "
            "lookalike audit DATA --write findings.csv makes them"
        )
    found: dict[tuple[str, str], Verdict] = {}
    for line, row in enumerate(rows, 2):
        values = [row[key] or "" for key in ("part", "image", "action", "new_label")]
        change = Verdict(*values)._replace(action=values[2].strip().lower())
        if change.action not in ACTIONS or (change.action == "relabel" and not change.label):
            raise DataError(
                f"line {line} of {quoted(name)} has the action {quoted(change.action)} and the label "
                f"{quoted(change.label)}: expected one of {', '.join(ACTIONS)}, and with relabel a label"
            )
        if change.action in ("keep", "look"):
            continue
        before = found.setdefault(change[:2], change)
        if before != change:
            raise DataError(
                f"{quoted(name)} says two things of image {quoted(change.image)} (one in line {line}): "
                "expected one action an image; set the others to keep"
            )
    of = list(dict.fromkeys(row["data"] or "" for row in rows))
    if len(of) > 1:
        raise DataError(f"{quoted(name)} is of {listed(of)}: expected the findings of one data set")
    return of[0] if of else "", tuple(found.values())


def changed(part: LabelledImages, changes: Iterable[Verdict]) -> tuple[LabelledImages, str]:
    """Return one part of a set as the changes that name it want it, and a sentence that counts them.

    Raises
    ------
    InputError
        An image is not there, several are called so, or none would be left.
    """
    mine = [change for change in changes if change.part == part.source.part]
    places = {csv_cell(name): place for place, name in enumerate(part.names)}
    missing = [change.image for change in mine if change.image not in places]
    if missing:
        raise InputError(
            f"no image of the {part.source.part} part is called {listed(missing, 3)}: expected the data that "
            "the findings were written of"
        )
    if len(places) < len(part):
        called = Counter(csv_cell(name) for name in part.names)
        several = [change.image for change in mine if called[change.image] > 1]
        if several:
            raise InputError(
                f"several images of the {part.source.part} part are called {listed(several, 3)}: expected a "
                "name of its own for each image that is to change"
            )
    texts = part.labels.astype(np.str_).astype(object)
    known = {csv_cell(name): name for name in part.class_names}
    kept = np.ones(len(part), np.bool_)
    for change in mine:
        place = places[change.image]
        if change.action == "drop":
            kept[place] = False
        else:
            # A space too many, in a cell that was edited by hand, makes no class of its own.
            texts[place] = known.get(change.label) or known.get(change.label.strip(), change.label)
    if not kept.any():
        raise InputError(f"all images of the {part.source.part} part would be dropped: keep one at least")
    dropped = int((~kept).sum())
    said = (
        f"{part.source.part}: {int(kept.sum()):,} of {len(part):,} images kept, {dropped:,} dropped, "
        f"{len(mine) - dropped:,} relabelled"
    )
    new = natural_order({str(text) for text in texts[kept]} - {*part.class_names})
    if new:
        said += f"; of new classes: {listed(new)}"
    left = part.take(np.flatnonzero(kept))
    names = natural_order({*part.class_names, *(str(text) for text in texts[kept])})
    faces = dict(zip(names, face_values(names), strict=True))
    labels = np.array([faces[str(text)] for text in texts[kept]])
    return LabelledImages(left.images, labels, tuple(names), left.names, left.groups, left.source), said
