"""A browser for the tests that look at pages."""

import shutil
from contextlib import contextmanager

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def chromium():
    """Yield an open browser; skip where there is none."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(_BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=_OPTIONS)
        yield opened
        opened.close()


def faults(page, axe):
    """Return what axe-core finds wrong with an open page."""
    page.evaluate(axe)
    found = page.evaluate("axe.run().then(one => one.violations)")
    return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html']}" for one in found]
