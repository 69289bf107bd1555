"""Whether exported pages answer as Python does, and how long that takes: digits, and 1,000 images of MNIST.

    python -m benchmarks.exported_page [digits | mnist]

Each kind of model is fitted on all training images of digits, or on 1,000 of MNIST, and asked of all 359
valid images, or of 1,000 test images, in Chromium without a network. A line a model: whether its answers are
Python's in label, distances (all of them, exactly), probabilities (to 1e-9), p-value and rejection; how long
an answer takes in the browser (median, 95th percentile, the first one); and how large the page is.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import lookalike
from lookalike.errors import LookalikeWarning
from lookalike.registry import idea

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browsing import chromium
from web.exported import asked, differences, opened

IDEAS = ("mean-image-l1", "mean-image-l2", "nearest-l1", "nearest-l2", "deformable")
N = 1000


def main() -> None:
    """Compare every kind of model on every set that is named, or on both."""
    warnings.simplefilter("ignore", LookalikeWarning)
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or ("digits", "mnist"):
            limit = None if name == "digits" else N
            train, valid = lookalike.load(name, limit=limit)
            for full in IDEAS:
                model = idea(full).make().fit(train.images, train.labels)
                path = lookalike.export_page(model, Path(folder) / f"{name}-{full}.html")
                with opened(browser, path) as page:
                    told = asked(page, valid.images)
                own = model.recogniser_
                differs = differences(told, own, own, valid.images)
                took = np.array([one["took"] for one in told])
                print(
                    f"{name}, {full}: {len(train.images):,} training images, {len(told):,} answers, "
                    f"{'the same' if not differs else 'DIFFERENT in ' + ', '.join(differs)}; median "
                    f"{np.median(took):.1f} ms, 95 % within {np.percentile(took, 95):.1f} ms, the first "
                    f"{took[0]:.0f} ms; the page has {path.stat().st_size / 1e6:.2f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
