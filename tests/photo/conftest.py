"""Photographs of a made counter, whose values are known."""

from importlib.util import find_spec

import numpy as np
import pytest

if find_spec("cv2") is None:
    # Said where the run begins: each of these tests makes photographs by it.
    collect_ignore_glob = ["test_*.py"]
else:
    from benchmarks.frames import Frame, taken
    from photographing import CELLS, digit, write


def pytest_report_header():
    missing = "photographs are not tested: OpenCV is missing (pip install opencv-python-headless)"
    return missing if find_spec("cv2") is None else None


@pytest.fixture(scope="session")
def frame():
    return Frame.drawn(np.random.default_rng(5), CELLS)


@pytest.fixture(scope="session")
def photograph(frame):
    """Return a function that photographs a value: ``photograph("0715", seed)``."""

    def photographed(value, seed, strength=1.0, change=None):
        rng = np.random.default_rng(seed)
        face = frame.shows([digit(one, rng) for one in value])
        return taken(face if change is None else change(face, rng), rng, strength=strength)[0]

    return photographed


@pytest.fixture(scope="session")
def layout(frame, photograph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    write(folder / "reference.png", photograph("0123", 1, strength=0))
    return frame.layout(folder / "reference.png")


@pytest.fixture(scope="session")
def fitted(layout, photograph):
    """Return a classifier that is fitted on twelve named photographs."""
    from lookalike import MixtureMatch
    from lookalike.photo.cut import crops_of
    from lookalike.photo.register import Registrar

    registrar = Registrar(layout)
    text = "0123 4567 8901 2345 6789 1357 2468 9012 3690 5874 7046 1825"
    crops = [
        crops_of(layout, registrar.register(photograph(value, 100 + seed)).image)
        for seed, value in enumerate(text.split())
    ]
    labels = np.array([int(one) for one in text.replace(" ", "")])
    return MixtureMatch().fit(np.concatenate(crops), labels)


@pytest.fixture(scope="session")
def model(fitted):
    return fitted.recogniser_


@pytest.fixture(scope="session")
def reader(model, layout):
    from lookalike.photo import Reader

    return Reader(model, layout)


@pytest.fixture(scope="session")
def saved(fitted, tmp_path_factory):
    """Return the model's file."""
    from lookalike import save_model

    return save_model(fitted, tmp_path_factory.mktemp("model") / "meter.lookalike")
