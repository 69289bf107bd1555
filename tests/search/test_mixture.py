"""A mixture of measures: distances by the definition, images left out, added and removed, files, edges."""

import copy

import numpy as np
import pytest

from drawings import drawings
from lookalike import InputError, LookalikeError, MixtureMatch, ModelFileError, load_model, save_model
from lookalike.data.look import gray_bytes
from lookalike.data.pixels import resized_batch
from lookalike.distance.deformation.definition import match
from lookalike.progress import silent
from lookalike.search.deformable.alignment import aligned_distances
from lookalike.search.matches import NOWHERE, Matches
from lookalike.search.mixture import matcher as module
from lookalike.search.mixture.features import FEATURES
from lookalike.search.mixture.jitter import jittered
from lookalike.search.mixture.matcher import DEFAULT_TERMS, GRADIENTS, TERMS, MixtureMatcher
from lookalike.show.evidence import parts
from lookalike.store import container

ALL = DEFAULT_TERMS
#: Sums are rounded to multiples of 2 ** -30.
CLOSE = {"rtol": 0, "atol": 3e-9}


def fitted(images, codes, n_classes, names=ALL, weights=None):
    matcher = MixtureMatcher(names, None if weights is None else np.array(weights, np.float64), 1)
    matcher.fit(images, codes, n_classes)
    return matcher


def coloured(n, n_classes, size=9, seed=0):
    """Return noise whose classes differ in colour, and the classes."""
    rng = np.random.default_rng(seed)
    tints = np.random.default_rng(5).integers(40, 190, (n_classes, 3))
    codes = np.arange(n) % n_classes
    return (tints[codes][:, None, None] + rng.integers(-40, 60, (n, size, size, 3))).astype(np.uint8), codes


@pytest.fixture(scope="module")
def drawn():
    """Return drawings with copies, within a class and between two, and a matcher of them that aligns."""
    images, codes = drawings(13, 4, 16)
    images[5], images[10] = images[1], images[3]
    matcher = fitted(images, codes, 4)
    assert matcher.shape.comparison.aligned
    return images, codes, matcher


def gradient_sums(term, one, other):
    """Return sums of two raw images as they are, by the definition, and after alignment if there is any."""
    comparison, pair = term.comparison, term.prepare.transform(np.stack([one, other]))
    planes, how = comparison.planes_of(pair).values(), (comparison.warp, comparison.context)
    ways = [(0, 1), (1, 0)][: 1 + comparison.symmetric]
    plain = sum(match(planes[a], planes[b], warp=how[0], context=how[1]).distance for a, b in ways)
    if not comparison.aligned:
        return plain, 0
    return plain, int(aligned_distances(pair[:1], pair[1:], np.zeros((1, 2), np.int64), comparison)[0])


def rows_kept(matcher, name, images):
    """Return what a head keeps of images: of edges, those of altered copies of each image alone too."""
    alone = [images[place : place + 1] for place in range(len(images))]
    if name == "edges":  # of images that are small enough to be seen as they are
        copies = lambda gray: jittered(gray, matcher.copies, matcher.bend)  # noqa: E731
        alone = [np.concatenate([gray_bytes(one), copies(gray_bytes(one))]) for one in alone]
    return np.concatenate([FEATURES[name](one) for one in alone]).astype(np.float32)


def compared(matcher, images, codes, query, most):
    """Return what gradients are compared with: the nearest, and that of each class, by descriptions."""
    apart = np.zeros(len(images), np.int64)
    for term in (getattr(matcher, name) for name in matcher.names if name in GRADIENTS):
        seen = term.prepare.transform(np.concatenate([query[None], images]))
        asked, *kept = term.comparison.descriptors_of(seen, silent).reshape(len(seen), -1).astype(np.int64)
        apart += [((asked - one) ** 2).sum() for one in kept]
    order = np.lexsort((np.arange(len(images)), apart))
    return np.union1d(order[:most], [next(one for one in order if codes[one] == code) for code in set(codes)])


def by_definition(matcher, images, codes, asked, short=None, most=None):
    """Return distances (q, n), term by term.

    ``short`` are how many images, and classes, are aligned; gradients are compared with ``most``.
    """
    terms = np.zeros((len(matcher.names), len(asked), len(images)))
    plain = np.zeros_like(terms)
    for place, name in enumerate(matcher.names):
        term = getattr(matcher, name)
        if name in GRADIENTS:
            shape = term.prepare.transform(images[:1]).shape[1:]
            for query, one in enumerate(asked):
                before, after = np.array([gradient_sums(term, one, other) for other in images]).T
                if most is not None:
                    chosen = compared(matcher, images, codes, one, most)
                    before[np.setdiff1d(np.arange(len(images)), chosen)] = before[chosen].max()
                two = np.array([before + 2 * after, before * (1 + 2 * term.comparison.aligned)])
                terms[place, query], plain[place, query] = term.comparison.root_means(two, shape) / term.scale
            continue
        known = rows_kept(matcher, name, images)
        for query, kept in np.ndindex(terms.shape[1:]):
            row = FEATURES[name](asked[query : query + 1])[0].astype(np.float32).astype(float)
            scores = np.exp(-(((row - known) / term.unit) ** 2).sum(axis=1) / 2) @ term.solution
            apart = scores + 1 / term.solution.shape[1] - np.eye(term.solution.shape[1])[codes[kept]]
            terms[place, query, kept] = plain[place, query, kept] = (apart**2).sum()
    if short is not None:
        total = np.rint(np.tensordot(matcher.weights, plain, 1) * 2**30)
        for query, row in enumerate(total):
            order = np.lexsort((np.arange(len(codes)), row)).tolist()
            of_classes = [next(one for one in order if codes[one] == code) for code in np.unique(codes)]
            of_classes.sort(key=order.index)
            listed = sorted({*order[: short[0]], *of_classes[: short[1]]})
            rest = np.setdiff1d(order, listed)
            for place, name in enumerate(matcher.names):
                if name in GRADIENTS and getattr(matcher, name).comparison.aligned:
                    last = terms[place, query, listed].max()
                    terms[place, query, rest] = np.maximum(plain[place, query, rest], last)
    return np.tensordot(matcher.weights, terms, 1)


def held_to(found, distances, codes, n_classes):
    """Hold what was found against distances to all that is kept."""
    expected = Matches.of(np.rint(distances * 2**30) / 2**30, codes, n_classes, found.places.shape[1])
    np.testing.assert_array_equal(found.places, expected.places)
    np.testing.assert_array_equal(found.class_places, expected.class_places)
    np.testing.assert_allclose(found.distances, expected.distances, **CLOSE)
    np.testing.assert_allclose(found.class_distances, expected.class_distances, **CLOSE)


def test_distances_are_the_definitions_where_all_are_aligned(drawn, monkeypatch):
    images, codes, matcher = drawn
    asked = np.concatenate([drawings(2, 2, 16, seed=4)[0], images[1:2]])
    monkeypatch.setattr(module, "SHORT_LIST", 99)
    held_to(matcher.match(asked, 13), by_definition(matcher, images, codes, asked), codes, 4)


@pytest.mark.parametrize("short", [(1, 1), (3, 2), (2, 4)])
def test_distances_are_by_the_stated_rule_where_few_are_aligned(short, drawn, monkeypatch):
    images, codes, matcher = drawn
    asked = drawings(3, 3, 16, seed=7)[0]
    monkeypatch.setattr(module, "SHORT_LIST", short[0])
    monkeypatch.setattr(module, "SHORT_CLASSES", short[1])
    distances = by_definition(matcher, images, codes, asked, short)
    held_to(matcher.match(asked, 13), distances, codes, 4)
    if short == (1, 1):
        assert abs(distances - by_definition(matcher, images, codes, asked)).max() > 1e-3


def test_distances_of_colours_are_the_definitions():
    images, codes = coloured(10, 3)
    matcher = fitted(images, codes, 3)
    asked = coloured(3, 3, seed=1)[0]
    held_to(matcher.match(asked, 10), by_definition(matcher, images, codes, asked), codes, 3)


def test_of_many_images_gradients_are_compared_with_those_of_near_descriptions(drawn, monkeypatch):
    images, codes, matcher = drawn
    asked = np.concatenate([drawings(2, 2, 16, seed=4)[0], images[1:2]])
    monkeypatch.setattr(module, "SHORT_LIST", 99)
    every = matcher.match(asked, 13)
    monkeypatch.setattr(module, "MOST_COMPARED", 12)
    exclude = np.array([0, 3, 1])
    rest = matcher.match(images[exclude], 13, exclude=exclude)  # 12 others: all are compared
    monkeypatch.setattr(module, "MOST_COMPARED", 3)
    held_to(matcher.match(asked, 13), by_definition(matcher, images, codes, asked, most=3), codes, 4)
    assert (matcher.match(asked, 13).distances[:, -1] > every.distances[:, -1]).any()
    for row, place in enumerate(exclude):
        found = matcher.match(images[[place]], 13, exclude=np.array([place]))
        expected = without(matcher, [place]).match(images[[place]], 12)
        moved = np.append(np.delete(np.arange(13), place), NOWHERE)
        np.testing.assert_array_equal(found.places[0, :12], moved[expected.places[0]])
        np.testing.assert_allclose(found.distances[0, :12], expected.distances[0], **CLOSE)
        assert found.distances[0, 0] >= rest.distances[row, 0]


def test_scales_are_of_examples_and_the_nearest_others(drawn):
    images, codes = drawings(7, 7, 16)
    matcher = fitted(images, codes, 7)
    for name in GRADIENTS:
        alone = copy.copy(matcher)
        alone.names, alone.weights = (name,), np.ones(1)
        distances = by_definition(alone, images, codes, images)
        np.fill_diagonal(distances, np.inf)
        np.testing.assert_allclose(np.median(distances.min(axis=1)), 1)


def without(matcher, places):
    rest = copy.deepcopy(matcher)
    rest.remove(np.asarray(places))
    return rest


NAMES = pytest.mark.parametrize(
    ("names", "weights"),
    [
        (ALL, None),
        (("colour",), None),
        (("texture", "edges"), [1, 0]),
        (("shape", "turned", "energy"), [0, 2, 1]),
    ],
)


@NAMES
@pytest.mark.parametrize("short", [12, 2])
def test_what_is_left_out_is_as_if_it_had_been_removed(names, weights, short, monkeypatch):
    monkeypatch.setattr(module, "SHORT_LIST", short)
    images, codes = drawings(13, 3, 16)
    images[5], codes[12] = images[1], 3  # a copy, and a class of one image
    matcher = fitted(images, codes, 4, names, weights)
    places = np.array([0, 1, 5, 8, 12])
    for k in (1, 13):
        found = matcher.match(images[places], k, exclude=places)
        for row, place in enumerate(places):
            kept = np.delete(np.arange(13), place)
            expected = without(matcher, [place]).match(images[[place]], min(k, 16)).padded(k)
            moved = np.append(kept, NOWHERE)
            np.testing.assert_array_equal(found.places[row], moved[expected.places[0]])
            np.testing.assert_array_equal(found.class_places[row], moved[expected.class_places[0]])
            np.testing.assert_allclose(found.distances[row], expected.distances[0], **CLOSE)
            np.testing.assert_allclose(found.class_distances[row], expected.class_distances[0], **CLOSE)
    assert (found.class_places[-1, 3], found.class_distances[-1, 3]) == (NOWHERE, np.inf)


@NAMES
def test_the_only_image_left_out_leaves_none(names, weights):
    images, codes = drawings(1, 1, 16)
    matcher = fitted(images, codes, 1, names, weights)
    found = matcher.match(images, 2, exclude=np.array([0]))
    assert (found.places == NOWHERE).all()
    assert np.isinf(found.distances).all()


def test_answers_do_not_depend_on_how_they_are_asked(drawn, monkeypatch):
    images, _, matcher = drawn
    asked = np.concatenate([drawings(9, 4, 16, seed=2)[0], images[:3]])
    whole = matcher.match(asked, 13)
    ways = {
        "alone": [matcher.match(one[None], 13) for one in asked],
        "columns first": [matcher.match(np.asfortranarray(asked), 13)],
        "few neighbours": [matcher.match(asked, 2)],
    }
    monkeypatch.setattr(module, "_HELD_NUMBERS", 13 * 6 * 5)
    ways["in parts"] = [matcher.match(asked, 13)]
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")
    ways["one thread"] = [matcher.match(asked, 13)]
    for way in ways.values():
        found = Matches.joined(way)
        k = found.places.shape[1]
        np.testing.assert_array_equal(found.places, whole.places[:, :k])
        np.testing.assert_array_equal(found.distances, whole.distances[:, :k])
        np.testing.assert_array_equal(found.class_distances, whole.class_distances)
        np.testing.assert_array_equal(found.class_places, whole.class_places)
    # Copies are equally far, and the first comes first.
    assert whole.places[9 + 1, :2].tolist() == [1, 5]
    assert whole.distances[9 + 1, 0] == whole.distances[9 + 1, 1]


def test_what_is_added_and_removed_again_leaves_nothing(drawn):
    images, _, matcher = drawn
    asked, codes = drawings(5, 4, 16, seed=3)
    changed = copy.deepcopy(matcher)
    changed.match(images, 1, exclude=np.arange(13))
    changed.add(asked, codes)
    assert changed.match(asked, 1).places[:, 0].tolist() == [13, 14, 15, 16, 17]
    both = without(changed, [0, 2, 4])
    # What was measured of pairs of images is remembered by the images, wherever they are now.
    remembers = copy.copy(changed)
    remembers.remove(np.array([0, 2, 4]))
    kept, itself = remembers.images, np.arange(15)
    np.testing.assert_array_equal(
        remembers.match(kept, 15, exclude=itself).distances, both.match(kept, 15, exclude=itself).distances
    )
    changed.remove(np.arange(13, 18))
    for exclude in (None, np.arange(13)):
        given = asked if exclude is None else images
        before, after = (one.match(given, 13, exclude=exclude) for one in (matcher, changed))
        np.testing.assert_array_equal(before.places, after.places)
        np.testing.assert_array_equal(before.distances, after.distances)
    # In another order it is the same as well.
    other = without(matcher, [0, 2, 4])
    other.add(asked, codes)
    np.testing.assert_array_equal(both.match(images, 15).distances, other.match(images, 15).distances)


def test_what_decides_the_weights_is_said():
    images, codes = drawings(8, 4, 16)
    few = MixtureMatch().fit(images[:4], codes[:4])
    more = MixtureMatch().fit(images, codes)
    one = MixtureMatch().fit(images[:1], codes[:1])
    assert few.reasons_[-1].startswith("weights by 4 altered copies of each example: shape as a drawing ")
    assert "4 altered copies of each example and 8 examples, each left out:" in more.reasons_[-1]
    assert one.reasons_[-1].startswith("weights by what holds on other sets: ")
    set_ = MixtureMatch(terms=["edges", "colour"], weights={"colour": 3, "edges": 0.5}).fit(images, codes)
    assert set_.reasons_[-1] == "weights as you set them: edges 0.5, colour 3"
    assert set_.weights_ == {"edges": 0.5, "colour": 3.0}
    # What tells classes apart counts more: here it is colour alone.
    tinted, tints = coloured(18, 3)
    by_colour = MixtureMatch().fit(tinted, tints).weights_
    prior = {name: term.prior * term.of_photographs for name, term in TERMS.items() if term.by_default}
    raised = {name: by_colour[name] / prior[name] for name in ALL}
    assert max(raised, key=raised.get) == "colour"


def test_groups_are_left_out_as_a_whole():
    """What tells who drew an image, and not what it is, counts less where groups are known."""
    rng = np.random.default_rng(0)
    codes, groups = np.arange(24) % 3, np.arange(24) // 6
    # Each writer has own tints for the classes.
    tints = rng.integers(30, 220, (4, 3, 3))[groups, codes]
    images = drawings(24, 3, 16)[0][..., None] // 4 + tints[:, None, None] * 3 // 4
    images = images.astype(np.uint8)
    plain = MixtureMatch(terms=["turned", "colour"]).fit(images, codes)
    grouped = MixtureMatch(terms=["turned", "colour"]).fit(images, codes, groups=groups)
    assert grouped.weights_["colour"] < 0.8 * plain.weights_["colour"]


@pytest.mark.parametrize("colours", [False, True])
def test_files_hold_all_of_it(colours, tmp_path):
    images, codes = coloured(9, 3) if colours else drawings(9, 3, 16)
    asked = coloured(4, 3, seed=2)[0] if colours else drawings(4, 3, 16, seed=2)[0]
    for terms in (None, ["colour", "turned"]):
        model = MixtureMatch(terms=terms, n_neighbors=2).fit(images, codes)
        read = load_model(save_model(model, tmp_path / "model"))
        assert read.weights_ == model.weights_
        assert read.reasons_ == model.reasons_
        for one, other in zip(model.kneighbors(asked, 9), read.kneighbors(asked, 9), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(model.predict_proba(asked), read.predict_proba(asked))
        # A model that was read learns further, and forgets it, as the one that was saved.
        for both in (model, read):
            both.forget(both.teach(asked, np.arange(4) % 3)[1:])
        np.testing.assert_array_equal(model.class_distances(asked), read.class_distances(asked))
        np.testing.assert_array_equal(model.predict_proba(asked), read.predict_proba(asked))


@pytest.fixture(scope="module")
def saved(tmp_path_factory, drawn):
    images, codes, _ = drawn
    path = save_model(MixtureMatch().fit(images, codes), tmp_path_factory.mktemp("mixture") / "model")
    return container.read(path)


HOSTILE = {
    "unknown name": ({"names": ["shape", "turned", "colour", "texture", "energy", "taste"]}, {}),
    "name twice": ({"names": [*ALL[:-1], "colour"]}, {}),
    "fewer names": ({"names": ALL[:-1]}, {}),
    "no names": ({"names": []}, {}),
    "missing term": ({"shape": None}, {}),
    "missing head": (
        {"edges": None},
        {f"edges.{name}": None for name in ("centre", "unit", "rows", "solution")},
    ),
    "scale of 0": ({"shape": lambda shape: {**shape, "scale": 0.0}}, {}),
    "negative weight": ({}, {"weights": lambda weights: weights - 1}),
    "endless weight": ({}, {"weights": lambda weights: weights + np.inf}),
    "fewer weights": ({}, {"weights": lambda weights: weights[:-1]}),
    "no weights": ({}, {"weights": None}),
    "weights that are whole": ({}, {"weights": lambda weights: weights.astype(np.int64)}),
    "other features": (
        {},
        {f"colour.{name}": (lambda array: array[:-1]) for name in ("centre", "unit")},
    ),
    "other lengths": ({}, {"colour.centre": lambda centre: centre[:-1]}),
    "copies of no image": ({}, {f"edges.{name}": lambda rows: rows[:-1] for name in ("rows", "solution")}),
    "other copies": ({"copies": 3}, {}),
    "more copies": ({"texture": lambda head: {**head, "each": 2}}, {}),
    "bent too far": ({"bend": 2.0}, {}),
    "other classes": ({}, {"texture.solution": lambda solution: solution[:, :-1]}),
    "no unit": ({}, {"energy.unit": lambda unit: unit * 0}),
    "far too much": ({}, {"energy.solution": lambda solution: solution + 1e200}),
    "codes beyond": ({}, {"codes": lambda codes: codes + 1}),
    "no pixels": ({}, {"images": lambda images: images[:, :0]}),
    "rows": ({}, {"images": lambda images: images.reshape(len(images), -1)}),
    "colours": ({}, {"images": lambda images: np.repeat(images[..., None], 3, axis=3)}),
    "other channels": ({}, {"images": lambda images: np.repeat(images[..., None], 5, axis=3)}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_files_that_cannot_be_are_refused(kind, saved, tmp_path):
    facts, arrays = HOSTILE[kind]
    about, changed = copy.deepcopy(saved.about), dict(saved.arrays)
    inner = about["facts"]["matcher"]
    for name, value in facts.items():
        inner[name] = value(inner[name]) if callable(value) else value
    for name, value in arrays.items():
        array = changed.pop(f"matcher.{name}")
        if value is not None:
            changed[f"matcher.{name}"] = np.ascontiguousarray(value(array))
    container.write(tmp_path / "model", about, changed)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "model")


def test_the_file_that_hostile_ones_are_made_of_is_read(saved, tmp_path):
    container.write(tmp_path / "model", saved.about, dict(saved.arrays))
    assert load_model(tmp_path / "model").classes_.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"terms": []}, r"terms are \[\]: expected some of 'shape', "),
        ({"terms": "shape"}, "terms are 'shape'"),
        ({"terms": ["shape", "shape"]}, "terms are "),
        ({"terms": ["taste"]}, "terms are "),
        ({"terms": [["shape"]]}, "terms are "),
        ({"terms": 5}, "terms are 5"),
        ({"weights": {"shape": 1}}, "weights are .*: expected 'auto', or a number from 0 for each of"),
        ({"weights": "equal"}, "weights are 'equal'"),
        ({"weights": [1] * 6}, "weights are "),
        ({"terms": ["shape"], "weights": {"shape": -1}}, "weights are "),
        ({"terms": ["shape"], "weights": {"shape": np.nan}}, "weights are "),
        ({"terms": ["shape"], "weights": {"shape": "much"}}, "weights are "),
        ({"terms": ["shape"], "weights": {"shape": 1, "edges": 1}}, "weights are "),
        ({"quarter_turns": 4}, "quarter_turns is 4: expected 'auto', True or False"),
        ({"n_neighbors": 0}, "n_neighbors is 0"),
        ({"prepare": "gray"}, "prepare is 'gray'"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(InputError, match=message):
        MixtureMatch(**parameters).fit(*drawings(4, 2, 16))


@pytest.mark.parametrize("terms", [None, *[[name] for name in ALL]])
def test_terms_alone_and_together_answer_what_they_were_shown(terms):
    images, codes = coloured(4, 4, 16)
    model = MixtureMatch(terms=terms).fit(images, codes)
    assert list(model.weights_) == list(ALL if terms is None else terms)
    assert model.predict(images).tolist() == codes.tolist()


def test_weights_of_nothing_leave_all_equally_far():
    images, codes = drawings(4, 2, 16)
    model = MixtureMatch(terms=["shape", "colour"], weights={"shape": 0, "colour": 0}).fit(images, codes)
    np.testing.assert_array_equal(model.kneighbors(images, 4)[1], np.tile(np.arange(4), (4, 1)))
    np.testing.assert_allclose(model.predict_proba(images), 0.5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("labels", [[0] * 5, [0, 1, 2, 3, 4], [0, 0, 1, 1, 2]])
@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (5, 3), (9, 9, 3), (12, 16)])
def test_edge_images_are_answered(shape, labels):
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    images[0], images[1], images[3] = 0, 255, images[2]
    model = MixtureMatch().fit(images, labels)
    found = model.answer(images)
    assert np.isfinite(found.distances).all()
    assert model.predict(images[:3]).tolist() == labels[:3]
    assert np.isfinite(model.predict_proba(images)).all()
    # Floats are rounded to bytes.
    moved = np.clip(images / 255 + 1e-4, 0, 1)
    for one, other in zip(model.kneighbors(moved, 5), model.kneighbors(images, 5), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("colours", [False, True])
def test_evidence_says_what_each_term_adds(colours):
    images, codes = coloured(12, 3) if colours else drawings(12, 3, 16)
    asked = coloured(3, 3, seed=2)[0] if colours else drawings(3, 3, 16, seed=2)[0]
    model = MixtureMatch().fit(images, codes)
    for one in model.explain(asked):
        assert [term.name for term in one.terms] == list(ALL)
        assert [term.title for term in one.terms] == [TERMS[name].title for name in ALL]
        both = [(one.for_answer, "for_answer"), (one.for_runner_up, "for_runner_up")]
        for reference, side in both:
            amounts = [getattr(term, side) for term in one.terms]
            np.testing.assert_allclose(sum(amounts), reference.distance, **CLOSE)
            kept = int(np.flatnonzero(model.ids_ == reference.id)[0])
            for name in ("turned", "colour"):
                alone = copy.copy(model.recogniser_.matcher)
                weight = alone.weights[ALL.index(name)]
                alone.names, alone.weights = (name,), np.array([weight])
                amount = by_definition(alone, images, codes, one.image[None])[0, kept]
                np.testing.assert_allclose(amounts[ALL.index(name)], amount, **CLOSE)
        turned = one.terms[ALL.index("turned")]
        assert one.contributions.shape == images.shape[1:3]
        np.testing.assert_allclose(one.contributions.sum(), turned.for_runner_up - turned.for_answer)
        plain = one.to_plain()["terms"]
        assert plain[0] == {
            "name": "shape",
            "title": "shape as a drawing",
            "for_answer": one.terms[0].for_answer,
            "for_runner_up": one.terms[0].for_runner_up,
        }
        shown = parts(one)
        shares = {term.title: (term.for_runner_up - term.for_answer) / one.margin for term in one.terms}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
        listed = sorted(shares, key=shares.get, reverse=True)
        words = ", ".join(f"{title} {round(100 * shares[title])} %".replace("-", "−") for title in listed)
        assert f"Of the difference of {one.margin:.4f}: {words}." in shown.sentences
        together = float(shown.said.split("together ")[1].split(",")[0].replace("−", "-"))
        assert together == pytest.approx(turned.for_runner_up - turned.for_answer, abs=6e-5)
        assert shown.said.endswith("the part of the difference that can be laid on pixels")


def lying(n, n_classes, seed=0):
    """Return drawings of which each lies in one of four ways, as it fell."""
    images, codes = drawings(n, n_classes, 16, seed)
    return np.stack([np.rot90(image, place // n_classes % 4) for place, image in enumerate(images)]), codes


@pytest.mark.parametrize("shape", [(16, 16), (16, 12), (9, 14, 3)])
def test_in_quarter_turns_each_image_is_compared_in_that_in_which_it_is_nearest(shape, monkeypatch):
    rng = np.random.default_rng(3)
    images, asked = rng.integers(0, 256, (2, 6, *shape), np.uint8)
    monkeypatch.setattr(module, "SHORT_LIST", 6)
    matcher = MixtureMatcher(ALL, np.full(len(ALL), 0.5), 4)
    matcher.fit(images, np.arange(6) % 2, 2)
    found = matcher.match(asked, 6)
    upright = copy.copy(matcher)
    upright.turns = 1
    aligned, plain = [], []
    for quarter in range(4):
        queries = np.rot90(asked, quarter, axes=(1, 2))
        if queries.shape != asked.shape:
            queries = resized_batch(np.ascontiguousarray(queries), shape[:2])
        queries = np.ascontiguousarray(queries)
        aligned.append(by_place(upright.match(queries, 6)))
        plain.append(upright._total(upright._compared(queries, None, 0, silent).costs, None))
    # The turn is that in which an image is nearest before it is aligned.
    expected = np.choose(np.argmin(plain, axis=0), aligned)
    np.testing.assert_allclose(by_place(found), expected, **CLOSE)
    for query in range(6):
        place = int(found.places[query, 0])
        costs = matcher.contributions(asked[query], place)
        assert sum(term.amount for term in costs.terms) == pytest.approx(found.distances[query, 0], abs=3e-9)
        assert costs.costs.shape == shape[:2]
        assert costs.costs.sum() == pytest.approx(costs.terms[ALL.index("turned")].amount)


def by_place(found):
    """Return distances (q, n) in the order of the kept images."""
    return np.take_along_axis(found.distances, np.argsort(found.places, axis=1), 1)


def test_evidence_of_a_turned_image_lies_on_its_own_pixels():
    images, codes = drawings(8, 2, 16)
    matcher = MixtureMatcher(ALL, np.ones(len(ALL)), 4)
    matcher.fit(images, codes, 2)
    asked = images[0].copy()
    asked[1, 14] = 255
    upright = matcher.contributions(asked, 0).costs
    turned = matcher.contributions(np.ascontiguousarray(np.rot90(asked, 3)), 0).costs
    np.testing.assert_allclose(turned, np.rot90(upright, 3), atol=1e-9)


def test_images_that_lie_as_they_fell_are_compared_in_all_turns():
    model = MixtureMatch().fit(*lying(12, 3))
    said = "images are compared in all quarter turns: the loss of 12 examples left out falls from"
    assert model.reasons_[0].startswith(said)
    assert not any("turns" in reason for reason in MixtureMatch().fit(*drawings(24, 3, 16)).reasons_)


def test_turned_images_are_recognised():
    images, codes = drawings(16, 8, 16)
    asked, wanted = drawings(24, 8, 16, seed=4)
    lying_down = np.rot90(asked, 1, axes=(1, 2))
    right = [
        (MixtureMatch(quarter_turns=turns).fit(images, codes).predict(lying_down) == wanted).mean()
        for turns in (True, False)
    ]
    assert right[0] > max(right[1], 0.9)


def test_turns_are_told_by_examples_alone():
    images, codes = lying(3, 3)
    assert not any("turns" in reason for reason in MixtureMatch().fit(images, codes).reasons_)
    assert MixtureMatch(quarter_turns=True).fit(images, codes).recogniser_.matcher.turns == 4


def test_evidence_without_pixels_or_without_a_runner_up():
    images, codes = coloured(6, 2)
    one = MixtureMatch(terms=["shape", "colour"]).fit(images, codes).explain(images[:1])[0]
    assert one.contributions is None
    assert parts(one).said == ""
    assert [term.name for term in one.terms] == ["shape", "colour"]
    alone = MixtureMatch().fit(images, codes * 0).explain(images[:1])[0]
    assert [term.for_runner_up for term in alone.terms] == [None] * 6
    assert len(parts(alone).sentences) == 1
    # Equally far, there is no difference to be of anything.
    same = MixtureMatch().fit(images[[0, 0]], [0, 1]).explain(images[:1])[0]
    assert len(parts(same).sentences) == 2


def test_what_was_not_aligned_is_laid_on_pixels_too(monkeypatch):
    """As far as the last image that was aligned is an image of which no pixel may cost anything."""
    images, codes = drawings(12, 3, 16)
    matcher = fitted(images, codes, 3)
    costs, turns = {name: np.ones((1, 12)) for name in GRADIENTS}, np.zeros((1, 12), np.intp)
    monkeypatch.setattr(matcher, "_measured", lambda *_: (costs, turns))
    matcher.names, matcher.weights = GRADIENTS, np.array([1.0, 0.5])
    found = matcher.contributions(images[4], 4)
    np.testing.assert_allclose(found.costs, 0.5 / 256)


def test_images_of_other_colours_are_refused():
    model = MixtureMatch().fit(*coloured(6, 2))
    with pytest.raises(LookalikeError):
        model.predict(np.zeros((1, 9, 9), np.uint8))
