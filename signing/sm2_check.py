"""How pyHanko checks signatures with SM2: in certificates, CRLs and CMS objects."""

from __future__ import annotations

from functools import lru_cache

from asn1crypto import algos, keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
    SignatureValidator,
)

from signing.sm2 import SM2_WITH_SM3, verify

_LARGEST_KEPT = 32 * 1024  # bytes signed: a longer revocation list is checked each time
_OTHERS = DefaultSignatureValidator()


class SignatureCheck(SignatureValidator):
    """SM2-with-SM3 is checked here, all others as ever. What was found good once is not computed again."""

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: keys.PublicKeyInfo,
        signature_algorithm: algos.SignedDigestAlgorithm,
        context: SignatureValidationContext = DEFAULT_VALIDATION_CONTEXT,
    ) -> None:
        """Raises InvalidSignature, also for a key or algorithm that cannot be checked at all.

        SM2 signs with the signer's identity, so a bare digest cannot be checked.
        """
        key, algorithm = public_key_info.dump(), signature_algorithm.dump()
        check = _check if len(signed_data) <= _LARGEST_KEPT else _check.__wrapped__
        check(signature, signed_data, key, algorithm, context)


@lru_cache(maxsize=1024)
def _check(signature: bytes, signed: bytes, key: bytes, algorithm: bytes, context: SignatureValidationContext) -> None:
    """A question of bytes alone, whose answer never changes; one that raises is not remembered."""
    public, used = keys.PublicKeyInfo.load(key), algos.SignedDigestAlgorithm.load(algorithm)
    if used["algorithm"].dotted != SM2_WITH_SM3:
        try:
            _OTHERS.validate_signature(signature, signed, public, used, context)
        except UnsupportedAlgorithm as error:
            raise InvalidSignature from error
    elif context.prehashed or not verify(key, signature, signed):
        raise InvalidSignature
