import os
from pathlib import Path

import numpy as np
import pytest

from lookalike.distance import search
from lookalike.distance.kernels.compiled import processor_features


@pytest.fixture(params=["l1", "l2"])
def metric(request):
    return request.param


@pytest.fixture(params=["auto", "portable"])
def simd(request, monkeypatch):
    """Both forms of the kernels; under LOOKALIKE_SIMD=portable the whole run stays portable."""
    portable_only = os.environ.get("LOOKALIKE_SIMD") == "portable" or "avx2" not in processor_features()
    if portable_only and request.param == "auto":
        pytest.skip("only the portable kernels can run here")
    monkeypatch.setenv("LOOKALIKE_SIMD", request.param)
    return request.param


@pytest.fixture(autouse=True)
def bounds_at_once(monkeypatch):
    """Lower bounds from the first query on: what is tested here asks too few to get to them."""
    monkeypatch.setattr(search, "FEW", 0)


@pytest.fixture(scope="session")
def smooth():
    """4,000 images 16x16 that are alike in parts, as real ones are: bounds help."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:16, 0:16]
    images = np.zeros((4000, 16, 16))
    for _ in range(3):
        centre = rng.uniform(2, 14, (4000, 2, 1, 1))
        images += 200 * np.exp(
            -((y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2) / rng.uniform(2, 20, (4000, 1, 1))
        )
    return np.minimum(images, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def mnist():
    """The first MNIST training and test images, where they are."""
    folder = os.environ.get("LOOKALIKE_DATA", "")
    if not folder:
        pytest.skip("LOOKALIKE_DATA is not set")
    import gzip

    parts = []
    for name, count in (("train-images-idx3-ubyte", 6000), ("t10k-images-idx3-ubyte", 100)):
        path = Path(folder) / "mnist" / name
        if path.exists():
            stored = path.read_bytes()
        elif path.with_name(name + ".gz").exists():
            with gzip.open(path.with_name(name + ".gz")) as file:
                stored = file.read(16 + count * 784)
        else:
            pytest.skip(f"{name} is not in LOOKALIKE_DATA")
        parts.append(np.frombuffer(stored, np.uint8, count * 784, 16).reshape(count, 28, 28))
    return parts
