"""Proof that certificates are not revoked: OCSP answers (RFC 6960) and CRLs (RFC 5280 §5), fetched and kept a while.

Only addresses inside certificates that already lead to a trusted root are asked (`certificates.ChainChecker` sees to
that), so that a file sent in for verification cannot make this machine call anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Lock
from time import monotonic
from typing import Any

import httpx2
from asn1crypto import algos, crl, ocsp, x509

from records.errors import Retry
from signing.parsing import whole
from signing.providers import Provider

# A proof that runs out within this time is fetched anew: the seal's time stamp comes a moment after the check.
_MARGIN = timedelta(seconds=30)
_LONGEST_PAUSE = 30.0
_LARGEST = 20 * 1024 * 1024


@dataclass(frozen=True)
class Evidence:
    """OCSP answers and CRLs (asn1crypto objects) for a chain; after `usable_until` (UTC) too old to seal with."""

    ocsps: tuple[ocsp.OCSPResponse, ...] = ()
    crls: tuple[crl.CertificateList, ...] = ()
    usable_until: datetime = field(default=datetime.max.replace(tzinfo=UTC))

    @property
    def newest(self) -> datetime | None:
        """When (UTC) the newest of them was made; None without any that says so."""
        made = []
        for proof in (*self.ocsps, *self.crls):
            with suppress(ValueError, TypeError, KeyError, AttributeError):  # a malformed one proves nothing anyway
                answer = isinstance(proof, ocsp.OCSPResponse)
                made.append(
                    proof.response_data["produced_at"].native
                    if answer
                    else proof["tbs_cert_list"]["this_update"].native
                )
        return max(made, default=None)


@dataclass(frozen=True)
class _Kept:
    proof: ocsp.OCSPResponse | crl.CertificateList
    usable_until: datetime


class RevocationCache:
    """Fetches revocation data and keeps it, no longer than `max_age` and no longer than it is valid itself.

    A seal that is put on within `max_age` of a revocation may still carry the older proof; keep it short. Safe to use
    from several threads. `fetched` counts the requests made, for the metrics and the tests.
    """

    def __init__(
        self,
        *,
        max_age: timedelta = timedelta(minutes=5),
        timeout_seconds: float = 10.0,
        client: httpx2.Client | None = None,
    ) -> None:
        self.max_age = max_age
        self.fetched = 0
        self._client = client or httpx2.Client(timeout=timeout_seconds, follow_redirects=False)
        self._timeout = timeout_seconds
        self._kept: dict[tuple[str, bytes], _Kept] = {}
        self._servers: dict[str, Provider] = {}
        self._lock = Lock()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def evidence(self, path: Sequence[x509.Certificate], now: datetime) -> Evidence:
        """Proof for every certificate of `path` (certificate first, root last) but the root.

        Both OCSP and CRL are taken where the certificate names both; one of them has to be had.
        Raises Retry when neither is.
        """
        kept: list[_Kept] = []
        for certificate, issuer in pairwise(path):
            if certificate.ocsp_no_check_value is not None:
                continue  # RFC 6960 §4.2.2.2.1: an OCSP responder's own certificate
            kept += self._proofs(certificate, issuer, now)
        return Evidence(
            ocsps=_unique(each.proof for each in kept if isinstance(each.proof, ocsp.OCSPResponse)),
            crls=_unique(each.proof for each in kept if isinstance(each.proof, crl.CertificateList)),
            usable_until=min((each.usable_until for each in kept), default=now + self.max_age),
        )

    def _proofs(self, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> list[_Kept]:
        sources: list[tuple[tuple[str, bytes], Callable[[], _Kept]]] = []
        for url in certificate.ocsp_urls:
            sources.append(((url, certificate.sha256), lambda url=url: self._ask_ocsp(url, certificate, issuer, now)))  # type: ignore[misc]
        for url in _crl_urls(certificate):
            sources.append(((url, b""), lambda url=url: self._get_crl(url, now)))  # type: ignore[misc]
        if not sources:
            raise Retry(
                f"certificate {certificate.subject.human_friendly} names no OCSP or CRL address to prove itself by"
            )
        found, problems = [], []
        for key, fetch in sources:
            try:
                found.append(self._keep(key, fetch, now))
            except (httpx2.HTTPError, ValueError, TypeError, KeyError) as error:
                problems.append(f"{key[0]}: {error or type(error).__name__}")
        if not found:
            raise Retry("no revocation data: " + "; ".join(problems))
        return found

    def _keep(self, key: tuple[str, bytes], fetch: Callable[[], _Kept], now: datetime) -> _Kept:
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or now >= kept.usable_until:
            kept = fetch()
            with self._lock:
                self._kept[key] = kept
        return kept

    def _ask_ocsp(self, url: str, certificate: x509.Certificate, issuer: x509.Certificate, now: datetime) -> _Kept:
        identity = ocsp.CertId(
            {
                # SHA-1 names the issuer here and secures nothing; many responders know no other (RFC 5019 §2.1.1)
                "hash_algorithm": algos.DigestAlgorithm({"algorithm": "sha1"}),
                "issuer_name_hash": issuer.subject.sha1,
                "issuer_key_hash": issuer.public_key.sha1,
                "serial_number": certificate.serial_number,
            }
        )
        request = ocsp.OCSPRequest({"tbs_request": {"request_list": [{"req_cert": identity}]}})
        answer = ocsp.OCSPResponse.load(self._fetch(url, request.dump()), strict=True)
        if answer["response_status"].native != "successful":
            raise ValueError(f"OCSP answer {answer['response_status'].native}")
        single = answer.response_data["responses"][0]
        return self._dated(whole(answer), single["this_update"].native, single["next_update"].native, now)

    def _get_crl(self, url: str, now: datetime) -> _Kept:
        body = crl.CertificateList.load(self._fetch(url, None), strict=True)
        content = body["tbs_cert_list"]
        return self._dated(whole(body), content["this_update"].native, content["next_update"].native, now)

    def _dated(
        self, proof: ocsp.OCSPResponse | crl.CertificateList, since: datetime, until: datetime | None, now: datetime
    ) -> _Kept:
        if since > now + timedelta(minutes=5):
            raise ValueError(f"is dated {since:%Y-%m-%dT%H:%M:%SZ}, in the future: check the clocks")
        if until is not None and until < now:
            raise ValueError(f"ran out on {until:%Y-%m-%dT%H:%M:%SZ}")
        last = now + self.max_age
        return _Kept(proof, last if until is None else min(last, until - _MARGIN))

    def _fetch(self, url: str, ocsp_request: bytes | None) -> bytes:
        """The answer of a server; one that is away is left alone for a while, so that not every thread waits for it."""
        with self._lock:
            server = self._servers.setdefault(url, Provider(url, longest=_LONGEST_PAUSE))
        if not server.is_due(self._timeout):
            raise ValueError(server.standing.failure)
        self.fetched += 1
        began = monotonic()
        try:
            if ocsp_request is None:
                response = self._client.get(url)
            else:
                headers = {"Content-Type": "application/ocsp-request"}
                response = self._client.post(url, content=ocsp_request, headers=headers)
        except httpx2.TransportError as error:
            server.failed(str(error) or type(error).__name__)
            raise
        server.answered(monotonic() - began)
        response.raise_for_status()
        if len(response.content) > _LARGEST:
            raise ValueError("the answer is larger than 20 MiB")
        return response.content


def _crl_urls(certificate: x509.Certificate) -> list[str]:
    return [
        point.url
        for point in certificate.crl_distribution_points
        if point.url and point.url.startswith(("http:", "https:"))
    ]


def _unique(proofs: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({proof.dump(): proof for proof in proofs}.values())
