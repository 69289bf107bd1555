import contextlib
import json
import os
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutating import mutated_bytes, mutated_contents
from PIL import Image
from storing import IDEAS, images, made

import lookalike
from effort import examples
from lookalike import LookalikeError, ModelFileError, NearestImages, load_model, model_info, save_model
from lookalike.store import container

BATCHES = (images((4, 3), 12), images((4, 3), 12).reshape(12, -1) / 7)
LABELS = (np.arange(12) % 3, np.array(["a", "b", "c"])[np.arange(12) % 3])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the bytes and the contents of a small model of every idea, of images and of a table."""
    path = tmp_path_factory.mktemp("models") / "model"
    files = []
    for place, name in enumerate(IDEAS):
        for batch, labels in zip(BATCHES, LABELS, strict=True):
            save_model(made(name, batch).fit(batch, labels), path, figures={"n": place, "accuracy": 0.5})
            files.append((path.read_bytes(), container.read(path)))
    return files


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("mutated") / "model"


@pytest.fixture
def saved(tmp_path):
    return save_model(NearestImages().fit(BATCHES[0], LABELS[1]), tmp_path / "model")


def use(path):
    """Open a file and ask the model; only errors of ours may come out."""
    for read in (model_info, load_model):
        with contextlib.suppress(LookalikeError):
            found = read(path)
            if read is load_model:
                ask(found)


def ask(model):
    """Have a model that was opened answer."""
    batch = BATCHES[model.image_shape_ is None]
    # Tables of another width are refused by scikit-learn's own error.
    if model.image_shape_ is not None or model.n_features_in_ == batch.shape[1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert len(model.predict(batch)) == len(batch)
            assert np.isfinite(model.predict_proba(batch)).all()
            assert len(model.answer(batch).rejected) == len(model.explain(batch[:2])) + len(batch) - 2
            if hasattr(model, "forget"):
                model.forget(model.teach(batch[:1], model.classes_[:1]))
                model.is_kept(batch)
            elif hasattr(model, "partial_fit"):
                model.partial_fit(batch[:1], model.classes_[:1])
            model.assess(batch)
            model.class_distances(batch)


@examples(200)
@given(which=st.integers(0, 2 * len(IDEAS) - 1), seed=st.integers(0, 2**32))
def test_changed_bytes_are_refused_by_our_errors_alone(which, seed, files, scratch):
    scratch.write_bytes(mutated_bytes(files[which][0], seed))
    use(scratch)


@examples(300)
@given(which=st.integers(0, 2 * len(IDEAS) - 1), seed=st.integers(0, 2**32))
def test_contents_that_cannot_be_are_refused_even_where_the_hash_is_right(which, seed, files, scratch):
    if mutated_contents(files[which][1], seed, scratch):
        use(scratch)


def test_every_changed_byte_of_the_arrays_is_noticed(saved):
    data = saved.read_bytes()
    for place in range(len(data) - 1, len(data) - 150, -7):
        saved.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
        with pytest.raises(ModelFileError, match="was changed or damaged: its SHA-256"):
            load_model(saved)


def test_every_shorter_file_is_refused(saved):
    data = saved.read_bytes()
    for length in (0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match="is cut short"):
            load_model(saved)


def test_a_longer_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"x")
    with pytest.raises(ModelFileError, match="is cut short or too long: its arrays do not end where it ends"):
        load_model(saved)


def test_a_newer_schema_says_to_update(saved):
    contents = container.read(saved)
    container.write(saved, {**contents.about, "schema": 2, "more": 1}, contents.arrays)
    for read in (load_model, model_info):
        with pytest.raises(ModelFileError, match=r"written by a newer lookalike: its schema is 2.*update"):
            read(saved)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"idea": "telepathy"}, "no idea is called 'telepathy'.*newer"),
        ({"idea": "logistic-regression"}, "expected one of lookalike's own"),
        ({"idea": "mean-image-l1"}, "the parameter 'n_neighbors' is unknown"),
        ({"idea": "os:system"}, "no idea is called 'os:system'"),
        ({"parameters": {"metric": "l3"}}, "metric is 'l3': expected 'l1' or 'l2'"),
        ({"parameters": {"metric": ["l1"]}}, "metric is|no kind"),
        ({"parameters": {"metric": {"prepare": {}}}}, "preparation's JSON has other keys"),
        ({"facts": {}}, "labels is missing"),
        ({"figures": [["a", None]]}, "the figure 'a' is None: expected a finite number or a text"),
        ({"data": {"name": "x", "n": 1, "sha256": "?"}}, "sha256 is '.': expected 64 hexadecimal digits"),
        ({"schema": "1"}, "expected a schema's number"),
        ({"reading": [7, 255]}, "bits is 7: expected a whole number from 8 to 16"),
        ({"reading": [8, 256]}, "ground is 256: expected a whole number from 0 to 255"),
        ({"reading": [8]}, "reading has 1 numbers: expected 2"),
        ({"reading": 8}, "reading is 8: expected a list"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else None,
)
def test_what_cannot_be_is_named(saved, about, message):
    contents = container.read(saved)
    if "reading" in about:
        about = {"facts": {**contents.about["facts"], **about}}
    container.write(saved, {**contents.about, **about}, contents.arrays)
    with pytest.raises(ModelFileError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("matcher.codes", np.full(12, 3), "codes hold places beyond 0 to 2"),
        ("matcher.codes", np.full(12, -1), "codes holds -1 to -1: expected 0 to"),
        ("matcher.codes", np.zeros(12), "codes is float64: expected int64"),
        ("matcher.codes", np.zeros(12, np.int64), "counts are not how many images the classes have"),
        ("ids", np.zeros(12, np.int64), "ids are not ascending numbers"),
        ("ids", np.arange(12) * 9, "ids are not ascending numbers from 0 to 11"),
        ("matcher.images", np.zeros((12, 4, 4), np.uint8), r"keeps images of \(4, 4\): expected \(4, 3\)"),
        ("matcher.images", np.zeros((11, 4, 3), np.uint8), r"codes has shape \(12,\): expected \(11,\)"),
        ("matcher.images", np.full((12, 4, 3), np.nan), "images holds NaN or infinity"),
        ("more", np.zeros(3), "'more' is unknown: did a newer lookalike write it"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_arrays_that_cannot_be_are_named(saved, name, array, message):
    contents = container.read(saved)
    container.write(saved, contents.about, {**contents.arrays, name: array})
    with pytest.raises(ModelFileError, match=message):
        load_model(saved)


def test_a_reservoir_of_images_of_another_shape_is_named(tmp_path):
    for make in (lookalike.MeanImage, lookalike.InkCoverage):
        saved = save_model(make().fit(BATCHES[0], LABELS[1]), tmp_path / "model")
        contents = container.read(saved)
        odd = {**contents.arrays, "reservoir.images": np.zeros((12, 12), np.uint8)}
        container.write(saved, contents.about, odd)
        with pytest.raises(ModelFileError, match=r"reservoir holds images of \(12,\): expected \(4, 3\)"):
            load_model(saved)


@pytest.mark.parametrize("matcher", ["MeanMatcher", "PixelMatcher.fit", "os:system", 3, None])
def test_a_matcher_that_is_not_of_the_idea_is_named(matcher, saved):
    contents = container.read(saved)
    container.write(saved, {**contents.about, "matcher": matcher}, contents.arrays)
    with pytest.raises(ModelFileError, match=r"the matcher is .*: expected one that nearest-l1 makes"):
        load_model(saved)


def write_raw(path, header, data=b""):
    text = header.encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{}", "is a safetensors file of something else"),
        ('{"__metadata__":{"format":"pt"}}', "is a safetensors file of something else"),
        ("[" * 5000, "is no model file"),
        (json.dumps({"__metadata__": {"lookalike": "[" * 100000}}), "metadata that are no JSON"),
        (json.dumps({"__metadata__": {"lookalike": "[" * 50 + "]" * 50}}), "nested too deep"),
        (json.dumps({"__metadata__": {"lookalike": "[NaN]"}}), "NaN is no number of JSON"),
        (json.dumps({"__metadata__": {"lookalike": "[1e999]"}}), "beyond the numbers of 64 bits"),
        (json.dumps({"__metadata__": {"lookalike": "9" * 5000}}), "metadata that are no JSON"),
        (json.dumps({"__metadata__": {"lookalike": "{}"}}), "has other metadata"),
        (
            '{"a":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]}}',
            "no model|cut",
        ),
    ],
    ids=["empty", "other", "deep-header", "deep", "nested", "nan", "huge", "digits", "nothing", "allocation"],
)
def test_headers_that_are_no_model_s(tmp_path, header, message):
    write_raw(tmp_path / "model", header)
    with pytest.raises(ModelFileError, match=message):
        load_model(tmp_path / "model")


def test_a_header_that_says_to_be_huge_is_not_read(tmp_path):
    path = tmp_path / "model"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 2**27))
        file.truncate(2**28)
    with pytest.raises(ModelFileError, match="is no model file: expected a file that lookalike fit or"):
        load_model(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(ModelFileError, match="is no file: expected a model file"):
        load_model(tmp_path)
    with pytest.raises(ModelFileError, match="is not there: expected a model file"):
        model_info(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match=r"a\\x00b"):
        load_model("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="is no file"):
        load_model(tmp_path / "pipe")


def test_a_pickle_is_no_model(tmp_path):
    (tmp_path / "model").write_bytes(
        b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system"
    )
    with pytest.raises(ModelFileError, match="is a pickle, no model: expected"):
        load_model(tmp_path / "model")


def test_hostile_texts_are_shown_and_not_obeyed(saved):
    contents = container.read(saved)
    container.write(saved, {**contents.about, "idea": "\x1b[31m\n<b>"}, contents.arrays)
    with pytest.raises(ModelFileError) as caught:
        load_model(saved)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_are_lookalike_s():
    assert issubclass(ModelFileError, lookalike.LookalikeError)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"])
def test_an_image_where_the_model_belongs_is_said_to_be_one(tmp_path, form):
    path = tmp_path / "m.lookalike"
    Image.new("L", (8, 8)).save(path, form)
    with pytest.raises(
        ModelFileError, match=rf"is an image \({form}\), no model: expected a file that lookalike fit"
    ):
        lookalike.load_model(path)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\3\4" + bytes(20), "a zip"),
        (b"\x80\4" + b"x" * 20, "a pickle"),
        (b"a,b\n1,2\n" * 9, "no model file"),
    ],
)
def test_another_file_where_the_model_belongs_is_said_to_be_one(tmp_path, data, what):
    path = tmp_path / "m.lookalike"
    path.write_bytes(data)
    with pytest.raises(
        ModelFileError, match=f"is {what}.*: expected a file that lookalike fit or save_model wrote"
    ):
        lookalike.load_model(path)
