"""Distances between bytes at the speed of the processor: Numba loops around a few vector instructions.

What is reduced
---------------
Everything here turns rows of bytes into one number for a pair of rows, and keeps none of what lies between.

* L1: ``sum |a - b|``. AVX2 has an instruction for it (``vpsadbw``: 32 absolute differences and their sums in
  one go), which a compiler does not find in a plain loop, so ``steps`` emits it.
* Squared L2: ``sum (a - b)^2``. For full rows it is ``|a|^2 + |b|^2 - 2 a.b`` with all three in integers, for
  which processors have multiply-and-add of 16-bit numbers (``vpmaddwd``), emitted there as well.

Both are exact: bytes in, int64 out. Narrow sums (16 or 32 bits to a lane) are emptied into 64 bits after a
run of 4,096 features, which none of them can overflow, so rows may have any number of features; indices are
64 bits everywhere.

How the exact search uses it
----------------------------
``scan`` goes through the rows in tiles of 512 that stay in the first-level cache while a batch of queries
passes over them, and thins out the pairs:

1. a coarse lower bound for every pair, of 32 numbers an image (``distance.lower_bounds``). They are stored so
   that one vector holds the same part of several rows: the sums of 4 or 8 rows come out side by side and
   nothing is added across a vector. The result is a mask of 16 rows for each of 4 queries;
2. a fine bound for the pairs that the masks name; rows of pairs that pass are asked for at once;
3. the full distance, for pairs whose fine bound still is within the worst of the k best found so far.

The k best are a heap for each query with the worst on top, ordered by distance, then by index: so the order
in which rows are visited, the chunks and the threads cannot change an answer, and equal distances go to the
lowest index. On MNIST one pair in 2,000 needs its full distance. Where bounds do not help (noise), the scan
sees that by the tile and compares the next ones at full length, four rows and two queries at a time; with
few rows, few features or a large k it does so from the start (``brute``).

What bounds the memory
----------------------
A search holds for each thread its batch (at most 256 queries, less for large images, 8 MB), as many answers,
and 50 KB of scratch; nothing grows with queries x rows. A call returns to Python after about a twentieth
of a second, which is where threads change work and Ctrl-C is heard: kernels release the GIL, and never start
threads themselves.

Which code runs
---------------
``compiled.variant_of`` decides when a search begins: the AVX2 forms where the processor has AVX2 (as Numba
sees it: ``NUMBA_CPU_FEATURES`` and ``NUMBA_ENABLE_AVX`` count), else, or where ``LOOKALIKE_SIMD`` is
``portable``, vectors in LLVM's own words, which it lowers for whatever there is: on ARM to absolute-
difference and multiply-add instructions, on x86 to SSE2 or AVX. Both give the same integers.
"""

from __future__ import annotations

import numpy as np

#: What stands for a distance that is not known.
FARTHEST = np.iinfo(np.int64).max
