"""What is done to images before they are compared: steps, chains of them, and what ``"auto"`` chooses.

Examples
--------
>>> import lookalike
>>> train, _ = lookalike.load("digits")
>>> lookalike.prepare.Blur(sigma=1.0).fit(train.images).transform(train.images[:2]).shape
(2, 8, 8)
"""

from lookalike.prepare.chain import Prepare, choose
from lookalike.prepare.drawings import Deskew, EvenInk, FitToInk
from lookalike.prepare.steps import Blur, Gray, NormaliseContrast, Polarity, RaiseContrast, Resize

__all__ = [
    "Blur",
    "Deskew",
    "EvenInk",
    "FitToInk",
    "Gray",
    "NormaliseContrast",
    "Polarity",
    "Prepare",
    "RaiseContrast",
    "Resize",
    "choose",
]
