"""How many single changes to the rules the tests notice.

``python -m benchmarks.mutations [--sample N] [--seed N] [--files a/b.py ...] [--again]``

Cosmic Ray says what can be changed: a comparison, an operator, a number, a truth value, a loop. Of the places
in the rules' files a seeded sample is drawn, and each is changed once, in a copy of the sources, on which the
tests that concern the file run until one fails. A mutant that no test notices survives. Results are added to
build/mutations.jsonl as they come, and a run goes on from there: what was tried of the same file is not tried
again, with ``--again`` what survived alone.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

import numpy as np
from cosmic_ray.commands.init import _all_work_items as all_work_items
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from lookalike.evaluation.statistics import share

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "lookalike"
TESTS = ROOT / "tests"
RESULTS = ROOT / "build" / "mutations.jsonl"
#: The rules, and the tests that concern each beside its own examples, the likeliest to notice first.
RULES = {
    "recognition/vote.py": "vote one_search nearest leaving_out",
    "recognition/probability.py": "probability assessment",
    "recognition/rejection.py": "rejection assessment",
    "recognition/reservoir.py": "probability look hostile",
    "recognition/labels.py": "labels teaching round_trip nearest hostile",
    "search/matches.py": "merging class_nearest one_search",
    "search/kept.py": "kept",
    "search/deformable/hubness.py": "leaving_out more_neighbours deformable auto",
    "search/deformable/comparison.py": "comparison auto deformable",
    "evaluation/statistics.py": "statistics compare",
    "evaluation/folds.py": "folds",
    "evaluation/curve.py": "curve",
    "prepare/chain.py": "chain choose manners hostile",
    "images.py": "images pixels tensors",
    "distance/lower_bounds.py": "lower_bounds search",
}
#: A mutant may take so many times as long as the sources themselves, and so many seconds more.
TIMES, SECONDS = 3, 60

#: Mutants that give the same answers, by what their lines become: they count neither way.
EQUAL = {
    'if self.weights <= "uniform":': "of the two names it is the last",
    'if isinstance(name, str) and len(name) < 12 and name[:1] in ("<", ">", "|"):': "none is so long",
    "step = max(1, _CHUNK_VALUES + rows.shape[1])": "rows are worked on one by one",
    "last = np.partition(keys, SIZE - 1)[SIZE - 0]": "one more is looked at, and not taken",
    "padded = np.zeros((len(rows), -(-width - 8) * 8), np.uint8)": "more zeros add nothing",
    "distances[row, start : start + step] = some.reshape(len(some), - 2).mean(axis=1)": "-2 is as good as -1",
    "_HELD_VALUES = 1 | 22": "images are compared one by one",
    "BLOCK_NUMBERS = 1 - 21": "rows are reduced one by one",
    "step = max(1, BLOCK_NUMBERS | FINE_SUMS)": "rows are reduced more at a time",
    "SAMPLE_ROWS, SAMPLE_NUMBERS = 4095, 1 << 24": "which are best is a guess",
    "return np.ascontiguousarray(rows[:: max(1, ~(-len(rows) // count))])": "which are best is a guess",
    "for part in range(0, len(some), 257):": "which are best is a guess",
    "return levels[0], levels[1], 1 * error": "a margin for what no image is off by",
    "found, places = nearest(sums, candidates, _SHORT_LIST ^ 1)": "nine as well",
    "spare = candidates[:, count:] if candidates.shape[ 0] > count else np.full((n, 1), -1)": "the same",
    "return np.where(counts >= 0, apart, np.inf)": "where one has no others none has: all count alike",
    "accuracy = Estimate(rates[ -1].value, rates[0].low, rates[0].high)": "there is one",
    "accuracy = Estimate(rates[0].value, rates[0].low, rates[ -1].high)": "there is one",
    "accuracy = mean_of_draws(values, rates[ 1].n)": "all are measured on the same images",
    "if array.dtype > np.uint8 and (low, high) == (0, 255):": "the short way for bytes, to the same bytes",
    "spread += max(float(spread.mean()), 1.0) / 9": "any groups bound; which are best is a guess",
    "scaled = np.clip(values / self.units[level], -2047, 2048)": "clipping shortens distances anywhere",
    "firm = values > max(float(values[- 2]), 0.0) * 1e-12": "any axes bound that are orthonormal",
    "firm = values > max(float(values[-1]), -1.0) * 1e-12": "where all are 0 none is above either",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="how many mutants (200)")
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from (0)")
    parser.add_argument("--files", nargs="+", choices=RULES, default=list(RULES), metavar="a/b.py")
    parser.add_argument("--again", action="store_true", help="try again what survived")
    given = parser.parse_args()
    drawn = draw(given.files, given.sample, given.seed)
    RESULTS.parent.mkdir(exist_ok=True)
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    known = {found["key"]: found for found in map(json.loads, lines)}
    limits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "lookalike"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        # Whole hashes, for a mutant is as long as its file and written in the same second.
        compileall.compile_dir(copy, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        for number, mutant in enumerate(drawn, 1):
            found = known.get(mutant["key"])
            if found is None or (given.again and found["survived"]):
                found = known[mutant["key"]] = tried(mutant, copy, limits)
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
            outcome = "noticed" if not found["survived"] else "equal" if equal(found) else "SURVIVED"
            seconds = f"{found['seconds']:.0f} s"
            print(f"{number}/{len(drawn)} {outcome} in {seconds}: {described(found)}", flush=True)
    tell([known[mutant["key"]] for mutant in drawn])


def draw(files: list[str], count: int, seed: int) -> list[dict[str, Any]]:
    """Return mutants of as many places, each changed in one way; other files change nothing of a file's."""
    mutants = []
    for name in files:
        code, places = (PACKAGE / name).read_text(encoding="utf-8"), {}
        skipped = list(unseen(code))
        for item in all_work_items([str(PACKAGE / name)], {}):
            (change,) = item.mutations
            if not any(low <= change.start_pos < high for low, high in skipped):
                way = change.operator_name, change.occurrence
                places.setdefault(change.start_pos, []).append(way)
        for (line, column), ways in places.items():
            chance = random.Random(f"{seed} {name} {line} {column}")
            mutants.append((chance.random(), name, line, code, chance.choice(sorted(ways))))
    return [mutated(*mutant) for _, *mutant in sorted(sorted(mutants)[:count], key=lambda one: one[1:3])]


def unseen(code: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where types, decorators and ``strict=`` stand, which say nothing of what an answer is."""
    for node in ast.walk(ast.parse(code)):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        parts += [key.value for key in getattr(node, "keywords", []) if key.arg == "strict"]
        for part in filter(None, parts + getattr(node, "decorator_list", [])):
            # A decorator begins with its @.
            yield (part.lineno, part.col_offset - 1), (part.end_lineno, part.end_col_offset)


def mutated(name: str, line: int, code: str, way: tuple[str, int]) -> dict[str, Any]:
    """Return a mutant: its code, and the line before and after."""
    new = mutate_code(code, get_operator(way[0])(), way[1])
    pairs = zip(code.splitlines(), new.splitlines(), strict=False)
    before, after = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    key = hashlib.sha256(f"{name} {new}".encode()).hexdigest()
    what = {"key": key, "file": name, "line": line, "before": before.strip(), "after": after.strip()}
    return {**what, "code": new}


def tried(mutant: dict[str, Any], copy: Path, limits: dict[str, float]) -> dict[str, Any]:
    """Return whether a mutant survives the tests of its file, and how long that took."""
    path = copy / mutant["file"]
    original = path.read_bytes()
    if mutant["file"] not in limits:
        noticed, seconds = run_tests(mutant["file"], copy, None)
        if noticed:
            sys.exit(f"the tests of {mutant['file']} fail as it is: mend that first")
        limits[mutant["file"]] = TIMES * seconds + SECONDS
    path.write_text(mutant["code"], encoding="utf-8")
    try:
        noticed, seconds = run_tests(mutant["file"], copy, limits[mutant["file"]])
    finally:
        path.write_bytes(original)
    del mutant["code"]
    return {**mutant, "survived": not noticed, "seconds": seconds}


def run_tests(name: str, copy: Path, limit: float | None) -> tuple[bool, float]:
    """Return whether a test of a file fails, or is not done in time, and the seconds until then."""
    tests = [
        str(copy / name),
        *(str(found) for one in RULES[name].split() for found in TESTS.rglob(f"test_{one}.py")),
    ]
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", f"-c{ROOT / 'pyproject.toml'}"]
    mine = {"PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "mutants"}
    began = time.monotonic()
    job = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=ROOT,
        env=os.environ | mine,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        noticed = job.wait(limit) != 0
    except subprocess.TimeoutExpired:
        noticed = True
    finally:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGKILL)
            job.wait()
    return noticed, time.monotonic() - began


def described(found: dict[str, Any]) -> str:
    return f"{found['file']}:{found['line']}: {found['before']}  ->  {found['after']}"


def equal(found: dict[str, Any]) -> bool:
    # Margins for what axes and sums are off by are wide.
    return found["after"] in EQUAL or "np.abs(norms - np.rint(norms)).max()" in found["after"]


def tell(found: list[dict[str, Any]]) -> None:
    """Print the score of each file and of all, and what survived."""
    found = [one for one in found if not (one["survived"] and equal(one))]
    for name in (*RULES, ""):
        flags = [not one["survived"] for one in found if one["file"].startswith(name)]
        if flags:
            print(f"{name or 'all'}: {share(np.array(flags))}")
    for one in found:
        if one["survived"]:
            print(f"survived: {described(one)}")


if __name__ == "__main__":
    main()
