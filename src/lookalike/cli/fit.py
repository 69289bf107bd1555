"""``lookalike fit``: a model file from labelled images, with what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lookalike.cli import common, outputs
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.data.labelled import LabelledImages
    from lookalike.evaluation.folds import OutOfFold
    from lookalike.evaluation.results import Row
    from lookalike.registry import Idea

# What is fitted where nothing can be judged: it needs one example.
_UNJUDGED = "deformable"
_UNJUDGED_NOTE = "No class has two images (of two groups): none could be left out, so no idea was judged."
# A model file takes no longer texts.
_LONGEST_NOTE = 1000

Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FILE", help="The model file to write; nothing but a model is written over."
    ),
]
IdeaName = Annotated[
    str,
    typer.Option("--idea", metavar="IDEA", help="The idea to fit, such as deformable; by default the best."),
]


class _Fitted(NamedTuple):
    """What came of a fit."""

    train: LabelledImages
    found: OutOfFold | None
    row: Row | None
    idea: Idea
    model: Any
    path: Path


def fit(
    data: common.Data,
    output: Output,
    idea: IdeaName = "",
    card: Annotated[
        bool, typer.Option("--card", help="Write a model card (Markdown) beside the model file.")
    ] = False,
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Fit a model on labelled images and write it to a file.

    It is fitted on the whole training part; of images without parts, on all of them. Without --idea it is the
    idea with the most right answers to images that were left out of its fits (five folds, at most about
    2,000 images judged); of equally good ones, the one that compare lists last, since the later ones take
    more of an image into account. Try: lookalike fit digits -o digits.lookalike
    """
    import lookalike
    from lookalike.data.load import load_to_fit

    common.check_one_format(as_json, as_csv)
    outputs.check_model(output, data, card)
    ideas = _ideas(idea)
    with common.progress(quiet) as tell:
        train = load_to_fit(
            data,
            classes=common.split_list(classes),
            size=common.parse_size(size),
            limit=limit,
            seed=seed,
            skip_bad=skip_bad,
            progress=tell,
        )
        if not quiet:
            common.say_notes(*train.source.notes)
        found, row = _judged(train, ideas, seed, tell)
        name = row.name if row else idea or _UNJUDGED
        chosen = next(one for one in ideas if one.name == name)
        tell(f"{chosen.title}: fit on all images", 0, None)
        model = chosen.make().fit(train.images, train.labels)
        # Kept in the file, so that nobody who asks for probabilities or refusals has to wait for it.
        tell("how sure answers are", 0, None)
        model.rejection_basis()
        tell("writing the model", 0, None)
        lookalike.save_model(model, output, data=train, card=card, figures=_figures(found, row))
    if not quiet:
        common.say_notes(*(found.folds.notes if found else (_UNJUDGED_NOTE,)))
    _show(_Fitted(train, found, row, chosen, model, output), as_json, as_csv)
    common.say_written("model", output, quiet)


def _ideas(name: str) -> list[Idea]:
    """Return the ideas to judge: the one that was named, or our own default ones."""
    from lookalike import registry
    from lookalike.errors import InputError

    ours = [one for one in registry.IDEAS if not one.reference]
    if not name:
        return [one for one in ours if one.by_default]
    if registry.idea(name).reference:
        known = ", ".join(one.name for one in ours)
        raise InputError(f"--idea {name} is there to compare with only: expected one of {known}")
    return [registry.idea(name)]


def _judged(
    train: LabelledImages, ideas: list[Idea], seed: int, tell: Progress
) -> tuple[OutOfFold, Row] | tuple[None, None]:
    """Return what the ideas are worth and which is best, or nothing where nothing can be judged."""
    from lookalike.evaluation.folds import best, make_folds, out_of_fold

    if not make_folds(train.labels, train.groups, seed=seed).parts:
        return None, None
    found = out_of_fold(train, ideas, seed=seed, progress=tell)
    return found, best(found.comparison)


def _figures(found: OutOfFold | None, row: Row | None) -> dict[str, float | str] | None:
    """Return what the file says of the model's worth."""
    if found is None or row is None or row.evaluation is None:
        return None
    accuracy = row.evaluation.accuracy
    return {
        "out-of-fold accuracy": accuracy.value,
        "95 % interval": f"{accuracy.low:.4f}-{accuracy.high:.4f}",
        "right": accuracy.hits,
        "judged": accuracy.n,
        "how judged": " ".join(found.folds.notes)[:_LONGEST_NOTE],
    }


def _show(fitted: _Fitted, as_json: bool, as_csv: bool) -> None:
    """Print the result in the form that was asked for."""
    from lookalike.show import facts, tables

    if as_json:
        typer.echo(facts.dumps(_facts(fitted)))
    elif as_csv:
        typer.echo("" if fitted.found is None else tables.to_csv(fitted.found.comparison), nl=False)
    else:
        common.show(_parts(fitted))


def _parts(fitted: _Fitted) -> Iterator[Any]:
    """Yield what a terminal shows: the ideas that were judged, what was fitted, and why it is as it is."""
    from rich.text import Text

    from lookalike.show import tables
    from lookalike.show.views import kind_of
    from lookalike.text import plain

    n = f"{len(fitted.train):,} images"
    heading = f"{plain(fitted.train.source.name)}: {n}, {kind_of(fitted.train)}"
    worth = ""
    if fitted.found is None or fitted.row is None or fitted.row.evaluation is None:
        yield Text(heading, style="bold")
    else:
        yield from tables.terminal(fitted.found.comparison, heading)
        accuracy = fitted.row.evaluation.accuracy
        worth = f", right about {accuracy.hits:,} of {accuracy.n:,} images that were left out"
    yield Text(plain(f"Fitted on all {n}: {fitted.idea.title}{worth}."), style="bold")
    for reason in _reasons(fitted.model):
        yield Text(plain(f"- {reason}"))


def _reasons(model: Any) -> tuple[str, ...]:
    """Return what a model chose by itself and why."""
    reasons: tuple[str, ...] = getattr(model, "reasons_", ())
    return reasons


def _facts(fitted: _Fitted) -> dict[str, Any]:
    """Return what JSON says."""
    from lookalike.show.facts import data_facts

    return {
        "model": str(fitted.path),
        "idea": fitted.idea.name,
        "title": fitted.idea.title,
        "reasons": _reasons(fitted.model),
        "train": data_facts(fitted.train),
        "out_of_fold": None if fitted.found is None else _out_of_fold_facts(fitted.found),
    }


def _out_of_fold_facts(found: OutOfFold) -> dict[str, Any]:
    """Return what JSON says of the ideas that were judged."""
    from lookalike.show.facts import compared_facts

    return {
        "seed": found.comparison.seed,
        "judged": len(found.comparison.valid),
        "notes": found.folds.notes,
        **compared_facts(found.comparison),
    }
