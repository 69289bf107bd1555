import json

import pytest
from typer.testing import CliRunner

from cli_runner import call, on_terminal, without_styles
from lookalike.cli.data import app
from lookalike.data import known as sets
from lookalike.data.known import cache_of
from lookalike.errors import DataError, UnknownNameError


@pytest.fixture
def run():
    def invoke(*arguments):
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0
        return result.stdout

    return invoke


def test_list_for_people(surroundings, run):
    lines = run("list").splitlines()
    assert lines[0].split() == ["name", "what", "images", "where", "licence"]
    assert [line.split()[0] for line in lines[1:]] == sets.names()
    assert "with scikit-learn" in lines[1]
    assert "to download, 11 MB" in lines[2]
    assert "to download, 29 MB" in lines[4]


@pytest.mark.parametrize("width", [50, 32])
def test_a_narrow_terminal_has_the_names_that_one_types(surroundings, monkeypatch, capsys, width):
    on_terminal(monkeypatch, width)
    lines = without_styles(call(monkeypatch, capsys, "data", "list").out).splitlines()
    assert [line.split()[0] for line in lines if line[0] != " "] == ["name", *sets.names()]
    assert max(map(len, lines)) <= width


def test_list_for_programs(surroundings, server, tiny, run):
    known = tiny(server(tiny.packed).address)
    facts = {fact["name"]: fact for fact in json.loads(run("list", "--json"))}
    assert facts["tiny"]["where"] is None
    assert facts["tiny"]["download_bytes"] == sum(map(len, tiny.packed.values()))
    assert facts["mnist-sample"]["download_bytes"] == facts["mnist"]["download_bytes"] == 11_594_722
    run("get", "tiny")
    facts = {fact["name"]: fact for fact in json.loads(run("list", "--json"))}
    assert (facts["tiny"]["where"], facts["tiny"]["found_in"]) == (str(cache_of(known)), "cache")


def test_get_and_path(surroundings, server, tiny, run):
    mirror = server(tiny.packed)
    known = tiny(mirror.address)
    with pytest.raises(DataError, match="tiny is not here: lookalike data get tiny"):
        run("path", "tiny")
    assert run("get", "tiny").strip() == str(cache_of(known))
    assert run("path", "tiny").strip() == str(cache_of(known))
    mirror.asked.clear()
    assert run("get", "tiny").strip() == str(cache_of(known))
    assert mirror.asked == []
    assert run("get", "digits").strip().endswith("digits.csv.gz")


@pytest.mark.parametrize("command", ["get", "path"])
def test_unknown_names(surroundings, run, command):
    with pytest.raises(UnknownNameError, match="no data set is called 'mnits': did you mean mnist"):
        run(command, "mnits")
