"""RFC 3161 time stamps over HTTP, from the first of several authorities that answers properly."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any

import httpx2
from asn1crypto import algos, tsp, x509

from records.errors import Permanent, Retry
from signing.answers import ask
from signing.certificates import ChainChecker, CheckedChain
from signing.cms import CmsError, check_token
from signing.parsing import whole
from signing.providers import Provider, Standing, shown

_LARGEST = 256 * 1024
_CLOCKS_APART = timedelta(minutes=5)


@dataclass(frozen=True)
class Timestamp:
    """A checked time stamp: `token` is the DER ContentInfo, `time` is in UTC, `authority` the address that gave it."""

    token: bytes
    time: datetime
    certificate: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    authority: str


class TimestampService:
    """Time stamps from several authorities, in the order of `urls`. Connections are kept open between calls.

    An answer counts only if it is whole and belongs to the request, if its authority may be relied on, and if its clock
    is ours. An authority that fails in any of this is passed over for a while (`providers`); when all of them are, all
    are asked all the same, by one thread at a time, so that the others are not kept waiting for what is known to be
    away. Fails closed: without a proper answer there is no time stamp. Safe to use from several threads.
    """

    def __init__(
        self, urls: Sequence[str], *, timeout_seconds: float = 5.0, client: httpx2.Client | None = None
    ) -> None:
        if not urls:
            raise ValueError("a time stamp service needs at least one address")
        self.urls = tuple(urls)
        self._providers = tuple(Provider(url) for url in urls)
        self._seconds = timeout_seconds
        self._client = client or httpx2.Client(timeout=timeout_seconds, follow_redirects=False)
        self._latest: Timestamp | None = None
        self._last_resort = Lock()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def standings(self) -> tuple[Standing, ...]:
        """How each authority answered so far, in their order."""
        return tuple(each.standing for each in self._providers)

    def stamp(
        self, data: bytes, chains: ChainChecker, now: datetime | None = None, clock: datetime | None = None
    ) -> Timestamp:
        """A time stamp over the SHA-256 digest of `data`, by an authority that may be relied on at `now`.

        `clock` is what our clock shows; both are aware, and the present by default. Raises Retry when no authority
        gives one, Permanent when all answer and none may be relied on.
        """
        problems: dict[Provider, Exception] = {}

        def check(stamp: Timestamp) -> None:
            check_authority(chains, stamp, now or datetime.now(UTC))
            refuse_clock(stamp, clock or datetime.now(UTC))

        for provider in self._providers:
            if provider.is_due(self._seconds) and (stamp := self._try(provider, data, check, problems)):
                return stamp
        left = [each for each in self._providers if each not in problems]
        if left and self._last_resort.acquire(blocking=False):
            try:
                for provider in left:
                    if stamp := self._try(provider, data, check, problems):
                        return stamp
            finally:
                self._last_resort.release()
        raise self._nobody(problems)

    def latest(self, chains: ChainChecker, now: datetime | None = None, clock: datetime | None = None) -> Timestamp:
        """The last time stamp given, of whatever data: it tells which authority and certificate to expect next.

        One is asked for that nobody uses the first time, and as long as the authority of the last one fails or may not
        be relied on any more: so a key isn't used when there will be no time stamp. Raises as `stamp` does.
        """
        latest = self._latest
        if latest is None or self._is_failing(latest.authority) or not _is_reliable(chains, latest, now):
            latest = self.stamp(b"songda: which authority answers?", chains, now, clock)
        return latest

    def _is_failing(self, url: str) -> bool:
        return any(each.standing.url == url and each.standing.failing_since for each in self._providers)

    def _try(
        self,
        provider: Provider,
        data: bytes,
        check: Callable[[Timestamp], None],
        problems: dict[Provider, Exception],
    ) -> Timestamp | None:
        """The provider's time stamp, or None with what was wrong in `problems`."""
        began = monotonic()
        try:
            stamp = self._ask(provider.url, data)
            took = monotonic() - began
            check(stamp)
        except (httpx2.HTTPError, CmsError, ValueError, TypeError, KeyError, Permanent, Retry) as error:
            provider.failed(str(error) or type(error).__name__)
            problems[provider] = error
            return None
        provider.answered(took)
        self._latest = stamp
        return stamp

    def _nobody(self, problems: dict[Provider, Exception]) -> Permanent | Retry:
        told = "; ".join(f"{each.standing.url}: {each.standing.failure}" for each in self._providers)
        message = f"no time stamp authority gave a time stamp: {told}"
        if len(problems) == len(self._providers) and all(isinstance(each, Permanent) for each in problems.values()):
            return Permanent(message)
        return Retry(message)

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
        answer = ask(
            self._client, "POST", url, largest=_LARGEST, seconds=self._seconds, content=request.dump(), headers=headers
        )
        if answer.status != 200:
            raise ValueError(f"answers with HTTP status {answer.status}")
        token = _granted(tsp.TimeStampResp.load(answer.body, strict=True))
        checked = check_token(token, data)
        if checked.info["nonce"].native != nonce:
            raise ValueError("the answer carries another nonce: it is not the answer to this request")
        certificates = tuple(whole(each) for each in checked.certificates)  # kept, and shared by all threads
        return Timestamp(token, checked.time, whole(checked.certificate), certificates, shown(url))


def check_authority(chains: ChainChecker, stamp: Timestamp, now: datetime) -> CheckedChain:
    """Prove that the authority which gave `stamp` may be relied on now. Raises Permanent or Retry."""
    try:
        return chains.check(stamp.certificate, stamp.certificates, now=now, time_stamping=True)
    except Permanent as error:
        raise Permanent(f"cannot be relied on: {error}") from error


def _is_reliable(chains: ChainChecker, stamp: Timestamp, now: datetime | None) -> bool:
    try:
        check_authority(chains, stamp, now or datetime.now(UTC))
    except (Permanent, Retry):
        return False
    return True


def refuse_clock(stamp: Timestamp, now: datetime) -> None:
    """Raise Retry when the authority's clock and ours, `now`, are too far apart to say which is right."""
    if abs(stamp.time - now) > _CLOCKS_APART:
        raise Retry(
            f"its clock and that of this machine are more than five minutes apart "
            f"(time stamp {stamp.time:%Y-%m-%dT%H:%M:%SZ}): set ours right if it is wrong"
        )


def _granted(response: Any) -> bytes:
    status = response["status"]
    if status["status"].native not in ("granted", "granted_with_mods"):
        told = "; ".join(status["status_string"].native or [])
        raise ValueError(f"refused: {status['status'].native} {told}".strip())
    token: bytes = response["time_stamp_token"].dump()
    return token
