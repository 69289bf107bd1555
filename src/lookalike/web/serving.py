"""Models served until somebody stops it: what is needed is there, the address is said, the page is opened."""

from __future__ import annotations

import logging
import socket
import threading
import warnings
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lookalike import settings
from lookalike.errors import InputError, LookalikeWarning, MissingExtraError, install
from lookalike.progress import Progress, silent
from lookalike.text import plain

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lookalike.web.service import Service

_NEEDED = f"serving needs FastAPI and uvicorn: {install('serve')}"
#: So many connections are held at once, and so long one is held that asks nothing.
_CONNECTIONS, _IDLE = 1024, 15


class Address(NamedTuple):
    """Where a service listens; port 0 is any that is free."""

    host: str
    port: int


class Site(NamedTuple):
    """An application behind a socket that listens: what is left is to answer."""

    address: str
    listener: socket.socket
    server: Any

    @classmethod
    def of(cls, app: ASGIApp, host: str, listener: socket.socket) -> Site:
        """Return what answers by an application at a socket."""
        import uvicorn

        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE,
            timeout_graceful_shutdown=10,
        )
        return cls(_shown(host, listener.getsockname()[1]), listener, uvicorn.Server(config))

    def run(self, browser: bool = False) -> None:
        """Answer until told to stop, or interrupted; the page is opened in a browser where that is asked."""
        # What looks strange is said in the answers, and damaged forms are told to whoever sent them: this
        # process has nobody to warn.
        warnings.simplefilter("ignore", LookalikeWarning)
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        with self.listener:
            if browser:
                timer = threading.Timer(0.5, webbrowser.open, (self.address,))
                timer.daemon = True
                timer.start()
            self.server.run(sockets=[self.listener])

    def stop(self) -> None:
        """Answer what is being asked, and no more."""
        self.server.should_exit = True


class Opened(NamedTuple):
    """Models that are open on a site."""

    site: Site
    names: tuple[str, ...]
    folder: Path


def check_serves() -> None:
    """Refuse where what serves is not installed."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(_NEEDED) from error


def opened(
    models: Sequence[Path],
    address: Address,
    *,
    folder: Path | None = None,
    token: str | None = None,
    uncertain: Path | None = None,
    layout: Path | None = None,
    progress: Progress = silent,
) -> Opened:
    """Open models and listen.

    Parameters
    ----------
    models : sequence of Path
        Model files. Without one the embedded digits are fitted, once, into the folder.
    address : Address
        Where to listen.
    folder : Path, optional
        Where models are kept that are made on the page; by default in the platform's place for data.
    token : str, optional
        What must be known to whoever asks; an address that others can reach needs one.
    uncertain : Path, optional
        A folder for uncertain crops.
    layout : Path, optional
        Where characters stand on photographs that the one model reads.
    progress : Progress, optional
        Hears of models being fitted and opened.

    Raises
    ------
    MissingExtraError
        What serves, or what reads photographs, is not installed.
    InputError
        The address is another than this machine's own and there is no token, or it cannot be listened on.
    LookalikeError
        A model or a journal cannot be used.
    """
    check_serves()
    from lookalike.web.app import create_app
    from lookalike.web.guard import is_loopback
    from lookalike.web.uncertain import Uncertain

    if token is None and not is_loopback(address.host):
        raise InputError(
            f"--host {plain(address.host)} lets other machines in: expected a token that they must know, by "
            "--token FILE or LOOKALIKE_TOKEN"
        )
    if layout is not None and len(models) != 1:
        raise InputError(
            f"--layout is for the one MODEL that reads its photographs: expected one, {len(models)} are named"
        )
    kept = folder or settings.models_folder()
    listener = listening(address)
    try:
        files = list(models) or [_digits(kept, progress)]
        progress("opening models", 0, None)
        crops = None if uncertain is None else Uncertain(uncertain)
        service = _served(files, kept, layout)
    except BaseException:
        listener.close()
        raise
    app = create_app(service, host=address.host, token=token, uncertain=crops)
    site = Site.of(app, address.host, listener)
    return Opened(site, tuple(model.name for model in service), kept)


def _served(files: list[Path], folder: Path, layout: Path | None) -> Service:
    """Return a service of model files, of which the first reads photographs where there is a layout."""
    from lookalike.web.service import Service, name_of

    service = Service(files, folder)
    if layout is None:
        return service
    from lookalike.web.photographs import Photographs

    model = service[name_of(files[0])]
    try:
        model.photographs = Photographs(lambda: model.snapshot, layout)
    except BaseException:
        service.close()
        raise
    return service


def listening(address: Address) -> socket.socket:
    """Return a socket that listens at an address."""
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family, backlog=512)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"--host {plain(address.host)} --port {address.port} cannot be used ({reason}): name another"
        ) from error


def _shown(host: str, port: int) -> str:
    """Return an address as a browser takes it."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"


def _digits(folder: Path, progress: Progress) -> Path:
    """Return the file of a model of the embedded digits, which is made where it is not there."""
    import lookalike

    path = folder / "digits.lookalike"
    if not path.exists():
        progress("fitting the embedded digits", 0, None)
        train, _ = lookalike.load("digits")
        folder.mkdir(parents=True, exist_ok=True)
        # One vote, so that an example that is taught counts at once.
        model = lookalike.DeformableMatch(n_neighbors=1).fit(train.images, train.labels)
        model.predict_proba(train.images[:1])
        lookalike.save_model(model, path, data=train)
    return path
