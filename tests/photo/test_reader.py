"""What photographs are read as, and what is rejected."""

import json

import numpy as np
import pytest
from benchmarks.frames import AT, CELL, blaze
from photographing import hidden, write

from lookalike.errors import DataError, InputError
from lookalike.photo import PhotoLayout, Reader, Region, ValueFormat
from lookalike.photo.reader import PlaceReading, given


def blinded(face, rng):
    face = face.copy()
    blaze(face, (AT[0] + 2.5 * CELL[0], AT[1] + CELL[1] / 2), 15, 900.0)
    return face


def test_values_are_read(reader, photograph):
    values = ["0715", "9408", "3362", "1590", "8274", "6051"]
    found = [reader.read(photograph(value, 40 + seed)) for seed, value in enumerate(values)]
    given = [(one.value, value) for one, value in zip(found, values, strict=True) if not one.rejected]
    assert len(given) >= 5
    assert all(value == expected for value, expected in given)


@pytest.mark.parametrize("change", [hidden, blinded])
def test_what_is_hidden_is_rejected_with_its_place_and_why(reader, photograph, change):
    found = reader.read(photograph("0715", 3, change=change))
    assert found.rejected
    assert found.seen == "07?5"
    (reason,) = found.reasons
    assert reason.startswith("counter.3: ")
    assert [place.doubt is not None for place in found.places] == [False, False, True, False]


def test_what_is_burnt_out_is_said_to_be(reader, photograph):
    image = photograph("0715", 3, strength=0)
    x, y = AT[0] + CELL[0], AT[1]
    image = image.copy()
    image[y + 10 : y + 50, x + 5 : x + 35] = 255
    found = reader.read(image)
    assert found.seen == "0?15"
    # 30 x 40 of 40 x 64 pixels, and their edges are blurred.
    assert found.reasons == ("counter.2: 44% of it is burnt out, or outside of the photograph",)


def test_a_photograph_of_something_else_is_rejected_with_its_reason(reader):
    found = reader.read(np.full((320, 480, 3), 90, np.uint8), "wall.jpg")
    assert (found.value, found.seen, found.places) == (None, "????", ())
    assert "shows nothing of what the reference shows" in found.reasons[0]
    assert json.loads(json.dumps(found.to_plain()))["rejected"] is True


def test_a_turned_photograph_is_read_and_said_to_be(reader, photograph):
    found = reader.read(np.ascontiguousarray(np.rot90(photograph("0715", 3), -1)))
    assert (found.value, found.turns) == ("0715", 1)
    assert found.rules == ("the photograph is turned clockwise by 90 degrees: it was turned back",)


def test_files_and_bytes_are_read_alike(reader, photograph, tmp_path):
    path = write(tmp_path / "new.png", photograph("0715", 3))
    one, other = reader.read(path), reader.read(path.read_bytes(), str(path))
    assert one == other
    with pytest.raises(DataError, match="truncated or damaged"):
        reader.read(path.read_bytes()[:5000], "half.png")


def test_a_surer_reader_rejects_more(model, layout, photograph):
    found = Reader(model, layout, sure=0.9999999).read(photograph("0715", 3))
    assert found.rejected
    assert "has a probability of" in found.reasons[0]


def test_a_picture_shows_the_photograph_with_its_boxes(reader, photograph):
    import io

    from PIL import Image

    reading, data = reader.picture(photograph("0715", 3))
    assert reading == reader.read(photograph("0715", 3))
    image = np.asarray(Image.open(io.BytesIO(data)))
    assert image.shape == (320, 480, 3)
    assert (image == (0, 158, 115)).all(axis=2).sum() > 200
    assert b"lookalike" in data[:200]


def test_only_characters_that_may_stand_there_are_read(model, layout, photograph):
    value = ValueFormat(characters=("01", "0123456789", "0123456789", "0123456789"))
    narrow = Reader(model, PhotoLayout(layout.photograph, layout.size, layout.regions, value))
    found = narrow.read(photograph("7715", 3))
    assert found.rejected
    assert found.seen == "?715"


def test_a_model_of_other_crops_is_refused(model, layout):
    wide = PhotoLayout(layout.photograph, layout.size, (Region("n", 90, 120, 160, 64, 2),))
    with pytest.raises(InputError, match="images of 32x20x3: expected 32x40"):
        Reader(model, wide)


def test_a_model_of_other_characters_is_refused(model, layout):
    letters = PhotoLayout(layout.photograph, layout.size, layout.regions, ValueFormat(characters=("ABC",)))
    with pytest.raises(InputError, match=r"knows none of ABC, which counter\.1 may show"):
        Reader(model, letters)


def test_a_reason_that_places_share_is_said_once(layout):
    said = ["it is covered", None, "it is covered", "it is smeared"]
    places = [PlaceReading(f"counter.{n}", "7", 0.9, doubt) for n, doubt in enumerate(said, 1)]
    found = given(layout, "one.jpg", places, [])
    assert found.reasons == ("counter.1, counter.3: it is covered", "counter.4: it is smeared")
    assert (found.seen, found.value) == ("?7??", None)
