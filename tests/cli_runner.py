"""Run the command line in this process, errors and exit code included."""

import sys
from typing import NamedTuple

from lookalike.cli.main import run


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def call(monkeypatch, capsys, *arguments):
    """Return the exit code, standard output and standard error of ``lookalike ARGUMENTS``."""
    monkeypatch.setattr(sys, "argv", ["lookalike", *map(str, arguments)])
    capsys.readouterr()
    try:
        run()
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    return Outcome(code, *capsys.readouterr())
