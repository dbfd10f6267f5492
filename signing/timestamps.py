"""RFC 3161 time stamps over HTTP, from the first of several authorities that answers properly."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
from asn1crypto import algos, tsp, x509

from records.errors import Retry
from signing.cms import CmsError, check_token
from signing.parsing import whole

_LARGEST = 256 * 1024


@dataclass(frozen=True)
class Timestamp:
    """A checked time stamp: `token` is the DER ContentInfo, `time` is in UTC, `authority` the address that gave it."""

    token: bytes
    time: datetime
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    authority: str


class TimestampService:
    """Time stamps from `urls`, tried in this order at every call. Connections are kept open between calls.

    Fails closed: without a proper answer there is no time stamp, and Retry is raised. Safe to use from several threads.
    """

    def __init__(
        self, urls: Sequence[str], *, timeout_seconds: float = 5.0, client: httpx2.Client | None = None
    ) -> None:
        if not urls:
            raise ValueError("a time stamp service needs at least one address")
        self.urls = tuple(urls)
        self._client = client or httpx2.Client(timeout=timeout_seconds, follow_redirects=False)
        self._latest: Timestamp | None = None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def stamp(self, data: bytes) -> Timestamp:
        """A time stamp over the SHA-256 digest of `data`. Raises Retry when no authority gives one."""
        problems = []
        for url in self.urls:
            try:
                self._latest = self._ask(url, data)
                return self._latest
            except (httpx2.HTTPError, CmsError, ValueError, TypeError, KeyError) as error:
                problems.append(f"{url}: {error or type(error).__name__}")
        raise Retry("no time stamp authority gave a time stamp: " + "; ".join(problems), after_seconds=30)

    def latest(self) -> Timestamp:
        """The last time stamp given, of whatever data: it tells which authority and certificate to expect next.

        The first time, and when that certificate has ended since, one is asked for that nobody uses. Raises Retry when
        no authority gives one.
        """
        known = self._latest
        if known is None or known.certificate.not_valid_after < datetime.now(UTC):
            return self.stamp(b"songda: which authority answers?")
        return known

    def _ask(self, url: str, data: bytes) -> Timestamp:
        nonce = secrets.randbits(63)
        request = tsp.TimeStampReq(
            {
                "version": 1,
                "message_imprint": {
                    "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                    "hashed_message": hashlib.sha256(data).digest(),
                },
                "nonce": nonce,
                "cert_req": True,
            }
        )
        headers = {"Content-Type": "application/timestamp-query"}
        response = self._client.post(url, content=request.dump(), headers=headers)
        response.raise_for_status()
        if len(response.content) > _LARGEST:
            raise ValueError("the answer is larger than 256 KiB")
        token = _granted(tsp.TimeStampResp.load(response.content, strict=True))
        checked = check_token(token, data)
        if checked.info["nonce"].native != nonce:
            raise ValueError("the answer carries another nonce: it is not the answer to this request")
        certificates = tuple(whole(each) for each in checked.certificates)  # kept, and shared by all threads
        return Timestamp(token, checked.time, whole(checked.certificate), certificates, url)


def _granted(response: Any) -> bytes:
    status = response["status"]
    if status["status"].native not in ("granted", "granted_with_mods"):
        told = "; ".join(status["status_string"].native or [])
        raise ValueError(f"refused: {status['status'].native} {told}".strip())
    token: bytes = response["time_stamp_token"].dump()
    return token
