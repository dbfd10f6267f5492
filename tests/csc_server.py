"""A remote signing service of the tests' own: CSC API v2 over HTTP on loopback, with real keys.

It is strict: an access token that it gave, a PIN that fits, activation data that it issued for exactly the hash that is
signed, and for one signature. And it can be told to be out of order.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

SHA256 = "2.16.840.1.101.3.4.2.1"
ECDSA, RSA = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11"
CLIENT, CLIENT_SECRET, PIN = "songda", "client-secret-1", "2580"

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


_PAUSE = 0.0  # seconds before each byte of an answer


class _No(Exception):
    def __init__(self, status: int, code: str, words: str = "") -> None:
        super().__init__(code)
        self.status, self.answer = status, {"error": code, "error_description": words}


@dataclass
class CscServer:
    """The service's state. `out_of_order` maps a method to what it answers instead: a status, or a made-up answer."""

    keys: Mapping[str, tuple[_Key, Sequence[x509.Certificate]]]
    pin: str = PIN
    mode: str = "explicit"
    status: str = "enabled"
    factors: tuple[str, ...] = ("PIN",)
    raw: bool = False
    token_seconds: float = 3600
    slow: float = 0.0
    wrong_signature: bool = False
    out_of_order: dict[str, int | dict[str, Any] | bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    port: int = 0
    _tokens: dict[str, float] = field(default_factory=dict)
    _activations: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/csc/v2"

    def address(self, credential: str) -> str:
        return f"csc:{self.url}?credential={credential}&client={CLIENT}"

    def secret(self, **changed: str) -> str:
        return json.dumps({"client_secret": CLIENT_SECRET, "PIN": PIN} | changed)

    def revoke_tokens(self) -> None:
        self._tokens.clear()

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        method = path.removeprefix("/csc/v2/")
        self.calls.append(method)
        time.sleep(self.slow)
        told = self.out_of_order.get(method)
        if isinstance(told, int):
            return told, b"{}"
        if isinstance(told, bytes):
            return 200, told
        if told is not None:
            return 200, json.dumps(told).encode()
        try:
            if method == "oauth2/token":
                return 200, json.dumps(self._token(body)).encode()
            if self._tokens.get(authorization.removeprefix("Bearer "), 0) < time.monotonic():
                raise _No(401, "invalid_token")
            work = {
                "credentials/info": self._info,
                "credentials/authorize": self._authorize,
                "signatures/signHash": self._sign,
            }
            if method not in work:
                raise _No(404, "not_found")
            return 200, json.dumps(work[method](json.loads(body))).encode()
        except _No as no:
            return no.status, json.dumps(no.answer).encode()

    def _token(self, body: bytes) -> dict[str, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": CLIENT_SECRET}
        if form != wanted:
            raise _No(401, "invalid_client")
        token = secrets.token_urlsafe()
        self._tokens[token] = time.monotonic() + self.token_seconds
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_seconds}

    def _key(self, asked: Mapping[str, Any]) -> tuple[_Key, Sequence[x509.Certificate]]:
        try:
            return self.keys[asked["credentialID"]]
        except KeyError:
            raise _No(400, "invalid_request", "Invalid parameter credentialID") from None

    def _info(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key, certificates = self._key(asked)
        is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
        der = [each.public_bytes(serialization.Encoding.DER) for each in certificates]
        objects = [{"type": "Password", "id": each, "format": "N", "label": each} for each in self.factors]
        return {
            "key": {"status": self.status, "algo": [ECDSA if is_ec else RSA], "len": key.key_size},
            "cert": {"status": "valid", "certificates": [base64.b64encode(each).decode() for each in der]},
            "auth": {"mode": self.mode, "objects": objects},
            "SCAL": "2",
            "multisign": 1,
        }

    def _authorize(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._key(asked)
        if asked.get("numSignatures") != 1 or asked.get("hashAlgorithmOID") != SHA256:
            raise _No(400, "invalid_request", "one SHA-256 hash is signed at a time")
        (hashed,) = asked["hashes"]
        given = {each["id"]: each["value"] for each in asked.get("authData", [])}
        if self.mode == "explicit":
            self.pins.append(given.get("PIN", ""))
            if given != {"PIN": self.pin}:
                raise _No(400, "invalid_pin", f"The PIN {given.get('PIN')} is invalid")
        elif given:
            raise _No(400, "invalid_request", "no authData is wanted")
        activation = secrets.token_urlsafe()
        self._activations[activation] = (asked["credentialID"], hashed)
        return {"SAD": activation, "expiresIn": 60}

    def _sign(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        key, _ = self._key(asked)
        (hashed,) = asked["hashes"]
        wanted = self._activations.pop(asked.get("SAD", ""), None)
        if wanted != (asked["credentialID"], hashed):
            raise _No(400, "invalid_request", "Invalid parameter SAD: it was not given for this hash")
        digest = base64.b64decode(hashed)
        if self.wrong_signature:
            digest = bytes(reversed(digest))
        by, prehashed = asked["signAlgo"], Prehashed(hashes.SHA256())
        if isinstance(key, rsa.RSAPrivateKey) and by == RSA:
            signature = key.sign(digest, padding.PKCS1v15(), prehashed)
        elif isinstance(key, ec.EllipticCurvePrivateKey) and by == ECDSA:
            signature = key.sign(digest, ec.ECDSA(prehashed))
            if self.raw:
                signature = b"".join(each.to_bytes(32, "big") for each in decode_dss_signature(signature))
        else:
            raise _No(400, "invalid_request", "Invalid parameter signAlgo")
        return {"signatures": [base64.b64encode(signature).decode()]}


@contextmanager
def serving(server: CscServer, port: int = 0) -> Iterator[CscServer]:
    """Serve it on loopback for as long as the context lasts."""

    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = server.answer(self.path, body, self.headers.get("Authorization", ""))
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            parts = [answer[at : at + 1] for at in range(len(answer))] if _PAUSE else [answer]
            for part in parts:
                time.sleep(_PAUSE)
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def process_request(self, request: Any, client_address: Any) -> None:
            connections.append(request)
            super().process_request(request, client_address)

        def handle_error(self, *_: object) -> None:
            """A client that went away is no error."""

    http = Server(("127.0.0.1", port), Handler)
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        for each in connections:  # kept alive, they would be served on
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        thread.join()
