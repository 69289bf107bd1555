"""``lookalike audit`` and ``lookalike data apply``."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

import lookalike
from lookalike.data.readers.folders import write_folder
from test_four_steps import shows, steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Return a folder of digits, two of which have wrong labels and one is blank."""
    train = digits.train.take(slice(0, 300))
    labels, images = train.labels.copy(), train.images.copy()
    labels[[40, 70]] = (labels[[40, 70]] + 4) % 10
    images[5] = 0
    path = tmp_path_factory.mktemp("audited") / "digits"
    write_folder([replace(train, labels=labels, images=images)], path)
    return path


def test_a_folder_is_audited_whole_and_cleaned(cli, folder, digits, tmp_path):
    table = tmp_path / "findings.csv"
    found = cli("audit", folder, "--csv", "--write", table, "--fail-on", "leak")
    assert found.code == 0
    rows = list(csv.DictReader(io.StringIO(found.out)))
    wanted = {f"{digits.train.names[place]}.png" for place in (40, 70)}
    assert {row["image"].split("/")[-1] for row in rows if row["kind"] == "label"} >= wanted
    assert {row["part"] for row in rows} == {"train"}
    before = sorted(path.read_bytes() for path in folder.rglob("*.png"))
    done = cli("data", "apply", table, "-o", tmp_path / "clean")
    assert done.code == 0
    assert "images kept" in done.out
    assert sorted(path.read_bytes() for path in folder.rglob("*.png")) == before
    assert (tmp_path / "clean" / "findings.csv").read_bytes() == table.read_bytes()
    cleaned = lookalike.data.load.load_to_audit(tmp_path / "clean")[0]
    assert len(cleaned) == 299


def test_what_it_is_told_to_fail_on_ends_it_with_1(cli, folder):
    found = cli("audit", folder, "--json", "--fail-on", "label,blank")
    assert found.code == 1
    assert "blank" in found.err
    assert json.loads(found.out)["counts"]["blank"] == 1


@pytest.mark.parametrize(("options", "message"), [
    (("--fail-on", "labels"), "no kind of finding is called 'labels': did you mean label"),
    (("--write", "findings.txt"), "ends in .csv"),
    (("--json", "--csv"), "expected one of them"),
])  # fmt: skip
def test_bad_options_are_said(cli, options, message):
    found = cli("audit", "digits", *options)
    assert found.code == 2
    assert message in found.err
    assert not found.out


def test_a_model_is_audited_by_the_images_that_it_keeps(cli, digits, tmp_path):
    train = digits.train.take(slice(0, 200))
    labels = train.labels.copy()
    labels[50] = (labels[50] + 5) % 10
    fitted = lookalike.NearestImages(prepare="auto").fit(train.images, labels)
    path = lookalike.save_model(fitted, tmp_path / "m.lookalike")
    found = cli("audit", path, "--json")
    assert found.code == 0
    findings = json.loads(found.out)["findings"]
    assert "50" in {one["image"] for one in findings if one["kind"] == "label"}
    table = tmp_path / "findings.csv"
    row = f"{path},train,50,relabel,{train.labels[50]}\n{path},train,51,drop,\n"
    table.write_text(f"data,part,image,action,new_label\n{row}", "utf-8")
    done = cli("data", "apply", table, "-o", tmp_path / "clean")
    assert done.out == "train: 199 of 200 images kept, 1 dropped, 1 relabelled\n", done.err
    clean = lookalike.data.load.load_to_audit(tmp_path / "clean")[0]
    assert sorted(clean.labels.tolist()) == sorted(np.delete(train.labels, 51).tolist())


def test_a_table_without_its_data_is_refused(cli, tmp_path):
    table = tmp_path / "findings.csv"
    table.write_text("part,image,action,new_label,data\n")
    found = cli("data", "apply", table, "-o", tmp_path / "clean")
    assert found.code == 2
    assert "names no data" in found.err
    table.write_text("a,b\n1,2\n")
    assert "is no table of findings" in cli("data", "apply", table, "-o", tmp_path / "clean").err


def test_unlabelled_images_are_picked_by_name(cli, folder, digits, tmp_path):
    write_folder(
        [replace(digits.valid.take(slice(0, 8)), labels=np.full(8, "x"), class_names=("x",))],
        tmp_path / "new",
    )
    found = cli("audit", folder, "--unlabelled", tmp_path / "new", "--pick", 2, "--json")
    picked = json.loads(found.out)["picked"]
    assert found.code == 0
    assert len(picked) == 2
    assert all(name.endswith(".png") for name in picked)


def test_the_audit_of_the_readme_runs_as_written(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    commands = steps(
        "<!-- an audit: run by tests/audit/test_audit_command.py -->", "<!-- end of the audit -->"
    )
    assert [arguments[1] for arguments, _ in commands] == ["audit", "data"]
    for (_, *arguments), expected in commands:
        found = cli(*arguments)
        assert found.code == 0, found.err
        assert shows(expected, found.out.splitlines()), found.out
