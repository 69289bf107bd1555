"""How long the page takes from a pen's last stroke to the answer, ``python -m benchmarks.strokes``.

Digits of MNIST's test writers (``LOOKALIKE_DATA``) are drawn along their own lines with the mouse in
Chromium, on pages that are served and on exported ones, and the page's own measure is read: from the event
that ended the stroke to the answer in the page. A line a page: the median and the 95th percentile over all
drawings.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import lookalike
from benchmarks.service import served
from lookalike.errors import LookalikeWarning

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browsing import chromium
from web.drawing import answered, draw
from web.pens import strokes

ENTRIES = "performance.getEntriesByName('stroke to answer').map(entry => entry.duration)"
KEPT = 1000  # images in an exported page


def told(browser, address: str, drawings) -> np.ndarray:
    """Draw each digit alone; return how long its last answer took, in milliseconds, without the first."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    took = []
    for lines in drawings:
        if took:
            page.get_by_role("button", name="Clear").click()
            answered(page)
        page.evaluate("performance.clearMeasures()")
        draw(page, lines)
        took.append(page.evaluate(ENTRIES)[-1])
    page.close()
    return np.array(took[1:])


def say(name: str, took: np.ndarray) -> None:
    """Print a line of the result."""
    median, most = np.percentile(took, (50, 95))
    load = os.getloadavg()[0]
    print(
        f"{name}: {len(took)} drawings, median {median:.0f} ms, 95 % within {most:.0f} ms (load {load:.1f})"
    )


def main() -> None:
    """Draw on every page, and print how long answers took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawings", type=int, default=60)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", LookalikeWarning)
    train, valid = lookalike.load("mnist")
    drawings = [strokes(valid.images[place]) for place in range(chosen.drawings + 1)]
    models = {"nearest": lookalike.NearestImages(), "deformable": lookalike.DeformableMatch()}
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, model in models.items():
            path = Path(folder) / f"{name}.lookalike"
            lookalike.save_model(model.fit(train.images, train.labels), path)
            process, address = served(path, Path(folder) / name)
            try:
                say(f"{name}, {len(train.images):,} images, served", told(browser, address, drawings))
            finally:
                process.kill()
                process.wait()
            few = model.fit(train.images[:KEPT], train.labels[:KEPT])
            page = lookalike.export_page(few, Path(folder) / f"{name}.html")
            say(f"{name}, {KEPT:,} images, exported", told(browser, page.as_uri(), drawings))


if __name__ == "__main__":
    main()
