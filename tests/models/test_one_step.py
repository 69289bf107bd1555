"""A model changes in one step: other threads, and Ctrl-C at any line, find the state before or after."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import lookalike
from effort import SOAK
from lookalike import DeformableMatch, InkCoverage, MeanImage, NearestImages
from lookalike.models import changing

OURS = str(Path(lookalike.__file__).parent)
RNG = np.random.default_rng(5)
IMAGES, LABELS = RNG.integers(0, 256, (24, 6, 6), np.uint8), np.arange(24) % 3
MORE, NAMES = RNG.integers(0, 256, (4, 6, 6), np.uint8), np.array([1, 77, 1, 78])
ASKED = np.concatenate([IMAGES[:3], MORE, RNG.integers(0, 256, (3, 6, 6), np.uint8)])
MODELS = {
    "nearest": NearestImages,
    "mean": MeanImage,
    "coverage": InkCoverage,
    "deformable": lambda: DeformableMatch(aligned=False),
    "mixture": lambda: lookalike.MixtureMatch(terms=["turned", "colour"]),
}
KEEPING = ("nearest", "deformable", "mixture")


def fitted(name):
    model = MODELS[name]().fit(IMAGES, LABELS)
    # What follows from the state is there before it changes.
    said(model)
    return model


def changes(name):
    found = {
        "teach": lambda model: model.teach(MORE, NAMES),
        "partial_fit": lambda model: model.partial_fit(MORE[:1], [2]),
        "fit": lambda model: model.fit(IMAGES[:9], LABELS[:9]),
    }
    return found | ({"forget": lambda model: model.forget([0, 5, 23])} if name in KEEPING else {})


def said(model):
    answers = model.answer(ASKED, 0.1)
    kept = (model.ids_, *model.kneighbors(ASKED, 2)) if hasattr(model, "ids_") else ()
    return [model.predict_proba(ASKED), answers.labels, answers.rejected, model.classes_, *kept]


def same(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def interrupted(work, at):
    """Run something, with Ctrl-C at the line of ours that has a number; return how many lines there were."""
    count = 0

    def local(frame, event, arg):
        nonlocal count
        if event == "line":
            count += 1
            if count == at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return local

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: local if frame.f_code.co_filename.startswith(OURS) else None)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        # Python handles no signal between the end of a block and the release of its lock; a tracer does.
        while changing._SWAPPING._is_owned():
            changing._SWAPPING.release()
    return count


@pytest.mark.parametrize("what", ["teach", "forget", "partial_fit", "fit"])
@pytest.mark.parametrize("name", MODELS)
def test_ctrl_c_at_any_line_leaves_the_state_before_or_after(name, what):
    if what not in changes(name):
        pytest.skip("it keeps no images")
    change, model = changes(name)[what], fitted(name)
    before = said(model)
    lines = interrupted(lambda: change(model), -1)
    after = said(model)
    assert not same(before, after)
    # The last lines are those where one state takes the other's place.
    step = 1 if SOAK > 1 else max(1, lines // 5)
    tried = {*range(1, lines, step), *range(lines - 6, lines + 1)}
    for at in tried:
        model = fitted(name)
        interrupted(lambda model=model: change(model), at)
        now = said(model)
        assert same(now, before) or same(now, after), f"line {at} of {lines}"


@pytest.mark.parametrize("name", MODELS)
def test_who_asks_while_it_is_taught_sees_the_state_before_or_after(name):
    model, taught = fitted(name), fitted(name)
    taught.teach(MORE, NAMES)
    known = [one.predict_proba(ASKED).tolist() for one in (model, taught)]
    # What a model forgets is gone from its answers, but its look stays.
    errors, asked, stop = [], [0, 0], threading.Event()

    def ask(number):
        try:
            while not stop.is_set():
                assert model.predict_proba(ASKED).tolist() in known
                model.explain(ASKED[:1])
                model.assess(ASKED[:2])
                model.answer(ASKED[:2])
                model.class_neighbors(ASKED[:1]) if name in KEEPING else model.predict(ASKED)
                asked[number] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    rounds = 0
    while not errors and (rounds < 20 * SOAK or min(asked) < 2):
        ids, rounds = model.teach(MORE, NAMES), rounds + 1
        if name in KEEPING:
            model.forget(ids)
        else:
            model.fit(IMAGES, LABELS)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors


def test_lessons_of_two_threads_are_both_learned():
    model = NearestImages().fit(IMAGES, LABELS)

    def teach(first):
        for number in range(20):
            model.teach(MORE[:1], [first + number])

    threads = [threading.Thread(target=teach, args=(first,)) for first in (100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.classes_.tolist() == [0, 1, 2, *range(100, 120), *range(200, 220)]
    assert len(np.unique(model.ids_)) == 64


@pytest.mark.parametrize("name", KEEPING)
def test_copies_go_ways_of_their_own(name):
    first = fitted(name).recogniser_
    one, other = first.copied(), first.copied()
    one.teach(MORE[:2], [0, 1])
    other.teach(MORE[2:], [2, 2])
    third = one.copied()
    one.forget([24])
    third.teach(MORE[:1], [9])
    for found, images in (
        (first, IMAGES),
        (one, np.concatenate([IMAGES, MORE[1:2]])),
        (other, np.concatenate([IMAGES, MORE[2:]])),
        (third, np.concatenate([IMAGES, MORE[:2], MORE[:1]])),
    ):
        np.testing.assert_array_equal(found.matcher.kept(np.arange(len(images))), images)
        fresh = fitted(name).recogniser_
        if len(images) > 24:
            fresh.teach(images[24:], found.labels.classes[found.matcher.codes[24:]])
        one, two = found.match(ASKED, 2)[0], fresh.match(ASKED, 2)[0]
        np.testing.assert_array_equal(one.places, two.places)
        np.testing.assert_allclose(one.distances, two.distances, rtol=1e-9)
