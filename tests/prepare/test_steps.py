"""What every step of preparation must do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preparing import every_step, gray_batches
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from lookalike import InputError
from lookalike.prepare import Blur, EvenInk, FitToInk, Polarity, Resize
from lookalike.prepare import steps as steps_module

EDGES = {
    "blank": np.zeros((2, 6, 5), np.uint8),
    "full": np.full((2, 6, 5), 255, np.uint8),
    "constant": np.full((2, 6, 5), 77, np.uint8),
    "1x1": np.array([[[9]], [[255]]], np.uint8),
    "one row": np.arange(14, dtype=np.uint8).reshape(2, 1, 7),
    "one column": np.arange(14, dtype=np.uint8).reshape(2, 7, 1),
    "one pixel": np.pad(np.full((1, 1, 1), 255, np.uint8), [(0, 1), (3, 2), (1, 3)]),
    "colour": np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3), dtype=np.uint8),
    "opacity": np.random.default_rng(0).integers(0, 256, (2, 6, 5, 4), dtype=np.uint8),
    "floats": np.random.default_rng(0).random((2, 6, 5)),
    "bool": np.eye(6, dtype=bool)[None],
    "flipped": np.random.default_rng(1).integers(0, 256, (2, 6, 5), dtype=np.uint8)[:, ::-1, ::-1],
}


@pytest.mark.parametrize("images", EDGES.values(), ids=EDGES)
def test_every_image_becomes_gray_bytes(step, images):
    before = images.copy()
    prepared = clone(step).fit_transform(images)
    assert prepared.dtype == np.uint8
    sizes = {FitToInk: (step.size,) * 2} if isinstance(step, FitToInk) else {Resize: (5, 7)}
    assert prepared.shape == (len(images), *sizes.get(type(step), images.shape[1:3]))
    np.testing.assert_array_equal(images, before)


@given(images=gray_batches, index=st.integers(0, 8))
def test_an_image_alone_gives_what_it_gives_in_a_batch(images, index):
    step = every_step()[index].fit(images)
    whole = step.transform(images)
    for image, prepared in zip(images, whole, strict=True):
        np.testing.assert_array_equal(step.transform(image[None])[0], prepared)


def test_chunks_do_not_show(step, monkeypatch, edge_images):
    whole = clone(step).fit_transform(edge_images)
    monkeypatch.setattr(steps_module, "_CHUNK_VALUES", 70)
    heard = []
    chunked = clone(step).fit(edge_images).transform(edge_images, progress=lambda *note: heard.append(note))
    np.testing.assert_array_equal(chunked, whole)
    assert len(heard) > 4
    assert heard[0][1:] == (0, 8)
    assert heard[-1][1:] == (8, 8)
    assert heard[0][0].startswith("prepare: ")


def test_memory_is_bounded_where_small_images_grow():
    step = FitToInk(size=1024)
    assert step._values(1, 1) >= steps_module._CHUNK_VALUES
    assert Resize(1024, 1024)._values(1, 1) >= steps_module._CHUNK_VALUES


def test_steps_work_in_a_pipeline_and_can_be_cloned(step, digits):
    train, valid = digits
    flat = FunctionTransformer(lambda images: images.reshape(len(images), -1).astype(float))
    model = clone(make_pipeline(clone(step), flat, KNeighborsClassifier(1)))
    model.fit(train.images[:300], train.labels[:300])
    assert model.score(valid.images[:50], valid.labels[:50]) > 0.6
    assert clone(step).get_params() == step.get_params()


def test_all_but_polarity_need_no_fit(step, edge_images):
    fresh = clone(step)
    if isinstance(fresh, Polarity):
        with pytest.raises(NotFittedError):
            fresh.transform(edge_images)
    else:
        np.testing.assert_array_equal(fresh.transform(edge_images), clone(step).fit_transform(edge_images))


def test_each_says_what_it_does(step):
    assert len(step.describe()) > 10


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Blur(0), "sigma is 0: expected a number above 0 and up to 32"),
        (Blur(float("nan")), "sigma is nan"),
        (Blur(1e9), "sigma is 1000000000.0"),
        (Blur("1"), "sigma is '1'"),
        (Blur(True), "sigma is True"),
        (Resize(0, 3), "height is 0: expected a whole number from 1 to 1024"),
        (Resize(3, 2.0), r"width is 2\.0"),
        (Resize(3, 10**9), "width is 1000000000"),
        (Resize(True, 3), "height is True"),
        (FitToInk(size=0), "size is 0"),
        (FitToInk(box=1.5), "box is 1.5: expected a number above 0 and up to 1"),
        (FitToInk(centre="middle"), "centre is 'middle': expected 'mass' or 'box'"),
        (FitToInk(stretch=0.5), "stretch is 0.5: expected a number from 1 to 8"),
        (FitToInk(stretch=9), "stretch is 9: expected a number above 0 and up to 8"),
        (EvenInk(-1), "level is -1: expected a number above 0 and up to 255"),
    ],
)
def test_parameters_out_of_range_are_refused(step, message, edge_images):
    with pytest.raises(InputError, match=message):
        step.fit(edge_images)
    with pytest.raises(InputError, match=message):
        step.transform(edge_images)


def test_what_is_no_image_batch_is_refused(step, edge_images):
    with pytest.raises(InputError, match=r"images have shape \(3, 4\)"):
        step.fit(np.zeros((3, 4)))
    fitted = clone(step).fit(edge_images)
    with pytest.raises(InputError, match="images hold nan"):
        fitted.transform(np.full((1, 2, 2), np.nan))
