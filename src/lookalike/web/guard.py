"""Who is let in, and how much of what they send is read: before anything else of the service runs.

DNS rebinding is met by the Host header, posts from other sites by Origin and Sec-Fetch-Site, strangers by a
token, and floods by limits on how many bytes are read, how long, and how many at once. The page may load
nothing from elsewhere and run no inline script.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import re
import socket
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.web.problems import problem

#: What every answer says to browsers.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
#: What only they see who know the token, where there is one.
_GUARDED = ("/v1/", "/metrics")
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Limits:
    """How much is read.

    Attributes
    ----------
    body : int
        The most bytes of one request.
    seconds : float
        How long a request's bytes may take to come.
    together : int
        The most bytes of requests that are being read or answered, all together.
    """

    body: int = 16 * 2**20
    seconds: float = 30.0
    together: int = 256 * 2**20


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, headers


class Guard:
    """ASGI middleware: refuses, or hands on a request whose body was read whole.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    host : str
        The address that is listened on.
    token : str or None
        What must be known to whoever asks; None lets everyone ask who reaches the address.
    limits : Limits
        How much is read.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None, limits: Limits | None = None) -> None:
        self._app, self._limits = app, limits or Limits()
        self._token = None if token is None else token.encode()
        self._names = _names_of(host)
        self._only_loopback = is_loopback(host)
        #: How many bytes of bodies are held now.
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        taken = 0
        try:
            self._check(scope)
            body = await self._body(scope, receive)
            taken = len(body)
        except _RefusedError as refused:
            headers = {"Connection": "close", **(refused.headers or {})}
            await problem(refused.status, refused.detail, headers)(scope, receive, sealed)
            return
        try:
            await self._app(scope, _replay(body, receive), sealed)
        finally:
            self.held -= taken

    def _check(self, scope: Scope) -> None:
        """Refuse a stranger."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise _RefusedError(
                421, "this address is not known by that name: ask by the address that was printed"
            )
        if scope["method"] not in _SAFE and not _same_origin(headers, hosts[0]):
            raise _RefusedError(
                403, "changes are taken from the service's own page only, not from other sites"
            )
        if self._token is not None and scope["path"].startswith(_GUARDED):
            given = headers.get("authorization", "")
            kind, _, token = given.partition(" ")
            right = hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), self._token)
            if kind.lower() != "bearer" or not right:
                asked = {"WWW-Authenticate": 'Bearer realm="lookalike"'}
                raise _RefusedError(
                    401, "the token is missing or wrong: send it as Authorization: Bearer", asked
                )

    def _is_ours(self, host: str) -> bool:
        """Return whether a Host header names this service: by address, or by a name that it has."""
        found = _HOST.fullmatch(host.lower())
        name = "" if found is None else found[1].strip("[]")
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in self._names
        # A name that is made to point here is still a name: addresses cannot be rebound.
        return address.is_loopback or not self._only_loopback

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the whole body, refusing what is too long, too slow or too much beside others."""
        limits, length = self._limits, Headers(scope=scope).get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            raise _RefusedError(400, "Content-Length is no number")
        if len(length) > 12 or int(length) > limits.body:
            raise _RefusedError(
                413, f"the request is longer than {limits.body:,} bytes: send fewer images at once"
            )
        read = bytearray()
        try:
            async with asyncio.timeout(limits.seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedError(400, "the request ended before its body did")
                    chunk = message.get("body", b"")
                    more = message.get("more_body", False)
                    self._hold(len(read), len(chunk))
                    read += chunk
        except TimeoutError:
            self.held -= len(read)
            detail = f"the request took longer than {limits.seconds:g} seconds to arrive: send it at once"
            raise _RefusedError(408, detail) from None
        except BaseException:
            self.held -= len(read)
            raise
        return bytes(read)

    def _hold(self, read: int, more: int) -> None:
        """Count bytes that are held, refusing too many."""
        if read + more > self._limits.body:
            raise _RefusedError(
                413, f"the request is longer than {self._limits.body:,} bytes: send fewer images at once"
            )
        if self.held + more > self._limits.together:
            raise _RefusedError(
                503, "too much is being sent at once: try again in a moment", {"Retry-After": "1"}
            )
        self.held += more


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once, and then what follows it."""
    waiting = [body]

    async def given() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return given


def _same_origin(headers: Headers, host: str) -> bool:
    """Return whether a request comes from our own page, or from no browser."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def _names_of(host: str) -> set[str]:
    """Return the names by which this service may be asked."""
    names = {"localhost", host.lower()}
    if not is_loopback(host):
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local"}
    return names


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address.

    Examples
    --------
    >>> from lookalike.web.guard import is_loopback
    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "192.168.1.5")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
