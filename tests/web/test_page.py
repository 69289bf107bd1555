"""The page in a real browser, with the service behind it."""

import io
import re
import shutil

import numpy as np
import pytest
from asking_web import files, png, running
from PIL import Image

import lookalike
from browsing import chromium, faults
from web.drawing import answered, draw, shown, visiting, waited
from web.pens import strokes

VIEWS = ("draw", "lesson", "data")
#: A made-up symbol, as two hands draw it: a hook over a bar.
RUNE = [[(0, 0.2), (0.5, 0), (1, 0.3), (0.6, 0.6)], [(0.1, 1), (0.9, 0.95)]]
AGAIN = [[(0.05, 0.25), (0.45, 0.02), (0.95, 0.25), (0.62, 0.63)], [(0, 0.97), (0.95, 1)]]
CROSS = [[(0, 0), (1, 1)], [(1, 0), (0, 1)]]


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(browser, digits_file, tmp_path_factory):
    """Return where a service of the digits answers, which keeps uncertain crops."""
    folder = tmp_path_factory.mktemp("served")
    served = shutil.copy(digits_file, folder / "digits.lookalike")
    with running(served, "--folder", folder / "made", "--log-uncertain", folder / "crops") as (_, where):
        yield where


@pytest.fixture
def visit(browser):
    with visiting(browser) as visit:
        yield visit


@pytest.fixture
def page(visit, address):
    return visit(address)


def made(page, name):
    """Begin an empty model."""
    page.locator("#new-model").click()
    page.locator("#model-name").fill(name)
    page.locator("dialog button", has_text="Make").click()
    waited(page, f"document.querySelector('#model').value === '{name}'")


def left(page):
    """Leave a page whose service is going to end, so that it asks nothing more."""
    page.goto("about:blank")
    page.close()


def teach(page, name):
    page.locator("#new-label").fill(name)
    page.locator(".teach button", has_text=re.compile("^Teach$")).click()
    page.wait_for_selector(f".bars .name:text-is('{name}')")
    answered(page)


def test_an_empty_canvas_says_that_there_is_nothing_to_see(page):
    assert shown(page) == ("", "Nothing to see")
    draw(page, CROSS)
    assert shown(page)[1] != "Nothing to see"
    page.locator("button", has_text="Clear").click()
    answered(page)
    assert shown(page) == ("", "Nothing to see")


def test_strokes_are_rubbed_out_and_taken_back(page):
    picture = lambda: page.locator("#evidence canvas").first.evaluate("one => one.toDataURL()")  # noqa: E731
    draw(page, [[(0, 0), (1, 0)], [(0, 1), (1, 1)]])
    both = picture()
    page.locator("button", has_text="Eraser").click()
    draw(page, [[(0, 1), (0.5, 1), (1, 1)]])
    assert picture() != both
    page.keyboard.press("Tab")
    page.locator(".tools button", has_text="Undo").click()
    answered(page)
    assert picture() == both


def test_one_draws_with_the_keyboard_alone(page):
    page.locator("#paper").focus()
    for key in ("Space", *["Shift+ArrowDown"] * 4, "Space"):
        page.keyboard.press(key)
    answered(page)
    assert shown(page)[1] != "Nothing to see"
    page.keyboard.press("z")
    answered(page)
    assert shown(page)[1] == "Nothing to see"


def test_an_image_of_the_models_size_is_answered_as_python_does(page, digits, digits_file):
    _, valid = digits
    model = lookalike.load_model(digits_file)
    for image in valid.images[:12]:
        given = {"name": "one.png", "mimeType": "image/png", "buffer": png(image)}
        page.locator("#paper").press("Delete")
        waited(page, "!document.querySelector('.hint').hidden")
        page.locator("#file").set_input_files(given)
        waited(page, "document.querySelector('.hint').hidden")
        answered(page)
        best = page.locator("#label").inner_text()
        assert best == str(model.predict(image[None])[0])


def test_another_file_is_refused_in_words(page):
    given = {"name": "<img src=x>.png", "mimeType": "image/png", "buffer": b"no image"}
    page.locator("#file").set_input_files(given)
    page.locator("#note", has_text="<img src=x>.png is no image").wait_for()


def test_a_photograph_of_a_drawing_is_cut_to_its_ink(page, digits):
    """A large, dark drawing on light paper in a corner is seen as light ink that fills the model's image."""
    sheet = np.full((300, 400), 230, np.uint8)
    sheet[200:280, 300:320] = 40
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    page.locator("#file").set_input_files(
        {"name": "sheet.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    page.wait_for_selector("#evidence .why:not([hidden])")
    drawn = page.locator("#evidence canvas").first.evaluate(
        "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]"
    )
    seen = np.array(drawn).reshape(8, 8, 4)[:, :, 0]
    assert (seen.max(axis=1) > 200).all()
    assert not seen[:, [0, 1, 6, 7]].any()


def test_a_symbol_is_known_from_one_example_after_a_restart_until_it_is_undone(
    browser, visit, digits_file, tmp_path
):
    served = shutil.copy(digits_file, tmp_path / "digits.lookalike")
    with running(served, "--folder", tmp_path / "made") as (_, where):
        page = visit(where)
        made(page, "runes")
        draw(page, RUNE)
        teach(page, "hook")
        page.locator("button", has_text="Clear").click()
        draw(page, CROSS)
        teach(page, "cross")
        page.locator("button", has_text="Clear").click()
        draw(page, AGAIN, x=0.55, y=0.6, size=0.3)
        assert page.locator(".bars .best .name").inner_text() == "hook"
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.locator("#model").input_value() == "runes"
        draw(page, AGAIN)
        assert page.locator(".bars .best .name").inner_text() == "hook"
        left(page)
    with running(served, "--folder", tmp_path / "made") as (_, where):
        page = visit(where, "#draw/runes")
        draw(page, CROSS, x=0.1, y=0.1, size=0.3)
        assert page.locator(".bars .best .name").inner_text() == "cross"
        page.locator(".key", has_text="cross").click()
        page.locator("#note button", has_text="Undo").click()
        page.locator("#note", has_text="taken back").wait_for()
        known = page.evaluate("fetch('v1/models/runes').then(one => one.json())")
        assert {one["name"]: one["examples"] for one in known["classes"]} == {"hook": 1, "cross": 1}
        left(page)


def test_a_wrong_answer_is_mended_by_pressing_the_right_class(page, address):
    draw(page, CROSS)
    before = page.locator("#label").inner_text()
    right = next(name for name in ("8", "4") if name != before)
    page.locator(f".key[aria-label='Teach: this is {right}']").click()
    page.locator("#note", has_text="has learned").wait_for()
    waited(page, f"document.querySelector('.bars .best .name')?.textContent === '{right}'")
    page.locator("#note button", has_text="Undo").click()
    waited(page, f"document.querySelector('.bars .best .name')?.textContent === '{before}'")


def test_a_lesson_that_is_not_enough_is_said_to_be_none(page):
    draw(page, CROSS)
    page.locator(".idea", has_text="mean image, L1").locator("input").check()
    answered(page)
    other = next(name for name in "01" if name != page.locator("#label").inner_text())
    page.locator(f".key[aria-label='Teach: this is {other}']").click()
    page.locator("#note", has_text="one image moves an average only a little. Teach it another").wait_for()
    page.locator("#note button", has_text="Undo").click()
    page.locator("#note", has_text="taken back").wait_for()


def test_ideas_answer_beside_each_other(page):
    draw(page, CROSS)
    waited(page, "[...document.querySelectorAll('.idea output')].every(one => one.textContent)")
    ideas = page.locator(".idea input")
    ideas.first.focus()
    page.keyboard.press("ArrowDown")
    answered(page)
    assert ideas.nth(1).is_checked()


def test_the_steps_show_the_numbers_of_the_pixel_under_the_pointer(page, digits, digits_file):
    train, valid = digits
    given = {"name": "one.png", "mimeType": "image/png", "buffer": png(valid.images[0])}
    page.locator("#file").set_input_files(given)
    waited(page, "document.querySelector('.hint').hidden")
    answered(page)
    page.locator("#tab-lesson").click()
    page.locator("#lesson-class").select_option("3")
    waited(page, "document.querySelector('.steps').textContent.includes('examples of 3')")
    frame = page.locator(".steps > li").nth(1).locator(".framed")
    box = frame.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 5.5 / 8)
    page.keyboard.press("Tab")
    mean = train.images[train.labels == 3].mean(axis=0) / 255
    apart = valid.images[0] / 255 - mean
    outputs = page.locator(".steps output")
    numbers = lambda at: re.findall(r"[−\d.]*\d", outputs.nth(at).inner_text())  # noqa: E731
    value = lambda text: float(text.replace("−", "-"))  # noqa: E731
    assert page.locator(".where").inner_text() == "row 5, column 2"
    assert value(numbers(1)[0]) == pytest.approx(mean[5, 2], abs=0.003)
    assert value(numbers(2)[-1]) == pytest.approx(apart[5, 2], abs=0.003)
    assert value(numbers(3)[-1]) == pytest.approx(abs(apart[5, 2]), abs=0.003)
    distance = page.locator(".distance")
    assert float(distance.inner_text()) == pytest.approx(np.abs(apart).mean(), abs=1e-4)
    page.locator("label", has_text="square").locator("input").check()
    assert float(page.locator(".distance").inner_text()) == pytest.approx(
        np.sqrt((apart**2).mean()), abs=1e-4
    )
    frame.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".where").inner_text() == "row 5, column 3"


def test_a_cell_of_the_confusion_matrix_shows_its_images(page, digits):
    page.locator("#tab-data").click()
    page.wait_for_selector(".confusion td.wrong button")
    cells = page.locator(".confusion td button")
    total = sum(int(cells.nth(i).inner_text()) for i in range(cells.count()))
    assert total == len(digits.train.images)
    wrong = page.locator(".confusion td.wrong button").first
    wrong.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .gallery")
    assert page.locator("dialog .gallery canvas").count() == int(wrong.inner_text())
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")  # "close" comes as a task of its own


def test_a_class_is_browsed(page, digits):
    page.locator("#tab-data").click()
    page.locator("#data .key", has_text=re.compile(r"^7\b")).click()
    waited(page, "document.querySelector('#data [aria-pressed=true]')?.textContent.startsWith('7')")
    page.wait_for_selector("#data .gallery canvas[aria-label^='7,']")
    labels = (
        page.locator("#data > section")
        .first.locator("canvas")
        .evaluate_all("all => all.map(one => one.getAttribute('aria-label')[0])")
    )
    assert set(labels) == {"7"}


def test_uncertain_crops_are_labelled_by_one_key(page, address, digits):
    unsure = [np.roll(image, 3, axis=1) // 2 for image in digits.valid.images[:4]]
    sent = page.request.post(f"{address}/v1/models/digits/predict", multipart={"images": file_of(unsure[0])})
    assert sent.ok
    page.locator("#tab-queue").click()
    page.wait_for_selector("#queue .crop canvas")
    before = page.evaluate("fetch('v1/queue').then(one => one.json())")["total"]
    page.keyboard.press("8")
    page.locator("#note", has_text="has learned an image of 8").wait_for()
    assert page.evaluate("fetch('v1/queue').then(one => one.json())")["total"] == before - 1


def file_of(image):
    _, (name, buffer, kind) = files(image)[0]
    return {"name": name, "mimeType": kind, "buffer": buffer}


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request, browser, address):
    """Return a page in one of the two schemes, with a drawing on it."""
    with visiting(browser) as visit:
        page = visit(address, color_scheme=request.param, reduced_motion="reduce")
        draw(page, CROSS)
        yield page


def test_nothing_overflows(seen):
    for view in VIEWS:
        seen.locator(f"#tab-{view}").click()
        seen.wait_for_load_state("networkidle")
        for width in (320, 360, 480, 704, 800, 1024, 1152, 1400, 1920):
            seen.set_viewport_size({"width": width, "height": 900})
            found = seen.evaluate("document.documentElement.scrollWidth")
            assert found <= width, (view, width)


@pytest.mark.parametrize("view", ["draw", "lesson", "data", "queue"])
def test_axe_finds_no_fault(seen, axe, view):
    seen.set_viewport_size({"width": 1400, "height": 900})
    seen.locator(f"#tab-{view}").click()
    seen.wait_for_load_state("networkidle")
    assert faults(seen, axe) == []


def test_digits_of_several_writers_are_recognised(visit, mnist, tmp_path):
    train, valid = mnist
    model = lookalike.DeformableMatch().fit(train.images[:1000], train.labels[:1000])
    model.predict_proba(train.images[:1])
    file = lookalike.save_model(model, tmp_path / "mnist.lookalike")
    with running(file, "--folder", tmp_path / "made") as (_, where):
        page = visit(where)
        right = 0
        for place in range(0, 600, 50):
            page.locator("#paper").press("Delete")
            draw(page, strokes(valid.images[place]))
            right += page.locator("#label").inner_text() == str(valid.labels[place])
        left(page)
    assert right >= 11
