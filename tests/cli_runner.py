"""Run the command line in this process, errors and exit code included."""

import re
import sys
from typing import NamedTuple

from lookalike.cli.main import run


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def on_terminal(monkeypatch, width):
    """Make standard output a terminal of some width."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))


def without_styles(text):
    """Return text as a terminal shows it, without colours and weights."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


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
