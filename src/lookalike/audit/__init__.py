"""What is wrong with labelled images, and which of them mislead; the package itself can be called.

``neighbours`` finds what lies near each image, once; ``suspects``, ``copies``, ``blame``, ``oddities`` and
``enough`` are functions of that; ``findings`` is what they have in common, and how people act on it.

>>> import lookalike
>>> train, valid = lookalike.load("digits", classes=[3, 7])
>>> found = lookalike.audit(train, valid)
>>> print(found)  # doctest: +ELLIPSIS
digits: 362 images (289 train, 73 valid), 8x8, 2 classes (3, 7)
...
"""

from __future__ import annotations

from typing import Any

from lookalike.markers import make_callable


def _audit(*given: Any, **more: Any) -> Any:
    """Find what is wrong with labelled images: :func:`lookalike.audit.auditing.audit`."""
    from lookalike.audit.auditing import audit

    return audit(*given, **more)


make_callable(__name__, _audit)
