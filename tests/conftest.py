"""What tests share: real images where they are, and images on which careless code breaks."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings

# Machines that test are busy: a slow example is no failure. A failing one prints how to run it again. As
# Hypothesis has it by default, CI tries the same examples each time and other machines try new ones.
settings.register_profile("lookalike", deadline=None, print_blob=True, derandomize=bool(os.environ.get("CI")))
settings.register_profile("soak", settings.get_profile("lookalike"), max_examples=100 * 100)
# A mutant needs no small example, but the same ones each time.
settings.register_profile(
    "mutants", settings.get_profile("lookalike"), derandomize=True, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "lookalike"))


@pytest.fixture(scope="session")
def shared_data():
    """Return the folder of real data sets, or skip."""
    folder = os.environ.get("LOOKALIKE_DATA", "")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("LOOKALIKE_DATA does not name a folder with mnist/ in it")
    return Path(folder)


@pytest.fixture(scope="session")
def mnist(shared_data):
    """Return real MNIST, both parts."""
    import lookalike

    return lookalike.load("mnist")


@pytest.fixture(scope="session")
def mnist_sample(shared_data):
    """Return the 3s and 7s of MNIST, both parts."""
    import lookalike

    return lookalike.load("mnist-sample")


@pytest.fixture(scope="session")
def digits():
    """Return the embedded 8x8 digits, both parts."""
    import lookalike

    return lookalike.load("digits")


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """Return axe-core's source, as its makers publish it; skip where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: axe-core cannot be had")
    folder = tmp_path_factory.mktemp("axe")
    try:
        command = [npm, "pack", "--silent", "axe-core@4"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError):
        pytest.skip("npm could not fetch axe-core")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder, filter="data")
    return (folder / "package/axe.min.js").read_text("utf-8")


@pytest.fixture
def edge_images():
    """Return a batch of 6x5 images that careless code gets wrong: blank, full, constant, twice the same."""
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (8, 6, 5), dtype=np.uint8)
    images[0] = 0
    images[1] = 255
    images[2] = 128
    images[4] = images[3]
    images[5] = images[3]
    images[5, 0, 0] ^= 1
    return images
