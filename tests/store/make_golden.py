"""Write the golden files of the newest schema: PYTHONPATH=tests/store python tests/store/make_golden.py

Once a schema is released its files stay as they are: a new schema gets files of its own beside them.
"""

from pathlib import Path

import numpy as np
from storing import IDEAS, LABELS, TEACHABLE, answers, images

from lookalike import save_model
from lookalike.store.container import SCHEMA

GOLDEN = Path(__file__).parent / "golden"
BATCHES = {"bytes": lambda: images(), "table": lambda: images().reshape(30, -1) / 8 - 3}


def main():
    """Write a file and its answers for every idea, on images and on tables, with a class that was taught."""
    for batch, make in BATCHES.items():
        X = make()
        for name, idea in IDEAS.items():
            model = idea().fit(X[:28], LABELS["texts"]()[:28])
            if name in TEACHABLE:
                model.teach(X[28:], ["taught", "a"])
            stem = f"schema{SCHEMA}-{name}-{batch}"
            save_model(model, GOLDEN / f"{stem}.lookalike", figures={"accuracy": 0.5})
            np.savez_compressed(GOLDEN / f"{stem}.npz", X=X, **answers(model, X))


if __name__ == "__main__":
    main()
