"""What is counted of a service, as Prometheus reads it."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.web.service import Service
from lookalike.web.work import Work

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_METHODS = {"GET", "HEAD", "POST", "DELETE"}


class Meters:
    """Counts requests and how long they take, by route; each service has its own."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self, service: Service, work: Work) -> None:
        self._registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._seconds = Histogram(
            "lookalike_request_seconds",
            "How long requests take.",
            labels,
            registry=self._registry,
            buckets=_SECONDS,
        )
        models = Gauge("lookalike_models", "Models that are served.", registry=self._registry)
        models.set_function(lambda: len(list(service)))
        busy = Gauge("lookalike_work", "Requests that are answered or wait.", registry=self._registry)
        busy.set_function(lambda: work.held)

    def measured(self, app: ASGIApp) -> ASGIApp:
        """Return an application whose requests are counted: by route, for paths from outside are endless."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), 500

            async def noting(message: Message) -> None:
                nonlocal status
                status = message.get("status", status)
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                route = getattr(scope.get("route"), "path", "other")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                seconds = time.perf_counter() - began
                self._seconds.labels(route, method, str(status)).observe(seconds)

        return counting

    def text(self) -> bytes:
        """Return everything that was counted."""
        return generate_latest(self._registry)
