"""The training images that a model keeps, given back as labelled images."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from lookalike.data.labelled import LabelledImages, Source, face_values, natural_order
from lookalike.errors import InputError
from lookalike.recognition.recogniser import Recogniser
from lookalike.store.models import load_recogniser
from lookalike.text import plain


def kept_images(model_or_path: Any) -> LabelledImages:
    """Return the training images that a model keeps, taught ones included.

    Parameters
    ----------
    model_or_path : model or path-like
        A fitted model, or a model file.

    Returns
    -------
    LabelledImages
        Each image is named by its id in the model. They are as the model keeps them: where it prepares
        images, as prepared, which a note in ``source.notes`` says.

    Raises
    ------
    InputError
        The model keeps no images, or was fitted on rows of numbers.
    ModelFileError
        The file is no model that can be opened.

    Examples
    --------
    >>> import lookalike
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> kept = lookalike.kept_images(model)
    >>> bool((kept.images == train.images).all()), kept.counts()
    (True, {'3': 146, '7': 143})
    """
    if isinstance(model_or_path, str | os.PathLike):
        name, own = os.fspath(model_or_path), load_recogniser(model_or_path)
    else:
        name, own = type(model_or_path).__name__, model_or_path.recogniser_
    return kept_of(own, name)


def for_kept(model: Any) -> Any:
    """Return a classifier such as this one, not fitted, of images as this one keeps them: prepared."""
    from sklearn.base import clone  # an answer needs no scikit-learn

    model = clone(model)
    return model.set_params(prepare=None) if "prepare" in model.get_params() else model


def kept_of(own: Recogniser, name: str) -> LabelledImages:
    """Return the training images that a recogniser keeps, of a model that is called so."""
    matcher = own.matcher
    if own.image_shape is None:
        raise InputError(f"{plain(name)} was fitted on rows of numbers: expected a model of images")
    kept = matcher.kept(np.arange(len(matcher.codes))) if matcher.keeps_images else None
    if kept is None or own.ids is None:
        raise InputError(
            f"{plain(name)} keeps no training images, only what was made of them ({matcher.title}): expected "
            "a model that compares with its examples, such as lookalike fit --idea nearest-l2 makes"
        )
    notes = []
    if own.prepare is not None:
        steps = "; ".join(own.prepare.describe())
        notes.append(f"Images are as the model keeps them, prepared: {steps}.")
    names = natural_order(map(str, own.labels.classes.tolist()))
    texts = [str(label) for label in own.labels.classes[matcher.codes].tolist()]
    faces = dict(zip(names, face_values(names), strict=True))
    return LabelledImages(
        images=kept,
        labels=np.array([faces[text] for text in texts]),
        class_names=tuple(names),
        names=tuple(map(str, own.ids.tolist())),
        source=Source(name, "train", "model", tuple(notes)),
    )
