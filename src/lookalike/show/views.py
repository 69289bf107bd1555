"""What is shown of each kind of result: its tables, and the lines above and below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, Evaluation, PairTest, Row
from lookalike.evaluation.statistics import letters
from lookalike.images import sizes
from lookalike.show import columns as kinds
from lookalike.show.columns import ALL, DATA, SHOWN, Column, Form, Table, decimals_for, interval
from lookalike.show.evidence import sentences
from lookalike.text import plain

#: A difference is real where its adjusted p-value is below this.
LEVEL = 0.05
#: How to read the letters of a comparison.
READING = (
    "Ideas that share a letter are not told apart by these images (compact letter display of McNemar's exact "
    f"tests, Holm's correction, {LEVEL:.0%} level)."
)
# Two or three classes have columns of their own; more would not fit a terminal.
_CLASS_COLUMNS = 3
_MOST_CLASSES = 40
# Of each kind of finding so many are shown.
_MOST_OF_KIND = 5
# A terminal shows some of the levels; JSON and pages have all.
_SHOWN_LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2)
_TERMINAL: frozenset[Form] = frozenset(("terminal",))
_TEXTS: frozenset[Form] = frozenset(("text", "terminal"))
_NOT_TEXT: frozenset[Form] = ALL - {"text"}
_PAGE: frozenset[Form] = frozenset(("page",))


class Line(NamedTuple):
    """A line of text, and Rich's style for it."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class View:
    """What is shown of a result."""

    items: tuple[Line | Table, ...]
    data: Table  # the rows of CSV and data frames
    above: tuple[Table, ...] = ()  # what whoever looks at the result itself sees first, and print leaves out


def view(result: Any) -> View:
    """Return what is shown of a result of any kind."""
    return _VIEWS[type(result).__name__](result)


def data_line(train: LabelledImages, valid: LabelledImages) -> str:
    """Return one line about the data."""
    return (
        f"{plain(train.source.name)}: {len(train):,} training images, {len(valid):,} to measure on, "
        f"{kind_of(train)}"
    )


def kind_of(images: LabelledImages) -> str:
    """Return size and classes of images in a few words."""
    names = [plain(name) for name in images.class_names]
    classes = ", ".join(names) if len(names) <= 10 else f"{names[0]} to {names[-1]}"
    size = sizes(images.images.shape[1:])
    return f"{size}, {len(names)} classes ({classes})"


def is_real(pair: PairTest) -> bool:
    """Return whether two ideas are told apart."""
    return pair.p_adjusted < LEVEL


def best_row(rows: Iterable[Row], *, references: bool = True) -> Row | None:
    """Return the first of the rows that were right most often; outside references count where asked for."""
    asked = [row for row in rows if row.evaluation is not None and (references or row.origin != "reference")]
    return max(asked, key=lambda row: row.evaluation.accuracy.value if row.evaluation else -1.0, default=None)


def measured(comparison: Comparison) -> list[tuple[int, Row, Evaluation]]:
    """Return the ideas that did not fail: their numbers, from 1, rows and evaluations."""
    rows = enumerate(comparison.rows, 1)
    return [(number, row, row.evaluation) for number, row in rows if row.evaluation is not None]


def _letters(comparison: Comparison) -> dict[str, str]:
    """Return the compact letter display of the ideas that have figures; the best has the first letter."""
    best_first = sorted(measured(comparison), key=lambda found: -found[2].accuracy.hits)
    different = [(pair.first, pair.second) for pair in comparison.pairs if is_real(pair)]
    return letters([row.name for _, row, _ in best_first], different)


def ideas_table(comparison: Comparison) -> Table:
    """Return the table of a comparison: a row an idea."""
    decimals = decimals_for(len(comparison.valid))
    macro, names = _of(lambda found: found.macro), comparison.train.class_names
    marks = _letters(comparison)
    best = max((found.accuracy.value for _, _, found in measured(comparison)), default=0.0)

    def style(row: Row, key: str) -> str:
        return _idea_style(row, key, rate(row), best) if key in ("title", "accuracy") else ""

    rate, predict = _of(lambda found: found.accuracy), _of(lambda found: found.predict_seconds)
    shown = (
        Column("idea", "", lambda row: row.name, kinds.WORDS, DATA),
        Column("title", "idea", lambda row: row.title, kinds.WORDS, ALL, folds=True),
        Column("origin", "", lambda row: row.origin, kinds.WORDS, DATA),
        Column("accuracy", "right", rate, kinds.COUNTED_RATE, missing="failed", counts=("right", "n")),
        Column("interval", "95 % interval", rate, kinds.INTERVAL, SHOWN),
        Column("letters", "letters", lambda row: marks.get(row.name), kinds.WORDS),
        Column("mean_of_classes", "mean of\nclasses", macro, kinds.ESTIMATE, goes=1, decimals=decimals),
        *(
            Column(
                f"class {one}", plain(one), _of(partial(_rate_of, name=one)), kinds.RATE, _TERMINAL, goes=2
            )
            for one in (names if len(names) <= _CLASS_COLUMNS else ())
        ),
        Column("fit_seconds", "fit", lambda row: row.fit_seconds, kinds.SECONDS, _NOT_TEXT, goes=4),
        Column("predict_seconds", "predict", predict, kinds.SECONDS, _NOT_TEXT, goes=3),
        Column("size_bytes", "size", lambda row: row.size_bytes, kinds.BYTES, _NOT_TEXT, goes=5),
        Column("warnings", "", lambda row: row.warnings, kinds.NOTES, DATA),
        Column("error", "", lambda row: row.error, kinds.WORDS, DATA),
    )
    return Table(shown, comparison.rows, style)


def _of(take: Callable[[Evaluation], Any]) -> Callable[[Row], Any]:
    """Return what takes a figure out of a row; None where the idea failed."""
    return lambda row: None if row.evaluation is None else take(row.evaluation)


def pairs_table(comparison: Comparison) -> Table:
    """Return the table of every two ideas."""
    titles = {row.name: row.title for row in comparison.rows}
    shown = (
        Column("first", "", lambda pair: pair.first, kinds.WORDS, DATA),
        Column("second", "", lambda pair: pair.second, kinds.WORDS, DATA),
        Column("first_title", "first idea", lambda pair: titles[pair.first], kinds.WORDS, SHOWN),
        Column("second_title", "second idea", lambda pair: titles[pair.second], kinds.WORDS, SHOWN),
        Column("only_first", "only the first right", lambda pair: pair.only_first, kinds.COUNT),
        Column("only_second", "only the second right", lambda pair: pair.only_second, kinds.COUNT),
        Column("p_value", "p", lambda pair: pair.p_value, kinds.P_VALUE),
        Column("p_adjusted", "p, corrected", lambda pair: pair.p_adjusted, kinds.P_VALUE),
    )
    return Table(shown, comparison.pairs, lambda pair, key: _best(key == "p_adjusted" and is_real(pair)))


def rates_table(comparison: Comparison) -> Table:
    """Return the table of every class by every idea that did not fail; a row is a class's name."""
    counts = comparison.valid.counts()
    shown = (
        Column("class", "class", lambda name: name, kinds.WORDS),
        Column("images", "images", lambda name: counts[name], kinds.COUNT),
        *(
            Column(row.name, plain(row.title), partial(_rate_of, found), kinds.RATE)
            for _, row, found in measured(comparison)
        ),
    )
    return Table(shown, [name for name in counts if counts[name]])


def classes_table(evaluation: Evaluation, codes: Iterable[int] | None = None) -> Table:
    """Return the table of classes; a row is a class's code."""
    rates, taken_for = evaluation.per_class, partial(_taken_for, evaluation)
    shown = (
        Column("class", "class", lambda code: evaluation.classes[code], kinds.WORDS),
        Column("images", "images", lambda code: rates[code].n, kinds.COUNT, SHOWN, goes=2),
        Column("accuracy", "right", rates.__getitem__, kinds.RATE, counts=("right", "n")),
        Column("interval", "95 % interval", rates.__getitem__, kinds.INTERVAL, _TEXTS),
        Column("taken_for", "most often\ntaken for", taken_for, kinds.WORDS, SHOWN, goes=1),
    )
    return Table(shown, list(range(len(rates)) if codes is None else codes))


def levels_table(found: Any, levels: Sequence[Any] | None = None) -> Table:
    """Return the table of levels of rejection of an appraisal."""
    chosen = found.chosen
    names = [one.kind for one in found.out_of_distribution]

    def rates(key: str, heading: str, rate: Callable[[Any], Any], goes: int = 0) -> Column:
        # On a page there is no column of nothing.
        forms = ALL if rate(chosen).n else ALL - {"page"}
        return Column(key, heading, rate, kinds.RATE, forms, f"{rate(chosen).n:,}", goes)

    shown = (
        Column("level", "rejected\nat level", lambda level: level.alpha, kinds.NUMBER),
        Column("rejected", "", lambda level: level.known, kinds.RATE, DATA),
        rates("right_rejected", "right answers", lambda level: level.right),
        rates("wrong_rejected", "wrong answers", lambda level: level.wrong),
        *(
            rates(
                f"{name} rejected" if names.count(name) == 1 else f"{name} ({place + 1}) rejected",
                plain(name),
                partial(_kind_rate, place),
                goes=place + 1,
            )
            for place, name in enumerate(names)
        ),
        Column("basis", "rests on", lambda level: level.basis.kind, kinds.WORDS, _PAGE | DATA),
    )
    rows = found.levels if levels is None else levels
    return Table(shown, rows, lambda level, key: _best(level.alpha == found.alpha))


def summary(evaluation: Evaluation) -> tuple[Line, ...]:
    """Return the figures of all images in lines."""
    macro, found = evaluation.macro, evaluation.reliability
    means = Line(f"mean of classes: {macro.value:.4f} (95 % interval {interval(macro)})")
    probabilities = () if found is None else (Line(f"probabilities: {found}"),)
    copies = _copies(evaluation.leaks, evaluation.contradictions)
    return (Line(f"right: {evaluation.accuracy}"), means, *probabilities, *copies)


def _copies(leaks: int | None, contradictions: int | None) -> tuple[Line, ...]:
    """Return a line where images occur twice that should not."""
    if not leaks and not contradictions:
        return ()
    text = (
        f"copies: {leaks or 0:,} measured on are training images, {contradictions or 0:,} are of two classes"
    )
    return (Line(text, "yellow"),)


def _best(is_best: bool) -> str:
    return "bold" if is_best else ""


def _idea_style(row: Any, key: str, rate: Any, best: float) -> str:
    """Return the style of a title or of a rate: references are dim, failures yellow, the best is bold."""
    if key == "title":
        return "dim" if row.origin == "reference" else ""
    return "yellow" if rate is None else _best(rate.value == best)


def _rate_of(evaluation: Evaluation, name: str) -> Any:
    """Return the rate of one class, if there is one."""
    return dict(zip(map(str, evaluation.classes.tolist()), evaluation.per_class, strict=True)).get(name)


def _kind_rate(place: int, level: Any) -> Any:
    return level.out_of_distribution[place]


def _taken_for(evaluation: Evaluation, code: int) -> str:
    """Return what a class is most often taken for; of equally frequent ones the first."""
    others = evaluation.confusion[code].copy()
    others[code] = 0
    most = int(np.argmax(others))
    return f"{evaluation.classes[most]} ({others[most]:,})" if others[most] else ""


def _notes(told: Iterable[tuple[str, Iterable[str | None]]]) -> list[Line]:
    """Return what is said of ideas, each by its title: what is said of several alike in one line."""
    titles: dict[str, list[str]] = {}
    for title, notes in told:
        for note in filter(None, dict.fromkeys(notes)):
            titles.setdefault(note, []).append(title)
    return [Line(plain(f"{'; '.join(of)}: {note}"), "yellow") for note, of in titles.items()]


def _comparison(comparison: Comparison) -> View:
    table = ideas_table(comparison)
    notes = _notes(
        (row.title, (row.error and f"failed: {row.error}", *row.warnings)) for row in comparison.rows
    )
    reading = [Line(READING, "dim")] if comparison.pairs else []
    head = Line(data_line(comparison.train, comparison.valid), "bold")
    copies = _copies(comparison.leaks, comparison.contradictions)
    return View((head, table, *notes, *copies, *reading), table)


def _best_fit(found: Any) -> View:
    """Return what is shown of a fit: the ideas that were judged, what was fitted, and why it is as it is."""
    n = f"{len(found.images):,} images"
    items: list[Line | Table] = [
        Line(f"{plain(found.images.source.name)}: {n}, {kind_of(found.images)}", "bold")
    ]
    worth, table = "", Table((), ())
    if found.comparison is not None:
        judged = _comparison(found.comparison)
        items += judged.items[1:]
        table, accuracy = judged.data, found.row.evaluation.accuracy
        worth = f", right about {accuracy.hits:,} of {accuracy.n:,} images that were left out"
    items.append(Line(plain(f"Fitted on all {n}: {found.title}{worth}."), "bold"))
    items += [Line(plain(f"- {reason}")) for reason in found.reasons]
    return View(tuple(items), table)


def _appraisal(found: Any) -> View:
    evaluation, source = found.evaluation, found.data.source
    # Images without parts are read as training images; a note says which parts there are.
    part = "" if source.part == "train" else f" ({source.part})"
    codes = range(len(evaluation.classes))
    least = sorted(codes, key=lambda code: (evaluation.per_class[code].value, code))[:_MOST_CLASSES]
    shown = [level for level in found.levels if level.alpha in {*_SHOWN_LEVELS, found.alpha}]
    items: list[Line | Table] = [
        Line(f"{plain(source.name)}{part}: {len(found.data):,} images, {kind_of(found.data)}", "bold"),
        classes_table(evaluation, sorted(least)),
    ]
    if len(codes) > _MOST_CLASSES:
        items.append(Line(f"The {_MOST_CLASSES} classes that are least often right, of {len(codes)}."))
    items += [Line(""), *summary(evaluation)]
    if not found.model.calibrated_:
        items.append(Line("A class has a single training image: the probabilities are a rule of thumb."))
    items += [Line(""), levels_table(found, shown)]
    items.append(Line(f"Level {found.alpha:g}: {plain(found.chosen.basis.sentence)}.", "dim"))
    return View(tuple(items), levels_table(found))


def _curve(curve: Any) -> View:
    """Return what is shown of a curve: in a narrow terminal, the fewest examples and all of them."""
    best = [
        max((point.accuracy.value for point in points if point.accuracy is not None), default=0.0)
        for points in zip(*(row.points for row in curve.rows), strict=True)
    ]

    def style(row: Any, key: str) -> str:
        place = 0 if key == "title" else int(key)
        return _idea_style(row, key, row.points[place].accuracy, best[place])

    table = Table(
        (
            Column("title", "examples of each class", lambda row: row.title, kinds.WORDS, folds=True),
            *(
                # Every second number goes first: what is left still shows how a line rises.
                Column(
                    str(place),
                    heading,
                    partial(_accuracy_at, place),
                    kinds.POINT,
                    goes=0 if place in (0, len(curve.sizes)) else 1 + place % 2,
                    missing="failed",
                    decimals=decimals_for(len(curve.valid)),
                )
                for place, heading in enumerate((*(f"{size:,}" for size in curve.sizes), "all"))
            ),
        ),
        curve.rows,
        style,
    )
    notes = _notes(
        (
            row.title,
            (
                text
                for point in row.points
                for text in (
                    point.error and f"failed from {point.n or 'all'}: {point.error}",
                    *point.warnings,
                )
            ),
        )
        for row in curve.rows
    )
    drawn = (
        f"Rates of right answers, 95 % intervals (±: half of one): means of {curve.draws} draws, for other "
        "draws and images; "
        if curve.sizes
        else ""
    )
    reading = f"{drawn}all: one fit on all {len(curve.train):,} images, Wilson's interval."
    head = Line(data_line(curve.train, curve.valid), "bold")
    return View((head, table, *notes, Line(reading, "dim")), points_table(curve.rows))


def _accuracy_at(place: int, row: Any) -> Any:
    return row.points[place].accuracy


def points_table(rows: Sequence[Any]) -> Table:
    """Return a curve as data: a row is an idea's row and one of its points."""
    shown = (
        Column("idea", "", lambda one: one[0].name, kinds.WORDS),
        Column("title", "", lambda one: one[0].title, kinds.WORDS),
        Column("origin", "", lambda one: one[0].origin, kinds.WORDS),
        Column("examples_of_each_class", "", lambda one: one[1].n or "all", kinds.WORDS),
        Column("draws", "", lambda one: len(one[1].accuracies), kinds.COUNT),
        Column("accuracy", "", lambda one: one[1].accuracy, kinds.POINT),
        Column("interval", "", lambda one: "draws and images" if one[1].n else "wilson", kinds.WORDS),
        Column("warnings", "", lambda one: one[1].warnings, kinds.NOTES),
        Column("error", "", lambda one: one[1].error, kinds.WORDS),
    )
    return Table(shown, [(row, point) for row in rows for point in row.points])


def _explanations(explained: Sequence[Any]) -> View:
    """Return what is shown of evidence: what each answer rests on, in words."""

    def runner_up(one: Any) -> Any:
        return one.for_runner_up and one.for_runner_up.distance

    shown = (
        Column("idea", "", lambda one: one.idea, kinds.WORDS),
        Column("answer", "answer", lambda one: one.answer, kinds.WORDS),
        Column("distance", "distance", lambda one: one.for_answer.distance, kinds.DISTANCE),
        Column("runner_up", "runner-up", lambda one: one.runner_up, kinds.WORDS),
        Column("runner_up_distance", "its distance", runner_up, kinds.DISTANCE),
        Column("margin", "margin", lambda one: one.margin, kinds.DISTANCE),
        Column("outvoted", "", lambda one: one.outvoted, kinds.WORDS),
        Column("voters", "", lambda one: one.voters, kinds.COUNT),
        Column("coverage", "", lambda one: one.coverage, kinds.DISTANCE),
    )
    lines = tuple(Line(" ".join(sentences(one))) for one in explained)
    return View(lines, Table(shown, list(explained)))


def findings_table(found: Any, issues: Sequence[Any]) -> Table:
    """Return the table of what an audit found, a row a finding."""
    images, parts = found.images, found.parts
    shown = (
        Column("kind", "finding", lambda one: one.kind, kinds.WORDS),
        Column("part", "part", lambda one: str(parts[one.places[0]]), kinds.WORDS, goes=3),
        Column("image", "image", lambda one: images.names[one.places[0]], kinds.WORDS),
        Column("place", "", lambda one: one.places[0], kinds.COUNT, DATA),
        Column("label", "label", lambda one: str(images.labels[one.places[0]]), kinds.WORDS),
        Column("action", "to do", lambda one: one.action, kinds.WORDS, goes=1),
        Column(
            "new_label",
            "rather",
            lambda one: None if one.label is None else str(one.label),
            kinds.WORDS,
        ),
        Column("score", "wrong", lambda one: one.score, kinds.DISTANCE, goes=2),
        Column("why", "why", lambda one: one.why, kinds.WORDS, folds=True),
        Column("others", "", lambda one: one.places[1:], kinds.PLACES, DATA),
    )
    return Table(shown, issues)


def leaks_table(found: Any) -> Table:
    """Return what ideas are worth with and without the images that are in both parts."""
    shown = (
        Column("idea", "", lambda row: row.name, kinds.WORDS, DATA),
        Column("title", "idea", lambda row: row.title, kinds.WORDS, folds=True),
        Column("everything", "right", lambda row: row.everything, kinds.COUNTED_RATE),
        Column("everything_interval", "95 % interval", lambda row: row.everything, kinds.INTERVAL, SHOWN),
        Column("without", "without leaks", lambda row: row.without, kinds.COUNTED_RATE),
        Column("without_interval", "95 % interval", lambda row: row.without, kinds.INTERVAL, SHOWN),
    )
    return Table(shown, found.leaks)


def wrong_text(found: Any) -> str:
    """Return in a sentence how many labels are expected to be wrong."""
    rate = found.suspects.rate
    crossed = int((found.suspects.scores > 0).sum())
    few = (
        f"{crossed:,} of {len(found.images):,} images lie nearer to another class, too many to tell"
        if found.suspects.too_many
        else "too few labels can be judged"
    )
    told = f"not known, for {few}" if rate is None else f"{rate:.2%}"
    return f"Expected share of wrong labels: {told}."


def enough_text(found: Any) -> str:
    """Return in a sentence what more images would buy."""
    enough = found.enough

    def rate(one: Any) -> str:
        return f"{one.value:.2%} ({one.low:.2%}-{one.high:.2%})"

    ten, hundred = enough.predicted
    return (
        f"The nearest image is of another class for {rate(enough.wrong)} of the images, each left out, with "
        f"{enough.per_class:,.0f} of a class; if the curve goes on, for {rate(ten)} with 10 and "
        f"{rate(hundred)} with 100 more of each. Class {plain(found.class_named(enough.needs))} needs them "
        f"most ({enough.needs_rate:.1%} of its own)."
    )


def _audit(found: Any) -> View:
    """Return what is shown of an audit: how much was found, and the worst of each kind."""
    parts, counts = np.unique(found.parts, return_counts=True)
    each = ", ".join(f"{count:,} {part}" for part, count in zip(parts.tolist(), counts.tolist(), strict=True))
    images = found.images
    head = f"{plain(images.source.name)}: {len(images):,} images ({each}), {kind_of(images)}"
    items: list[Line | Table] = [Line(head, "bold")]
    some: list[Any] = []
    for kind in found.counts:
        some += [one for one in found.issues if one.kind == kind][:_MOST_OF_KIND]
    if some:
        told = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
        counted = "1 finding:" if len(found.issues) == 1 else f"{len(found.issues):,} findings:"
        items += [findings_table(found, some), Line(f"{counted} {told}.")]
        if len(some) < len(found.issues):
            items.append(Line(f"The first {_MOST_OF_KIND} of each kind are shown.", "dim"))
    else:
        items.append(Line("Nothing was found."))
    items.append(Line(wrong_text(found)))
    if found.leaks:
        items.append(leaks_table(found))
    if found.enough is not None:
        items.append(Line(enough_text(found)))
    if found.picked:
        items.append(Line("To be labelled next: " + ", ".join(map(plain, found.picked))))
    items += [Line(plain(note), "dim") for note in found.notes]
    return View(tuple(items), findings_table(found, found.issues))


_VIEWS: dict[str, Callable[[Any], View]] = {
    "Audit": _audit,
    "Appraisal": _appraisal,
    "BestFit": _best_fit,
    "Comparison": _comparison,
    "Curve": _curve,
    "Evaluation": lambda found: View(summary(found), classes_table(found), (classes_table(found),)),
    "Explanations": _explanations,
}
