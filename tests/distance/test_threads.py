import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lookalike.distance.threads import run_chunks

PROGRAM = """
import sys, time
import numpy as np
from lookalike.distance.search import ImageIndex
rng = np.random.default_rng(0)
index = ImageIndex(rng.integers(0, 256, (20000, 28, 28), np.uint8))
queries = rng.integers(0, 256, (20000, 28, 28), np.uint8)
index.search(queries[:4], 1)
print("searching", flush=True)
try:
    index.search(queries, 1)
except KeyboardInterrupt:
    print("stopped", flush=True)
print(index.search(index._held.full[5:6, :784].reshape(1, 28, 28), 1)[1][0, 0], flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="a signal cannot be sent to one process alone on Windows")
def test_interrupting_a_search_leaves_the_process_usable():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "searching\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        sent = time.perf_counter()
        assert process.stdout.readline() == "stopped\n"
        assert time.perf_counter() - sent < 1
        assert process.stdout.readline() == "5\n"
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_every_chunk_is_worked_on_once(threads):
    seen, told, lock = [], [], threading.Lock()

    def work(chunk):
        time.sleep(0.001 * (chunk % 3))
        yield
        with lock:
            seen.append(chunk)

    run_chunks(work, range(50), threads, told.append)
    assert sorted(seen) == list(range(50))
    assert told[-1] == 50


def test_the_last_chunks_of_helpers_are_waited_for():
    finished = []

    def work(chunk):
        for _ in range(3):
            time.sleep(0.02 if threading.current_thread() is not threading.main_thread() else 0)
            yield
        finished.append(chunk)

    run_chunks(work, range(4), 3)
    assert sorted(finished) == [0, 1, 2, 3]


@pytest.mark.parametrize("in_helper", [True, False])
def test_an_error_stops_all_threads(in_helper):
    steps = []

    def work(chunk):
        is_helper = threading.current_thread() is not threading.main_thread()
        for step in range(200):
            time.sleep(0.005)
            steps.append(step)
            if is_helper == in_helper and step == 3:
                raise ZeroDivisionError
            yield

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        run_chunks(work, range(2), 2)
    assert len(steps) < 100
    assert threading.active_count() == before


def test_an_error_while_telling_stops_all_threads():
    def work(chunk):
        yield

    with pytest.raises(ZeroDivisionError):
        run_chunks(work, range(10**9), 2, lambda done: 1 / 0)
