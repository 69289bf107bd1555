import pytest

import lookalike
from lookalike import errors


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (errors.InputError, ValueError),
        (errors.DataError, ValueError),
        (errors.DownloadError, errors.DataError),
        (errors.UnknownNameError, KeyError),
        (errors.MissingExtraError, ImportError),
        (errors.ModelFileError, ValueError),
    ],
)
def test_every_kind_is_ours_and_python_s(kind, also):
    assert issubclass(kind, lookalike.LookalikeError)
    assert issubclass(kind, also)
    assert getattr(lookalike, kind.__name__) is kind
    assert str(kind("one line")) == "one line"


def test_a_key_error_s_message_is_not_its_repr():
    assert str(errors.UnknownNameError("no 'x'")) == "no 'x'"
    assert str(errors.UnknownNameError()) == ""


def test_the_nearest_names_are_suggested():
    known = ["digits", "mnist", "mnist-sample", "fashion-mnist"]
    message = "no set is called 'MNIST': did you mean mnist or mnist-sample or fashion-mnist?"
    assert errors.unknown("set", "MNIST", known) == message
    assert errors.unknown("set", "xyz", known).endswith(f": known are {', '.join(known)}")


def test_a_hostile_name_cannot_write_to_the_terminal():
    assert "\x1b" not in errors.unknown("set", "\x1b[31m", ["a"])
