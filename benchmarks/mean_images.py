"""Mean images of MNIST's bytes: fitting against NumPy's per-class mean, predicting against SciPy's cdist."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestCentroid

import lookalike
from benchmarks.rounds import Contestant, race, table


def run() -> Iterator[str]:
    """Yield one table a job."""
    # NearestCentroid warns of pixels that never vary; that is not what is measured here.
    warnings.simplefilter("ignore", UserWarning)
    train, valid = lookalike.load("mnist")
    images, labels = train.images, train.labels
    timings = race(
        "fit mean images",
        [
            Contestant("lookalike", lambda: lookalike.MeanImage("l2").fit(images, labels).class_images_),
            Contestant(
                "NumPy, a mean a class",
                lambda: np.stack([images[labels == c].mean(axis=0) for c in range(10)]) / 255,
            ),
            Contestant(
                "scikit-learn NearestCentroid",
                lambda: NearestCentroid().fit(images.reshape(len(images), -1), labels).centroids_ / 255,
            ),
        ],
    )
    for other in timings[1:]:
        np.testing.assert_allclose(
            timings[0].answer.reshape(10, -1), other.answer.reshape(10, -1), atol=1e-12
        )
    yield table("Fit mean images of 60,000 MNIST images", timings)
    for metric, scipys in (("l1", "cityblock"), ("l2", "sqeuclidean")):
        yield _predict(metric, scipys, train, valid)


def _predict(
    metric: str, scipys: str, train: lookalike.LabelledImages, valid: lookalike.LabelledImages
) -> str:
    """Return the table of answering 10,000 images by ten prototypes."""
    model = lookalike.MeanImage(metric).fit(train.images, train.labels)
    prototypes = model.class_images_.reshape(10, -1) * 255
    timings = race(
        f"predict by mean images, {metric}",
        [
            Contestant("lookalike", lambda: model.predict(valid.images)),
            Contestant(
                "SciPy cdist to the same prototypes",
                lambda: cdist(valid.images.reshape(len(valid), -1), prototypes, scipys).argmin(axis=1),
            ),
        ],
    )
    np.testing.assert_array_equal(timings[0].answer, timings[1].answer)
    return table(f"Answer 10,000 MNIST images by ten mean images, {metric.upper()}", timings)
