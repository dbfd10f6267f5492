"""Around every page: the headers that keep it safe, a bound on what may be sent, no posts from other sites."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_UPLOAD: Final = 20 * 1024 * 1024
"""Bytes of a scan."""

_LARGEST_BODY: Final = LARGEST_UPLOAD + 256 * 1024  # the other fields of the form
_DRAINED: Final = 4 * _LARGEST_BODY  # read and thrown away, so that the browser shows our answer and no broken line

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def _allowing(*directives: str) -> dict[str, str]:
    policy = _HEADERS["Content-Security-Policy"].replace("form-action", "; ".join((*directives, "form-action")))
    return {"Content-Security-Policy": policy}


ASKS_FOR_A_CHALLENGE: Final = _allowing("connect-src 'self'")
"""Headers of a page whose script asks us for a challenge, which a passkey answers."""
SHOWS_A_FILE: Final = _allowing("connect-src 'self'", "frame-src 'self'")
"""Of a page that shows a file of ours in a frame, to be approved; and of that file:"""
IS_SHOWN: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
_STRICT_TRANSPORT: Final = "max-age=31536000"


class Guard:
    """ASGI middleware with all of it.

    `secure` says that the pages are reached by https; `broken` makes the answer when a page failed.
    """

    def __init__(self, app: ASGIApp, secure: bool, broken: Callable[[Request, Exception], Response]) -> None:
        self._app, self._secure, self._broken = app, secure, broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, guarded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._secure:
                    headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
            await send(message)

        site = Headers(scope=scope).get("sec-fetch-site", "same-origin")
        if scope["method"] not in ("GET", "HEAD") and site not in ("same-origin", "none"):
            refusal = PlainTextResponse("A form of another site cannot be sent here. 不接受其他网站提交的表单。", 403)
            await refusal(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, _bounded(receive), send_guarded)
        except Exception as error:
            if started:
                raise
            answer = await run_in_threadpool(self._broken, Request(scope), error)
            await answer(scope, receive, send_guarded)


def _bounded(receive: Receive) -> Receive:
    """A body longer than the bound is read to its end (or to four times the bound), then refused with 413."""
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen <= _LARGEST_BODY:
            return message
        while message["type"] == "http.request" and message.get("more_body") and seen <= _DRAINED:
            message = await receive()
            seen += len(message.get("body", b""))
        raise HTTPException(413)

    return receive_bounded


def network_of(address: str) -> str:
    """Whom a client's address is counted for: the address, or for IPv6 its /64, which one subscriber has whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
