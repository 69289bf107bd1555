import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import lookalike
from cli_runner import call
from data.making import bomb_png, encoded, gray, write_folder
from lookalike.data.load import load_to_fit
from lookalike.data.pixels import SUFFIXES, Seen, decode_image
from lookalike.errors import DataError, InputError, LookalikeWarning


@pytest.fixture
def cli(monkeypatch, capsys):
    return lambda *arguments: call(monkeypatch, capsys, *arguments)


# Links.


@pytest.fixture
def linked(tmp_path):
    """Return a folder whose images are links to files outside of it, as DVC and the hub make them."""
    write_folder(tmp_path / "store", {"a": 5, "b": 5})
    for place in sorted((tmp_path / "store").rglob("*.png")):
        link = tmp_path / "set" / place.parent.name / place.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(place)
    return tmp_path / "set"


def test_links_are_followed_where_the_user_says_so(linked, cli):
    said = (
        r"is a link that leaves the folder: .* say follow_links=True \(on the command line: --follow-links\)"
    )
    with pytest.raises(DataError, match=said):
        lookalike.load(linked)
    assert len(load_to_fit(linked, follow_links=True)) == 10
    train, valid = lookalike.load(linked, follow_links=True)
    direct, _ = lookalike.load(linked.parent / "store")
    np.testing.assert_array_equal(train.images, direct.images)
    assert len(train) + len(valid) == 10
    found = cli("show", linked)
    assert (found.code, "--follow-links" in found.err) == (2, True)
    assert cli("show", linked, "--follow-links").code == 0
    with pytest.raises(DataError, match="leaves the folder"):
        lookalike.read_images(linked, (4, 3))
    assert len(lookalike.read_images(linked, (4, 3), follow_links=True).names) == 10


def test_links_to_folders_and_circles(tmp_path):
    write_folder(tmp_path / "store", {"a": 5, "b": 5})
    folder = tmp_path / "set"
    folder.mkdir()
    for name in "ab":
        (folder / name).symlink_to(tmp_path / "store" / name)
        # The folder itself, and the one above it: these would never end.
        (tmp_path / "store" / name / "again").symlink_to(folder)
        (tmp_path / "store" / name / "self").symlink_to(tmp_path / "store" / name)
    with pytest.raises(DataError, match=r"no images: .*; links to folders are not followed \('a/', 'b/'\)"):
        lookalike.load(folder)
    parts = lookalike.load(folder, follow_links=True)
    assert sum(map(len, parts)) == 10


def test_a_table_beside_linked_images(tmp_path):
    write_folder(tmp_path / "store", {"a": 6})
    (tmp_path / "set").mkdir()
    lines = ["filename,label"]
    for place in range(6):
        (tmp_path / "set" / f"{place}.png").symlink_to(tmp_path / "store" / "a" / f"{place}.png")
        lines.append(f"{place}.png,{place % 2}")
    (tmp_path / "set" / "t.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="leaves the folder"):
        lookalike.load(tmp_path / "set" / "t.csv")
    assert sum(map(len, lookalike.load(tmp_path / "set" / "t.csv", follow_links=True))) == 6


@pytest.mark.parametrize(
    "option", [{"follow_links": 1}, {"nested": "yes"}, {"label_from": "("}, {"label_from": 3}]
)
def test_options_that_say_nothing_are_refused(tmp_path, option):
    with pytest.raises(InputError, match=f"{next(iter(option))} is"):
        lookalike.load(tmp_path, **option)


# Labels and classes.


@pytest.mark.parametrize("pattern", [r"(?P<label>[^_]+)_", r"^([^_]+)", r"^[^_]+"])
def test_labels_come_from_the_names_of_files(tmp_path, pattern):
    for place in range(12):
        folder = tmp_path / f"day_{place % 2}"
        folder.mkdir(exist_ok=True)
        (folder / f"{place % 3}_{place}.png").write_bytes(encoded(gray(place)))
    train, valid = lookalike.load(tmp_path, label_from=pattern)
    assert train.class_names == ("0", "1", "2")
    for part in (train, valid):
        for name, label, image in zip(part.names, part.labels, part.images, strict=True):
            place = int(name.split("_")[-1].split(".")[0])
            assert (name, int(label)) == (f"day_{place % 2}/{place % 3}_{place}.png", place % 3)
            np.testing.assert_array_equal(image, gray(place))


def test_labels_from_names_keep_parts_and_name_what_does_not_fit(tmp_path, cli):
    for part, count in (("train", 6), ("test", 4)):
        (tmp_path / part).mkdir()
        for place in range(count):
            (tmp_path / part / f"{'ab'[place % 2]}_{place}.png").write_bytes(encoded(gray(place)))
    train, valid = lookalike.load(tmp_path, label_from="(.)_")
    assert (len(train), len(valid), train.class_names) == (6, 4, ("a", "b"))
    assert cli("show", tmp_path, "--label-from", "(?P<label>[^_]+)_").code == 0
    (tmp_path / "train" / "c7.png").write_bytes(encoded(gray()))
    with pytest.raises(DataError, match=r"the name '.*train/c7\.png' has no label like '\(\.\)_'"):
        lookalike.load(tmp_path, label_from="(.)_")
    with pytest.raises(DataError, match=r"without class folders .* --label-from"):
        lookalike.load(tmp_path / "train")


def test_nested_classes_are_read_whole(tmp_path, cli):
    for name, place in (("cat", 0), ("dog", 1)):
        write_folder(tmp_path / name / "2024", {"may": 3, "june": 2})
        (tmp_path / name / "x.png").write_bytes(encoded(gray(place)))
    with pytest.raises(DataError, match=r"nested too deep .* nested=True \(on the command line: --nested\)"):
        lookalike.load(tmp_path)
    train, valid = lookalike.load(tmp_path, nested=True)
    assert sorted(train.counts().items()) == [("cat", 5), ("dog", 5)]
    assert {name.split("/")[0] for name in (*train.names, *valid.names)} == {"cat", "dog"}
    assert all(name.split("/")[0] == label for name, label in zip(train.names, train.labels, strict=True))
    assert cli("show", tmp_path, "--nested").code == 0


@pytest.mark.parametrize("option", [{"nested": True}, {"label_from": "(.)"}])
def test_how_folders_lie_is_for_folders(option):
    with pytest.raises(InputError, match=r"are for image folders, and this is scikit-learn"):
        lookalike.load("digits", **option)


# Formats.


def test_further_formats_are_read_as_png_is(tmp_path):
    colour = np.random.default_rng(3).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    ways = [("PPM", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
    ways += [("TIFF", {"compression": "tiff_adobe_deflate"}), ("TIFF", {"compression": "packbits"})]
    for kind, options in ways:
        for image in (gray(), colour):
            np.testing.assert_array_equal(decode_image(encoded(image, kind, **options), "x"), image)
    np.testing.assert_array_equal(decode_image(encoded(gray(), "GIF"), "x"), gray())
    np.testing.assert_array_equal(decode_image(b"P2\n# made\n3 1\n255\n0 7 255\n", "x"), [[0, 7, 255]])
    np.testing.assert_array_equal(decode_image(b"P1\n3 1\n0 1 1\n", "x"), [[255, 0, 0]])
    write_folder(tmp_path, {"a": 1, "b": 1})
    for suffix, kind in (
        (".tif", "TIFF"),
        (".TIFF", "TIFF"),
        (".gif", "GIF"),
        (".ppm", "PPM"),
        (".pgm", "PPM"),
    ):
        for name in "ab":
            (tmp_path / name / f"x{suffix}").write_bytes(encoded(gray(1), kind))
    assert sum(map(len, lookalike.load(tmp_path))) == 12


def test_sixteen_bits_of_tiff_and_pgm():
    values = np.array([[0, 257, 40_000], [65_535, 128, 300]], np.uint16)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "TIFF")
    pgm = b"P5\n3 2\n65535\n" + values.astype(">u2").tobytes()
    for data in (file.getvalue(), pgm):
        np.testing.assert_array_equal(decode_image(data, "x"), [[0, 1, 156], [255, 0, 1]])


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_the_first_of_several_frames_is_read_and_it_is_said(tmp_path, kind, cli):
    frames = [Image.fromarray(gray(seed)) for seed in range(3)]
    moving, seen = encoded(frames[0], kind, save_all=True, append_images=frames[1:]), Seen()
    np.testing.assert_array_equal(decode_image(moving, "x", seen=seen), gray(0))
    said = "1 file holds several images (frames of a GIF, pages of a TIFF): the first was read."
    assert seen.frame_notes() == (said,)
    write_folder(tmp_path / "set", {"a": 5, "b": 5})
    (tmp_path / "set" / "a" / f"m.{kind.lower()}").write_bytes(moving)
    assert said in load_to_fit(tmp_path / "set").source.notes
    with pytest.warns(LookalikeWarning, match="1 file holds several images"):
        lookalike.read_images(tmp_path / "set", (4, 3))


def tiff(*tags, data=b"\0" * 64):
    """Return a little-endian TIFF of one strip with these tags ``(number, kind, value)``."""
    usual = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 277: 1, 278: 4, 279: 16} | dict(tags)
    usual[273] = 8 + 2 + 12 * (len(usual) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(usual.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(usual)) + entries + struct.pack("<I", 0) + data


def test_bombs_in_further_formats_are_refused_undecoded():
    assert decode_image(tiff(), "x").shape == (4, 4)
    for data in (
        b"P5\n60000 60000\n255\n\0",
        b"P6\n99999999 9\n255\n\0",
        tiff((256, 60_000), (257, 60_000)),
        tiff((322, 2**16), (323, 2**16)),
        b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
    ):
        with pytest.raises(DataError, match="pixels: more than 33,554,432, refused before decoding"):
            decode_image(data, "x")


def test_tiffs_that_are_not_read_say_why():
    jpeg = encoded(gray(shape=(16, 16)), "TIFF", compression="jpeg")
    with pytest.raises(DataError, match="is a TIFF packed by jpeg: save it with LZW, deflate or no"):
        decode_image(jpeg, "x")
    floats = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.float32)).save(floats, "TIFF")
    with pytest.raises(DataError, match="has pixels of decimal numbers: save it with 8 or 16 bits"):
        decode_image(floats.getvalue(), "x")


@pytest.mark.parametrize("kind", ["PPM", "TIFF", "GIF"])
def test_damaged_files_of_further_formats_are_refused(kind):
    whole = encoded(gray(3, (40, 40)), kind)
    rng = np.random.default_rng(0)
    for length in range(0, len(whole) - 20, max(1, len(whole) // 30)):
        try:
            decode_image(whole[:length], "cut.x")
        except DataError:
            continue
        # A GIF's end mark may lack, and a table of a TIFF may come last.
        assert kind != "PPM"
    for _ in range(100):
        changed = bytearray(whole)
        changed[rng.integers(0, 60)] = rng.integers(0, 256)
        try:
            decode_image(bytes(changed), "changed.x")
        except DataError:
            continue


def test_a_large_colour_profile_is_no_damage():
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    whole = encoded(gray())
    profile = chunk(b"iCCP", b"camera\0\0" + zlib.compress(bytes(3 * 2**20)))
    large = whole[:33] + profile + whole[33:]
    np.testing.assert_array_equal(decode_image(large, "x"), gray())
    bomb = bomb_png(50_000, 50_000)
    with pytest.raises(DataError, match="refused before decoding"):
        decode_image(bomb[:33] + profile + bomb[33:], "x")
    # A length that leads nowhere.
    with pytest.raises(DataError, match="truncated or damaged"):
        decode_image(whole[:33] + b"\xff\xff\xff\xff" + profile[4:] + whole[33:], "x")


def test_suffixes_are_those_of_the_formats():
    assert {".png", ".jpg", ".tif", ".tiff", ".gif", ".pgm", ".ppm"} <= {*SUFFIXES}
