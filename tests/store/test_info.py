import json
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from storing import images

import lookalike
from lookalike import (
    DeformableMatch,
    InputError,
    MeanImage,
    NearestImages,
    Prepare,
    load_model,
    model_info,
    save_model,
)
from lookalike.data.labelled import Source, from_arrays
from lookalike.evaluation.ideas import FeatureMeans
from lookalike.prepare import Blur
from lookalike.recognition.labels import LabelTable
from lookalike.store.about import card

LABELS = np.array(["a", "b", "c"])[np.arange(30) % 3]
HOSTILE = "<img src=x>|`*\x1b[31m\n---\n# \u202eno"


@pytest.fixture
def data():
    return from_arrays(images(), LABELS, source=Source("meters/left"))


def test_info_says_what_there_is(tmp_path, data):
    model = DeformableMatch(Prepare([Blur(0.7)]), warp=2).fit(data.images, data.labels)
    figures = {
        "out-of-fold accuracy": 0.9,
        "low": 0.8,
        "high": np.float64(0.95),
        "n": np.int64(30),
        "by": "us",
    }
    path = save_model(model, tmp_path / "m", data=data, figures=figures)
    info = model_info(path)
    assert info.idea == "deformable"
    assert info.title.startswith("deformable match (prepare=")
    assert "warp=2" in info.title
    assert info.parameters["warp"] == 2
    assert info.classes == (("a", 10), ("b", 10), ("c", 10))
    assert (info.image_shape, info.n_features) == ((7, 6), 42)
    assert info.preparation == ("blurred by a Gaussian of 0.7 px",)
    assert (info.library, info.schema) == (lookalike.__version__, 1)
    assert info.data == ("meters/left", 30, data.sha256())
    assert list(info.figures.items()) == list(figures.items())
    assert info.changed is False
    assert info.size == path.stat().st_size
    with pytest.raises(FrozenInstanceError):
        info.idea = "other"


@pytest.mark.parametrize(
    ("model", "idea", "title"),
    [
        (MeanImage(), "mean-image-l1", "mean image, L1"),
        (MeanImage("l2"), "mean-image-l2", "mean image, L2"),
        (MeanImage(average="median"), "median-image-l1", "median image, L1"),
        (MeanImage("l2", average="median"), "mean-image-l2", "mean image, L2 (average='median')"),
        (NearestImages(3, metric="l2"), "nearest-l2", "nearest image, L2 (n_neighbors=3)"),
    ],
    ids=["mean", "mean-l2", "median", "median-l2", "nearest"],
)
def test_the_idea_is_the_one_that_is_most_like_the_model(tmp_path, model, idea, title):
    info = model_info(save_model(model.fit(images(), LABELS), tmp_path / "m"))
    assert (info.idea, info.title) == (idea, title)


def test_where_it_came_from_is_kept_and_marked_when_the_model_changes(tmp_path, data):
    path = tmp_path / "m"
    save_model(NearestImages().fit(data.images, data.labels), path, data=data, figures={"accuracy": 0.5})
    model = load_model(path)
    save_model(model, path)
    first = model_info(path)
    assert (first.data.sha256, first.figures, first.changed) == (data.sha256(), {"accuracy": 0.5}, False)
    model.forget(model.teach(images()[:1], ["z"]))
    save_model(model, path)
    assert model_info(path).changed
    save_model(load_model(path), path)
    second = model_info(path)
    assert (second.data, second.figures, second.changed) == (first.data, first.figures, True)
    save_model(model, path, figures={"accuracy": 0.75})
    assert model_info(path).figures == {"accuracy": 0.75}
    save_model(model, path, data=data)
    third = model_info(path)
    assert (third.data, third.figures, third.changed) == (first.data, {}, False)
    save_model(model.fit(images(), LABELS), path)
    assert model_info(path).data is None


@pytest.mark.parametrize("change", ["teach", "partial_fit", "forget"])
def test_whatever_changes_the_model_marks_it(tmp_path, data, change):
    model = NearestImages().fit(data.images, data.labels)
    save_model(model, tmp_path / "m", data=data)
    if change == "forget":
        model.forget(3)
    else:
        getattr(model, change)(images()[:1], ["a"])
    assert model_info(save_model(model, tmp_path / "m")).changed


def test_other_data_than_it_was_fitted_on_are_refused(tmp_path, data):
    with pytest.raises(InputError, match="data have 20 images, and the model 30: expected what"):
        save_model(MeanImage().fit(images(), LABELS), tmp_path / "m", data=data.take(slice(20)))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression(), "LogisticRegression is scikit-learn's: expected one of lookalike's own ideas"),
        (FeatureMeans(np.mean), "a function of your own cannot be stored: a model file holds no code"),
        (lookalike.feature(lambda X: X), "a function of your own cannot be stored"),
        (
            type("Mine", (MeanImage,), {})(),
            "Mine is none of lookalike's ideas: expected .*MeanImage",
        ),
        (SimpleNamespace(), "SimpleNamespace is none of lookalike's ideas"),
        (MeanImage(), "MeanImage is not fitted: fit it before it is saved"),
    ],
    ids=["scikit-learn", "feature", "function", "subclass", "object", "unfitted"],
)
def test_what_cannot_be_stored_is_refused(tmp_path, model, message):
    with pytest.raises(InputError, match=message):
        save_model(model, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"a": float("nan")}, "the figure 'a' is nan: expected a finite number or a text"),
        ({"a": [1]}, "expected a finite number or a text"),
        ({"a": True}, "expected a finite number or a text"),
        ({3: 1}, "the figure 3 is 1"),
        ({"a" * 2000: 1}, "is too long"),
        ({str(n): n for n in range(101)}, "101 figures: expected at most 100"),
    ],
    ids=["nan", "list", "bool", "name", "long", "many"],
)
def test_figures_are_numbers_and_texts(tmp_path, figures, message):
    with pytest.raises(InputError, match=message):
        save_model(MeanImage().fit(images(), LABELS), tmp_path / "m", figures=figures)


def test_labels_that_cannot_be_stored_are_refused(tmp_path):
    model = MeanImage().fit(images(), LABELS)
    model.recogniser_.labels = LabelTable.of(np.array([b"a", b"b", b"c"]))
    with pytest.raises(InputError, match=r"labels are .S1: expected integers or texts"):
        save_model(model, tmp_path / "m")


def test_the_file_is_safetensors_that_others_read(tmp_path):
    model = NearestImages().fit(images(), LABELS)
    arrays = load_file(save_model(model, tmp_path / "m"))
    np.testing.assert_array_equal(arrays["matcher.images"], images())
    np.testing.assert_array_equal(arrays["ids"], np.arange(30))


def test_nothing_but_the_model_is_left_in_the_folder(tmp_path, data):
    save_model(MeanImage().fit(data.images, data.labels), tmp_path / "m", card=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.md"]


def test_the_card_says_what_a_reader_needs(tmp_path, data):
    model = MeanImage("l2").fit(data.images, data.labels)
    save_model(model, tmp_path / "m.lookalike", data=data, figures={"accuracy": 0.97, "by": "us"}, card=True)
    text = (tmp_path / "m.lookalike.md").read_text(encoding="utf-8")
    header = text.split("---\n")[1]
    assert "library_name: lookalike\n" in header
    assert '- "accuracy"\n' in header
    assert "# license: choose one" in header
    for part in ("images of 7x6", "mean image, L2", "| a | 10 |", data.sha256(), "| accuracy | 0.97 |"):
        assert part in text
    assert 'load_model("m.lookalike")'.replace('"', "'") in text


def test_nothing_hostile_gets_into_the_card(tmp_path):
    X, y = images(), np.array([HOSTILE, "b", "c"])[np.arange(30) % 3]
    data = from_arrays(X, y, source=Source(HOSTILE))
    path = save_model(MeanImage().fit(X, y), tmp_path / "m", data=data, figures={HOSTILE: HOSTILE})
    text = card(model_info(path), "`\n" + HOSTILE)
    assert "<img" not in text.replace("\\<img", "").split("```")[2]
    assert "\x1b" not in text
    assert "\u202e" not in text
    header = text.split("\n---\n")[0]
    assert json.loads(header.split("datasets:\n- ")[1].split("\n")[0]).startswith("<img src=x>")
    assert "\n---\n" not in text[len(header) + 5 :]
    assert text.count("```") == 2
