"""CONTRIBUTING.md says how to add an idea, a metric, a preparation and a reader: it is done, and run."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = [
    textwrap.dedent(block) for block in re.findall(r"(?ms)^ *```python\n(.*?)^ *```", PAGE)
]  # fmt: skip


def add(block, root):
    """Add what a block says to a copy of the project, where its first line says."""
    where, code = block.split("\n", 1)
    if found := re.fullmatch(r"# a line of (\w+) in (\S+)", where):
        table, name = found.groups()
        text = (root / name).read_text(encoding="utf-8")
        at = _behind(text, table)
        (root / name).write_text(text[:at] + code + text[at:], encoding="utf-8")
    elif found := re.fullmatch(r"# an import of (\S+)", where):
        path = root / found[1]
        head, future, rest = path.read_text(encoding="utf-8").partition(
            "from __future__ import annotations\n"
        )
        path.write_text(f"{head}{future}{code}{rest}", encoding="utf-8")
    else:
        path = root / where.removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists(), f"{path} is there already"
        path.write_text(block, encoding="utf-8")


def _behind(text, table):
    """Return where the first row of a table begins: its rows are what stands in the innermost bracket."""
    at = re.search(rf"(?m)^{table}\b[^\n=]*= *", text).end()
    while text[at] in "({[":
        at += 1
        if (after := re.match(r"\s*(?:\w+(?:\.\w+)*: \w+\s+for \w+ in )", text[at:])) is not None:
            at += after.end()
    return at


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of lookalike with everything that the page adds."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(
        ROOT / "src" / "lookalike", root / "src" / "lookalike", ignore=shutil.ignore_patterns("*.pyc")
    )
    (root / "tests" / "models").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    for block in BLOCKS:
        add(block, root)
    return root


def run(project, *arguments):
    """Run Python on the copy, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_a_recipe_for_each():
    assert len([block for block in BLOCKS if block.startswith("# a line of")]) == 4


def test_the_shortest_idea_that_keeps_images_is_short():
    idea = next(block for block in BLOCKS if "KeptMatcher" in block)
    assert len(idea.splitlines()) < 40


def test_the_tests_of_the_page_pass(project):
    assert "1 passed" in run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/models")


USED = {
    "idea": """
        import lookalike
        from lookalike.models.thresholded import ThresholdMatch
        train, valid = lookalike.load("digits")
        row = lookalike.compare(train, valid, ["thresholded"]).rows[0]
        assert row.evaluation.accuracy.value > 0.9, row.error
        model = ThresholdMatch().fit(train.images, train.labels)
        labels = model.predict(valid.images)
        answers = model.answer(valid.images)
        assert (answers.labels == labels).all() and 0 < answers.rejected.mean() < 0.2
        assert (model.predict_proba(valid.images).argmax(axis=1) == labels).all()
        evidence = model.explain(valid.images[:3])
        for one in evidence:
            assert abs(one.contributions.sum() - one.margin) < 1e-12
        again = lookalike.load_model(lookalike.save_model(model, "thresholded.lookalike"))
        assert (again.predict(valid.images) == labels).all()
        taught = again.teach(valid.images[:1], [77])
        assert again.predict(valid.images[:1]) == [77]
        assert (again.forget(taught).predict(valid.images) == labels).all()
    """,
    "metric": """
        import numpy as np
        import lookalike
        from scipy.spatial.distance import cdist
        train, valid = lookalike.load("digits")
        model = lookalike.NearestImages(metric="chebyshev").fit(train.images, train.labels)
        kept, asked = (part.reshape(len(part), -1) / 255 for part in (train.images, valid.images))
        wanted = cdist(asked, kept, "chebyshev")
        np.testing.assert_allclose(model.kneighbors(valid.images)[0][:, 0], wanted.min(axis=1), atol=1e-12)
        assert model.score(valid.images, valid.labels) > 0.9
        model.answer(valid.images[:5]), model.explain(valid.images[:2])
        again = lookalike.load_model(lookalike.save_model(model, "chebyshev.lookalike"))
        assert (again.predict(valid.images) == model.predict(valid.images)).all()
    """,
    "preparation": """
        import lookalike
        from lookalike.prepare.mirrored import Mirror
        train, valid = lookalike.load("digits")
        chain = lookalike.Prepare([lookalike.Blur(0.5), Mirror()])
        model = lookalike.NearestImages(prepare=chain).fit(train.images, train.labels)
        assert model.prepare_.describe()[-1] == "left and right are exchanged"
        again = lookalike.load_model(lookalike.save_model(model, "mirrored.lookalike"))
        assert (again.predict(valid.images) == model.predict(valid.images)).all()
    """,
    "reader": """
        from pathlib import Path
        import lookalike
        Path("two.drawings").write_text("\\n\\n".join(["o\\n###\\n#.#\\n###", "i\\n.#.\\n.#.\\n.#."] * 5))
        train, valid = lookalike.load("two.drawings")
        assert train.images.shape[1:] == (3, 3) and set(train.labels) == {"o", "i"}
        assert len(train) + len(valid) == 10
    """,
}


@pytest.mark.parametrize("what", USED)
def test_what_the_page_adds_works(project, what):
    run(project, "-W", "error", "-c", textwrap.dedent(USED[what]))
