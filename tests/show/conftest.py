from dataclasses import replace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

import lookalike
from lookalike.data.labelled import LabelledImages, Source

IDEAS = ["ink-coverage", "mean-image-l1", "mean-image-l2", "median-image-l1"]
HOSTILE = "[red]<b>\x1b[31m"


@lookalike.feature
def crashing(images):
    raise ValueError("<i>no</i> \x1b[31m good")


@pytest.fixture(scope="session")
def comparison(digits):
    """Return four ideas, an outside reference and a crashing one on the ten digits."""
    ideas = [
        *IDEAS,
        ("most frequent", DummyClassifier()),
        ("nearest image", KNeighborsClassifier(1)),
        crashing,
    ]
    compared = lookalike.compare(*digits, ideas)
    rows = tuple(
        replace(row, origin="reference") if row.name == "nearest image" else row for row in compared.rows
    )
    return replace(compared, rows=rows)


@pytest.fixture(scope="session")
def deformed(digits):
    """Return deformable matching beside another idea, on the ten digits."""
    return lookalike.compare(*digits, ["mean-image-l1", "deformable"])


@pytest.fixture(scope="session")
def two_classes():
    """Return two ideas on 3 and 7: no mistakes by the one."""
    return lookalike.compare(*lookalike.load("digits", classes=[3, 7]), ["ink-coverage", "mean-image-l2"])


@pytest.fixture(scope="session")
def labelled():
    """Return a function that makes labelled images of noise around a pattern for each class."""

    def make(shape, class_names, n=24, *, floats=False, part="train", seed=0):
        rng = np.random.default_rng(seed)
        patterns = np.random.default_rng(99).uniform(0.2, 0.8, (len(class_names), *shape))
        codes = np.arange(n) % len(class_names)
        images = np.clip(patterns[codes] + rng.normal(0, 0.3, (n, *shape)), 0, 1)
        return LabelledImages(
            images=images if floats else np.rint(images * 255).astype(np.uint8),
            labels=np.array(class_names)[codes],
            class_names=tuple(class_names),
            names=tuple(f"{class_names[code]}/{part}{i}.png" for i, code in enumerate(codes)),
            source=Source(name="made", part=part, reader="arrays"),
        )

    return make


@pytest.fixture(scope="session")
def hostile(labelled):
    """Return a comparison in which every text from outside is hostile."""
    classes = [HOSTILE, "</script><script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>"]
    train, valid = (labelled((5, 4, 3), classes, part=part) for part in ("train", "valid"))
    source = Source(
        name="</title><h1>" + HOSTILE, part="{{ 7*7 }}\x9b", reader="<hr>", notes=("</style><b>", "\u202e<i>")
    )
    names = tuple(f"{name}\n</pre>&amp;\udcff" for name in valid.names)
    compared = lookalike.compare(
        train,
        valid,
        ["mean-image-l1", ("<b>knn</b>\x1b[2J", KNeighborsClassifier(1)), ("<u>mine</u>\x07", crashing)],
    )
    rows = tuple(replace(row, warnings=("<s>warned</s>\x1b",)) for row in compared.rows)
    return replace(
        compared,
        train=replace(train, source=source),
        valid=replace(valid, names=names, source=source),
        rows=rows,
    )
