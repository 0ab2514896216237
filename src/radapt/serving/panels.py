"""The addresses that the page needs: itself, maps, and how the latest images look."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from PIL import Image

from radapt.display.grid import picture_address
from radapt.errors import AskedWrongly, BadImage
from radapt.explaining.overlay import LEGEND, RESEARCH_USE
from radapt.serving.answers import Failure, Latest, MapAnswer, Words
from radapt.serving.body import read_uploads
from radapt.serving.header_check import check_kind, check_size
from radapt.serving.limits import Refused
from radapt.serving.page import assets, render_page
from radapt.serving.service import Service

T = TypeVar("T")

MAP_SIDE = 800  # pixels of the longer side of a map
BINARY = {"schema": {"type": "string", "format": "binary"}}
KINDS = ("application/octet-stream", "application/dicom", "image/png", "image/jpeg")
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Failure, "description": "The request is damaged."},
    401: {"model": Failure, "description": "The token is missing or another one."},
    403: {
        "model": Failure,
        "description": "The request is for another host, or from a page of another site.",
    },
    408: {"model": Failure, "description": "The body arrived too slowly."},
    413: {"model": Failure, "description": "Too many bytes, pixels or parts."},
    415: {"model": Failure, "description": "The file is neither DICOM, PNG nor JPEG, or is packed."},
    422: {"model": Failure, "description": "The image cannot be read."},
    503: {
        "model": Failure,
        "description": "The queue is full (see Retry-After), or the service is not ready.",
    },
}
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Failure, "description": "There is none."}}


def one_body() -> dict[str, Any]:
    """Return the description of a body that is one image."""
    return {"requestBody": {"required": True, "content": dict.fromkeys(KINDS, BINARY)}}


def check_ready(service: Service) -> None:
    """Refuse requests until the golden image has scored as it has to.

    Raises
    ------
    Refused
        With status 503.
    """
    if not service.readiness.ready:
        raise Refused(503, service.readiness.reason or "The service is not ready.", retry_after=2)


def add_page(app: FastAPI, service: Service) -> None:
    """Add the page, its files, and what it asks for."""
    page, testing = render_page(service.model, service.scoring.base), asyncio.Lock()

    @app.get("/", summary="The page", response_class=HTMLResponse)
    async def index() -> Response:
        return HTMLResponse(page)

    @app.get("/assets/{name}", summary="A file of the page", response_class=Response, responses=MISSING)
    async def asset(name: str) -> Response:
        if name not in assets():
            raise Refused(404, "The page has no such file.")
        return Response(assets()[name].content, media_type=assets()[name].kind)

    @app.get("/v1/recent", summary="How the latest images were answered", response_model=Latest)
    async def recent() -> Response:
        return JSONResponse(service.scoring.recent.summary())

    @app.post(
        "/v1/drift",
        summary="Whether the latest images differ from the model's reference",
        response_model=Words,
        responses=REFUSALS,
    )
    async def drift() -> Response:
        if testing.locked():
            raise Refused(503, "Another test of this is under way. Ask again later.", retry_after=5)
        async with testing:
            features, scores = service.scoring.recent.numbers()
            words = await _in_turn(service, lambda: service.model.drift(features, scores))
        return JSONResponse({"words": words})

    @app.post(
        "/v1/explain",
        summary="A map of what speaks for the label, or the likeliest of its findings",
        response_model=MapAnswer,
        responses=REFUSALS,
        openapi_extra=one_body(),
    )
    async def explain(request: Request) -> Response:
        check_ready(service)
        with service.memory.share() as share:
            uploads = await read_uploads(request, service.limits, share)
            if len(uploads) != 1:
                raise Refused(400, "A map is of one image. Send one at a time.")
            return JSONResponse(await _in_turn(service, lambda: _map(service, uploads[0].data)))


def _map(service: Service, data: bytes) -> dict[str, str]:
    check_kind(data)
    check_size(data, service.limits.pixels)
    drawn = service.model.map_of(data, MAP_SIDE)
    address = picture_address(Image.fromarray(drawn.picture))
    return {"map": address, "class": drawn.target, "note": f"{LEGEND} {RESEARCH_USE}"}


async def _in_turn(service: Service, work: Callable[[], T]) -> T:
    """Do work in the thread of the service, and wait for it."""
    try:
        async with asyncio.timeout(service.limits.answer_seconds):
            done: T = await asyncio.wrap_future(service.call(work))
            return done
    except TimeoutError:
        raise Refused(503, "This could not be done in time. Send it again later.", retry_after=10) from None
    except BadImage as error:
        raise Refused(422, f"The image {error}.") from None
    except AskedWrongly as error:
        raise Refused(422, str(error)) from None
