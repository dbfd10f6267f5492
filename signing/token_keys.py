"""Keys inside PKCS#11 tokens: named by an RFC 7512 URI, used through the sessions of `tokens`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import pkcs11
from asn1crypto import x509
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from records.errors import Permanent
from signing.signing_key import SigningKey
from signing.tokens import KeyName, Token, token_of


class TokenKey(SigningKey):
    """A key that stays inside a PKCS#11 token."""

    def __init__(
        self,
        token: Token,
        pin: str | None,
        name: KeyName,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
    ) -> None:
        super().__init__(certificate, chain)
        kind = pkcs11.KeyType.RSA if self.algorithm == "sha256_rsa" else pkcs11.KeyType.EC
        self._token, self._pin, self._name = token, pin, name._replace(kind=kind)

    def _sign(self, data: bytes) -> bytes:
        if self.algorithm == "sha256_rsa":
            return self._token.sign(self._pin, self._name, data, pkcs11.Mechanism.SHA256_RSA_PKCS)
        # plain CKM_ECDSA over our own digest: the one mechanism that every module has
        digest = hashlib.sha256(data).digest()
        raw = self._token.sign(self._pin, self._name, digest, pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def load_token_key(uri: str, pin: str | None, above: list[x509.Certificate], sessions: int) -> SigningKey:
    """The key that `uri` names (without its ``pkcs11:``). Raises as `keys.load_key` does."""
    path, _, query = uri.partition("?")
    names = {name: unquote(value) for name, _, value in (part.partition("=") for part in path.split(";"))}
    options = dict(parse_qsl(query))
    if not names.get("token") or not (names.get("object") or names.get("id")) or not options.get("module-path"):
        raise Permanent("a PKCS#11 key is named by pkcs11:token=LABEL;object=LABEL?module-path=/path/of/the/module.so")
    if pin is None and "pin-source" in options:
        try:
            pin = Path(options["pin-source"].removeprefix("file:")).read_text().strip()
        except OSError as error:
            raise Permanent(f"the PIN file {options['pin-source']} cannot be read ({error.strerror})") from error
    token = token_of(options["module-path"], names["token"], sessions)
    identifier = names["id"].encode("latin-1") if names.get("id") else None
    label = names.get("object")
    certificates = token.certificates(pin)
    own = [
        der for (its_label, its_id), der in certificates if label in (None, its_label) and identifier in (None, its_id)
    ]
    if len(own) != 1:
        found = ", ".join(sorted({its_label for (its_label, _), _ in certificates})) or "none"
        raise Permanent(
            f"token {names['token']!r} holds {len(own)} certificates named {label or names['id']!r} (found: {found})"
        )
    chain = [x509.Certificate.load(der) for _, der in certificates if der != own[0]] + above
    return TokenKey(token, pin, KeyName(label, identifier), x509.Certificate.load(own[0]), chain)
