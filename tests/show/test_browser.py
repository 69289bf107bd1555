"""The page in a real browser."""

import pytest

import lookalike
from browsing import chromium
from lookalike.data.loose import LooseBatch
from lookalike.show.report.comparison import write_report


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def files(tmp_path_factory, comparison, hostile, deformed, digits):
    folder = tmp_path_factory.mktemp("pages")
    for name, one in (("digits", comparison), ("hostile", hostile), ("deformed", deformed)):
        write_report(one, folder / f"{name}.html", command="lookalike compare digits")
    train, valid = digits
    model = lookalike.NearestImages().fit(train.images, train.labels)
    file = lookalike.save_model(model, folder / "m.lookalike", data=train)
    given = {"halves": LooseBatch(valid.names, valid.images // 2)}
    found = lookalike.appraise(model, valid, given)
    found.report(folder / "model.html", file=file, command="lookalike x")
    return folder


@pytest.fixture
def visit(browser, files):
    """Return a function that opens a page and fails on any request, message or error afterwards."""
    contexts, troubles = [], []

    def visit(name="digits", width=1400, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        address = (files / f"{name}.html").as_uri()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split("#")[0] == address or request.url.startswith("data:")
                else troubles.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("name", ["digits", "hostile", "deformed", "model"])
def test_nothing_overflows(visit, name):
    page = visit(name)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for width in (320, 360, 700, 1000, 1024, 1025, 1279, 1280, 1400, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


CLIPPED = """() => {
  document.querySelectorAll('details').forEach(one => one.open = true);
  const tables = document.querySelectorAll('table.rates, table.beside');
  const boxes = Array.from(tables, one => one.closest('.scroll') ?? one.parentElement);
  return [boxes.length, ...boxes.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)];
}"""


@pytest.mark.parametrize("name", ["digits", "hostile", "deformed", "model"])
def test_rates_of_classes_and_evidence_are_seen_whole(visit, name):
    page = visit(name)
    for width in (360, 700, 1000, 1024, 1025, 1280, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        found, *clipped = page.evaluate(CLIPPED)
        assert clipped == []
    assert found > 0


def test_cells_open_and_close_with_the_keyboard(visit):
    page = visit()
    cell = page.locator("details[open] .confusion td.wrong button").first
    images = page.locator(f"#{cell.get_attribute('popovertarget')}")
    assert not images.is_visible()
    cell.focus()
    page.keyboard.press("Enter")
    assert images.is_visible()
    assert images.locator("img").count() == min(12, int(cell.inner_text()))
    page.keyboard.press("Escape")
    assert not images.is_visible()
    assert cell.evaluate("one => one === document.activeElement")


def test_a_press_shows_the_arrows_large_and_in_their_own_colour(visit):
    page = visit("deformed")
    small = page.locator("#matches .panel:visible .zoom").first
    large = page.locator(f"#{small.get_attribute('popovertarget')}")
    assert not large.is_visible()
    small.focus()
    page.keyboard.press("Enter")
    assert large.is_visible()
    assert large.locator("svg").bounding_box()["width"] > 2 * small.bounding_box()["width"]
    # Rules that name an ancestor do not reach into what is used a second time: it would be filled black.
    path = page.locator(f"#{small.get_attribute('popovertarget')}-drawn path")
    assert path.get_attribute("fill") == "none"
    assert path.get_attribute("stroke").startswith("#")
    page.keyboard.press("Escape")
    assert not large.is_visible()


def test_every_image_can_be_decoded(visit):
    page = visit()
    page.evaluate("document.querySelectorAll('img').forEach(one => one.loading = 'eager')")
    page.wait_for_function("[...document.images].every(one => one.complete)")
    assert page.evaluate("[...document.images].filter(one => one.naturalWidth === 0).length") == 0


def test_images_are_chosen_with_the_arrow_keys(visit):
    page = visit()
    panels = page.locator(".panel")
    shown = lambda: [i for i in range(panels.count()) if panels.nth(i).is_visible()]  # noqa: E731
    assert shown() == [0]
    page.locator(".chooser input").first.focus()
    page.keyboard.press("ArrowRight")
    assert shown() == [1]


def test_the_skip_link_comes_first_and_is_seen(visit):
    page = visit()
    page.keyboard.press("Tab")
    link = page.locator(".skip")
    assert link.evaluate("one => one === document.activeElement")
    assert link.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "results"


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_the_page_follows_the_colour_scheme(visit, scheme, bright):
    page = visit(color_scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    values = [int(part) for part in background.removeprefix("rgb(").rstrip(")").split(",")]
    assert (min(values) > 200) == bright
    assert (max(values) < 60) != bright


def test_no_script_could_run(visit):
    page = visit(java_script_enabled=False)
    page.locator("details[open] .confusion td.right button").first.click()
    assert page.locator(".cell-images:popover-open").count() == 1


def test_paper_shows_the_tables_without_scrolling(visit):
    page = visit(width=720)
    page.emulate_media(media="print")
    ends = page.evaluate(
        "[...document.querySelectorAll('table')].map(one => one.getBoundingClientRect().right)"
    )
    assert max(ends) <= 721
    assert not page.locator(".toc").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_controls_are_large_enough_to_hit(visit):
    page = visit(width=360)
    boxes = page.evaluate(
        """[...document.querySelectorAll('button, summary, .chooser label')]
        .filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect())
        .map(box => Math.min(box.width, box.height))"""
    )
    assert len(boxes) > 20
    assert min(boxes) >= 24


def test_a_mistake_is_chosen_with_the_keyboard(visit):
    page = visit("model")
    first, second = (page.locator("#mistakes .panel").nth(number) for number in (0, 1))
    assert first.is_visible()
    assert not second.is_visible()
    page.locator("#mistake-choice-1").focus()
    page.keyboard.press("ArrowRight")
    assert second.is_visible()
    assert not first.is_visible()
    assert page.locator("#probabilities .chart").bounding_box()["width"] > 300
    assert page.locator("#rejection .chart polyline").count() >= 1
