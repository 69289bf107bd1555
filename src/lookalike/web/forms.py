"""The forms of what is sent and answered, as the OpenAPI document says them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lookalike.files import MAX_NAME, MAX_PIXELS

_SEVEN = "AAAAAAAAAAAAAP//////AAAAAAAAAP8AAAAAAAD/AAAAAAAA/wAAAAAAAP8AAAAAAAAA/wAAAAAAAAAAAAAAAA=="
_IMAGE: dict[str, JsonValue] = {"width": 8, "height": 8, "channels": 1, "pixels": _SEVEN}
_MOST_TEXT = 4 * MAX_PIXELS

Label = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["7"])]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Said(BaseModel):
    """What is answered; it may have more in later versions."""


class Image(_Form):
    """An image: its bytes row by row, three a pixel where it is colour, in base64."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_IMAGE}]})
    width: int = Field(ge=1, le=MAX_PIXELS)
    height: int = Field(ge=1, le=MAX_PIXELS)
    channels: Literal[1, 3] = 1
    pixels: str = Field(max_length=_MOST_TEXT, json_schema_extra={"contentEncoding": "base64"})


class SignedImage(_Said):
    """A difference in 255ths: whole numbers of 16 bits, little end first, in base64."""

    width: int
    height: int
    channels: int
    signed: Literal[True]
    pixels: str


class Images(_Form):
    """Images to be answered."""

    images: list[Image] = Field(min_length=1, max_length=256)


class Lesson(Images):
    """Images to be learned, all of one class; a class that is new is added."""

    label: Label


class NewModel(_Form):
    """An empty model, which begins with what it is taught."""

    name: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", examples=["runes"])


class QueueLabel(_Form):
    """What a crop shows; null where it is not to be learned."""

    label: Label | None


class ClassCount(_Said):
    """A class and how many examples the model has seen."""

    name: str
    examples: int


class IdeaFacts(_Said):
    """A way to compare."""

    name: str = Field(examples=["nearest"])
    title: str = Field(examples=["nearest image, L1"])


class Shape(_Said):
    """The size of a model's images."""

    width: int
    height: int
    channels: int


class InkFacts(_Said):
    """Where the ink of a model's images is, for drawings to be made alike."""

    height_share: float
    light_on_dark: bool
    centred_by: Literal["mass", "box"]
    pen: float
    upright: Literal["mass", "left"] | None
    aspect: float | None
    amount: float | None


class Model(_Said):
    """A model that is served."""

    name: str = Field(examples=["digits"])
    idea: str = Field(examples=["nearest"])
    title: str
    classes: list[ClassCount]
    image: Shape
    images: int
    can_teach: bool
    can_undo: bool
    reads_photographs: bool
    kept: bool = Field(description="Whether what is taught outlives the service.")
    ideas: list[IdeaFacts]
    ink: InkFacts


class Models(_Said):
    """All models that are served."""

    models: list[Model]


class PlaceRead(_Said):
    """What one place of a photograph shows."""

    name: str = Field(examples=["counter.1"])
    character: str = Field(examples=["7"])
    probability: float
    doubt: str | None = Field(description="Why it is not to be relied on.")
    shown: str = Field(description="What is seen there: 3-4 is a wheel between two digits.")
    filled: bool


class ValueRead(_Said):
    """What a photograph says."""

    photograph: str
    value: str | None = Field(examples=["00715"], description="Null where a place is doubtful.")
    unit: str
    seen: str = Field(examples=["007?5"], description="The same, with ? in each doubtful place.")
    rejected: bool
    places: list[PlaceRead]
    reasons: list[str]
    rules: list[str]
    turns: int = Field(description="Quarters by which the photograph was turned, clockwise.")
    picture: str | None = Field(description="A PNG of it with what was read, in base64, where asked for.")


class ReadingList(_Said):
    """What photographs say, in their order."""

    model: str
    readings: list[ValueRead]


class Chance(_Said):
    """A class, how likely it is, and how far it is."""

    label: str
    probability: float
    distance: float | None


class RunnerUp(_Said):
    """The next most likely class."""

    label: str
    probability: float
    distance: float | None


class AnswerFacts(_Said):
    """What an image shows."""

    label: str | None = Field(description="Null for none of these, and where there is nothing to see.")
    best: str | None = Field(
        description="The nearest class, also where it is rejected; null in an empty model."
    )
    rejected: bool
    nothing: bool = Field(description="The image is blank.")
    probability: float | None
    runner_up: RunnerUp | None
    p_value: float | None
    distance: float | None
    probabilities: list[Chance]


class AnswerList(_Said):
    """The answer to each image, in order."""

    model: str
    idea: str
    answers: list[AnswerFacts]


class ClassBeside(_Said):
    """A class's own image, and how the image differs from it."""

    label: str
    ideal: Image
    difference: SignedImage
    l1: float
    l2: float


class Nearest(_Said):
    """A training image that is near."""

    id: int | None
    label: str
    distance: float | None
    image: Image


class Moves(_Said):
    """Where pixels of the image were found in what answered: rows and columns, from the upper left corner."""

    model_config = ConfigDict(populate_by_name=True)
    step: int
    from_: list[list[float]] = Field(alias="from")
    to: list[list[float]]


class ExplainedFacts(AnswerFacts):
    """An answer and what it rests on."""

    seen: Image
    classes: list[ClassBeside]
    nearest: list[Nearest]
    moves: Moves | None


class ExplainedList(_Said):
    """What the answer to each image rests on, in order."""

    model: str
    idea: str
    answers: list[ExplainedFacts]


class Taught(_Said):
    """What was learned; it is on the disk."""

    entry: int
    id: int | None = Field(description="The first image's number; null where the model keeps no images.")
    ids: list[int]
    label: str
    classes: list[ClassCount]
    message: str


class Undone(_Said):
    """What was taken back."""

    entry: int
    undone: int
    classes: list[ClassCount]
    message: str


class Forgotten(_Said):
    """What was forgotten."""

    entry: int
    classes: list[ClassCount]
    message: str


class KeptImage(_Said):
    """A training image, as the model compares it."""

    id: int
    label: str
    image: Image


class ConfusionCell(_Said):
    """The images of one class that were answered with one."""

    true: str
    answered: str
    ids: list[int]


class Confusion(_Said):
    """What is answered to training images, each left out in turn."""

    classes: list[str]
    counts: list[list[int]]
    cells: list[ConfusionCell]


class Mistake(_Said):
    """A training image that is answered wrongly when it is left out."""

    id: int
    label: str
    answered: str
    probability: float
    image: Image


class Dataset(_Said):
    """The images that a model keeps, a page at a time, and what is answered to them."""

    total: int
    offset: int
    images: list[KeptImage]
    judged: int = Field(description="How many images the confusion is about.")
    confusion: Confusion
    mistakes: list[Mistake]


class QueuedCrop(_Said):
    """An image that was answered uncertainly, to be labelled."""

    id: str
    model: str
    image: Image
    answer: AnswerFacts


class Queue(_Said):
    """Images that wait to be labelled, oldest first."""

    kept: bool = Field(description="Whether uncertain answers are kept at all.")
    total: int
    full: bool
    crops: list[QueuedCrop]


class Labelled(_Said):
    """What became of a crop."""

    id: str
    taught: Taught | None


class AuditVerdict(_Form):
    """What becomes of a training image: it learns a label, or it is forgotten."""

    image: int = Field(ge=0, le=2**53, description="Its number.")
    label: Label | None = Field(description="What it shows; null where it is to be dropped.")


class AuditVerdicts(_Form):
    """What becomes of images that an audit found."""

    verdicts: list[AuditVerdict] = Field(min_length=1, max_length=20_000)


class AuditFinding(_Said):
    """Something that is wrong with an image, and other images that show it."""

    kind: str = Field(examples=["label"])
    title: str
    places: list[int] = Field(description="The image's place in images, and those of others.")
    why: str
    label: str = Field(description="The label that is proposed, or nothing.")


class AuditImage(_Said):
    """An image that is shown."""

    uri: str
    name: str = Field(description="Its number.")
    label: str
    part: str


class AuditFound(_Said):
    """What an audit found, as the page shows it."""

    name: str
    parts: int
    reading: list[str]
    left_out: str
    columns: list[str] = Field(description="Of the table that lookalike data apply takes.")
    classes: list[str]
    kinds: list[tuple[str, str, int]]
    findings: list[AuditFinding]
    rows: list[tuple[int, str, list[str]]] = Field(
        description="A place, what its image is known by, and the cells of the table."
    )
    images: dict[str, AuditImage]


class AuditState(_Said):
    """How far the audit of a model is."""

    state: Literal["none", "running", "done", "failed"]
    number: int | None
    message: str | None
    what: str | None
    done: int
    total: int | None
    outdated: bool = Field(description="Whether the model has changed since it began.")
    found: AuditFound | None


class AuditApplied(_Said):
    """What was changed; each entry can be taken back, the last first."""

    entries: list[int]
    classes: list[ClassCount]
    message: str


class ClassNames(_Said):
    """The classes of a model."""

    classes: list[ClassCount]


class Health(_Said):
    """Whether the service is well."""

    status: str


class Where(_Said):
    """A part of a request that was wrong."""

    where: str
    what: str


class Problem(_Said):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Where] | None = None


def body(form: type[BaseModel], **fields: Any) -> dict[str, Any]:
    """Return how OpenAPI says a body that is JSON of a form, or files called images."""
    files = {"type": "array", "items": {"type": "string", "contentMediaType": "application/octet-stream"}}
    whole = {"type": "object", "properties": {"images": files, **fields}, "required": ["images", *fields]}
    example = {"images": [_IMAGE], **({"label": "7"} if fields else {})}
    json = {"schema": {"$ref": f"#/components/schemas/{form.__name__}"}, "example": example}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": json, "multipart/form-data": {"schema": whole}},
        }
    }
