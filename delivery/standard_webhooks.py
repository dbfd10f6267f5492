"""The signature of Standard Webhooks 1.0 (standardwebhooks.com): a message of ours that its receiver can check.

HMAC-SHA256 over `id.timestamp.body`, with a secret that both sides know and that never travels.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

_PREFIX: Final = "whsec_"
_LEAST, _MOST = 24, 64  # bytes, as the specification asks


def secret_key(secret: str) -> bytes:
    """The key of a secret as it is written down, `whsec_` and base64. Raises ValueError, whose text shows nothing."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64 after whsec_") from None
    if not secret.startswith(_PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise ValueError(f"whsec_ and the base64 of {_LEAST} to {_MOST} bytes are expected")
    return key


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; `timestamp` is in seconds since 1970 UTC, at the time of this attempt."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}
