"""The tamper matrix: what can be done to a sealed file, and which verdict each deed has to meet."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import httpx2
import pikepdf
from asn1crypto import x509
from pikepdf import Array, Dictionary, Name, String
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter

from signing.archive import add_archive_stamp
from signing.arrangement import side_by_side
from signing.certificates import Anchor, ChainChecker, CheckedChain, TrustList
from signing.cms import check_form, signed_attributes, signed_data, unpadded
from signing.joint import PlacedSeal, seal_jointly
from signing.revocation import RevocationCache
from signing.rooms import Room, byte_range_holder, contents_holder
from signing.sealing import Profile, SealingMeans, seal_pdf
from signing.seals import draw_seal
from signing.security_store import extend_store
from signing.testpki import SealSubject
from tests import later_revisions as later
from tests.signing_support import DESIGN, FONT, NORTH, PLACEMENT, Bench, tagged_pdf
from tests.tampering_seals import SEAL_DEEDS, SealWorkshop

SUBJECTS = (
    NORTH,
    SealSubject("south", "民航中南地区管理局", "行政执法专用章"),
    SealSubject("other", "民航西南地区管理局", "行政执法专用章"),
    SealSubject(
        "expired",
        "民航华北地区管理局",
        "旧章",
        datetime(2021, 1, 1, tzinfo=UTC),
        datetime(2022, 1, 1, tzinfo=UTC),
    ),
    SealSubject(
        "early", "民航华北地区管理局", "新章", datetime(2090, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    ),
    SealSubject("revoked", "民航华北地区管理局", "已吊销章", revoked_since=datetime(2025, 1, 1, tzinfo=UTC)),
)


@dataclass(frozen=True)
class Workshop:
    """Where files are made and tampered with: the trusted TEST authority, and a stranger that nobody trusts."""

    bench: Bench
    stranger: Bench

    @cached_property
    def seals(self) -> SealWorkshop:
        """The same for electronic seals."""
        return SealWorkshop(self.bench)

    @cached_property
    def trust(self) -> TrustList:
        """The roots of both, SM2's too."""
        anchor = Anchor(x509.Certificate.load(self.seals.root.certificate), "made for this test", "2026-01-01")
        return replace(self.bench.trust, anchors=(*self.bench.trust.anchors, anchor))

    @cached_property
    def sealed(self) -> bytes:
        return self.bench.seal(tagged_pdf()).pdf

    @cached_property
    def other(self) -> bytes:
        return self.bench.seal(tagged_pdf("决定给予罚款人民币玖万元整。")).pdf

    @cached_property
    def archived(self) -> bytes:
        return self.bench.seal(tagged_pdf(), Profile.B_LTA).pdf

    def jointly(self, pdf: bytes, profile: Profile = Profile.B_LT, second: SealingMeans | None = None) -> list[bytes]:
        """Sealed by the one and counter-signed by another beside it: the file after each signature."""
        first = self.bench.means()
        other = second or self.bench.means(self.bench.key("south"))
        places = side_by_side(PLACEMENT, [(42.0, 42.0)] * 2)
        picture = draw_seal(DESIGN, FONT)
        seals = [PlacedSeal(each, picture, place, "seal") for each, place in zip((first, other), places, strict=True)]
        return [each.pdf for each in seal_jointly(pdf, seals, profile=profile)]

    @cached_property
    def joint(self) -> list[bytes]:
        return self.jointly(tagged_pdf())

    @contextmanager
    def at(self, year: int) -> Iterator[ChainChecker]:
        """Certificates checked as if in June of that year."""
        headers = {"X-Certomancer-Fake-Time": datetime(year, 6, 1, tzinfo=UTC).isoformat()}
        with httpx2.Client(headers=headers) as client:
            yield ChainChecker(self.bench.trust, RevocationCache(client=client))

    def sealed_in(self, year: int, seal: str, profile: Profile = Profile.B_LT) -> bytes:
        """Sealed with a certificate that was good in that year only, and stamped today."""
        with self.at(year) as chains:
            means = SealingMeans(self.bench.key(seal), chains, self.bench.timestamps)
            picture = draw_seal(DESIGN, FONT)
            now = datetime(year, 6, 1, tzinfo=UTC)
            return seal_pdf(
                tagged_pdf(), means, placement=PLACEMENT, picture=picture, profile=profile, now=now
            ).pdf  # fmt: skip


class Row(NamedTuple):
    """One deed: its group, what is done, the verdict it has to meet and the reason that has to be among those told."""

    group: str
    deed: str
    verdict: str
    reason: str
    make: Callable[[Workshop], bytes]


# --- tools -----------------------------------------------------------------------------------------------------------


def flipped(pdf: bytes, position: int) -> bytes:
    """One bit of one byte changed."""
    return pdf[:position] + bytes([pdf[position] ^ 1]) + pdf[position + 1 :]


def _stream_of(pdf: bytes, find: Callable[[pikepdf.Pdf], Any]) -> int:
    """Where in the file the middle of a stream lies."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        raw = bytes(find(opened).read_raw_bytes())
    return pdf.index(raw) + len(raw) // 2


def _last_stream_of(pdf: bytes, find: Callable[[pikepdf.Pdf], Any]) -> int:
    """The same where the file holds that stream twice, such as the picture of two seals that look alike."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        raw = bytes(find(opened).read_raw_bytes())
    return pdf.rindex(raw) + len(raw) // 2


def _gap(pdf: bytes, last: bool = False) -> tuple[int, int]:
    found = list(re.finditer(rb"/ByteRange \[ 0 (\d+) (\d+) ", pdf))[-1 if last else 0]
    return int(found[1]), int(found[2])


def _cms(pdf: bytes, last: bool = False) -> bytes:
    start, end = _gap(pdf, last)
    return bytes.fromhex(pdf[start + 1 : end - 1].decode())


def _struck(pdf: bytes, find: Callable[[bytes], bytes], last: bool = False) -> bytes:
    """One digit changed in that part of the signature which `find` gives of its CMS object."""
    der = _cms(pdf, last)
    part = find(der)
    position = _gap(pdf, last)[0] + 1 + 2 * (der.index(part) + len(part) // 4)
    return pdf[:position] + (b"1" if pdf[position : position + 1] == b"0" else b"0") + pdf[position + 1 :]


def _value(der: bytes) -> bytes:
    return bytes(check_form(unpadded(der))["signer_infos"][0]["signature"].native)


def _token(der: bytes) -> bytes:
    attribute = check_form(unpadded(der))["signer_infos"][0]["unsigned_attrs"][0]
    return bytes(attribute["values"][0].dump())


def refilled(pdf: bytes, der: bytes, last: bool = False) -> bytes:
    """Another object in the room of the signature."""
    start, end = _gap(pdf, last)
    room = end - start - 2
    return pdf[: start + 1] + der.rstrip(b"\0").hex().encode()[:room].ljust(room, b"0") + pdf[end - 1 :]


def _seal_prepared(shop: Workshop, prepare: Callable[[pikepdf.Pdf], Any]) -> bytes:
    """Sealed by an authority to whom a prepared file was handed (the first half of a shadow attack)."""
    return shop.bench.seal(later.rewritten(tagged_pdf(), prepare)).pdf


def _dangling_filled(shop: Workshop) -> bytes:
    """Our own sealing drops references to nothing (qpdf); a program that signs by a revision does not."""
    signed = _signed_by_pyhanko(shop, later.with_dangling_reference(tagged_pdf()), md_algorithm="sha256")
    assert b"900 0 R" in signed
    added = b"900 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 595 842] /Length %d >>\nstream\n%s\n"
    added = added % (len(later.VOID), later.VOID) + b"endstream\nendobj\n"
    entries = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref\s+(\d+)", signed, re.DOTALL)[-1]
    trailer = re.sub(rb"/Prev \d+", b"/Prev " + entries[1], re.sub(rb"/Size \d+", b"/Size 901", entries[0]))
    table = b"xref\n900 1\n%010d 00000 n \ntrailer <<%s>>\n" % (len(signed), trailer)
    return signed + added + table + b"startxref\n%d\n%%%%EOF\n" % (len(signed) + len(added))


# --- signatures ------------------------------------------------------------------------------------------------------


def _spliced_time_stamp(shop: Workshop) -> bytes:
    attributes, value, algorithm = _signed_parts(shop.sealed)
    certificate = shop.bench.key().certificate
    return refilled(shop.sealed, signed_data(attributes, value, algorithm, [certificate], _token(_cms(shop.other))))


def _signed_parts(pdf: bytes) -> tuple[bytes, bytes, str]:
    signer = check_form(unpadded(_cms(pdf)))["signer_infos"][0]
    attributes = b"\x31" + signer["signed_attrs"].dump()[1:]
    return attributes, bytes(signer["signature"].native), "sha256_ecdsa"


def _wrong_key(shop: Workshop) -> bytes:
    """The seal's certificate in the signature, another key behind it."""
    attributes, _, algorithm = _signed_parts(shop.sealed)
    value = shop.bench.key("south").sign(attributes)
    certificate = shop.bench.key().certificate
    return refilled(shop.sealed, signed_data(attributes, value, algorithm, [certificate], _token(_cms(shop.sealed))))


def _other_certificate(shop: Workshop) -> bytes:
    """Signed anew by another holder over the same bytes, without a new time stamp."""
    start, end = _gap(shop.sealed)
    south = shop.bench.key("south")
    digest = Room(shop.sealed, start, end).digest()
    attributes = signed_attributes(digest, south.certificate)
    token = _token(_cms(shop.sealed))
    der = signed_data(attributes, south.sign(attributes), south.algorithm, [south.certificate], token)
    return refilled(shop.sealed, der)


def _signed_by_hand(
    shop: Workshop, sealed: bytes, field: Callable[[pikepdf.Pdf, Any], list[Any]], seal: str = "south"
) -> bytes:
    """A sound signature of a trusted holder, in the field that is given, with the other changes of its revision."""
    key, reserve = shop.bench.key(seal), 4096

    def change(pdf: pikepdf.Pdf) -> list[Any]:
        value = pdf.make_indirect(
            Dictionary(
                Type=Name.Sig,
                Filter=Name("/Adobe.PPKLite"),
                SubFilter=Name("/ETSI.CAdES.detached"),
                ByteRange=byte_range_holder(),
                Contents=contents_holder(reserve),
            )
        )
        return [value, *field(pdf, value)]

    room = Room.locate(later.grown(sealed, change), reserve, since=len(sealed))
    attributes = signed_attributes(room.digest(), key.certificate)
    value = key.sign(attributes)
    token = shop.bench.timestamps.stamp(value, shop.bench.means().chains).token
    return room.filled(signed_data(attributes, value, key.algorithm, [key.certificate], token))


def _new_field(pdf: pikepdf.Pdf, value: Any) -> list[Any]:
    """A field that nobody kept."""
    field = pdf.make_indirect(
        Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T="Two", V=value, Rect=Array([0, 0, 0, 0]))
    )
    pdf.Root.AcroForm.Fields.append(field)
    return [field, pdf.Root.AcroForm]


def _kept_field(*others: Callable[[pikepdf.Pdf], list[Any]]) -> Callable[[pikepdf.Pdf, Any], list[Any]]:
    """The field that was kept, and something else in the same revision."""

    def fill(pdf: pikepdf.Pdf, value: Any) -> list[Any]:
        field = later.widget(pdf, "/Seal2")
        field.V = value
        return [field, *(each for other in others for each in other(pdf))]

    return fill


def _by_hand(field: Callable[[pikepdf.Pdf, Any], list[Any]]) -> Callable[[Workshop], bytes]:
    return lambda shop: _signed_by_hand(shop, shop.joint[0], field)


def _revoked_with_proof(shop: Workshop) -> bytes:
    """The file of a revoked certificate, with today's revocation data beside it."""
    pdf = shop.sealed_in(2024, "revoked", Profile.B_T)
    key = shop.bench.key("revoked")
    with shop.at(2024) as chains:
        chain = chains.check(key.certificate, key.chain, now=datetime(2024, 6, 1, tzinfo=UTC))
    today = shop.bench.revocation.evidence(chain.path, datetime.now(UTC))
    proof = CheckedChain(chain.path, today, today.usable_until)
    return later.grown(pdf, lambda opened: extend_store(opened, [proof]))


class _Careless(ChainChecker):
    """What a careless sealer would use: a stranger's time stamps count, too."""

    def __init__(self, shop: Workshop) -> None:
        super().__init__(shop.bench.trust, shop.bench.revocation)
        self._stranger = ChainChecker(shop.stranger.trust, shop.stranger.revocation)

    def check(self, *arguments: Any, **options: Any) -> CheckedChain:
        if options.get("time_stamping"):
            return self._stranger.check(*arguments, **options)
        return super().check(*arguments, **options)


def _foreign_time_stamp(shop: Workshop) -> bytes:
    means = SealingMeans(shop.bench.key(), _Careless(shop), shop.stranger.timestamps)
    return shop.bench.seal(tagged_pdf(), means=means).pdf


def _foreign_archive_stamp(shop: Workshop) -> bytes:
    now = datetime.now(UTC)
    return add_archive_stamp(shop.sealed, _Careless(shop), shop.stranger.timestamps, now=now).pdf


def _signed_by_pyhanko(shop: Workshop, pdf: bytes, **metadata: Any) -> bytes:
    files = shop.bench.pki.seals["north"]
    signer = SimpleSigner.load_pkcs12(str(files.pkcs12), passphrase=files.passphrase.encode())
    assert signer is not None
    level = {"certify": True, "docmdp_permissions": MDPPerm.NO_CHANGES, "subfilter": SigSeedSubFilter.PADES}
    wanted = PdfSignatureMetadata(field_name="Seal", **level, **metadata)
    signed: io.BytesIO = sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf + b"\n")), wanted, signer=signer)
    return signed.getvalue()


def _added(change: Callable[[pikepdf.Pdf], list[Any]]) -> Callable[[Workshop], bytes]:
    return lambda shop: later.grown(shop.sealed, change)


def _archived_then(change: Callable[[pikepdf.Pdf], list[Any]]) -> Callable[[Workshop], bytes]:
    return lambda shop: later.grown(shop.archived, change)


def _seal_row(deed: str, verdict: str, reason: str, make: Callable[[SealWorkshop], bytes]) -> Row:
    return Row("electronic seal (SM2)", deed, verdict, reason, lambda shop: make(shop.seals))


_K = "counter-signature"
_F, _I, _S, _H, _C = "bytes changed", "revision added", "shadow attack", "signature exchanged", "certificate, algorithm"
_ANY = "changed_after_signing"

ROWS: tuple[Row, ...] = (
    Row("untouched", "sealed at B-LT", "valid", "valid", lambda w: w.sealed),
    Row("untouched", "sealed at B-LTA", "valid", "archived", lambda w: w.archived),
    Row("untouched", "sealed by another holder whom we trust: the verdict names the holder", "valid", "valid",
        lambda w: w.bench.seal(tagged_pdf(), means=w.bench.means(w.bench.key("south"))).pdf),
    Row("untouched", "counter-signed: a second seal in the field that was kept for it", "valid", "valid",
        lambda w: w.joint[1]),
    Row("untouched", "counter-signed, and an archive time stamp after both", "valid", "archived",
        lambda w: w.jointly(tagged_pdf(), Profile.B_LTA)[1]),
    Row(_F, "in the text of a page", "invalid", "changed",
        lambda w: flipped(w.sealed, _stream_of(w.sealed, lambda pdf: pdf.pages[0].obj.Contents))),
    Row(_F, "in the drawing of the seal", "invalid", "changed",
        lambda w: flipped(w.sealed, _stream_of(w.sealed, lambda pdf: later.widget(pdf).AP.N))),
    Row(_F, "in the metadata", "invalid", "changed",
        lambda w: flipped(w.sealed, _stream_of(w.sealed, lambda pdf: pdf.Root.Metadata))),
    Row(_F, "in the proof (security store)", "invalid", "changed",
        lambda w: flipped(w.sealed, _stream_of(w.sealed, lambda pdf: pdf.Root.DSS.CRLs[0]))),
    Row(_F, "in the signature value", "invalid", "signature_wrong",
        lambda w: _struck(w.sealed, _value)),
    Row(_F, "in the time stamp", "invalid", "timestamp_wrong",
        lambda w: _struck(w.sealed, lambda der: _value(_token(der)))),
    Row(_F, "in the padding behind the signature", "invalid", "signature_unreadable",
        lambda w: flipped(w.sealed, _gap(w.sealed)[1] - 4)),
    Row(_F, "in the archive time stamp", "invalid", "timestamp_wrong",
        lambda w: _struck(w.archived, _value, last=True)),
    Row(_F, "saved again by another program", "invalid", "",
        lambda w: later.rewritten(w.sealed, lambda pdf: None)),
    Row(_F, "bytes appended that belong to no revision", "invalid", "appended", lambda w: w.sealed + b"% note\n"),
    Row(_I, "text (“VOID”) on a page", "invalid", _ANY, _added(later.add_text)),
    Row(_I, "text on a page, after the archive time stamp", "invalid", _ANY, _archived_then(later.add_text)),
    Row(_I, "an annotation with text", "invalid", _ANY,
        _added(later.add_annotation(Subtype=Name.FreeText, Contents=String("减为一元")))),
    Row(_I, "a link", "invalid", _ANY,
        _added(later.add_annotation(Subtype=Name.Link, A=Dictionary(S=Name.URI, URI="http://x.invalid")))),
    Row(_I, "a form field", "invalid", _ANY, _added(later.add_form_field)),
    Row(_I, "a page", "invalid", _ANY, _added(later.add_page)),
    Row(_I, "a page taken away", "invalid", _ANY, _added(later.page_away)),
    Row(_I, "pages in another order", "invalid", _ANY, _added(later.pages_swapped)),
    Row(_I, "JavaScript on opening", "invalid", _ANY, _added(later.script)),
    Row(_I, "JavaScript by name", "invalid", _ANY, _added(later.named_script)),
    Row(_I, "JavaScript in the field of the archive time stamp", "invalid", "", _archived_then(later.script_in_stamp)),
    Row(_I, "an attached file", "invalid", _ANY, _added(later.attachment)),
    Row(_I, "the seal moved", "invalid", _ANY, _added(later.seal_moved)),
    Row(_I, "the seal drawn anew", "invalid", _ANY, _added(later.seal_redrawn)),
    Row(_I, "another text behind the letters (ToUnicode)", "invalid", _ANY, _added(later.font_replaced)),
    Row(_I, "another title in the metadata", "invalid", _ANY, _added(later.title)),
    Row(_I, "another title in the document information", "invalid", _ANY, _added(later.information)),
    Row(_I, "the catalog replaced", "invalid", _ANY, _added(later.root_replaced)),
    Row(_I, "the proof taken away", "invalid", "", _added(later.store_away)),
    Row(_I, "a second signature, by a trusted holder", "invalid", _ANY,
        lambda w: _signed_by_hand(w, w.sealed, _new_field)),
    Row(_S, "hide: a picture that covered other text is emptied", "invalid", _ANY,
        lambda w: later.grown(_seal_prepared(w, later.cover), later.uncovered)),
    Row(_S, "replace: a form field shows another amount", "invalid", _ANY,
        lambda w: later.grown(_seal_prepared(w, later.spare_form), later.field_filled)),
    Row(_S, "hide and replace: a content that lay in the file is put in its place", "invalid", _ANY,
        lambda w: later.grown(_seal_prepared(w, later.spare_content), later.content_exchanged)),
    Row(_S, "hide and replace: an object that was only referred to is supplied", "invalid", "",
        _dangling_filled),
    Row(_H, "taken out, file saved again", "invalid", "unsigned",
        lambda w: later.rewritten(w.sealed, later.taken_out)),
    Row(_H, "taken out of its field by a revision", "invalid", "unsigned", _added(later.field_emptied)),
    Row(_H, "its field taken out by a revision", "invalid", "unsigned", _added(later.fields_away)),
    Row(_H, "exchanged for that of another document", "invalid", "changed",
        lambda w: refilled(w.sealed, _cms(w.other))),
    Row(_H, "the time stamp exchanged for that of another document", "invalid", "timestamp_wrong",
        _spliced_time_stamp),
    Row(_H, "the seal's certificate, another key", "invalid", "signature_wrong", _wrong_key),
    Row(_H, "signed anew by another holder, with the old time stamp", "invalid", "timestamp_wrong",
        _other_certificate),
    Row(_H, "rolled back to before the archive time stamp: the B-LT file as it was; the ledger tells them apart",
        "valid", "valid", lambda w: w.archived[: w.archived.index(b"%%EOF\n") + 6]),
    Row(_H, "the archive time stamp taken out by a revision", "invalid", "", _archived_then(later.stamp_away)),
    Row(_K, "by a holder whom nobody trusts", "indeterminate", "untrusted",
        lambda w: w.jointly(tagged_pdf(), second=w.stranger.means())[1]),
    Row(_K, "not there: rolled back to before it, or never put on", "indeterminate", "counter_signature_missing",
        lambda w: w.joint[0]),
    Row(_K, "taken out of its field by a revision", "invalid", _ANY,
        lambda w: later.grown(w.joint[1], later.field_emptied_of("/Seal2"))),
    Row(_K, "the first signature taken out of its field by a revision", "invalid", "",
        lambda w: later.grown(w.joint[1], later.field_emptied)),
    Row(_K, "exchanged for that of another document", "invalid", "changed",
        lambda w: refilled(w.joint[1], _cms(w.jointly(tagged_pdf("罚款人民币玖万元整。"))[1], last=True), last=True)),
    Row(_K, "the first signature exchanged for that of another document", "invalid", "changed",
        lambda w: refilled(w.joint[1], _cms(w.other))),
    Row(_K, "bytes changed in the picture of the second seal", "invalid", "changed",
        lambda w: flipped(w.joint[1], _last_stream_of(w.joint[1], lambda pdf: later.widget(pdf, "/Seal2").AP.N))),
    Row(_K, "the second seal drawn anew by a revision", "invalid", _ANY,
        lambda w: later.grown(w.joint[1], lambda pdf: later.redrawn(pdf, "/Seal2"))),
    Row(_K, "by another trusted holder than the first signature names", "invalid", "counter_signer",
        lambda w: _signed_by_hand(w, w.joint[0], _kept_field(), "other")),
    Row(_K, "its seal at another place than was kept", "invalid", _ANY,
        _by_hand(_kept_field(lambda pdf: later.moved(pdf, "/Seal2")))),
    Row(_K, "a script in its field", "invalid", _ANY,
        _by_hand(_kept_field(lambda pdf: later.script_in(pdf, "/Seal2")))),
    Row(_K, "text on a page in the same revision", "invalid", _ANY, _by_hand(_kept_field(later.add_text))),
    Row(_K, "a third one, in a field that nobody kept", "invalid", _ANY,
        lambda w: _signed_by_hand(w, w.joint[1], _new_field)),
    Row(_C, "an authority that nobody trusts", "indeterminate", "untrusted",
        lambda w: w.stranger.seal(tagged_pdf()).pdf),
    Row(_C, "certificate expired when sealed", "indeterminate", "certificate_period",
        lambda w: w.sealed_in(2021, "expired")),
    Row(_C, "certificate not yet valid when sealed", "indeterminate", "certificate_period",
        lambda w: w.sealed_in(2091, "early")),
    Row(_C, "certificate revoked before sealing, proof inside", "invalid", "revoked", _revoked_with_proof),
    Row(_C, "certificate revoked before sealing, only old proof inside", "indeterminate", "revocation_unknown",
        lambda w: w.sealed_in(2024, "revoked")),
    Row(_C, "no proof inside (B-T)", "indeterminate", "revocation_unknown",
        lambda w: w.bench.seal(tagged_pdf(), Profile.B_T).pdf),
    Row(_C, "time stamp authority outside the trust list", "indeterminate", "timestamp_untrusted", _foreign_time_stamp),
    Row(_C, "archive time stamp from outside the trust list", "indeterminate", "timestamp_untrusted",
        _foreign_archive_stamp),
    Row(_C, "SHA-1", "indeterminate", "algorithm_weak",
        lambda w: _signed_by_pyhanko(w, tagged_pdf(), md_algorithm="sha1")),
    *(_seal_row(*each) for each in SEAL_DEEDS),
)  # fmt: skip
