import sys

import numpy as np
import pytest

from apart import put_together, taken_apart
from lookalike import (
    ClusterImages,
    InputError,
    LearnedPrototypes,
    LookalikeWarning,
    MeanImage,
    MissingExtraError,
)
from lookalike.search import prototypes

torch = pytest.importorskip("torch")
learning = pytest.importorskip("lookalike.search.gradient")

LOSSES = ["glvq", "cross-entropy"]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def several(digits):
    return LearnedPrototypes(per_class=3, epochs=4).fit(digits.train.images, digits.train.labels)


def plain_loss(images, prototypes, codes, owners, metric, loss):
    """Return the loss by its plain definition, image by image."""
    total = 0.0
    for image, code in zip(images, codes, strict=True):
        apart = (image - prototypes).abs() if metric == "l1" else (image - prototypes) ** 2
        apart = apart.mean(dim=1)
        own, other = apart[owners == code].min(), apart[owners != code].min()
        if loss == "glvq":
            total = total + 1 / (1 + torch.exp(-learning.STEEPNESS * (own - other) / (own + other)))
        else:
            nearest = torch.stack([apart[owners == k].min() for k in range(int(owners.max()) + 1)])
            total = total + torch.log(torch.exp(-7.0 * nearest).sum()) + 7.0 * own
    return total / len(images)


def our_loss(images, prototypes, codes, owners, metric, loss):
    apart = learning.distances(images, prototypes, metric)
    if loss == "glvq":
        return learning.glvq(apart, codes, owners)
    return learning.cross_entropy(apart, codes, owners, torch.tensor(7.0, dtype=apart.dtype))


@pytest.fixture
def problem():
    # Random floats: nowhere is a pixel equal to a prototype's, nor are two distances equal.
    draw = torch.Generator().manual_seed(3)
    images, prototypes = (torch.rand(n, 12, generator=draw, dtype=torch.float64) for n in (9, 7))
    return images, prototypes, torch.tensor([0, 1, 2] * 3), torch.tensor([0, 0, 1, 1, 1, 2, 2])


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_autograds_on_the_plain_definition(metric, loss, problem):
    images, prototypes, codes, owners = problem
    found = []
    for function in (our_loss, plain_loss):
        moved = prototypes.clone().requires_grad_(True)
        value = function(images, moved, codes, owners, metric, loss)
        value.backward()
        found.append((value.item(), moved.grad.numpy()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=0, atol=1e-12)
    assert np.abs(found[0][1]).max() > 1e-3


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_finite_differences(metric, loss, problem):
    images, prototypes, codes, owners = problem
    moved = prototypes.clone().requires_grad_(True)
    our_loss(images, moved, codes, owners, metric, loss).backward()
    step = 1e-6
    for place in range(len(prototypes)):
        for pixel in range(prototypes.shape[1]):
            values = []
            for sign in (1, -1):
                near = prototypes.clone()
                near[place, pixel] += sign * step
                values.append(our_loss(images, near, codes, owners, metric, loss).item())
            slope = (values[0] - values[1]) / (2 * step)
            assert moved.grad[place, pixel].item() == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_starts_at_the_mean_images(metric, digits):
    train = digits.train
    start = MeanImage(metric).fit(train.images, train.labels)
    model = LearnedPrototypes(metric, epochs=2).fit(train.images, train.labels)
    np.testing.assert_array_equal(model.snapshots_[0], start.class_images_.astype(np.float32))
    assert [len(values) for values in model.history_.values()] == [3, 3, 3]
    assert model.snapshots_.shape == (3, 10, 8, 8)
    assert model.snapshot_epochs_.tolist() == [0, 1, 2]


def test_several_start_at_the_cluster_images(several, digits):
    clusters = ClusterImages(3).fit(digits.train.images, digits.train.labels)
    np.testing.assert_array_equal(several.snapshots_[0], clusters.prototypes_.astype(np.float32))
    np.testing.assert_array_equal(several.prototype_labels_, clusters.prototype_labels_)


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("loss", LOSSES)
def test_learning_answers_more_images_right(metric, loss, digits):
    train, valid = digits
    model = LearnedPrototypes(metric, loss=loss).fit(train.images, train.labels)
    start = MeanImage(metric).fit(train.images, train.labels)
    assert model.best_epoch_ > 0
    assert model.score(valid.images, valid.labels) > start.score(valid.images, valid.labels)
    assert model.history_["loss"][-1] < model.history_["loss"][0]


@pytest.mark.parametrize(
    "parameters", [{"random_state": 1}, {"metric": "l1", "per_class": 5}], ids=["l2", "l1"]
)
def test_the_best_epoch_is_kept(parameters, digits):
    model = LearnedPrototypes(**parameters).fit(digits.train.images, digits.train.labels)
    history = model.history_
    # Most right answers, then the least loss, then the first.
    order = np.lexsort((history["validation_loss"], -history["validation_accuracy"]))
    assert model.best_epoch_ == order[0]
    np.testing.assert_allclose(model.prototypes_, model.snapshots_[model.best_epoch_], atol=1e-7)


def test_prototypes_stay_images(digits):
    train = digits.train
    model = LearnedPrototypes(learning_rate=1, epochs=2).fit(train.images, train.labels)
    assert model.snapshots_.min() == 0
    assert model.snapshots_.max() == 1
    table = train.images.reshape(len(train), -1) * 2.0 - 7
    model.fit(table, train.labels)
    assert table.min() <= model.snapshots_.min() < model.snapshots_.max() <= table.max()


def test_the_scale_of_a_table_does_not_matter(digits):
    train = digits.train
    rows, queries = (part.images.reshape(len(part), -1).astype(float) for part in digits)
    small, large = (LearnedPrototypes(epochs=3).fit(rows * by + 5, train.labels) for by in (1e-3, 1e3))
    same = small.predict(queries * 1e-3 + 5) == large.predict(queries * 1e3 + 5)
    assert same.mean() > 0.99


def test_the_seed_decides_to_the_bit(several, digits):
    train = digits.train
    state = torch.get_rng_state()
    same = LearnedPrototypes(per_class=3, epochs=4).fit(train.images, train.labels)
    np.testing.assert_array_equal(same.snapshots_, several.snapshots_)
    other = LearnedPrototypes(epochs=1, random_state=1).fit(train.images, train.labels)
    first = LearnedPrototypes(epochs=1).fit(train.images, train.labels)
    assert (other.snapshots_[1] != first.snapshots_[1]).any()
    assert torch.equal(torch.get_rng_state(), state)


def test_learning_stops_when_nothing_becomes_better(digits):
    train = digits.train
    model = LearnedPrototypes(learning_rate=1e-12, patience=2, epochs=9).fit(train.images, train.labels)
    assert len(model.history_["loss"]) == 1 + 2


@pytest.mark.parametrize("after", [0, 2])
def test_ctrl_c_keeps_the_best_so_far(after, digits):
    train, valid = digits
    whole = LearnedPrototypes(epochs=5).fit(train.images, train.labels)

    def interrupt(what, done, total):
        if what == "learning, epochs" and done == after:
            raise KeyboardInterrupt

    model = LearnedPrototypes(epochs=5)
    with pytest.warns(LookalikeWarning, match=f"learning was interrupted after {after} of 5 epochs"):
        model.fit(train.images, train.labels, progress=interrupt)
    assert model.interrupted_
    assert not whole.interrupted_
    np.testing.assert_array_equal(model.history_["loss"], whole.history_["loss"][: after + 1])
    assert model.score(valid.images, valid.labels) > 0.85
    assert put_together(model, taken_apart(model)).interrupted_


def test_ctrl_c_before_learning_ends_it_all(digits):
    def interrupt(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LearnedPrototypes(per_class=2).fit(digits.train.images, digits.train.labels, progress=interrupt)


def test_tells_of_epochs(digits):
    heard = []
    LearnedPrototypes(epochs=2).fit(
        digits.train.images, digits.train.labels, progress=lambda *told: heard.append(told)
    )
    assert heard == [("learning, epochs", done, 2) for done in (0, 1, 2)]


def test_one_class_and_one_image_a_class(edge_images):
    alone = LearnedPrototypes().fit(edge_images, ["x"] * 8)
    assert alone.best_epoch_ == 0
    np.testing.assert_allclose(alone.prototypes_[0], edge_images.mean(axis=0) / 255, atol=1e-15)
    few = LearnedPrototypes(epochs=2, batch_size=1).fit(edge_images[:3], [0, 1, 2])
    assert few.predict(edge_images[:3]).tolist() == [0, 1, 2]
    assert not few.calibrated_


def test_equal_images_of_two_classes_have_finite_prototypes():
    images = np.full((6, 3, 3), 7, np.uint8)
    for loss in LOSSES:
        model = LearnedPrototypes(loss=loss, epochs=2).fit(images, [0, 1] * 3)
        assert np.isfinite(model.snapshots_).all()
        assert set(model.predict(images)) == {0}


def test_many_epochs_keep_fewer_snapshots(digits, monkeypatch):
    monkeypatch.setattr(prototypes, "_MOST_VALUES", 640 * 3)
    model = LearnedPrototypes(epochs=5, patience=9).fit(digits.train.images, digits.train.labels)
    assert model.snapshot_epochs_.tolist() == [0, 2, 4]
    assert len(model.history_["loss"]) == 6


def test_state_gives_the_same_model_without_torch(several, digits, monkeypatch):
    plain = taken_apart(several)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "lookalike.search.gradient")
    again = put_together(several, plain)
    images = digits.valid.images
    np.testing.assert_array_equal(again.class_distances(images), several.class_distances(images))
    np.testing.assert_array_equal(again.predict_proba(images), several.predict_proba(images))
    assert again.best_epoch_ == several.best_epoch_
    np.testing.assert_array_equal(again.history_["loss"], several.history_["loss"])
    with pytest.raises(MissingExtraError, match=r'needs torch: pip install "lookalike\[torch\]"'):
        again.fit(images, digits.valid.labels)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": "cosine"}, "metric is 'cosine': expected 'l1' or 'l2'"),
        ({"loss": "hinge"}, "loss is 'hinge': expected 'glvq' or 'cross-entropy'"),
        ({"epochs": 0}, "epochs is 0: expected a whole number of at least 1"),
        ({"learning_rate": 0}, "learning_rate is 0: expected a number above 0, up to 1"),
        ({"validation_fraction": 1}, "validation_fraction is 1: expected a number from 0 to below 1"),
    ],
)
def test_refuses_unknown_parameters(parameters, message, edge_images):
    with pytest.raises(InputError, match=message):
        LearnedPrototypes(**parameters).fit(edge_images, [0, 1] * 4)


def test_the_threes_and_sevens_of_mnist(mnist_sample):
    train, valid = mnist_sample
    model = LearnedPrototypes(epochs=3).fit(train.images, train.labels)
    start = put_together(model, taken_apart(model))
    start.recogniser_.matcher.prototypes = model.snapshots_[0].astype(float)
    rates = [np.mean(start.predict(valid.images[valid.labels == c]) == c) for c in (3, 7)]
    assert np.mean(rates) == pytest.approx(0.9661, abs=5e-5)
    assert model.score(valid.images, valid.labels) >= 0.975
