"""A page in a real browser: opened so that any trouble fails the test, and drawn on as a hand draws."""

from contextlib import contextmanager

import pytest


@contextmanager
def visiting(browser):
    """Yield a function that opens an address; at the end, messages, errors and requests to elsewhere fail."""
    contexts, troubles = [], []

    def visit(address, part="", width=1400, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        # The service may ask to come again while it makes an idea ready: browsers say so, and the page does.
        page.on("console", lambda said: None if "503" in said.text else troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        local = (address, "data:", "blob:")
        page.on("request", lambda asked: None if asked.url.startswith(local) else troubles.append(asked.url))
        page.goto(f"{address}/{part}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)


def draw(page, strokes, x=0.15, y=0.15, size=0.7):
    """Draw strokes, of which the longer side spans 0 to 1, with the mouse, and wait for the answer."""
    paper = page.locator("#paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    place = lambda point: (  # noqa: E731
        box["x"] + (x + size * point[0]) * box["width"],
        box["y"] + (y + size * point[1]) * box["height"],
    )
    for stroke in strokes:
        page.mouse.move(*place(stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*place(point))
        page.mouse.up()
    answered(page)


def waited(page, true):
    """Wait until a line of JavaScript is true; a browser's own polling is what the page's policy forbids."""
    for _ in range(3000):
        if page.evaluate(true):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"never became true: {true}")


def answered(page):
    """Wait until what is drawn is answered."""
    page.wait_for_selector("#answer[aria-busy=false]")


def shown(page):
    """Return the best label and what is said of it."""
    return page.locator("#label").inner_text(), page.locator(".verdict .share").inner_text()
