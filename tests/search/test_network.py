"""A network that the user has: its features by NumPy, and everything that may be wrong with its files."""

import copy
import json
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper

from lookalike import Embedding, InputError, MissingExtraError
from lookalike.search.mixture import network as module
from lookalike.search.mixture.network import OnnxNetwork
from networks import FED, SIZE, WIDTH, features, named_elsewhere, tiny, written

CLOSE = {"rtol": 0, "atol": 1e-5}  # a network computes in 32 bits


def batch(channels=3, n=6, size=SIZE, seed=0):
    shape = (n, *size, channels) if channels > 1 else (n, *size)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    ("channels", "mean", "std", "scale"),
    [
        ("RGB", [0.5, 0.4, 0.3], [0.2, 0.25, 0.5], 1),
        ("BGR", [104, 117, 123], [1], 255),
        ("gray", [0.1], [0.3], 1),
    ],
)
def test_features_are_those_by_numpy(tmp_path, layout, channels, mean, std, scale):
    fed = {"size": [*SIZE], "channels": channels, "scale": scale, "mean": mean, "std": std, "layout": layout}
    network = OnnxNetwork.opened(str(written(tmp_path, fed=fed)))
    for images in (batch(), batch(1)):
        found = network.rows(images)
        assert found.shape == (6, WIDTH)
        np.testing.assert_allclose(found, features(images, fed), **CLOSE)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-12)


def test_what_is_transparent_is_white(tmp_path):
    images = batch(4)
    images[..., 3] = np.where(images[..., 3] > 99, 255, 0)
    np.testing.assert_allclose(
        OnnxNetwork.opened(str(written(tmp_path))).rows(images), features(images), **CLOSE
    )


def test_images_of_any_size_are_stretched(tmp_path):
    colours = batch(size=(1, 1))
    stretched = np.broadcast_to(colours, (6, 9, 3, 3))
    expected = features(np.broadcast_to(colours, (6, *SIZE, 3)))
    found = Embedding(written(tmp_path)).fit_transform(stretched)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_rows_do_not_depend_on_the_batch_and_floats_are_their_bytes(tmp_path):
    embedding, images = Embedding(written(tmp_path)), batch()
    together = embedding.transform(images)
    np.testing.assert_array_equal(
        np.concatenate([embedding.transform(image[None]) for image in images]), together
    )
    np.testing.assert_array_equal(embedding.transform(images / 255 * 0.999), together)
    for again in (copy.deepcopy(embedding), pickle.loads(pickle.dumps(embedding))):  # noqa: S301 - our own
        np.testing.assert_array_equal(again.transform(images), together)


def test_the_output_that_is_named_is_taken(tmp_path):
    twice = helper.make_node("Neg", ["features"], ["turned"])
    network = tiny(more=[twice], outputs=("features", "turned"))
    images = batch()
    path = written(tmp_path, network, {**FED, "output": "turned"})
    np.testing.assert_allclose(OnnxNetwork.opened(str(path)).rows(images), -features(images), **CLOSE)
    for output in ({}, {"output": "sums"}, {"output": "nothing"}):
        with pytest.raises(InputError, match="has the outputs features, turned: name one of them"):
            OnnxNetwork.opened(str(written(tmp_path, network, {**FED, **output})))


def test_a_row_of_zeros_stays_one(tmp_path):
    nothing = helper.make_node("Sub", ["features", "features"], ["zeros"])
    path = written(tmp_path, tiny(more=[nothing], outputs=("zeros",)))
    assert not OnnxNetwork.opened(str(path)).rows(batch()).any()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"size": None}, "size is None: expected a list"),
        ({"size": [4]}, "size has 1 numbers: expected 2"),
        ({"size": [0, 5]}, "size is 0: expected a whole number from 1 to 1024"),
        ({"size": [4, 100_000]}, "size is 100000: expected a whole number from 1 to 1024"),
        ({"channels": "rgb"}, "channels is 'rgb': expected one of RGB, BGR, gray"),
        ({"mean": [1, 2]}, "mean has 2 numbers: expected 1 or 3"),
        ({"mean": "half"}, "mean is 'half': expected a list"),
        ({"std": [0]}, "std is 0: expected a number from 1e-06"),
        ({"scale": float("nan")}, "scale is nan: expected a number"),
        ({"scale": True}, "scale is True: expected a number"),
        ({"layout": "HWC"}, "layout is 'HWC': expected one of NCHW, NHWC"),
        ({"output": ""}, "output is '': expected a text"),
        ({"crop": 1}, "'crop' is unknown"),
    ],
)
def test_a_description_that_cannot_be_is_refused_with_an_example(tmp_path, told, said):
    with pytest.raises(InputError) as caught:
        OnnxNetwork.opened(str(written(tmp_path, tiny(), {**FED, **told})))
    assert said in str(caught.value)
    assert "tiny.json" in str(caught.value)
    assert '"layout": "NCHW"' in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 50_000, b"\xff", b"1" * 70_000, b'{"size": 3}'])
def test_a_description_that_is_none_is_refused(tmp_path, text):
    path = written(tmp_path)
    path.with_suffix(".json").write_bytes(text)
    with pytest.raises(InputError, match=r"tiny\.json.*expected something like"):
        OnnxNetwork.opened(str(path))
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"tiny\.json' is not there: expected how images are brought"):
        OnnxNetwork.opened(str(path))


def one():
    return numpy_helper.from_array(np.ones(WIDTH, np.float32), "one")


def initialiser(network):
    return network.graph.initializer[0]


def constant(network):
    """Return a tensor within a node."""
    network.graph.node.insert(0, helper.make_node("Constant", [], ["one"], value=one()))
    return network.graph.node[0].attribute[0].t


def inner(network):
    """Return a tensor within a graph within a node."""
    graph = helper.make_graph([], "inner", [], [], [one()])
    network.graph.node.append(helper.make_node("If", ["flat"], ["x"], then_branch=graph, else_branch=graph))
    return network.graph.node[-1].attribute[0].g.initializer[0]


def sparse(network):
    values = numpy_helper.from_array(np.ones(1, np.float32), "one")
    places = numpy_helper.from_array(np.zeros(1, np.int64), "places")
    network.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [3]))
    return network.graph.sparse_initializer[0].values


def of_a_function(network):
    node = helper.make_node("Constant", [], ["one"], value=one())
    network.functions.append(
        helper.make_function("mine", "f", [], ["one"], [node], [helper.make_opsetid("", 13)])
    )
    return network.functions[0].node[0].attribute[0].t


def of_several(network):
    """Return a tensor of a graph that is one of several of an attribute."""
    graphs = [helper.make_graph([], "empty", [], [], []), helper.make_graph([], "full", [], [], [one()])]
    network.graph.node[0].attribute.append(helper.make_attribute("graphs", graphs))
    return network.graph.node[0].attribute[-1].graphs[1].initializer[0]


def one_of_several(network):
    network.graph.node[0].attribute.append(helper.make_attribute("tensors", [one(), one()]))
    return network.graph.node[0].attribute[-1].tensors[1]


def default_of_a_function(network):
    function = helper.make_function("mine", "f", [], ["one"], [], [helper.make_opsetid("", 13)])
    function.attribute_proto.append(helper.make_attribute("value", one()))
    network.functions.append(function)
    return network.functions[0].attribute_proto[0].t


def of_training(network):
    network.training_info.add().algorithm.CopyFrom(helper.make_graph([], "step", [], [], [one()]))
    return network.training_info[0].algorithm.initializer[0]


TENSORS = [
    initialiser,
    constant,
    inner,
    sparse,
    of_a_function,
    of_several,
    one_of_several,
    default_of_a_function,
    of_training,
]


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("location", ["beside.bin", "../secret.bin", "/etc/passwd", "*/_ORT_MEM_ADDR_/*"])
def test_weights_in_another_file_are_refused_wherever_they_are(tmp_path, tensor, location):
    network = tiny()
    values = named_elsewhere(tensor(network), location)
    (tmp_path / "beside.bin").write_bytes(values)
    with pytest.raises(InputError, match="keeps weights in another file: expected a network in one file"):
        OnnxNetwork.opened(str(written(tmp_path, network)))


def test_a_place_elsewhere_without_a_name_is_refused(tmp_path):
    network = tiny()
    initialiser(network).data_location = TensorProto.EXTERNAL
    with pytest.raises(InputError, match="keeps weights in another file"):
        OnnxNetwork.opened(str(written(tmp_path, network)))


@pytest.mark.parametrize("part", [0, 3, 20, 0.5, 0.99])
def test_what_is_cut_short_or_none_is_refused(tmp_path, part):
    data = tiny().SerializeToString()
    path = written(tmp_path, data[: int(part * len(data)) if part < 1 else part])
    with pytest.raises(InputError, match=r"tiny\.onnx"):
        OnnxNetwork.opened(str(path))


def test_no_file_and_a_large_one_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path)
    for name in (tmp_path, tmp_path / "nothing.onnx"):
        with pytest.raises(InputError, match="is no file: expected a network, as an ONNX file"):
            OnnxNetwork.opened(str(name))
    monkeypatch.setattr(module, "MAX_NETWORK_BYTES", path.stat().st_size - 1)
    with pytest.raises(InputError, match="too large to be read"):
        OnnxNetwork.opened(str(path))


@given(st.data())
def test_mutated_bytes_are_read_or_refused(tmp_path_factory, data):
    good = bytearray(tiny().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        # The weights themselves may be anything.
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("mutated")
    try:
        found = OnnxNetwork.opened(str(written(folder, bytes(good)))).rows(batch(n=1))
    except InputError:
        return
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda: tiny(takes=[1, 3, 5, 4]), r"takes the shape \[1, 3, 5, 4\], and its JSON file says \[1, 3"),
        (lambda: tiny(takes=[2, 3, 4, 5]), r"takes the shape \[2, 3, 4, 5\]"),
        (lambda: tiny(takes=["n", 60]), r"takes the shape \['n', 60\]"),
        (lambda: tiny(kind=TensorProto.DOUBLE), "cannot be opened as ONNX"),
        (lambda: tiny(kind=TensorProto.INT64), "tiny.onnx"),
    ],
)
def test_a_network_that_takes_something_else_is_refused(tmp_path, network, said):
    with pytest.raises(InputError, match=said):
        OnnxNetwork.opened(str(written(tmp_path, network())))


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([helper.make_node("Log", ["flat"], ["out"])], "gives NaN or infinity"),
        ([helper.make_node("Identity", ["images"], ["out"])], r"an output of shape \(1, 3, 4, 5\)"),
        ([helper.make_node("ReduceSum", ["features"], ["out"], keepdims=0)], r"an output of shape \(\)"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(tmp_path, nodes, said):
    network = OnnxNetwork.opened(str(written(tmp_path, tiny(more=nodes, outputs=("out",)))))
    with pytest.raises(InputError, match=said):
        network.rows(np.zeros((1, *SIZE), np.uint8))


def test_without_onnx_runtime_the_install_line_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r'needs onnxruntime: pip install "lookalike\[onnx\]"'):
        Embedding(written(tmp_path)).fit()


def test_what_is_no_path_is_refused():
    with pytest.raises(InputError, match="path is 3: expected the path of an ONNX file"):
        Embedding(3).fit()


def test_the_description_may_say_the_only_output(tmp_path):
    path = written(tmp_path, fed={**FED, "output": "features"})
    assert json.loads(path.with_suffix(".json").read_text())["output"] == "features"
    assert OnnxNetwork.opened(str(path)).rows(batch()).shape == (6, WIDTH)
