"""What the nearest vote for, worked out by hand, and what files may hold of it."""

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.recognition.vote import Vote
from lookalike.search.matches import Matches
from lookalike.state import from_plain, to_plain


@pytest.mark.parametrize(
    ("weights", "distances", "codes", "expected"),
    [
        ("uniform", [1.0, 4.0, 5.0], [0, 1, 1], (1, 4.0)),
        ("distance", [1.0, 4.0, 5.0], [0, 1, 1], (0, 1.0)),  # 1 against 1/4 + 1/5
        ("distance", [1.0, 1.5, 2.5], [0, 1, 1], (1, 1.5)),  # 1 against 2/3 + 2/5
        ("distance", [0.0, 0.1, 0.1], [0, 1, 1], (0, 0.0)),
        ("uniform", [0.0, 0.1, 0.1], [0, 1, 1], (1, 0.1)),
        ("uniform", [1.0, 2.0], [1, 0], (1, 1.0)),  # as many votes: the nearest's
    ],
)
def test_votes_by_hand(weights, distances, codes, expected):
    matches = Matches.of(np.array([distances]), np.array(codes), 2, len(codes) + 1)
    answers, nearest = Vote(len(codes), weights).answers(matches)
    assert (answers.tolist(), nearest.tolist()) == ([expected[0]], [expected[1]])


@pytest.mark.parametrize("vote", [Vote(), Vote(2**40, "distance", at_most=True)])
def test_files_hold_every_vote(vote):
    assert from_plain(Vote, to_plain(vote)) == vote


@pytest.mark.parametrize(
    "changes", [{"voters": 0}, {"voters": 1.5}, {"weights": "none"}, {"at_most": 1}], ids=str
)
def test_no_other_vote_is_read(changes):
    plain = to_plain(Vote())
    with pytest.raises(InputError, match=next(iter(changes))):
        from_plain(Vote, plain._replace(facts={**plain.facts, **changes}))
