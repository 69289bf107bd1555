"""The page on which a layout is drawn: a small service of its own, for one photograph and one file."""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from lookalike.photo.cut import crops_of
from lookalike.photo.layout import (
    REGISTRATIONS,
    VERSION,
    PhotoLayout,
    Region,
    ValueFormat,
    layout_of,
    read_photograph,
)
from lookalike.photo.register import Registrar, opencv
from lookalike.show.images import data_uri
from lookalike.web.app import STATIC
from lookalike.web.guard import Guard
from lookalike.web.problems import HANDLERS

#: How well the photograph is packed for the page: what is drawn on it is whole pixels.
_QUALITY = 92


class LayoutPage:
    """What the page asks: the photograph, what a drawn layout cuts out of it, and to save it.

    Parameters
    ----------
    photograph : Path
        The reference photograph.
    output : Path
        Where the layout goes.
    value : ValueFormat
        What the page begins with.
    register : str
        What it begins with, likewise.
    overwrite : bool
        Whether a file that is there is written over unasked.
    regions : sequence of Region, default=()
        What is drawn already.

    Raises
    ------
    DataError
        The photograph cannot be read.
    MissingExtraError
        What cuts regions out is not installed.
    """

    def __init__(
        self,
        photograph: Path,
        output: Path,
        value: ValueFormat,
        register: str,
        *,
        overwrite: bool,
        regions: Sequence[Region] = (),
    ) -> None:
        opencv()
        self._photograph, self._output, self._pixels = photograph, output, read_photograph(photograph)
        self._overwrite = overwrite
        drawn = [vars(region) for region in regions]
        self._begin = {"register": register, "value": vars(value), "regions": drawn}
        #: What was saved last: that file may be written over without being asked.
        self._saved: bytes | None = None
        #: What ends the page's service.
        self.finish: Callable[[], None] = lambda: None

    def app(self, host: str) -> ASGIApp:
        """Return the ASGI application of the page, which lets in whom the service of models lets in."""
        routes = [
            Route("/", self._page),
            Route("/v1/layout", self._told),
            Route("/v1/layout", self._save, methods=["PUT"]),
            Route("/v1/layout/photograph", self._picture),
            Route("/v1/layout/preview", self._preview, methods=["POST"]),
            Route("/v1/layout/finish", self._finish, methods=["POST"]),
            Mount("/", StaticFiles(directory=STATIC)),
        ]
        # Windows may have another type in its registry, which browsers refuse for modules.
        mimetypes.add_type("text/javascript", ".js")
        return Guard(Starlette(routes=routes, exception_handlers=HANDLERS), host, None)

    async def _page(self, _: Request) -> Response:
        return FileResponse(STATIC / "layout.html")

    async def _told(self, _: Request) -> Response:
        """Say what is drawn on, and what the page begins with."""
        height, width = self._pixels.shape[:2]
        told = {"photograph": self._photograph.name, "output": str(self._output), "size": [width, height]}
        return JSONResponse({**told, **self._begin, "registrations": REGISTRATIONS})

    def _picture(self, _: Request) -> Response:
        """Give the photograph as it is read: upright."""
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(self._pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
        return Response(file.getvalue(), media_type="image/jpeg")

    async def _preview(self, request: Request) -> Response:
        """Show what a layout cuts out, and how its value is written."""
        layout = self._layout(await request.body())
        crops = await run_in_threadpool(crops_of, layout, self._pixels)
        places = [
            {"name": place.name, "crop": data_uri(crop)}
            for place, crop in zip(layout.places, crops, strict=True)
        ]
        written = layout.value.written("".join(place.characters[0] for place in layout.places))
        return JSONResponse({"places": places, "written": f"{written} {layout.value.unit}".strip()})

    async def _save(self, request: Request) -> Response:
        """Write a layout; another file that is there is not written over unless that is asked for."""
        layout = self._layout(await request.body())
        if request.query_params.get("overwrite") != "true" and not await run_in_threadpool(self._is_free):
            raise HTTPException(409, f"{self._output} is there already")
        await run_in_threadpool(Registrar, layout)  # refuses a reference that photographs cannot be laid on
        await run_in_threadpool(layout.save, self._output)
        self._saved = self._output.read_bytes()
        return JSONResponse({"saved": str(self._output.resolve())})

    async def _finish(self, _: Request) -> Response:
        """End the service, once this is answered."""
        self.finish()
        return JSONResponse({"finished": True})

    def _is_free(self) -> bool:
        """Return whether nothing is lost by writing the file."""
        return (
            self._overwrite
            or not self._output.exists()
            or (self._saved is not None and self._output.read_bytes() == self._saved)
        )

    def _layout(self, body: bytes) -> PhotoLayout:
        """Return the layout that the page tells: its regions, its value and how photographs may lie."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "the layout is no JSON") from error
        if not isinstance(told, dict):
            raise HTTPException(400, "the layout is no JSON object")
        height, width = self._pixels.shape[:2]
        facts: dict[str, Any] = {"version": VERSION, "size": [width, height]}
        return layout_of({**told, **facts, "photograph": str(self._photograph.absolute())}, Path())
