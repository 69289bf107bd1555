"""Features of a network as ideas that are compared, and as a measure of a mixture."""

import copy
import json
import shutil
import sys

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

import lookalike
from cli_runner import call
from lookalike import Embedding, InputError, MissingExtraError, MixtureMatch, ModelFileError
from lookalike.store import container, load_recogniser
from lookalike.store.about import card
from networks import SIZE, features, tiny, written


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


def tinted(n=40, seed=0):
    """Return noise in four tints, and the tints."""
    rng = np.random.default_rng(seed)
    tints = np.random.default_rng(9).integers(60, 190, (4, 3))
    labels = np.arange(n) % 4
    noise = rng.integers(-50, 60, (n, *SIZE, 3))
    return (tints[labels][:, None, None] + noise).astype(np.uint8), labels


@pytest.fixture
def path(tmp_path):
    return written(tmp_path)


def test_compare_measures_the_three_usual_ways(path):
    train, valid = tinted(), tinted(60, seed=1)
    found = lookalike.compare(train, valid, ["mean-image-l2", Embedding(path)])
    rows = {row.title: row for row in found.rows}
    assert [row.name for row in found.rows[1:]] == ["tiny-nearest", "tiny-mean", "tiny-logistic"]
    assert [row.origin for row in found.rows[1:]] == ["reference"] * 3
    known, asked = features(train[0]), features(valid[0])
    nearest = train[1][cdist(asked, known).argmin(axis=1)]
    means = np.stack([known[train[1] == label].mean(axis=0) for label in range(4)])
    logistic = LogisticRegression(C=100.0, max_iter=1000).fit(known, train[1])
    expected = {
        "tiny features, nearest": nearest,
        "tiny features, mean": cdist(asked, means).argmin(axis=1),
        "tiny features, logistic": logistic.predict(asked),
    }
    for title, answers in expected.items():
        np.testing.assert_array_equal(rows[title].evaluation.predictions, answers)
        assert rows[title].size_bytes > path.stat().st_size
    # They are told apart like any idea.
    assert len(found.pairs) == 6


def test_embeddings_have_names_of_their_own(path):
    parts = tinted(), tinted(seed=1)
    found = lookalike.compare(*parts, {"one": Embedding(path), "two": Embedding(path)})
    assert [row.name.partition("-")[0] for row in found.rows] == ["one"] * 3 + ["two"] * 3
    again = lookalike.compare(*parts, [Embedding(path), Embedding(path)])
    assert again.rows[3].name == "tiny-nearest-2"


def test_a_network_that_is_missing_is_said_before_anything_is_measured(path):
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"tiny\.json' is not there"):
        lookalike.compare(tinted(), tinted(seed=1), ["mean-image-l2", Embedding(path)])


def test_a_pipeline_takes_what_its_first_step_takes(path):
    images, labels = tinted()
    model = make_pipeline(Embedding(path), LogisticRegression(C=100.0)).fit(images, labels)
    found = lookalike.evaluate(model, images, labels)
    np.testing.assert_array_equal(found.predictions, model.predict(images))
    compared = lookalike.compare((images, labels), tinted(seed=1), [("mine", model)])
    assert compared.rows[0].error is None


def test_the_command_line_adds_rows_and_refuses_early(cli, path, monkeypatch):
    found = cli("compare", "digits", "--classes", "3,7", "--limit", "60", "--ideas", "mean-image-l2",
                "--embedding", str(path), "--json", "-q")  # fmt: skip
    assert found.code == 0
    names = [row["idea"] for row in json.loads(found.out)["ideas"]]
    assert names == ["mean-image-l2", "tiny-nearest", "tiny-mean", "tiny-logistic"]
    report = cli("compare", "digits", "--embedding", str(path), "--report", str(path) + ".html", "-q",
                 "--limit", "60", "--ideas", "mean-image-l2")  # fmt: skip
    assert report.code == 0
    assert "tiny features, logistic" in (path.parent / "tiny.onnx.html").read_text(encoding="utf-8")
    missing = cli("compare", "nowhere", "--embedding", str(path.with_name("no.onnx")))
    assert (missing.code, missing.err.count("\n")) == (2, 1)
    assert "no.onnx' is no file: expected a network" in missing.err
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert 'pip install "lookalike[onnx]"' in cli("compare", "nowhere", "--embedding", str(path)).err


def mixed(path, **parameters):
    images, labels = tinted()
    return MixtureMatch(terms=["colour", "turned"], embedding=path, **parameters).fit(images, labels)


def test_a_mixture_weighs_a_network_only_where_it_is_given(path):
    assert list(MixtureMatch().fit(*tinted()).weights_) == [
        "shape", "turned", "colour", "texture", "energy", "edges"
    ]  # fmt: skip
    assert list(mixed(path).weights_) == ["colour", "turned", "embedding"]
    with pytest.raises(InputError, match=r"terms are \['embedding'\]: expected some of 'shape'"):
        MixtureMatch(terms=["embedding"]).fit(*tinted())
    with pytest.raises(InputError, match=r"weights are .*expected 'auto', or a number from 0 for each of"):
        mixed(path, weights={"colour": 1, "turned": 1})
    with pytest.raises(InputError, match="embedding is 3: expected the path of an ONNX file"):
        mixed(3)


def test_a_mixture_of_a_network_alone_is_kernel_ridge_regression_on_its_features(path):
    images, labels = tinted()
    asked = tinted(30, seed=3)[0]
    model = mixed(path, weights={"colour": 0, "turned": 0, "embedding": 2})
    known = features(images)
    scale = np.sqrt(((known - known.mean(axis=0)) ** 2).sum(axis=1).mean() + 0.4**2)
    ridge = KernelRidge(alpha=0.03, kernel="rbf", gamma=0.5 / scale**2)
    ridge.fit(known, np.eye(4)[labels] - 0.25)
    scores = ridge.predict(features(asked)) + 0.25
    costs = ((scores[:, None] - np.eye(4)) ** 2).sum(axis=2)
    np.testing.assert_allclose(model.match(asked).class_distances, 2 * costs, rtol=0, atol=1e-4)


def test_evidence_says_what_the_network_adds(path):
    model = mixed(path)
    asked = tinted(4, seed=5)[0]
    for one in model.explain(asked):
        assert [term.title for term in one.terms] == [
            "colour",
            "shape without strength and polarity",
            "features of a network",
        ]
    costs = model.recogniser_.matcher.contributions(asked[0], 0)
    found = model.match(asked[:1], 40)
    distance = found.distances[0][found.places[0].tolist().index(0)]
    assert sum(term.amount for term in costs.terms) == pytest.approx(distance, abs=1e-8)


def test_learning_and_forgetting_is_as_if_fitted_so(path):
    images, labels = tinted(44)
    model = mixed(path, weights={"colour": 1, "turned": 1, "embedding": 1})
    asked = tinted(20, seed=4)[0]
    before = model.predict(asked).tolist()
    ids = model.teach(images[40:], labels[40:])
    model.forget(ids)
    assert model.predict(asked).tolist() == before
    np.testing.assert_array_equal(copy.deepcopy(model).predict(asked), before)


def test_a_file_names_the_network_and_needs_it(path, tmp_path, cli):
    asked = tinted(20, seed=4)[0]
    model = mixed(path)
    file = lookalike.save_model(model, tmp_path / "m.lookalike")
    np.testing.assert_array_equal(lookalike.load_model(file).predict(asked), model.predict(asked))
    assert load_recogniser(file).predict(asked)[0].tolist() == model.predict(asked).tolist()
    # What the network is fed is the model's own: a file that says otherwise now changes nothing.
    path.with_suffix(".json").write_text("{}")
    np.testing.assert_array_equal(lookalike.load_model(file).predict(asked), model.predict(asked))
    info = lookalike.model_info(file)
    assert info.network.path == str(path)
    assert info.network.sha256 in card(info, "m.lookalike")
    said = cli("info", str(file)).out
    assert f"the network {path}, sha256 {info.network.sha256}" in " ".join(said.split())
    assert json.loads(cli("info", str(file), "--json").out)["network"]["path"] == str(path)
    path.rename(path.with_name("moved.onnx"))
    with pytest.raises(ModelFileError) as caught:
        lookalike.load_model(file)
    assert str(caught.value).startswith(str(file))
    assert f"(SHA-256 {info.network.sha256}) is needed, and" in str(caught.value)
    assert "put it there" in str(caught.value)
    path.write_bytes(tiny().SerializeToString() + b"\x42\x00")
    with pytest.raises(ModelFileError, match="another file is there"):
        lookalike.load_model(file)
    shutil.move(path.with_name("moved.onnx"), path)
    np.testing.assert_array_equal(lookalike.load_model(file).predict(asked), model.predict(asked))


def test_a_file_of_a_network_needs_onnx_runtime(path, tmp_path, monkeypatch):
    file = lookalike.save_model(mixed(path), tmp_path / "m.lookalike")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r'pip install "lookalike\[onnx\]"'):
        lookalike.load_model(file)
    assert lookalike.model_info(file).network is not None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "//elsewhere/net.onnx"}, "expected a path on this machine"),
        ({"path": "\\\\elsewhere\\net.onnx"}, "expected a path on this machine"),
        ({"path": "net\0.onnx"}, "expected a path on this machine"),
        ({"path": 3}, "path is 3: expected a text"),
        ({"sha256": "0" * 63}, "expected 64 hexadecimal digits"),
        ({"sha256": "0" * 64}, "another file is there"),
        ({"preprocessing": {}}, "size is missing"),
        (None, "a network does not go with names"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(path, tmp_path, change, said):
    file = lookalike.save_model(mixed(path), tmp_path / "m.lookalike")
    text, arrays = container.read(file)
    matcher = text["facts"]["matcher"]
    matcher["network"] = None if change is None else matcher["network"] | change
    container.write(file, text, arrays)
    with pytest.raises(ModelFileError, match=said):
        lookalike.load_model(file)
