"""What a class is called is the same in every command: what its folder is called."""

import json
import re
import shutil

import pytest

from cli_runner import call
from data.making import encoded

NAMES = ["00", "01", "02", "10"]


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Return a folder of ten 0s, 1s, 2s and 3s, called with leading zeros as far as that goes."""
    root = tmp_path_factory.mktemp("names") / "z"
    for digit, name in enumerate(NAMES):
        (root / name).mkdir(parents=True)
        for place in (digits.train.labels == digit).nonzero()[0][:10]:
            (root / name / f"{place}.png").write_bytes(encoded(digits.train.images[place]))
    return root


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    """Return the file of a model of all of them."""
    import lookalike
    from lookalike.data.load import load_to_fit

    data = load_to_fit(folder)
    path = tmp_path_factory.mktemp("names") / "z.lookalike"
    return lookalike.save_model(lookalike.NearestImages().fit(data.images, data.labels), path, data=data)


def test_compare_tells_them_apart_by_their_own_names(cli, folder):
    found = json.loads(cli("compare", folder, "--ideas", "nearest-l2", "--json").out)
    assert list(found["valid"]["classes"]) == NAMES
    assert found["ideas"][0]["classes"] == NAMES
    lines = cli("compare", folder, "--classes", "01,10", "--ideas", "nearest-l2").out.splitlines()
    assert lines[2].split()[-5:-3] == ["01", "10"]
    # The rate with its interval, the mean of classes, and each class.
    assert len(re.findall(r"[01]\.\d{4}", lines[3])) == 6
    refused = cli("compare", folder, "--classes", "1,10")
    assert "there is no class '1': known are '00', '01', '02', '10'" in refused.err


def test_a_model_and_its_data_call_them_alike(cli, folder, model):
    image = next((folder / "01").iterdir())
    assert cli("predict", model, image).out.split("\t")[1] == "01"
    assert json.loads(cli("explain", model, image, "--json").out)["answer"] == "01"
    assert "00 (10), 01 (10), 02 (10), 10 (10)" in cli("info", model).out
    found = cli("evaluate", model, folder, "--classes", "01,10")
    assert "2 classes (01, 10)" in found.out
    rows = [line.split()[:2] for line in found.out.splitlines() if re.match(r"\d+  ", line)]
    assert rows == [["01", "10"], ["10", "10"]]


def test_json_holds_names_as_they_are(cli, folder, model, tmp_path):
    """Escaped as JSON does and no further, so that a program finds the file again."""
    image = tmp_path / "one\x1b[31m \\x1b\u202e.png"
    image.write_bytes(next((folder / "02").iterdir()).read_bytes())
    name = str(image)
    assert json.loads(cli("explain", model, image, "--json").out)["image"] == name
    assert json.loads(cli("predict", model, image, "--json").out)[0]["image"] == name
    copy = shutil.copy(model, tmp_path / "copy")
    assert json.loads(cli("teach", copy, image, "--label", "x\\y", "--json").out)[0]["image"] == name
    wrong = tmp_path / "set" / "01" / image.name
    wrong.parent.mkdir(parents=True)
    image.rename(wrong)
    facts = json.loads(cli("evaluate", copy, tmp_path / "set", "--json").out)
    assert facts["data"]["name"] == str(tmp_path / "set")
    assert [one["image"] for one in facts["mistakes"]] == [f"01/{image.name}"]
