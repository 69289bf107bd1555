import sys

import pytest

from lookalike.__main__ import main


class _Stopped:
    """A module that Ctrl-C stops the import of, or the run."""

    def __init__(self, during_import, stop):
        self.during_import, self.stop = during_import, stop

    def __getattr__(self, name):
        if self.during_import:
            raise self.stop
        return self._run

    def _run(self):
        raise self.stop


@pytest.mark.parametrize(
    ("during_import", "stop"),
    [(True, KeyboardInterrupt()), (False, KeyboardInterrupt()), (False, SystemExit(130))],
)
def test_an_interrupt_is_said_in_one_line_whenever_it_comes(monkeypatch, capsys, during_import, stop):
    monkeypatch.setitem(sys.modules, "lookalike.cli.main", _Stopped(during_import, stop))
    with pytest.raises((SystemExit, KeyboardInterrupt)) as ended:  # the latter would end the tests
        main()
    assert isinstance(ended.value, SystemExit)
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "lookalike: interrupted\n")


def test_other_ends_stay_as_they_are(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "lookalike.cli.main", _Stopped(False, SystemExit(2)))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "")
