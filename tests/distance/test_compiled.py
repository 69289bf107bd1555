import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookalike import settings
from lookalike.distance.kernels import compiled
from lookalike.distance.kernels.compiled import L1Avx2, L1Portable, L2Portable, processor_features, variant_of
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError, LookalikeWarning

PROGRAM = """
import numpy as np
from lookalike.distance.kernels.sums import class_sums
print(class_sums(np.ones((2, 3), np.uint8), np.array([0, 0]), 1).tolist())
"""


def run(program, **changes):
    environment = {**os.environ, **{name: str(value) for name, value in changes.items()}}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("variable", ["LOOKALIKE_CACHE", "NUMBA_CACHE_DIR"])
def test_code_is_kept_where_it_is_wanted(tmp_path, variable):
    other = {"LOOKALIKE_CACHE": tmp_path / "unused", "NUMBA_CACHE_DIR": ""}
    assert run(PROGRAM, **{**other, variable: tmp_path / "kept"}) == "[[2, 2, 2]]\n"
    assert list((tmp_path / "kept").rglob("*.nbc"))
    assert not list((tmp_path / "unused").rglob("*.nbc"))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert run(PROGRAM, LOOKALIKE_CACHE=tmp_path / "file", NUMBA_CACHE_DIR="") == "[[2, 2, 2]]\n"


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(compiled, "_CONFIG", type("Config", (), {"CACHE_DIR": ""}))
    with pytest.warns(
        LookalikeWarning, match=r"file/compiled' cannot be written .* anew in each process"
    ) as said:
        assert [compiled.cache_folder(), compiled.cache_folder()] == [None, None]
    assert len(said) == 1


def test_a_cache_that_fails_while_in_use(monkeypatch):
    """A disk can fill up, or a folder be taken away, after the cache was set up."""
    monkeypatch.setattr(compiled.Kernel, "_cached", _broken_cache)
    kernel = compiled.Kernel(_twice)
    assert kernel(np.array([2, 3])).tolist() == [4, 6]
    assert kernel(np.array([4])).tolist() == [8]


def _twice(values):
    return values * 2


def _broken_cache(kernel):
    def fail(*arguments):
        raise PermissionError("read-only")

    return fail


def test_other_sources_have_another_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    monkeypatch.setattr(compiled, "_CONFIG", type("Config", (), {"CACHE_DIR": ""}))
    before = compiled.cache_folder()
    monkeypatch.setattr(compiled, "_sources_hash", lambda: "other")
    assert before.parent == compiled.cache_folder().parent == Path(tmp_path) / "compiled"
    assert before != compiled.cache_folder()


def test_the_setting_chooses_the_form(monkeypatch):
    monkeypatch.setenv("LOOKALIKE_SIMD", "portable")
    assert type(variant_of("l1")) is L1Portable
    assert type(variant_of("l2")) is L2Portable
    monkeypatch.setenv("LOOKALIKE_SIMD", "auto")
    assert type(variant_of("l1")) is (L1Avx2 if "avx2" in processor_features() else L1Portable)
    monkeypatch.setenv("LOOKALIKE_SIMD", "fast")
    with pytest.raises(InputError, match="LOOKALIKE_SIMD is 'fast': expected 'auto' or 'portable'"):
        settings.simd()


def test_a_processor_without_avx2():
    """Told that there is no AVX2, the compiler must not meet its instructions: it would end the process."""
    program = """
import numpy as np
from lookalike.distance.search import ImageIndex
images = np.arange(40, dtype=np.uint8).reshape(5, 2, 4)
print(ImageIndex(images).search(images[3:4], 2)[0].tolist())
"""
    assert run(program, NUMBA_ENABLE_AVX=0, LOOKALIKE_SIMD="auto") == "[[0, 64]]\n"
    assert run(program, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", LOOKALIKE_SIMD="") == "[[0, 64]]\n"


def test_compiling_is_told_once_in_a_process():
    program = """
import numpy as np
from lookalike.distance.search import ImageIndex
images = np.zeros((5, 2, 4), np.uint8)
for _ in range(2):
    ImageIndex(images).search(images, 1, progress=lambda what, done, total: print(what, done, total))
"""
    told = run(program).splitlines()
    assert told[:2] == [f"compiling the search (first use only) {done} 1" for done in (0, 1)]
    assert sum("compiling" in line for line in told) == 2


def test_both_forms_in_one_process(monkeypatch, metric):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (1500, 13, 11), np.uint8)
    index = ImageIndex(images, metric)
    answers = []
    for form in ("auto", "portable"):
        monkeypatch.setenv("LOOKALIKE_SIMD", form)
        answers.append(index.search(images[:20] ^ 5, 3))
    np.testing.assert_array_equal(*answers)


def test_what_is_waited_for_is_not_measured(monkeypatch):
    """The clock of a comparison stands still while a kernel compiles."""
    from lookalike.evaluation import evaluate

    kernel = compiled.Kernel(_sum_of_squares)
    monkeypatch.setattr(compiled, "cache_folder", lambda: None)
    before = compiled.seconds_waited()
    assert kernel(np.arange(9.0)) == 204
    waited = compiled.seconds_waited() - before
    assert waited > 0
    assert kernel(np.arange(9.0)) == 204
    assert compiled.seconds_waited() - before == waited
    clock, ready = iter([100.0, 107.0]), iter([1.0, 5.0])
    monkeypatch.setattr(evaluate.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(evaluate, "seconds_waited", lambda: next(ready))
    with evaluate.Stopwatch() as watch:
        pass
    assert watch.seconds == 3.0


def test_several_threads_wait_as_long_as_one(monkeypatch):
    times = iter([10.0, 11.0, 13.0])
    monkeypatch.setattr(compiled.time, "perf_counter", lambda: next(times))
    waiting = compiled._Waiting()
    with waiting():
        with waiting():
            pass
        assert waiting.seconds() == 1.0
    assert waiting.seconds() == 3.0


def _sum_of_squares(values):
    total = 0.0
    for value in values:
        total += value * value
    return total
