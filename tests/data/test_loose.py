import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import lookalike
from data.making import bomb_png, encoded, gray
from lookalike.data.loose import find
from lookalike.data.pixels import resized
from lookalike.errors import DataError, InputError, LookalikeWarning


def read(sources, shape, stdin=None, **options):
    found = find([str(source) for source in sources], stdin)
    return found, list(found.batches(shape, **options))


@given(images=arrays(np.uint8, st.tuples(st.integers(1, 6), st.just(2), st.just(3))), header=st.booleans())
def test_a_csv_of_pixels_is_read_back(images, header, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "some.csv"
    rows = [",".join(map(str, image.ravel().tolist())) for image in images]
    path.write_text("\n".join([",".join(f"pixel{place}" for place in range(6))] * header + rows))
    _, (batch,) = read([path], (2, 3))
    np.testing.assert_array_equal(batch.images, images)


def test_standard_input_that_cannot_be_read_is_called_so():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match="standard input cannot be read: Input/output error"):
        find(["-"], Broken())


@example(data=b"0\n,0 0")
@given(data=st.text(alphabet='0129,\nlabepix "\x1b-.', max_size=60).map(str.encode) | st.binary(max_size=60))
def test_any_bytes_are_images_or_a_data_error(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    for name in ("some.csv", "some.png"):
        (folder / name).write_bytes(data)
        said = ""
        try:
            _, batches = read([folder / name], (1, 2))
            assert all(batch.images.shape[1:] == (1, 2) for batch in batches)
        except DataError as error:
            said = str(error)
        assert said.isprintable()


def test_batches_hold_so_many_images_in_the_order_given(tmp_path):
    for place in range(12):
        (tmp_path / f"{place}.png").write_bytes(encoded(gray(place)))
    found, batches = read([tmp_path], (4, 3), most=5)
    assert found.count == 12
    assert [len(batch.names) for batch in batches] == [5, 5, 2]
    assert [name for batch in batches for name in batch.names] == [
        f"{tmp_path}/{place}.png" for place in range(12)
    ]
    for place, image in enumerate(np.concatenate([batch.images for batch in batches])):
        np.testing.assert_array_equal(image, gray(place))


def test_large_images_come_in_small_batches(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(np.zeros((3000, 3000), np.uint8)))
    _, batches = read([tmp_path / "a.png"] * 5, (3000, 3000))
    assert [len(batch.names) for batch in batches] == [3, 2]


def test_resizing_is_that_of_the_readers(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(gray(1, (9, 7))))
    _, (batch,) = read([tmp_path / "a.png"], (4, 3), resize=True)
    np.testing.assert_array_equal(batch.images[0], resized(gray(1, (9, 7)), (4, 3)))


def test_a_bomb_is_refused_undecoded(tmp_path):
    (tmp_path / "a.png").write_bytes(bomb_png(100_000, 100_000))
    with pytest.raises(DataError, match="refused before decoding"):
        read([tmp_path / "a.png"], (4, 3), resize=True)


@pytest.mark.parametrize("channels", [2, 4])
def test_a_model_of_other_channels_is_said(tmp_path, channels):
    (tmp_path / "a.png").write_bytes(encoded(gray()))
    with pytest.raises(DataError, match=f"the model's images have {channels} channels"):
        read([tmp_path / "a.png"], (4, 3, channels))


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(encoded(gray()))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="is a link that leaves the folder"):
        read([tmp_path / "in"], (4, 3))


def test_standard_input(tmp_path):
    _, (batch,) = read(["-"], (4, 3), io.BytesIO(encoded(gray(2))))
    assert batch.names == ("-",)
    np.testing.assert_array_equal(batch.images[0], gray(2))
    with pytest.raises(InputError, match="given twice"):
        find(["-", "-"], io.BytesIO(encoded(gray(2))))


def test_only_one_csv_alone_is_one_table(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n")
    (tmp_path / "a.png").write_bytes(encoded(gray()))
    cases = {("a.csv",): (True, None), ("a.csv", "a.csv"): (False, None), ("a.png",): (False, 1)}
    for names, expected in cases.items():
        found = find([str(tmp_path / name) for name in names])
        assert (found.one_table, found.count) == expected


def test_images_are_read_for_a_model(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 4), dtype=np.uint8)
    for number, image in enumerate(images):
        (tmp_path / f"{number}.png").write_bytes(encoded(image))
    model = lookalike.MeanImage().fit(images, [0, 1, 1])
    for wanted in (model, (5, 4)):
        names, found = lookalike.read_images(tmp_path, wanted)
        assert names == tuple(f"{tmp_path}/{number}.png" for number in range(3))
        np.testing.assert_array_equal(found, images)
    names, found = lookalike.read_images([tmp_path / "2.png", f"{tmp_path}/[01].png"], (5, 4, 3))
    assert [name[-5:] for name in names] == ["2.png", "0.png", "1.png"]
    assert found.shape == (3, 5, 4, 3)
    assert lookalike.read_images(tmp_path, (9, 9), resize=True).images.shape == (3, 9, 9)
    with pytest.raises(InputError, match="no paths: expected at least one"):
        lookalike.read_images([], (9, 9))
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"bad\.png' is not an image"):
        lookalike.read_images(tmp_path, model)
    with pytest.warns(LookalikeWarning, match=r"1 bad file was skipped: .*bad\.png"):
        assert len(lookalike.read_images(tmp_path, model, skip_bad=True).names) == 3
    rows = lookalike.MeanImage().fit(images.reshape(3, -1), [0, 1, 1])
    with pytest.raises(InputError, match="was fitted on rows of numbers"):
        lookalike.read_images(tmp_path, rows)


def test_files_that_are_left_out_are_said(tmp_path):
    for name in ("1.png", "2.ico", "10.psd", ".DS_Store"):
        (tmp_path / name).write_bytes(encoded(gray()))
    found = find([str(tmp_path)])
    where = f"no image by its name, in {str(tmp_path)!r}"
    said = f"2 files or links were left out, {where}: '2.ico', '10.psd'."
    assert (found.count, found.notes) == (1, [said])
    with pytest.warns(LookalikeWarning, match="2 files or links were left out, .* '2.ico', '10.psd'"):
        assert len(lookalike.read_images(tmp_path, (4, 3)).names) == 1
    assert find([str(tmp_path / "1.png")]).notes == []
