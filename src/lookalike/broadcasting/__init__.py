"""How shapes line up: broadcasting, explained for any shapes, without an array.

Axes are lined up from the right. Two lengths fit where they are equal or one of them is 1, and an axis that
a shape lacks counts as 1. What is 1 is stretched: the same values are used again and again, and nothing is
copied. These are the rules of NumPy ("Broadcasting" in its user guide), of torch and of the Array API.

Examples
--------
>>> import lookalike
>>> print(lookalike.broadcasting.trace((1010, 28, 28), (28, 28)))
axis       -3  -2  -1
shape 1  1010  28  28
shape 2     ·  28  28
result   1010  28  28
<BLANKLINE>
axis -3: shape 2 has no such axis, which counts as 1; it is stretched to 1010: each value is used 1010 times.
axis -2: both are 28.
axis -1: both are 28.
<BLANKLINE>
The result has rank 3 and shape (1010, 28, 28).
A naive abs(a - b) allocates, at each of its steps, 791,840 elements of float32: 3,167,360 bytes (3.2 MB).
lookalike's distances never hold that array: they work in chunks, and keep one sum for a pair of images.
"""

from __future__ import annotations

from lookalike.broadcasting.lines_up import Axis, Trace, trace
from lookalike.broadcasting.mend import Mend

__all__ = ["Axis", "Mend", "Trace", "trace"]
