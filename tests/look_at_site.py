"""Every page of the site, once it is built, in a browser: ``make look``, which takes minutes."""

from pathlib import Path

import pytest

from browsing import chromium, faults

OVERFLOWS = """[document.documentElement, ...document.querySelectorAll("main, .bd-article-container")]
    .some(one => one.scrollWidth > one.clientWidth)"""
SITE = Path(__file__).parents[1] / "docs" / "_build" / "html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_fault(scheme, axe):
    paths = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]
    assert paths, "the site is not built: make docs"
    found = []
    with chromium() as browser:
        page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        for path in paths:
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 900})
                page.goto(path.as_uri())
                said = faults(page, axe)
                if page.evaluate(OVERFLOWS):
                    said.append("wider than the window")
                if "```" in page.locator("main").text_content():
                    said.append("markup that was not understood")
                found += [f"{path.relative_to(SITE)}, {width} pixels: {one}" for one in said]
        page.close()
    assert found == []
    assert [address for address in asked if not address.startswith(("file:", "data:"))] == []
