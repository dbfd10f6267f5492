"""SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905), by the libcrypto of the system (OpenSSL 3).

`cryptography` knows the digest but not the curve. The mathematics stays in C; here are only the calls, the standard
identity of the signer that OpenSSL leaves empty, and the two forms in which signatures go about: DER, and r‖s raw.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from asn1crypto import algos, keys, pem
from cryptography.hazmat.primitives import hashes

from records.errors import Permanent

IDENTITY = b"1234567812345678"
"""The signer's distinguishing identifier that GM/T 0009 §10 sets where nothing else was agreed."""

CURVE = "1.2.156.10197.1.301"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
SM3 = "1.2.156.10197.1.401"

# asn1crypto reads SM2 keys, certificates and CMS objects once it knows these names; pyHanko goes by them too
keys.NamedCurve.register("sm2", CURVE, 32)
for _kind, _oid, _name in (
    (algos.DigestAlgorithmId, SM3, "sm3"),
    (algos.SignedDigestAlgorithmId, SM2_WITH_SM3, "sm3_sm2"),
):
    _kind._map[_oid] = _name
    if _kind._reverse_map is not None:
        _kind._reverse_map[_name] = _oid


def sm3(*parts: bytes | memoryview) -> bytes:
    """The SM3 digest (32 bytes) of the joined parts."""
    running = hashes.Hash(hashes.SM3())
    for part in parts:
        running.update(part)
    return running.finalize()


def verify(public_key: bytes, signature: bytes, message: bytes, identity: bytes = IDENTITY) -> bool:
    """Whether `signature` (DER, or 64 bytes r‖s) over `message` was made with that key.

    `public_key` is a DER SubjectPublicKeyInfo. What is no SM2 key verifies nothing. Raises Permanent without OpenSSL 3.
    """
    forms = [signature]
    if len(signature) == 64:  # as some vendors write it
        forms.append(algos.DSASignature.from_p1363(signature).dump())
    with _key(lambda crypto: _from_der(crypto.d2i_PUBKEY, public_key)) as key:
        return key is not None and any(_verify(key, form, message, identity) for form in forms)


class Sm2Key:
    """An SM2 private key in this process's memory. Safe to use from several threads."""

    def __init__(self, private: bytes, passphrase: str | None = None) -> None:
        """Read a PKCS#8 key, PEM or DER. Raises Permanent for a wrong passphrase and for what is no SM2 key."""
        der = pem.unarmor(private)[2] if pem.detect(private) else private
        self._handle = _read_private(der, passphrase)
        weakref.finalize(self, _crypto().EVP_PKEY_free, self._handle)
        self.public_key = _public_key(self._handle)

    @classmethod
    def generate(cls) -> Sm2Key:
        """A new key."""
        crypto = _crypto()
        context = crypto.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        handle = ctypes.c_void_p()
        try:
            ready = crypto.EVP_PKEY_keygen_init(context) == 1
            if not ready or crypto.EVP_PKEY_generate(context, ctypes.byref(handle)) != 1:
                raise Permanent("the system's libcrypto does not make SM2 keys")
            return cls(_to_pkcs8(handle))
        finally:
            crypto.EVP_PKEY_CTX_free(context)
            crypto.EVP_PKEY_free(handle)

    def pkcs8(self) -> bytes:
        """The private key as unencrypted PKCS#8 DER."""
        return _to_pkcs8(self._handle)

    def encrypted(self, passphrase: str) -> bytes:
        """The private key as PKCS#8 DER under that passphrase (PBES2, AES-256-CBC; RFC 8018)."""
        crypto, secret = _crypto(), passphrase.encode()
        sink = crypto.BIO_new(crypto.BIO_s_mem())
        try:
            how = (crypto.EVP_aes_256_cbc(), secret, len(secret), None, None)
            if crypto.i2d_PKCS8PrivateKey_bio(sink, self._handle, *how) != 1:
                raise Permanent("libcrypto cannot encrypt that SM2 key")
            room = ctypes.create_string_buffer(4096)
            length = crypto.BIO_read(sink, room, len(room))
            return room.raw[:length]
        finally:
            crypto.BIO_free(sink)

    def sign(self, message: bytes, identity: bytes = IDENTITY) -> bytes:
        """The DER signature over `message`. Raises Permanent when it does not verify: a wrong one never leaves."""
        crypto = _crypto()
        with _digest_context(self._handle, identity) as context:
            length = ctypes.c_size_t(0)
            ready = (
                crypto.EVP_DigestSignInit(context, None, crypto.EVP_sm3(), None, self._handle) == 1
                and crypto.EVP_DigestSign(context, None, ctypes.byref(length), message, len(message)) == 1
            )
            room = ctypes.create_string_buffer(length.value)
            signed = ready and crypto.EVP_DigestSign(context, room, ctypes.byref(length), message, len(message)) == 1
        signature = room.raw[: length.value]
        if not signed or not _verify(self._handle, signature, message, identity):
            raise Permanent("libcrypto made no SM2 signature that verifies")
        return signature


def raw_signature(der: bytes) -> bytes:
    """A DER signature as 64 bytes r‖s. Raises ValueError or OverflowError if it is none."""
    parts = algos.DSASignature.load(der, strict=True)
    return b"".join(int(parts[name].native).to_bytes(32, "big") for name in ("r", "s"))


def _verify(key: Any, signature: bytes, message: bytes, identity: bytes) -> bool:
    crypto = _crypto()
    with _digest_context(key, identity) as context:
        ready = crypto.EVP_DigestVerifyInit(context, None, crypto.EVP_sm3(), None, key) == 1
        answer: int = crypto.EVP_DigestVerify(context, signature, len(signature), message, len(message)) if ready else 0
        return answer == 1  # negative is an error, and no yes


@contextmanager
def _digest_context(key: Any, identity: bytes) -> Iterator[Any]:
    crypto = _crypto()
    context, key_context = crypto.EVP_MD_CTX_new(), crypto.EVP_PKEY_CTX_new_from_pkey(None, key, None)
    try:
        if crypto.EVP_PKEY_CTX_set1_id(key_context, identity, len(identity)) != 1:
            raise Permanent("the system's libcrypto does not take the signer's identity for SM2")
        crypto.EVP_MD_CTX_set_pkey_ctx(context, key_context)
        yield context
    finally:
        crypto.EVP_MD_CTX_free(context)
        crypto.EVP_PKEY_CTX_free(key_context)
        crypto.ERR_clear_error()  # the ssl module of this thread looks at the same queue


@contextmanager
def _key(read: Callable[[Any], Any]) -> Iterator[Any]:
    """A key that is freed afterwards; None where nothing could be read or it is on another curve."""
    crypto = _crypto()
    key = read(crypto)
    try:
        yield key if key and crypto.EVP_PKEY_is_a(key, b"SM2") == 1 else None
    finally:
        crypto.EVP_PKEY_free(key)
        crypto.ERR_clear_error()


def _from_der(function: Any, der: bytes) -> Any:
    room = ctypes.create_string_buffer(der, len(der))
    pointer = ctypes.c_void_p(ctypes.addressof(room))
    return function(None, ctypes.byref(pointer), len(der))


def _read_private(der: bytes, passphrase: str | None) -> Any:
    crypto = _crypto()
    source = crypto.BIO_new_mem_buf(der, len(der))
    try:
        if passphrase is None:
            key = _from_der(crypto.d2i_AutoPrivateKey, der)
        else:
            key = crypto.d2i_PKCS8PrivateKey_bio(source, None, None, passphrase.encode())
    finally:
        crypto.BIO_free(source)
        crypto.ERR_clear_error()
    if not key or crypto.EVP_PKEY_is_a(key, b"SM2") != 1:
        crypto.EVP_PKEY_free(key)
        raise Permanent("SM2 key: the passphrase is wrong, or it is no SM2 private key in PKCS#8")
    return key


def _to_pkcs8(handle: Any) -> bytes:
    crypto = _crypto()
    wrapped = crypto.EVP_PKEY2PKCS8(handle)
    try:
        return _written(crypto.i2d_PKCS8_PRIV_KEY_INFO, wrapped)
    finally:
        crypto.PKCS8_PRIV_KEY_INFO_free(wrapped)


def _public_key(handle: Any) -> bytes:
    return _written(_crypto().i2d_PUBKEY, handle)


def _written(function: Any, value: Any) -> bytes:
    length = function(value, None)
    if length <= 0:
        raise Permanent("libcrypto cannot write that SM2 key")
    room = ctypes.create_string_buffer(length)
    pointer = ctypes.c_void_p(ctypes.addressof(room))
    function(value, ctypes.byref(pointer))
    return room.raw


_POINTER, _INT, _SIZE, _BYTES = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_char_p
_OUT, _LONG = ctypes.POINTER(_POINTER), ctypes.c_long
# name: what it gives, what it takes (openssl.org, man3)
_CALLS: dict[str, tuple[Any, ...]] = {
    "BIO_free": (_INT, _POINTER),
    "BIO_new": (_POINTER, _POINTER),
    "BIO_new_mem_buf": (_POINTER, _BYTES, _INT),
    "BIO_read": (_INT, _POINTER, _POINTER, _INT),
    "BIO_s_mem": (_POINTER,),
    "ERR_clear_error": (None,),
    "EVP_DigestSign": (_INT, _POINTER, _BYTES, ctypes.POINTER(_SIZE), _BYTES, _SIZE),
    "EVP_DigestSignInit": (_INT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
    "EVP_DigestVerify": (_INT, _POINTER, _BYTES, _SIZE, _BYTES, _SIZE),
    "EVP_DigestVerifyInit": (_INT, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER),
    "EVP_MD_CTX_free": (None, _POINTER),
    "EVP_MD_CTX_new": (_POINTER,),
    "EVP_MD_CTX_set_pkey_ctx": (None, _POINTER, _POINTER),
    "EVP_PKEY2PKCS8": (_POINTER, _POINTER),
    "EVP_PKEY_CTX_free": (None, _POINTER),
    "EVP_PKEY_CTX_new_from_name": (_POINTER, _POINTER, _BYTES, _BYTES),
    "EVP_PKEY_CTX_new_from_pkey": (_POINTER, _POINTER, _POINTER, _BYTES),
    "EVP_PKEY_CTX_set1_id": (_INT, _POINTER, _BYTES, _INT),
    "EVP_PKEY_free": (None, _POINTER),
    "EVP_PKEY_generate": (_INT, _POINTER, _OUT),
    "EVP_PKEY_is_a": (_INT, _POINTER, _BYTES),
    "EVP_PKEY_keygen_init": (_INT, _POINTER),
    "EVP_aes_256_cbc": (_POINTER,),
    "EVP_sm3": (_POINTER,),
    "PKCS8_PRIV_KEY_INFO_free": (None, _POINTER),
    "d2i_AutoPrivateKey": (_POINTER, _OUT, _OUT, _LONG),
    "d2i_PKCS8PrivateKey_bio": (_POINTER, _POINTER, _POINTER, _POINTER, _BYTES),
    "d2i_PUBKEY": (_POINTER, _OUT, _OUT, _LONG),
    "i2d_PKCS8PrivateKey_bio": (_INT, _POINTER, _POINTER, _POINTER, _BYTES, _INT, _POINTER, _POINTER),
    "i2d_PKCS8_PRIV_KEY_INFO": (_INT, _POINTER, _OUT),
    "i2d_PUBKEY": (_INT, _POINTER, _OUT),
}


@cache
def _crypto() -> Any:
    """The system's libcrypto with its calls declared; loaded when first needed. Raises Permanent if it is not there."""
    try:
        library = ctypes.CDLL("libcrypto.so.3")
        for name, (gives, *takes) in _CALLS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = gives, takes
    except (OSError, AttributeError) as error:
        raise Permanent(f"SM2 needs the system's libcrypto of OpenSSL 3 (Debian: libssl3): {error}") from error
    return library
