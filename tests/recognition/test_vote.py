"""What files may hold of a vote; what it answers is tested by the models that have one."""

import pytest

from lookalike.errors import InputError
from lookalike.recognition.vote import Vote
from lookalike.state import from_plain, to_plain


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
