"""Answers of servers over HTTP, with limits of size and of the whole time that an answer may take."""

from __future__ import annotations

from time import monotonic
from typing import Any, NamedTuple

import httpx2


class Answer(NamedTuple):
    """What a server answered: the HTTP status and the body."""

    status: int
    body: bytes


def ask(client: httpx2.Client, method: str, url: str, *, largest: int, seconds: float, **request: Any) -> Answer:
    """Send a request and read its answer, no more than `largest` bytes and for no longer than `seconds`.

    The client's own timeouts count for each wait; this one stops a server that keeps sending a little.
    Raises ValueError for an answer beyond the limits, httpx2.HTTPError when there is none.
    """
    latest = monotonic() + seconds
    body = bytearray()
    with client.stream(method, url, **request) as response:
        for part in response.iter_bytes():
            body += part
            if len(body) > largest:
                raise ValueError(f"the answer is larger than {largest // 1024} KiB")
            if monotonic() > latest:
                raise ValueError(f"the answer took longer than {seconds:g} s")
    return Answer(response.status_code, bytes(body))
