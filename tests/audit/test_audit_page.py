"""The page of an audit: what it holds, and verdicts by keyboard alone in a real browser."""

import csv
import io
import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import lookalike
from browsing import chromium, faults
from lookalike.audit.page import document_of
from lookalike.data.readers.folders import write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Return a folder of digits of which 26 are there twice, two of these with other labels."""
    train = digits.train.take(np.r_[0:100, 0:26])
    labels = train.labels.copy()
    labels[[100, 101]] = (labels[[100, 101]] + 4) % 10
    path = tmp_path_factory.mktemp("audited") / "digits"
    write_folder([replace(train, labels=labels, names=tuple(map(str, range(126))))], path)
    return path


@pytest.fixture(scope="module")
def audited(folder):
    (images,) = lookalike.data.load.load_to_audit(folder)
    return lookalike.audit(images)


@pytest.fixture(scope="module")
def path(audited, tmp_path_factory):
    return audited.report(tmp_path_factory.mktemp("page") / "a.html", command="lookalike audit x")


@pytest.fixture(scope="module")
def hostile(audited, tmp_path_factory):
    """Return an audit whose names and classes are hostile, and its page."""
    images = audited.images
    names = tuple(f"</script><img src=x onerror=alert(1)>{place}" for place in range(len(images)))
    texts = np.array([f"<b>{label}" for label in images.labels.tolist()])
    classes = tuple(sorted(set(texts.tolist())))
    found = lookalike.audit(replace(images, names=names, labels=texts, class_names=classes))
    return found, found.report(tmp_path_factory.mktemp("page") / "a.html")


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@contextmanager
def visited(browser, path, before="", **options):
    """Yield a page on which any message, error or dialog fails."""
    context = browser.new_context(**options)
    context.add_init_script(before)
    page, troubles = context.new_page(), []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert troubles == []


def press(page, keys):
    for key in keys.split():
        page.keyboard.press(key)


def saved(page, path):
    """Save the table by its key, and return its rows by image."""
    with page.expect_download() as waited:
        page.keyboard.press("s")
    waited.value.save_as(path)
    return {row["image"]: row for row in csv.DictReader(io.StringIO(path.read_text("utf-8")))}


def said(page):
    return page.locator(".finding-said").inner_text()


def test_verdicts_by_keyboard_alone_outlive_the_page_and_are_applied(cli, browser, folder, audited, tmp_path):
    as_proposed = next(place for place, one in enumerate(audited.issues) if one.action == "drop")
    report, table, again = (tmp_path / name for name in ("a.html", "first.csv", "second.csv"))
    assert cli("audit", folder, "--report", report).code == 0
    with visited(browser, report) as page:
        # The second is relabelled, then kept, which is taken back, and then of a new class.
        press(page, "j 3 2 k 1 u l")
        page.keyboard.type("odd")
        press(page, "Enter")
        assert "“odd” is a new class. 2 of" in said(page)
        press(page, "g")
        page.keyboard.type(str(as_proposed + 1))
        press(page, "Enter 3")
        page.reload()
        assert said(page).startswith("3 of")
        first, second = page.locator(".decided .finding-choice span").all_inner_texts()[:2]
        assert (first, second) == ("decided: drop", "decided: relabel as odd")
        rows = saved(page, table)
    assert [*rows] == [row["image"] for row in csv.DictReader(io.StringIO(audited.to_csv()))]
    decided = [row for row in rows.values() if row["decided"]]
    wanted = [("drop", ""), ("relabel", "odd"), ("drop", "")]
    assert [(row["action"], row["new_label"]) for row in decided] == wanted
    with visited(browser, report) as page:
        assert said(page).startswith("0 of")
        file = page.locator("input[type=file]")
        # A dialog of the system does not always come in a browser without a window.
        file.evaluate(
            "one => one.onclick = (event) => { event.preventDefault(); one.dataset.asked = 'yes'; }"
        )
        page.keyboard.press("o")
        assert file.get_attribute("data-asked") == "yes"
        file.set_input_files(table)
        page.wait_for_selector("text=3 verdicts were read.")
        assert saved(page, again) == rows
        press(page, "u")
        assert said(page).startswith("Taken back. 0 of")
    done = cli("data", "apply", again, "-o", tmp_path / "clean")
    assert done.code == 0, done.err
    (cleaned,) = lookalike.data.load.load_to_audit(tmp_path / "clean")
    assert cleaned.counts()["odd"] == 1
    assert not any(decided[0]["image"] in name for name in cleaned.names)


def test_findings_are_filtered_turned_and_jumped_to_by_keyboard(audited, path, browser):
    counts, focused = audited.counts, "document.activeElement.dataset.at"
    assert len(audited.issues) > 20
    with visited(browser, path) as page:
        press(page, "n")
        assert page.evaluate(focused) == "20"
        press(page, "k")
        assert page.evaluate(focused) == "19"
        press(page, "g")
        page.keyboard.type("22")
        press(page, "Enter j")
        assert page.evaluate(focused) == "22"
        press(page, "p f ArrowDown Enter")
        first = next(iter(counts))
        assert page.locator(".finding-bar > span").inner_text() == f"of {counts[first]}"
        assert page.evaluate(focused) == "0"
        # What is typed and left by Escape is no verdict.
        press(page, "l x Escape")
        assert said(page).startswith("0 of")


def test_a_table_of_something_else_is_refused_in_words(path, browser, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("part,image,action\n")
    with visited(browser, path) as page:
        page.locator("input[type=file]").set_input_files(other)
        page.wait_for_selector("text=other.csv is no table of findings")
        other.write_text('\ufeffpart,image,action,new_label\n"train","no, ""such""",drop,\n', "utf-8")
        page.locator("input[type=file]").set_input_files(other)
        page.wait_for_selector("text=0 verdicts were read; 1 line is of images")


def test_it_is_said_where_the_browser_keeps_nothing(path, browser):
    none = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } });"
    with visited(browser, path, none) as page:
        press(page, "j 1")
        assert "1 of" in said(page)
        assert "keeps nothing: save the table" in said(page)


def test_hostile_names_are_shown_and_applied_as_they_are(hostile, browser, tmp_path):
    found, path = hostile
    with visited(browser, path) as page:
        assert page.locator(".finding-list img").first.evaluate("image => image.naturalWidth") == 8
        press(page, "j 3 1")
        rows = saved(page, tmp_path / "saved.csv")
    first, second = (found.images.names[one.places[0]] for one in found.issues[:2])
    assert (rows[first]["action"], rows[second]["action"]) == ("drop", "keep")
    (cleaned,) = found.apply(tmp_path / "saved.csv")
    assert first not in cleaned.names
    assert second in cleaned.names
    text = path.read_text(encoding="utf-8")
    assert "<img src=x" not in text
    assert "</script><img" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_and_nothing_overflows(path, browser, axe, scheme):
    with visited(browser, path, color_scheme=scheme, reduced_motion="reduce") as page:
        press(page, "j 3 2")
        for width in (360, 800, 1400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert faults(page, axe) == []


def test_a_page_that_would_be_too_large_shows_the_worst_of_each_kind(audited):
    whole, cut = document_of(audited), document_of(audited, 3000)
    assert whole["left_out"] == ""
    assert len(whole["findings"]) == len(audited.issues)
    kinds = [one["kind"] for one in cut["findings"]]
    assert set(kinds) == set(audited.counts)
    assert sum(count for _, _, count in cut["kinds"]) == len(kinds) < len(audited.issues)
    assert re.match(f"{len(kinds)} of {len(audited.issues)} findings are shown", cut["left_out"])
    for kind in audited.counts:
        own = [one["places"] for one in cut["findings"] if one["kind"] == kind]
        assert own == [one.places[:5] for one in audited.issues if one.kind == kind][: len(own)]
    assert cut["rows"] == whole["rows"]
    assert {place for one in cut["findings"] for place in one["places"]} == set(cut["images"])


def test_an_image_is_known_again_in_another_audit_by_what_it_is(audited):
    first, images = document_of(audited), audited.images
    turned = lookalike.audit(images.take(np.arange(len(images))[::-1]))
    second = document_of(turned)
    names = lambda one: {cells[2]: key for _, key, cells in one["rows"]}  # noqa: E731
    both = set(names(first)) & set(names(second))
    assert len(both) >= 4
    assert all(names(first)[name] == names(second)[name] for name in both)
    assert len(set(names(first).values())) == len(first["rows"])
