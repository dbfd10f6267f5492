"""Keys that stay with a remote signing service (`csc`).

The address is ``csc:https://host/csc/v2?credential=ID&client=CLIENT``, with ``&oauth2=https://host`` if access tokens
are given elsewhere than at ``…/csc/v2/oauth2/token``. The secret is a JSON object: ``client_secret``, and under its own
name each secret of the credential, which is mostly ``PIN``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from records.errors import Permanent
from signing.csc import Credential, CscService
from signing.signing_key import SigningKey

_FORM = "csc:https://host/csc/v2?credential=ID&client=CLIENT"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: The OIDs by which a service may call our algorithms, the one that names the digest as well first.
_ALGORITHMS = {
    "sha256_ecdsa": ("1.2.840.10045.4.3.2", "1.2.840.10045.2.1"),
    "sha256_rsa": ("1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1"),
}
_RAW_P256 = 64


class RemoteKey(SigningKey):
    """A key that stays with a remote signing service."""

    def __init__(
        self, service: CscService, name: str, credential: Credential, chain: Sequence[x509.Certificate]
    ) -> None:
        super().__init__(credential.certificates[0], chain)
        self._service, self._name, self._credential = service, name, credential
        known = [each for each in _ALGORITHMS[self.algorithm] if each in credential.algorithms]
        if not known:
            raise Permanent(
                f"credential {name!r} of {service.base} does not sign by {self.algorithm}, which its certificate wants "
                f"(it offers {', '.join(sorted(credential.algorithms)) or 'nothing'})"
            )
        self._oid = known[0]

    def close(self) -> None:
        """Close the connections to the service."""
        self._service.close()

    def _sign(self, data: bytes) -> bytes:
        signature = self._service.sign(self._name, self._credential, hashlib.sha256(data).digest(), self._oid)
        return _as_der(signature) if self.algorithm == "sha256_ecdsa" else signature


def _as_der(signature: bytes) -> bytes:
    """An ECDSA signature as DER: services give that, or r and s as two halves."""
    try:
        decode_dss_signature(signature)
    except ValueError:
        if len(signature) == _RAW_P256:
            half = _RAW_P256 // 2
            return encode_dss_signature(
                int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
            )
    return signature


def load_remote_key(address: str, secret: str | None, above: list[x509.Certificate]) -> SigningKey:
    """The key that `address` names (without its ``csc:``). Raises as `keys.load_key` does."""
    parts = urlsplit(address)
    named = dict(parse_qsl(parts.query))
    base = parts._replace(query="", fragment="").geturl()
    authorisation = named.get("oauth2", base)
    if not named.get("credential") or not named.get("client") or not parts.hostname:
        raise Permanent(f"a key of a remote service is named by {_FORM}")
    for url in (base, authorisation):
        _refuse_open_ways(url)
    secrets = _secrets(secret)
    service = CscService(base, authorisation, named["client"], secrets.pop("client_secret"), secrets)
    try:
        credential = service.credential(named["credential"])
        return RemoteKey(service, named["credential"], credential, [*credential.certificates[1:], *above])
    except BaseException:
        service.close()
        raise


def _refuse_open_ways(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise Permanent(f"the signing service {parts.hostname or url!r}: only https is used, but on this host itself")


def _secrets(secret: str | None) -> dict[str, str]:
    form = 'the secret of a remote key is a JSON object of texts: {"client_secret": "…", "PIN": "…"}'
    try:
        secrets = json.loads(secret or "")
    except ValueError as error:
        raise Permanent(form) from error
    if not isinstance(secrets, dict) or "client_secret" not in secrets:
        raise Permanent(form)
    if not all(isinstance(each, str) for each in secrets.values()):
        raise Permanent(form)
    return secrets
