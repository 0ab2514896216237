"""Answer every error with a sentence, {"error": ...}."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from radapt.errors import RadaptError
from radapt.serving.limits import Refused

FAULT = "This should not have happened. Please report it."


def answer_errors(app: FastAPI) -> None:
    """Have an application answer refusals, errors of radapt and of HTTP, and values that are none."""
    app.exception_handler(Refused)(_answer_refusal)
    app.exception_handler(RadaptError)(_answer_error)
    app.exception_handler(HTTPException)(_answer_http)
    app.exception_handler(RequestValidationError)(_answer_value)
    app.exception_handler(ClientDisconnect)(_answer_nobody)


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"error": str(error)}, error.status, dict(error.headers))


async def _answer_error(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": f"{error.detail}."}, error.status_code, dict(error.headers or {}))


async def _answer_value(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    names = sorted({str(each["loc"][-1]) for each in error.errors()})
    words = f"The address has a value that cannot be: {', '.join(names)}. See /openapi.json for what can be."
    return JSONResponse({"error": words}, 422)


async def _answer_nobody(_: Request, error: Exception) -> Response:  # noqa: ARG001
    return Response(status_code=400, headers={"Connection": "close"})
