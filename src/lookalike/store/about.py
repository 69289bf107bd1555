"""What a model file says of itself, and the model card that tells it to people."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError, UnknownNameError
from lookalike.markers import kind
from lookalike.prepare import Prepare
from lookalike.recognition.labels import LABELS
from lookalike.recognition.recogniser import Origin, Recogniser
from lookalike.registry import IDEAS, Idea, idea, resolve
from lookalike.state import Plain, checked_list, checked_whole, from_plain, short, to_plain
from lookalike.store.container import SCHEMA
from lookalike.text import plain

_KEYS = {
    "schema", "library", "idea", "matcher", "differs", "parameters", "counts", "facts", "data", "figures",
    "changed",
}  # fmt: skip
_MOST_FIGURES, _LONGEST = 100, 1000
_PREPARE = "prepare"

_MARKED = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")
# The line by which a card is known.
_LIBRARY = "library_name: lookalike"
_HEAD_BYTES = 4096


class NetworkFacts(NamedTuple):
    """What network a model needs.

    Attributes
    ----------
    path : str
        Where it was at the fit, and must be when the model is opened.
    sha256 : str
        The hash of its file.
    """

    path: str
    sha256: str


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
    network : NetworkFacts or None
        The network without which it cannot be opened.
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
    network: NetworkFacts | None
    size: int


def idea_of(model: Any) -> Idea:
    """Return the registry's idea that a model is of: of those of its class the one that is most like it."""
    name = f"{type(model).__module__}:{type(model).__qualname__}"
    ours = [known for known in IDEAS if known.target == name and not known.reference]
    if ours:
        given = _parameters(model)
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


def _parameters(model: Any) -> dict[str, Any]:
    """Return the parameters that a model was fitted with; others may have been set since."""
    given: dict[str, Any] = getattr(model, "parameters_", None) or model.get_params(deep=False)
    return given


def written(model: Any, origin: Origin) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a file says of a fitted model, and its arrays."""
    known, recogniser = idea_of(model), model.recogniser_
    usual = {**type(model)().get_params(deep=False), **known.parameters}
    given = _parameters(model)
    state = to_plain(recogniser)
    return {
        "schema": SCHEMA,
        "library": resolve("lookalike").__version__,
        "idea": known.name,
        "matcher": type(recogniser.matcher).__qualname__,
        # Preparations always differ.
        "differs": sorted(
            name
            for name, value in usual.items()
            if type(value) is not type(given[name]) or bool(value != given[name])
        ),
        "parameters": {name: _plain(name, value) for name, value in given.items()},
        "counts": [int(count) for count in recogniser.matcher.class_counts],
        "facts": state.facts,
        "data": None if origin.data is None else dict(origin.data),
        "figures": [[name, value] for name, value in origin.figures.items()],
        "changed": origin.changed,
    }, state.arrays


def described(data: LabelledImages) -> dict[str, Any]:
    """Return what is stored of training data."""
    return {"name": data.source.name[:_LONGEST], "n": len(data), "sha256": data.sha256()}


def checked_figures(figures: Mapping[str, Any]) -> dict[str, float | str]:
    """Return figures as plain numbers and short texts."""
    if len(figures) > _MOST_FIGURES:
        raise InputError(f"{len(figures)} figures: expected at most {_MOST_FIGURES}")
    checked = {}
    for name, figure in figures.items():
        value = figure.item() if hasattr(figure, "item") else figure
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not isinstance(name, str) or not (number or isinstance(value, str)):
            raise InputError(
                f"the figure {short(name)} is {short(value)}: expected a finite number or a text"
            )
        if len(name) > _LONGEST or (isinstance(value, str) and len(value) > _LONGEST):
            raise InputError(f"the figure {short(name)} is too long: expected at most {_LONGEST} characters")
        checked[name] = value
    return checked


def opened(about: dict[str, Any]) -> tuple[Idea, Origin]:
    """Return what a file says, checked, with the arrays still to come. Only the registry has classes."""
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
    if not isinstance(figures, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in figures
    ):
        raise InputError(f"figures are {short(figures)}: expected pairs of a name and a value")
    if not isinstance(about["changed"], bool):
        raise InputError(f"changed is {short(about['changed'])}: expected true or false")
    origin = Origin(_checked_data(about["data"]), checked_figures(dict(figures)), about["changed"])
    return known, origin


def recogniser_of(known: Idea, about: dict[str, Any], arrays: dict[str, Any], origin: Origin) -> Recogniser:
    """Return the recogniser that a file describes."""
    facts = Plain(about["facts"], arrays)
    recogniser = from_plain(Recogniser, facts, {"matcher": _matcher_of(known, about["matcher"])})
    if _counts(about) != tuple(recogniser.matcher.class_counts.tolist()):
        raise InputError("counts are not how many images the classes have")
    recogniser.origin = origin
    return recogniser


def _matcher_of(known: Idea, name: object) -> type:
    """Return the class of the matcher, one of those that ideas of the same estimator make."""
    for target in {other.matcher for other in IDEAS if other.target == known.target}:
        if target.partition(":")[2] == name:
            matcher: type = resolve(target)
            return matcher
    raise InputError(f"the matcher is {short(name)}: expected one that {known.name} makes")


def parameters_of(known: Idea, about: dict[str, Any]) -> dict[str, Any]:
    """Return what the idea's class was called with; what is not said has its default."""
    given = about["parameters"]
    strange = sorted(set(given) - set(resolve(known.target)._get_param_names()))
    if strange:
        raise InputError(f"the parameter {strange[0][:100]!r} is unknown: did a newer lookalike write it?")
    return {name: _value(name, value) for name, value in given.items()}


def _counts(about: dict[str, Any]) -> tuple[int, ...]:
    """Return how many images each class has, as the header says."""
    return tuple(checked_whole("counts", one, 0, 2**53) for one in checked_list("counts", about["counts"]))


def info_of(about: dict[str, Any], size: int) -> ModelInfo:
    """Return what a file says of itself, for people to read."""
    known, origin = opened(about)
    facts, given, counts = dict(about["facts"]), about["parameters"], _counts(about)
    labels = LABELS.read("labels", Plain(facts, {}), {}).classes
    prepare = facts.get("prepare")
    shape = Recogniser.state["image_shape"].read("image_shape", Plain(facts, {}), {})
    if len(counts) != len(labels):
        raise InputError(f"{len(counts)} counts for {len(labels)} classes: expected one for each")
    differs = [short_text(name) for name in checked_list("differs", about["differs"])]
    other = ", ".join(f"{name}={short(given[name])}" for name in differs if name in given)
    return ModelInfo(
        idea=known.name,
        title=f"{known.title} ({other})" if other else known.title,
        parameters=dict(given),
        classes=tuple(zip(map(str, labels.tolist()), counts, strict=True)),
        image_shape=shape,
        n_features=checked_whole("n_features", facts.get("n_features"), 1, 2**40),
        preparation=() if prepare is None else Prepare.from_json(prepare).describe(),
        library=short_text(about["library"]),
        schema=SCHEMA,
        data=None if origin.data is None else DataFacts(**origin.data),
        figures=origin.figures,
        changed=origin.changed,
        network=_network(facts.get("matcher")),
        size=size,
    )


def _network(matcher: object) -> NetworkFacts | None:
    """Return which network a matcher needs."""
    told = matcher.get("network") if isinstance(matcher, dict) else None
    if told is None:
        return None
    if not isinstance(told, dict):
        raise InputError(f"network is {short(told)}: expected its path and hash")
    facts = Plain(dict(told), {})
    OnnxNetwork = resolve("lookalike.search.mixture.network:OnnxNetwork")  # most files need none
    return NetworkFacts(*(OnnxNetwork.state[name].read(name, facts, {}) for name in NetworkFacts._fields))


def short_text(value: object) -> str:
    """Return a text from outside that is not long."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise InputError(f"{short(value)} is no text of at most {_LONGEST} characters")
    return value


def _checked_data(data: object) -> dict[str, Any] | None:
    """Return what is said of training data, checked."""
    if data is None:
        return None
    if not isinstance(data, dict) or set(data) != set(DataFacts._fields):
        raise InputError(f"data are {short(data)}: expected {', '.join(DataFacts._fields)}")
    checked_whole("n", data["n"], 0, 2**53)
    short_text(data["name"])
    if not isinstance(data["sha256"], str) or not re.fullmatch("[0-9a-f]{64}", data["sha256"]):
        raise InputError(f"sha256 is {short(data['sha256'])}: expected 64 hexadecimal digits")
    return data


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Prepare):
        return {_PREPARE: value.to_json()}
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(name, part) for part in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise InputError(
        f"{name} is {short(value)}: expected a number, a text, a list of these or a Prepare, "
        "for nothing else can be stored"
    )


def _value(name: str, plain: Any, depth: int = 0) -> Any:
    """Return a parameter that JSON held."""
    if isinstance(plain, dict):
        if set(plain) != {_PREPARE} or depth:
            raise InputError(f"the parameter {name} is {short(plain)}: expected a preparation")
        return Prepare.from_json(plain[_PREPARE])
    if isinstance(plain, list | tuple):
        if depth:
            raise InputError(f"the parameter {name} is {short(plain)}: expected numbers")
        return tuple(_value(name, part, depth + 1) for part in plain)
    return plain


def is_card(path: Path) -> bool:
    """Return whether a file is a card that :func:`written` made."""
    with open(path, "rb") as file:
        lines = file.read(_HEAD_BYTES).splitlines()
    return lines[:1] == [b"---"] and _LIBRARY.encode() in lines


def card(info: ModelInfo, file_name: str) -> str:
    """Return the card of a model."""
    size = info.image_shape and "x".join(map(str, info.image_shape))
    what = f"images of {size}" if size else f"rows of {info.n_features:,} numbers"
    parts = [
        _header(info),
        f"# {_text(file_name)}",
        f"Recognises {what} by what they look like: {_text(info.title)}. Made with lookalike "
        f"{_text(info.library)}; nothing was trained but what this page says.",
        _use(file_name),
        "## Classes\n\n" + _table(("class", "images"), [(name, f"{n:,}") for name, n in info.classes]),
    ]
    if info.network is not None:
        parts.append(
            f"Needs the network {_text(info.network.path)}, SHA-256 `{info.network.sha256}`, which is not in "
            "the file."
        )
    if info.preparation:
        parts.append("## Preparation\n\n" + "\n".join(f"1. {_text(step)}" for step in info.preparation))
    since = "\n\nThe model learned or forgot images since." if info.changed else ""
    data, known = info.data, "Not said."
    if data is not None:
        known = f"{_text(data.name)}: {data.n:,} images, SHA-256 `{data.sha256}`.{since}"
    parts.append("## Training data\n\n" + known)
    if info.figures:
        told = ((name, one if isinstance(one, str) else f"{one:.6g}") for name, one in info.figures.items())
        parts.append("## Figures\n\n" + _table(("what", "value"), [*told]) + since)
    parameters = [(name, json.dumps(value)) for name, value in info.parameters.items()]
    parts.append("## Parameters\n\n" + _table(("parameter", "value"), parameters))
    return "\n\n".join(parts) + "\n"


def _header(info: ModelInfo) -> str:
    """Return the YAML header; strings of JSON are strings of YAML."""
    lines = [
        "---",
        "# license: choose one, for example bsd-3-clause",
        _LIBRARY,
        "pipeline_tag: image-classification",
        "tags:",
        *(f"- {tag}" for tag in ("image-classification", "lookalike", info.idea)),
    ]
    if info.data is not None:
        lines += ["datasets:", f"- {json.dumps(plain(info.data.name))}"]
    names = [json.dumps(plain(name)) for name, value in info.figures.items() if not isinstance(value, str)]
    if names:
        lines += ["metrics:", *(f"- {name}" for name in names)]
    return "\n".join([*lines, "---"])


def _use(file_name: str) -> str:
    """Return how the model is used; the name is a Python literal within a fenced block."""
    literal = ascii(file_name).replace("`", "\\x60")
    return (
        "```python\nimport lookalike\n\n"
        f"model = lookalike.load_model({literal})  # runs no code from the file\n"
        "labels = model.predict(images)\n```"
    )


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    """Return a table."""
    lines = [f"| {_text(first)} | {_text(second)} |" for first, second in (head, *rows)]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


def _text(text: str) -> str:
    """Return untrusted text as Markdown that says just that."""
    return _MARKED.sub(r"\\\1", plain(text))
