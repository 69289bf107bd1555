"""The README's way from twenty named photographs to a value runs as it is written."""

import numpy as np
import pytest
from benchmarks.frames import AT, CELL, Frame, taken
from photographing import digit, write

from cli_runner import call
from test_four_steps import shows, steps

OWN_METER = "<!-- own meter: run by tests/photo/test_own_meter.py -->", "<!-- end of own meter -->"


@pytest.fixture
def photographs(tmp_path):
    """Make the photographs that the README speaks of."""
    rng = np.random.default_rng(2)
    frame = Frame.drawn(rng, 5)

    def shown(value, strength=1.0, cover=False):
        face = frame.shows([digit(one, rng) for one in value])
        if cover:
            face[AT[1] : AT[1] + CELL[1], AT[0] + 2 * CELL[0] : AT[0] + 3 * CELL[0]] = (120, 90, 60)
        return taken(face, rng, strength=strength)[0]

    (tmp_path / "photos").mkdir()
    values = rng.permutation(np.arange(95) % 10).reshape(19, 5)
    write(tmp_path / "photos" / "00715.jpg", shown("00715", 0.0))
    for number, value in enumerate(values):
        text = "".join(map(str, value))
        write(tmp_path / "photos" / f"{text}_{number}.jpg", shown(text))
    write(tmp_path / "new.jpg", shown("09468"))
    write(tmp_path / "covered.jpg", shown("09468", cover=True))
    write(tmp_path / "wall.jpg", np.full((320, 480, 3), 90, np.uint8))


def test_it_runs_as_written(monkeypatch, capsys, tmp_path, photographs):
    monkeypatch.chdir(tmp_path)
    commands = steps(*OWN_METER)
    assert [arguments[1] for arguments, _ in commands] == ["layout", "cut", "fit", "read", "read"]
    for (program, *arguments), expected in commands:
        assert program == "lookalike"
        found = call(monkeypatch, capsys, *arguments)
        assert found.code == 0, found.err
        assert shows(expected, found.out.splitlines()), f"{arguments}\n{found.out}{found.err}"
