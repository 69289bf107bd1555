"""The service under load: many clients that predict and teach at once, and what became of every lesson.

``python -m benchmarks.service --clients 50 --seconds 60`` serves the embedded digits on loopback, asks, kills
the service with ``kill -9``, opens the model again, and looks for everything that was acknowledged.
``--mnist`` serves the nearest of 60,000 images instead (needs ``LOOKALIKE_DATA``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

import lookalike
from lookalike.web import wire


@dataclass
class Tally:
    """What the clients saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"predict": [], "teach": []})
    statuses: Counter = field(default_factory=Counter)
    acknowledged: set[int] = field(default_factory=set)


def served(path: Path, folder: Path) -> tuple[subprocess.Popen, str]:
    """Start a service, and return it and its address once it is ready."""
    command = [sys.executable, "-m", "lookalike", "serve", str(path), "--folder", str(folder)]
    process = subprocess.Popen([*command, "--port", "0", "--no-browser"], stderr=subprocess.PIPE, text=True)
    address = re.search(r"http://\S+", process.stderr.readline())[0].rstrip("/")
    while httpx2.get(f"{address}/readyz").status_code != 200:
        time.sleep(0.1)
    return process, address


def memory(process: subprocess.Popen) -> float:
    """Return how much memory a process has, in MiB."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_seconds(process: subprocess.Popen) -> float:
    """Return how long processors have worked for a process."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask(number, client, url, images, teach_share, stop, tally):
    """Predict and teach until the time is over."""
    rng = random.Random(number)
    while time.monotonic() < stop:
        kind = "teach" if rng.random() < teach_share else "predict"
        body = {"images": [images[rng.randrange(len(images))]]}
        if kind == "teach":
            body["label"] = str(rng.randrange(10))
        began = time.perf_counter()
        answer = await client.post(f"{url}/{kind}", json=body)
        tally.statuses[kind, answer.status_code] += 1
        if answer.status_code == 200:
            tally.seconds[kind].append(time.perf_counter() - began)
            if kind == "teach":
                tally.acknowledged.update(answer.json()["ids"])
        elif answer.status_code == 503:
            await asyncio.sleep(float(answer.headers["retry-after"]))


async def load(process, url, images, clients, seconds, teach_share) -> tuple[Tally, list[float]]:
    """Ask with many clients for a while; return what they saw, and the memory as it went."""
    tally, sizes, stop = Tally(), [], time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=clients)
    async with httpx2.AsyncClient(timeout=120, limits=limits) as client:
        crowd = [
            asyncio.create_task(ask(number, client, url, images, teach_share, stop, tally))
            for number in range(clients)
        ]
        while time.monotonic() < stop:
            sizes.append(memory(process))
            await asyncio.sleep(1)
        await asyncio.gather(*crowd)
    return tally, sizes


def lost(path: Path, folder: Path, name: str, acknowledged: set[int]) -> int:
    """Return how many of the images that were acknowledged a service that is started again does not have."""
    from lookalike.web.service import Service

    service = Service([path], folder)
    known = set(service[name].snapshot.own.ids.tolist())
    service.close()
    return len(acknowledged - known)


def main() -> None:
    """Run it, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--teach", type=float, default=0.1, help="the share of lessons among what is asked")
    parser.add_argument("--mnist", action="store_true")
    chosen = parser.parse_args()
    name = "mnist" if chosen.mnist else "digits"
    train, valid = lookalike.load(name)
    with tempfile.TemporaryDirectory() as place:
        path, made = Path(place) / f"{name}.lookalike", Path(place) / "made"
        model = lookalike.NearestImages().fit(train.images, train.labels)
        model.predict_proba(train.images[:1])
        lookalike.save_model(model, path)
        process, address = served(path, made)
        try:
            images = [wire.image(image) for image in valid.images[:300]]
            url = f"{address}/v1/models/{name}"
            work = load(process, url, images, chosen.clients, chosen.seconds, chosen.teach)
            before = processor_seconds(process)
            tally, sizes = asyncio.run(work)
            spent = processor_seconds(process) - before
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        gone = lost(path, made, name, tally.acknowledged)
    print(f"{name}: {chosen.clients} clients, {chosen.seconds:g} s, load {os.getloadavg()[0]:.1f}")
    for kind, seconds in tally.seconds.items():
        if seconds:
            p50, p99 = np.quantile(seconds, (0.5, 0.99)) * 1000
            print(f"{kind}: {len(seconds):,} answers, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    answered = sum(tally.statuses.values())
    each = spent / answered * 1000
    print(f"{answered / chosen.seconds:.0f} answers a second, each {each:.1f} ms of a processor")
    print("statuses:", dict(tally.statuses))
    third = max(1, len(sizes) // 3)
    first, last = np.median(sizes[:third]), np.median(sizes[-third:])
    print(f"memory: {first:.0f} MiB in the first third, {last:.0f} MiB in the last")
    print(f"lessons acknowledged: {len(tally.acknowledged):,}; lost after kill -9: {gone}")


if __name__ == "__main__":
    main()
