"""Keys that sign seals: from a PKCS#12 file or from a PKCS#11 token, loaded once and kept.

The addresses are ``pkcs12:PATH`` and RFC 7512 URIs: ``pkcs11:token=seals;object=north?module-path=/usr/lib/….so``.
A key signs with SHA-256 (ECDSA on P-256, or RSA PKCS#1 v1.5 from 2048 bits); nothing weaker is loaded.

Load keys after a process has forked, never before: PKCS#11 modules do not survive a fork.
"""

from __future__ import annotations

import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote

import pkcs11
from asn1crypto import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import pkcs12
from pkcs11 import exceptions as token_errors

from records.errors import Permanent, Retry
from signing.certificates import is_test, read_certificates
from signing.parsing import whole

_SHA256 = hashes.SHA256()


class SigningKey(ABC):
    """A private key that is ready to sign, with its certificate and what is known of the chain above it.

    `certificate` and `chain` are asn1crypto certificates; `algorithm` is the name of the signature algorithm in
    asn1crypto's words (``sha256_ecdsa`` or ``sha256_rsa``). Safe to use from several threads.
    """

    def __init__(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
        self.certificate = whole(certificate)
        self.chain = tuple(whole(each) for each in chain)
        self._public = _public_key(certificate)
        self.algorithm = "sha256_ecdsa" if isinstance(self._public, ec.EllipticCurvePublicKey) else "sha256_rsa"

    @property
    def test(self) -> bool:
        """Whether this is a TEST key: it says so in its certificate."""
        return is_test(self.certificate)

    @abstractmethod
    def _sign(self, data: bytes) -> bytes: ...

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` (DER for ECDSA). Raises Retry or Permanent, never returns a wrong signature."""
        signature = self._sign(data)
        try:
            if isinstance(self._public, ec.EllipticCurvePublicKey):
                self._public.verify(signature, data, ec.ECDSA(_SHA256))
            else:
                self._public.verify(signature, data, padding.PKCS1v15(), _SHA256)
        except InvalidSignature as error:
            raise Permanent(
                "the key does not belong to its certificate, or the token signs wrongly: "
                "the signature it made does not verify with the certificate's public key"
            ) from error
        return signature


class SoftwareKey(SigningKey):
    """A key held in this process's memory."""

    def __init__(
        self,
        private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
    ) -> None:
        super().__init__(certificate, chain)
        self._private = private

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), _SHA256)
        return self._private.sign(data, ec.ECDSA(_SHA256))


class TokenKey(SigningKey):
    """A key that stays inside a PKCS#11 token; one session per token is opened and reused."""

    def __init__(
        self,
        token: _Token,
        label: str | None,
        identifier: bytes | None,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
    ) -> None:
        super().__init__(certificate, chain)
        self._token, self._label, self._identifier = token, label, identifier

    def _sign(self, data: bytes) -> bytes:
        if self.algorithm == "sha256_rsa":
            return self._token.sign(self._search(pkcs11.KeyType.RSA), data, pkcs11.Mechanism.SHA256_RSA_PKCS)
        # plain CKM_ECDSA over our own digest: the one mechanism that every module has
        digest = hashlib.sha256(data).digest()
        raw = self._token.sign(self._search(pkcs11.KeyType.EC), digest, pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))

    def _search(self, kind: pkcs11.KeyType) -> dict[Any, Any]:
        search: dict[Any, Any] = {
            pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY,
            pkcs11.Attribute.KEY_TYPE: kind,
        }
        if self._label is not None:
            search[pkcs11.Attribute.LABEL] = self._label
        if self._identifier is not None:
            search[pkcs11.Attribute.ID] = self._identifier
        return search


def load_key(address: str, secret: str | None = None, *, chain: Iterable[Path] = ()) -> SigningKey:
    """Load the key at `address` (see the module's docstring) and prove that it fits its certificate.

    `secret` is the passphrase of the PKCS#12 file or the PIN of the token; without it, a ``pin-source=file:PATH`` of
    the PKCS#11 URI is read. `chain` names PEM files with the certificates between this one and its root.
    Raises Permanent when a person has to act (wrong PIN or passphrase, missing file, unfit key), Retry when the
    token is away; the message says which and what to do. A refused PIN is not tried a second time by this process,
    however often it is asked for: tokens lock themselves.
    """
    above = [certificate for path in chain for certificate in read_certificates(path)]
    scheme, _, rest = address.partition(":")
    if scheme == "pkcs12":
        key = _load_pkcs12(Path(rest), secret, above)
    elif scheme == "pkcs11":
        key = _load_pkcs11(rest, secret, above)
    else:
        raise Permanent(f"key address {scheme!r}: is unknown; use pkcs12:PATH or pkcs11:token=…;object=…?module-path=…")
    key.sign(b"songda: does the key fit its certificate?")
    return key


def _load_pkcs12(path: Path, passphrase: str | None, above: list[x509.Certificate]) -> SigningKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Permanent(f"key file {path}: cannot be read ({error.strerror})") from error
    try:
        private, certificate, others = pkcs12.load_key_and_certificates(
            data, passphrase.encode() if passphrase else None
        )
    except ValueError as error:
        raise Permanent(f"key file {path}: the passphrase is wrong, or the file is no PKCS#12 file") from error
    if private is None or certificate is None:
        raise Permanent(f"key file {path}: holds no private key with its certificate")
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Permanent(f"key file {path}: only ECDSA P-256 and RSA keys can sign")
    der = serialization.Encoding.DER
    chain = [x509.Certificate.load(other.public_bytes(der)) for other in others] + above
    return SoftwareKey(private, x509.Certificate.load(certificate.public_bytes(der)), chain)


def _load_pkcs11(uri: str, pin: str | None, above: list[x509.Certificate]) -> SigningKey:
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
    token = _token(options["module-path"], names["token"], pin)
    identifier = names["id"].encode("latin-1") if names.get("id") else None
    label = names.get("object")
    certificates = token.certificates()
    own = [
        der for (its_label, its_id), der in certificates if label in (None, its_label) and identifier in (None, its_id)
    ]
    if len(own) != 1:
        found = ", ".join(sorted({its_label for (its_label, _), _ in certificates})) or "none"
        raise Permanent(
            f"token {names['token']!r} holds {len(own)} certificates named {label or names['id']!r} (found: {found})"
        )
    chain = [x509.Certificate.load(der) for _, der in certificates if der != own[0]] + above
    return TokenKey(token, label, identifier, x509.Certificate.load(own[0]), chain)


def _public_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    public = serialization.load_der_public_key(certificate.public_key.dump())
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return public
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return public
    raise Permanent("only ECDSA P-256 and RSA keys from 2048 bits can sign")


class _Token:
    """One token of one PKCS#11 module, with one logged-in session, opened again if the token went away."""

    def __init__(self, module: str, label: str, pin: str | None) -> None:
        self._module, self._label, self.pin = module, label, pin
        self._lock = Lock()
        self._session: Any = None

    def sign(self, search: dict[Any, Any], data: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        """Sign with the only private key that fits `search`. Raises Retry or Permanent."""
        with self._lock:
            for attempt in (1, 2):
                try:
                    key = self._key(search)
                    return bytes(key.sign(data, mechanism=mechanism))
                except token_errors.MechanismInvalid as error:
                    raise Permanent(f"token {self._label!r} does not know the mechanism {mechanism.name}") from error
                except pkcs11.PKCS11Error as error:
                    self._close()  # a pulled or restarted token leaves a dead session behind
                    if attempt == 2:
                        raise Retry(f"token {self._label!r} did not sign: {_told(error)}") from error
        raise AssertionError("unreachable")

    def certificates(self) -> list[tuple[tuple[str, bytes], bytes]]:
        """((label, id), DER) of every certificate on the token."""
        with self._lock:
            try:
                objects = self._open().get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE})
                return [
                    (
                        (each[pkcs11.Attribute.LABEL], bytes(each[pkcs11.Attribute.ID])),
                        bytes(each[pkcs11.Attribute.VALUE]),
                    )
                    for each in objects
                ]
            except pkcs11.PKCS11Error as error:
                self._close()
                raise Retry(f"token {self._label!r} cannot be read: {_told(error)}") from error

    def _key(self, search: dict[Any, Any]) -> Any:
        found = list(self._open().get_objects(search))
        if len(found) != 1:
            kind = search[pkcs11.Attribute.KEY_TYPE].name
            raise Permanent(
                f"token {self._label!r} holds {len(found)} private {kind} keys of that name; exactly one is needed, "
                "of the kind that the certificate names"
            )
        return found[0]

    def _open(self) -> Any:
        if self._session is None:
            self._session = _open_session(self._module, self._label, self.pin)
        return self._session

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except pkcs11.PKCS11Error:
                return  # it was dead already


_TOKENS: dict[tuple[str, str], _Token] = {}
_TOKENS_LOCK = Lock()

_SALT = secrets.token_bytes(32)
_REFUSED_PINS: set[bytes] = set()
"""Digests of module, token and PIN that the token refused, salted anew in each process; never forgotten."""


def _pin_digest(module: str, label: str, pin: str | None) -> bytes:
    named = "\0".join((str(Path(module).resolve()), label, "" if pin is None else f"={pin}"))
    return hashlib.blake2b(named.encode(), key=_SALT).digest()


def _token(module: str, label: str, pin: str | None) -> _Token:
    """The one `_Token` of this process for that token: a PKCS#11 login counts for the whole process."""
    with _TOKENS_LOCK:
        token = _TOKENS.setdefault((module, label), _Token(module, label, pin))
        if token.pin != pin:
            if token._session is not None:
                raise Permanent(f"token {label!r} is already open with another PIN")
            token.pin = pin
        return token


def _open_session(module: str, label: str, pin: str | None) -> Any:
    wrong = f"the PIN of token {label!r} is wrong; it is not tried again, lest the token lock itself"
    digest = _pin_digest(module, label, pin)
    if digest in _REFUSED_PINS:
        raise Permanent(wrong)
    if not Path(module).exists():
        raise Permanent(f"PKCS#11 module {module} is not there: install the token's driver or correct module-path")
    try:
        library = pkcs11.lib(module)
        return library.get_token(token_label=label).open(user_pin=pin)
    except token_errors.NoSuchToken as error:
        present = ", ".join(sorted(token.label for token in library.get_tokens())) or "none"
        raise Retry(f"no token {label!r} in any slot of {module} (present: {present}): plug it in") from error
    except token_errors.MultipleTokensReturned as error:
        raise Permanent(f"several tokens are labelled {label!r}: give them different labels") from error
    except (token_errors.PinIncorrect, token_errors.PinInvalid, token_errors.PinLenRange) as error:
        _REFUSED_PINS.add(digest)
        raise Permanent(wrong) from error
    except (token_errors.PinLocked, token_errors.PinExpired, token_errors.UserPinNotInitialized) as error:
        raise Permanent(
            f"the PIN of token {label!r} is locked, expired or not set: unlock it with the SO PIN"
        ) from error
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise Retry(f"token {label!r} cannot be opened: {_told(error)}") from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
