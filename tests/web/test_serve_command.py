import os
import stat
import subprocess
import sys

import httpx2
import pytest
from asking_web import files, mark, running

import lookalike
from cli_runner import call
from lookalike.web.service import ServedModel

TOKEN = "correct-horse-battery-staple"


def test_without_a_model_the_embedded_digits_are_served(tmp_path, digits):
    _, valid = digits
    with running("--folder", tmp_path) as (_, address), httpx2.Client(base_url=address, timeout=60) as client:
        (model,) = client.get("/v1/models").json()["models"]
        assert (model["name"], model["idea"], model["images"]) == ("digits", "deformable", 1438)
        answers = client.post("/v1/models/digits/predict", files=files(*valid.images[:50])).json()["answers"]
        right = sum(one["best"] == str(label) for one, label in zip(answers, valid.labels, strict=False))
        assert right >= 48
        assert "<html" in client.get("/").text
    assert lookalike.model_info(tmp_path / "digits.lookalike").data.name == "digits"


def test_a_token_is_in_a_file_and_lets_in(model_file, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    arguments = (model_file, "--host", "0.0.0.0", "--token", secret, "--folder", tmp_path / "made")
    with running(*arguments) as (process, address):
        base = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        assert httpx2.get(f"{base}/v1/models").status_code == 401
        right = {"authorization": f"Bearer {TOKEN}"}
        assert httpx2.get(f"{base}/v1/models", headers=right).status_code == 200
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            assert TOKEN.encode() not in file.read()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "lets other machines in: expected a token"),
        (["--host", "nowhere.invalid"], "lets other machines in: expected a token"),
        (["--token", "nothing"], "--token names no file that can be read"),
        (["--token", "short"], "holds 5 characters: expected 16 or more"),
        (["gone.lookalike"], "gone.lookalike is not there"),
        (["short"], "is cut short"),
    ],
)
def test_what_cannot_be_served_is_said(monkeypatch, capsys, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOOKALIKE_TOKEN", raising=False)
    (tmp_path / "short").write_text("12345")
    out = call(monkeypatch, capsys, "serve", *arguments, "--no-browser", "--port", 0, "--folder", tmp_path)
    assert out.code == 2
    assert said in out.err
    assert "12345" not in out.err


def test_a_missing_extra_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    out = call(monkeypatch, capsys, "serve", "--no-browser", "--folder", tmp_path)
    assert out.code == 2
    assert 'pip install "lookalike[serve]"' in out.err


def test_a_model_is_folded_by_a_command(monkeypatch, capsys, model_file):
    model = ServedModel("digits", model_file)
    model.teach(mark(1, 8)[None], "30")
    busy = call(monkeypatch, capsys, "model", "compact", model_file)
    assert busy.code == 2
    assert "is in use" in busy.err
    model.close()
    out = call(monkeypatch, capsys, "model", "compact", model_file)
    assert (out.code, "1 change is in" in out.out) == (0, True)
    assert lookalike.load_model(model_file).predict(mark(1, 8)[None]).tolist() == [30]
    assert "0 changes are in" in call(monkeypatch, capsys, "model", "compact", model_file).out


@pytest.mark.parametrize("command", [["teach", "MODEL", "IMAGE", "--label", "3"], ["forget", "MODEL", "0"]])
def test_a_file_with_a_journal_is_not_changed_behind_its_back(
    monkeypatch, capsys, model_file, tmp_path, command
):
    from PIL import Image

    Image.fromarray(mark(1, 8)).save(tmp_path / "a.png")
    model = ServedModel("digits", model_file)
    model.teach(mark(1, 8)[None], "30")
    model.close()
    before = model_file.read_bytes()
    named = {"MODEL": model_file, "IMAGE": tmp_path / "a.png"}
    out = call(monkeypatch, capsys, *(named.get(part, part) for part in command))
    assert out.code == 2
    assert "lookalike model compact" in out.err
    assert model_file.read_bytes() == before


def test_serving_loads_nothing_until_it_is_asked_for():
    heavy = "('fastapi', 'uvicorn', 'pydantic')"
    code = f"import sys, lookalike.cli.main; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_journal_is_as_private_as_its_model(model_file):
    os.chmod(model_file, 0o600)
    ServedModel("digits", model_file).close()
    mode = stat.S_IMODE(model_file.with_name("digits.lookalike.journal").stat().st_mode)
    assert mode == 0o600
