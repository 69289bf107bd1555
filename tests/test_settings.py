import os
from pathlib import Path

import pytest

import lookalike
from cli_runner import call
from lookalike import settings
from lookalike.errors import InputError


def test_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKALIKE_DATA", str(tmp_path))
    monkeypatch.setenv("LOOKALIKE_CACHE", "~/there")
    assert settings.data_folder() == tmp_path
    assert settings.cache_folder() == Path.home() / "there"
    monkeypatch.setenv("LOOKALIKE_DATA", "")
    monkeypatch.delenv("LOOKALIKE_CACHE")
    assert settings.data_folder() is None
    assert settings.cache_folder().name == "lookalike"


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("0", False), (" No ", False), ("", False)]
)
def test_offline(monkeypatch, value, expected):
    monkeypatch.setenv("LOOKALIKE_OFFLINE", value)
    assert settings.offline() is expected


def test_offline_is_off_unless_set(monkeypatch):
    monkeypatch.delenv("LOOKALIKE_OFFLINE", raising=False)
    assert settings.offline() is False


@pytest.mark.parametrize(
    ("ours", "openmp", "expected"),
    [("3", "5", 3), ("", "5", 5), ("", "6,2", 6), ("", "many", None), ("", "0", None), ("", "", None)],
)
def test_threads(monkeypatch, ours, openmp, expected):
    monkeypatch.setenv("LOOKALIKE_THREADS", ours)
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    if expected is None:
        assert 1 <= settings.threads() <= (os.cpu_count() or 1)
    else:
        assert settings.threads() == expected


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_no_number_of_threads(monkeypatch, value):
    monkeypatch.setenv("LOOKALIKE_THREADS", value)
    with pytest.raises(InputError, match=r"LOOKALIKE_THREADS is .*: expected a whole number of at least 1"):
        settings.threads()


@pytest.mark.parametrize("command", [["compare", "digits"], ["fit", "digits", "-o", "m"], ["info", "m"]])
@pytest.mark.parametrize(("name", "value"), [("LOOKALIKE_THREADS", "0"), ("LOOKALIKE_SIMD", "foo")])
def test_the_command_line_says_what_cannot_be_used_before_any_work(
    monkeypatch, capsys, tmp_path, command, name, value
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    found = call(monkeypatch, capsys, *command)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"lookalike: {name} is '{value}': expected ")
    assert found.err.count("\n") == 1
    assert call(monkeypatch, capsys, command[0], "--help").code == 0


def test_what_cannot_be_used_is_no_failure_of_an_idea(monkeypatch, digits):
    monkeypatch.setenv("LOOKALIKE_THREADS", "abc")
    with pytest.raises(InputError, match="LOOKALIKE_THREADS is 'abc'"):
        lookalike.compare(*digits, ["nearest-l2"])


@pytest.mark.parametrize(("value", "expected"), [("", True), ("auto", True), (" Portable ", False)])
def test_simd(monkeypatch, value, expected):
    monkeypatch.setenv("LOOKALIKE_SIMD", value)
    assert settings.simd() is expected
    monkeypatch.setenv("LOOKALIKE_SIMD", "avx9")
    with pytest.raises(InputError, match="LOOKALIKE_SIMD is 'avx9': expected 'auto' or 'portable'"):
        settings.simd()
