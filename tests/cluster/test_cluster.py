"""Models on the workers of a Dask cluster, processes of their own: the answers of one machine, to the bit."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

import lookalike
from effort import SOAK
from lookalike import InputError, MeanImage, NearestImages

pytest.importorskip("distributed")

import dask.array
import dask.bag
from distributed import Client, KilledWorker, LocalCluster

import lookalike.cluster
from lookalike.cluster import matcher as module
from lookalike.errors import WorkersLostError

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Sending large graph"),
    # What a worker leaves behind when it is killed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def client():
    env = {"LOOKALIKE_THREADS": "1"}
    workers = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", env=env)
    with Client(workers) as client:
        yield client
    # Dask may be told of the end of a killed worker that it has forgotten already.
    with suppress(KeyError):
        workers.close()


@pytest.fixture(scope="module")
def digits():
    """Return images with copies in several parts, one of another class, their labels, and queries."""
    train, valid = lookalike.load("digits", limit=120)
    images = np.concatenate([train.images, train.images[:9]])
    return images, np.concatenate([train.labels, train.labels[:8], [9 - train.labels[8]]]), valid.images


def same(one, other, queries):
    found, expected = (model.match(queries) for model in (one, other))
    for name in ("distances", "places", "codes", "class_distances", "class_places"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(one.predict(queries), other.predict(queries))
    np.testing.assert_array_equal(one.predict_proba(queries), other.predict_proba(queries))
    np.testing.assert_array_equal(one.predict_set(queries, 0.1), other.predict_set(queries, 0.1))
    assert one.look_ == other.look_


@pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
@pytest.mark.parametrize("chunks", [129, 50, (1, 0, 60, 8, 60), 9], ids=str)
@pytest.mark.parametrize(
    "model",
    [NearestImages(3, metric="l2"), NearestImages(), MeanImage()],
    ids=["L2, three", "L1", "mean"],
)
def test_any_partition_is_one_fit(model, chunks, client, digits, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 64 * 50)
    images, labels, queries = digits
    blocks = dask.array.from_array(images, chunks=(chunks, -1, 3))
    given = dask.array.from_array(labels, chunks=40) if chunks == 50 else labels
    on_cluster = lookalike.cluster.fit(model, blocks, given, client=client)
    whole = type(model)(**model.get_params()).fit(images, labels)
    same(on_cluster, whole, queries)
    if isinstance(model, NearestImages):
        near = (one.kneighbors(queries, 11) for one in (on_cluster, whole))
        for found, expected in zip(*near, strict=True):
            np.testing.assert_array_equal(found, expected)
        evidence, known = on_cluster.explain(queries[:1])[0], whole.explain(queries[:1])[0]
        assert (evidence.answer, evidence.runner_up) == (known.answer, known.runner_up)
        np.testing.assert_array_equal(evidence.contributions, known.contributions)


def test_bags_and_models_that_are_spread_answer_alike(client, digits):
    images, labels, queries = digits
    whole = NearestImages().fit(images, labels)
    bag = dask.bag.from_sequence(list(zip(images, labels, strict=True)), npartitions=3)
    same(lookalike.cluster.fit(NearestImages(), bag, client=client), whole, queries)
    same(lookalike.cluster.spread(whole, client=client), whole, queries)


def kill(pid):
    with suppress(ProcessLookupError):  # Dask may have ended it meanwhile
        os.kill(pid, signal.SIGKILL)


def test_workers_that_are_killed_change_no_answer(client, digits):
    images, labels, queries = digits
    whole = NearestImages().fit(images, labels)
    expected = whole.predict_proba(queries)
    model = lookalike.cluster.fit(
        NearestImages(), dask.array.from_array(images, chunks=(20, -1, -1)), labels, client=client
    )
    rng = np.random.default_rng(1)
    for _ in range(3 if SOAK == 1 else 50):
        if len(client.scheduler_info()["workers"]) < 2:  # Dask gives up a worker that does not start soon
            client.cluster.scale(0)
            client.cluster.scale(2)
            client.wait_for_workers(2, timeout=60)
        workers = [*client.run(os.getpid).values()]
        killed = threading.Timer(rng.uniform(0, 0.3), kill, (rng.choice(workers),))
        killed.start()
        for _ in range(3):
            np.testing.assert_array_equal(model.predict(queries), whole.predict(queries))
        killed.join()
        np.testing.assert_array_equal(model.predict_proba(queries), expected)


class Lost:
    """A future whose part was lost with each worker that took it, so many times; and its client."""

    def __init__(self, times):
        self.times, self.again = times, 0

    def result(self, timeout):
        if self.times > self.again:
            raise KilledWorker("part", None, 3)
        return "answer"

    def retry(self, futures):
        assert futures == [self]
        self.again += 1


def test_a_part_that_was_lost_often_is_asked_anew_and_then_given_up():
    once, ever = Lost(3), Lost(4)
    assert module.result_of(once, once) == "answer"
    with pytest.raises(WorkersLostError, match="each worker that took a part was lost"):
        module.result_of(ever, ever)
    assert (once.again, ever.again) == (3, 3)


def test_without_workers_it_says_so_within_the_stated_time(digits, monkeypatch):
    images, labels, queries = digits
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as workers,
        Client(workers) as client,
    ):
        model = lookalike.cluster.spread(NearestImages().fit(images, labels), client=client)
        model.predict(queries[:2])
        workers.scale(0)
        began = time.monotonic()
        with pytest.raises(WorkersLostError, match="no worker was there for 1 seconds: start workers again"):
            model.predict(queries)
        assert time.monotonic() - began < 30


def test_what_cannot_be_on_a_cluster_is_refused(client, digits, tmp_path):
    images, labels, queries = digits
    blocks = dask.array.from_array(images, chunks=(50, -1, -1))
    for model in (lookalike.MixtureMatch(), NearestImages(prepare="auto")):
        with pytest.raises(InputError, match="cannot be fitted on a cluster: expected NearestImages or"):
            lookalike.cluster.fit(model, blocks, labels, client=client)
    for strange in (images, blocks / 255, blocks[:, 0]):
        with pytest.raises(InputError, match=r"expected a Dask array \(n, h, w\) or \(n, h, w, c\) of uint8"):
            lookalike.cluster.fit(NearestImages(), strange, labels, client=client)
    with pytest.raises(InputError, match=r"labels have shape \(128,\) for 129 images: expected one for each"):
        lookalike.cluster.fit(NearestImages(), blocks, labels[1:], client=client)
    with pytest.raises(InputError, match="there are no images: expected at least one"):
        lookalike.cluster.fit(NearestImages(), blocks[:0], labels[:0], client=client)
    with pytest.raises(InputError, match=r"MeanImage\(\) cannot be spread: expected a fitted NearestImages"):
        lookalike.cluster.spread(MeanImage(), client=client)
    model = lookalike.cluster.fit(NearestImages(), blocks, labels, client=client)
    with pytest.raises(InputError, match="a model on a cluster has no file"):
        lookalike.save_model(model, tmp_path / "model.lookalike")
    with pytest.raises(InputError, match="its images are on the workers of a cluster; fit it anew"):
        model.teach(queries[:1], labels[:1])
    assert not list(tmp_path.iterdir())


def test_ideas_are_compared_and_images_audited_on_workers(client, digits, monkeypatch):
    images, labels, queries = digits
    parts = (images, labels), (queries, np.arange(len(queries)) % 10)
    ideas = ["nearest-l2", "nearest-l1", "mean-image-l2"]
    asked = []
    match = module.SpreadMatcher.match
    monkeypatch.setattr(
        module.SpreadMatcher, "match", lambda *given, **more: asked.append(1) or match(*given, **more)
    )
    found, expected = (lookalike.compare(*parts, ideas, client=one) for one in (client, None))
    assert len(asked) >= 2
    for one, other in zip(found.rows, expected.rows, strict=True):
        assert one.evaluation.accuracy == other.evaluation.accuracy
        np.testing.assert_array_equal(one.evaluation.predictions, other.evaluation.predictions)
    asked.clear()
    # As where there are thousands.
    monkeypatch.setattr("lookalike.audit.neighbours.DEFORMABLE", 50)
    found, expected = (lookalike.audit(images, labels, NearestImages(), client=one) for one in (client, None))
    assert len(asked) >= 2
    assert found.issues == expected.issues
    np.testing.assert_array_equal(found.label_quality, expected.label_quality)
    np.testing.assert_array_equal(found.neighbours.places, expected.neighbours.places)


def test_commands_ask_workers_of_this_machine(tmp_path, digits):
    images, labels, queries = digits
    lookalike.save_model(NearestImages().fit(images, labels), tmp_path / "model.lookalike")
    np.savez(tmp_path / "asked.npz", images=queries[:40], labels=labels[:40])
    words = [sys.executable, "-m", "lookalike", "evaluate", "model.lookalike", "asked.npz", "--json"]
    told = [
        subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, check=False)
        for more in ([], ["--workers", "2"], ["--workers", "2", "--scheduler", "tcp://127.0.0.1:9"])
    ]
    one, spread = ([line for line in done.stdout.splitlines() if "econds" not in line] for done in told[:2])
    assert (one, [done.returncode for done in told]) == (spread, [0, 0, 2])
    assert len(one) > 100
    assert "--workers and --scheduler are given: expected one of them" in told[2].stderr


def test_without_dask_the_error_names_the_install_line():
    code = "import sys; sys.modules['dask'] = None; import lookalike.cluster"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'clusters need Dask: pip install "lookalike[dask]"' in done.stderr
