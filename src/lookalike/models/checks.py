"""What classifiers do before they learn: labels, groups, parameters, preparation; and what they can do."""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from numbers import Number
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d, validate_data

from lookalike.data.labelled import plain_labels
from lookalike.data.look import contradictions
from lookalike.errors import InputError, LabelWarning, warn
from lookalike.images import any_twice, as_images, digests, one_alone, sizes
from lookalike.prepare import Prepare, choose
from lookalike.progress import Progress, silent
from lookalike.recognition.as_bytes import AsBytes
from lookalike.recognition.labels import LabelTable
from lookalike.recognition.merging import check_mergeable
from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.shard import Shard
from lookalike.search.matcher import Matcher
from lookalike.text import name_notes, one_form

#: Rows of fewer values are not taken for images (the smallest that are not square are 3x4), and a square of a
#: shorter side is none to speak of.
_LEAST_IMAGE, _LEAST_SIDE = 12, 3


@contextmanager
def refusing() -> Iterator[None]:
    """Raise as ours, in one line, what scikit-learn's checks raise while the block runs.

    Its first lines say what was wrong; advice on other estimators follows. Only where names of columns differ
    are they in the lines below, which its own tests of estimators want as they are.
    """
    try:
        yield
    except TypeError as error:
        if not str(error).startswith("Sparse data"):
            raise
        raise InputError(str(error)) from error
    except ValueError as error:
        text = str(error)
        named = text.startswith("The feature names")
        raise InputError(text if named else text.splitlines()[0]) from error


def checked_labels(model: Any, y: ArrayLike, images: NDArray[Any]) -> NDArray[Any]:
    """Return ``y`` as checked labels, one for each of the images."""
    if y is None:
        raise InputError(
            f"{type(model).__name__} requires y to be passed, but the target y is None: "
            "expected one label for each image"
        )
    given = plain_labels(y, "y")
    with refusing():
        _check_objects(given)
        labels: NDArray[Any] = column_or_1d(given, warn=True)
        if labels.dtype.kind in "fO":
            assert_all_finite(labels, input_name="y")
        # Whole numbers and texts are classes whatever their values; with one example of each,
        # scikit-learn would warn that there are as many classes as images.
        if labels.dtype.kind not in "biuU":
            check_classification_targets(labels)
    if len(labels) != len(images):
        # A single image without its axis of images is taken for rows, or for images of another shape.
        hint = "; one image alone is X[None]" if len(labels) == 1 else ""
        raise InputError(f"{len(labels)} labels for {len(images)} images: expected one for each{hint}")
    formed = in_one_form(labels)
    if formed is not labels:
        warn("labels were brought to Unicode's normal form NFC: answers are so spelled", LabelWarning)
    if labels.dtype.kind in "UO":
        for note in name_notes({label for label in labels.tolist() if isinstance(label, str)}):
            warn(note, LabelWarning)
    if images.ndim > 2 and any_twice(images):
        for note in contradictions(digests(images), formed, range(len(images)))[1]:
            warn(note, LabelWarning)
    return formed


def _check_objects(labels: NDArray[Any]) -> None:
    """Refuse labels that are missing, or of which some are texts and some are not, or none is a number."""
    values = labels.tolist() if labels.dtype.kind == "O" and labels.ndim == 1 else []
    for place, value in enumerate(values):
        # pandas' own marks answer no comparison.
        if value is None or type(value).__name__ in ("NAType", "NaTType") or value != value:
            raise InputError(
                f"y holds {value!r} at {place}: expected one label for each image (where NA is a class, "
                "pandas reads it by read_csv(keep_default_na=False))"
            )
    texts = [isinstance(value, str) for value in values]
    if any(texts) and not all(texts):
        pair = values[texts.index(True)], values[texts.index(False)]
        raise InputError(f"y holds {pair[0]!r} and {pair[1]!r}: expected texts alone, or numbers alone")
    for value in values if not any(texts) else ():
        if not isinstance(value, Number):
            raise InputError(f"y holds {reprlib.repr(value)}: expected texts alone, or numbers alone")


def in_one_form(y: ArrayLike) -> NDArray[Any]:
    """Return labels of which texts are in the one Unicode form that labels have; themselves if they are."""
    labels = plain_labels(y)
    if labels.dtype.kind not in "UO":
        return labels
    given = labels.tolist()
    formed = [*map(one_form, given)]
    return labels if formed == given else np.array(formed, labels.dtype.kind)


def scored_labels(model: Any, y: ArrayLike) -> NDArray[Any]:
    """Return labels that answers are compared with, refusing numbers where the classes are texts."""
    labels = in_one_form(y)
    texts = [kind.dtype.kind in "UO" for kind in (labels, model.classes_)]
    if texts[0] != texts[1]:
        kinds = [("numbers", "texts")[is_text] for is_text in texts]
        raise InputError(
            f"y holds {kinds[0]}, and the classes are {kinds[1]}: expected labels such as "
            f"{', '.join(map(reprlib.repr, model.classes_[:3].tolist()))}"
        )
    return labels


def checked_groups(groups: ArrayLike | None, n: int) -> NDArray[Any] | None:
    """Return the groups of ``n`` images."""
    if groups is None:
        return None
    values = np.asarray(groups)
    if values.shape != (n,):
        raise InputError(f"groups have shape {values.shape} for {n} images: expected one for each")
    if any(value is None or value != value for value in values.tolist()):
        raise InputError("groups hold None or NaN: expected who wrote each image, or which camera took it")
    return values


def class_table(known: Recogniser | None, classes: ArrayLike | None) -> LabelTable:
    """Return the labels of the first call of ``partial_fit``, which later ones may only repeat."""
    if classes is None:
        if known is None:
            raise InputError(
                "classes must be passed on the first call to partial_fit: every label that will occur"
            )
        return known.labels
    given = in_one_form(classes)
    _check_objects(given)
    given = np.unique(given)
    if known is not None and not known.labels.is_of(given):
        raise InputError(f"classes are {given}: expected those of the first call, {known.labels.classes}")
    return LabelTable.of(given) if known is None else known.labels


def check_network_path(name: str, path: object) -> None:
    """Refuse what is no path of a file."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"{name} is {path!r}: expected the path of an ONNX file")


def check_whole(name: str, value: object) -> None:
    """Refuse a parameter that is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")


def check_one_of(name: str, value: object, values: tuple[str, ...]) -> None:
    """Refuse a parameter that is none of some texts."""
    if value not in values:
        raise InputError(f"{name} is {value!r}: expected {' or '.join(map(repr, values))}")


def check_prepare(value: object) -> None:
    """Refuse a parameter that is no preparation."""
    if (
        value is not None
        and not isinstance(value, Prepare)
        and not (isinstance(value, str) and value == "auto")
    ):
        raise InputError(f"prepare is {value!r}: expected 'auto', None or a Prepare")


def rank_of(X: Any) -> int:
    """Return how many axes ``X`` has; 2 where only scikit-learn's own checks can tell."""
    rank = getattr(X, "ndim", None)
    if rank is None:
        try:
            rank = np.asarray(X).ndim
        except ValueError:
            # A ragged nest: three levels deep it is images of mixed sizes, and as_images says so.
            rank = 3 if _is_nest(X[0]) and any(map(_is_nest, X[0])) else 2
    return int(rank)


def _is_nest(value: Any) -> bool:
    """Return whether a value holds others."""
    return isinstance(value, list | tuple) or np.ndim(value) > 0


def shape_of(X: Any) -> object:
    """Return a shape to show: a ragged nest has none."""
    try:
        return np.shape(X)
    except ValueError:
        return "none, for its parts differ in length"


def as_bytes(model: Any, images: NDArray[Any]) -> AsBytes | None:
    """Return how images become bytes, where bytes are compared or rows are images."""
    shape = model.image_shape
    if images.ndim > 2:
        return AsBytes(0, 1, None) if model._bytes else None
    if not model._bytes and shape is None:
        return None
    n = model.n_features_in_
    if shape is None:
        shape = _shape_of_rows(n)
    elif len(shape) not in (2, 3) or int(np.prod(shape)) != n:
        raise InputError(f"image_shape is {shape}: expected (h, w) or (h, w, c) of {n} values, as X has")
    return AsBytes(float(images.min()), float(images.max()), tuple(shape))


def _shape_of_rows(n: int) -> tuple[int, int]:
    """Return the shape of the images that rows of numbers are: square, or of one row where they are tiny."""
    side = math.isqrt(n)
    if side * side == n and side >= _LEAST_SIDE:
        warn(
            f"X has rows of {n} values and no image_shape: they are taken for images of {side}x{side}; "
            f"say image_shape=({side}, {side}) if they are, or what they are"
        )
        return side, side
    if n >= _LEAST_IMAGE:
        raise InputError(
            f"X has rows of {n} values, which are no square image: say what they are, image_shape=(h, w) or "
            f"(h, w, c), or give images (n, h, w); image_shape=(1, {n}) compares them as they are"
        )
    return 1, n


def reasons_of(recogniser: Recogniser) -> tuple[str, ...]:
    """Return what "auto" chose and why, one sentence a decision."""
    prepared = () if recogniser.prepare is None else recogniser.prepare.reasons_
    return (*_rows_taken(recogniser), *prepared, *getattr(recogniser.matcher, "reasons", ()))


def _rows_taken(recogniser: Recogniser) -> tuple[str, ...]:
    """Return what rows of numbers were taken for, where they were taken for images."""
    taken = recogniser.as_bytes
    if taken is None or taken.shape is None or taken.shape == (1, recogniser.n_features):
        return ()
    return (f"the rows of {recogniser.n_features} values are images of {sizes(taken.shape)}",)


def preparation(
    model: Any, images: NDArray[Any], given: NDArray[Any], codes: NDArray[np.intp]
) -> Prepare | None:
    """Return the fitted preparation, or none."""
    if isinstance(model.prepare, Prepare):
        if given.ndim == 2:
            raise InputError("prepare takes images: expected (n, h, w) or (n, h, w, c), and X is rows")
        return Prepare(model.prepare.steps).fit(given)
    if model.prepare is None or (images.ndim == 2 and (given.ndim == 2 or given.shape[1] == 1)):
        return None
    return choose(given, codes)


def checked_input(model: Any, X: ArrayLike, known: Recogniser | None) -> NDArray[Any]:
    """Return ``X`` as a checked image batch, or as checked rows of numbers; None is a first fit's."""
    rank = X.ndim if isinstance(X, np.ndarray) else rank_of(X)
    if rank in (3, 4):
        if known is not None:
            return known.checked(X)
        images: NDArray[Any] = as_images(X)
        model.n_features_in_ = int(np.prod(images.shape[1:]))
        model.__dict__.pop("feature_names_in_", None)  # a fit on a table may have left them
        return images
    if known is not None and known.image_shape is not None:
        raise InputError(
            f"X has shape {shape_of(X)}: expected images (n, {', '.join(map(str, known.image_shape))}), "
            f"as in fit{one_alone(shape_of(X), known.image_shape)}"
        )
    if rank != 2:
        raise InputError(
            f"X has shape {shape_of(X)}: expected images (n, h, w) or (n, h, w, c), or rows "
            "(n, features). Reshape your data: X[None] is a batch of one"
        )
    with refusing():
        rows: NDArray[Any] = validate_data(model, X, reset=known is None)
    return rows


def fit_first(
    model: Any,
    images: NDArray[Any],
    labels: LabelTable,
    codes: NDArray[np.intp],
    groups: NDArray[Any] | None,
    progress: Progress,
    shard: Shard | None = None,
) -> None:
    """Fit a model on its first images: on all, or on those of a shard, prepared as all would be."""
    if shard is not None:
        check_mergeable(model._matcher(None))
    converted = as_bytes(model, images)
    given = images
    if converted is not None and (images.ndim == 2 or images.dtype != np.uint8):
        given = converted(images)
    prepare = preparation(model, images, given, codes)
    matcher = model._matcher(prepare)
    names = model.__dict__.get("feature_names_in_")
    recogniser = Recogniser(
        matcher,
        labels,
        images.shape[1:] if images.ndim > 2 else None,
        model.n_features_in_,
        prepare=prepare,
        as_bytes=converted,
        feature_names=None if names is None else tuple(map(str, names)),
    )
    kin = recogniser.kin_among(images, codes, groups)
    rows = slice(None) if shard is None else slice(*shard.rows[0].tolist())
    own = given[rows]
    seen = own if prepare is None else prepare.transform(own, progress=progress)
    recogniser.fit(images[rows], seen, codes[rows], progress, None if kin is None else kin[rows])
    if shard is not None:
        recogniser.become(shard, images)
    recogniser.vote = model._vote(matcher)
    model.recogniser_, model.parameters_ = recogniser, deepcopy(model.get_params(deep=False))


def fit_part(
    model: Any,
    known: Recogniser | None,
    X: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike | None,
    groups: ArrayLike | None,
) -> None:
    """Fit a model on further images of the classes of the first part; without what is known, on the first."""
    images = checked_input(model, X, known)
    table = class_table(known, classes)
    codes = table.codes_of(checked_labels(model, y, images))
    of_groups = checked_groups(groups, len(images))
    if known is None:
        fit_first(model, images, table, codes, of_groups, silent)
    else:
        known.add(images, codes, of_groups)


def restored(kind: Any, recogniser: Recogniser, parameters: dict[str, Any]) -> Any:
    """Return the fitted model of a class with a recogniser and with parameters that came from a file."""
    model = kind(**parameters)
    try:
        model._check_parameters()
    except (TypeError, OverflowError) as error:
        raise InputError(f"a parameter is of no kind that it can have: {error}") from error
    model.recogniser_, model.n_features_in_ = recogniser, recogniser.n_features
    model.parameters_ = model.get_params(deep=False)  # files of before a parameter had it do not name it
    if recogniser.feature_names is not None:
        model.feature_names_in_ = np.array(recogniser.feature_names, dtype=object)
    return model


def _own_matcher(model: Any) -> Matcher:
    """Return the matcher that was fitted, or what a fit would make: parameters may have been set since."""
    recogniser: Recogniser | None = model.__dict__.get("recogniser_")
    matcher: Matcher = model._matcher(None) if recogniser is None else recogniser.matcher
    return matcher


def keeps(model: Any) -> bool:
    """Say that what the method is about takes a model that keeps its training images."""
    if not _own_matcher(model).keeps_images:
        raise AttributeError(f"{type(model).__name__} keeps no training images")
    return True


def kept_ids(model: Any) -> NDArray[np.int64]:
    """Return the numbers of the training images, where they are kept."""
    ids: NDArray[np.int64] | None = model._fitted().ids
    if ids is None:
        raise AttributeError(f"{type(model).__name__} keeps no training images")
    return ids


def grows(model: Any) -> bool:
    """Say why a model cannot learn more, where it cannot."""
    if _own_matcher(model).fixed:
        raise AttributeError(f"partial_fit is not there: {_own_matcher(model).fixed}")
    return True


def learned(what: str | Callable[[Recogniser], Any], doc: str) -> Any:
    """Return a property that is an attribute of the fitted recogniser, or follows from it; none before."""
    found = attrgetter(what) if isinstance(what, str) else what

    def get(model: Any) -> Any:
        return found(model._fitted())

    return property(get, doc=doc)
