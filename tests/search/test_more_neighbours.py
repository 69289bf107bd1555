"""More neighbours never change the first ones; a model that was taught is one that was fitted."""

import numpy as np
import pytest

from drawings import drawings
from lookalike import DeformableMatch, NearestImages

FIXED = {"prepare": None, "planes": "sobel", "warp": 2, "context": 1, "n_neighbors": 1, "symmetric": True}
ALIGNED = {**FIXED, "aligned": True, "hubness": True, "blur": 0.866}
PLAIN = {**FIXED, "aligned": False, "hubness": False, "blur": 0.0}


@pytest.mark.parametrize("candidates", ["auto", 12, 40])
@pytest.mark.parametrize("settings", [ALIGNED, PLAIN, {**PLAIN, "hubness": True}])
def test_more_neighbours_never_change_the_first_ones(candidates, settings):
    images, labels = drawings(45, 5, 16)
    images[7], images[20] = images[3], images[3]
    asked = np.concatenate([drawings(4, 4, 16, seed=5)[0], images[3:4]])
    model = DeformableMatch(**settings, candidates=candidates).fit(images, labels)
    distances, places = model.kneighbors(asked, 45)
    np.testing.assert_array_equal(np.sort(places, axis=1), np.tile(np.arange(45), (5, 1)))
    assert (np.diff(distances, axis=1) >= 0).all()
    assert np.isfinite(distances).all()
    for k in (1, 2, 11, 12, 13, 29, 30, 31, 39, 40, 41, 44):
        for found, all_of_them in zip(model.kneighbors(asked, k), (distances, places), strict=True):
            np.testing.assert_array_equal(found, all_of_them[:, :k])
        # What is said of classes does not depend on it either.
        matches = model.match(asked, k)
        np.testing.assert_array_equal(matches.class_distances, model.class_distances(asked))
        np.testing.assert_array_equal(matches.places, places[:, :k])
    # The nearest is the nearest of its class.
    first = labels[places[:, 0]]
    np.testing.assert_array_equal(model.class_distances(asked)[np.arange(5), first], distances[:, 0])


def said(model, asked):
    """Return all that follows from what a model keeps."""
    return {
        "near": model.kneighbors(asked, len(model.ids_)),
        "classes": model.class_neighbors(asked),
        "probabilities": model.predict_proba(asked),
        "sets": model.predict_set(asked, 0.3),
        "labels": (model.classes_, model.labels_, model.predict(asked)),
    }


def assert_same(first, second):
    for name, values in first.items():
        for one, other in zip(
            values if isinstance(values, tuple) else (values,),
            second[name] if isinstance(values, tuple) else (second[name],),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize("candidates", ["auto", 9])
@pytest.mark.parametrize("settings", [ALIGNED, PLAIN], ids=["aligned", "plain"])
def test_taught_and_forgotten_is_fitted_afresh(settings, candidates):
    images, labels = drawings(34, 5, 16)
    asked = np.concatenate([drawings(5, 5, 16, seed=5)[0], images[:3]])
    model = DeformableMatch(**settings, candidates=candidates).fit(images[:20], labels[:20] % 3)
    before = said(model, asked)  # distances of pairs are remembered from here on
    ids = model.teach(images[20:30], labels[20:30])
    said(model, asked)
    model.forget([1, 5, 19])
    said(model, asked)
    model.forget(ids[:2])
    # Places are given anew to images that come after some went.
    more = model.teach(images[30:], labels[30:])
    kept = np.delete(np.arange(34), [1, 5, 19, 20, 21])
    of_kept = np.concatenate([labels[:20] % 3, labels[20:]])[kept]
    fresh = DeformableMatch(**settings, candidates=candidates).fit(images[kept], of_kept)
    assert_same(said(model, asked), said(fresh, asked))
    model.forget([*ids[2:], *more])
    model.partial_fit(images[[1, 5, 19]], labels[[1, 5, 19]] % 3)
    order = [*np.delete(np.arange(20), [1, 5, 19]), 1, 5, 19]
    again = DeformableMatch(**settings, candidates=candidates).fit(images[order], labels[order] % 3)
    assert_same(said(model, asked), said(again, asked))
    np.testing.assert_array_equal(np.sort(before["near"][0]), np.sort(said(model, asked)["near"][0]))


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_pixels_taught_and_forgotten_are_fitted_afresh(metric):
    images, labels = drawings(40, 5, 12)
    asked = np.concatenate([drawings(5, 5, 12, seed=5)[0], images[:3]])
    for given in (images, images / 300):
        model = NearestImages(metric=metric).fit(given[:20], labels[:20] % 3)
        said(model, asked)
        ids = model.teach(given[20:], labels[20:])
        said(model, asked)
        model.forget([0, 7, *ids[:4]])
        kept = np.delete(np.arange(40), [0, 7, 20, 21, 22, 23])
        of_kept = np.concatenate([labels[:20] % 3, labels[20:]])[kept]
        fresh = NearestImages(metric=metric).fit(given[kept], of_kept)
        assert_same(said(model, asked), said(fresh, asked))
