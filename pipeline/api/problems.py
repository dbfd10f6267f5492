"""Problem details (RFC 9457): every refusal says what is wrong, where, and by which rule, in both languages."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.exceptions import HTTPException

from pipeline.api.headers import HEADERS
from pipeline.strict_json import escape
from records.errors import Fault, Refused, Retry

MEDIA_TYPE: Final = "application/problem+json"
#: Faults beyond this many are counted, not listed.
MAX_FAULTS: Final = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its HTTP status, and the title that stays the same for all of its kind."""

    code: str
    status: int
    title: str
    title_zh: str

    @property
    def type(self) -> str:
        """The URI that names this kind for programs."""
        return f"urn:songda:problem:{self.code}"


NOT_JSON: Final = Kind("not-json", 400, "The body is not acceptable JSON", "请求正文不是可接受的JSON")
BAD_HEADER: Final = Kind("bad-header", 400, "A header is missing or malformed", "请求头缺失或格式不正确")
UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "No valid API key", "缺少有效的API密钥")
FORBIDDEN: Final = Kind("forbidden", 403, "The API key may not do this", "该API密钥无此权限")
NOT_FOUND: Final = Kind("not-found", 404, "There is no such thing here", "未找到")
WRONG_METHOD: Final = Kind("wrong-method", 405, "This address does not take this method", "不支持该请求方法")
WRONG_STATE: Final = Kind("wrong-state", 409, "The present state does not allow this", "当前状态不允许此操作")
STILL_RUNNING: Final = Kind(
    "still-running", 409, "The first request with this key is still running", "使用该幂等键的首个请求仍在处理"
)
TOO_SLOW: Final = Kind("too-slow", 408, "The body did not arrive in time", "请求正文未及时到达")
TOO_LARGE: Final = Kind("too-large", 413, "The body is too large", "请求正文过大")
WRONG_MEDIA_TYPE: Final = Kind("wrong-media-type", 415, "This media type is not taken here", "不支持该媒体类型")
REFUSED: Final = Kind("refused", 422, "The request is refused; nothing was stored", "请求被拒绝，未存储任何内容")
OTHER_BODY: Final = Kind(
    "other-body", 422, "The idempotency key was used with another body", "该幂等键已用于另一请求正文"
)
FAILED: Final = Kind("failed", 500, "An error of ours; it is in our log", "服务器内部错误，已记录")
UNAVAILABLE: Final = Kind("unavailable", 503, "A part is not to be had just now; try again", "服务暂不可用，请稍后重试")

KINDS: Final = (
    NOT_JSON,
    BAD_HEADER,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    WRONG_METHOD,
    WRONG_STATE,
    STILL_RUNNING,
    TOO_SLOW,
    TOO_LARGE,
    WRONG_MEDIA_TYPE,
    REFUSED,
    OTHER_BODY,
    FAILED,
    UNAVAILABLE,
)
_BY_STATUS: Final = {401: UNAUTHENTICATED, 404: NOT_FOUND, 405: WRONG_METHOD, 413: TOO_LARGE, 503: UNAVAILABLE}


@dataclass
class Problem(Exception):
    """A request that ends with a problem document."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(problem: Problem) -> JSONResponse:
    """The problem as an HTTP response."""
    kind = problem.kind
    body: dict[str, object] = {
        "type": kind.type,
        "title": kind.title,
        "title_zh": kind.title_zh,
        "status": kind.status,
        "detail": problem.detail,
        "faults": [{"pointer": fault.pointer} | fault.as_dict() for fault in problem.faults[:MAX_FAULTS]],
    }
    if len(problem.faults) > MAX_FAULTS:
        body["faults_total"] = len(problem.faults)
    return JSONResponse(body, kind.status, dict(problem.headers), media_type=MEDIA_TYPE)


def refused(error: Refused, kind: Kind = REFUSED) -> Problem:
    """The problem that names every fault of a refused input."""
    count = len(error.faults)
    return Problem(kind, f"{count} fault{'s' if count != 1 else ''}; each is named with its place.", error.faults)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document; nothing of our inside is shown."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Retry, _on_retry)
    app.add_exception_handler(OperationalError, _on_database)
    app.add_exception_handler(Exception, _on_error)


def shown_path(request: Request) -> str:
    """The path as logs and answers may show it: the address for SMS reports is a secret."""
    return re.sub("/sms/reports/.*", "/sms/reports/…", request.url.path, flags=re.DOTALL)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - Starlette's signature
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type
    return answer(error)


async def _on_refused(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, Refused)  # noqa: S101
    return answer(refused(error))


async def _on_validation(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)  # noqa: S101
    if any(found["loc"][0] == "path" for found in error.errors()):
        return answer(Problem(NOT_FOUND, "No such identifier."))
    faults = [
        Fault(
            "".join(f"/{escape(str(part))}" for part in found["loc"][1:]),
            str(found["type"]),
            str(found["msg"]),
            "字段不符合接口定义。",
        )
        for found in error.errors()
    ]
    return answer(refused(Refused(faults)))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        phrase = HTTPStatus(error.status_code).phrase
        kind = Kind("http", error.status_code, phrase, phrase)
    detail = f"{request.method} {shown_path(request)}: {error.detail}"
    return answer(Problem(kind, detail, headers=error.headers or {}))


async def _on_retry(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, Retry)  # noqa: S101
    pause = max(1, round(error.after_seconds or 5))
    _log.warning("answered 503: %s", error)
    return answer(Problem(UNAVAILABLE, "Try again later.", headers={"Retry-After": str(pause)}))


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)  # noqa: S101
    _log.error("%s %s: database: %s", request.method, shown_path(request), error.orig)
    return answer(Problem(UNAVAILABLE, "The database is not to be had just now.", headers={"Retry-After": "5"}))


async def _on_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - uvicorn logs it
    # answered outside of all middleware, so it brings its security headers along
    return answer(Problem(FAILED, "The error was logged; asking again may or may not help.", headers=HEADERS))
