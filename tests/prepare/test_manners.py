"""scikit-learn's manners, without scikit-learn."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_html_repr, get_tags
from sklearn.utils.validation import check_is_fitted

from lookalike import DeformableMatch, InputError
from lookalike.prepare import Blur, Deskew, EvenInk, FitToInk, Gray, Polarity, Prepare


def test_neither_scikit_learn_nor_scipy_is_needed():
    code = """
import json, sys
import numpy as np
from lookalike import Prepare
from lookalike.prepare import Blur, EvenInk, Polarity, choose
from lookalike.data import look, loose
rng = np.random.default_rng(0)
images, labels = rng.integers(0, 256, (40, 9, 8), np.uint8), np.arange(40) % 2
for sheet in (images, np.pad(images // 32, [(0, 0), (9, 9), (9, 9)])):
    chosen = choose(sheet, labels)
    chosen.transform(sheet)
chain = Prepare([Polarity(), Blur(), EvenInk()]).fit(images)
chain = Prepare.from_json(json.loads(json.dumps(chain.to_json())))
chain.set_params(steps=[Blur(2)]).fit_transform(images)
print(chain, [name for name in ("sklearn", "scipy") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "Prepare(steps=[Blur(sigma=2)]) []"


def test_repr_is_the_call():
    assert repr(Prepare([Polarity(), Blur(1.0), Blur(2)])) == (
        "Prepare(steps=[Polarity(), Blur(), Blur(sigma=2)])"
    )
    assert repr(FitToInk(centre="box", size=9)) == "FitToInk(centre='box', size=9)"
    assert "prepare=Prepare(steps=[Blur()])" in repr(DeformableMatch(prepare=Prepare([Blur()])))


def test_parameters_are_read_and_set_by_name():
    step = FitToInk()
    assert list(step.get_params()) == ["box", "centre", "size", "stretch"]
    assert step.set_params(size=9, box=0.5) is step
    assert (step.size, step.box) == (9, 0.5)
    with pytest.raises(InputError, match="no parameter of FitToInk is called 'sise': did you mean size"):
        step.set_params(sise=9)


def test_a_clone_is_not_fitted_and_shares_nothing(drawings):
    chain = Prepare([Polarity(), Blur()]).fit(drawings[0])
    again = clone(chain)
    assert again.steps is not chain.steps
    assert again.steps[1] is not chain.steps[1]
    assert not hasattr(again, "steps_")
    assert not hasattr(clone(chain.steps_[0]), "inverted_")


def test_what_was_learned_is_pickled(drawings):
    chain = Prepare([Polarity(), Deskew()]).fit(drawings[0])
    again = pickle.loads(pickle.dumps(chain))  # noqa: S301
    np.testing.assert_array_equal(again.transform(drawings[0]), chain.transform(drawings[0]))


def test_scikit_learn_knows_what_is_fitted(drawings):
    for step in (Polarity(), Prepare([Gray()])):
        with pytest.raises(NotFittedError, match=f"This {type(step).__name__} instance is not fitted yet"):
            check_is_fitted(step)
        with pytest.raises(NotFittedError, match=f"This {type(step).__name__} instance is not fitted yet"):
            step.transform(drawings[0])
        check_is_fitted(step.fit(drawings[0]))
    check_is_fitted(Blur())
    assert get_tags(Polarity()).requires_fit
    assert not get_tags(Blur()).requires_fit
    assert get_tags(Blur()).input_tags.three_d_array


def test_a_search_sets_steps_and_their_parameters(digits):
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1).astype(float))
    model = Pipeline([("prepare", Prepare([Blur()])), ("flat", flat), ("near", KNeighborsClassifier(1))])
    chains = [Prepare([Blur(0.5)]), Prepare([EvenInk()])]
    images, labels = digits.train.images[:120], digits.train.labels[:120]
    for grid in ({"prepare": chains}, {"prepare__steps": [chain.steps for chain in chains]}):
        search = GridSearchCV(model, grid, cv=2).fit(images, labels)
        assert search.best_score_ > 0.8
        assert str(search.best_params_).startswith("{'prepare")
    single = GridSearchCV(make_pipeline(Blur(), *model[1:]), {"blur__sigma": [0.3, 4]}, cv=2)
    assert single.fit(images, labels).best_params_ == {"blur__sigma": 0.3}
    nested = DeformableMatch(prepare=Prepare([Blur()])).set_params(prepare__steps=[Blur(2)])
    assert nested.prepare.steps[0].sigma == 2


def test_notebooks_show_what_scikit_learn_shows():
    chain = Prepare([Polarity(), Blur(2)])
    assert "Blur(sigma=2)" in chain._repr_html_()
    assert "FitToInk" in estimator_html_repr(make_pipeline(FitToInk(), chain, KNeighborsClassifier()))
