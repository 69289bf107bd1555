import re

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import lookalike
from lookalike import InputError, compare
from lookalike.evaluation.ideas import candidates, from_file

GOOD = """
import lookalike
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

@lookalike.feature
def height(images):
    return images.any(axis=2).sum(axis=1)

@lookalike.distance
def corner(images, image):
    return abs(images - image)[..., :4, :4].mean((-1, -2))

def helper(images):
    return images

bayes = GaussianNB()
_hidden = GaussianNB()
"""


@pytest.fixture(scope="module")
def two():
    return lookalike.load("digits", classes=[3, 8])


def write(folder, text):
    path = folder / "my_ideas.py"
    path.write_text(text, encoding="utf-8")
    return path


PLAIN = """
class Mine:
    def fit(self, X, y): self.y = y[0]; return self
    def predict(self, X): return [self.y] * len(X)
"""
DERIVED = "from sklearn.base import BaseEstimator, ClassifierMixin\n" + PLAIN.replace(
    "Mine", "Derived(ClassifierMixin, BaseEstimator)"
)


def test_finds_marked_functions_and_estimators_in_their_order(tmp_path):
    found = from_file(write(tmp_path, GOOD))
    assert [name for name, _ in found] == ["height", "corner", "bayes"]
    assert [(one.name, one.origin) for one in candidates(found)] == [
        ("height", "yours"),
        ("corner", "yours"),
        ("bayes", "yours"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "has no ideas: expected an estimator, or a function marked"),
        ("\n1 / 0\n", r"my_ideas.py, line 2, failed: ZeroDivisionError: division by zero"),
        ("def f(:\n", r"my_ideas.py, line 1, failed: SyntaxError"),
        (
            PLAIN,
            r"has no ideas: Mine is a class: expected an instance of it, such as mine = Mine\(\), and a "
            r"class that derives from those of sklearn.base, class Mine\(ClassifierMixin, BaseEstimator\)",
        ),
        (
            PLAIN + "mine = Mine()\n",
            r"an estimator of the class Mine cannot be copied: expected a class that derives",
        ),
        (
            DERIVED,
            r"has no ideas: Derived is a class: expected an instance of it, such as mine = Derived\(\)$",
        ),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        from_file(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="is no file: expected a Python file of ideas"):
        from_file(tmp_path / "none.py")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "@feature\ndef far(images):\n    return images.float().mean(axis=(1, 2))",
            "AttributeError: .*'float'",
        ),
        ("@feature\ndef far(images):\n    return images.mean(dim=(1, 2))", "TypeError: .*'dim'"),
        ("@distance\ndef far(images, image):\n    return (images - image).abs()", "AttributeError: .*'abs'"),
    ],
    ids=["float", "dim", "abs"],
)
def test_what_takes_arrays_for_tensors_is_told_what_it_gets(tmp_path, two, code, said):
    text = f"import lookalike\nfrom lookalike import distance, feature\n{code}\n"
    (row,) = compare(*two, from_file(write(tmp_path, text))).rows
    assert re.search(
        rf"far, line 5, failed: {said}.*; it is given NumPy arrays, float64 \(\d+, 8, 8\)", row.error
    )
    assert row.error.endswith("in 0-1: torch.from_numpy makes tensors of them")


def test_what_takes_colour_for_gray_is_told_what_it_gets(tmp_path, two):
    code = "@lookalike.feature\ndef wide(images):\n    n, h, w = images.shape\n    return images"
    text = f"import lookalike\n{code}\n"
    coloured = [(np.repeat(part.images[..., None], 3, axis=3), part.labels) for part in two]
    (row,) = compare(*coloured, from_file(write(tmp_path, text))).rows
    assert re.fullmatch(
        r"wide, line 4, failed: ValueError: too many values to unpack .*; it is given NumPy arrays, "
        r"float64 \(\d+, 8, 8, 3\) in 0-1",
        row.error,
    )


def test_a_class_is_no_idea_and_its_instance_is_one(two):
    with pytest.raises(InputError, match="GaussianNB is a class: expected an instance of it"):
        compare(*two, [GaussianNB])
