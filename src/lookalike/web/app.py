"""The REST API and the page: routes that read a request, ask a model, and write an answer."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, Query, Request, Response
from fastapi import Path as PathParameter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import lookalike
from lookalike import settings
from lookalike.files import MAX_NAME
from lookalike.show.pages import SHARED
from lookalike.web import audits, dataset, forms, uploads, wire
from lookalike.web.audits import Audits
from lookalike.web.dataset import Wanted
from lookalike.web.guard import Guard, Limits
from lookalike.web.journal import Change
from lookalike.web.meters import Meters
from lookalike.web.problems import HANDLERS, MEDIA_TYPE
from lookalike.web.reference import reference_page
from lookalike.web.service import Done, ServedModel, Service
from lookalike.web.uncertain import Crop, Uncertain
from lookalike.web.work import Work

STATIC = Path(__file__).parent / "static"
#: So many requests may wait for a thread.
WAITING = 128
_NEAREST = 8

IdeaName = Annotated[
    str | None,
    Query(max_length=40, description="The model's own idea, or another of its ideas.", examples=["nearest"]),
]
Resize = Annotated[bool, Query(description="Resize images to the model's size.")]
Picture = Annotated[bool, Query(description="Draw what was read on each photograph: a PNG, in base64.")]
LastEntry = Annotated[
    int | None,
    Query(ge=1, le=2**53, description="Only if this is still the last change: others may have made some."),
]
ImageNumber = Annotated[int, PathParameter(ge=0, le=2**53)]
Offset = Annotated[int, Query(ge=0, le=2**31)]
OfClass = Annotated[str | None, Query(max_length=MAX_NAME, description="Only images of this class.")]
OfIds = Annotated[
    Sequence[Annotated[int, Query(ge=0, le=2**62)]],
    Query(max_length=500, description="Only images of these numbers."),
]
WithAnswers = Annotated[bool, Query(description="Tell what is answered to them, each left out in turn.")]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, text in {
        400: "The request is damaged.",
        401: "The token is missing or wrong.",
        403: "Another site asked for a change.",
        404: "There is no such thing.",
        405: "Not by this method.",
        408: "The request took too long to arrive.",
        409: "It cannot be done to this model.",
        413: "Too many bytes or pixels.",
        415: "Neither JSON nor a form; or a file that is no image of a format that is read.",
        421: "Asked by a name that is not this service's.",
        422: "Understood, and wrong.",
        503: "Too busy: try again in a moment.",
        507: "What is taught cannot be kept.",
    }.items()
}


def _is(form: type[Any], description: str) -> dict[int | str, dict[str, Any]]:
    """Return how OpenAPI says what a route answers."""
    return {200: {"model": form, "description": description}, **_PROBLEMS}


class Routes:
    """What is asked of a service, each method a route.

    Parameters
    ----------
    service : Service
        The models.
    work : Work
        Where answers are worked out.
    audits : Audits
        Where models are audited.
    uncertain : Uncertain, optional
        Where uncertain crops are kept.
    """

    def __init__(self, service: Service, work: Work, audits: Audits, uncertain: Uncertain | None) -> None:
        self._service, self._work, self._audits, self._uncertain = service, work, audits, uncertain

    async def models(self) -> Response:
        """Say which models there are."""
        return JSONResponse({"models": [await self._work(facts, model) for model in self._service]})

    async def create(self, told: forms.NewModel) -> Response:
        """Make an empty model, which begins with what it is taught."""
        model = await self._work(self._service.create, told.name)
        return JSONResponse(
            await self._work(facts, model), 201, {"Location": f"/v1/models/{quote(model.name)}"}
        )

    async def model(self, name: str) -> Response:
        """Say what a model is."""
        return JSONResponse(await self._work(facts, self._service[name]))

    async def classes(self, name: str) -> Response:
        """Say which classes a model knows."""
        return JSONResponse({"classes": counts(self._service[name])})

    async def file(self, name: str) -> Response:
        """Give the model file, with everything that was taught."""
        model = self._service[name]
        data = await self._work(model.file)
        shown = f"attachment; filename*=UTF-8''{quote(model.name, safe='')}.lookalike"
        return Response(data, media_type="application/octet-stream", headers={"Content-Disposition": shown})

    async def predict(
        self, name: str, request: Request, idea: IdeaName = None, resize: Resize = False
    ) -> Response:
        """Say what images show: files called images, or JSON."""
        model, sent = self._service[name], await uploads.received(request)

        def work() -> dict[str, Any]:
            upload = uploads.read(sent)
            images = batch(model, upload, resize)
            found = answers(model, images, idea)
            # What the page draws is half-drawn most of the time: only files are kept for labelling.
            if self._uncertain is not None and upload.files:
                self._uncertain.note(name, images, found["answers"])
            return found

        return JSONResponse(await self._work(work))

    async def explain(
        self, name: str, request: Request, idea: IdeaName = None, resize: Resize = False
    ) -> Response:
        """Say what the answer to each image rests on."""
        model, sent = self._service[name], await uploads.received(request)

        def work() -> dict[str, Any]:
            return explanations(model, batch(model, uploads.read(sent), resize), idea)

        return JSONResponse(await self._work(work))

    async def read(self, name: str, request: Request, picture: Picture = False) -> Response:
        """Read the value on photographs, by the layout that the service was started with."""
        model, sent = self._service[name], await uploads.received(request)
        by = model.photographs
        if by is None:
            raise HTTPException(
                409, f"{model.name} reads no photographs: start the service with it and --layout FILE"
            )

        def work() -> dict[str, Any]:
            found = by.read(uploads.pictures(uploads.read(sent)), pictures=picture)
            return {"model": model.name, "readings": found}

        return JSONResponse(await self._work(work))

    async def teach(self, name: str, request: Request, resize: Resize = False) -> Response:
        """Learn images of one class; the answer comes when they are on the disk."""
        model, sent = self._service[name], await uploads.received(request)

        def work() -> Change:
            upload = uploads.read(sent, with_label=True)
            if upload.label is None:
                raise HTTPException(422, "there is no label: expected what the images show")
            if model.why_not:
                raise HTTPException(409, f"this model cannot be taught: {model.why_not}")
            return Change("teach", (), upload.label, batch(model, upload, resize))

        (done,) = await asyncio.wrap_future(model.change(await self._work(work)))
        return JSONResponse(taught(model, done))

    async def undo(self, name: str, entry: LastEntry = None) -> Response:
        """Take back the last change."""
        model = self._service[name]
        (done,) = await asyncio.wrap_future(model.change(Change("undo", undone=entry)))
        message = f"Change {done.change.undone} was taken back."
        return JSONResponse(
            {"entry": done.entry, "undone": done.change.undone, "classes": counts(model), "message": message}
        )

    async def forget(self, name: str, number: ImageNumber) -> Response:
        """Forget a training image."""
        model = self._service[name]
        (done,) = await asyncio.wrap_future(model.change(Change("forget", (number,))))
        message = f"Image {number} was forgotten."
        return JSONResponse({"entry": done.entry, "classes": counts(model), "message": message})

    async def dataset(
        self,
        name: str,
        offset: Offset = 0,
        limit: Annotated[int, Query(ge=0, le=500)] = 100,
        label: OfClass = None,
        ids: OfIds = (),
        judged: WithAnswers = True,
    ) -> Response:
        """Show the images that a model keeps, and what it answers to them, each left out in turn."""
        model = self._service[name]
        wanted = Wanted(offset, limit, label, tuple(ids), judged)
        return JSONResponse(await self._work(data_of, model, wanted))

    async def audit(self, name: str) -> Response:
        """Say how far the audit of the images that a model keeps is, and what it found."""
        told = self._audits.told(self._service[name])
        return await self._work(JSONResponse, told)

    async def begin_audit(self, name: str) -> Response:
        """Begin to look for what is wrong with the images that a model keeps; it may take a minute."""
        model = self._service[name]
        why_not = await self._work(audits.why_not, model)
        if why_not:
            raise HTTPException(409, f"{model.name} cannot be audited: {why_not}")
        self._audits.begin(model)
        return JSONResponse({**self._audits.told(model), "found": None})

    async def apply_audit(self, name: str, told: forms.AuditVerdicts) -> Response:
        """Forget training images, and learn those anew that have other labels."""
        model = self._service[name]
        if model.why_not:
            raise HTTPException(409, f"this model cannot be taught: {model.why_not}")
        changes = await self._work(audits.changes_of, model, told.verdicts)
        done = await asyncio.wrap_future(model.change(*changes))
        anew = sum(one.label is not None for one in told.verdicts)
        dropped = len(told.verdicts) - anew
        message = f"{dropped:,} forgotten, {anew:,} taught with another label."
        return JSONResponse(
            {"entries": [one.entry for one in done], "classes": counts(model), "message": message}
        )

    async def queue(self, offset: Offset = 0, limit: Annotated[int, Query(ge=0, le=100)] = 20) -> Response:
        """Show crops that were answered uncertainly and wait to be labelled."""
        kept = self._uncertain
        if kept is None:
            return JSONResponse({"kept": False, "total": 0, "full": False, "crops": []})
        crops = await self._work(kept.crops, offset, limit)
        found = {"kept": True, "total": len(kept), "full": kept.full, "crops": [_crop(one) for one in crops]}
        return JSONResponse(found)

    async def label(self, number: str, told: forms.QueueLabel) -> Response:
        """Teach the model that was asked what a crop shows, or leave the crop out."""
        kept = self._uncertain
        if kept is None:
            raise HTTPException(404, "uncertain crops are not kept: start the service with --log-uncertain")
        crop = await self._work(kept.crop, number)
        found = None
        if told.label is not None:
            model = self._service[crop.model]
            change = Change("teach", (), told.label, crop.image[None])
            found = taught(model, *await asyncio.wrap_future(model.change(change)))
        await self._work(kept.drop, number)
        return JSONResponse({"id": number, "taught": found})


def facts(model: ServedModel) -> dict[str, Any]:
    """Return what is told of a model."""
    found, shape = model.snapshot, model.shape
    known = None if found is None else found.own
    return {
        "name": model.name,
        "idea": "deformable" if found is None else found.idea,
        "title": "deformable match" if known is None else known.matcher.title,
        "classes": counts(model),
        "image": {"width": shape[1], "height": shape[0], "channels": shape[2] if len(shape) == 3 else 1},
        "images": 0 if known is None else int(known.matcher.class_counts.sum()),
        "can_teach": not model.why_not,
        "can_undo": model.can_undo,
        "reads_photographs": model.photographs is not None,
        "kept": model.path is not None,
        "ideas": [{"name": name, "title": title} for name, title in ([] if found is None else found.ideas)],
        "ink": model.ink._asdict(),
    }


def counts(model: ServedModel) -> list[dict[str, Any]]:
    """Return the classes of a model, and how many images of each it has seen."""
    if model.snapshot is None:
        return []
    own = model.snapshot.own
    pairs = zip(own.labels.classes.tolist(), own.matcher.class_counts.tolist(), strict=True)
    return [{"name": str(label), "examples": count} for label, count in pairs]


def batch(model: ServedModel, upload: uploads.Upload, resize: bool) -> Any:
    """Return what was uploaded as a model's images."""
    if model.snapshot is None:
        return uploads.batch(upload, model.shape, None, resize)
    own = model.snapshot.own
    return uploads.batch(upload, model.shape, own.reading, resize, own.sizes)


def answers(model: ServedModel, images: Any, idea: str | None) -> dict[str, Any]:
    """Return what a model makes of images."""
    found = model.snapshot
    if found is None:
        unknown = [wire.unknown(bool((one == one.flat[0]).all())) for one in images]
        return {"model": model.name, "idea": "deformable", "answers": unknown}
    told = wire.answers(found.assess(images, idea))
    return {"model": model.name, "idea": idea or found.idea, "answers": told}


def explanations(model: ServedModel, images: Any, idea: str | None) -> dict[str, Any]:
    """Return what answers rest on."""
    found = model.snapshot
    if found is None:
        told = answers(model, images, idea)
        nothing: dict[str, Any] = {"classes": [], "nearest": [], "moves": None}
        rest = [{"seen": wire.image(one), **nothing} for one in images]
    else:
        known = found.explain(images, idea, _NEAREST)
        told = {"model": model.name, "idea": idea or found.idea, "answers": wire.answers(known.found)}
        rest = [wire.evidence(one, known.ideals) for one in known.evidence]
    told["answers"] = [{**one, **more} for one, more in zip(told["answers"], rest, strict=True)]
    return told


def taught(model: ServedModel, done: Done) -> dict[str, Any]:
    """Return what is told of what was taught."""
    ids, label = list(done.change.ids), done.change.label or ""
    message = f"{model.name} has learned {'an image' if len(ids) < 2 else f'{len(ids)} images'} of {label}."
    first = ids[0] if ids else None
    known = {"entry": done.entry, "id": first, "ids": ids, "label": label}
    return {**known, "classes": counts(model), "message": message}


def data_of(model: ServedModel, wanted: Wanted) -> dict[str, Any]:
    """Return a page of the images that a model keeps."""
    found = model.snapshot
    if found is None:
        nothing: dict[str, Any] = {"classes": [], "counts": [], "cells": []}
        empty: dict[str, Any] = {"images": [], "judged": 0, "confusion": nothing, "mistakes": []}
        return {"total": 0, "offset": wanted.offset, **empty}
    return dataset.page(found.own, found.judged() if wanted.judged else None, wanted)


def _crop(one: Crop) -> dict[str, Any]:
    return {"id": one.id, "model": one.model, "image": wire.image(one.image), "answer": one.answer}


def create_app(
    service: Service,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    uncertain: Uncertain | None = None,
    limits: Limits | None = None,
    waiting: int = WAITING,
) -> ASGIApp:
    """Return the ASGI application that serves models: the page, the API and who may use it.

    Parameters
    ----------
    service : Service
        The models; they are closed when the application ends.
    host : str
        The address that is listened on, by which the Host header is judged.
    token : str, optional
        What must be known to whoever asks.
    uncertain : Uncertain, optional
        Where uncertain crops are kept.
    limits : Limits, optional
        How much is read.
    waiting : int
        How many requests may wait for a thread.
    """
    work = Work(max(2, settings.threads()), waiting)
    meters, kept_audits = Meters(service, work), Audits()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.ensure_future(work(service.warm))
        yield
        await asyncio.gather(warming, return_exceptions=True)
        kept_audits.close()
        work.close()
        service.close()

    app = FastAPI(
        title="lookalike",
        version=lookalike.__version__,
        summary="Recognises small images by what they look like, and shows why",
        description="Errors are problem details (RFC 9457). A token is sent as Authorization: Bearer.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        exception_handlers=HANDLERS,
    )
    _add_routes(app, Routes(service, work, kept_audits, uncertain))
    _add_own(app, service, meters)
    # Windows may have another type in its registry, which browsers refuse for modules.
    mimetypes.add_type("text/javascript", ".js")
    files = StaticFiles(directory=STATIC, packages=[("lookalike.show", SHARED.name)], html=True)
    app.mount("/", files, name="page")
    return meters.measured(Guard(app, host, token, limits))


def _add_routes(app: FastAPI, routes: Routes) -> None:
    """Give each route its path; the page's files come after all of them."""
    one, images, lesson = (
        "/v1/models/{name}",
        forms.body(forms.Images),
        forms.body(forms.Lesson, label=_LABEL),
    )
    table: tuple[tuple[str, str, _Route, dict[int | str, dict[str, Any]], dict[str, Any] | None], ...] = (
        ("GET", "/v1/models", routes.models, _is(forms.Models, "All models."), None),
        ("GET", one, routes.model, _is(forms.Model, "The model."), None),
        ("GET", f"{one}/classes", routes.classes, _is(forms.ClassNames, "Its classes."), None),
        ("GET", f"{one}/dataset", routes.dataset, _is(forms.Dataset, "Its images."), None),
        ("GET", f"{one}/file", routes.file, _FILE, None),
        ("POST", f"{one}/predict", routes.predict, _is(forms.AnswerList, "The answers."), images),
        ("POST", f"{one}/explain", routes.explain, _is(forms.ExplainedList, "The evidence."), images),
        ("POST", f"{one}/read", routes.read, _is(forms.ReadingList, "The values."), images),
        ("POST", f"{one}/teach", routes.teach, _is(forms.Taught, "Learned."), lesson),
        ("POST", f"{one}/undo", routes.undo, _is(forms.Undone, "Taken back."), None),
        ("GET", f"{one}/audit", routes.audit, _is(forms.AuditState, "The audit."), None),
        ("POST", f"{one}/audit", routes.begin_audit, _is(forms.AuditState, "It runs, or is done."), None),
        ("POST", f"{one}/audit/apply", routes.apply_audit, _is(forms.AuditApplied, "Changed."), None),
        ("DELETE", f"{one}/images/{{number}}", routes.forget, _is(forms.Forgotten, "Forgotten."), None),
        ("GET", "/v1/queue", routes.queue, _is(forms.Queue, "Crops that wait."), None),
        ("POST", "/v1/queue/{number}", routes.label, _is(forms.Labelled, "Labelled."), None),
    )
    for method, path, route, responses, extra in table:
        app.add_api_route(path, route, methods=[method], responses=responses, openapi_extra=extra)
    created = {201: {"model": forms.Model, "description": "The new model."}, **_PROBLEMS}
    app.add_api_route("/v1/models", routes.create, methods=["POST"], status_code=201, responses=created)


_Route = Callable[..., Awaitable[Response]]
_LABEL = {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "examples": ["7"]}
_BYTES = {"type": "string", "contentMediaType": "application/octet-stream"}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The model file (safetensors).",
        "content": {"application/octet-stream": {"schema": _BYTES}},
    },
    **_PROBLEMS,
}


def _add_own(app: FastAPI, service: Service, meters: Meters) -> None:
    """Add what is asked of the service itself."""

    async def healthz() -> Response:
        """Say that the service runs."""
        return JSONResponse({"status": "ok"})

    async def readyz() -> Response:
        """Say whether every model has answered once; the first answer compiles."""
        return JSONResponse(
            {"status": "ready" if service.ready else "warming up"}, 200 if service.ready else 503
        )

    async def metrics() -> Response:
        """Give what was counted, as Prometheus reads it."""
        return Response(meters.text(), media_type=meters.media_type)

    async def docs() -> Response:
        """Show this document to people."""
        return HTMLResponse(reference_page(app.openapi()))

    app.add_api_route("/healthz", healthz, responses={200: {"model": forms.Health}})
    app.add_api_route(
        "/readyz", readyz, responses={200: {"model": forms.Health}, 503: {"model": forms.Health}}
    )
    app.add_api_route("/metrics", metrics, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    _complete(app)


def _complete(app: FastAPI) -> None:
    """Put the forms into the document that only bodies and errors name."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schemas = document["components"]["schemas"]
        for form in (forms.Images, forms.Lesson, forms.Problem):
            own = form.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(own.pop("$defs", {}))
            schemas[form.__name__] = own
        return document

    app.openapi = openapi  # type: ignore[method-assign]
