import numpy as np
import pytest
from make_golden import BATCHES, GOLDEN
from storing import IDEAS, KEEPING, TEACHABLE, answers

from lookalike import load_model, model_info, save_model
from lookalike.store.container import SCHEMA

FILES = sorted(GOLDEN.glob("*.lookalike"))


def test_every_idea_has_files_of_every_schema():
    expected = {
        f"schema{schema}-{name}-{batch}"
        for schema in range(1, SCHEMA + 1)
        for name in IDEAS
        for batch in BATCHES
    }
    assert {path.stem for path in FILES} == expected
    assert max(path.stat().st_size for path in GOLDEN.iterdir()) < 20_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_of_every_schema_give_the_answers_that_they_gave(path, tmp_path):
    with np.load(path.with_suffix(".npz")) as stored:
        expected = dict(stored)
    X = expected.pop("X")
    model = load_model(path)
    for again in (model, load_model(save_model(model, tmp_path / "again"))):
        said = answers(again, X)
        assert said.keys() == expected.keys()
        for name, value in expected.items():
            assert said[name].dtype == value.dtype
            if name == "distances":
                # Sums of floats may round otherwise on another processor.
                np.testing.assert_allclose(said[name], value, rtol=1e-12, atol=1e-14)
            else:
                np.testing.assert_array_equal(said[name], value)
    info = model_info(path)
    assert info.figures == {"accuracy": 0.5}
    taught = any(f"-{name}-" in path.stem for name in TEACHABLE)
    assert sum(count for _, count in info.classes) == 28 + 2 * taught


@pytest.mark.parametrize("name", KEEPING)
def test_what_was_taught_before_the_file_was_written_is_forgotten_after(name):
    model = load_model(GOLDEN / f"schema1-{name}-bytes.lookalike")
    assert "taught" in model.classes_
    model.forget(28)
    assert "taught" not in model.classes_
