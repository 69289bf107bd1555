import inspect
import sys

import numpy as np
import pytest
from sklearn.base import clone

import lookalike
from cli_runner import call
from lookalike import InputError, MissingExtraError
from lookalike.evaluation.compare import size
from lookalike.models import networks
from lookalike.registry import NETWORKS, idea

torch = pytest.importorskip("torch")

KINDS = [networks.LinearModel, networks.SmallNetwork, networks.SmallConvNet]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", KINDS)
def test_learns_and_is_seeded(kind, digits):
    train, valid = digits
    state = torch.get_rng_state()
    model, same, other = (kind(5, random_state=s).fit(train.images, train.labels) for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert model.score(valid.images, valid.labels) > 0.85
    for name, value in model.weights_.items():
        np.testing.assert_array_equal(value, same.weights_[name])
    assert any((value != other.weights_[name]).any() for name, value in model.weights_.items())


def test_the_linear_model_is_a_weight_for_each_pixel_and_class(digits):
    train, valid = digits
    model = networks.LinearModel(1, random_state=0).fit(train.images, train.labels)
    weights, bias = model.weights_.values()
    assert weights.shape == (10, 64)
    scores = valid.images.reshape(len(valid), -1) / 255 @ weights.T + bias
    np.testing.assert_array_equal(model.predict(valid.images), scores.argmax(axis=1))
    assert size(model) >= 4 * 650


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (6, 5, 3)], ids=str)
def test_takes_images_of_any_shape(kind, shape):
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    model = kind(2, random_state=0).fit(images, list("aabbcc"))
    assert set(model.predict(images)) <= set("abc")


@pytest.mark.parametrize("kind", KINDS)
def test_is_short_enough_to_be_read(kind):
    assert len(inspect.getsource(kind).splitlines()) < 60


def test_refuses_what_does_not_fit(edge_images):
    model = clone(networks.LinearModel(1))
    with pytest.raises(InputError, match="7 labels for 8 images: expected one for each"):
        model.fit(edge_images, range(7))
    model.fit(edge_images, [0, 1] * 4)
    with pytest.raises(InputError, match=r"images have shape \(5, 6\): expected \(6, 5\), as in fit"):
        model.predict(edge_images.transpose(0, 2, 1))


def test_without_torch_it_says_which_extra(edge_images, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingExtraError, match=r'SmallNetwork needs torch: pip install "lookalike\[torch\]"'
    ):
        idea("small-network").make().fit(edge_images, [0, 1] * 4)
    done = call(monkeypatch, capsys, "compare", "digits", "--with-networks")
    assert done.code == 2
    assert 'needs torch: pip install "lookalike[torch]"' in done.err


def test_compare_with_networks_adds_the_rows(monkeypatch, capsys):
    chosen = ["--ideas", "mean-image-l2", "--with-networks"]
    done = call(monkeypatch, capsys, "compare", "digits", "--limit", 60, *chosen, "--csv")
    assert done.code == 0
    rows = [line.split(",") for line in done.out.splitlines()]
    assert [row[0] for row in rows[1:]] == ["mean-image-l2", *NETWORKS]
    assert all("reference" in row for row in rows[2:])


def test_compare_shows_learned_prototypes_without_their_snapshots_size(digits):
    compared = lookalike.compare(*digits, ["mean-image-l2", "learned-l2"])
    model = compared.rows[1].model
    matcher = model.recogniser_.matcher
    assert compared.rows[1].size_bytes == size(model)
    assert size(vars(matcher)) == size(matcher) + model.snapshots_.nbytes


@pytest.mark.parametrize(("name", "least"), [("linear-model", 0.975), ("small-network", 0.98)])
def test_the_threes_and_sevens_of_mnist(name, least, mnist_sample):
    train, valid = mnist_sample
    model = idea(name).make().set_params(epochs=8, random_state=0).fit(train.images, train.labels)
    assert model.score(valid.images, valid.labels) >= least


def test_threads_of_torch_are_as_they_were(digits):
    torch.set_num_threads(before := max(2, torch.get_num_threads()))
    seen = []
    some = digits.train.take(slice(0, 100))
    model = networks.LinearModel(2)
    model.fit(some.images, some.labels, progress=lambda *_: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}
    assert torch.get_num_threads() == before
