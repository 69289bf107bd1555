"""Steps and images that tests of preparations share."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike.prepare import (
    Blur,
    Deskew,
    EvenInk,
    FitToInk,
    Gray,
    NormaliseContrast,
    Polarity,
    RaiseContrast,
    Resize,
)


def every_step():
    """Return one of each step, small enough for tiny images."""
    return [
        Gray(),
        Polarity(),
        NormaliseContrast(),
        RaiseContrast(),
        FitToInk(size=9),
        FitToInk(size=8, box=1, centre="box", stretch=1.5),
        EvenInk(),
        Deskew(),
        Blur(0.8),
        Resize(5, 7),
    ]


gray_batches = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 1, 60, 128, 200, 255]) | st.integers(0, 255),
)
