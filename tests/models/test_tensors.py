"""Tensors in, tensors out: the answers are those to the same arrays."""

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone

from drawings import told_of
from effort import examples

torch = pytest.importorskip("torch", reason="torch is not installed")

from lookalike import DeformableMatch, InkCoverage, InputError, MeanImage, NearestImages, evaluate  # noqa: E402
from lookalike import tensors as in_use  # noqa: E402
from lookalike.distance import definition  # noqa: E402
from lookalike.distance.device import DeviceIndex  # noqa: E402
from lookalike.distance.metrics import METRICS  # noqa: E402

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
MODELS = {
    "mean-l1": MeanImage(),
    "mean-l2": MeanImage("l2"),
    "median-l1": MeanImage(average="median"),
    "coverage": InkCoverage(),
    "nearest-l1": NearestImages(),
    "nearest-l2": NearestImages(3, metric="l2"),
    "nearest-weighted": NearestImages(3, weights="distance"),
    "deformable": DeformableMatch(),
}
METHODS = (
    "predict",
    "predict_proba",
    "predict_set",
    "answer",
    "class_distances",
    "kneighbors",
    "class_neighbors",
)


@pytest.fixture(params=DEVICES, scope="session")
def device(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["by-its-kind", "by-the-device"])
def by_device(request, monkeypatch):
    """On the CPU too, let the device's code do the work, as it would on a card."""
    if request.param:
        monkeypatch.setattr(in_use, "KINDS", {"cpu", "cuda"})
    return request.param


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


def methods(model):
    return [name for name in METHODS if hasattr(model, name)]


def assert_same(answer, wanted, device):
    """Hold tensors against arrays: whole numbers to the last one, floats to 1e-6."""
    if isinstance(wanted, tuple):
        for one, other in zip(answer, wanted, strict=True):
            assert_same(one, other, device)
        return
    if isinstance(wanted, str | int):
        assert answer == wanted
        return
    assert isinstance(answer, torch.Tensor)
    assert answer.device.type == device
    kind = wanted.dtype.kind
    assert answer.dtype == {"i": torch.int64, "b": torch.bool, "f": torch.float64}[kind]
    np.testing.assert_allclose(answer.cpu().numpy(), wanted, rtol=0, atol=1e-6 if kind == "f" else 0)


def test_answers_are_those_to_arrays(model, digits, device, by_device):
    train, valid = (part.images[:200] for part in digits)
    labels = digits[0].labels[:200]
    on_arrays = clone(model).fit(train, labels)
    fitted = model.fit(torch.tensor(train, device=device), torch.tensor(labels, device=device))
    assert fitted is model
    assert isinstance(model.classes_, np.ndarray)
    asked = torch.tensor(valid, device=device)
    for name in methods(model):
        wanted = getattr(on_arrays, name)(valid)
        assert_same(getattr(model, name)(asked), wanted, device)
        assert_same(getattr(on_arrays, name)(asked), wanted, device)


@pytest.mark.parametrize("kind", ["float64", "float32", "any floats", "rows", "colour"])
def test_all_kinds_of_images(model, kind, edge_images, device, by_device):
    images = {
        "float64": edge_images / 255,
        "float32": (edge_images / 255).astype(np.float32),
        "any floats": edge_images / 256,
        "rows": edge_images.reshape(8, -1),
        "colour": np.stack([edge_images, 255 - edge_images, edge_images], axis=-1),
    }[kind]
    labels = np.arange(8) % 3
    on_arrays = clone(told_of(model, images)).fit(images, labels)
    tensors = torch.tensor(images, device=device)
    model.fit(tensors, labels)
    for name in methods(model):
        assert_same(getattr(model, name)(tensors), getattr(on_arrays, name)(images), device)


@pytest.mark.parametrize("metric", ["l1", "l2"])
@given(
    batch=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(2, 12), st.integers(1, 4), st.integers(1, 4)),
        elements=st.sampled_from([0, 1, 255]),
    ),
    k=st.integers(1, 12),
)
@examples(50)
def test_neighbours_by_the_device_equal_the_compiled_ones_ties_included(metric, batch, k):
    k = min(k, len(batch))
    model = NearestImages(metric=metric).fit(batch, np.arange(len(batch)) % 2)
    wanted = *model.kneighbors(batch, k), *model.class_neighbors(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_use, "KINDS", {"cpu", "cuda"})
        asked = torch.tensor(batch)
        found = *model.kneighbors(asked, k), *model.class_neighbors(asked)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.numpy(), other)


def test_the_device_does_the_work(monkeypatch, edge_images):
    asked = []
    search = DeviceIndex.search
    monkeypatch.setattr(
        DeviceIndex,
        "search",
        lambda self, *given, **named: (asked.append(1), search(self, *given, **named))[1],
    )
    by_mean = []
    row = METRICS["l1"]

    def l1(*given):
        by_mean.append(type(given[0]))
        return row.definition(*given)

    monkeypatch.setitem(METRICS, "l1", dataclasses.replace(row, definition=l1))
    model, mean = (one.fit(edge_images, np.arange(8) % 2) for one in (NearestImages(), MeanImage()))
    model.predict(torch.tensor(edge_images))
    mean.predict(torch.tensor(edge_images))
    assert (asked, by_mean) == ([], [])
    monkeypatch.setattr(in_use, "KINDS", {"cpu"})
    model.predict(edge_images)
    mean.predict(edge_images)
    assert (asked, by_mean) == ([], [])
    model.predict(torch.tensor(edge_images))
    mean.predict(torch.tensor(edge_images))
    assert (len(asked), by_mean) == (1, [torch.Tensor])
    assert in_use.device_in_use() is None


def test_a_copy_on_the_device_follows_the_model(monkeypatch, edge_images):
    monkeypatch.setattr(in_use, "KINDS", {"cpu"})
    tensors = torch.tensor(edge_images)
    model = NearestImages().fit(tensors[:4], torch.tensor([0, 1, 0, 1]))
    assert model.kneighbors(tensors[6:7])[1].max() < 4
    ids = model.teach(tensors[6:7], torch.tensor([2]))
    assert torch.equal(ids, torch.tensor([4]))
    assert model.predict(tensors[6:7]).tolist() == [2]
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - scikit-learn's tools pickle between processes
    assert again.predict(tensors[6:7]).tolist() == [2]
    model.forget(ids)
    assert model.kneighbors(tensors[6:7])[1].max() < 4


def test_partial_fit_takes_tensors(edge_images, device):
    tensors, labels = torch.tensor(edge_images, device=device), torch.tensor([1, 2] * 4, device=device)
    for model in (MeanImage(), NearestImages()):
        whole = clone(model).fit(edge_images, [1, 2] * 4)
        model.partial_fit(tensors[:3], labels[:3], classes=torch.tensor([1, 2]))
        model.partial_fit(X=tensors[3:], y=labels[3:])
        assert_same(model.class_distances(tensors), whole.class_distances(edge_images), device)
    # NumPy itself refuses a tensor that is to have a gradient, on any device.
    floats = torch.tensor(edge_images / 256, device=device, requires_grad=True)
    for model in (MeanImage(), NearestImages()):
        model.partial_fit(floats, labels, classes=[1, 2])
        whole = clone(model).fit(edge_images / 256, [1, 2] * 4)
        assert_same(model.class_distances(floats), whole.class_distances(edge_images / 256), device)
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'"):
        MeanImage(average="median").partial_fit  # noqa: B018 - asking for it is what is tested


def test_texts_stay_numpy_and_narrow_integers_widen(edge_images):
    tensors = torch.tensor(edge_images)
    model = MeanImage().fit(tensors, ["a", "b"] * 4)
    labels, distances, *_ = model.answer(tensors)
    assert isinstance(labels, np.ndarray)
    assert isinstance(distances, torch.Tensor)
    for kind in (np.uint8, np.int16, np.uint32):
        assert MeanImage().fit(edge_images, np.array([1, 2] * 4, kind)).predict(tensors).dtype == torch.int64
    largest = np.array([1, 2**64 - 1] * 4, np.uint64)
    assert MeanImage().fit(edge_images, largest).predict(tensors).numpy().max() == 2**64 - 1


def test_answers_that_are_records(edge_images):
    tensors = torch.tensor(edge_images)
    model = NearestImages().fit(tensors, [0, 1] * 4)
    answers, wanted = model.answer(tensors, 0.5), model.answer(edge_images, 0.5)
    assert type(answers) is type(wanted)
    assert answers.labels.dtype == torch.int64
    assert answers.rejected.dtype == torch.bool
    assert answers.basis == wanted.basis
    assert answers.rejected.tolist() == wanted.rejected.tolist()
    evidence, expected = model.explain(tensors)[3], model.explain(edge_images)[3]
    assert isinstance(evidence.image, np.ndarray)
    assert (evidence.answer, evidence.distances.tolist()) == (expected.answer, expected.distances.tolist())


def test_score_and_evaluate_take_tensors(digits, device, by_device):
    train, valid = digits
    images, labels = (torch.tensor(part, device=device) for part in (valid.images, valid.labels))
    for model in (MeanImage("l2"), NearestImages()):
        model.fit(train.images, train.labels)
        assert model.score(images, labels) == model.score(valid.images, valid.labels)
        found, wanted = evaluate(model, images, labels), evaluate(model, valid.images, valid.labels)
        for name in ("classes", "labels", "predictions", "confusion", "mistakes"):
            assert_same(getattr(found, name), getattr(wanted, name), device)
        assert (found.accuracy, found.macro, found.per_class) == (
            wanted.accuracy,
            wanted.macro,
            wanted.per_class,
        )
    from sklearn.linear_model import LogisticRegression

    rows = train.images.reshape(len(train.images), -1) / 255
    other = LogisticRegression(max_iter=200, C=0.01).fit(rows, train.labels)
    assert evaluate(other, images, labels).accuracy == evaluate(other, valid.images, valid.labels).accuracy


def test_a_tensor_of_bytes_is_not_copied_in(monkeypatch, edge_images):
    seen = []
    monkeypatch.setattr(
        MeanImage, "_images", lambda self, X, *args, **how: seen.append(X) or (_ for _ in ()).throw(KeyError)
    )
    tensor = torch.tensor(edge_images)
    with pytest.raises(KeyError):
        MeanImage().fit(tensor, [0, 1] * 4)
    assert seen[0].ctypes.data == tensor.data_ptr()


def test_models_detach_and_the_definition_keeps_the_gradient(edge_images):
    floats = torch.tensor(edge_images / 256, requires_grad=True)
    model = MeanImage("l2").fit(floats, [0, 1] * 4)
    assert not model.class_distances(floats).requires_grad
    others = torch.tensor(edge_images[::-1] / 255 * 0.5 + 0.25)
    for distance in (definition.l1, definition.l2):
        assert torch.autograd.gradcheck(lambda images, way=distance: way(images, others), floats, atol=1e-6)


def test_half_precision_goes_in_as_float32(edge_images):
    model = MeanImage().fit(edge_images, [0, 1] * 4)
    half = torch.tensor(edge_images / 255).bfloat16()
    wanted = model.class_distances(half.float().numpy())
    np.testing.assert_array_equal(model.class_distances(half), wanted)


def test_refuses_tensors_without_values(edge_images):
    model = MeanImage().fit(edge_images, [0, 1] * 4)
    for tensor in (torch.zeros((8, 6, 5), device="meta"), torch.zeros((8, 6, 5)).to_sparse()):
        with pytest.raises(InputError, match="holds no values that can be read: expected a dense one"):
            model.predict(tensor)
    with pytest.raises(InputError, match="images are 5x6: expected 6x5, as in fit"):
        model.predict(torch.tensor(edge_images).transpose(1, 2))


def test_a_device_without_float64_is_given_float32():
    class Apples:
        type = "mps"

    with pytest.MonkeyPatch.context() as patch:
        given_dtypes = []
        patch.setattr(torch.Tensor, "to", lambda self, device: given_dtypes.append(self.dtype))
        for array in (np.zeros(2), np.zeros(2, np.int64)):
            in_use.to_tensor(array, Apples())
    assert given_dtypes == [torch.float32, torch.int64]


def test_read_only_and_reversed_arrays_become_tensors():
    array = np.arange(4)[::-1]
    array.flags.writeable = False
    assert in_use.to_tensor(array, torch.device("cpu")).tolist() == [3, 2, 1, 0]


def test_torch_is_not_imported_for_arrays():
    code = (
        "import sys, lookalike, numpy as np\n"
        "images = np.zeros((4, 3, 3), np.uint8); images[2:] = 255\n"
        "for model in (lookalike.MeanImage(), lookalike.NearestImages()):\n"
        "    assert model.fit(images, [0, 0, 1, 1]).predict(images).tolist() == [0, 0, 1, 1]\n"
        "    lookalike.evaluate(model, images, [0, 0, 1, 1])\n"
        "print('torch' in sys.modules, 'triton' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False False", done.stderr
