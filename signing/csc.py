"""Client of a remote signing service: the API of the Cloud Signature Consortium, version 2 (v2.0.0.2).

Methods used: ``oauth2/token`` with the client's own credentials (RFC 6749 §4.4), ``credentials/info``,
``credentials/authorize`` and ``signatures/signHash``. Every authorisation is for one signature over one hash, which
the service holds the signature against (SCAL2). Made after public descriptions of services; the specification's own
text was not at hand.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any, NoReturn

import httpx2
from asn1crypto import x509

from records.errors import Permanent, Retry
from signing.answers import Answer, ask
from signing.providers import Provider
from signing.refused_secrets import REFUSED

_SHA256_OID = "2.16.840.1.101.3.4.2.1"
_LARGEST = 1024 * 1024
_TOKEN_MARGIN = 30.0
#: Seconds at most that the service is left alone after it did not answer.
_LONGEST_PAUSE = 15.0
#: Answers of HTTP that say "not now": too many requests, and the service's own faults.
_NOT_NOW = frozenset({408, 425, 429, *range(500, 600)})


@dataclass(frozen=True)
class Credential:
    """What the service tells of a credential: its certificate first, OIDs of algorithms, what authorises its use."""

    certificates: tuple[x509.Certificate, ...]
    algorithms: frozenset[str]
    factors: tuple[str, ...]


class _Rejected(Exception):
    """The service said no: its code and its words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(f"{code or f'HTTP {status}'}{f' ({words})' if words else ''}")
        self.status, self.code = status, code


class CscService:
    """One service as one client of it; `factors` are the secrets of the credential by their names (``PIN``).

    `seconds` is how long one answer may take. Redirects are not followed. Safe to use from several threads.
    """

    def __init__(
        self,
        base: str,
        authorisation: str,
        client_id: str,
        client_secret: str,
        factors: Mapping[str, str],
        *,
        seconds: float = 20.0,
    ) -> None:
        self.base, self._authorisation = base.rstrip("/"), authorisation.rstrip("/")
        self._client_id, self._client_secret, self._factors = client_id, client_secret, dict(factors)
        self._seconds = seconds
        self._client = httpx2.Client(timeout=seconds, follow_redirects=False)
        self._token, self._token_until = "", 0.0
        self._token_lock = Lock()
        self._provider = Provider(self.base, longest=_LONGEST_PAUSE)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def credential(self, name: str) -> Credential:
        """What the service knows of the credential. Raises Permanent for one that cannot sign unattended, or Retry."""
        asked = {"credentialID": name, "certificates": "chain", "certInfo": False, "authInfo": True}
        try:
            told = self._call("credentials/info", asked)
        except _Rejected as error:
            raise Permanent(f"{self.base} knows no usable credential {name!r}: {error}") from error
        with _understood(self.base, "credentials/info"):
            status, mode = told["key"]["status"], told["auth"]["mode"]
            certificates = tuple(
                x509.Certificate.load(base64.b64decode(each, validate=True), strict=True)
                for each in told["cert"]["certificates"]
            )
            factors = tuple(str(each["id"]) for each in told["auth"].get("objects") or ())
            algorithms = frozenset(map(str, told["key"]["algo"]))
            if not certificates:
                raise ValueError("no certificate")
        if status != "enabled":
            raise Permanent(f"credential {name!r} of {self.base} is {status}: have its operator enable it")
        if mode not in ("explicit", "implicit"):
            raise Permanent(
                f"credential {name!r} of {self.base} is authorised by {mode!r}, which needs a person at each signature"
            )
        if missing := [each for each in factors if each not in self._factors] if mode == "explicit" else []:
            raise Permanent(
                f"credential {name!r} of {self.base} asks for {', '.join(missing)}: add it to the seal's secret"
            )
        return Credential(certificates, algorithms, factors if mode == "explicit" else ())

    def sign(self, name: str, credential: Credential, digest: bytes, algorithm: str) -> bytes:
        """The signature over a SHA-256 digest, as the service encodes it; `algorithm` is its OID.

        Raises Permanent when the service refuses (a PIN that it refused is not sent again), Retry when it is away.
        """
        hashed = {"hashes": [base64.b64encode(digest).decode()], "hashAlgorithmOID": _SHA256_OID}
        asked = {
            "credentialID": name,
            "SAD": self._authorise(name, credential, hashed),
            **hashed,
            "signAlgo": algorithm,
            "operationMode": "S",
        }
        try:
            told = self._call("signatures/signHash", asked)
        except _Rejected as error:
            raise Permanent(f"{self.base} does not sign with credential {name!r}: {error}") from error
        with _understood(self.base, "signatures/signHash"):
            (signature,) = told["signatures"]
            return base64.b64decode(signature, validate=True)

    def _authorise(self, name: str, credential: Credential, hashed: Mapping[str, Any]) -> str:
        """Signature activation data for this one hash. One call at a time, so that a wrong PIN is sent once."""
        factors = {each: self._factors[each] for each in credential.factors}
        place, secret = f"{self.base}\0{name}", json.dumps(factors, sort_keys=True)
        asked = {"credentialID": name, "numSignatures": 1, **hashed}
        if factors:
            asked["authData"] = [{"id": each, "value": value} for each, value in factors.items()]
        refused = f"{self.base} refused the {' and '.join(factors) or 'authorisation'} of credential {name!r}"
        with REFUSED.turn(place):
            if factors and REFUSED.holds(place, secret):
                raise Permanent(f"{refused}; it is not sent again, lest the credential be locked: correct the secret")
            try:
                told = self._call("credentials/authorize", asked)
            except _Rejected as error:
                if factors:  # services word it in many ways; what isn't sure to be about something else is this
                    REFUSED.add(place, secret)
                raise Permanent(f"{refused}: {error}; correct the secret, it is not sent again") from error
        with _understood(self.base, "credentials/authorize"):
            sad = told["SAD"]
            if not isinstance(sad, str) or not sad:
                raise ValueError("no signature activation data")
        return sad

    def _call(self, method: str, asked: Mapping[str, Any]) -> Any:
        """The JSON that a method answers; with a new access token if the old one is not taken any more."""
        token = self._access_token("")
        answer = self._post(f"{self.base}/{method}", json=asked, headers={"Authorization": f"Bearer {token}"})
        if answer.status == 401:
            headers = {"Authorization": f"Bearer {self._access_token(token)}"}
            answer = self._post(f"{self.base}/{method}", json=asked, headers=headers)
        return self._read(answer, method)

    def _access_token(self, stale: str) -> str:
        """The present access token; never `stale`, which the service did not take."""
        with self._token_lock:
            if self._token in ("", stale) or monotonic() > self._token_until:
                asked = {
                    "grant_type": "client_credentials",
                    "client_id": self._client_id,
                    "client_secret": self._client_secret,
                }
                answer = self._post(f"{self._authorisation}/oauth2/token", data=asked)
                try:
                    told = self._read(answer, "oauth2/token")
                except _Rejected as error:
                    raise Permanent(
                        f"{self._authorisation} refused the client {self._client_id!r}: {error}; "
                        "correct client or client_secret"
                    ) from error
                with _understood(self._authorisation, "oauth2/token"):
                    self._token = str(told["access_token"])
                    self._token_until = monotonic() + float(told.get("expires_in", 300)) - _TOKEN_MARGIN
            return self._token

    def _post(self, url: str, **request: Any) -> Answer:
        """What the service answers. While it is known to be away one thread at a time asks."""
        if not self._provider.is_due(self._seconds):
            raise Retry(f"the signing service does not answer at {url}: {self._provider.standing.failure}")
        began = monotonic()
        try:
            answer = ask(self._client, "POST", url, largest=_LARGEST, seconds=self._seconds, **request)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, RuntimeError) as error:
            # RuntimeError: the connections were closed by another thread, because the key is loaded anew
            self._provider.failed(str(error) or type(error).__name__)
            raise Retry(f"the signing service does not answer at {url}: {self._provider.standing.failure}") from error
        self._provider.answered(monotonic() - began)
        return answer

    def _read(self, answer: Answer, method: str) -> Any:
        """The JSON of a good answer. Raises Retry when the service is not able now, _Rejected when it says no."""
        told = _json(answer.body)
        words = " ".join(re.sub(r"[^\x20-\x7e\u4e00-\u9fff]", " ", str(told.get("error_description") or "")).split())
        for secret in filter(None, (self._client_secret, *self._factors.values())):  # a service may repeat what it got
            words = words.replace(secret, "…")
        error = _Rejected(answer.status, str(told.get("error") or "")[:80], words[:200])
        if answer.status in _NOT_NOW:
            raise Retry(f"the signing service {self.base} is not able to do {method} now: {error}")
        if answer.status == 401 and method != "oauth2/token":
            raise Retry(f"the signing service {self.base} does not take its own new access token: {error}")
        if answer.status != 200:
            raise error
        return told


class _understood:
    """Turns what is wrong with the form of an answer into a Retry that names it."""

    def __init__(self, base: str, method: str) -> None:
        self._what = f"{base}: its answer to {method} cannot be understood"

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError | TypeError | KeyError | AttributeError):
            self._raise(error)

    def _raise(self, error: Exception) -> NoReturn:
        raise Retry(f"{self._what} ({type(error).__name__} {error})") from error


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
