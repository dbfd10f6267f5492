"""The API as an ASGI application, to be mounted at `/v1`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from fastapi import FastAPI

from pipeline.api import (
    cases,
    deadlines,
    deliveries,
    documents,
    feeds,
    health,
    jobs,
    numbers,
    openapi,
    paper,
    problems,
    service_dates,
    sms,
    submissions,
    verification,
)
from pipeline.api.headers import SecurityHeaders
from pipeline.composition import Songda

_DESCRIPTION: Final = (
    "Songda 送达: a case system submits a job once; its documents are numbered, printed, sealed, released and "
    "delivered, and each delivery gets its service date (送达日期) with the reasons. "
    "`test: true` in an answer means TEST keys or a TEST system, without legal effect."
)


_PARTS: Final = (
    jobs,
    documents,
    cases,
    submissions,
    numbers,
    deliveries,
    paper,
    service_dates,
    deadlines,
    feeds,
    sms,
    verification,
    health,
)


def make_api(songda: Songda) -> FastAPI:
    """The application over an opened installation."""
    api = FastAPI(
        title="Songda",
        version=version("songda"),
        description=_DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.songda = songda
    for part in _PARTS:
        api.include_router(part.router)
    problems.install(api)
    openapi.install(api)
    api.add_middleware(SecurityHeaders, https=songda.settings.public_url.startswith("https:"))
    return api
