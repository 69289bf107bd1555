"""A service to be asked in this process, and one that runs by itself and can be killed."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

# Whoever asks a service needs what serves; exported pages do not.
pytest.importorskip("fastapi", reason="serving needs the extra [serve]")

BASE = "http://127.0.0.1:8000"


def png(image):
    """Return an image as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def files(*images):
    """Return images as a form sends them."""
    return [("images", (f"{place}.png", png(image), "image/png")) for place, image in enumerate(images)]


def told(image):
    """Return an image as JSON tells it."""
    channels = image.shape[2] if image.ndim == 3 else 1
    pixels = base64.b64encode(np.ascontiguousarray(image).tobytes()).decode()
    return {"width": image.shape[1], "height": image.shape[0], "channels": channels, "pixels": pixels}


def pixels(image):
    """Return the array that JSON tells."""
    flat = np.frombuffer(base64.b64decode(image["pixels"]), "<i2" if image.get("signed") else np.uint8)
    return flat.reshape(image["height"], image["width"])


def mark(seed, size=28):
    """Return a made-up symbol: a few strokes, the same for a seed."""
    rng = np.random.default_rng(seed)
    image = np.zeros((size, size), np.uint8)
    long, wide = size // 3, max(1, size // 14)
    for across in rng.permutation([True, False, bool(seed % 2)]):
        top, left = rng.integers(1, size - long - 1, 2)
        image[top : top + (wide if across else long), left : left + (long if across else wide)] = 255
    return image


@contextmanager
def running(*arguments):
    """Run ``lookalike serve`` and yield its process and its address; it is killed at the end."""
    command = [
        sys.executable,
        "-m",
        "lookalike",
        "serve",
        *map(str, arguments),
        "--port",
        "0",
        "--no-browser",
    ]
    with started(command, env={**os.environ, "LOOKALIKE_THREADS": "2"}) as (process, address):
        yield process, address


@contextmanager
def started(command, **how):
    """Run a command that says its address, and yield its process and that; it is killed at the end."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **how)
    try:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + process.stderr.read()
        yield process, found[0].rstrip("/")
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def until(true, seconds=10.0):
    """Wait until something is true, and return whether it became so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
