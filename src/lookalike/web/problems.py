"""Errors as ``application/problem+json`` (RFC 9457): what was wrong, what was expected, how to mend it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from lookalike.errors import BusyError, JournalError, LookalikeError, TooLargeError, UnknownNameError
from lookalike.text import plain
from lookalike.web.service import TakenError

MEDIA_TYPE = "application/problem+json"
#: After so many seconds what was refused for want of room may be asked again.
RETRY_AFTER = 1
_LONGEST = 600
#: Which status stands for which error: of several that fit the first.
_STATUS: tuple[tuple[type[LookalikeError], int], ...] = (
    (BusyError, 503),
    (TooLargeError, 413),
    (TakenError, 409),
    (UnknownNameError, 404),
    (JournalError, 507),
    (LookalikeError, 422),
)


def problem(status: int, detail: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """Return the response for an error."""
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    extra = {"Retry-After": str(RETRY_AFTER)} if status == 503 else {}
    return JSONResponse(
        {**told, "detail": plain(detail)[:_LONGEST], **more},
        status,
        {**extra, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


async def of_ours(_: Request, error: Exception) -> JSONResponse:
    """Answer one of lookalike's errors."""
    return problem(next(status for kind, status in _STATUS if isinstance(error, kind)), str(error))


async def of_http(_: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses: paths and methods that are not there."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return problem(error.status_code, str(error.detail), headers)


async def of_checks(_: Request, error: Exception) -> JSONResponse:
    """Answer parameters and bodies that are not of the form that was expected."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": ".".join(map(str, one["loc"]))[:_LONGEST], "what": str(one["msg"])[:_LONGEST]}
        for one in error.errors()[:20]
    ]
    first = errors[0] if errors else {"where": "request", "what": "not understood"}
    return problem(422, f"{first['where']}: {first['what']}", errors=errors)


async def of_memory(_: Request, __: Exception) -> JSONResponse:
    """Answer where memory is short: nothing was changed."""
    return problem(503, "there is no memory left for this: try again in a moment, or send less at once")


async def of_ourselves(_: Request, __: Exception) -> JSONResponse:
    """Answer what nobody thought of; the log has it."""
    return problem(500, "the service failed at this: its log says more")


HANDLERS: dict[Any, Any] = {
    LookalikeError: of_ours,
    HTTPException: of_http,
    RequestValidationError: of_checks,
    MemoryError: of_memory,
    Exception: of_ourselves,
}
