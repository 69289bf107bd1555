"""``lookalike explain`` as one types it."""

import json

import numpy as np
import pytest
from PIL import Image

import lookalike
from cli_runner import call
from lookalike.search.deformable.matcher import DeformableMatcher


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Return a folder with model files and an image."""
    made = tmp_path_factory.mktemp("explain")
    train, valid = digits
    for name, model in (
        ("near", lookalike.NearestImages(3)),
        ("deform", lookalike.DeformableMatch()),
        ("ink", lookalike.InkCoverage()),
    ):
        lookalike.save_model(model.fit(train.images, train.labels), made / f"{name}.lookalike")
    rows = train.images.reshape(len(train), -1)
    lookalike.save_model(lookalike.MeanImage().fit(rows, train.labels), made / "rows.lookalike")
    Image.fromarray(valid.images[0]).save(made / "one.png")
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(made / "nine.png")
    (made / "pair").mkdir()
    for number in (1, 2):
        Image.fromarray(valid.images[number]).save(made / "pair" / f"{number}.png")
    return made


@pytest.fixture
def explain(monkeypatch, capsys, folder):
    """Return a function that runs the command on files of the folder."""
    monkeypatch.chdir(folder)
    return lambda *arguments: call(monkeypatch, capsys, "explain", *arguments)


@pytest.mark.parametrize("name", ["near", "deform", "ink"])
def test_it_says_the_answer_and_what_it_rests_on(explain, digits, name):
    found = explain(f"{name}.lookalike", "one.png")
    model = lookalike.load_model(f"{name}.lookalike")
    evidence = model.explain(digits.valid.images[:1])[0]
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"one.png: {evidence.answer}, by ")
    assert f"{evidence.for_answer.distance:.4f} away" in found.out
    for one in evidence.nearest:
        assert f"{one.distance:.4f}" in found.out


def test_for_a_pipe_sentences_are_folded_and_tables_end_where_they_end(explain):
    found = explain("deform.lookalike", "one.png")
    _, *rest = found.out.splitlines()
    sentences = rest[: next(place for place, line in enumerate(rest) if line.endswith("."))]
    assert sentences[0].startswith("Answered ")
    assert len(sentences) > 1
    assert max(map(len, rest)) <= 80
    table = rest[rest.index("Nearest training images") + 1 :]
    assert table[0].split() == ["class", "distance", "id"]
    assert all(line == line.rstrip() for line in table)


def test_json_holds_what_the_pixels_say(explain):
    found = explain("near.lookalike", "one.png", "--json", "--n", "5")
    facts = json.loads(found.out)
    assert facts["image"] == "one.png"
    assert len(facts["nearest"]) == 5
    assert np.sum(facts["contributions"]) == pytest.approx(facts["margin"])


def test_the_report_is_written_and_named_on_stderr(explain, folder):
    found = explain("deform.lookalike", "one.png", "--report", "e.html")
    text = (folder / "e.html").read_text(encoding="utf-8")
    assert found.code == 0
    assert found.err == f"report: {(folder / 'e.html').resolve()}\n"
    assert "lookalike explain deform.lookalike one.png --report e.html" in text
    assert "how its pixels move" in text
    assert explain("near.lookalike", "one.png", "--report", "e.html", "--quiet").err == ""


def test_the_image_is_searched_once(explain, monkeypatch):
    asked = []
    match = DeformableMatcher.match
    monkeypatch.setattr(
        DeformableMatcher, "match", lambda self, X, *a, **k: asked.append(len(X)) or match(self, X, *a, **k)
    )
    assert explain("deform.lookalike", "one.png", "--report", "once.html", "--quiet").code == 0
    assert asked == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["near.lookalike", "pair"], "'pair' holds several images: expected one, such as 'pair/1.png'"),
        (["near.lookalike", "none.png"], "there is no file or folder 'none.png'"),
        (["near.lookalike", "nine.png"], "is 9 x 9 (height x width) and the model's images are 8 x 8"),
        (["rows.lookalike", "one.png"], "was fitted on rows of numbers: expected a model of images"),
        (["near.lookalike", "one.png", "--report", "no/where.html"], "there is no folder no; make it first"),
    ],
)
def test_what_cannot_be_explained_is_said_in_one_line(explain, arguments, message):
    found = explain(*arguments)
    assert (found.code, found.out) == (2, "")
    assert message in found.err
    assert found.err.count("\n") == 1


def test_another_size_is_resized_when_asked(explain):
    assert explain("near.lookalike", "nine.png", "--resize").code == 0
