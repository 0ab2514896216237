"""Count and time every answer, and turn a fault of radapt into a sentence."""

import time
from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radapt.serving.error_answers import FAULT
from radapt.serving.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Counting:
    """Passes requests on, and counts what they are answered with."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, counted)
        except Exception:
            if status:
                raise
            await JSONResponse({"error": FAULT}, 500)(scope, receive, counted)
        path = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(path, str(status)).inc()
        self.metrics.seconds.labels(path).observe(time.monotonic() - begun)
