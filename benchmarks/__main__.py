"""Run every benchmark, print its tables, and write them to RESULTS.md with the machine and the versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import sys
from pathlib import Path

from benchmarks import growth, mean_images, neighbours
from lookalike import settings

JOBS = {"mean-images": mean_images.run, "neighbours": neighbours.run, "growth": growth.run}
LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "torch",
    "faiss-cpu",
    "usearch",
    "hnswlib",
    "pynndescent",
)


def machine() -> str:
    """Return what the figures depend on besides the code."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        processor = names[0] if names else processor
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"{datetime.date.today().isoformat()}, {processor}, {settings.threads()} threads, "
        f"Python {platform.python_version()}, {versions}"
    )


def main() -> None:
    """Run the jobs that are named, or all; only a run of all is written down."""
    chosen = sys.argv[1:] or list(JOBS)
    unknown = set(chosen) - set(JOBS)
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}: known are {', '.join(JOBS)}")
    parts = ["# Results\n", f"Made by `make bench`: {machine()}.\n"]
    for name in chosen:
        for part in JOBS[name]():
            print(part, flush=True)
            parts.append(part)
            if not sys.argv[1:]:
                # After every part: a run that is cut off keeps what it has.
                Path(__file__).with_name("RESULTS.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
