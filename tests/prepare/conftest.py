"""Fixtures that tests of preparations share."""

import numpy as np
import pytest
from preparing import every_step


@pytest.fixture(params=every_step(), ids=lambda step: type(step).__name__)
def step(request):
    return request.param


@pytest.fixture(scope="session")
def drawings():
    """Return 30 images of 40x30, dark strokes of several sizes anywhere on white paper, and their labels."""
    rng = np.random.default_rng(3)
    images = np.full((30, 40, 30), 255, np.uint8)
    for i, image in enumerate(images):
        length = int(rng.integers(6, 20))
        top, left = int(rng.integers(1, 39 - length)), int(rng.integers(1, 29 - length // 2))
        image[top : top + length, left] = 0
        if i % 2:
            image[top, left : left + length // 2] = 0
    return images, np.arange(30) % 2
