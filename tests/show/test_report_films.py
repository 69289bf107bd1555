import copy
import re
from dataclasses import replace

import numpy as np
import pytest

import lookalike
from lookalike.show.report.comparison import render_comparison
from lookalike.show.report.prototypes import films

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def learned(digits):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    several = lookalike.LearnedPrototypes(per_class=4, epochs=3)
    yield lookalike.compare(*digits, ["mean-image-l2", "learned-l2", ("<b>four</b>", several)])
    torch.set_num_threads(before)


def test_frames_are_the_start_powers_of_two_and_the_epoch_that_was_kept(learned):
    one, four = films(learned)
    for film, row in ((one, learned.rows[1]), (four, learned.rows[2])):
        shown = [frame.epoch for frame in film.frames]
        best = row.model.best_epoch_
        assert shown == sorted({0, best, *(2**k for k in range(9) if 2**k <= best)})
        assert film.epochs == len(row.model.history_["loss"]) - 1
        assert all(len(strip.pictures) == len(shown) for strip in film.strips)


def test_rates_are_those_of_the_start_and_of_the_model(learned):
    film = films(learned)[0]
    mean, model = (row.evaluation.accuracy for row in learned.rows[:2])
    assert film.frames[0].rate == f"{mean.value:.1%}".replace("%", "\u202f%")
    assert film.frames[-1].rate == f"{model.value:.1%}".replace("%", "\u202f%")
    held = learned.rows[1].model.history_["validation_accuracy"][film.frames[-1].epoch]
    assert film.frames[-1].held_out == f"{held:.1%}".replace("%", "\u202f%")


def test_of_each_class_those_that_moved_most_are_shown(learned):
    film = films(learned)[1]
    assert [strip.name for strip in film.strips] == [str(label) for label in range(10) for _ in range(2)]
    assert film.left_out == 20
    assert films(learned)[0].left_out == 0


def test_the_page_has_them_and_is_safe(learned):
    page = render_comparison(learned, command="lookalike")
    section = re.search(r'<section id="films".*?</section>', page, re.S).group()
    assert page.count('href="#films"') == 1
    assert 'id="word-prototype"' in page
    assert "<b>four" not in section
    assert "&lt;b&gt;four&lt;/b&gt;" in section
    assert "were not used to choose the epoch" in section
    assert len(re.findall("<img", section)) == sum(
        len(film.strips) * (len(film.frames) + 1) for film in films(learned)
    )


def test_a_start_that_was_kept_and_an_interruption_are_said(learned):
    row = learned.rows[1]
    model = copy.deepcopy(row.model)
    matcher = model.recogniser_.matcher
    matcher.prototypes, matcher.best_epoch = model.snapshots_[0].astype(float), 0
    matcher.interrupted = True
    page = render_comparison(
        replace(learned, rows=(replace(row, model=model),), pairs=()), command="lookalike"
    )
    assert "the mean images were kept" in page
    assert "Learning was interrupted after epoch" in page


def test_snapshots_of_some_epochs_only_end_with_the_model_itself(learned):
    row = learned.rows[1]
    model = copy.deepcopy(row.model)
    matcher = model.recogniser_.matcher
    matcher.snapshots, matcher.snapshot_epochs = model.snapshots_[:1], np.array([0])
    film = films(replace(learned, rows=(replace(row, model=model),)))[0]
    assert [frame.epoch for frame in film.frames] == [0, model.best_epoch_]
    assert film.frames[-1] == films(learned)[0].frames[-1]


def test_nothing_learned_is_no_section(comparison):
    assert films(comparison) == ()
    page = render_comparison(comparison, command="lookalike")
    assert 'id="films"' not in page
    assert "word-prototype" not in page
