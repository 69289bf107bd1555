"""Several processes change one model file: no lesson is lost, or its process says so."""

import subprocess
import sys

import numpy as np
from PIL import Image

from cli_runner import call
from effort import SOAK
from lookalike import NearestImages, load_model, save_model
from lookalike.files import alone

RNG = np.random.default_rng(3)
IMAGES, LABELS = RNG.integers(0, 256, (12, 8, 8), np.uint8), np.arange(12) % 3
#: Interpreters take seconds to begin.
COUNT, TIMES = (6, 20) if SOAK > 1 else (3, 1)


def at_once(commands):
    """Run command lines at once, and return which were done."""
    line = [sys.executable, "-m", "lookalike"]
    running = [
        subprocess.Popen([*line, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for words in commands
    ]
    for one in running:
        one.communicate()
    return [one.returncode == 0 for one in running]


def test_what_is_said_to_be_done_is_in_the_file(tmp_path):
    path, taught = tmp_path / "model", RNG.integers(0, 256, (COUNT, 8, 8), np.uint8)
    crops = [tmp_path / f"{number}.png" for number in range(COUNT)]
    for image, crop in zip(taught, crops, strict=True):
        Image.fromarray(image).save(crop)
    for _ in range(TIMES):
        save_model(NearestImages().fit(IMAGES, LABELS), path)
        lessons = [["teach", str(path), str(crop), "--label", "7"] for crop in crops]
        forgets = [["forget", str(path), str(number)] for number in range(COUNT // 2)]
        done = at_once([*lessons, *forgets, ["model", "compact", str(path)]])
        model = load_model(path)
        np.testing.assert_array_equal(model.is_kept(taught), done[:COUNT])
        np.testing.assert_array_equal(np.isin(range(COUNT // 2), model.ids_), np.logical_not(done[COUNT:-1]))
        assert sum(done) > COUNT // 2
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_who_has_a_file_alone_may_write_it_and_leaves_no_lock(tmp_path):
    path = tmp_path / "model"
    with alone(path), alone(tmp_path / ".." / tmp_path.name / "model"):
        save_model(NearestImages().fit(IMAGES, LABELS), path)
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == [path]


def test_who_waits_too_long_is_told(tmp_path, monkeypatch, capsys):
    path = tmp_path / "model"
    save_model(NearestImages().fit(IMAGES, LABELS), path)
    monkeypatch.setattr("lookalike.files.MOST_WAITED", 0.05)
    hold = "import sys, pathlib; from lookalike.files import alone\n"
    hold += "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        found = call(monkeypatch, capsys, "forget", path, "3")
        holder.stdin.close()
    assert found.code == 2
    assert "is being changed by another lookalike: try again" in found.err
    assert call(monkeypatch, capsys, "forget", path, "3").code == 0
