"""What a model file says of itself: its idea, its classes, where it came from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lookalike.errors import InputError, UnknownNameError
from lookalike.markers import kind
from lookalike.models.classes import classes_from_plain
from lookalike.models.state import Origin, State, StateReader, short
from lookalike.registry import IDEAS, Idea, idea, resolve
from lookalike.store.container import SCHEMA

if TYPE_CHECKING:
    from lookalike.data.labelled import LabelledImages

_KEYS = {
    "schema", "library", "idea", "differs", "parameters", "facts", "data", "figures", "changed"
}  # fmt: skip
_MOST_FIGURES, _LONGEST = 100, 1000


class DataFacts(NamedTuple):
    """What is known of the training data.

    Attributes
    ----------
    name : str
        The set's name, or its path as the user gave it.
    n : int
        How many images.
    sha256 : str
        The hash of images and labels (:meth:`lookalike.LabelledImages.sha256`).
    """

    name: str
    n: int
    sha256: str


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself; texts come from the file and may hold anything.

    Attributes
    ----------
    idea, title : str
        The idea's name in the registry; its title, with the parameters that are not the idea's own.
    parameters : mapping
        What the class was called with.
    classes : tuple of (str, int)
        The classes and how many images each has.
    image_shape : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None for a model of a 2-D array.
    n_features : int
        The number of values of an image.
    preparation : tuple of str
        What is done to images before they are compared, one sentence a step.
    library : str
        The version of lookalike that wrote the file.
    schema : int
        The form of the file.
    data : DataFacts or None
        The training data, where they were named.
    figures : mapping of str
        What was measured of the model.
    changed : bool
        The model learned or forgot images since: it is no longer the one of ``data`` and ``figures``.
    size : int
        Bytes of the file.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = lookalike.save_model(model, f"{folder}/digits.lookalike", data=train)
    ...     info = lookalike.model_info(path)
    >>> info.title, info.classes, info.data.name
    ('mean image, L2', (('3', 146), ('7', 143)), 'digits')
    """

    idea: str
    title: str
    parameters: Mapping[str, Any]
    classes: tuple[tuple[str, int], ...]
    image_shape: tuple[int, ...] | None
    n_features: int
    preparation: tuple[str, ...]
    library: str
    schema: int
    data: DataFacts | None
    figures: Mapping[str, float | str]
    changed: bool
    size: int


def idea_of(model: Any) -> Idea:
    """Return the registry's idea that a model is of: of those of its class the one that is most like it.

    Raises
    ------
    InputError
        The model is none of lookalike's own.
    """
    name = f"{type(model).__module__}:{type(model).__qualname__}"
    ours = [known for known in IDEAS if known.target == name and not known.reference]
    if ours:
        given = model.get_params(deep=False)
        # Of two that fit the one that says more, and rather one that says less than one that is wrong.
        marks = [
            [1 if given[key] == value else -1 for key, value in known.parameters.items()] for known in ours
        ]
        return ours[max(range(len(ours)), key=lambda place: sum(marks[place]))]
    shown = type(model).__name__
    if kind(model) or hasattr(model, "function"):
        raise InputError(
            "an idea that is a function of your own cannot be stored: a model file holds no code"
        )
    if name.startswith("sklearn."):
        raise InputError(
            f"{shown} is scikit-learn's: expected one of lookalike's own ideas; scikit-learn says how its "
            "models are kept (skops.io)"
        )
    expected = ", ".join(sorted({known.target.partition(":")[2] for known in IDEAS if not known.reference}))
    raise InputError(f"{shown} is none of lookalike's ideas: expected a fitted {expected}")


def written(model: Any, state: State, origin: Origin) -> dict[str, Any]:
    """Return what a file says of a model."""
    known = idea_of(model)
    usual = {**type(model)().get_params(deep=False), **known.parameters}
    given = model.get_params(deep=False)
    return {
        "schema": SCHEMA,
        "library": resolve("lookalike").__version__,
        "idea": known.name,
        "differs": sorted(name for name in usual if not _same(usual[name], given[name])),
        "parameters": dict(state.parameters),
        "facts": dict(state.facts),
        "data": None if origin.data is None else dict(origin.data),
        "figures": [[name, value] for name, value in origin.figures.items()],
        "changed": origin.changed,
    }


def described(data: LabelledImages) -> dict[str, Any]:
    """Return what is stored of training data."""
    return {"name": data.source.name[:_LONGEST], "n": len(data), "sha256": data.sha256()}


def checked_figures(figures: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures as plain numbers and short texts.

    Raises
    ------
    InputError
        Anything else, or too much of it.
    """
    if len(figures) > _MOST_FIGURES:
        raise InputError(f"{len(figures)} figures: expected at most {_MOST_FIGURES}")
    plain = {}
    for name, figure in figures.items():
        value = figure.item() if hasattr(figure, "item") else figure
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(name, str) or not (number or isinstance(value, str)):
            raise InputError(
                f"the figure {short(name)} is {short(value)}: expected a finite number or a text"
            )
        if len(name) > _LONGEST or (isinstance(value, str) and len(value) > _LONGEST):
            raise InputError(f"the figure {short(name)} is too long: expected at most {_LONGEST} characters")
        plain[name] = value
    return plain


def opened(about: dict[str, Any]) -> tuple[Idea, State, Origin]:
    """Return what a file says, checked, with the arrays still to come. Only the registry has classes.

    Raises
    ------
    InputError
        Something is missing, unknown or of another form.
    """
    if set(about) != _KEYS:
        odd = sorted(set(about) ^ _KEYS)[0][:100]
        raise InputError(f"{odd!r} is missing or unknown: did a newer lookalike write it?")
    if not isinstance(about["parameters"], dict) or not isinstance(about["facts"], dict):
        raise InputError("parameters or facts are of another form: expected names and values")
    if not isinstance(about["idea"], str):
        raise InputError(f"idea is {short(about['idea'])}: expected a name")
    try:
        known = idea(about["idea"][:100])
    except UnknownNameError as error:
        raise InputError(f"{error}; did a newer lookalike write it?") from error
    if known.reference:
        raise InputError(f"idea is {known.name!r}: expected one of lookalike's own")
    figures = about["figures"]
    if not isinstance(figures, list) or not all(_is_pair(pair) for pair in figures):
        raise InputError(f"figures are {short(figures)}: expected pairs of a name and a value")
    if not isinstance(about["changed"], bool):
        raise InputError(f"changed is {short(about['changed'])}: expected true or false")
    origin = Origin(_checked_data(about["data"]), checked_figures(dict(figures)), about["changed"])
    return known, State(about["parameters"], about["facts"], {}), origin


def model_of(known: Idea, state: State) -> Any:
    """Return the model of an idea that a state is of."""
    return resolve(known.target).from_state(state)


def info_of(about: dict[str, Any], size: int) -> ModelInfo:
    """Return what a file says of itself, for people to read.

    Raises
    ------
    InputError
        It says something that cannot be.
    """
    known, state, origin = opened(about)
    facts = StateReader(state.facts, {})
    labels = classes_from_plain(facts.fact("classes"))[0]
    counts = facts.wholes("counts", 0, 2**53)
    if len(counts) != len(labels):
        raise InputError(f"{len(counts)} counts for {len(labels)} classes: expected one for each")
    differs = StateReader(about, {}).texts("differs")
    other = ", ".join(
        f"{name}={short(state.parameters[name])}" for name in differs if name in state.parameters
    )
    return ModelInfo(
        idea=known.name,
        title=f"{known.title} ({other})" if other else known.title,
        parameters=dict(state.parameters),
        classes=tuple(zip(map(str, labels.tolist()), counts, strict=True)),
        image_shape=None if facts.fact("image_shape") is None else facts.wholes("image_shape", 1, 2**40),
        n_features=facts.whole("features", 1, 2**40),
        preparation=_preparation(state.facts.get("prepare")),
        library=short_text(about["library"]),
        schema=SCHEMA,
        data=None if origin.data is None else DataFacts(**origin.data),
        figures=origin.figures,
        changed=origin.changed,
        size=size,
    )


def short_text(value: object) -> str:
    """Return a text from outside that is not long."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InputError(f"{short(value)} is no text of at most {_LONGEST} characters")
    return value


def _preparation(data: object) -> tuple[str, ...]:
    """Return what a preparation does."""
    if data is None:
        return ()
    from lookalike.prepare import Prepare

    return Prepare.from_json(data).describe()


def _checked_data(data: object) -> dict[str, Any] | None:
    """Return what is said of training data, checked."""
    if data is None:
        return None
    if not isinstance(data, dict) or set(data) != set(DataFacts._fields):
        raise InputError(f"data are {short(data)}: expected {', '.join(DataFacts._fields)}")
    StateReader(data, {}).whole("n", 0, 2**53)
    short_text(data["name"])
    if not isinstance(data["sha256"], str) or not re.fullmatch("[0-9a-f]{64}", data["sha256"]):
        raise InputError(f"sha256 is {short(data['sha256'])}: expected 64 hexadecimal digits")
    return data


def _is_pair(pair: object) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _same(first: Any, second: Any) -> bool:
    """Return whether two parameters are the same; preparations are never."""
    return type(first) is type(second) and bool(first == second)
