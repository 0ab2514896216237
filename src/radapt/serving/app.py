"""The addresses of the service, and what each answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from radapt.errors import RadaptError
from radapt.serving.answers import Answer, Failure, State
from radapt.serving.body import Upload, is_form, read_uploads
from radapt.serving.counting import Counting
from radapt.serving.error_answers import FAULT, answer_errors
from radapt.serving.header_check import check_kind
from radapt.serving.limits import Refused
from radapt.serving.page import USE
from radapt.serving.panels import BINARY, REFUSALS, add_page, check_ready, one_body
from radapt.serving.scoring import Outcome
from radapt.serving.service import Service
from radapt.serving.worker import Job
from radapt.version import __version__

BODY = {
    "requestBody": {
        "required": True,
        "content": {
            **one_body()["requestBody"]["content"],
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"image": {"type": "array", "items": BINARY["schema"]}},
                    "required": ["image"],
                }
            },
        },
    }
}


def make_app(service: Service) -> FastAPI:
    """Return the application of a service, which starts and ends with it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            await asyncio.to_thread(service.stop)

    app = FastAPI(
        title="radapt serve",
        version=__version__,
        description=f"Scores radiographs by one model. {USE}",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.add_middleware(Counting, metrics=service.metrics)
    answer_errors(app)
    _add_health(app, service)
    _add_predict(app, service)
    add_page(app, service)
    return app


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> State:
        return State(ready=True, reason=None)

    @app.get(
        "/readyz",
        summary="Whether the golden image scored as when the model was made",
        responses={503: {"model": State}},
    )
    async def readyz() -> Response:
        state = service.readiness
        return JSONResponse({"ready": state.ready, "reason": state.reason}, 200 if state.ready else 503)

    @app.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def metrics() -> Response:
        service.metrics.waiting.set(service.worker.waiting)
        service.metrics.held.set(service.memory.held)
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _add_predict(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/predict",
        summary="Score one image, or several",
        description="One image as the body, or several as the parts of a form. Several are answered by a "
        f"list in their order, in which an image that cannot be read has an error. {USE}",
        response_model=Answer | list[Answer | Failure],
        responses=REFUSALS,
        openapi_extra=BODY,
    )
    async def predict(
        request: Request,
        base: Annotated[bool, Query(description="Whether the base model answers too.")] = False,
        preview: Annotated[bool, Query(description="Whether the answer has the image.")] = False,
    ) -> Response:
        check_ready(service)
        with service.memory.share() as share:
            uploads = await read_uploads(request, service.limits, share)
            if not is_form(request):
                outcome = (await _scored(service, uploads, base, preview))[0]
                return JSONResponse(_single(outcome))
            outcomes = await _scored(service, uploads, base, preview)
            pairs = zip(uploads, outcomes, strict=True)
            return JSONResponse([_one_of_several(upload, outcome) for upload, outcome in pairs])


async def _scored(service: Service, uploads: Sequence[Upload], base: bool, preview: bool) -> list[Outcome]:
    """Score what can be an image, in the service's thread, and wait for it."""
    outcomes: list[Outcome | None] = [_refused_at_once(upload) for upload in uploads]
    jobs = [
        Job(upload.data, base=base, preview=preview)
        for upload, outcome in zip(uploads, outcomes, strict=True)
        if outcome is None
    ]
    futures = [asyncio.wrap_future(future) for future in service.submit(jobs)] if jobs else []
    try:
        async with asyncio.timeout(service.limits.answer_seconds):
            answers = iter(await asyncio.gather(*futures, return_exceptions=True))
    except TimeoutError:
        raise Refused(
            503, "The images could not be scored in time. Send this again later.", retry_after=10
        ) from None
    return [_outcome(next(answers)) if outcome is None else outcome for outcome in outcomes]


def _outcome(answer: Outcome | BaseException) -> Outcome:
    """Return an answer as it is; of an error a sentence, since the other images of a form have theirs."""
    if isinstance(answer, Outcome):
        return answer
    if isinstance(answer, asyncio.CancelledError):
        return Outcome(status=503, error="The service is ending. Send this again later.")
    return Outcome(status=500, error=str(answer) if isinstance(answer, RadaptError) else FAULT)


def _refused_at_once(upload: Upload) -> Outcome | None:
    try:
        check_kind(upload.data)
    except Refused as error:
        return Outcome(status=error.status, error=str(error))
    return None


def _single(outcome: Outcome) -> dict[str, Any]:
    if outcome.answer is None:
        raise Refused(outcome.status, outcome.error)
    return outcome.answer


def _one_of_several(upload: Upload, outcome: Outcome) -> dict[str, Any]:
    return {"name": upload.name, **(outcome.answer or {"error": outcome.error})}
