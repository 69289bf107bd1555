"""The report of one model: its data, and the page in which it is drawn."""

import re
from dataclasses import replace

import numpy as np
import pytest

import lookalike
from lookalike.data.loose import LooseBatch
from lookalike.show.report.examples import mistakes
from lookalike.show.report.model import Frame, end_of, probabilities, rejection, render_model
from show.test_report_page import Page

COMMAND = "lookalike evaluate m.lookalike ./digits --report r.html"


@pytest.fixture(scope="module")
def kept(digits, tmp_path_factory):
    """Return a model of mean images and what its file says of itself."""
    model = lookalike.MeanImage("l2").fit(digits.train.images, digits.train.labels)
    path = lookalike.save_model(model, tmp_path_factory.mktemp("m") / "m.lookalike", data=digits.train)
    return model, lookalike.model_info(path)


@pytest.fixture(scope="module")
def found(kept, digits):
    return lookalike.appraise(kept[0], digits.valid)


@pytest.fixture(scope="module")
def page(kept, found):
    return Page(render_model(found, info=kept[1], name="m.lookalike", command=COMMAND))


@pytest.fixture(scope="module")
def hostile_page(kept, labelled, tmp_path_factory):
    """Return a page in which every text from outside is hostile."""
    bad = ["</script><script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>\x1b[31m"]
    train, valid = (labelled((5, 4, 3), bad, part=part) for part in ("train", "valid"))
    names = tuple(f"{name}\n</pre>&amp;\udcff" for name in valid.names)
    source = replace(valid.source, name="</title><h1>{{ 7*7 }}", notes=("</style><b>",))
    labels = valid.labels.copy()
    labels[:2] = "<i>other</i>"
    valid = replace(
        valid, names=names, labels=labels, class_names=(*valid.class_names, "<i>other</i>"), source=source
    )
    model = lookalike.NearestImages().fit(train.images, train.labels)
    path = lookalike.save_model(model, tmp_path_factory.mktemp("h") / "m", data=replace(train, source=source))
    given = {"<u>given</u>": LooseBatch(("<s>1", "<s>2", "\x1b3"), valid.images[:3])}
    return render_model(
        lookalike.appraise(model, valid, given),
        info=lookalike.model_info(path),
        name="<b>m</b>\x1b",
        command="<hr>",
    )


def number(text):
    return float(text.replace("\u202f", "").rstrip("%"))


def test_the_page_is_sound_and_loads_nothing(page):
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in page.elements:
        for name in ("for", "popovertarget", "aria-labelledby"):
            assert attributes.get(name, ids[0]) in ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        assert not any(name.startswith("on") for name in attributes)
    assert not page.all("script")
    assert all(image["src"].startswith("data:image/png") for image in page.all("img"))
    assert all("alt" in image for image in page.all("img"))


def test_hostile_text_is_shown_and_not_obeyed(hostile_page):
    page = Page(hostile_page)
    assert not page.all("script")
    assert {tag for tag, _, _ in page.elements} & {"u", "s", "i", "b", "hr"} == set()
    assert len(page.all("h1")) == 1
    assert "\x1b" not in hostile_page
    assert "{{ 7*7 }}" in hostile_page
    assert "<u>given</u>" in page.text


def test_the_page_says_the_figures_it_rests_on(page, found, kept):
    rate = found.evaluation.accuracy
    assert f"Right are {100 * rate.value:.1f} % of {rate.n} answers" in page.text
    wrong = found.chosen.wrong
    assert f"and {wrong.hits} of {wrong.n} wrong ones" in page.text
    assert kept[1].data.sha256 in page.text
    assert COMMAND in page.text
    assert found.chosen.basis.sentence in page.text


def test_dots_are_where_their_figures_are(found):
    shown = probabilities(found)
    bins = [one for one in found.evaluation.reliability.bins if one.right.n]
    assert len(shown.dots) == len(bins)
    for dot, one in zip(shown.dots, bins, strict=True):
        assert dot.x == shown.frame.x(one.confidence)
        assert dot.y == shown.frame.y(one.right.value)
        assert dot.high <= dot.y <= dot.low
        assert int(dot.n.replace(",", "")) == one.right.n
    order = sorted(shown.dots, key=lambda dot: int(dot.n.replace(",", "")))
    assert [dot.radius for dot in order] == sorted(dot.radius for dot in order)
    assert shown.diagonal == (58, 340, 424, 14)


def test_the_table_of_levels_has_every_rate(found):
    shown = rejection(found)
    assert [column.heading for column in shown.columns[1:-1]] == [
        "right answers",
        "wrong answers",
        *(one.kind for one in found.out_of_distribution),
    ]
    for row, level in zip(shown.rows, found.levels, strict=True):
        rates = (level.right, level.wrong, *level.out_of_distribution)
        for cell, rate in zip(row.cells[1:-1], rates, strict=True):
            assert number(cell.main) == pytest.approx(100 * rate.value, abs=0.051)
    assert [row.cells[0].main for row in shown.rows if row.chosen] == ["0.05"]


def test_lines_are_drawn_where_there_is_something_to_choose(kept, digits, found):
    shown = rejection(found)
    assert shown.easy
    names = [line.name for line in shown.lines]
    assert names[0] == "wrong answers"
    always = [one.kind for one in found.out_of_distribution if one.kind not in names]
    for kind in always:
        place = [one.kind for one in found.out_of_distribution].index(kind)
        assert all(level.out_of_distribution[place].value == 1 for level in found.levels)
        assert kind in shown.always
    given = {"digits": LooseBatch(tuple(map(str, range(50))), digits.train.images[:50])}
    others = rejection(lookalike.appraise(kept[0], digits.valid, given))
    assert not others.easy
    line = next(line for line in others.lines if line.name == "digits")
    assert len(line.points.split()) == len(found.levels)
    gallery = next(one for one in others.galleries if one.title == "Not rejected: digits")
    assert len(gallery.thumbs) == 24
    assert gallery.shown.startswith("24 of ")


def test_mistakes_are_the_surest_first_each_with_its_evidence(found):
    shown = mistakes(found)
    every = found.evaluation.mistakes
    surest = every[np.argsort(-found.confidence[every], kind="stable")][:24]
    assert shown.n == len(every) > 24
    assert [one.name for one in shown.images] == [found.data.names[index] for index in surest]
    for one, index in zip(shown.images, surest.tolist(), strict=True):
        assert one.truth == str(found.data.labels[index])
        assert one.card.answer == str(found.evaluation.predictions[index]) != one.truth
        assert ("rejected" in one.note) == found.rejected[index]
        assert re.match(r"(>\u202f99|\d\d)\u202f% sure", one.note)


def test_a_page_without_mistakes(labelled, tmp_path):
    train = labelled((4, 4), ["a", "b"], n=12)
    model = lookalike.NearestImages().fit(train.images, train.labels)
    info = lookalike.model_info(lookalike.save_model(model, tmp_path / "m"))
    found = lookalike.appraise(model, train)
    assert not len(found.evaluation.mistakes)
    page = Page(render_model(found, info=info, name="m", command=COMMAND))
    assert "No mistakes on these images." in page.text
    assert "12 of 12 images are the same as a training image" in page.text
    assert not [one for one in page.all("section") if one["id"] == "mistakes"]


def test_probabilities_by_rule_of_thumb_are_called_so(digits, tmp_path):
    places = [int(np.flatnonzero(digits.train.labels == label)[0]) for label in range(10)]
    model = lookalike.NearestImages().fit(digits.train.images[places], digits.train.labels[places])
    info = lookalike.model_info(lookalike.save_model(model, tmp_path / "m"))
    page = Page(render_model(lookalike.appraise(model, digits.valid), info=info, name="m", command=COMMAND))
    assert "these probabilities are a rule of thumb" in page.text


def test_more_classes_than_a_matrix_can_show(labelled, tmp_path):
    names = [f"c{number:02}" for number in range(40)]
    train, valid = (labelled((5, 5), names, n=120, part=part, seed=seed) for seed, part in enumerate("ab"))
    model = lookalike.MeanImage().fit(train.images, train.labels)
    info = lookalike.model_info(lookalike.save_model(model, tmp_path / "m"))
    page = Page(render_model(lookalike.appraise(model, valid), info=info, name="m", command=COMMAND))
    assert "most frequent confusions of 40 classes" in page.text


@pytest.mark.parametrize("end", [0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9, 1.0])
def test_ticks_are_round_and_within_the_axis(end):
    frame = Frame("x", "y", x_end=end)
    places = [place for place, _ in frame.x_ticks]
    labels = [int(label) for _, label in frame.x_ticks]
    assert 3 <= len(labels) <= 7
    assert labels[0] == 0
    assert labels[-1] <= round(100 * end)
    assert places == pytest.approx([frame.x(label / 100) for label in labels], abs=0.11)
    assert max(places) <= 424
    assert end_of(end) == pytest.approx(end)


def test_the_page_of_a_file_tells_of_it(found, digits, tmp_path):
    file = lookalike.save_model(found.model, tmp_path / "m.lookalike", data=digits.train)
    page = Page(found.report(tmp_path / "r.html", file=file, command=COMMAND).read_text(encoding="utf-8"))
    assert f"{file}, " in page.text
    assert "Fitted on" in page.text
    assert COMMAND in page.text


def test_the_file_is_replaced_as_a_whole(found, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old", encoding="utf-8")
    assert found.report(path) == path
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "written by lookalike" not in page
    assert 'class="command"' not in page
    assert [one.name for one in tmp_path.iterdir()] == ["r.html"]
