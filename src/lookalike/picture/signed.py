"""Numbers whose sign matters."""

from __future__ import annotations


def signed_number(value: float) -> str:
    """Return a number with its sign, a real minus, and four decimals.

    Examples
    --------
    >>> from lookalike.picture.signed import signed_number
    >>> signed_number(0.0129), signed_number(-0.5), signed_number(-0.00001)
    ('+0.0129', '−0.5000', '0.0000')
    """
    rounded = round(value, 4)
    if rounded == 0:
        return "0.0000"
    return f"{rounded:+.4f}".replace("-", "−")
