import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import suppress

import httpx2
import numpy as np
import pytest
from asking_web import files, mark, running, told, until

import lookalike
from effort import SOAK
from lookalike.errors import InputError, JournalError
from lookalike.web.journal import Change, Journal, count_beside, effective
from lookalike.web.service import ServedModel, Service, TakenError

pytestmark = pytest.mark.filterwarnings("ignore::lookalike.LookalikeWarning")
KILLS = 100 if SOAK > 1 else 8
IMAGES = np.stack([mark(seed, 8) for seed in range(30)])


def said(model):
    """Return everything that a served model says of some images."""
    found = model.snapshot
    if found is None:
        return None
    own = found.own
    assessed = found.assess(IMAGES[:12].copy() if own.image_shape == (8, 8) else np.stack([mark(1), mark(2)]))
    facts = (
        own.labels.classes.tolist(),
        None if own.ids is None else own.ids.tolist(),
        own.next_id,
        own.look,
    )
    rough = None if own.roughest is None else own.roughest.tolist()
    return facts, rough, assessed.labels.tolist(), assessed.class_distances.tolist()


def reopened(model):
    """Close a model, as a restart does, and return it opened again."""
    model.close()
    return ServedModel(model.name, model.path)


@pytest.mark.parametrize("idea", ["nearest", "means", "deformable", "empty"])
def test_whatever_was_done_and_undone_a_restart_says_the_same(idea, digits, tmp_path):
    train, _ = digits
    path = tmp_path / "m.lookalike"
    made = {
        "nearest": lookalike.NearestImages,
        "means": lambda: lookalike.MeanImage("l2"),
        "deformable": lambda: lookalike.DeformableMatch(n_neighbors=1),
    }
    if idea != "empty":
        lookalike.save_model(made[idea]().fit(train.images[:60], train.labels[:60]), path)
    model = ServedModel("m", path)
    rng = random.Random(idea)
    states = [said(model)]
    for step in range(12):
        images = IMAGES[step : step + 1] if idea != "empty" else mark(step)[None]
        kind = rng.choice(["teach", "teach", "forget", "undo"])
        try:
            if kind == "teach":
                model.teach(images, str(rng.choice([3, 7, 20, 21])))
                states.append(said(model))
            elif kind == "forget":
                model.forget(int(rng.choice(model.snapshot.own.ids.tolist())))
                states.append(said(model))
            else:
                model.undo()
                states.pop()
                # Numbers that were given are not given again.
                now, then = said(model), states[-1]
                assert (now and (now[0][0], now[0][1], *now[1:])) == (
                    then and (then[0][0], then[0][1], *then[1:])
                )
        except (lookalike.InputError, AttributeError):
            pass
        if step % 4 == 3:
            before = said(model)
            model = reopened(model)
            assert said(model) == before
    model.close()


def test_ids_go_on_after_a_restart(model_file):
    model = ServedModel("digits", model_file)
    first = model.teach(IMAGES[:2], "3").change.ids
    model.undo()
    second = model.teach(IMAGES[2:3], "3").change.ids
    assert second == (first[-1] + 1,)
    model = reopened(model)
    assert model.snapshot.own.ids[-1] == second[0]
    model.forget(second[0])
    third = model.teach(IMAGES[3:4], "3").change.ids
    assert third == (second[0] + 1,)
    model.undo()
    model = reopened(model)
    assert model.teach(IMAGES[4:5], "3").change.ids == (third[0] + 1,)
    model.close()


def test_folding_puts_everything_into_the_file_and_empties_the_journal(model_file):
    model = ServedModel("digits", model_file)
    model.teach(IMAGES[:3], "30")
    model.forget(0)
    before = said(model)
    assert model.compact() == 2
    assert not model.can_undo
    model = reopened(model)
    assert said(model) == before
    assert model.journal.count == 0
    assert lookalike.load_model(model_file).predict(IMAGES[:1]).tolist() == [30]
    model.teach(IMAGES[4:5], "4")
    model = reopened(model)
    assert model.journal.count == 1
    model.close()


@pytest.mark.parametrize("after_the_file", [False, True])
def test_killed_while_folding_nothing_is_lost_or_there_twice(model_file, monkeypatch, after_the_file):
    model = ServedModel("digits", model_file)
    model.teach(IMAGES[:3], "30")
    before = said(model)

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    if after_the_file:
        monkeypatch.setattr(model.journal, "folded", killed)
    else:
        monkeypatch.setattr("lookalike.web.service.write_whole", killed)
    with pytest.raises(Killed):
        model.compact()
    monkeypatch.undo()
    model = reopened(model)
    assert said(model) == before
    assert model.journal.count == (0 if after_the_file else 1)
    model.close()


def test_a_journal_of_another_file_is_refused(model_file, digits):
    model = ServedModel("digits", model_file)
    model.teach(IMAGES[:1], "3")
    model.close()
    train, _ = digits
    lookalike.save_model(lookalike.NearestImages().fit(train.images[:50], train.labels[:50]), model_file)
    with pytest.raises(JournalError, match="1 changes of another version"):
        ServedModel("digits", model_file)


def test_two_services_cannot_have_one_model(model_file):
    model = ServedModel("digits", model_file)
    with pytest.raises(JournalError, match="is in use: another lookalike serves"):
        ServedModel("digits", model_file)
    with pytest.raises(JournalError, match="is in use"):
        count_beside(model_file)
    model.close()
    assert count_beside(model_file) == 0


def test_a_change_that_cannot_be_written_did_not_happen(model_file, monkeypatch):
    model = ServedModel("digits", model_file)
    before, snapshot = said(model), model.snapshot

    def full(*_):
        raise JournalError("the disk is full")

    monkeypatch.setattr(model.journal, "write", full)
    with pytest.raises(JournalError, match="full"):
        model.teach(IMAGES[:1], "77")
    monkeypatch.undo()
    assert model.snapshot is snapshot
    assert said(model) == before
    assert model.teach(IMAGES[:1], "77").entry == 1
    model.close()


def test_among_changes_made_together_a_wrong_one_is_alone_refused(model_file):
    model = ServedModel("digits", model_file)
    with model._writing:
        asked = [
            model.change(Change("teach", (), "70", IMAGES[:1])),
            model.change(Change("teach", (), "73", IMAGES[1:2, :4])),
            model.change(Change("forget", (10**6,))),
            model.change(Change("teach", (), "71", IMAGES[2:3])),
            model.change(Change("undo")),
            model.change(Change("teach", (), "72", IMAGES[3:4])),
        ]
    kinds = [type(one.exception(10)).__name__ for one in asked]
    assert kinds == ["NoneType", "InputError", "InputError", "NoneType", "NoneType", "NoneType"]
    assert asked[4].result()[0].change.undone == asked[3].result()[0].entry
    assert {70, 72} <= set(model.snapshot.own.labels.classes.tolist())
    assert not {71, 73} & set(model.snapshot.own.labels.classes.tolist())
    model.close()


@pytest.mark.parametrize("damage", ["change", "disk"])
def test_changes_that_belong_together_are_all_made_or_none(model_file, monkeypatch, damage):
    model = ServedModel("digits", model_file)
    before, snapshot, count = said(model), model.snapshot, model.journal.count
    wrong = IMAGES[1:2, :4] if damage == "change" else IMAGES[1:2]
    changes = Change("teach", (), "70", IMAGES[:1]), Change("forget", (3,)), Change("teach", (), "71", wrong)
    if damage == "disk":
        row = Change.row
        # Two rows are written, and the third cannot be.
        monkeypatch.setattr(Change, "row", lambda change: row(change)[: -1 if change.label == "71" else None])
    with pytest.raises(InputError if damage == "change" else JournalError):
        model.change(*changes).result()
    assert (model.snapshot is snapshot, said(model), model.journal.count) == (True, before, count)
    monkeypatch.undo()
    made = model.change(*changes[:2]).result()
    assert [one.change.kind for one in made] == ["teach", "forget"]
    assert model.journal.count == count + 2
    # The last one alone can be undone, and only while it is the last one.
    with pytest.raises(TakenError, match=f"change {made[0].entry} is not the last one"):
        model.change(Change("undo", undone=made[0].entry)).result()
    for one in reversed(made):
        model.change(Change("undo", undone=one.entry)).result()
    # All but the next number, which no image has twice.
    assert said(model)[1:] == before[1:]
    assert said(model)[0][:2] == before[0][:2]
    model.close()


def test_whoever_asks_meanwhile_sees_a_state_before_or_after(model_file):
    model = ServedModel("digits", model_file)
    fine, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            found = model.snapshot.assess(IMAGES[:2])
            # An image and its label come together.
            known = [label for label in found.classes.tolist() if label >= 100]
            fine.append(found.labels[0] == 100 and found.distances[0] == 0 if known else found.labels[0] < 10)

    crowd = [threading.Thread(target=ask) for _ in range(3)]
    for one in crowd:
        one.start()
    for _ in range(15):
        model.teach(IMAGES[:1], "100")
        model.undo()
    stop.set()
    for one in crowd:
        one.join()
    model.close()
    assert fine
    assert all(fine)


def test_how_sure_it_is_follows_once_it_is_quiet(model_file):
    model = ServedModel("digits", model_file)
    model.snapshot.recalibrate()
    model.teach(IMAGES[:5], "50")
    snapshot = model.snapshot
    assert until(lambda: snapshot.settled)
    lean = snapshot.own.known_left_out.distances
    snapshot.own.recalibrate()
    np.testing.assert_array_equal(lean, snapshot.own.known_left_out.distances)
    model.close()


@pytest.mark.parametrize(
    "columns",
    [
        ("steal", None, "[]", None, None, None),
        ("teach", None, "[1]", "[1, 8, 8]", bytes(64), None),
        ("teach", "3", "[1]", "[1, 8, 9]", bytes(64), None),
        ("teach", "3", "[1]", "[1, 8]", bytes(64), None),
        ("teach", "3", "[-1]", "[1, 8, 8]", bytes(64), None),
        ("teach", "3", "{", "[1, 8, 8]", bytes(64), None),
        ("teach", "3", "[1]", "[1, 4, 16]", bytes(64), None),
        ("forget", None, "[999999]", None, None, None),
        ("forget", None, "[[1]]", None, None, None),
    ],
)
def test_a_journal_that_says_what_cannot_be_is_refused(model_file, columns):
    ServedModel("digits", model_file).close()
    base = sqlite3.connect(model_file.with_name("digits.lookalike.journal"))
    base.execute(
        "INSERT INTO entries (kind, label, ids, shape, pixels, undone) VALUES (?, ?, ?, ?, ?, ?)", columns
    )
    base.commit()
    base.close()
    with pytest.raises(JournalError):
        ServedModel("digits", model_file)


def test_a_damaged_journal_is_refused_or_read(model_file):
    model = ServedModel("digits", model_file)
    model.teach(IMAGES[:20], "3")
    model.close()
    path = model_file.with_name("digits.lookalike.journal")
    whole, rng = path.read_bytes(), random.Random(5)
    for _ in range(20 * SOAK):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 50))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(data[: rng.choice((len(data), len(data), rng.randrange(len(data))))]))
        for suffix in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        try:
            ServedModel("digits", model_file).close()
        except JournalError:
            continue


def test_undoing_is_no_change():
    changes = [(1, Change("forget", (1,))), (2, Change("undo", undone=1)), (3, Change("forget", (2,)))]
    assert [number for number, _ in effective(changes)] == [3]


def test_models_without_a_folder_are_in_memory():
    service = Service()
    service.create("here").teach(mark(1)[None], "one")
    assert service["here"].path is None
    service.close()


def test_models_in_the_folder_are_there_again(tmp_path):
    service = Service(folder=tmp_path)
    service.create("runes").teach(mark(1)[None], "one")
    service.create("nothing")
    service.close()
    assert {path.name for path in tmp_path.iterdir()} == {
        "runes.lookalike.journal",
        "nothing.lookalike.journal",
    }
    service = Service(folder=tmp_path)
    assert sorted(model.name for model in service) == ["nothing", "runes"]
    assert service["runes"].snapshot.own.labels.classes.tolist() == ["one"]
    assert service["runes"].compact() == 1
    service.close()
    assert lookalike.load_model(tmp_path / "runes.lookalike").predict(mark(1)[None]).tolist() == ["one"]


def teach_on(address, known, undone):
    """Teach, and take back every fifth, until the service is gone; note what was acknowledged."""
    with suppress(httpx2.HTTPError), httpx2.Client(base_url=address, timeout=60) as client:
        for label in range(1000, 100_000):
            lesson = {"images": [told(IMAGES[label % 30])], "label": str(label)}
            if client.post("/v1/models/digits/teach", json=lesson).status_code == 200:
                known.add(label)
            if label % 5 == 4:
                known.discard(label)
                if client.post("/v1/models/digits/undo").status_code == 200:
                    undone.add(label)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs kill -9")
def test_killed_at_any_moment_nothing_acknowledged_is_lost(model_file, tmp_path):
    """Where a process is stopped, its files are what a kill would leave: they are copied, and it goes on."""
    rng, known, undone, moments = random.Random(1), set(), set(), []
    with running(model_file, "--folder", tmp_path / "made") as (process, address):
        teacher = threading.Thread(target=teach_on, args=(address, known, undone))
        teacher.start()
        assert until(lambda: len(known) > 2)
        for moment in range(KILLS):
            time.sleep(rng.uniform(0.01, 0.1))
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            left = tmp_path / str(moment)
            left.mkdir()
            for path in tmp_path.glob("digits.lookalike*"):
                shutil.copy(path, left)
            moments.append((left, set(known), set(undone)))
            os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, signal.SIGKILL)
        teacher.join()
    for left, known_then, undone_then in [*moments, (tmp_path, known, undone)]:
        model = ServedModel("digits", left / "digits.lookalike")
        own = model.snapshot.own
        names = dict(zip(own.labels.classes.tolist(), own.matcher.class_counts.tolist(), strict=True))
        assert [label for label in known_then if names.get(label) != 1] == []
        assert not undone_then & names.keys()
        assert model.teach(IMAGES[:1], "3").change.ids
        model.close()
    assert len(known) > len(moments[0][1])


def test_the_journal_is_beside_the_model_and_alone(model_file, tmp_path):
    before = set(tmp_path.iterdir())
    model = ServedModel("digits", model_file)
    model.teach(IMAGES[:1], "3")
    model.close()
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"digits.lookalike.journal"}


def test_entries_are_written_before_they_are_acknowledged(model_file):
    model = ServedModel("digits", model_file)
    wal = model_file.with_name("digits.lookalike.journal-wal")
    for number in range(3):
        before = wal.stat().st_size if wal.exists() else 0
        model.teach(IMAGES[number : number + 1], "3")
        assert wal.stat().st_size > before
    assert model.journal._base.execute("PRAGMA synchronous").fetchone() == (2,)
    assert model.journal._base.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    model.close()


def test_a_page_that_asks_while_it_teaches(client):
    began = time.monotonic()
    for number in range(20):
        client.post("/v1/models/digits/teach", files=files(IMAGES[number]), data={"label": str(number % 10)})
        client.post("/v1/models/digits/predict", files=files(IMAGES[number]))
    assert time.monotonic() - began < 30
    assert Journal(None, "").count == 0
