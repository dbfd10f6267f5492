"""A gateway of one's own: each SMS is a signed POST of JSON to one address. Whoever answers it sends the message.

The `out_id` is the idempotency key: the same message may come again after an outcome that nobody knows, and goes out
once. Answers: 2xx taken; 429, 408, 5xx later again; 401 and 403 as well, for they say nothing of the message; any
other one final.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Final

import httpx2

from delivery.sms import checked_phone, sms_text
from delivery.standard_webhooks import signed_headers
from records.errors import Ambiguous, Permanent, Retry
from signing.answers import Answer, ask

SECONDS: Final = 15.0
"""For how long an answer may be waited for."""
_LARGEST: Final = 64 * 1024

#: So far nothing was sent: the connection did not come about.
_BEFORE_SENDING: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_LATER: Final = (401, 403, 408, 429)


@cache
def _client() -> httpx2.Client:
    # no connection is kept: one that the other side has closed meanwhile would make a sending ambiguous
    limits = httpx2.Limits(max_keepalive_connections=0)
    return httpx2.Client(timeout=SECONDS, follow_redirects=False, limits=limits)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """The gateway's answer, whatever it says. Raises Retry when nothing was sent, Ambiguous when nobody can tell.

    No error shows the address or what was sent: both may hold a number or a code.
    """
    try:
        return ask(_client(), "POST", url, largest=_LARGEST, seconds=SECONDS, content=body, headers=dict(headers))
    except _BEFORE_SENDING as error:
        raise Retry(f"the SMS gateway cannot be reached: {type(error).__name__}") from None
    except (httpx2.HTTPError, ValueError) as error:
        raise Ambiguous(f"no answer of the SMS gateway: {type(error).__name__}") from None


class HttpGateway:
    """Posts each message to `url`, signed with `key` as Standard Webhooks are."""

    repeats = True

    def __init__(self, url: str, key: bytes, sign: str) -> None:
        self._url, self._key, self._sign = url, key, sign

    def send(self, out_id: str, phone: str, template: str, params: Mapping[str, str]) -> str:
        """See `SmsGateway.send`."""
        message = {
            "out_id": out_id,
            "phone": checked_phone(phone),
            "sign": self._sign,
            "template": template,
            "params": {name: value for name, value in params.items() if name != "system"},
            "text": sms_text(template, params),
        }
        body = json.dumps(message, ensure_ascii=False).encode()
        signed = signed_headers(self._key, out_id, int(time.time()), body)
        status = post(self._url, body, {"content-type": "application/json"} | signed).status
        if 200 <= status < 300:
            return f"taken by the gateway: HTTP {status}"
        told = f"the SMS gateway answered HTTP {status}"
        if status in _LATER or status >= 500:
            raise Retry(told)
        raise Permanent(told)
