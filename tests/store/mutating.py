"""Model files with something wrong in them: bytes changed anywhere, or facts and arrays with a right hash."""

import copy
import json
import random

import numpy as np

from lookalike import InputError
from lookalike.store import container

STRANGE = (
    None, True, False, 0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 2**31, 2**40, 2**53, 2**63, -(2**63), 2**64,
    10**30, 0.5, -0.0, 1e308, "", "a", "auto", "é\x00", "\ud800", "<U1000000000", "<U0", "<U5", "<i8", "|b1",
    "object", "O", [], [[]], {}, [0], [1, 1], [1, 1, 1], [28, 28], [2**40, 2**40], ["a"], [[1, [2, [3]]]],
    {"prepare": {}}, {"a": 1},
    "deformable", "nearest-l1", "mean-image-l2", "median-image-l1", "most-frequent", "logistic-regression",
    "learned", "clusters-l1", "learned-l1", "MeanMatcher", "MedianMatcher", "ClusterMatcher", "PixelMatcher",
    "LearnedMatcher", "l1", "l2", "sobel", "values", "double-angle", "distance", [True], "median",
)  # fmt: skip


def mutated_bytes(data, seed):
    """Return bytes with a few changes: bits, spans, lengths, ends."""
    rng = random.Random(seed)
    changed = bytearray(data)
    header = 8 + int.from_bytes(data[:8], "little")
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(min(header, len(changed)) if rng.random() < 0.7 else len(changed))
        kind = rng.randrange(8)
        if kind <= 2:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 3:
            changed[place] = rng.choice(b'{}[]":,0189-eE\\\xff\x00 ')
        elif kind == 4:
            del changed[place : place + rng.choice((1, 2, 8, 100))]
        elif kind == 5:
            changed[place:place] = changed[: rng.choice((1, 8, 60))]
        elif kind == 6:
            changed[:8] = rng.choice((0, 1, 7, header, 2**24, 2**31, 2**63, 2**64 - 1)).to_bytes(8, "little")
        else:
            del changed[place:]
        if len(changed) < 9:
            return bytes(changed)
    return bytes(changed)


def mutated_contents(contents, seed, path):
    """Write a file whose hash is right and whose contents are not; return whether there is one."""
    rng = random.Random(seed)
    about, arrays = copy.deepcopy(contents.about), dict(contents.arrays)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if rng.random() < 0.65:
            _mutate_json(about, rng)
        else:
            _mutate_array(arrays, rng)
    if not isinstance(about, dict):
        return False
    try:
        container.write(path, about, arrays)
    except (InputError, ValueError):
        return False
    return True


def _mutate_json(document, rng):
    """Change one node, or take it away, or put another beside it."""
    nodes = []

    def walk(node):
        items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
        for key, inner in items:
            nodes.append((node, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(document)
    holder, key = rng.choice(nodes)
    kind = rng.randrange(10)
    value = copy.deepcopy(rng.choice(STRANGE))
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[str(rng.choice(STRANGE))] = value
    elif kind == 1:
        holder.append(value)
    elif kind == 2 and type(holder[key]) in (int, float):
        holder[key] += rng.choice((-1, 1, 0.5))
    elif kind == 3:
        other, at = rng.choice(nodes)
        if at in (other if isinstance(other, dict) else range(len(other))):
            holder[key] = json.loads(json.dumps(other[at]))
    else:
        holder[key] = value


@np.errstate(all="ignore")  # numbers that another dtype cannot hold are meant
def _mutate_array(arrays, rng):
    """Change an array's values, shape, dtype or name."""
    name = rng.choice(sorted(arrays))
    array = np.array(arrays[name])
    kind = rng.randrange(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        others = (
            "other",
            "matcher.images",
            "matcher.descriptions",
            "reservoir.keys",
            "known_left_out.distances",
        )
        arrays[rng.choice((*arrays, *others))] = array
    elif kind == 2:
        arrays[name] = array[: rng.randrange(len(array) + 1)] if array.ndim else array
    elif kind == 3:
        arrays[name] = array.reshape(rng.choice(((-1,), (1, -1), (-1, 1), (1, 1, -1))))
    elif kind == 4:
        arrays[name] = array.astype(rng.choice((np.uint8, np.int64, np.uint64, np.float32, np.float64)))
    elif kind == 5:
        arrays[name] = np.concatenate([array, array]) if array.ndim else array
    elif array.size:
        extremes = (0, 1, 255, 2**31, 2**62) if array.dtype.kind in "iu" else (np.nan, np.inf, -1e308, 0.5)
        if array.dtype.kind == "i":
            extremes = (*extremes, -1, -(2**63))
        value = rng.choice(extremes)
        array.reshape(-1)[rng.randrange(array.size)] = value % 256 if array.dtype == np.uint8 else value
        arrays[name] = array
