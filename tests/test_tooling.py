"""One place for each version: what the checks use is what pre-commit uses."""

import os
import re
import shutil
import subprocess
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
    chosen = ("dev", "torch", "triton", "parquet", "photo", "onnx", "serve", "bench", "dask", "docs")
    installed = [line for extra in chosen for line in extras[extra]]
    wanted = {re.match(r"[a-z0-9-]+", line)[0] for line in (*project["dependencies"], *installed)}
    assert wanted == set(constraints())


def test_the_citation_names_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", text, re.MULTILINE)[1] == lookalike.__version__


def test_the_check_finds_the_same_with_and_without_what_may_be_missing():
    overrides = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"][
        "overrides"
    ]
    skipped = {module for one in overrides if one.get("follow_imports") == "skip" for module in one["module"]}
    assert skipped == {"cv2", "dask", "dask.*", "distributed", "torch", "torch.*", "triton", "triton.*"}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("said", "extras"),
    [
        ([], "dask,dev,onnx,parquet,serve,torch"),
        (["TORCH=0"], "dask,dev,onnx,parquet,serve"),
        (["TRITON=1"], "dask,dev,onnx,parquet,serve,torch,triton"),
    ],
    ids=" ".join,
)
def test_nothing_is_installed_that_nobody_asked_for(tmp_path, said, extras):
    shown = ["make", "-n", "test", *said, f"VENV={tmp_path}/none"]
    plain = {name: value for name, value in os.environ.items() if name not in ("TORCH", "TRITON")}
    ran = subprocess.run(shown, cwd=ROOT, env=plain, capture_output=True, text=True, check=True)
    assert f"-e '.[{extras}]'" in ran.stdout


def test_the_kernel_for_a_card_is_tested_where_changes_land():
    assert "export TRITON=1" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
