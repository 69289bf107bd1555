"""How unlike two images are.

``definition`` says it by broadcasting and is the oracle of everything else here. The package itself can be
called: ``@lookalike.distance`` marks a function of the user's own as a distance for ``compare``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from lookalike.markers import Marked
from lookalike.markers import distance as _mark


class _CallableModule(ModuleType):
    """The decorator and this package share the public name ``lookalike.distance``.

    Importing a subpackage always sets it as an attribute of its parent, so the two cannot be told apart by
    which one is looked up; a module whose class has ``__call__`` can be both.
    """

    def __call__(self, function: Marked) -> Marked:
        return _mark(function)


_module: Any = sys.modules[__name__]
_module.__class__ = _CallableModule
