import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from storing import images

from effort import SOAK
from lookalike import NearestImages, load_model, save_model

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork, and kill -9")
TIMES = 100 if SOAK > 1 else 10

#: For each line of its input a process that teaches and saves the model until it is killed. What it is about
#: to save, it says. It forks, since an interpreter takes a second to begin.
WORK = """
import os, sys
import numpy as np
import lookalike

def work(path, teach):
    model = lookalike.load_model(path)
    for number in range(1, 100000):
        if teach:
            model.teach(np.full((1, 28, 28), number % 256, np.uint8), [1000 + number])
        os.write(1, b"%d\\n" % number)
        lookalike.save_model(model, path, figures={"saved": number})

for line in sys.stdin:
    # Imports are lazy: done here, once, they are there in every child.
    lookalike.save_model(lookalike.load_model(sys.argv[1]), sys.argv[1])
    child = os.fork()
    if not child:
        work(sys.argv[1], line == "teach\\n")
    os.write(1, b"%d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"done\\n")
"""


def kill_one(process, what, seconds):
    """Let a child work for a while, kill it, and return the number of the last save that it began."""
    process.stdin.write(f"{what}\n")
    process.stdin.flush()
    # The child's number and the first save's may come in either order.
    first = {int(process.stdout.readline()), int(process.stdout.readline())}
    time.sleep(seconds)
    os.kill(max(first), signal.SIGKILL)
    started = 1
    while (line := process.stdout.readline()) != "done\n":
        started = int(line)
    return started


@pytest.mark.parametrize("what", ["save", "teach"])
def test_a_process_that_is_killed_leaves_the_old_model_or_the_new_one(what, tmp_path):
    path = tmp_path / "model"
    first = NearestImages().fit(images((28, 28), 3000), np.arange(3000) % 10)
    queries = images((28, 28), 20, 1)
    expected = first.predict(queries)
    rng = random.Random(what)
    with subprocess.Popen(
        [sys.executable, "-c", WORK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(TIMES):
            save_model(first, path)
            started = kill_one(process, what, rng.uniform(0, 0.1))
            again = load_model(path)
            saved = again.recogniser_.origin.figures.get("saved", 0)
            # The last save that began may have ended; the one before it must have.
            assert saved in (started - 1, started)
            taught = saved if what == "teach" else 0
            assert again.classes_.tolist() == [*range(10), *range(1001, 1001 + taught)]
            assert len(again.ids_) == 3000 + taught
            if not taught:
                np.testing.assert_array_equal(again.predict(queries), expected)
        process.stdin.close()
