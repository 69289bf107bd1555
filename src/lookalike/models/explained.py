"""The answers of one call, explained: a sequence of evidence that notebooks draw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from lookalike.recognition.explanation import Evidence
from lookalike.registry import Shown
from lookalike.text import plain


class Explanations(Shown, Sequence[Evidence]):
    """The evidence for each image of a batch, in order.

    A notebook draws it. Its :meth:`frame` has a row for each image; its :meth:`plot` draws two rows of
    pictures for each: what it was compared with, and which pixels decided.

    Parameters
    ----------
    evidence : iterable of Evidence
        One for each image.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    >>> explained = model.explain(valid.images[:2])
    >>> explained
    <Explanations of 2 images: 7, 3>
    >>> bool(abs(explained[0].contributions.sum() - explained[0].margin) < 1e-12)
    True
    """

    def __init__(self, evidence: Iterable[Evidence]) -> None:
        self._evidence = tuple(evidence)

    def __len__(self) -> int:
        return len(self._evidence)

    def __iter__(self) -> Iterator[Evidence]:
        return iter(self._evidence)

    @overload
    def __getitem__(self, index: int) -> Evidence: ...

    @overload
    def __getitem__(self, index: slice) -> Explanations: ...

    def __getitem__(self, index: int | slice) -> Evidence | Explanations:
        if isinstance(index, slice):
            return Explanations(self._evidence[index])
        return self._evidence[index]

    def __repr__(self) -> str:
        shown = [plain(one.answer) for one in self._evidence[:8]]
        more = ", ..." if len(self) > len(shown) else ""
        return f"<Explanations of {len(self)} image{'' if len(self) == 1 else 's'}: {', '.join(shown)}{more}>"
