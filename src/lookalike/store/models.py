"""Save a fitted model, open it again, or look at what a file says of itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError, ModelFileError
from lookalike.files import alone, write_whole
from lookalike.recognition.merging import merged
from lookalike.recognition.recogniser import Origin, Recogniser
from lookalike.registry import resolve
from lookalike.store import about, container
from lookalike.store.about import ModelInfo
from lookalike.text import plain


def save_model(
    model: Any,
    path: str | os.PathLike[str],
    *,
    data: LabelledImages | None = None,
    figures: Mapping[str, float | str] | None = None,
    card: bool = False,
) -> Path:
    """Write a fitted model to a file, which :func:`load_model` opens without running any code.

    The file is written as a whole: whatever happens meanwhile, there is the old model or the new one. (A
    process that is killed may leave a hidden file beside it, ``.NAME.*.tmp``, which can be deleted.)

    Parameters
    ----------
    model : estimator
        A fitted one of lookalike's own.
    path : path-like
        Where; ``.lookalike`` is the usual ending.
    data : LabelledImages, optional
        What the model was fitted on (of a shard, the whole): its name, size and hash are stored. Without it
        a model that came from a file keeps what that said, marked as changed where the model learned or
        forgot images since.
    figures : mapping of str to float or str, optional
        What was measured of the model, to be shown with it: ``{"out-of-fold accuracy": 0.97, "n": 500}``.
    card : bool, default=False
        Also write a model card, ``PATH.md``.

    Returns
    -------
    Path
        Where the model is.

    Raises
    ------
    InputError
        The model is not fitted, or not lookalike's own, or holds what cannot be stored; or ``data`` is not
        what it was fitted on, by the number of images; or ``path`` is there and is no file.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = lookalike.save_model(model, f"{folder}/digits.lookalike", data=train)
    ...     again = lookalike.load_model(path)
    >>> bool((again.predict(valid.images) == model.predict(valid.images)).all())
    True
    """
    path = Path(path)
    # What chose between models is saved as the model that it chose.
    model = getattr(model, "model_", model)
    about.idea_of(model)
    if not hasattr(model, "recogniser_"):
        raise InputError(f"{type(model).__name__} is not fitted: fit it before it is saved")
    origin = _origin(model.recogniser_, data, figures)
    if data is not None:
        model.recogniser_.reading, model.recogniser_.sizes = data.source.reading, data.source.sizes
    text, arrays = about.written(model, origin)
    with alone(path):
        container.write(path, text, arrays)
    model.recogniser_.origin = origin
    if card:
        info = about.info_of(text, path.stat().st_size)
        write_whole(path.with_name(path.name + ".md"), about.card(info, path.name).encode())
    return path


def model_bytes(model: Any) -> bytes:
    """Return the file of a fitted model, as :func:`save_model` writes it without ``data`` and ``figures``."""
    return container.to_bytes(*about.written(model, _origin(model.recogniser_, None, None)))


def load_model(path: str | os.PathLike[str]) -> Any:
    """Return the fitted model in a file. Nothing in the file is run; all of it is checked.

    The file is read as a whole and may be replaced or deleted afterwards. What is derived from the images is
    made by the first prediction that needs it.

    Parameters
    ----------
    path : path-like
        What :func:`save_model` wrote, or anything.

    Returns
    -------
    estimator
        Gives the same answers as the one that was saved, to the bit.

    Raises
    ------
    ModelFileError
        The file is not there, no model file, cut short, changed or damaged, of a newer lookalike, or says
        something that cannot be; or a network that it needs is not where it was at the fit, or is another
        one. The message says which.
    MissingExtraError
        It needs a network, and ONNX Runtime is not installed.

    Examples
    --------
    >>> import lookalike
    >>> lookalike.load_model("nothing.lookalike")
    Traceback (most recent call last):
    lookalike.errors.ModelFileError: nothing.lookalike is not there: expected a model file
    """
    path = Path(path)
    text, arrays = container.read(path)
    with _refusals_named(path):
        known, origin = about.opened(text)
        parameters = about.parameters_of(known, text)
        return resolve(known.target)._of(about.recogniser_of(known, text, arrays, origin), parameters)


def load_recogniser(path: str | os.PathLike[str]) -> Recogniser:
    """Return what answers in a model file, without scikit-learn's face: as :func:`load_model` checks it."""
    path = Path(path)
    text, arrays = container.read(path)
    with _refusals_named(path):
        known, origin = about.opened(text)
        return about.recogniser_of(known, text, arrays, origin)


def load_shards(paths: Sequence[str | os.PathLike[str]]) -> Any:
    """Return one model of the models of several shards, which stay as they are.

    Parameters
    ----------
    paths : sequence of path-like
        Model files whose models were fitted with ``shard``, in any order.

    Returns
    -------
    estimator
        What :meth:`merge` makes of them, equal to a fit on the whole.

    Raises
    ------
    InputError
        There is no file, one does not go with the first one, or a shard is missing or given twice. It says
        which.
    ModelFileError
        A file is no model that can be opened.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> train, valid = lookalike.load("digits")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in (1, 2, 3):
    ...         part = lookalike.NearestImages().fit(train.images, train.labels, shard=(i, 3))
    ...         _ = lookalike.save_model(part, f"{folder}/{i}.lookalike")
    ...     whole = lookalike.load_shards([f"{folder}/{i}.lookalike" for i in (3, 1, 2)])
    >>> len(whole.ids_) == len(train)
    True
    """
    if not paths:
        raise InputError("no shards are given: expected the files of all of them")
    models = [load_model(path) for path in paths]
    names = [plain(path) for path in paths]
    whole = merged([model.recogniser_ for model in models], names)
    if models[0].recogniser_.shard is None:
        raise InputError(f"{names[0]} is no shard, or has learned or forgotten since: expected shards alone")
    if whole.shard is not None:
        raise InputError(f"{whole.shard.missing} are in none of the {len(models)} files: expected all shards")
    models[0].recogniser_ = whole
    return models[0]


def model_info(path: str | os.PathLike[str]) -> ModelInfo:
    """Return what a model file says of itself, from its header alone: the arrays are not checked.

    Parameters
    ----------
    path : path-like
        A model file.

    Returns
    -------
    ModelInfo

    Raises
    ------
    ModelFileError
        The file is not there, no model file, or of a newer lookalike.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> train, _ = lookalike.load("digits")
    >>> model = lookalike.NearestImages(3).fit(train.images, train.labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = lookalike.save_model(model, f"{folder}/digits.lookalike", figures={"accuracy": 0.98})
    ...     info = lookalike.model_info(path)
    >>> info.title, info.image_shape, info.figures, info.data
    ('nearest image, L1 (n_neighbors=3)', (8, 8), {'accuracy': 0.98}, None)
    """
    path = Path(path)
    text, _ = container.read(path, header_only=True)
    with _refusals_named(path):
        return about.info_of(text, path.stat().st_size)


def unsaved_info(model: Any) -> ModelInfo:
    """Return what a file would say of a fitted model, but for its size, which is 0 here."""
    text, _ = about.written(model, _origin(model.recogniser_, None, None))
    return about.info_of(text, 0)


def _origin(
    recogniser: Recogniser, data: LabelledImages | None, figures: Mapping[str, float | str] | None
) -> Origin:
    """Return where a model came from: what is said now, else what its file said."""
    measured = None if figures is None else about.checked_figures(figures)
    if data is not None:
        shard = recogniser.shard
        n_images = int(recogniser.matcher.class_counts.sum()) if shard is None else shard.total
        if len(data) != n_images:
            raise InputError(
                f"data have {len(data)} images, and the model {n_images}: expected what it was fitted on"
            )
        return Origin(about.described(data), measured or {}, False)
    before = recogniser.origin or Origin(None, {}, False)
    return before if measured is None else before._replace(figures=measured)


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    """Say in which file something cannot be, or is missing."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{plain(path)}: {error}") from error
    except InputError as error:
        raise ModelFileError(f"{plain(path)} says what cannot be: {plain(error)}") from error
