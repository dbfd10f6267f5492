"""Electronic seals (GB/T 38540-2020, GM/T 0031): made, signed with, read, verified, refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import core, x509
from hypothesis import given, settings
from hypothesis import strategies as st

from records.errors import Permanent
from signing import ses, sm2
from signing.certificates import Anchor, TrustList
from signing.revocation import Evidence
from signing.ses_making import SealOrder, make_seal, sign_with_seal
from signing.ses_verification import verify_seal, verify_seal_signature
from signing.sm2_testpki import Sm2Authority, Sm2Identity
from signing.verdicts import Verdict

INTEROP = Path(__file__).parents[3] / "shared" / "interop"
interop = pytest.mark.skipif(not INTEROP.is_dir(), reason="the interoperability samples (shared/interop) are absent")

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
DOCUMENT = "行政处罚决定书".encode() * 50
ROOT = Sm2Authority.make()
MAKER = ROOT.issue("制章单位", "制章者")
SIGNER = ROOT.issue("民航某地区管理局", "行政执法专用章")
ORDER = SealOrder(
    identifier="5201140000001",
    name="行政执法专用章",
    picture=ses.Picture("PNG", b"\x89PNG\r\n\x1a\n", 42, 42),
    signers=[SIGNER.certificate],
    valid_from=datetime(2025, 1, 1, tzinfo=UTC),
    valid_to=datetime(2030, 1, 1, tzinfo=UTC),
)
SEAL = make_seal(ORDER, MAKER.key, MAKER.certificate, now=NOW - 300 * DAY)
SIGNATURE = sign_with_seal(SEAL, sm2.sm3(DOCUMENT), SIGNER.key, SIGNER.certificate, place="pdf", now=NOW)


def _serial(identity: Sm2Identity) -> int:
    number: int = x509.Certificate.load(identity.certificate).serial_number
    return number


def _trust(*certificates: bytes, test_system: bool = True) -> TrustList:
    anchors = [Anchor(x509.Certificate.load(each), "made for this test", "2026-01-01") for each in certificates]
    return TrustList(tuple(anchors), (), test_system)


def _evidence(revoked: dict[int, datetime] | None = None) -> Evidence:
    return Evidence(crls=(ROOT.revocations(revoked or {}, since=NOW - DAY, until=NOW + 30 * DAY),))


TRUST, GOOD = _trust(ROOT.certificate), _evidence()


def _verified(
    signature: bytes = SIGNATURE,
    document: bytes = DOCUMENT,
    *,
    trust: TrustList = TRUST,
    evidence: Evidence = GOOD,
    now: datetime = NOW + DAY,
) -> Verdict:
    return verify_seal_signature(signature, [document[:5], document[5:]], trust, evidence=evidence, now=now)


def _codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_what_is_made_and_signed_is_valid_and_says_test() -> None:
    verdict = _verified()
    assert verdict.verdict == "valid"
    assert _codes(verdict) == ["valid", "test_key"]
    assert verdict.test
    report = verdict.signatures[0]
    assert report.profile == ses.GBT_38540_2020
    assert report.claimed_at == NOW
    assert report.intact and report.trusted
    assert verify_seal(SEAL, TRUST, evidence=GOOD, now=NOW).verdict == "valid"


def test_a_made_seal_reads_back_as_ordered() -> None:
    seal = ses.read_seal(SEAL)
    assert (seal.identifier, seal.name, seal.kind, seal.picture) == (ORDER.identifier, ORDER.name, 1, ORDER.picture)
    assert (seal.valid_from, seal.valid_to) == (ORDER.valid_from, ORDER.valid_to)
    assert seal.certificates == (SIGNER.certificate,)
    signature = ses.read_seal_signature(SIGNATURE)
    assert SEAL in SIGNATURE
    assert signature.seal == seal
    assert signature.place == "pdf"


def test_raw_signatures_as_some_vendors_write_them_are_read() -> None:
    value = ses.SIGNATURE_2020.load(SIGNATURE)
    value["signature"] = sm2.raw_signature(value["signature"].native)
    assert _verified(value.dump()).verdict == "valid"


def _der(tag: int, content: bytes, *, long: bool = False) -> bytes:
    """A TLV with a length of four bytes where `long`, as BER allows and DER does not; else of two."""
    size = 4 if long else 2
    return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


def test_what_is_verified_is_what_stood_in_the_file_and_no_new_encoding_of_it() -> None:
    value = ses.SIGNATURE_2020.load(SIGNATURE)
    signed = _der(0x30, value["toSign"].contents, long=True)
    rest = value["cert"].dump() + value["signatureAlgID"].dump()

    def assembled(over: bytes) -> bytes:
        return _der(0x30, signed + rest + core.BitString.load(b"\x03" + _bits(SIGNER.key.sign(over))).dump())

    assert _verified(assembled(signed)).verdict == "valid"
    assert _codes(_verified(assembled(value["toSign"].dump())))[0] == "signature_wrong"


def _bits(signature: bytes) -> bytes:
    """Length and content of a BIT STRING without unused bits."""
    return bytes([len(signature) + 1, 0]) + signature


def test_another_document_is_invalid() -> None:
    verdict = _verified(document=DOCUMENT + b"\n")
    assert verdict.verdict == "invalid"
    assert _codes(verdict)[0] == "changed"


def test_a_seal_of_the_newest_edition_is_read_and_its_time_stamp_looked_at() -> None:
    info = ses.INFO_2020.load(ses.SEAL_2020.load(SEAL)["eSealInfo"].dump())
    info["header"]["version"] = 5
    parts = {
        "eSealInfo": info,
        "cert": MAKER.certificate,
        "signAlgID": sm2.SM2_WITH_SM3,
        "signedValue": MAKER.key.sign(info.dump()),
    }
    plain, stamped = ses.SEAL_2020(parts).dump(), ses.SEAL_2020(parts | {"timeStamp": b"no time stamp"}).dump()
    verdict = verify_seal(plain, TRUST, evidence=GOOD, now=NOW)
    assert (verdict.verdict, verdict.signatures[0].profile) == ("valid", ses.GMT_0031_2025)
    verdict = verify_seal(stamped, TRUST, evidence=GOOD, now=NOW)
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "timestamp_untrusted")


@settings(max_examples=80, deadline=None)
@given(place=st.integers(0, len(SIGNATURE) - 1), bit=st.integers(0, 7))
def test_a_changed_byte_in_the_signature_is_never_valid(place: int, bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[place] ^= 1 << bit
    assert _verified(bytes(changed)).verdict != "valid"


@settings(max_examples=80, deadline=None)
@given(place=st.integers(0, len(SEAL) - 1), bit=st.integers(0, 7))
def test_a_changed_byte_in_the_seal_is_never_valid(place: int, bit: int) -> None:
    changed = bytearray(SEAL)
    changed[place] ^= 1 << bit
    assert verify_seal(bytes(changed), TRUST, evidence=GOOD, now=NOW).verdict != "valid"


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=80))
def test_what_is_no_seal_is_invalid_and_breaks_nothing(data: bytes) -> None:
    assert _codes(verify_seal(data, TRUST, now=NOW)) == ["signature_unreadable"]
    assert _codes(verify_seal_signature(data, [b""], TRUST, now=NOW)) == ["signature_unreadable"]
    assert not ses.is_seal_signature(data)


def test_bytes_that_nothing_signs_are_missed() -> None:
    value = ses.SIGNATURE_2020.load(SIGNATURE)
    stuffed = core.Sequence.load(SIGNATURE)
    assert stuffed.contents == value.contents
    more = value.contents + core.Null().dump()
    wrapped = b"\x30\x82" + len(more).to_bytes(2, "big") + more
    assert _codes(_verified(wrapped)) == ["signature_unreadable"]
    assert _codes(_verified(SIGNATURE + b"\0")) == ["signature_unreadable"]


def test_a_signer_whom_the_seal_does_not_name_is_refused() -> None:
    renewed = ROOT.issue("民航某地区管理局", "行政执法专用章")
    with pytest.raises(Permanent, match="new seal"):
        sign_with_seal(SEAL, sm2.sm3(DOCUMENT), renewed.key, renewed.certificate, place="pdf", now=NOW)
    value = ses.SIGNATURE_2020.load(SIGNATURE)
    forged = ses.SIGNATURE_2020(
        {
            "toSign": value["toSign"],
            "cert": renewed.certificate,
            "signatureAlgID": sm2.SM2_WITH_SM3,
            "signature": renewed.key.sign(value["toSign"].dump()),
        }
    )
    verdict = _verified(forged.dump())
    assert verdict.verdict == "invalid"
    assert _codes(verdict)[0] == "seal_signer"


@pytest.mark.parametrize("name", ["SM3", "sm3", sm2.SM3])
def test_a_seal_may_name_its_signers_by_digest(name: str) -> None:
    info = ses.INFO_2020.load(ses.SEAL_2020.load(SEAL)["eSealInfo"].dump())
    info["property"]["certListType"] = 2
    info["property"]["certList"] = ses.DIGESTS([{"type": name, "value": sm2.sm3(SIGNER.certificate)}])
    seal = ses.SEAL_2020(
        {
            "eSealInfo": info,
            "cert": MAKER.certificate,
            "signAlgID": sm2.SM2_WITH_SM3,
            "signedValue": MAKER.key.sign(info.dump()),
        }
    ).dump()
    signed = sign_with_seal(seal, sm2.sm3(DOCUMENT), SIGNER.key, SIGNER.certificate, place="pdf", now=NOW)
    assert _verified(signed).verdict == "valid"
    other = ROOT.issue("他人", "印章")
    with pytest.raises(Permanent):
        sign_with_seal(seal, sm2.sm3(DOCUMENT), other.key, other.certificate, place="pdf", now=NOW)


def test_a_seal_outside_its_period_refuses() -> None:
    for moment in (ORDER.valid_from - DAY, ORDER.valid_to + DAY):
        with pytest.raises(Permanent, match="valid from"):
            sign_with_seal(SEAL, sm2.sm3(DOCUMENT), SIGNER.key, SIGNER.certificate, place="pdf", now=moment)
        later = Evidence(crls=(ROOT.revocations({}, since=moment - DAY, until=moment + DAY),))
        assert _codes(verify_seal(SEAL, TRUST, evidence=later, now=moment))[0] == "seal_period"


def test_a_time_of_signing_outside_the_seals_period_is_invalid() -> None:
    value = ses.SIGNATURE_2020.load(SIGNATURE)
    to_sign = ses.TO_SIGN_2020.load(value["toSign"].dump())
    to_sign["timeInfo"] = x509.Time("general_time", core.GeneralizedTime(ORDER.valid_to + DAY))
    forged = ses.SIGNATURE_2020(
        {
            "toSign": to_sign,
            "cert": SIGNER.certificate,
            "signatureAlgID": sm2.SM2_WITH_SM3,
            "signature": SIGNER.key.sign(to_sign.dump()),
        }
    )
    verdict = _verified(forged.dump())
    assert (verdict.verdict, _codes(verdict)[0]) == ("invalid", "seal_period")


def test_a_seal_that_ended_since_proves_nothing_without_a_time_stamp() -> None:
    later = ORDER.valid_to + DAY
    fresh = Evidence(crls=(ROOT.revocations({}, since=later - DAY, until=later + DAY),))
    verdict = _verified(evidence=fresh, now=later)
    assert (verdict.verdict, _codes(verdict)) == ("indeterminate", ["seal_ended", "test_key"])


@pytest.mark.parametrize("who", [MAKER, SIGNER])
def test_a_revoked_certificate_of_signer_or_maker_is_invalid(who: Sm2Identity) -> None:
    verdict = _verified(evidence=_evidence({_serial(who): NOW - DAY}))
    assert (verdict.verdict, _codes(verdict)[0]) == ("invalid", "revoked")


def test_without_proof_of_no_revocation_it_stays_open() -> None:
    verdict = _verified(evidence=Evidence())
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "revocation_unknown")


def test_a_revocation_list_by_another_authority_proves_nothing() -> None:
    stranger = Sm2Authority.make()  # of the same name, with another key
    forged = Evidence(crls=(stranger.revocations({}, since=NOW - DAY, until=NOW + 30 * DAY),))
    assert _verified(evidence=forged).verdict == "indeterminate"


def test_roots_of_others_and_test_roots_outside_a_test_system_do_not_count() -> None:
    verdict = _verified(trust=_trust(Sm2Authority.make("TEST Other").certificate))
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "untrusted")
    verdict = _verified(trust=_trust(ROOT.certificate, test_system=False))
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "test_not_trusted")


def test_a_signature_from_the_future_stays_open() -> None:
    verdict = _verified(now=NOW - timedelta(hours=1))
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "claimed_in_future")


def test_keys_that_are_not_the_certificates_or_not_in_force_do_not_sign() -> None:
    past = ROOT.issue("旧", "印章", valid_to=NOW - DAY)
    with pytest.raises(Permanent, match="is not its key"):
        sign_with_seal(SEAL, sm2.sm3(DOCUMENT), MAKER.key, SIGNER.certificate, place="pdf", now=NOW)
    with pytest.raises(Permanent, match="not in force"):
        make_seal(ORDER, past.key, past.certificate, now=NOW)
    with pytest.raises(Permanent, match="nobody"):
        make_seal(replace(ORDER, signers=[]), MAKER.key, MAKER.certificate, now=NOW)
    changed = bytearray(SEAL)
    changed[SEAL.index("行政".encode())] ^= 1
    with pytest.raises(Permanent):
        sign_with_seal(bytes(changed), sm2.sm3(DOCUMENT), SIGNER.key, SIGNER.certificate, place="pdf", now=NOW)


THEN = datetime(2020, 10, 13, tzinfo=UTC)


def _sample(name: str) -> tuple[bytes, TrustList]:
    """A sample, and a trust list of its own certificates: their root is not among the samples."""
    data = (INTEROP / name).read_bytes()
    if name.endswith(".dat"):
        signature = ses.read_seal_signature(data)
        return data, _trust(signature.signed.certificate, signature.seal.signed.certificate)
    return data, _trust(ses.read_seal(data).signed.certificate)


@interop
@pytest.mark.parametrize(("name", "edition"), [("UserV1.esl", ses.GMT_0031_2014), ("UserV4.esl", ses.GBT_38540_2020)])
def test_seals_of_another_implementation_verify(name: str, edition: str) -> None:
    data, trust = _sample(name)
    verdict = verify_seal(data, trust, now=THEN)
    assert (verdict.verdict, verdict.signatures[0].profile) == ("valid", edition)
    assert _codes(verify_seal(data, _trust(), now=THEN)) == ["untrusted"]


@interop
@pytest.mark.parametrize("name", ["UserV1.esl", "UserV4.esl"])
def test_a_changed_byte_in_a_seal_of_another_implementation_refuses(name: str) -> None:
    data, trust = _sample(name)
    for place in (*range(0, 700, 23), *range(700, len(data) - 700, 3001), *range(len(data) - 700, len(data), 23)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert verify_seal(bytes(changed), trust, now=THEN).verdict != "valid", place


@interop
def test_a_signature_of_another_implementation_verifies_but_for_its_document_that_is_absent() -> None:
    data, trust = _sample("SignedValueV4.dat")
    assert ses.is_seal_signature(data)
    verdict = verify_seal_signature(data, [b""], trust, now=THEN)
    assert _codes(verdict) == ["changed"]
    for place in (*range(0, 720, 23), *range(len(data) - 1300, len(data), 23)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert _codes(verify_seal_signature(bytes(changed), [b""], trust, now=THEN)) != ["changed"], place
