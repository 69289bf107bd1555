"""What is done to images before they are compared, as plain steps that are scikit-learn transformers too.

Every step takes an image batch and returns rounded gray bytes ``(n, h, w)``; an image's result does not
depend on the others of its batch. :class:`Prepare` chains steps, says them in words and stores them as JSON;
:func:`choose` is what ``prepare="auto"`` means.
"""

from lookalike.prepare.chain import Prepare, choose
from lookalike.prepare.drawings import Deskew, EvenInk, FitToInk
from lookalike.prepare.steps import Blur, Gray, NormaliseContrast, Polarity, Resize

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
