"""What runs commands."""

import pytest

from cli_runner import call


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)
