"""Bodies of requests: never read beyond their limit, never parsed before they are known to be small enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.types import Message, Receive

from pipeline import strict_json
from pipeline.api.problems import NOT_JSON, TOO_LARGE, TOO_SLOW, WRONG_MEDIA_TYPE, Problem, refused
from pipeline.strict_json import escape
from records.errors import Fault, Refused

MIB: Final = 1024 * 1024
JOB_LIMIT: Final = MIB
SCAN_LIMIT: Final = 21 * MIB
JSON_SCAN_LIMIT: Final = 28 * MIB  # the same in base64
PDF_LIMIT: Final = 50 * MIB
SMALL_LIMIT: Final = 64 * 1024
BODY_SECONDS: Final = 120

_Asked = TypeVar("_Asked", bound=BaseModel)
_CLOSE: Final = {"Connection": "close"}


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """Ends in a 408 problem when reading takes longer than `BODY_SECONDS`: nobody may hold a place by dawdling."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            yield
    except TimeoutError:
        raise Problem(TOO_SLOW, f"The body must arrive within {BODY_SECONDS} s.", headers=_CLOSE) from None


def limited(request: Request, limit: int) -> Request:
    """The same request, whose body ends in a 413 problem as soon as it is longer than `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    return Request(request.scope, _counting(request.receive, limit))


def _counting(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> Problem:
    detail = f"At most {limit} bytes are taken here."
    return Problem(TOO_LARGE, detail, headers=_CLOSE)


def media_type(request: Request) -> str:
    """The media type of the body, without parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def expect(request: Request, *accepted: str) -> str:
    """The body's media type. Raises a 415 problem unless it is one of `accepted`."""
    found = media_type(request)
    if found not in accepted:
        detail = f"Content-Type must be {' or '.join(accepted)}, not {found or 'absent'!r}."
        raise Problem(WRONG_MEDIA_TYPE, detail, headers={"Accept-Post": ", ".join(accepted)})
    return found


async def read_json(request: Request, limit: int) -> Any:
    """The JSON body. Raises problems: 413 before parsing, 415, 400 with every fault of form."""
    expect(request, "application/json")
    async with in_time():
        raw = await limited(request, limit).body()
    try:
        return strict_json.parse(raw)
    except Refused as error:
        raise refused(error, NOT_JSON) from None


async def job_body(request: Request) -> Any:
    """Dependency: the JSON body of a job."""
    return await read_json(request, JOB_LIMIT)


async def json_body(request: Request) -> Any:
    """Dependency: a JSON body of at most 1 MiB that is not a job."""
    return await read_json(request, MIB)


async def small_json_body(request: Request) -> Any:
    """Dependency: a JSON body of at most 64 KiB."""
    return await read_json(request, SMALL_LIMIT)


async def pdf_body(request: Request) -> bytes:
    """Dependency: a PDF as the whole body."""
    expect(request, "application/pdf")
    async with in_time():
        return await limited(request, PDF_LIMIT).body()


_SCANS: Final = ("application/pdf", "image/jpeg", "image/png")
_BINARY: Final = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}

#: `openapi_extra` of a route that reads `scan_body`.
SCAN_BODY: Final = {"requestBody": {"required": True, "content": dict.fromkeys(_SCANS, _BINARY)}}


async def scan_body(request: Request) -> bytes:
    """Dependency: a PDF, JPEG or PNG as the whole body."""
    expect(request, *_SCANS)
    async with in_time():
        return await limited(request, SCAN_LIMIT).body()


def validated(model: type[_Asked], body: Any) -> _Asked:
    """The body as `model` describes it. Raises Refused with every fault."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Refused(
            [
                Fault(
                    "".join(f"/{escape(str(part))}" for part in found["loc"]),
                    found["type"],
                    f"{found['msg']}.",
                    "字段不符合接口定义。",
                )
                for found in error.errors()
            ]
        ) from None
