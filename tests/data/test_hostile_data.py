import gzip
import os
import time
import tracemalloc

import numpy as np
import pytest

import lookalike
from data.hostile import LONG, hostile, npy, said, saved, zipped
from data.making import idx
from lookalike.data.readers.delimited import DelimitedTable
from lookalike.errors import DataError, LookalikeError
from lookalike.files import most_unpacked, plain_bytes

SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
# What reading may take beside what the file is: some rows of a table as text, and what little may unpack to.
CAP = 512 * 2**20


def chosen():
    """Return which cases are tried: some four hundred with large bombs, or a few with small ones."""
    if SOAK:
        return [case for seed in range(3) for case in hostile(seed, scale=32)]
    return hostile(0)[::3]


def test_hostile_files_end_in_an_error_of_ours_and_take_little(tmp_path):
    for number, (data, ending) in enumerate(chosen()):
        path = tmp_path / f"case{ending}"
        path.write_bytes(data)
        (tmp_path / "case-labels-idx1-ubyte").write_bytes(idx([1, 2, 1]))
        tracemalloc.start()
        began = time.process_time()
        try:
            lookalike.load(path)
        except LookalikeError:
            pass
        except Exception as error:
            raise AssertionError(f"case {number}, {ending}: {data[:200]!r}") from error
        finally:
            seconds = time.process_time() - began
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            path.unlink()
        assert most < max(CAP, 20 * len(data)), (number, ending, most)
        # Counting memory takes time as well, three or four times as much.
        assert not SOAK or seconds < 8, (number, ending, seconds)


@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        (f"(0, {2**70})", "'|u1'"),
        ("(True, 2, 4)", "'|u1'"),
        ("(2, -2, -2)", "'|u1'"),
        ("(2.0, 2, 2)", "'|u1'"),
        ("()", "'<f8'"),
        ("(2, 2, 2, 1, 1)", "'|u1'"),
        (f"({2**62}, 4)", "'|u1'"),
    ],
)
def test_headers_that_lie_are_refused(tmp_path, shape, descr):
    path = tmp_path / "x.npz"
    path.write_bytes(zipped({"x.npy": npy(said(descr, shape), bytes(8)), "y.npy": saved(np.zeros(2))}))
    with pytest.raises(DataError, match=r"'x' in .* (holds 8 bytes: its header|has no readable)"):
        lookalike.load(path)


def test_little_never_becomes_much(tmp_path):
    text = gzip.compress(b"1,2,3\n" * 20_000_000, 1)
    (tmp_path / "a.csv.gz").write_bytes(text)
    with pytest.raises(DataError, match=r"a\.csv\.gz' unpacks to more than [\d,]+ bytes, from .* as a bomb"):
        lookalike.load(tmp_path / "a.csv.gz")
    large = saved(np.zeros((60, 1000, 1000), np.uint8))
    (tmp_path / "a.npz").write_bytes(zipped({"x.npy": large, "y.npy": saved(np.arange(60) % 2)}))
    with pytest.raises(
        DataError, match=r"x\.npy' announces 60,000,128 bytes, from [\d,]+: refused as a bomb"
    ):
        lookalike.load(tmp_path / "a.npz")
    assert most_unpacked(10**6) == 2**25 + 10**8
    assert plain_bytes(gzip.compress(bytes(2**25)), "x", 2**30) == bytes(2**25)


def test_packed_tables_are_unpacked_while_they_are_read(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (500, 65), dtype=np.uint8)
    rows[:, 0] %= 3
    text = "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()
    packed, plain = tmp_path / "a.csv.gz", tmp_path / "a.csv"
    packed.write_bytes(gzip.compress(text, 1))
    plain.write_bytes(text)
    said_of = {"label_column": "first", "header": False}
    for one, other in zip(lookalike.load(packed, **said_of), lookalike.load(plain, **said_of), strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
    large = gzip.compress(b"0,17\n" * 5_000_000, 9)
    tracemalloc.start()
    assert len(DelimitedTable(large, "x", False)) == 25_000_000
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * 2**20


def test_labels_that_take_too_much_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text(f"label,pixel0\n{LONG},1\n" + "a,1\nb,2\n" * 80_000)
    with pytest.raises(DataError, match="has 160,001 labels of up to 255 characters: expected shorter ones"):
        lookalike.load(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("label,pixel0\n" + "".join(f"c{place},1\n" for place in range(20_001)))
    with pytest.raises(DataError, match="has 20,001 classes: expected at most 20,000; are these labels"):
        lookalike.load(tmp_path / "a.csv")
