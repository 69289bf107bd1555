import gzip
import shutil

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from making import encoded, gray, write_folder, write_idx

import lookalike
from lookalike.data.labelled import Split
from lookalike.data.load import choose_classes, draw, split, split_by_groups
from lookalike.data.readers.listing import ArrayImages, Listing
from lookalike.errors import DataError, InputError


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "set", {"a": 10, "b": 20, "c": 5})


def test_the_result_is_a_named_pair(folder):
    split = lookalike.load(folder)
    assert isinstance(split, Split)
    assert split.train is split[0]
    assert split.train.source.name == str(folder)


def test_the_seed_decides_the_split(folder):
    names = [lookalike.load(folder, seed=seed).valid.names for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]


def test_classes_limit_and_size_together(folder):
    train, valid = lookalike.load(folder, classes=["c", "b"], limit=4, size=7, seed=3)
    assert train.class_names == valid.class_names == ("b", "c")
    assert (len(train), len(valid)) == (4, 4)
    assert train.images.shape == (4, 7, 7)
    assert len(train.source.notes) == 3
    assert set(lookalike.load(folder, seed=3).train.names) >= set(train.names)


def test_only_what_is_drawn_is_read(folder):
    told = []
    lookalike.load(folder, limit=5, progress=lambda *what: told.append(what))
    assert [what for what in told if what[1] == what[2]] == [("reading images", 5, 5)] * 2


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_no_seeds(folder, seed):
    with pytest.raises(InputError, match=r"seed is .*: expected a whole number of at least 0"):
        lookalike.load(folder, seed=seed)


@pytest.mark.parametrize("limit", [1.5, "3", True, -1, 0, 2])
def test_no_limits(folder, limit):
    with pytest.raises(InputError, match=r"limit is .*: expected"):
        lookalike.load(folder, limit=limit)


def test_one_class_is_no_set_however_it_comes(folder, tmp_path):
    with pytest.raises(DataError, match=r"has one class only \('a'\)"):
        lookalike.load(folder, classes=["a"])
    write_idx(tmp_path, np.zeros((3, 2, 2)), [1, 1, 1])
    with pytest.raises(DataError, match=r"has one class only \('1'\)"):
        lookalike.load(tmp_path / "train-images-idx3-ubyte.gz")


def test_no_validation_image_of_these_classes(tmp_path):
    write_folder(tmp_path / "train", {"a": 1, "b": 1, "c": 1})
    write_folder(tmp_path / "valid", {"c": 1})
    train, valid = lookalike.load(tmp_path)
    assert valid.class_names == train.class_names
    with pytest.raises(DataError, match=r"the valid part of .* has no image of these classes"):
        lookalike.load(tmp_path, classes=["a", "b"])


def test_a_single_image_of_a_class(tmp_path):
    train, valid = lookalike.load(write_folder(tmp_path, {"a": 1, "b": 5}))
    assert train.counts() == {"a": 1, "b": 4}
    assert valid.counts() == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    "content",
    [b"", b"text", gzip.compress(b"text"), encoded(gray())],
    ids=["empty", "text", "packed text", "a picture"],  # bytes in a name would carry the time
)
def test_a_file_that_is_no_data(tmp_path, content):
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"file\.bin' cannot be read as labelled images: expected an image folder"
    ):
        lookalike.load(path)


def test_a_path_that_no_system_takes():
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        lookalike.load("a" * 5000)
    with pytest.raises(lookalike.UnknownNameError, match=r"no data set is called 'a\\x00b'"):
        lookalike.load("a\0b")


def test_largest_and_smallest_images(tmp_path):
    write_folder(tmp_path / "one", {"a": 2, "b": 2}, shape=(1, 1))
    assert lookalike.load(tmp_path / "one").train.images.shape == (2, 1, 1)
    write_folder(tmp_path / "wide", {"a": 2, "b": 2}, shape=(1, 5000))
    assert lookalike.load(tmp_path / "wide").train.images.shape == (2, 1, 5000)


def test_a_batch_that_would_not_fit(folder, monkeypatch):
    monkeypatch.setattr("lookalike.data.readers.intake.MAX_ARRAY_BYTES", 100)
    with pytest.raises(
        DataError, match=r"28 images of 4 x 3 need 336 bytes, more than 100: give size= or limit="
    ):
        lookalike.load(folder)


sizes = st.dictionaries(st.text("ab1é", min_size=1, max_size=3), st.integers(1, 40), min_size=1, max_size=6)


def listing(counts, order=None):
    classes = np.array([name for name, count in counts.items() for _ in range(count)], np.str_)
    if order is not None:
        classes = classes[np.random.default_rng(order).permutation(len(classes))]
    names = [f"{name}:{index}" for index, name in enumerate(classes)]
    return Listing(classes, names, ArrayImages(np.zeros((len(classes), 1, 1), np.uint8)))


def tally(part):
    return {name: int((part.classes == name).sum()) for name in np.unique(part.classes)}


@given(sizes, st.integers(0, 3), st.integers(0, 5))
def test_a_split_is_stratified_disjoint_and_complete(counts, seed, order):
    assume(max(counts.values()) > 1)
    whole = listing(counts, order)
    train, valid = split(whole, seed)
    assert sorted(train.names + valid.names) == sorted(whole.names)
    expected = {name: max(1, int(0.2 * count + 0.5)) for name, count in counts.items() if count > 1}
    assert tally(valid) == expected
    assert set(tally(train)) == set(counts)
    for part in (train, valid):
        places = [whole.names.index(name) for name in part.names]
        assert places == sorted(places)
        np.testing.assert_array_equal(part.positions, places)


def test_a_split_is_shuffled_and_seeded():
    whole = listing({"a": 200, "b": 200})
    first, again, other = split(whole, 0)[1], split(whole, 0)[1], split(whole, 1)[1]
    assert first.names == again.names
    assert first.names != other.names
    places = np.array([int(name.split(":")[1]) for name in first.names if name.startswith("a")])
    # Forty drawn from two hundred: neither the first forty nor every fifth.
    assert places.max() > 150
    assert len(np.unique(np.diff(places))) > 1


def test_what_is_drawn_of_a_class_does_not_depend_on_the_others():
    alone = listing({"3": 50, "7": 50})
    among = listing({"3": 50, "7": 50, "8": 30})
    for purpose in (lambda one: split(one, 5)[1], lambda one: draw(one, len(one) // 2, 5)):
        threes = [name for name in purpose(alone).names if name.startswith("3")]
        more = [name for name in purpose(among).names if name.startswith("3")]
        assert set(threes) <= set(more) or set(more) <= set(threes)


def test_classes_of_one_size_are_drawn_apart():
    valid = split(listing({"a": 50, "b": 50}), 0)[1]
    drawn = {name: {int(one.split(":")[1]) % 50 for one in valid.names if one[0] == name} for name in "ab"}
    assert drawn["a"] != drawn["b"]


def test_split_and_limit_are_not_the_same_draw():
    whole = listing({"a": 100, "b": 100})
    assert split(whole, 0)[1].names != draw(whole, 40, 0).names


def test_a_single_image_stays_in_train_and_is_said():
    train, valid = split(listing({"a": 1, "b": 5}), 0)
    assert tally(train) == {"a": 1, "b": 4}
    assert tally(valid) == {"b": 1}
    assert "A single image of class 'a': it stays in the train part." in valid.source.notes
    with pytest.raises(DataError, match="every class in 'arrays' has a single image, so none is left"):
        split(listing({"a": 1, "b": 1}), 0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=2, max_size=80), st.integers(0, 3))
def test_a_split_by_groups_tears_none_apart(images, seed):
    groups, classes = (np.array(column).astype(str) for column in zip(*images, strict=True))
    whole = Listing(
        classes, [*map(str, range(len(images)))], ArrayImages(np.zeros((len(images), 1, 1))), groups=groups
    )
    can_go = [group for group in set(groups) if set(classes[groups != group]) == set(classes)]
    if not can_go:
        with pytest.raises(DataError, match="each group in 'arrays' has all images of a class"):
            split_by_groups(whole, seed)
        return
    train, valid = split_by_groups(whole, seed)
    assert sorted([*train.names, *valid.names], key=int) == whole.names
    assert not set(train.groups) & set(valid.groups)
    assert set(train.classes) == set(classes)
    assert len(set(valid.groups)) == 1 or len(valid) <= 0.2 * len(whole) + 0.5
    assert 0 < len(valid) < len(whole)
    assert split_by_groups(whole, seed)[1].names == valid.names


def test_groups_are_found_before_a_split_is_drawn(tmp_path):
    def save(*parts):
        for place in range(60):
            folder = tmp_path / parts[place % len(parts)] / "ab"[place % 2]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{'uvwxyz'[place // 10]}-{place}.png").write_bytes(encoded(gray(place)))

    save("")
    train, valid = lookalike.load(tmp_path, group_from="([u-z])-")
    assert (len(train), len(valid), len(set(valid.groups))) == (50, 10, 1)
    assert not set(train.groups) & set(valid.groups)
    assert train.source.notes == valid.source.notes
    assert "1 of 6 groups, 10 of 60 images, were drawn at random for it" in valid.source.notes[0]
    for name in "ab":
        shutil.rmtree(tmp_path / name)
    save("train", "train", "valid", "valid")
    train, valid = lookalike.load(tmp_path, group_from="([u-z])-")
    assert "30 of 30 images to measure on are of groups" in " ".join(train.source.notes)
    for pattern in ("(", "nobody"):
        with pytest.raises(InputError, match="regular expression"):
            lookalike.load(tmp_path, group_from=pattern)


@given(sizes, st.integers(1, 60), st.integers(0, 3))
def test_a_limit_is_stratified_and_kept(counts, limit, seed):
    whole = listing(counts, 1)
    if limit < len(counts):
        with pytest.raises(InputError, match=f"limit is {limit}: expected at least one image for each of"):
            draw(whole, limit, seed)
        return
    drawn = draw(whole, limit, seed)
    assert len(drawn) == min(limit, len(whole))
    assert set(tally(drawn)) == set(counts)
    for name, count in tally(drawn).items():
        exact = 1 + (counts[name] - 1) * (limit - len(counts)) / max(1, len(whole) - len(counts))
        assert abs(count - min(exact, counts[name])) < 1 or limit >= len(whole)
    if limit >= len(whole):
        assert drawn is whole
    else:
        assert drawn.source.notes[-1].startswith(f"Of {len(whole)} images, {limit} were drawn at random")


def test_a_smaller_limit_draws_a_subset():
    whole = listing({"a": 60, "b": 40})
    assert set(draw(whole, 10, 0).names) < set(draw(whole, 50, 0).names)


def test_classes_are_chosen_by_name_or_number():
    parts = {"train": listing({"3": 2, "7": 3, "10": 1}), "valid": listing({"3": 1, "10": 1})}
    chosen = choose_classes(parts, [3, np.int64(10)])
    assert tally(chosen["train"]) == {"3": 2, "10": 1}
    assert tally(chosen["valid"]) == {"3": 1, "10": 1}
    assert choose_classes(parts, ("10", "3", "3"))["train"].names == chosen["train"].names
    with pytest.raises(InputError, match="there is no class '4', '5': known are '3', '7', '10'"):
        choose_classes(parts, [4, 3, 5])
    with pytest.raises(InputError, match="classes is '37': expected a sequence of names"):
        choose_classes(parts, "37")
    with pytest.raises(InputError, match="classes is 3: expected a sequence of names"):
        choose_classes(parts, 3)
    with pytest.raises(InputError, match="classes is empty"):
        choose_classes(parts, [])


@pytest.mark.parametrize("given", [3, None, np.zeros((2, 3, 3)), ["digits"]])
def test_what_is_no_name_and_no_path(given):
    kind = type(given).__name__
    with pytest.raises(InputError, match=f"^{kind} is given: expected the name of a known set, or the path"):
        lookalike.load(given)
