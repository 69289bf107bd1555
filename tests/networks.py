"""A tiny network as an ONNX file, what it computes in NumPy, and how it is fed."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, WIDTH = (4, 5), 7
FED = {
    "size": list(SIZE),
    "channels": "RGB",
    "scale": 1,
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.25, 0.5],
    "layout": "NCHW",
}


def weights(depth):
    """Return what the network multiplies flattened images by."""
    return np.random.default_rng(2).normal(size=(depth * SIZE[0] * SIZE[1], WIDTH)).astype(np.float32)


def shape_of(fed):
    """Return the shape that the network takes."""
    depth = 1 if fed["channels"] == "gray" else 3
    return [1, depth, *SIZE] if fed["layout"] == "NCHW" else [1, *SIZE, depth]


def tiny(fed=FED, *, takes=None, kind=TensorProto.FLOAT, more=(), outputs=("features",)):
    """Return a network: tanh of flattened images times weights. ``more`` are nodes behind it."""
    matrix = weights(1 if fed["channels"] == "gray" else 3)
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("Tanh", ["sums"], ["features"]),
        *more,
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", kind, takes or shape_of(fed))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(matrix, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def written(folder, network=None, fed=FED, name="tiny"):
    """Write a network, or bytes, and how it is fed; return its path."""
    data = tiny(fed) if network is None else network
    path = folder / f"{name}.onnx"
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    path.with_suffix(".json").write_text(json.dumps(fed))
    return path


def features(images, fed=FED):
    """Return what the network makes of images of its size, by NumPy: rows of length 1."""
    values = images.astype(np.float64) / 255
    if values.ndim == 3:
        values = np.stack([values] * 3, axis=-1)
    if values.shape[-1] == 4:
        values = values[..., :3] * values[..., 3:] + 1 - values[..., 3:]
    if fed["channels"] == "gray":
        values = np.rint(values @ [0.299, 0.587, 0.114] * 255)[..., None] / 255
    elif fed["channels"] == "BGR":
        values = values[..., ::-1]
    values = (values * fed["scale"] - fed["mean"]) / fed["std"]
    if fed["layout"] == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    rows = np.tanh(values.reshape(len(images), -1) @ weights(values.size // len(images) // 20))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def named_elsewhere(tensor, location):
    """Make a tensor one that is kept in another file."""
    values = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(len(values))}.items():
        tensor.external_data.add(key=key, value=value)
    return values


__all__ = ["FED", "SIZE", "WIDTH", "features", "named_elsewhere", "onnx", "tiny", "written"]
