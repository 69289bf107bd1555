"""The book's numbers on the book's images: "Deep Learning for Coders with fastai and PyTorch", chapter 4."""

import numpy as np
import pytest

import lookalike
from lookalike.distance.definition import l1, l2, signed


def rates(model, part):
    answers = model.predict(part.images)
    return [round(float((answers == label)[part.labels == label].mean()), 4) for label in model.classes_]


def test_the_set_is_the_books(mnist_sample):
    train, valid = mnist_sample
    assert list(train.counts().items()) == [("3", 6131), ("7", 6265)]
    assert list(valid.counts().items()) == [("3", 1010), ("7", 1028)]
    assert train.labels.dtype == np.int64


def test_one_images_distances_to_both_means(mnist_sample):
    train, _ = mnist_sample
    means = lookalike.MeanImage().fit(train.images, train.labels).class_images_
    image = train.images[train.names.index("3/10000.png")][None]
    assert l1(image, means).round(4).tolist() == [[0.1114, 0.1586]]
    assert l2(image, means).round(4).tolist() == [[0.2021, 0.3021]]


@pytest.mark.parametrize(
    ("metric", "expected", "mean"), [("l1", [0.9168, 0.9854], 0.9511), ("l2", [0.9584, 0.9737], 0.9661)]
)
def test_mean_images_of_3_and_7(mnist_sample, metric, expected, mean):
    train, valid = mnist_sample
    model = lookalike.MeanImage(metric).fit(train.images, train.labels)
    assert rates(model, valid) == expected
    assert round(lookalike.evaluate(model, valid.images, valid.labels).macro.value, 4) == mean


def test_ink_coverage_of_3_and_7(mnist_sample):
    train, valid = mnist_sample
    assert rates(lookalike.InkCoverage().fit(train.images, train.labels), valid) == [0.6198, 0.6975]


def test_the_signed_difference_cancels(mnist_sample):
    train, valid = mnist_sample
    means = lookalike.MeanImage().fit(train.images, train.labels).class_images_
    answers = np.array([3, 7])[signed(valid.images, means).argmin(axis=1)]
    assert [(answers == c)[valid.labels == c].mean() for c in (3, 7)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lookalike.MeanImage("l1"), 0.6685),
        (lookalike.MeanImage("l2"), 0.8203),
        (lookalike.MeanImage("l1", average="median"), 0.7535),
    ],
    ids=["mean-l1", "mean-l2", "median-l1"],
)
def test_ten_classes(mnist, model, expected):
    train, valid = mnist
    model.fit(train.images, train.labels)
    assert round(lookalike.evaluate(model, valid.images, valid.labels).accuracy.value, 4) == expected
