"""What is counted of a service, as Prometheus reads it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from lookalike.web.service import Service
from lookalike.web.work import Work

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


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
        busy = Gauge("lookalike_work", "Requests that are being answered or wait.", registry=self._registry)
        busy.set_function(lambda: work.held)
        self._refused = Counter(
            "lookalike_busy", "Requests refused for want of room.", registry=self._registry
        )

    async def measure(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer a request, and count it by its route: paths from outside are not kept."""
        began = time.perf_counter()
        response = await answer(request)
        route = getattr(request.scope.get("route"), "path", "page")
        labels = (route, request.method, str(response.status_code))
        self._seconds.labels(*labels).observe(time.perf_counter() - began)
        if response.status_code == 503:
            self._refused.inc()
        return response

    def text(self) -> bytes:
        """Return everything that was counted."""
        return generate_latest(self._registry)
