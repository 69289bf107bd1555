import hashlib
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import log_softmax
from sklearn.base import clone

from apart import put_together, taken_apart
from lookalike import DeformableMatch, InkCoverage, InputError, MeanImage, NearestImages
from lookalike.recognition import reservoir
from lookalike.recognition.probability import (
    FIXED_SHARE,
    Calibration,
    LeftOut,
    bin_places,
    calibrate,
    calibration_error,
    probabilities,
)
from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.reservoir import image_keys, smallest, spreads
from lookalike.search.together import OWN

MODELS = {
    "mean-l1": MeanImage(),
    "mean-l2": MeanImage("l2"),
    "median-l1": MeanImage(average="median"),
    "median-l2": MeanImage("l2", average="median"),
    "coverage": InkCoverage(),
    "nearest-l1": NearestImages(),
    "nearest-l2": NearestImages(metric="l2"),
    "three-vote": NearestImages(3),
    "four-weighted": NearestImages(4, weights="distance"),
    "deformable": DeformableMatch(),
    "deformable-few": DeformableMatch(None, warp=1, context=1, n_neighbors=3, candidates=5),
}


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


def agrees(model, images):
    shares = model.predict_proba(images)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-12)
    assert (shares >= 0).all()
    np.testing.assert_array_equal(model.classes_[np.argmax(shares, axis=1)], model.predict(images))
    return shares


def test_the_likeliest_class_is_the_answer(model, digits):
    train, valid = digits
    shares = agrees(model.fit(train.images, train.labels), valid.images)
    assert model.calibrated_
    assert model.temperature_ > 0
    np.testing.assert_array_equal(model.predict_proba(valid.images[7:8])[0], shares[7])


@pytest.mark.filterwarnings("ignore::lookalike.errors.LookalikeWarning")
def test_the_likeliest_class_is_the_answer_where_classes_tie(model, edge_images):
    twice = np.concatenate([edge_images, edge_images])
    for labels in (np.repeat([5, 2], 8), np.repeat([2, 5], 8), np.arange(16) % 3):
        shares = agrees(clone(model).fit(twice, labels), edge_images)
        assert (shares.max(axis=1) < 1).any()


def test_probabilities_are_about_right(model, digits):
    train, valid = digits
    model.fit(train.images, train.labels)
    shares = model.predict_proba(valid.images)
    is_right = model.predict(valid.images) == valid.labels
    assert abs(shares.max(axis=1).mean() - is_right.mean()) < 0.04


def test_a_class_without_images_is_impossible(edge_images):
    for model in (MeanImage(), NearestImages(), DeformableMatch(None)):
        model.partial_fit(edge_images, ["b"] * 4 + ["c"] * 4, classes=["a", "b", "c"])
        shares = agrees(model, edge_images)
        assert not shares[:, 0].any()


def test_a_single_image_of_a_class_means_a_rule_of_thumb(model, edge_images):
    model.fit(edge_images[2:], [0, 0, 1, 1, 1, 2])
    assert not model.calibrated_
    assert model.exponent_ == 1
    found = model.recogniser_.left_out().distances
    assert model.temperature_ == pytest.approx(np.median(found[np.isfinite(found)]) * FIXED_SHARE)
    agrees(model, edge_images[2:])


def test_nothing_to_go_by(model):
    images = np.zeros((5, 4, 4), np.uint8)
    for labels in ([0, 0, 0, 0, 0], [0, 1, 2, 3, 4], [0, 0, 0, 0, 1]):
        agrees(clone(model).fit(images, labels), images)


def test_a_single_image():
    images = np.full((1, 3, 3), 7, np.uint8)
    for model in (
        MeanImage(),
        MeanImage(average="median"),
        InkCoverage(),
        NearestImages(),
        DeformableMatch(None),
    ):
        assert agrees(model.fit(images, ["x"]), images).tolist() == [[1.0]]


@pytest.mark.parametrize("name", ["mean-l1", "mean-l2", "coverage", "nearest-l1", "nearest-l2", "deformable"])
def test_leaving_out_is_fitting_without(name, digits):
    train = digits[0].take(slice(90))
    model = clone(MODELS[name])
    if name == "deformable":
        model.set_params(prepare=None, warp=1, context=1, n_neighbors=1)
    model.fit(train.images, train.labels)
    left_out = model.recogniser_.left_out()
    keys = image_keys(train.images, train.labels.astype(np.intp), np.arange(10))
    for row, place in enumerate(smallest(keys)[:20]):
        others = np.delete(np.arange(90), place)
        without = clone(model).fit(train.images[others], train.labels[others])
        expected = without.class_distances(train.images[[place]])[0]
        np.testing.assert_allclose(left_out.distances[row], expected, atol=1e-12)
        assert left_out.codes[row] == train.labels[place]


@pytest.mark.parametrize("size", [20, 2000])
@pytest.mark.parametrize("name", ["mean-l1", "coverage", "nearest-l2", "deformable-few"])
def test_order_and_parts_do_not_matter(name, size, digits, monkeypatch):
    monkeypatch.setattr(reservoir, "SIZE", size)
    train, valid = (part.take(slice(200)) for part in digits)
    whole = clone(MODELS[name]).fit(train.images, train.labels)
    expected = whole.predict_proba(valid.images)
    assert len(whole.recogniser_.left_out().codes) == min(size, 200)
    parts = clone(MODELS[name])
    order = np.random.default_rng(0).permutation(200)
    for start in range(0, 200, 60):
        part = train.take(order[start : start + 60])
        parts.partial_fit(part.images, part.labels, classes=range(10))
        assert parts.temperature_ > 0  # asked for in between: it follows what comes after
    assert parts.recogniser_.calibration() == whole.recogniser_.calibration()
    if name != "deformable-few":  # candidates tie by their order
        np.testing.assert_array_equal(parts.predict_proba(valid.images), expected)


def test_forgetting_and_teaching_are_followed(digits):
    train, valid = digits
    model = NearestImages().fit(train.images[:300], train.labels[:300])
    before = model.recogniser_.calibration()
    ids = model.teach(train.images[300:400], train.labels[300:400])
    assert (
        model.recogniser_.calibration()
        == NearestImages().fit(train.images[:400], train.labels[:400]).recogniser_.calibration()
    )
    assert model.recogniser_.calibration() != before
    assert model.forget(ids).recogniser_.calibration() == before
    means = MeanImage().fit(train.images[:300], train.labels[:300])
    means.teach(valid.images[:3], [-1, -1, 12])
    agrees(means, valid.images)
    assert not means.calibrated_  # a single image of the new class 12
    means.teach(valid.images[3:4], [12])
    assert means.calibrated_


def test_what_follows_from_the_state_is_not_copied(model, digits):
    train, valid = (part.take(slice(120)) for part in digits)
    model.fit(train.images, train.labels)
    expected = model.predict_proba(valid.images)
    assert model.recogniser_._derived
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - scikit-learn's tools pickle between processes
    assert not again.recogniser_._derived
    np.testing.assert_array_equal(again.predict_proba(valid.images), expected)
    stored = put_together(model, taken_apart(model))
    np.testing.assert_array_equal(stored.predict_proba(valid.images), expected)


def test_bytes_and_floats_can_meet(digits):
    train, valid = digits
    model = MeanImage().partial_fit(train.images[:100], train.labels[:100], classes=range(10))
    model.partial_fit(train.images[100:300] / 510, train.labels[100:300])
    assert model.recogniser_.reservoir.images.dtype == np.float64
    assert model.recogniser_.reservoir.images.max() <= 1
    agrees(model, valid.images)


@given(
    distances=hnp.arrays(
        np.float64, st.tuples(st.integers(1, 5), st.integers(1, 6)), elements=st.floats(0, 9)
    ),
    exponent=st.sampled_from([1, 2, 3]),
    data=st.data(),
)
def test_any_answer_can_be_the_likeliest(distances, exponent, data):
    answers = np.array([data.draw(st.integers(0, distances.shape[1] - 1)) for _ in distances])
    plain = probabilities(distances, np.argmin(distances, axis=1), Calibration(0.5, exponent, True))
    shares = probabilities(distances, answers, Calibration(0.5, exponent, True))
    np.testing.assert_array_equal(np.argmax(shares, axis=1), answers)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-12)
    for row, answer in enumerate(answers):
        # Those that gave something up are level with the answer, and were above it.
        gave = shares[row] < plain[row] - 1e-12
        np.testing.assert_allclose(shares[row][gave], shares[row, answer], atol=1e-12)
        others = np.arange(len(plain[row])) != answer
        assert (plain[row][gave] >= plain[row, answer] - 1e-12).all()
        np.testing.assert_allclose(shares[row][others & ~gave], plain[row][others & ~gave], atol=1e-12)


def test_temperature_matches_the_share_of_right_answers():
    rng = np.random.default_rng(0)
    distances = rng.uniform(0.1, 1, (800, 4))
    codes = np.where(rng.random(800) < 0.7, np.argmin(distances, axis=1), rng.integers(0, 4, 800))
    found = calibrate(LeftOut(distances, codes, np.ones(800)))
    shares = probabilities(distances, np.argmin(distances, axis=1), found)
    right = (np.argmin(distances, axis=1) == codes).sum()
    assert shares.max(axis=1).mean() == pytest.approx((right + 1) / 802, abs=1e-6)
    # Distances in another unit: the same probabilities.
    far = calibrate(LeftOut(distances * 1e6, codes, np.ones(800)))
    assert far.exponent == found.exponent
    assert far.temperature == pytest.approx(found.temperature * 1e6, rel=1e-6)


@pytest.mark.parametrize("n", [499, 500, 20_000])
@pytest.mark.parametrize("form", [1, 2, 3])
def test_the_form_of_the_smallest_error_is_taken_from_500_images_on(form, n):
    rng = np.random.default_rng(form)
    distances = rng.gamma(2, 1, (n, 3))
    answers = distances.argmin(axis=1)
    chances = probabilities(distances, answers, Calibration(1.0, form, True))
    codes = (chances.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1)
    errors = []
    for exponent in (1, 2, 3):
        low, high = 1e-3, 1e3
        for _ in range(60):
            middle = np.sqrt(low * high)
            sure = probabilities(distances, answers, Calibration(middle, exponent, True)).max(axis=1)
            too_sure = sure.mean() > ((answers == codes).sum() + 1) / (n + 2)
            low, high = (middle, high) if too_sure else (low, middle)
        errors.append(calibration_error(sure, answers == codes))
    best = int(np.argmin(errors)) + 1
    assert best == form or n < 20_000
    assert calibrate(LeftOut(distances, codes, np.ones(n))).exponent == (1 if n < 500 else best)


@pytest.mark.parametrize("codes", [[], [0, 2]])
def test_what_was_left_out_is_of_known_classes(codes):
    n = len(codes)
    with pytest.raises(InputError, match="codes are none, or of classes beyond those"):
        LeftOut(np.ones((n, 2)), np.array(codes, np.intp), np.ones(n)).restored()


def test_images_without_a_group_are_alone_in_one():
    groups = np.array([5, 5, 9, OWN, OWN], np.uint64)
    units = LeftOut(np.ones((5, 1)), np.zeros(5, np.intp), np.ones(5), groups).units
    assert units[0] == units[1]
    assert len({*units[1:].tolist()}) == 4


def test_huge_distances_stay_numbers():
    distances = np.array([[1e300, 1e305, np.inf], [0.0, 1e-300, np.inf]])
    for exponent in (1, 2, 3):
        shares = probabilities(distances, np.array([0, 0]), Calibration(1e-9, exponent, True))
        assert np.isfinite(shares).all()
        assert not shares[:, 2].any()


def test_where_every_class_is_infinitely_far_none_is_likelier():
    distances = np.array([[np.inf] * 3, [0.1, 0.5, np.inf], [0.2, 0.9, 0.4]])
    found = calibrate(LeftOut(distances, np.array([1, 0, 0]), np.ones(3)))
    shares = probabilities(distances, np.array([0, 0, 0]), found)
    np.testing.assert_allclose(shares[0], 1 / 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert shares[1, 2] == 0
    table = np.array([[0.0], [1.0], [1e200], [-1e200]])  # squares of these are beyond 64 bits
    with np.errstate(over="ignore"):
        agrees(MeanImage("l2").fit(table, [0, 0, 1, 1]), table)


def test_calibration_error_by_hand():
    confidence = np.array([1.0, 0.5, 0.5, 0.2])
    assert calibration_error(confidence, np.array([True, True, False, True]), 2) == pytest.approx(0.8 / 4)
    assert calibration_error(confidence[:1], np.array([True])) == 0


def test_keys_follow_from_values_and_labels_alone():
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (50, 13), dtype=np.uint8)
    codes = rng.integers(0, 3, 50)
    keys = image_keys(rows, codes, np.array(["a", "b", "c"]))
    assert len(np.unique(keys)) == 50
    np.testing.assert_array_equal(image_keys(np.asfortranarray(rows), codes, np.array(["a", "b", "c"])), keys)
    np.testing.assert_array_equal(image_keys(rows[::2], codes[::2], np.array(["a", "b", "c"])), keys[::2])
    # Another place of the label among the classes is the same label.
    np.testing.assert_array_equal(image_keys(rows, codes + 1, np.array(["0", "a", "b", "c"])), keys)
    assert not (image_keys(rows, codes, np.array(["x", "y", "z"])) == keys).any()
    zeros = np.array([[0.0, 1.0], [-0.0, 1.0]])
    assert len(np.unique(image_keys(zeros, np.zeros(2, int), np.array([0])))) == 1


@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_keys_are_those_that_files_hold(kind, monkeypatch):
    """Worked out with Python's integers: other keys would choose other images to go on with."""
    monkeypatch.setattr(reservoir, "_CHUNK_VALUES", 40)
    rows = np.random.default_rng(1).integers(0, 256, (7, 13), dtype=np.uint8)
    rows = rows if kind == "bytes" else np.where(rows < 50, -0.0, rows / 255)

    def mixed(value):
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    expected = []
    for row, label in zip(rows, ["é", "b"] * 4, strict=False):
        data = row.tobytes() + bytes(3) if kind == "bytes" else struct.pack("<13d", *(row + 0.0))
        words = struct.unpack(f"<{len(data) // 8}Q", data)
        total = sum(word * (mixed(place) | 1) for place, word in enumerate(words)) % 2**64
        hashed = hashlib.blake2b(label.encode(), digest_size=8).digest()
        expected.append(mixed(total ^ int.from_bytes(hashed, "little")))
    keys = image_keys(rows, np.array([1, 0] * 4)[:7], np.array(["b", "é"]))
    assert keys.tolist() == expected


def test_smallest_keys_take_equal_ones_by_place(monkeypatch):
    monkeypatch.setattr(reservoir, "SIZE", 3)
    assert smallest(np.array([7, 2, 7, 1, 7], np.uint64)).tolist() == [3, 1, 0]


def test_a_reservoir_holds_at_most_2_000_images_by_ascending_keys():
    images, codes = np.random.default_rng(3).integers(0, 256, (2001, 2, 3), np.uint8), np.arange(2001) % 2
    full = reservoir.Reservoir.of(images, codes, np.arange(2))
    assert len(full.keys) == len(full.images) == len(full.codes) == 2000
    for n in (1, 2000):
        reservoir.Reservoir(full.images[:n], full.codes[:n], full.keys[:n]).restored()
    for keys in (full.keys[:0], np.append(full.keys, full.keys[-1:]), full.keys[:2][::-1]):
        with pytest.raises(InputError, match=f"holds {len(keys)} images: expected 1 to 2000"):
            reservoir.Reservoir(full.images, full.codes, keys).restored()


@pytest.mark.parametrize("kind", ["bytes", "floats"])
def test_spread_is_the_standard_deviation(kind, edge_images):
    images = edge_images if kind == "bytes" else edge_images / 300
    unit = 255 if kind == "bytes" else 1
    expected = images.reshape(8, -1).std(axis=1) / unit
    np.testing.assert_allclose(spreads(images), expected, atol=1e-12)
    if kind == "bytes":
        assert (spreads(images)[:3] == 0).all()
        whole = np.random.default_rng(0).integers(0, 256, (7000, 28, 25), dtype=np.uint8)
        np.testing.assert_allclose(spreads(whole), whole.reshape(7000, -1).std(axis=1) / 255)


@pytest.mark.parametrize("kind", [NearestImages, MeanImage, DeformableMatch])
def test_files_hold_what_was_worked_out_and_no_more(kind, digits, monkeypatch):
    train, valid = digits
    model = kind().fit(train.images[:200], train.labels[:200])
    assert "known_left_out.distances" not in taken_apart(model).arrays
    expected = model.predict_proba(valid.images[:20])
    opened = put_together(model, taken_apart(model))
    monkeypatch.setattr(Recogniser, "_leave_out", lambda *_: pytest.fail("worked out again"))
    np.testing.assert_array_equal(opened.predict_proba(valid.images[:20]), expected)
    opened.teach(valid.images[:1], valid.labels[:1])
    assert "known_left_out.distances" not in taken_apart(opened).arrays


def test_the_third_form_is_what_the_module_says():
    distances, t = np.array([[0.3, 0.2, 0.25], [0.01, 0.3, 0.4]]), 0.2
    least = np.array([[0.2], [0.3 / np.sqrt(3)]])
    shares = np.exp(-(distances**2) * least / t**3)
    found = probabilities(distances, distances.argmin(axis=1), Calibration(t, 3, True))
    np.testing.assert_allclose(found, shares / shares.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("exponent", [1, 2, 3])
def test_the_nearer_a_class_the_surer_it_is(exponent):
    nearest = np.concatenate([[0, 1e-9], np.linspace(1e-3, 0.5, 200)])
    distances = np.column_stack([nearest, np.full(len(nearest), 0.5)])
    sure = probabilities(distances, np.zeros(len(nearest), np.intp), Calibration(0.3, exponent, True))[:, 0]
    assert (np.diff(sure) <= 1e-12).all()
    assert sure[0] > sure[-2] > 0.5


@pytest.mark.parametrize("exponent", [1, 2, 3])
@pytest.mark.parametrize("answer", [0, 2])
def test_an_image_of_two_classes_is_shared_between_them(exponent, answer):
    shares = probabilities(
        np.array([[0.0, 0.5, 0.0, 0.4]]), np.array([answer]), Calibration(0.01, exponent, True)
    )
    assert np.argmax(shares[0]) == answer
    np.testing.assert_allclose(shares[0], [0.5, 0, 0.5, 0], atol=1e-12)


@pytest.mark.parametrize("kind", [NearestImages, DeformableMatch])
def test_an_image_with_two_labels_is_shared_between_them(kind, digits):
    train = digits[0].take(slice(600))
    place = int(np.flatnonzero(train.labels == 4)[0])
    images = np.concatenate([train.images, train.images[[place]]])
    model = kind(n_neighbors=1).fit(images, np.append(train.labels, 9))
    for exponent in (1, 2, 3):
        model.recogniser_._derived["calibration"] = model.recogniser_.calibration()._replace(
            exponent=exponent
        )
        shares = agrees(model, images[[place]])[0]
        assert shares[4] == pytest.approx(shares[9], abs=1e-12)
        assert shares[4] > 0.4


def test_a_bin_holds_its_upper_edge():
    edges = np.array([0.0, 0.25, 0.250001, 0.5, 0.75, 1.0])
    assert bin_places(edges, 4).tolist() == [0, 0, 1, 1, 2, 3]


def test_a_class_of_a_single_image_is_left_out_of_the_fit():
    rng = np.random.default_rng(0)
    distances = rng.uniform(0.1, 1, (40, 4))
    codes = np.where(rng.random(40) < 0.8, np.argmin(distances, axis=1), rng.integers(0, 3, 40))
    alone = codes == 3
    distances[alone, 3] = np.inf
    counts = np.array([20, 20, 20, 1])
    found = calibrate(LeftOut(distances, codes, np.ones(40)), counts)
    others = calibrate(LeftOut(distances[~alone], codes[~alone], np.ones((~alone).sum())))
    assert alone.any()
    assert not found.fitted
    assert others.fitted
    assert found.temperature == pytest.approx(others.temperature, rel=1e-6)
    enough = np.concatenate([np.flatnonzero(alone), np.flatnonzero(~alone)[:20]])
    found = calibrate(LeftOut(distances[enough], codes[enough], np.ones(len(enough))), counts)
    enough = enough[codes[enough] < 3]
    others = calibrate(LeftOut(distances[enough], codes[enough], np.ones(20)))
    assert found.temperature == pytest.approx(others.temperature, rel=1e-6)
    # Too few others: a share of the median distance.
    few = np.concatenate([np.flatnonzero(alone), np.flatnonzero(~alone)[:19]])
    found = calibrate(LeftOut(distances[few], codes[few], np.ones(len(few))), counts)
    finite = distances[few][np.isfinite(distances[few])]
    assert found == Calibration(np.median(finite) * FIXED_SHARE, 1, False)


@pytest.mark.parametrize(("size", "right"), [(2, 0.7), (5, 0.7), (10, 1.0), (3, 0.0)])
def test_the_temperature_of_few_images_a_class_makes_their_classes_likeliest(size, right):
    rng = np.random.default_rng(0)
    distances = rng.uniform(5, 20, (40, 10))
    codes = np.where(rng.random(40) < right, np.argmin(distances, axis=1), rng.integers(0, 10, 40))
    found = calibrate(LeftOut(distances, codes, np.ones(40)), np.full(10, size))
    thumb = np.median(distances) / 9
    tried = thumb * np.exp(np.linspace(-6, 6, 4001))
    losses = [
        -log_softmax(-distances / one, axis=1)[np.arange(40), codes].sum() + np.log(one / thumb) ** 2
        for one in tried
    ]
    best = tried[np.argmin(losses)] * (1 - 1 / (2 * size))
    assert found == Calibration(pytest.approx(best, rel=4e-3), 1, True)
    assert thumb / 100 < found.temperature < thumb * 100


def test_many_images_a_class_are_fitted_by_the_share_of_right_answers():
    rng = np.random.default_rng(0)
    distances = rng.uniform(0.1, 1, (40, 10))
    codes = np.where(rng.random(40) < 0.7, np.argmin(distances, axis=1), rng.integers(0, 10, 40))
    left_out = LeftOut(distances, codes, np.ones(40))
    assert calibrate(left_out, np.full(10, 11)) == calibrate(left_out)
    assert calibrate(left_out, np.full(10, 10)) != calibrate(left_out)
