"""SMS gateways of the tests' own, over HTTP on loopback. They check each signature by a computation of their own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from delivery.sms import TEMPLATES

KEY_ID, KEY_SECRET = "LTAI5tExample", "an-AccessKey-secret"
WHSEC_KEY = b"thirty-two bytes of a known key."
WHSEC = "whsec_" + base64.b64encode(WHSEC_KEY).decode()
SIGN = "民航监管执法"
CODES = {name: f"SMS_{1000 + nth}" for nth, name in enumerate(TEMPLATES)}


@dataclass
class Operator:
    """What came in. `answer` is what the next requests get; None lets the connection break without an answer."""

    kind: str
    port: int = 0
    answer: tuple[int, Any] | None = None
    slow: float = 0.0
    heard: Callable[[], None] = lambda: None
    requests: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)  # by out_id

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{'/sms' if self.kind == 'http' else ''}"

    def settings(self) -> dict[str, Any]:
        """The settings that lead here."""
        if self.kind == "http":
            return {"sms_gateway": "http", "sms_url": self.url, "sms_secret": WHSEC}
        return {
            "sms_gateway": "aliyun",
            "sms_url": self.url,
            "sms_key_id": KEY_ID,
            "sms_secret": KEY_SECRET,
            "sms_templates": CODES,
        }

    def take(self, target: str, headers: dict[str, str], body: bytes) -> tuple[int, Any] | None:
        read = _standard_webhook if self.kind == "http" else _acs3
        message, fault = read(target, headers, body)
        self.requests.append(message)
        self.heard()
        time.sleep(self.slow)
        if fault:
            return fault
        if self.answer is None or self.answer[0] < 300:
            self.sent.setdefault(message["out_id"], message)
        return self.answer


def _standard_webhook(target: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, Any], Any]:
    """Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, within five minutes."""
    message = json.loads(body) | {"webhook-id": headers["webhook-id"], "target": target}
    content = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(WHSEC_KEY, content, hashlib.sha256).digest()).decode()
    right = headers["webhook-signature"].split(" ") == [f"v1,{expected}"]
    fresh = abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    return message, None if right and fresh else (401, {"error": "signature"})


def _acs3(target: str, headers: dict[str, str], body: bytes) -> tuple[dict[str, Any], Any]:
    """ACS3-HMAC-SHA256, from what stands on the wire: the query is read, sorted and encoded anew."""
    parts = urlsplit(target)
    asked = dict(parse_qsl(parts.query, strict_parsing=True))
    method, _, rest = headers["authorization"].partition(" ")
    told = dict(each.split("=", 1) for each in rest.split(","))
    signed = told["SignedHeaders"].split(";")
    lines = [
        "POST",
        parts.path,
        "&".join(f"{quote(name, safe='')}={quote(asked[name], safe='')}" for name in sorted(asked)),
        *(f"{name}:{headers[name]}" for name in signed),
        "",
        ";".join(signed),
        hashlib.sha256(body).hexdigest(),
    ]
    canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    expected = hmac.new(KEY_SECRET.encode(), f"ACS3-HMAC-SHA256\n{canonical}".encode(), hashlib.sha256).hexdigest()
    must = {"host", *(name for name in headers if name.startswith("x-acs-"))}
    whole = must <= set(signed) and headers["x-acs-content-sha256"] == hashlib.sha256(body).hexdigest()
    right = (method, told["Credential"], told["Signature"]) == ("ACS3-HMAC-SHA256", KEY_ID, expected) and whole
    message = asked | {"out_id": asked["OutId"], "action": headers["x-acs-action"], "version": headers["x-acs-version"]}
    return message, None if right else (400, {"Code": "SignatureDoesNotMatch", "Message": asked["PhoneNumbers"]})


def taken(kind: str) -> tuple[int, Any]:
    """How a gateway of this kind says yes."""
    return (202, {}) if kind == "http" else (200, {"Code": "OK", "Message": "OK", "BizId": "9006^0", "RequestId": "F6"})


@contextmanager
def operator(kind: str) -> Iterator[Operator]:
    """A gateway, `aliyun` or `http`, that takes everything whose signature is right."""
    state = Operator(kind, answer=taken(kind))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = state.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.close_connection = answer is None
            if answer is None:
                return
            status, value = answer
            content = value if isinstance(value, bytes) else json.dumps(value).encode()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
