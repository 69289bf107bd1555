"""A model file answers in a process of its own without what takes long to import."""

import json
import subprocess
import sys

import numpy as np
import pytest
from storing import images

from lookalike import DeformableMatch, MeanImage, NearestImages, save_model

# Numba imports SciPy's own top, and looks for a BLAS in its linear algebra; nothing else of it is asked for.
HEAVY = ("sklearn", "scipy.optimize", "scipy.special", "scipy.spatial", "scipy.stats", "scipy.ndimage")
HEAVY += ("matplotlib", "jinja2", "pandas", "torch")
CODE = """
import json, sys
import numpy as np
from lookalike.store import load_recogniser

recogniser = load_recogniser(sys.argv[1])
X = recogniser.checked(np.load(sys.argv[2]))
said = {"opened": sorted(set(sys.argv[3:]) & set(sys.modules))}
labels, distances = recogniser.predict(X)
said.update(labels=labels.tolist(), distances=distances.tolist())
said["predicted"] = sorted(set(sys.argv[3:]) & set(sys.modules))
said["rejected"] = recogniser.answer(X, 0.2).rejected.tolist()
said["answered"] = sorted(set(sys.argv[3:]) & set(sys.modules))
said["nearest"] = [one.to_plain() for one in recogniser.explain(X[:1], 2)]
said["explained"] = sorted(set(sys.argv[3:]) & set(sys.modules))
print(json.dumps(said))
"""


@pytest.mark.parametrize(
    "model", [DeformableMatch(), NearestImages(), MeanImage("l2", prepare="auto")], ids=str
)
def test_a_file_answers_without_scikit_learn(model, tmp_path):
    X = images((16, 16), 24)
    model.fit(X, np.arange(24) % 3)
    path = save_model(model, tmp_path / "model")
    np.save(tmp_path / "asked.npy", X[2:9])
    done = subprocess.run(
        [sys.executable, "-c", CODE, path, tmp_path / "asked.npy", *HEAVY], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for step in ("opened", "predicted", "answered", "explained"):
        assert said[step] == [], f"{said[step]} were imported before all was {step}"
    answers = model.answer(X[2:9], 0.2)
    assert said["labels"] == answers.labels.tolist()
    assert said["distances"] == answers.distances.tolist()
    assert said["rejected"] == answers.rejected.tolist()
    assert said["nearest"] == json.loads(json.dumps([one.to_plain() for one in model.explain(X[2:3], 2)]))
