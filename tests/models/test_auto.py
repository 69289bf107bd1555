"""What "auto" decides is a parameter: it can be set, said, refused and searched."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from drawings import drawings
from lookalike import DeformableMatch, InputError, MeanImage, NearestImages, Prepare, load
from lookalike.prepare import Blur, Gray

#: Each parameter that can be "auto": what it may be set to, what the model then says, and what is refused.
SETTINGS = {
    "planes": (("sobel", "double-angle", "values"), None, ("edges", "Sobel", 3, None)),
    "warp": ((0, 2, (1, 3)), {0: (0, 0), 2: (2, 2), (1, 3): (1, 3)}, (-1, 128, (1, 2, 3), "far", 0.5, None)),
    "context": ((0, 2), None, (-1, 128, 1.5, "much")),
    "symmetric": ((True, False), None, (1, 0, "yes", None)),
    "aligned": ((True, False), None, (1, 0, "yes", None)),
    "hubness": ((True, False), None, (1, 0, "yes", None)),
    "blur": ((0, 0.5, 1), None, (-0.1, 33, True, "soft", None, float("nan"))),
    "window": ((0, 0.25, 0.5), None, (-0.1, 0.6, True, "wide", None, float("nan"))),
    "n_neighbors": ((1, 3), None, (0, -1, 1.5, True, "all", None)),
    "candidates": ((3, 12), None, (0, -1, 1.5, True, "all", None)),
}
#: What is refused says what was expected.
EXPECTED = {
    "planes": "expected 'auto', 'sobel', 'double-angle', 'values'",
    "warp": "expected a whole number",
    "context": "expected a whole number from 0 to 127",
    "symmetric": "expected 'auto', True or False",
    "aligned": "expected 'auto', True or False",
    "hubness": "expected 'auto', True or False",
    "blur": "expected 'auto' or a number from 0 to 32",
    "window": "expected 'auto' or a number from 0 to 0.5",
    "n_neighbors": "expected a whole number of at least 1",
    "candidates": "expected a whole number of at least 1",
}
CASES = [(name, value) for name, (values, _, _) in SETTINGS.items() for value in values]
REFUSED = [(name, value) for name, (_, _, values) in SETTINGS.items() for value in values]


def few():
    return drawings(15, 3, 16)


def test_every_auto_is_a_parameter_here():
    automatic = {name for name, value in DeformableMatch().get_params().items() if value == "auto"}
    assert automatic == {*SETTINGS, "prepare"}


@pytest.mark.parametrize(("name", "value"), CASES, ids=str)
def test_what_is_set_is_what_is_said_and_done(name, value):
    images, labels = few()
    model = DeformableMatch(None, **{name: value}).fit(images, labels)
    said = getattr(model, f"{name}_")
    assert said == (SETTINGS[name][1] or {}).get(value, value)
    auto = DeformableMatch(None).fit(images, labels)
    assert getattr(auto, f"{name}_") != "auto"
    # Setting what was chosen anyway changes nothing; the rest stays as chosen.
    same = DeformableMatch(None, **{name: getattr(auto, f"{name}_")}).fit(images, labels)
    for one, other in zip(same.kneighbors(images, 3), auto.kneighbors(images, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    if said == getattr(auto, f"{name}_"):
        np.testing.assert_array_equal(model.class_distances(images), auto.class_distances(images))
    elif name not in ("n_neighbors", "candidates", "window"):  # double-angle gradients alone have a window
        assert (model.class_distances(images) != auto.class_distances(images)).any()
    model.predict_proba(images)
    model.explain(images[:1])


def test_a_window_counts_for_double_angle_gradients():
    images, labels = few()
    wide, narrow = (
        DeformableMatch(None, planes="double-angle", window=window).fit(images, labels) for window in (0, 0.4)
    )
    assert (wide.window_, narrow.window_) == (0, 0.4)
    assert (wide.class_distances(images[::-1]) != narrow.class_distances(images[::-1])).any()


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=str)
def test_nonsense_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"{name} is .*{EXPECTED[name]}"):
        DeformableMatch(None, **{name: value}).fit(*few())


@pytest.mark.parametrize("value", ["deskew", 3, [Blur(0.5)], True])
@pytest.mark.parametrize("kind", [DeformableMatch, MeanImage, NearestImages])
def test_a_preparation_that_is_none_is_refused(kind, value):
    with pytest.raises(InputError, match=r"prepare is .*: expected 'auto', None or a Prepare"):
        kind(prepare=value).fit(*few())


def test_colours_are_not_aligned():
    images = np.stack([few()[0]] * 3, axis=-1)
    with pytest.raises(InputError, match="aligned is True: expected gray images, and these have colours"):
        DeformableMatch(None, aligned=True).fit(images, few()[1])


@pytest.mark.parametrize("name", SETTINGS)
def test_a_grid_search_can_set_it(name):
    values = ["auto", *SETTINGS[name][0]]
    search = GridSearchCV(DeformableMatch(None), {name: values}, cv=3, error_score="raise").fit(*few())
    assert len(search.cv_results_["params"]) == len(values)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.get_params()[name] in values


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize(
    "model", [MeanImage(), NearestImages(), DeformableMatch(aligned=False)], ids=lambda m: type(m).__name__
)
def test_a_grid_search_can_set_the_preparation_and_its_steps(model):
    images, labels = few()
    grid = {"prepare": [None, "auto", Prepare([Gray(), Blur(0.5)])]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(images, labels)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    for prepare in grid["prepare"]:
        fitted = clone(model).set_params(prepare=prepare).fit(images, labels)
        assert (fitted.prepare_ is None) == (prepare is None)
        alone = clone(model).set_params(prepare=prepare).fit(images[3:], labels[3:])
        found = search.cv_results_["param_prepare"]
        assert len(found) == 3
        assert 0 <= alone.score(images, labels) <= 1
    steps = GridSearchCV(
        clone(model).set_params(prepare=Prepare([Blur(0.5)])),
        {"prepare__steps": [[Blur(0.5)], [Gray(), Blur(1.0)]]},
        cv=3,
        error_score="raise",
    ).fit(images, labels)
    assert np.isfinite(steps.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("kind", [MeanImage, NearestImages])
def test_what_is_prepared_is_what_is_compared(kind):
    images, labels = few()
    own = Prepare([Gray(), Blur(0.5)])
    model = kind(prepare=own).fit(images, labels)
    assert not hasattr(own, "steps_")
    blurred = own.fit_transform(images)
    plain = kind().fit(blurred, labels)
    asked = drawings(5, 3, 16, seed=4)[0]
    np.testing.assert_array_equal(model.prepared(asked), own.fit(images).transform(asked))
    np.testing.assert_array_equal(model.class_distances(asked), plain.class_distances(model.prepared(asked)))
    np.testing.assert_array_equal(model.predict_proba(asked), plain.predict_proba(model.prepared(asked)))
    auto = kind(prepare="auto").fit(images, labels)
    assert auto.reasons_
    assert len(auto.prepare_.describe()) >= 1


def test_ideas_are_told_of_the_same_examples():
    """Whatever is kept, and however it is prepared: each example by hand, left out."""
    from lookalike.evaluation.classifier import _right
    from lookalike.progress import silent

    train = load("digits", limit=40).train
    X, y = train.images, train.labels
    for make in (lambda: NearestImages(prepare="auto"), lambda: MeanImage("l2")):
        right = _right(make().fit(X, y), X, y, silent)
        assert len(right) > 30
        for place in list(right)[:12]:
            rest = np.arange(len(X)) != place
            answer = make().fit(X[rest], y[rest]).predict(X[[place]])[0]
            assert (answer == y[place]) == right[place]
