"""Whatever is done to a sealed file, it is never valid: neither for pyHanko's verdict nor for the second reader.

The table of deeds is tests/tampering.py; here stand those with many variants.
"""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko.sign.validation.dss import DocumentSecurityStore

from records.errors import Refused
from signing.certificates import TrustList, read_certificates
from signing.fields import Placement
from signing.reader import read_independently, read_seals
from signing.revisions import later_changes
from signing.sealing import Profile
from signing.verification import verify
from tests.later_revisions import with_dangling_reference
from tests.signing_support import Bench, plain_pdf, running, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def trust(bench: Bench) -> TrustList:
    return bench.trust


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


@pytest.fixture(scope="module")
def other(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf("决定给予罚款人民币玖万元整。")).pdf


def _verdict(pdf: bytes, trust: TrustList) -> tuple[str, set[str]]:
    try:
        verdict = verify(pdf, trust)
    except Refused as refused:
        return "refused", {fault.code for fault in refused.faults}
    return verdict.verdict, {reason.code for reason in verdict.reasons}


def _never_valid(pdf: bytes, trust: TrustList) -> tuple[str, set[str]]:
    word, codes = _verdict(pdf, trust)
    assert word in ("invalid", "refused"), codes
    assert not read_seals(pdf).sound
    with pytest.raises(Refused):
        read_independently(pdf)
    return word, codes


def test_the_untouched_file_is_valid(sealed: bytes, trust: TrustList) -> None:
    assert _verdict(sealed, trust) == ("valid", {"valid", "test_key"})
    assert read_seals(sealed).sound


@pytest.mark.rule("ESL-5b", "ESL-13b")
def test_one_flipped_bit_anywhere(sealed: bytes, trust: TrustList) -> None:
    for index, position in enumerate(range(0, len(sealed), len(sealed) // 90)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << index % 8
        _never_valid(bytes(changed), trust)


@pytest.mark.rule("ESL-13b")
@pytest.mark.parametrize("profile", list(Profile))
def test_one_flipped_bit_in_the_signature_itself(bench: Bench, profile: Profile) -> None:
    """Much of the CMS object is covered by no signature: versions, digest names, the time stamp, padding, case."""
    sealed = bench.seal(plain_pdf(), profile).pdf
    before, after = _gap(sealed)
    for index, position in enumerate(range(before, after, 23)):
        changed = bytearray(sealed)
        changed[position] ^= 1 << index % 8
        try:
            verdict = verify(bytes(changed), bench.trust, revocation=bench.revocation)
            assert not verdict.valid, f"byte {position - before} of the signature"
        except Refused:
            pass
        assert not read_seals(bytes(changed)).sound, f"byte {position - before} of the signature"


def _resaved_by_pikepdf(pdf: bytes) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(buffer)
    return buffer.getvalue()


def _linearized(pdf: bytes) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(buffer, linearize=True)
    return buffer.getvalue()


def _other_place(pdf: bytes) -> bytes:
    """The seal moved to another place of the page."""
    return re.sub(
        rb"/Rect \[ \S+", lambda match: match[0][:-1] + (b"7" if match[0][-1:] != b"7" else b"8"), pdf, count=1
    )


def _other_reason(pdf: bytes) -> bytes:
    return pdf.replace(b"/M (D:2", b"/M (D:1", 1)


def _later_time(pdf: bytes) -> bytes:
    return re.sub(rb"/M \(D:(\d{4})", b"/M (D:2031", pdf, count=1)


@pytest.mark.parametrize("change", [_resaved_by_pikepdf, _linearized, _other_place, _other_reason, _later_time])
def test_rewritten_files(sealed: bytes, trust: TrustList, change: Callable[[bytes], bytes]) -> None:
    changed = change(sealed)
    assert changed != sealed
    _never_valid(changed, trust)


def test_resaved_by_qpdf(sealed: bytes, trust: TrustList, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(sealed)
    subprocess.run(["qpdf", "a.pdf", "b.pdf"], cwd=tmp_path, check=True)
    _never_valid((tmp_path / "b.pdf").read_bytes(), trust)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_refused(sealed: bytes, trust: TrustList, share: float) -> None:
    assert _never_valid(sealed[: int(len(sealed) * share)], trust)[0] == "refused"


def test_a_file_cut_and_closed_again_is_never_valid(sealed: bytes, trust: TrustList) -> None:
    _never_valid(sealed[: len(sealed) // 2] + b"\nstartxref\n0\n%%EOF\n", trust)


@pytest.mark.parametrize("tail", [b"x", b"\n", b"\n% a comment", b"\n%%EOF\n", b"\nstartxref\n17\n%%EOF\n"])
def test_bytes_appended_that_belong_to_no_revision(sealed: bytes, trust: TrustList, tail: bytes) -> None:
    try:
        verdict = verify(sealed + tail, trust)
    except Refused:
        return
    assert verdict.verdict == "invalid"
    assert not read_seals(sealed + tail).sound


def test_a_page_of_another_document_mixed_in(sealed: bytes, other: bytes, trust: TrustList) -> None:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(sealed)) as opened, pikepdf.open(io.BytesIO(other)) as foreign:
        opened.pages[0] = foreign.pages[0]
        opened.save(buffer)
    _never_valid(buffer.getvalue(), trust)


@pytest.mark.parametrize("order", ["before", "after"])
def test_two_files_joined(sealed: bytes, trust: TrustList, order: str) -> None:
    plain = plain_pdf()
    _never_valid(plain + sealed if order == "before" else sealed + plain, trust)


def test_something_hidden_in_the_room_of_the_signature(sealed: bytes, trust: TrustList) -> None:
    """The gap of the ByteRange is not signed: a shorter string with entries behind it must not pass."""
    start, end = _gap(sealed)
    real = sealed[start + 1 : end - 1].rstrip(b"0")
    real += b"0" * (len(real) % 2)
    hidden = b"<" + real + b"> /Reason (forged)"
    changed = sealed[:start] + hidden.ljust(end - start) + sealed[end:]
    assert len(changed) == len(sealed)
    _never_valid(changed, trust)


def test_a_literal_string_in_place_of_the_hexadecimal_one(sealed: bytes, trust: TrustList) -> None:
    """Same decoded length in half the room, which leaves space for unsigned entries."""
    start, end = _gap(sealed)
    decoded = bytes.fromhex(sealed[start + 1 : end - 1].decode())
    literal = b"(" + re.sub(rb"([()\\\r])", lambda match: b"\\%03o" % match[1][0], decoded) + b")"
    changed = sealed[:start] + (literal + b" /Reason (forged)").ljust(end - start) + sealed[end:]
    assert len(changed) == len(sealed)
    _never_valid(changed, trust)


def test_an_unsigned_file_is_invalid(trust: TrustList) -> None:
    assert _never_valid(tagged_pdf() + b"\n", trust) == ("invalid", {"unsigned"})


def test_a_signature_field_with_rubbish_inside(trust: TrustList) -> None:
    with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
        value = pdf.make_indirect(
            Dictionary(
                Type=Name.Sig,
                Filter=Name("/Adobe.PPKLite"),
                SubFilter=Name("/ETSI.CAdES.detached"),
                ByteRange=Array([0, 10, 20, 30]),
                Contents=pikepdf.String(b"rubbish"),
            )
        )
        field = pdf.make_indirect(
            Dictionary(FT=Name.Sig, T="S", V=value, Rect=Array([0, 0, 0, 0]), Subtype=Name.Widget)
        )
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)
        buffer = io.BytesIO()
        pdf.save(buffer)
    _never_valid(buffer.getvalue(), trust)


@pytest.mark.parametrize(
    ("body", "code"), [(b"", "not_a_pdf"), (b"GIF89a", "not_a_pdf"), (b"%PDF-1.7\n%%EOF\n", "unreadable")]
)
def test_what_is_no_readable_pdf_is_refused(trust: TrustList, body: bytes, code: str) -> None:
    assert _verdict(body, trust) == ("refused", {code})


def test_an_encrypted_file_is_refused(trust: TrustList) -> None:
    for user in ("", "secret"):
        buffer = io.BytesIO()
        with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
            pdf.save(buffer, encryption=pikepdf.Encryption(owner="owner", user=user))
        assert _verdict(buffer.getvalue(), trust) == ("refused", {"encrypted"})
        assert not read_seals(buffer.getvalue()).sound


@pytest.mark.rule("ESL-5b")
def test_docmdp_still_allows_what_keeps_the_signature_provable(bench: Bench, sealed: bytes) -> None:
    """ISO 32000-2 12.8.2.2.2: a security store and a document time stamp may follow a seal that allows no changes."""
    store = io.BytesIO(sealed)
    DocumentSecurityStore.add_dss(store, None, certs=read_certificates(bench.pki.directory / "certs" / "ocsp.pem"))
    assert len(store.getvalue()) > len(sealed)
    stamped = io.BytesIO(store.getvalue())
    stamper = PdfTimeStamper(HTTPTimeStamper(bench.pki.tsa_url))
    stamper.timestamp_pdf(IncrementalPdfFileWriter(stamped), "sha256", in_place=True)
    for later in (store.getvalue(), stamped.getvalue()):
        assert later.startswith(sealed)
        verdict = verify(later, bench.trust)
        assert verdict.valid, verdict.as_dict()
        assert verdict.signatures[0].coverage == "entire_revision"
        assert verdict.signatures[0].modification == "lta_updates"
        assert later_changes(later, len(sealed)) == []
        assert read_seals(later).sound
    assert [seal.kind for seal in read_seals(stamped.getvalue()).seals] == ["Sig", "DocTimeStamp"]
    assert len(PdfFileReader(stamped).embedded_timestamp_signatures) == 1


def test_a_time_stamp_authority_whose_certificate_ran_out_since_makes_it_indeterminate(
    sealed: bytes, trust: TrustList
) -> None:
    far = datetime(2121, 1, 1, tzinfo=UTC)
    verdict = verify(sealed, trust, now=far)
    assert (verdict.verdict, verdict.reasons[0].code) == ("indeterminate", "timestamp_expired")
    assert verify(sealed, trust, now=datetime.now(UTC) + timedelta(days=365 * 20)).valid, "proved at its own time"
    past = verify(sealed, trust, now=datetime.now(UTC) - timedelta(days=1))
    assert (past.verdict, past.reasons[0].code) == ("indeterminate", "timestamp_in_future")


def test_the_answer_has_the_shape_of_the_design(sealed: bytes, trust: TrustList) -> None:
    answer = verify(sealed, trust).as_dict()
    stable = {"verdict", "test", "signatures", "archive", "provable_until", "reasons"}
    assert set(answer) == stable | {"unchecked", "trust_list", "pdfa"}
    assert answer["test"] is True
    assert all(set(reason) == {"code", "text_en", "text_zh"} for reason in answer["reasons"])
    assert "TEST" in answer["reasons"][-1]["text_en"]
    assert answer["signatures"][0]["timestamp"].endswith("Z")


def test_sealing_drops_references_to_nothing(bench: Bench) -> None:
    """So that nobody can supply what they refer to afterwards: a shadow attack."""
    prepared = with_dangling_reference(tagged_pdf())
    assert b"900 0 R" in prepared
    assert b"900 0 R" not in bench.seal(prepared).pdf


def test_a_placement_is_what_it_says() -> None:
    assert Placement(1, 10, 20).size_mm == (42.0, 42.0)


def _gap(pdf: bytes) -> tuple[int, int]:
    match = re.search(rb"/ByteRange \[ 0 (\d+) (\d+) ", pdf)
    assert match is not None
    return int(match[1]), int(match[2])
