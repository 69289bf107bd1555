"""One place for each version: what the checks use is what pre-commit uses."""

import re
import tomllib
from pathlib import Path

import pytest

import lookalike

ROOT = Path(__file__).parents[1]


def constraints():
    lines = (ROOT / "constraints-dev.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize(("tool", "repository"), [("ruff", "ruff-pre-commit"), ("mypy", "mirrors-mypy")])
def test_pre_commit_has_the_same_version(tool, repository):
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.search(rf"{repository}\n\s+rev: v(\S+)", text)[1] == constraints()[tool]


def test_every_dependency_has_a_development_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    chosen = ("dev", "torch", "parquet", "onnx", "serve", "bench")
    installed = [line for extra in chosen for line in extras[extra]]
    wanted = {re.match(r"[a-z0-9-]+", line)[0] for line in (*project["dependencies"], *installed)}
    assert wanted == set(constraints())


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", text, re.MULTILINE)[1] == lookalike.__version__
