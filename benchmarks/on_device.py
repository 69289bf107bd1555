"""What a CUDA card takes: nearest images by L2 and L1, and the deformable distance, on MNIST.

``python -m benchmarks.on_device`` prints tables, with the card's name. Every answer of ours is held against
the compiled search on the CPU before its time is shown. Without a card it says so, and measures nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import lookalike
from benchmarks.rounds import Contestant, race, table
from lookalike.data.labelled import LabelledImages
from lookalike.distance.deformation.matching import nearest
from lookalike.distance.deformation.planes import sobel_planes
from lookalike.distance.device import DeviceIndex, deformable_distances
from lookalike.distance.search import ImageIndex

ROUNDS = 3
#: Billions of operations a millisecond on signed bytes, without sparsity, by the makers' data sheets.
PEAKS = {"T4": 130, "L4": 242, "A100": 624, "H100 80GB HBM3": 1979, "H200": 1979}
#: The image distortion model as it was published: pixels move by 2, patches are 3 by 3.
WARP, CONTEXT = 2, 1
#: Images that the deformable distance is taken to, for each query: those nearest by L2.
CANDIDATES = 100
#: Queries whose deformable distances are held against those of the CPU.
CHECKED = 200


def run(device: Any, train: LabelledImages, valid: LabelledImages) -> Iterator[str]:
    """Yield the tables.

    Parameters
    ----------
    device : torch.device
        Where to.
    train, valid : LabelledImages
        Images, and queries.
    """
    for metric in ("l2", "l1"):
        yield _neighbours(device, metric, train.images, valid.images)
    yield _deformable(device, train, valid)


def _neighbours(device: Any, metric: Any, images: Any, queries: Any) -> str:
    """Return the table of one metric, beside torch and FAISS on the same device."""
    import torch

    rows, asked = (torch.tensor(part.reshape(len(part), -1), device=device) for part in (images, queries))
    index = DeviceIndex(rows, metric)
    power = 2 if metric == "l2" else 1
    contestants = [
        Contestant("lookalike", _waited(device, lambda: index.search(asked, 1))),
        Contestant("torch.cdist", _waited(device, lambda: _by_cdist(asked.float(), rows.float(), power))),
        *_faiss(device, metric, rows, asked),
    ]
    title = f"The nearest of {len(rows):,} images for {len(asked):,} queries, {metric.upper()}"
    timings = race(title, contestants, ROUNDS)
    wanted = ImageIndex(images, metric).search(queries, 1)
    for ours, other in zip(timings[0].answer, wanted, strict=True):
        np.testing.assert_array_equal(ours.cpu(), other)
    for one in timings[1:]:
        np.testing.assert_allclose(one.answer, wanted[0][:, 0], rtol=1e-3, err_msg=one.name)
    done = 2 * len(asked) * len(rows) * rows.shape[1] / timings[0].seconds / 1e12
    note = "Every neighbour is that of the compiled search on the CPU."
    return table(title, timings) + f"\n{note} {_share(device, done) if metric == 'l2' else ''}\n"


def _by_cdist(queries: Any, rows: Any, power: int) -> Any:
    """Return the smallest sums by full blocks of torch's distances."""
    import torch

    found = [torch.cdist(part, rows, p=power).min(dim=1).values for part in queries.split(1000)]
    return torch.cat(found).double().pow(power).cpu().numpy()


def _faiss(device: Any, metric: str, rows: Any, asked: Any) -> Iterator[Contestant]:
    """Yield FAISS on the same card, where it was built for cards."""
    import faiss

    if device.type != "cuda" or not getattr(faiss, "get_num_gpus", lambda: 0)():
        return
    kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_L1
    index = faiss.index_cpu_to_gpu(
        faiss.StandardGpuResources(), device.index or 0, faiss.IndexFlat(rows.shape[1], kind)
    )
    index.add(rows.float().cpu().numpy())
    floats = asked.float().cpu().numpy()
    yield Contestant("FAISS flat", lambda: index.search(floats, 1)[0][:, 0].astype(np.float64))


def _share(device: Any, done: float) -> str:
    """Return the rate of products, beside what the device reaches and what its maker states."""
    import torch

    side = 8192 if device.type == "cuda" else 512
    square = torch.ones((side, side), dtype=torch.int8, device=device)
    best = race(
        "products of bytes", [Contestant("", _waited(device, lambda: torch._int_mm(square, square.T)))]
    )
    reached = 2 * side**3 / best[0].seconds / 1e12
    text = f"{done:.3g} tera-operations a second: {done / reached:.1%} of what torch._int_mm reaches here"
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    stated = next((peak for card, peak in PEAKS.items() if card in name), None)
    return text + (f", {done / stated:.1%} of the {stated} of the data sheet." if stated else ".")


def _deformable(device: Any, train: LabelledImages, valid: LabelledImages) -> str:
    """Return the table of the deformable distance to the candidates of every query."""
    import torch

    index, asked = (torch.tensor(part.images, device=device) for part in (train, valid))
    candidates = DeviceIndex(index, "l2").search(asked, CANDIDATES)[1]
    kept, given = sobel_planes(train.images), sobel_planes(valid.images)
    planes, queries = (torch.tensor(part.values(), device=device) for part in (kept, given))

    def on_device() -> Any:
        found = []
        for place, chosen in zip(queries.split(100), candidates.split(100), strict=True):
            pairs = place.repeat_interleave(CANDIDATES, dim=0), planes[chosen.flatten()]
            sums = deformable_distances(*pairs, warp=WARP, context=CONTEXT).view_as(chosen)
            # Of equal distances the image that came first.
            keys = (sums * len(planes) + chosen).min(dim=1).values
            found.append(torch.stack([keys // len(planes), keys % len(planes)]))
        return torch.cat(found, dim=1)

    places = candidates.cpu().numpy()
    some = given.take(slice(0, CHECKED))
    on_cpu = Contestant(
        "compiled, on the CPU",
        lambda: nearest(some, kept, places[:CHECKED], 1, warp=WARP, context=CONTEXT),
        len(some) / len(given),
    )
    title = f"Deformable distance of {len(queries):,} images to {CANDIDATES} candidates each"
    timings = race(title, [Contestant("on the device", _waited(device, on_device)), on_cpu], ROUNDS)
    answer = timings[0].answer.cpu().numpy()
    for ours, other in zip(answer[:, :CHECKED], timings[1].answer, strict=True):
        np.testing.assert_array_equal(ours, other[:, 0])
    wrong = int((train.labels[answer[1]] != valid.labels).sum())
    return table(title, timings) + f"\nThe nearest image is of another class {wrong:,} times.\n"


def _waited(device: Any, run: Callable[[], Any]) -> Callable[[], Any]:
    """Return the same work, done only when the card is."""
    import torch

    def whole() -> Any:
        answer = run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return answer

    return whole


def main() -> None:
    """Print the tables of the first card, or that there is none."""
    try:
        import torch
    except ImportError:
        sys.exit('torch is not installed: pip install "lookalike[torch]"')
    if not torch.cuda.is_available():
        print("There is no CUDA card here: nothing was measured.")
        return
    device = torch.device("cuda", 0)
    facts = torch.cuda.get_device_properties(device)
    print(
        f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB, capability {facts.major}.{facts.minor}, "
        f"torch {torch.__version__}, CUDA {torch.version.cuda}\n"
    )
    for part in run(device, *lookalike.load("mnist")):
        print(part, flush=True)


if __name__ == "__main__":
    main()
