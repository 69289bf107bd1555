"""Images on disk that are searched there, ``python -m benchmarks.on_disk``: time, memory and bytes.

MNIST's training images, and copies that are shifted by up to two pixels and a little brighter or darker, are
written to a file, ``--images`` of them; the test set's first images are looked for by L2. Each step is a
process of its own. FAISS (extra ``bench``) searches the same images as floats, by its flat index as a memory
map. Memory is said where Linux tells it: at most, with pages of files that it may take back, and at the end
without these.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import lookalike
from benchmarks.few_shot import table

BATCH = 60_000


def written(path: Path, count: int) -> None:
    """Write shifted images, and their labels beside them."""
    train, test = lookalike.load("mnist")
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 28, 28))
    labels = np.empty(count, np.int64)
    rng = np.random.default_rng(0)
    for first in range(0, count, BATCH):
        n = min(BATCH, count - first)
        down, across = rng.integers(-2, 3, 2) if first else (0, 0)
        brighter = rng.integers(-9, 10, (n, 1, 1))
        moved = np.roll(train.images[:n], (down, across), (1, 2)).astype(np.int16)
        images[first : first + n] = np.clip(moved + brighter * (moved > 0) * (first > 0), 0, 255)
        labels[first : first + n] = train.labels[:n]
    images.flush()
    np.save(path.with_suffix(".labels.npy"), labels)
    np.save(path.with_suffix(".queries.npy"), test.images)


def fit(path: Path, queries: int) -> dict[str, Any]:
    """Fit a model on the images where they are, and write its file."""
    model = lookalike.NearestImages(metric="l2", on_disk=True)
    model.fit(np.load(path, mmap_mode="r"), np.load(path.with_suffix(".labels.npy")))
    lookalike.save_model(model, path.with_suffix(".lookalike"))
    return {"file": path.with_suffix(".lookalike").stat().st_size}


def search(path: Path, queries: int) -> dict[str, Any]:
    """Open the model and ask it."""
    _ = lookalike.NearestImages  # importing takes longer than opening
    began = time.perf_counter()
    model = lookalike.load_model(path.with_suffix(".lookalike"))
    opened = time.perf_counter() - began
    asked = np.load(path.with_suffix(".queries.npy"))[:queries]
    return {"opened": opened, "places": model.kneighbors(asked)[1][:, 0].tolist()}


def faiss_build(path: Path, queries: int) -> dict[str, Any]:
    """Write FAISS's flat index, part by part."""
    import faiss

    images = np.load(path, mmap_mode="r")
    index = faiss.IndexFlatL2(784)
    for first in range(0, len(images), BATCH):
        index.add(images[first : first + BATCH].reshape(-1, 784).astype(np.float32))
    faiss.write_index(index, str(path.with_suffix(".faiss")))
    return {"file": path.with_suffix(".faiss").stat().st_size}


def faiss_search(path: Path, queries: int) -> dict[str, Any]:
    """Open it as a memory map, and ask it."""
    import faiss

    began = time.perf_counter()
    index = faiss.read_index(str(path.with_suffix(".faiss")), faiss.IO_FLAG_MMAP)
    opened = time.perf_counter() - began
    asked = np.load(path.with_suffix(".queries.npy"))[:queries].reshape(-1, 784).astype(np.float32)
    return {"opened": opened, "places": index.search(asked, 1)[1][:, 0].tolist()}


STEPS = {
    "lookalike: fit and write": fit,
    "lookalike: open and search": search,
    "FAISS flat: build and write": faiss_build,
    "FAISS flat: open and search": faiss_search,
}


def step(name: str, path: Path, queries: int) -> None:
    """Run a step, and print what it took as JSON."""
    began = time.perf_counter()
    found = STEPS[name](path, queries)
    used = resource.getrusage(resource.RUSAGE_SELF)
    found |= {
        "seconds": time.perf_counter() - began,
        "processor": used.ru_utime + used.ru_stime,
        "most": _megabytes("VmHWM"),
        "own": _megabytes("RssAnon"),
    }
    print(json.dumps(found))


def _megabytes(name: str) -> float:
    """Return what Linux says of the process's memory."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.is_file() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def main() -> None:
    """Print progress, and at the end the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", type=int, default=2_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--folder", type=Path, help="where the files are made; by default a temporary one")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        step(given.only, given.folder / "images.npy", given.queries)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path, found = Path(folder, "images.npy"), {}
        written(path, given.images)
        print(f"{given.images:,} images are written: {path.stat().st_size / 1e9:.1f} GB", flush=True)
        words = ["--folder", folder, "--queries", str(given.queries)]
        for name in given.steps:
            command = [sys.executable, "-m", "benchmarks.on_disk", *words, "--only", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[name] = json.loads(done.stdout.splitlines()[-1])
            print(f"{name}: {found[name]['seconds']:.1f} s", flush=True)
    answers = [one["places"] for one in found.values() if "places" in one]
    if len(answers) == 2:
        same = np.mean(np.equal(*answers))
        print(f"the same nearest image for {same:.1%} of {given.queries:,} queries\n")
    rows = [
        [
            name,
            f"{one['seconds']:.1f} s",
            f"{one['processor']:.1f} s",
            f"{one['opened'] * 1000:.0f} ms" if "opened" in one else "",
            f"{one['most']:,.0f} MB",
            f"{one['own']:,.0f} MB",
            f"{one['file'] / 1e9:.2f} GB" if "file" in one else "",
        ]
        for name, one in found.items()
    ]
    head = [
        "step",
        "time",
        "processors' time",
        "opened in",
        "peak memory, pages of files in it",
        "own at the end",
        "file",
    ]
    print(table(f"{given.images:,} images of 28x28 on disk, {given.queries:,} queries", head, rows))


if __name__ == "__main__":
    main()
