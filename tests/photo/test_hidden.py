"""What hides a place, drawn on crops that are otherwise read well."""

import cv2
import numpy as np
import pytest

from lookalike.photo.cut import crops_of
from lookalike.photo.hidden import Hidden
from lookalike.photo.register import Registrar


@pytest.fixture(scope="module")
def crops(layout, photograph):
    registrar = Registrar(layout)
    images = [
        registrar.register(photograph(value, seed)).image for seed, value in ((40, "0715"), (41, "8364"))
    ]
    return np.concatenate([crops_of(layout, image) for image in images])


LABELS = list("07158364")


def smeared(crop):
    return cv2.blur(crop, (1, 21), borderType=cv2.BORDER_REFLECT)


def covered(crop):
    patch = crop.copy()
    patch[:, : crop.shape[1] // 2] = (30, 90, 220)
    return patch


def test_what_is_seen_is_not_hidden(model, crops):
    assert Hidden.of(model).doubts(crops, LABELS) == [None] * 8


@pytest.mark.parametrize("change", [smeared, covered])
def test_what_is_smeared_or_covered_is_hidden(model, crops, change):
    hidden = np.stack([change(crop) for crop in crops])
    # Whatever it is taken for: a model may see another digit in what is left.
    for label in "0147":
        said = Hidden.of(model).doubts(hidden, [label] * 8)
        assert all(one is not None and ("smeared" in one or "covered" in one) for one in said), said


def test_a_class_that_the_model_does_not_keep_is_not_judged(model, crops):
    assert Hidden.of(model).doubts(crops[:1], ["x"]) == [None]
