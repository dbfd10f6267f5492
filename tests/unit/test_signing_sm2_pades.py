"""PAdES with SM2 and SM3: signed through pyHanko, validated through it with roots of the trust list."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pikepdf
import pytest
from asn1crypto import x509

from records.errors import Permanent, Refused
from signing.certificates import Anchor, CheckedChain, TrustList
from signing.increments import append_revision
from signing.revocation import Evidence
from signing.security_store import extend_store
from signing.sm2 import Sm2Key
from signing.sm2_pades import Sm2Signer, sign_pades_sm2
from signing.sm2_testpki import Sm2Authority
from signing.verification import verify
from tests.signing_support import plain_pdf

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ROOT = Sm2Authority.make()
SIGNER = ROOT.issue("民航某地区管理局", "行政执法专用章")
TRUST = TrustList((Anchor(x509.Certificate.load(ROOT.certificate), "made for this test", "2026-01-01"),), (), True)


def _signed() -> bytes:
    signer = Sm2Signer(SIGNER.key, SIGNER.certificate, [ROOT.certificate])
    return sign_pades_sm2(plain_pdf(), signer, field_name="Sm2")


def _proven(pdf: bytes, revoked: dict[int, datetime]) -> bytes:
    """With a CRL of the TEST authority in the security store."""
    path = tuple(x509.Certificate.load(each) for each in (SIGNER.certificate, ROOT.certificate))
    crl = ROOT.revocations(revoked, since=NOW - DAY, until=NOW + DAY)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        changed = extend_store(opened, [CheckedChain(path, Evidence(crls=(crl,)), NOW + DAY)])
        return append_revision(pdf, opened, changed)


SIGNED = _signed()


def test_it_is_valid_with_proof_and_a_trusted_root() -> None:
    verdict = verify(_proven(SIGNED, {}), TRUST)
    assert verdict.valid, verdict.as_dict()
    assert verdict.test
    assert verdict.signatures[0].intact


def test_without_proof_it_stays_open_and_untrusted_without_the_root() -> None:
    assert verify(SIGNED, TRUST).reasons[0].code == "revocation_unknown"
    assert verify(SIGNED, TrustList(())).reasons[0].code == "test_not_trusted"


def test_a_revoked_certificate_is_invalid() -> None:
    serial = x509.Certificate.load(SIGNER.certificate).serial_number
    verdict = verify(_proven(SIGNED, {serial: NOW - DAY}), TRUST)
    assert (verdict.verdict, verdict.reasons[0].code) == ("invalid", "revoked")


def test_changed_bytes_are_never_valid() -> None:
    proven = _proven(SIGNED, {})
    for place in range(20, len(SIGNED), len(SIGNED) // 40):
        changed = bytearray(proven)
        changed[place] ^= 1
        try:
            assert not verify(bytes(changed), TRUST).valid, place
        except Refused:
            continue


def test_a_key_that_is_not_the_certificates_does_not_sign() -> None:
    with pytest.raises(Permanent, match="is not its key"):
        Sm2Signer(Sm2Key.generate(), SIGNER.certificate)
    with pytest.raises(Refused):
        sign_pades_sm2(b"no PDF", Sm2Signer(SIGNER.key, SIGNER.certificate), field_name="Sm2")
