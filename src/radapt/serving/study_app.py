"""The addresses of a finished study: its strategies, its page, and the images whose answers changed."""

import asyncio
import io
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, Response
from PIL import Image
from starlette.exceptions import HTTPException

from radapt.errors import UnknownName
from radapt.report.render import render
from radapt.serving.error_answers import answer_errors
from radapt.serving.page import USE, assets, templates
from radapt.serving.study_changes import GAINED, LOST, OTHER, StudyView
from radapt.version import __version__

PAGE_IMAGES = 60  # changed images of one page
REPORT_POLICY = (  # the page itself allows its own script alone, by its digest
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KINDS = {LOST: "lost: right before, wrong now", GAINED: "gained: wrong before, right now", OTHER: "others"}


def make_study_app(view: StudyView) -> FastAPI:
    """Return the application that shows a study."""
    app = FastAPI(
        title="radapt serve STUDY", version=__version__, description=USE, docs_url=None, redoc_url=None
    )

    answer_errors(app)
    rendering, reports = asyncio.Lock(), list[str]()  # a finished study changes no more

    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/assets/{name}", response_class=Response)
    async def asset(name: str) -> Response:
        if name not in assets():
            raise HTTPException(404)
        return Response(assets()[name].content, media_type=assets()[name].kind)

    @app.get("/", response_class=HTMLResponse)
    async def index() -> Response:
        return HTMLResponse(await asyncio.to_thread(_index, view))

    @app.get("/report", response_class=HTMLResponse)
    async def report() -> Response:
        async with rendering:
            if not reports:
                reports.append(await asyncio.to_thread(render, view.study.folder))
        return HTMLResponse(reports[0], headers={"Content-Security-Policy": REPORT_POLICY})

    @app.get("/changed/{name}", response_class=HTMLResponse)
    async def changed(
        name: str, kind: str = "", first: Annotated[int, Query(ge=0, le=10_000_000)] = 0
    ) -> Response:
        try:
            return HTMLResponse(await asyncio.to_thread(_changed, view, name, kind, first))
        except UnknownName:
            raise HTTPException(404) from None

    @app.get("/image/{name}/{row}", response_class=Response)
    async def image(name: str, row: int) -> Response:
        picture = await asyncio.to_thread(_picture, view, name, row)
        if picture is None:
            raise HTTPException(404)
        return Response(picture, media_type="image/png")

    return app


def _index(view: StudyView) -> str:
    return templates().get_template("study.html.j2").render(view=view, rows=view.rows(), use=USE)


def _changed(view: StudyView, name: str, kind: str, first: int) -> str:
    images = [each for each in view.changed(name) if kind in ("", each.kind)]
    return (
        templates()
        .get_template("changed.html.j2")
        .render(
            view=view,
            name=name,
            cell=view.cells[name],
            kinds=KINDS,
            kind=kind if kind in KINDS else "",
            counts=view.counts(name),
            total=len(images),
            first=first,
            step=PAGE_IMAGES,
            images=[(each, view.has_image(each.id)) for each in images[first : first + PAGE_IMAGES]],
            use=USE,
        )
    )


def _picture(view: StudyView, name: str, row: int) -> bytes | None:
    """Return the image of a row of the changed ones as a PNG file; None if there is none."""
    known = view.changed(name) if name in view.cells else []
    wanted = next((each.id for each in known if each.row == row), None)
    pixels = None if wanted is None else view.pixels(wanted)
    if pixels is None:
        return None
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
