"""How times are taken: contestants in alternating order, warmed up, medians of several rounds."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: A contestant's turn in a round takes at least so long.
LEAST_SECONDS = 2.0


@dataclass(frozen=True)
class Contestant:
    """One way to do a job.

    Attributes
    ----------
    name : str
        What the table shows.
    run : callable
        Does the job and returns its answer.
    share : float
        Which part of the whole job ``run`` does: a slow peer may do a part of the queries, and its time is
        scaled up.
    """

    name: str
    run: Callable[[], Any]
    share: float = 1.0


@dataclass(frozen=True)
class Timing:
    """What one contestant took.

    Attributes
    ----------
    name : str
        The contestant's.
    seconds : float
        Median over the rounds, scaled to the whole job.
    ratio : float
        The median over the rounds of its time over the first contestant's time in the same round.
    share : float
        Which part of the job was timed.
    answer : object
        What its last round returned.
    """

    name: str
    seconds: float
    ratio: float
    share: float
    answer: Any


def race(title: str, contestants: list[Contestant], rounds: int = 5) -> list[Timing]:
    """Time contestants against the first of them.

    Every contestant has one round to warm up, then ``rounds`` more; in each, a quick one runs again and again
    for two seconds and its mean counts, so that all are measured over a like stretch of time. The order is
    turned around from round to round, so that what drifts (heat, other work on the machine) falls on all.
    """
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    answers: dict[str, Any] = {}
    for number in range(rounds + 1):
        for one in contestants if number % 2 else contestants[::-1]:
            print(
                f"\r{title}: round {number}/{rounds}, {one.name}".ljust(79),
                end="",
                file=sys.stderr,
                flush=True,
            )
            began, times_run = time.perf_counter(), 0
            while not times_run or time.perf_counter() - began < LEAST_SECONDS:
                answers[one.name] = one.run()
                times_run += 1
            if number:
                times[one.name].append((time.perf_counter() - began) / times_run / one.share)
    first = times[contestants[0].name]
    return [
        Timing(
            name=one.name,
            seconds=statistics.median(times[one.name]),
            ratio=statistics.median(mine / base for mine, base in zip(times[one.name], first, strict=True)),
            share=one.share,
            answer=answers[one.name],
        )
        for one in contestants
    ]


def table(title: str, timings: list[Timing]) -> str:
    """Return timings as a Markdown table."""
    lines = [f"### {title}", "", "| | median | times the first |", "|---|---:|---:|"]
    for one in timings:
        part = "" if one.share == 1 else f" (timed on {one.share:.1%} of the queries)"
        lines.append(f"| {one.name}{part} | {seconds_text(one.seconds)} | {one.ratio:.2f} |")
    return "\n".join(lines) + "\n"


def seconds_text(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
