import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preparing import every_step, gray_batches
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from lookalike import InputError
from lookalike.prepare import Blur, Deskew, EvenInk, FitToInk, Polarity, Prepare, Resize
from lookalike.prepare.chain import STEPS

chains = st.lists(st.sampled_from(every_step()), min_size=1, max_size=4).map(
    lambda steps: Prepare([clone(step) for step in steps])
)


@given(gray_batches, chains)
def test_a_chain_is_its_steps_one_after_the_other(images, chain):
    expected = images
    for step in chain.steps:
        expected = clone(step).fit(expected).transform(expected)
    np.testing.assert_array_equal(chain.fit(images).transform(images), expected)
    np.testing.assert_array_equal(clone(chain).fit_transform(images), expected)


@given(gray_batches, chains)
def test_json_brings_back_the_same_chain(images, chain):
    chain.fit(images)
    text = json.dumps(chain.to_json(), allow_nan=False)
    again = Prepare.from_json(json.loads(text))
    np.testing.assert_array_equal(again.transform(images), chain.transform(images))
    np.testing.assert_array_equal(again.transform(255 - images), chain.transform(255 - images))
    assert again.describe() == chain.describe()
    assert again.to_json() == chain.to_json()


def test_json_of_a_chain_that_was_not_fitted():
    chain = Prepare([Polarity(), FitToInk(size=np.int64(20), box=np.float64(0.5))])
    again = Prepare.from_json(json.loads(json.dumps(chain.to_json())))
    assert again.steps[1].get_params() == {"size": 20, "box": 0.5, "centre": "mass", "stretch": 1.0}
    with pytest.raises(NotFittedError):
        again.transform(np.zeros((1, 3, 3)))


def test_json_is_small_and_plain(drawings):
    chain = Prepare([Polarity(), Deskew(), Blur(2)]).fit(drawings[0])
    chain.reasons_ = ("because",)
    assert chain.to_json() == {
        "version": 1,
        "fitted": True,
        "steps": [{"step": "polarity", "inverted": True}, {"step": "deskew"}, {"step": "blur", "sigma": 2}],
        "reasons": ["because"],
    }
    assert Prepare.from_json(chain.to_json()).reasons_ == ("because",)
    chain.reasons_ = ("long" * 250,) * 100
    assert Prepare.from_json(chain.to_json()).reasons_ == chain.reasons_


def test_every_step_has_a_name():
    assert {type(step) for step in every_step()} == set(STEPS.values())
    assert list(STEPS) == sorted(STEPS)


def test_fit_learns_with_copies(drawings):
    steps = [Resize(20, 15), Polarity(), EvenInk()]
    heard = []
    many = np.tile(drawings[0], (8, 1, 1))  # of a few images there is nothing to tell
    chain = Prepare(steps).fit(many, progress=lambda *note: heard.append(note))
    assert not hasattr(steps[1], "inverted_")
    assert chain.describe()[1] == "ink is dark: inverted"
    assert Prepare(steps).describe()[1] == "ink is made light on dark"
    # What comes after the last step that learns is not computed.
    assert {what for what, _, _ in heard} == {"prepare: resized to 20 x 15 (height x width)"}


def test_a_second_fit_forgets_the_first(drawings):
    chain = Prepare([Polarity()]).fit(drawings[0])
    chain.reasons_ = ("old",)
    chain.fit(255 - drawings[0])
    assert (chain.describe(), chain.reasons_) == (("ink is light: kept",), ())


GOOD = {"version": 1, "fitted": True, "steps": [{"step": "blur", "sigma": 1.0}], "reasons": []}


def steps(*given):
    return {**GOOD, "steps": list(given)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "has other keys: expected fitted, reasons, steps, version"),
        ([GOOD], "has other keys"),
        ({**GOOD, "extra": 1}, "has other keys"),
        ({"version": 1}, "has other keys"),
        ({**GOOD, "version": 2}, "version is 2: expected 1"),
        ({**GOOD, "version": True}, "version is True"),
        ({**GOOD, "version": [1] * 10**6}, r"version is \[1, 1, 1, 1, 1, 1, \.\.\.\]"),
        ({**GOOD, "fitted": 1}, "fitted is 1: expected true or false"),
        ({**GOOD, "steps": "blur"}, "steps are 'blur': expected a list of 1 to 32 items"),
        (steps(), r"steps are \[\]"),
        (steps(*GOOD["steps"] * 33), "expected a list of 1 to 32 items"),
        (steps("blur"), "step is 'blur': expected an object with the step's name"),
        (steps({"sigma": 1}), "expected an object with the step's name"),
        (steps({"step": "blurr"}), "no preparation is called 'blurr': did you mean blur"),
        (steps({"step": "os:system"}), "no preparation is called 'os:system'"),
        (steps({"step": "__class__"}), "no preparation is called"),
        (steps({"step": "blur"}), "'blur' has other parameters: expected sigma"),
        (steps({"step": "blur", "sigma": 1, "__init__": 2}), "other parameters"),
        (steps({"step": "blur", "sigma": 1e308}), "sigma is 1e\\+308"),
        (steps({"step": "blur", "sigma": float("nan")}), "sigma is nan"),
        (steps({"step": "blur", "sigma": [1]}), r"sigma is \[1\]"),
        (steps({"step": "deskew", "inverted": True}), "'deskew' has other parameters: expected none"),
        (steps({"step": "polarity"}), "'polarity' has other parameters: expected inverted"),
        (steps({"step": "polarity", "inverted": "no"}), "inverted is 'no': expected true or false"),
        (steps({"step": "raise-contrast"}), "'raise-contrast' has other parameters: expected range"),
        (steps({"step": "raise-contrast", "range": 0}), "range is 0: expected a whole number from 1 to 255"),
        (steps({"step": "raise-contrast", "range": 2.5}), "range is 2.5: expected a whole number"),
        (steps({"step": "resize", "height": 10**12, "width": 1}), "height is 1000000000000"),
        (steps({"step": "fit-to-ink", "size": 28, "box": 0.7, "centre": {}, "stretch": 1}), "centre is {}"),
        ({**GOOD, "reasons": "because"}, "reasons are 'because'"),
        ({**GOOD, "reasons": [1]}, "reason is 1: expected a text"),
        ({**GOOD, "reasons": ["x" * 1001]}, "reason is 'xxxxxx"),
        ({**GOOD, "reasons": ["x"] * 101}, "expected a list of 0 to 100 items"),
    ],
)
def test_hostile_json_is_refused_in_one_short_line(data, message):
    with pytest.raises(InputError, match=message) as caught:
        Prepare.from_json(data)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=5,
)


@given(
    json_values, st.sampled_from(["version", "fitted", "steps", "reasons"]), st.sampled_from(sorted(STEPS))
)
def test_any_other_json_is_refused_or_works(value, key, name):
    for data in (value, {**GOOD, key: value}, steps({"step": name, "size": value, "sigma": value})):
        try:
            chain = Prepare.from_json(data)
        except InputError:
            continue
        Prepare.from_json(chain.to_json())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([], r"steps are \[\]: expected a list of 1 to 32 preparations"),
        (None, "steps are None"),
        (Blur(), r"steps are Blur\(\)"),
        ([Blur(), StandardScaler()], r"step 2 is StandardScaler\(\): expected one of Blur, Deskew"),
        ([Blur], "step 1 is <class"),
        (["blur"], "step 1 is 'blur'"),
        ([Blur(-1)], "sigma is -1"),
    ],
)
def test_steps_that_cannot_be_used_are_refused(chosen, message):
    with pytest.raises(InputError, match=message):
        Prepare(chosen).fit(np.zeros((1, 3, 3), np.uint8))
