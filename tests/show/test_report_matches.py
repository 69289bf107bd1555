"""The section on deformable matches: its data, and the page in which it is drawn."""

import re

import pytest
from markupsafe import escape

import lookalike
from lookalike.show.report.comparison import render_comparison
from lookalike.show.report.examples import matches


@pytest.fixture(scope="module")
def page(deformed):
    return render_comparison(deformed, command="lookalike compare digits")


def test_mistakes_come_first_then_right_answers(deformed):
    shown = matches(deformed, None)
    flags = [one.wrong for one in shown.images]
    mistakes = len(deformed.rows[1].evaluation.mistakes)
    assert flags == sorted(flags, reverse=True)
    assert sum(flags) == min(6, mistakes) > 0
    assert len(flags) - sum(flags) == 4
    for one in shown.images:
        assert one.wrong == (one.truth != one.card.answer)


def test_the_named_image_is_the_first_and_is_its_own_match_in_training(deformed):
    name = deformed.train.names[5]
    first = matches(deformed, name).images[0]
    assert first.name == name
    assert first.card.beside[0].distance == "0.0000"
    assert first.card.beside[0].arrows.path == ""


def test_each_shows_match_arrows_and_bent_match_for_both_classes(deformed):
    for one in matches(deformed, None).images:
        assert [side.label for side in one.card.beside] == [one.card.answer, one.card.runner_up]
        for side in one.card.beside:
            assert side.warped is not None
            assert re.fullmatch(r"[MLml0-9. -]*", side.arrows.path)


def test_ids_are_there_once(page):
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'popovertarget="([^"]+)"', page)) <= set(ids)
    assert set(re.findall(r'<use href="#([^"]+)"', page)) <= set(ids)


def test_the_page_says_how_images_are_compared(page, deformed):
    assert "What the deformable match saw" in page
    assert "each pixel may move by up to 1 pixel down or up and 1 pixel sideways" in page
    assert all(str(escape(reason)) in page for reason in deformed.rows[1].model.reasons_)


def test_there_is_no_such_section_without_such_an_idea(two_classes):
    assert matches(two_classes, None) is None
    assert "What the deformable match saw" not in render_comparison(two_classes, command="x")


def test_hostile_names_stay_text(labelled):
    names = ["<b>x</b>", '"><script>alert(1)</script>']
    train, valid = (labelled((6, 5), names, part=part) for part in ("train", "valid"))
    compared = lookalike.compare(train, valid, [("<i>mine</i>", lookalike.DeformableMatch())])
    page = render_comparison(compared, command="x")
    assert "<script" not in page
    assert "<b>x" not in page
    assert "<i>mine" not in page
    assert "&lt;i&gt;mine" in page
