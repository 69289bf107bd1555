import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

import lookalike
from lookalike import InputError, UnknownNameError
from lookalike.data.labelled import from_arrays
from lookalike.evaluation.compare import size
from lookalike.evaluation.statistics import mcnemar
from lookalike.registry import IDEAS


@pytest.fixture(scope="module")
def two():
    return lookalike.load("digits", classes=[3, 8])


@lookalike.feature
def columns(images):
    return images.mean(axis=1)


@lookalike.distance
def book_l1(images, image):
    return abs(images - image).mean((-1, -2))


@lookalike.feature
def broken(images):
    raise RuntimeError("first line\nsecond line")


def test_default_ideas_are_measured_on_the_same_images(two):
    heard = []
    found = lookalike.compare(*two, progress=lambda *note: heard.append(note))
    assert [row.name for row in found.rows] == [idea.name for idea in IDEAS if idea.by_default]
    assert not [row.error for row in found.rows if row.error]
    for row in found.rows:
        np.testing.assert_array_equal(row.evaluation.labels, two.valid.labels)
        assert row.fit_seconds >= 0
        assert row.evaluation.predict_seconds > 0
    rates = {row.name: row.evaluation.accuracy.value for row in found.rows}
    assert rates["most-frequent"] < 0.6 < rates["mean-image-l2"]
    assert ("mean image, L1: fit", 0, None) in heard
    n = len(found.rows)
    assert len(found.pairs) == n * (n - 1) // 2


def test_pairs_are_mcnemars_test_of_the_rows(two):
    found = lookalike.compare(*two, ["ink-coverage", "mean-image-l1", "mean-image-l2"])
    right = {row.name: row.evaluation.predictions == two.valid.labels for row in found.rows}
    for pair in found.pairs:
        expected = mcnemar(right[pair.first], right[pair.second])
        assert (pair.only_first, pair.only_second, pair.p_value) == expected
        assert pair.p_adjusted >= pair.p_value


def test_marked_functions_agree_with_the_models_they_restate(two):
    found = lookalike.compare(*two, [book_l1, "mean-image-l1", columns])
    restated, ours, other = (row.evaluation for row in found.rows)
    np.testing.assert_array_equal(restated.predictions, ours.predictions)
    means = np.array([two.train.images[two.train.labels == c].mean(axis=(0, 1)) for c in (3, 8)])
    expected = ((two.valid.images.mean(axis=1)[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(other.predictions, np.array([3, 8])[expected])
    assert [row.origin for row in found.rows] == ["yours", "ours", "yours"]


def test_an_idea_that_fails_keeps_the_others_figures(two):
    found = lookalike.compare(*two, [broken, "mean-image-l1", GaussianNB(var_smoothing=-1)])
    assert found.rows[0].error == "RuntimeError: first line"
    assert found.rows[0].evaluation is None
    assert found.rows[1].evaluation.accuracy.value > 0.9
    assert "var_smoothing" in found.rows[2].error
    assert found.pairs == ()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            lambda images: images,
            r"feature returned shape \(\d+, 8, 8\) for \d+ images, \(\d+, 8, 8\): expected \(n,\) or ",
        ),
        (lambda images: images[:1, 0, 0], r"returned shape \(1,\)"),
        (lambda images: images[:, 0, 0] * np.inf, "expected finite numbers"),
        (lambda images: ["a"] * len(images), "could not convert string to float"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_feature_of_the_wrong_shape_says_so(two, result, message):
    @lookalike.feature
    def feature(images):
        return result(images)

    (row,) = lookalike.compare(*two, [feature]).rows
    assert row.evaluation is None
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(row.error)


def test_a_fit_that_did_not_converge_says_so(two):
    (row,) = lookalike.compare(*two, [LogisticRegression(max_iter=2)]).rows
    assert row.warnings == ("not converged in 2 iterations",)
    assert row.name == "LogisticRegression"
    assert row.evaluation is not None


def test_ideas_of_one_name_get_names_of_their_own(two):
    found = lookalike.compare(*two, ["mean-image-l1", "mean-image-l1", ("mine", GaussianNB())])
    assert [row.name for row in found.rows] == ["mean-image-l1", "mean-image-l1-2", "mine"]
    assert len(found.pairs) == 3


def test_random_choices_follow_the_seed(two):
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(n_estimators=3)
    first, second = (lookalike.compare(*two, [forest], seed=5).rows[0] for _ in range(2))
    np.testing.assert_array_equal(first.evaluation.predictions, second.evaluation.predictions)
    assert first.model.random_state == 5
    assert forest.random_state is None


def test_size_counts_each_array_once():
    model = lookalike.MeanImage()
    array = np.zeros(1000)
    model.first, model.second, model.third = array, array, {"deep": [np.zeros(10, np.uint8)]}
    assert size(model) == 8010


def test_refuses_what_is_no_idea(two):
    with pytest.raises(
        UnknownNameError, match=r"no idea is called 'mean-imag-l1': did you mean mean-image-l1"
    ):
        lookalike.compare(*two, ["mean-imag-l1"])
    with pytest.raises(InputError, match="3 is no idea: expected a name, an estimator, or a function"):
        lookalike.compare(*two, [3])
    with pytest.raises(InputError, match="no ideas to compare"):
        lookalike.compare(*two, [])
    for one in ("mean-image-l1", lookalike.MeanImage(), make_pipeline(GaussianNB()), book_l1):
        with pytest.raises(InputError, match=r"(?s)ideas is .*: expected a list of ideas, with brackets"):
            lookalike.compare(*two, one)
    with pytest.raises(InputError, match=r"MeanImage is a class: expected an instance"):
        lookalike.compare(*two, [lookalike.MeanImage])


def test_refuses_parts_of_two_sizes(two):
    other = from_arrays(np.zeros((2, 5, 5), np.uint8), [3, 8])
    with pytest.raises(
        InputError, match=r"training images have shape \(8, 8\) and validation images \(5, 5\)"
    ):
        lookalike.compare(two.train, other)


def test_arrays_are_compared_as_labelled_images_are(two):
    ideas = ["ink-coverage", "mean-image-l2"]
    train, valid = ((part.images, part.labels) for part in two)
    found, expected = lookalike.compare(train, valid, ideas), lookalike.compare(*two, ideas)
    assert [row.evaluation.accuracy for row in found.rows] == [
        row.evaluation.accuracy for row in expected.rows
    ]
    assert (found.train.source.part, found.valid.source.part) == ("train", "valid")
    curves = lookalike.curve(train, valid, ["mean-image-l2"], sizes=[2], draws=2)
    assert curves.rows[0].points[-1].accuracies == (expected.rows[1].evaluation.accuracy.value,)


def test_a_dict_names_ideas(two):
    found = lookalike.compare(*two, {"mine": lookalike.MeanImage(), "theirs": "ink-coverage"})
    assert [(row.name, row.title, row.origin) for row in found.rows] == [
        ("mine", "mine", "yours"),
        ("theirs", "theirs", "ours"),
    ]


@pytest.mark.parametrize("given", [np.zeros((2, 3, 3)), (np.zeros((2, 3, 3)),), "digits"], ids=str)
def test_what_is_no_labelled_images_is_said(two, given):
    with pytest.raises(InputError, match="expected LabelledImages, or a pair of images and labels"):
        lookalike.compare(given, two.valid, ["ink-coverage"])


def test_a_report_is_written_from_python(two, tmp_path):
    found = lookalike.compare(*two, ["mean-image-l2"])
    name = two.valid.names[3]
    page = found.report(tmp_path / "r.html", image=name, command="mine").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<code>mine</code>" in page
    with pytest.raises(InputError, match="nothing"):
        found.report(tmp_path / "r.html", image="nothing")
