"""An electronic seal in a second signature field, beside a PAdES signature against real OCSP, CRL and TSA."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pikepdf
import pytest
from asn1crypto import x509
from pikepdf import Dictionary

from records.errors import Permanent, Refused
from signing import ses, sm2
from signing.certificates import Anchor, CheckedChain, TrustList
from signing.fields import add_signature_field, keep_for_seal
from signing.increments import append_revision
from signing.reader import read_seals
from signing.revocation import Evidence
from signing.sealing import Profile, seal_pdf
from signing.seals import draw_seal
from signing.ses_making import SealOrder, make_seal, sign_with_seal
from signing.ses_pdf import add_electronic_seal
from signing.ses_verification import verify_seal_signature
from signing.sm2_testpki import Sm2Authority
from signing.verdicts import Verdict
from signing.verification import verify
from tests.signing_support import DESIGN, FONT, NORTH, PLACEMENT, Bench, running, tagged_pdf

FIELD = "ElectronicSeal"
DAY = timedelta(days=1)
NOW = datetime.now(UTC)
ROOT = Sm2Authority.make()
MAKER, SIGNER = ROOT.issue("制章单位", "制章者"), ROOT.issue("民航华北地区管理局", "行政执法专用章")
LIST = ROOT.revocations({}, since=NOW - DAY, until=NOW + 30 * DAY)
ORDER = SealOrder(
    identifier="1100000000001",
    name="行政执法专用章",
    picture=ses.Picture("PNG", b"\x89PNG\r\n\x1a\n", 42, 42),
    signers=[SIGNER.certificate],
    valid_from=NOW - DAY,
    valid_to=NOW + 1000 * DAY,
)
SEAL = make_seal(ORDER, MAKER.key, MAKER.certificate)


def _chain(certificate: bytes) -> CheckedChain:
    path = tuple(x509.Certificate.load(each) for each in (certificate, ROOT.certificate))
    return CheckedChain(path, Evidence(crls=(LIST,)), NOW + 30 * DAY)


def _sealed_electronically(pdf: bytes) -> bytes:
    chains = [_chain(each.certificate) for each in (SIGNER, MAKER)]
    return add_electronic_seal(pdf, FIELD, SEAL, SIGNER.key, SIGNER.certificate, proven=chains)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH,)) as bench:
        yield bench


@pytest.fixture(scope="module")
def trust(bench: Bench) -> TrustList:
    """The TEST roots of both authorities."""
    anchor = Anchor(x509.Certificate.load(ROOT.certificate), "made for this test", "2026-01-01")
    return replace(bench.trust, anchors=(*bench.trust.anchors, anchor))


@pytest.fixture(scope="module")
def prepared(bench: Bench) -> bytes:
    """Sealed with PAdES, with the second field that the first signature allows to be filled."""
    picture = draw_seal(DESIGN, FONT)
    return seal_pdf(
        tagged_pdf(), bench.means(), placement=PLACEMENT, picture=picture, profile=Profile.B_LT, second_field=FIELD
    ).pdf


@pytest.fixture(scope="module")
def both(prepared: bytes) -> bytes:
    return _sealed_electronically(prepared)


def _codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


def test_the_prepared_field_alone_changes_no_verdict(prepared: bytes, trust: TrustList) -> None:
    verdict = verify(prepared, trust)
    assert verdict.valid, verdict.as_dict()
    assert [each.docmdp for each in verdict.signatures] == ["fill_forms"]


def test_both_signatures_are_valid_offline(prepared: bytes, both: bytes, trust: TrustList) -> None:
    assert both.startswith(prepared)
    verdict = verify(both, trust)
    assert verdict.valid, verdict.as_dict()
    assert [each.profile for each in verdict.signatures] == ["B-LT", ses.GBT_38540_2020]
    pades, electronic = verdict.signatures
    assert (pades.coverage, electronic.coverage) == ("entire_revision", "entire_file")
    assert electronic.field == FIELD
    assert verdict.test and electronic.test
    reading = read_seals(both)
    assert reading.sound, reading.faults
    assert [seal.kind for seal in reading.seals] == ["Sig", "ElectronicSeal"]


def test_the_electronic_seals_root_has_to_be_trusted_too(bench: Bench, both: bytes) -> None:
    verdict = verify(both, bench.trust)
    assert (verdict.verdict, _codes(verdict)[0]) == ("indeterminate", "untrusted")


def test_changed_bytes_anywhere_are_never_valid(prepared: bytes, both: bytes, trust: TrustList) -> None:
    start = len(prepared)
    places = [*range(100, start, start // 7), *range(start + 5, len(both), (len(both) - start) // 25), len(both) - 8]
    for place in places:
        changed = bytearray(both)
        changed[place] ^= 1
        assert not read_seals(bytes(changed)).sound, place
        try:
            verdict = verify(bytes(changed), trust)
        except Refused:
            continue
        assert not verdict.valid, place


def test_what_is_added_after_the_electronic_seal_is_found(both: bytes, trust: TrustList) -> None:
    with pikepdf.open(io.BytesIO(both)) as pdf:
        page = pdf.pages[0].obj
        page.Rotate = 180
        later = append_revision(both, pdf, [page])
    verdict = verify(later, trust)
    assert verdict.verdict == "invalid"
    assert "changed_after_signing" in _codes(verdict)


@pytest.mark.parametrize("signed_twice", [False, True])
def test_a_field_kept_for_a_seal_lets_nothing_else_be_added(
    prepared: bytes, both: bytes, trust: TrustList, signed_twice: bool
) -> None:
    pdf = both if signed_twice else prepared
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        title = opened.make_indirect(Dictionary(Title="撤销处罚"))
        opened.trailer.Info = title
        retitled = append_revision(pdf, opened, [title])
    verdict = verify(retitled, trust)
    assert (verdict.verdict, "changed_after_signing" in _codes(verdict)) == ("invalid", True)
    assert not read_seals(retitled).sound


def test_a_file_with_an_electronic_seal_alone_is_judged(trust: TrustList) -> None:
    with pikepdf.open(io.BytesIO(tagged_pdf())) as pdf:
        keep_for_seal(add_signature_field(pdf, None, None, FIELD, "电子印章"))
        written = io.BytesIO()
        pdf.save(written)
    sealed = _sealed_electronically(written.getvalue())
    verdict = verify(sealed, trust)
    assert verdict.valid, verdict.as_dict()
    assert verify(sealed, TrustList(())).verdict == "indeterminate"


def test_a_seal_goes_only_into_the_field_that_was_prepared(bench: Bench, both: bytes) -> None:
    with pytest.raises(Refused, match="keeps no empty signature field"):
        _sealed_electronically(both)
    with pytest.raises(Refused, match="keeps no empty signature field"):
        _sealed_electronically(bench.seal(tagged_pdf()).pdf)


def test_a_first_signature_that_allows_nothing_refuses_a_second(bench: Bench) -> None:
    sealed = bench.seal(tagged_pdf()).pdf
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        field = pdf.make_indirect(Dictionary(FT=pikepdf.Name.Sig, T=FIELD))
        keep_for_seal(field)
        pdf.Root.AcroForm.Fields.append(field)
        forced = append_revision(sealed, pdf, [field, pdf.Root.AcroForm, pdf.Root])
    with pytest.raises(Refused, match="allows nothing"):
        _sealed_electronically(forced)


def test_a_seal_that_may_not_be_used_is_not_put_on(prepared: bytes) -> None:
    stranger = ROOT.issue("他人", "印章")
    with pytest.raises(Permanent, match="new seal"):
        add_electronic_seal(prepared, FIELD, SEAL, stranger.key, stranger.certificate)
    with pytest.raises(Permanent, match="cannot be read"):
        add_electronic_seal(prepared, FIELD, b"no seal", sm2.Sm2Key.generate(), SIGNER.certificate)


def test_a_time_stamp_proves_a_seal_that_has_ended_since(bench: Bench, trust: TrustList) -> None:
    order = replace(ORDER, valid_to=NOW + timedelta(hours=1))
    seal = make_seal(order, MAKER.key, MAKER.certificate)
    signature = sign_with_seal(seal, sm2.sm3(b"x"), SIGNER.key, SIGNER.certificate, place="PDF:ByteRange")
    value = ses.SIGNATURE_2020.load(signature)
    value["timeStamp"] = bench.timestamps.stamp(value["signature"].native, bench.means().chains).token
    stamped = value.dump()
    value["timeStamp"] = bench.timestamps.stamp(b"something else", bench.means().chains).token
    later = NOW + DAY
    known = {"evidence": Evidence(crls=(LIST,)), "revocation": bench.revocation, "now": later}
    plain, good, foreign = (
        verify_seal_signature(each, [b"x"], trust, **known)  # type: ignore[arg-type]
        for each in (signature, stamped, value.dump())
    )
    assert (plain.verdict, _codes(plain)[0]) == ("indeterminate", "seal_ended")
    assert good.valid, good.as_dict()
    assert good.signatures[0].stamped_at is not None
    assert (foreign.verdict, _codes(foreign)[0]) == ("indeterminate", "timestamp_untrusted")
