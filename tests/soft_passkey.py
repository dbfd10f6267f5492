"""A device for passkeys, in software: real attestations (`none`) and assertions by ES256, as browsers hand them on."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftPasskey:
    """One passkey on a device of its own. `counts`: whether the device counts its uses; many always say 0."""

    origin: str
    rp_id: str = ""
    counts: bool = True
    count: int = 0
    user_handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def id(self) -> str:
        """The identifier as browsers tell it."""
        return bytes_to_base64url(self.credential_id)

    def make(
        self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, fmt: str = "none", **client: Any
    ) -> str:
        """The answer to creation options."""
        self.rp_id = self.rp_id or options["rp"]["id"]
        self.user_handle = base64url_to_bytes(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public_key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + encode_cbor(public_key)
        made = {"fmt": fmt, "attStmt": {}, "authData": self._data(flags | ATTESTED) + attested}
        response = {"attestationObject": bytes_to_base64url(encode_cbor(made))}
        return self._answer("webauthn.create", options["challenge"], response, client)

    def use(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, **client: Any) -> str:
        """The answer to request options."""
        if self.counts:
            self.count += 1
        data = self._data(flags)
        told = self._client_data("webauthn.get", options["challenge"], client)
        signature = self.key.sign(data + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(signature),
            "userHandle": bytes_to_base64url(self.user_handle),
        }
        return self._answer("webauthn.get", options["challenge"], response, client)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, client: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False} | client
        return json.dumps(told).encode()

    def _answer(self, kind: str, challenge: str, response: dict[str, Any], client: dict[str, Any]) -> str:
        told = bytes_to_base64url(self._client_data(kind, challenge, client))
        response = {**response, "clientDataJSON": told}
        return json.dumps({"id": self.id, "rawId": self.id, "type": "public-key", "response": response})
