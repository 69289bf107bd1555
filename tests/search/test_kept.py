"""The matcher that is shortest to extend, against the broadcast definition."""

import numpy as np
import pytest

from lookalike.distance.definition import l1, l2
from lookalike.errors import InputError
from lookalike.search import kept
from lookalike.search.kept import KeptMatcher
from lookalike.state import from_plain, to_plain


class Compared(KeptMatcher):
    def __init__(self, root):
        self.root, self.steps = root, []

    def costs(self, image, others):
        self.steps.append(len(others))
        return abs(image - others) ** (1 + self.root)


@pytest.mark.parametrize("definition", [l1, l2])
@pytest.mark.parametrize("held", [1, 90, 10**6])
def test_it_finds_what_the_definition_does_in_any_steps(definition, held, edge_images, monkeypatch):
    monkeypatch.setattr(kept, "_HELD_VALUES", held)  # an image has 30 values
    matcher, codes, heard = Compared(definition is l2), np.arange(8) % 3, []
    matcher.fit(edge_images[:6], codes[:6], 3)
    matcher.add(edge_images[6:] / 255, codes[6:])
    distances = definition(edge_images, edge_images)
    order = np.argsort(distances, axis=1, kind="stable")
    found = matcher.match(edge_images, 8, progress=lambda *note: heard.append(note))
    np.testing.assert_array_equal(found.places, order)
    np.testing.assert_allclose(found.distances, np.take_along_axis(distances, order, 1), rtol=1e-12)
    assert max(matcher.steps) == min(8, max(1, held // 30))
    assert heard == [("comparing", done, 8) for done in range(9)]
    others = matcher.match(edge_images, 7, exclude=np.arange(8)).places
    assert others.tolist() == [
        [place for place in line if place != i] for i, line in enumerate(order.tolist())
    ]
    costs = matcher.contributions(edge_images[2], 7).costs
    assert costs.shape == (6, 5)
    assert costs.sum() ** (1 / (1 + matcher.root)) == pytest.approx(distances[2, 7])


def test_files_hold_what_is_kept(edge_images):
    matcher = Compared(False)
    matcher.fit(edge_images, np.arange(8) % 3, 3)
    assert matcher.keeps_images
    opened = from_plain(Compared, to_plain(matcher))
    np.testing.assert_array_equal(opened.images, edge_images)
    assert (opened.codes.tolist(), opened.n_classes) == ([0, 1, 2, 0, 1, 2, 0, 1], 3)
    opened.n_classes = 2
    with pytest.raises(InputError, match="codes"):
        opened.restored()


def test_what_is_removed_is_kept_no_longer(edge_images):
    matcher = Compared(False)
    matcher.fit(edge_images, np.arange(8) % 3, 3)
    matcher.remove(np.array([0, 3]))
    assert matcher.class_counts.tolist() == [1, 3, 2]
    np.testing.assert_array_equal(matcher.kept(np.array([5, 0])), edge_images[[7, 1]])
    matcher.move_classes(np.array([3, 0, 1]), 4)
    assert matcher.class_counts.tolist() == [3, 2, 0, 1]
