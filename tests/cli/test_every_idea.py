import json

import pytest

import lookalike
from cli_runner import call
from lookalike.data.readers.folders import write_folder
from lookalike.registry import IDEAS


@pytest.fixture(scope="module")
def crops(tmp_path_factory, digits):
    """Return a folder of a few images of three digits."""
    train = digits.train.take([i for i, digit in enumerate(digits.train.labels) if digit in (3, 7, 8)][:40])
    folder = tmp_path_factory.mktemp("every") / "crops"
    write_folder([train], folder)
    return folder


@pytest.mark.parametrize("idea", [idea.name for idea in IDEAS if not idea.reference])
def test_it_is_fitted_asked_and_explained(idea, crops, tmp_path, monkeypatch, capsys):
    if idea.startswith("learned"):
        pytest.importorskip("torch")
    path = tmp_path / "m.lookalike"
    assert call(monkeypatch, capsys, "fit", crops, "-o", path, "--idea", idea).code == 0
    answers = call(monkeypatch, capsys, "predict", path, crops, "--json")
    assert answers.code == 0, answers.err
    found = json.loads(answers.out)
    model = lookalike.load_model(path)
    assert {answer["label"] for answer in found} <= {3, 7, 8}
    assert len(found) == 40
    assert model.classes_.tolist() == [3, 7, 8]
    one = next(crops.rglob("*.png"))
    explained = call(monkeypatch, capsys, "explain", path, one)
    assert explained.code == 0, explained.err
    info = call(monkeypatch, capsys, "info", path, "--json")
    assert json.loads(info.out)["idea"] == idea
