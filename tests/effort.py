"""How hard property tests try: a stated number of examples, and a hundred times as many in a soak."""

import os

from hypothesis import settings

SOAK = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 1


def examples(count):
    """Return Hypothesis settings for tests whose examples are dear."""
    return settings(max_examples=count * SOAK, deadline=None)
