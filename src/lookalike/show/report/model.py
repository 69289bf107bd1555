"""The report of one model: one HTML file that needs nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from lookalike.evaluation.appraise import Appraisal
from lookalike.evaluation.results import Comparison, Row
from lookalike.files import write_whole
from lookalike.show.formats import NARROW, decimals_for, listing, memory, percent, span
from lookalike.show.pages import render
from lookalike.show.report.answers import answers
from lookalike.show.report.charts import probabilities, rejection
from lookalike.show.report.comparison import classes
from lookalike.show.report.explained import mistakes
from lookalike.show.report.facts import Part, part_facts, today, versions
from lookalike.store import ModelInfo, model_info, unsaved_info
from lookalike.text import plain

_NAMED_CLASSES = 4


@dataclass(frozen=True)
class Worth:
    """The head of the page, as harmless text."""

    title: str
    subtitle: str
    reading: tuple[str, ...]  # the result in plain sentences
    notes: tuple[str, ...]  # what a reader of the figures must know


@dataclass(frozen=True)
class ModelFacts:
    """What the figures rest on, as harmless text."""

    model: tuple[tuple[str, str], ...]
    part: Part
    seed: str
    command: str
    date: str
    versions: tuple[tuple[str, str], ...]


def write_model_report(
    found: Appraisal,
    path: str | os.PathLike[str],
    *,
    file: str | os.PathLike[str] | None = None,
    command: str = "",
) -> None:
    """Write what a model is worth as one HTML page that needs no network and no script.

    The page is replaced as a whole or, on any error, not touched. ``file`` is the model's, and ``command``
    makes the page again.
    """
    info = unsaved_info(found.model) if file is None else model_info(file)
    page = render_model(found, info=info, name="" if file is None else os.fspath(file), command=command)
    write_whole(Path(path), page.encode())


def render_model(found: Appraisal, *, info: ModelInfo, name: str, command: str) -> str:
    """Return the page; ``name`` is the model's file, empty where it is in none."""
    alone = _alone(found, info)
    return render(
        "model_page.html.jinja",
        worth=_worth(found, info),
        classes=classes(alone),
        probabilities=probabilities(found),
        rejection=rejection(found),
        answers=answers(alone),
        mistakes=mistakes(found),
        facts=_facts(found, info, name, command),
    )


def _alone(found: Appraisal, info: ModelInfo) -> Comparison:
    """Return the model as the one row of a comparison."""
    row = Row(info.idea, info.title, "ours", found.evaluation, None, (), None, None, found.model)
    return Comparison(found.data, found.data, (row,), (), found.seed)


def _worth(found: Appraisal, info: ModelInfo) -> Worth:
    """Return the head of the page."""
    names = [plain(name) for name in found.data.class_names]
    classes = listing(names, "or") if len(names) <= _NAMED_CLASSES else f"{len(names)} classes"
    total = sum(count for _, count in info.classes)
    return Worth(
        title=f"{plain(info.title)}: {classes}",
        subtitle=f"A model of {total:,} images, measured on {len(found.data):,} of "
        f"{plain(found.data.source.name)}",
        reading=_reading(found),
        notes=tuple(plain(note) for note in found.notes),
    )


def _reading(found: Appraisal) -> tuple[str, ...]:
    """Return the result in plain sentences, made from the figures alone."""
    rate, macro, reliability = found.evaluation.accuracy, found.evaluation.macro, found.evaluation.reliability
    assert reliability is not None
    decimals = decimals_for(rate.n)
    chosen = found.chosen
    sentences = [
        f"Right are {percent(rate.value, decimals)} of {rate.n:,} answers, with a 95{NARROW}% interval of "
        f"{span(rate.low, rate.high, decimals)}; the mean of the classes’ rates is "
        f"{percent(macro.value, decimals)}.",
        f"The model takes its answers to be {percent(reliability.confidence, decimals)} likely on average; "
        f"its expected calibration error is {percent(reliability.error, decimals)}.",
        f"At the level {found.alpha:g} it rejects {percent(chosen.right.value, decimals)} of its right "
        "answers"
        + (f" and {chosen.wrong.hits:,} of {chosen.wrong.n:,} wrong ones." if chosen.wrong.n else "."),
    ]
    kinds = [
        f"{percent(rate.value, decimals_for(rate.n))} of {rate.n:,} ({plain(one.kind)})"
        for one, rate in zip(found.out_of_distribution, chosen.out_of_distribution, strict=True)
    ]
    sentences.append(f"Of images of no class it rejects {listing(kinds)}.")
    return tuple(sentences)


def _facts(found: Appraisal, info: ModelInfo, name: str, command: str) -> ModelFacts:
    """Return what the figures rest on."""
    data = info.data
    known = [
        *([("File", f"{name}, {memory(info.size)}, written by lookalike {info.library}")] if name else ()),
        ("Idea", f"{info.title} ({info.idea})"),
        *(("Prepares", step) for step in info.preparation),
    ]
    if data is not None:
        known.append(("Fitted on", f"{data.name}, {data.n:,} images, SHA-256 {data.sha256}"))
    if info.changed:
        known.append(("Changed", "it learned or forgot images since"))
    return ModelFacts(
        model=tuple((term, plain(text)) for term, text in known),
        part=replace(part_facts("measured on", found.data), title="The images"),
        seed=str(found.seed),
        command=plain(command),
        date=today(),
        versions=versions(),
    )
