"""One page with the model inside: what is in it, and what is refused."""

import base64
import hashlib
import html
import re

import numpy as np
import pytest

import lookalike
from cli_runner import call
from lookalike.errors import InputError
from lookalike.web import export
from web.exported import drawings


@pytest.fixture(scope="module")
def model(digits):
    train, _ = digits
    return lookalike.MeanImage("l2").fit(train.images, train.labels)


@pytest.fixture(scope="module")
def page(model):
    return export.page_of(model, "digits")


def test_nothing_is_asked_for_from_elsewhere(page):
    assert not re.findall(r"<(?:link|script|img)[^>]*(?:src|href)=", page)
    assert not re.search(r"^\s*(?:import|export) ", page, re.MULTILINE)
    assert "remote" not in re.findall(r"const module\d+ = \{\};", page)


def test_the_policy_lets_only_this_script_and_this_style_in(page):
    policy = html.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1])
    for name, pattern in (
        ("script", r'<script type="module">(.*?)</script>'),
        ("style", r"<style>(.*?)</style>"),
    ):
        text = re.search(pattern, page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_policy_comes_before_what_it_is_for(page):
    assert page.index("Content-Security-Policy") < page.index("<style>") < page.index("<script")


def test_the_same_model_makes_the_same_page(model, page):
    assert export.page_of(model, "digits") == page


def test_a_hostile_name_is_text(model):
    page = export.page_of(model, '</title><script>alert(1)</script>\x1b[31m"')
    assert "alert(1)</script>" not in page
    assert "\x1b" not in page


def test_class_names_are_in_no_script(digits):
    train, _ = digits
    names = np.array(["</script><script>alert(1)</script>", "<!--"])[train.labels[:50] % 2]
    page = export.page_of(lookalike.MeanImage().fit(train.images[:50], names), "names")
    assert "alert(1)" not in page


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda images, labels: lookalike.MeanImage(average="median").fit(images, labels),
            "mean images, nearest images",
        ),
        (lambda images, labels: lookalike.InkCoverage().fit(images, labels), "mean images, nearest images"),
        (
            lambda images, labels: lookalike.NearestImages().fit(images.reshape(len(images), -1), labels),
            "rows of numbers",
        ),
        (lambda images, labels: lookalike.NearestImages().fit(images / 300, labels), "images of bytes"),
        (
            lambda images, labels: lookalike.NearestImages().fit(np.stack([images] * 4, -1), labels),
            "gray or RGB",
        ),
        (lambda images, labels: lookalike.NearestImages(), "fit it before"),
    ],
)
def test_what_a_page_cannot_do_is_refused(made, said):
    images, labels = drawings(12)
    with pytest.raises(InputError, match=said):
        export.page_of(made(images, labels), "no")


def test_a_large_page_is_refused_with_what_makes_it_smaller(model, monkeypatch):
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="fewer images"):
        export.page_of(model, "large")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('import x from "./other.js";\n', "cannot be put into one page"),
        ("export default 3;\n", "cannot be put into one page"),
        ('const late = await import("./other.js");\n', "cannot be put into one page"),
        ('import { one } from "./app.js";\n', "in a circle"),
    ],
)
def test_modules_that_cannot_be_put_together_are_refused(tmp_path, monkeypatch, text, said):
    (tmp_path / "app.js").write_text(text)
    monkeypatch.setattr(export, "STATIC", tmp_path)
    with pytest.raises(InputError, match=said):
        export._script("app.js")


def test_the_command_writes_the_page(model, page, tmp_path, monkeypatch, capsys):
    lookalike.save_model(model, tmp_path / "m.lookalike")
    done = call(monkeypatch, capsys, "export", tmp_path / "m.lookalike", "--html", tmp_path / "digits.html")
    assert done.code == 0
    assert "digits.html" in done.err
    assert (tmp_path / "digits.html").read_text("utf-8") == page
