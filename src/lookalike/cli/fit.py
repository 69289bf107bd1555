"""``lookalike fit``: a model file from labelled images, with what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import common

if TYPE_CHECKING:
    from lookalike.registry import Idea

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
    common.check_model(output, data, card)
    ideas = _ideas(idea)
    with common.progress(quiet) as tell:
        train = load_to_fit(data, **common.loading(classes, size, limit, seed, skip_bad, tell))
        if not quiet:
            common.say_notes(*train.source.notes)
        found = lookalike.fit_best(train, ideas=ideas, seed=seed, progress=tell)
        tell("writing the model", 0, None)
        lookalike.save_model(found.model, output, data=train, card=card, figures=found.figures)
    if not quiet:
        common.say_notes(*found.notes)
    if as_json:
        from lookalike.show import tables

        typer.echo(tables.dumps({"model": str(output)} | tables.facts_of(found)))
    else:
        common.show_result(found, False, as_csv)
    common.say_written("model", output, quiet)


def _ideas(name: str) -> list[Idea] | None:
    """Return the idea that was named, which must be our own, or None for the default ones."""
    from lookalike import registry
    from lookalike.errors import InputError

    if not name:
        return None
    if registry.idea(name).reference:
        known = ", ".join(one.name for one in registry.IDEAS if not one.reference)
        raise InputError(f"--idea {name} is there to compare with only: expected one of {known}")
    return [registry.idea(name)]
