import pytest

from lookalike import InputError
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


def write(folder, text):
    path = folder / "my_ideas.py"
    path.write_text(text, encoding="utf-8")
    return path


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
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        from_file(write(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="is no file: expected a Python file of ideas"):
        from_file(tmp_path / "none.py")
