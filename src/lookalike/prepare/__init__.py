"""What is done to images before they are compared, as scikit-learn transformers.

Every step takes an image batch and returns rounded gray bytes ``(n, h, w)``; an image's result does not
depend on the others of its batch. :class:`Prepare` chains steps, says them in words and stores them as JSON;
:func:`choose` is what ``prepare="auto"`` means.
"""

from lookalike.prepare.chain import Prepare
from lookalike.prepare.choose import choose
from lookalike.prepare.deskew import Deskew
from lookalike.prepare.fit import EvenInk, FitToInk
from lookalike.prepare.sizes import Blur, Resize
from lookalike.prepare.tones import Gray, NormaliseContrast, Polarity

__all__ = [
    "Blur",
    "Deskew",
    "EvenInk",
    "FitToInk",
    "Gray",
    "NormaliseContrast",
    "Polarity",
    "Prepare",
    "Resize",
    "choose",
]
