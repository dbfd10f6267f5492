"""How pyHanko checks signatures with SM2: in certificates, CRLs and CMS objects."""

from __future__ import annotations

from asn1crypto import algos, keys
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
    SignatureValidator,
)

from signing.sm2 import SM2_WITH_SM3, verify


class SignatureCheck(SignatureValidator):
    """SM2-with-SM3 is checked here, all others as ever."""

    _others = DefaultSignatureValidator()

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
        if signature_algorithm["algorithm"].dotted != SM2_WITH_SM3:
            try:
                self._others.validate_signature(signature, signed_data, public_key_info, signature_algorithm, context)
            except UnsupportedAlgorithm as error:
                raise InvalidSignature from error
        elif context.prehashed or not verify(public_key_info.dump(), signature, signed_data):
            raise InvalidSignature
