"""An electronic seal that is ready for use: the seal, the SM2 key of its signer, and the signer's certificate.

The key lies in an encrypted PKCS#8 file, PEM or DER; its address is ``pkcs8:PATH``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import x509

from records.errors import Permanent, Retry
from signing import sm2
from signing.certificates import ChainChecker, CheckedChain
from signing.parsing import whole
from signing.ses import read_seal
from signing.ses_making import check_use
from signing.ses_pdf import add_electronic_seal
from signing.ses_soundness import load_certificate
from signing.ses_verification import verify_seal
from signing.sm2_trust import told_test

#: The signature field that is prepared for the seal.
FIELD = "ElectronicSeal"

#: Gives a file back with the electronic seal in the field that was kept for it.
Filler = Callable[[bytes], bytes]


def load_sm2_key(address: str, secret: str | None) -> sm2.Sm2Key:
    """The key at ``pkcs8:PATH``, whose file is encrypted. Raises Permanent when a person has to act."""
    scheme, _, path = address.partition(":")
    if scheme != "pkcs8":
        raise Permanent(f"key address {scheme!r}: SM2 keys are read from encrypted files, pkcs8:PATH")
    if not secret:
        raise Permanent(f"key file {path}: its passphrase is missing; SM2 keys are read from encrypted files only")
    try:
        return sm2.Sm2Key(Path(path).read_bytes(), secret)
    except OSError as error:
        raise Permanent(f"key file {path}: cannot be read ({error.strerror})") from error


@dataclass(frozen=True)
class ElectronicSeal:
    """`seal` is the SESeal, `certificate` that of `key`, both DER. Safe to use from several threads."""

    seal: bytes
    key: sm2.Sm2Key
    certificate: bytes

    @property
    def test(self) -> bool:
        """Whether its signer's or its maker's certificate is a TEST one. Raises ValueError for what is no seal."""
        certificates = (self.certificate, read_seal(self.seal).signed.certificate)
        return any(told_test(load_certificate(each)) for each in certificates)

    def check(self, chains: ChainChecker, now: datetime | None = None) -> list[CheckedChain]:
        """The proof that the certificates of signer and maker are good at `now` (aware), for a seal that may be used.

        Raises Permanent when the seal must not be used: it was changed, is outside its period, does not name the
        certificate; the key is another one's; a certificate is expired, revoked or not trusted. Raises Retry when
        fresh revocation data is not to be had.
        """
        now = (now or datetime.now(UTC)).astimezone(UTC)
        read = check_use(self.seal, self.key, self.certificate, now)
        certificates = [whole(load_certificate(each)) for each in (self.certificate, read.signed.certificate)]
        proven = [self._proven(chains, each, read.name, now) for each in certificates]
        verdict = verify_seal(self.seal, chains.trust, revocation=chains.revocation, now=now)
        if not verdict.valid:
            told = "; ".join(f"{each.text_zh} {each.text_en}" for each in verdict.reasons)
            raise Permanent(f"electronic seal {read.name}: {told}")
        return proven

    def _proven(self, chains: ChainChecker, certificate: x509.Certificate, name: str, now: datetime) -> CheckedChain:
        try:
            return chains.check(certificate, now=now)
        except Permanent as error:
            raise Permanent(f"electronic seal {name}: {error}") from error
        except Retry as error:
            raise Retry(f"electronic seal {name}: {error}", error.after_seconds) from error

    def put_on(self, pdf: bytes, proven: list[CheckedChain]) -> bytes:
        """`pdf` with the seal in its prepared field and the proof that `check` gave.

        Raises as `add_electronic_seal` does.
        """
        return add_electronic_seal(pdf, FIELD, self.seal, self.key, self.certificate, proven=proven)
