"""The tamper matrix of electronic seals (GB/T 38540, SM2): a second signature, beside a PAdES signature at B-LT."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pikepdf
from asn1crypto import x509
from pikepdf import Array, Dictionary, Name, String

from signing import ses, sm2
from signing.certificates import CheckedChain
from signing.cms import unpadded
from signing.fields import SEAL_FILTER, SEAL_SUBFILTER
from signing.revocation import Evidence
from signing.rooms import Room
from signing.sealing import Profile, seal_pdf
from signing.seals import draw_seal
from signing.ses_making import SealOrder, make_seal
from signing.ses_pdf import add_electronic_seal
from signing.sm2_testpki import Sm2Authority, Sm2Identity
from tests import later_revisions as later
from tests.signing_support import DESIGN, FONT, PLACEMENT, Bench, tagged_pdf

FIELD = "ElectronicSeal"
_NOW = datetime.now(UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SealWorkshop:
    """Where files with electronic seals are made and tampered with."""

    bench: Bench

    @cached_property
    def root(self) -> Sm2Authority:
        return Sm2Authority.make()

    @cached_property
    def maker(self) -> Sm2Identity:
        return self.root.issue("制章单位", "制章者")

    @cached_property
    def signer(self) -> Sm2Identity:
        return self.root.issue("民航华北地区管理局", "行政执法专用章")

    @cached_property
    def prepared(self) -> bytes:
        return self._prepared("决定给予罚款人民币叁万元整。")

    def _prepared(self, text: str) -> bytes:
        picture = draw_seal(DESIGN, FONT)
        return seal_pdf(
            tagged_pdf(text),
            self.bench.means(),
            placement=PLACEMENT,
            picture=picture,
            profile=Profile.B_LT,
            second_field=FIELD,
        ).pdf

    @cached_property
    def sealed(self) -> bytes:
        return self.put_on()

    @cached_property
    def other(self) -> bytes:
        return self.put_on(self._prepared("决定给予罚款人民币玖万元整。"))

    def seal(self, signer: Sm2Identity, until: datetime = _NOW + 1000 * _DAY) -> bytes:
        order = SealOrder(
            identifier="1100000000001",
            name="行政执法专用章",
            picture=ses.Picture("PNG", b"\x89PNG\r\n\x1a\n", 42, 42),
            signers=[signer.certificate],
            valid_from=_NOW - 4000 * _DAY,
            valid_to=until,
        )
        return make_seal(order, self.maker.key, self.maker.certificate)

    def put_on(
        self,
        pdf: bytes = b"",
        *,
        signer: Sm2Identity | None = None,
        seal: bytes = b"",
        root: Sm2Authority | None = None,
        revoked: Mapping[int, datetime] | None = None,
        proof: bool = True,
        now: datetime | None = None,
    ) -> bytes:
        by, above = signer or self.signer, root or self.root
        listed = above.revocations(revoked or {}, since=_NOW - _DAY, until=_NOW + 30 * _DAY)
        chains = [
            CheckedChain(
                tuple(x509.Certificate.load(each) for each in (identity.certificate, above.certificate)),
                Evidence(crls=(listed,) if proof else ()),
                _NOW + 30 * _DAY,
            )
            for identity in (by, self.maker)
        ]
        used = seal or self.seal(by)
        return add_electronic_seal(pdf or self.prepared, FIELD, used, by.key, by.certificate, proven=chains, now=now)


def _room(pdf: bytes) -> tuple[int, int]:
    """The gap of the electronic seal's ByteRange."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        field = next(each for each in opened.Root.AcroForm.Fields if str(each.T) == FIELD)
        return int(field.V.ByteRange[1]), int(field.V.ByteRange[2])


def _der(pdf: bytes) -> bytes:
    start, end = _room(pdf)
    return unpadded(bytes.fromhex(pdf[start + 1 : end - 1].decode()))


def _refilled(pdf: bytes, der: bytes) -> bytes:
    start, end = _room(pdf)
    return pdf[: start + 1] + der.hex().encode().ljust(end - start - 2, b"0") + pdf[end - 1 :]


def _struck(find: Callable[[ses.SealSignature], bytes]) -> Callable[[SealWorkshop], bytes]:
    """One bit changed in that part of the SES_Signature."""

    def make(shop: SealWorkshop) -> bytes:
        der = _der(shop.sealed)
        part = find(ses.read_seal_signature(der))
        place = der.index(part) + len(part) // 2
        return _refilled(shop.sealed, der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :])

    return make


def _signed_by(shop: SealWorkshop, by: Sm2Identity, key: sm2.Sm2Key | None = None) -> bytes:
    """The same seal, signed anew over the same bytes by somebody whom no seal of ours would let sign."""
    start, end = _room(shop.sealed)
    value = ses.SIGNATURE_2020.load(_der(shop.sealed))
    value["toSign"]["dataHash"] = sm2.sm3(Room(shop.sealed, start, end).signed())
    value["cert"] = by.certificate
    value["signature"] = (key or by.key).sign(value["toSign"].dump())
    return _refilled(shop.sealed, value.dump(force=True))


def _ended(shop: SealWorkshop) -> bytes:
    seal = shop.seal(shop.signer, until=_NOW - _DAY)
    return shop.put_on(seal=seal, now=_NOW - 2 * _DAY)


def _unknown_root(shop: SealWorkshop) -> bytes:
    stranger = Sm2Authority.make("TEST unknown root")
    return shop.put_on(signer=stranger.issue("他人", "印章"), root=stranger)


def _revoked(shop: SealWorkshop) -> bytes:
    serial = x509.Certificate.load(shop.signer.certificate).serial_number
    return shop.put_on(revoked={serial: _NOW - 30 * _DAY})


def _expired(shop: SealWorkshop) -> bytes:
    old = shop.root.issue("民航华北地区管理局", "旧章", valid_to=_NOW - _DAY)
    return shop.put_on(signer=old, now=_NOW - 2 * _DAY)


def _early(shop: SealWorkshop) -> bytes:
    new = shop.root.issue("民航华北地区管理局", "新章", valid_from=_NOW + 10 * _DAY)
    return shop.put_on(signer=new, now=_NOW + 11 * _DAY)


def _emptied(pdf: pikepdf.Pdf) -> list[Any]:
    field = later.widget(pdf, f"/{FIELD}")
    del field["/V"]
    return [field]


def _no_seal(pdf: pikepdf.Pdf) -> list[Any]:
    field = later.widget(pdf, f"/{FIELD}")
    entries = {"Type": Name.Sig, "Filter": SEAL_FILTER, "SubFilter": SEAL_SUBFILTER}
    field.V = pdf.make_indirect(Dictionary(**entries, ByteRange=Array([0, 10, 20, 10]), Contents=String("none")))
    return [field, field.V]


def _after(change: Callable[[pikepdf.Pdf], Sequence[Any]]) -> Callable[[SealWorkshop], bytes]:
    return lambda shop: later.grown(shop.sealed, lambda pdf: list(change(pdf)))


def _flipped_text(shop: SealWorkshop) -> bytes:
    with pikepdf.open(io.BytesIO(shop.sealed)) as opened:
        raw = bytes(opened.pages[0].obj.Contents.read_raw_bytes())
    place = shop.sealed.index(raw) + len(raw) // 2
    return shop.sealed[:place] + bytes([shop.sealed[place] ^ 1]) + shop.sealed[place + 1 :]


def _padding(shop: SealWorkshop) -> bytes:
    end = _room(shop.sealed)[1]
    return shop.sealed[: end - 4] + b"1" + shop.sealed[end - 3 :]


_CHANGED = "changed_after_signing"

#: (deed, verdict, reason, maker of the file)
SEAL_DEEDS: tuple[tuple[str, str, str, Callable[[SealWorkshop], bytes]], ...] = (
    ("untouched, beside a signature at B-LT", "valid", "valid", lambda w: w.sealed),
    ("bytes changed in the text of a page", "invalid", "changed", _flipped_text),
    ("bytes changed in the signature value", "invalid", "signature_wrong", _struck(lambda s: s.signed.signature)),
    ("bytes changed in the seal's picture", "invalid", "seal_changed", _struck(lambda s: s.seal.picture.data)),
    ("bytes changed in its maker's signature", "invalid", "seal_changed", _struck(lambda s: s.seal.signed.signature)),
    ("bytes changed in the padding behind it", "invalid", "signature_unreadable", _padding),
    ("text (“VOID”) added later", "invalid", _CHANGED, _after(later.add_text)),
    ("an annotation added later", "invalid", _CHANGED,
        _after(later.add_annotation(Subtype=Name.FreeText, Contents=String("减为一元")))),
    ("a form field added later", "invalid", _CHANGED, _after(later.add_form_field)),
    ("a page added later", "invalid", _CHANGED, _after(later.add_page)),
    ("JavaScript added later", "invalid", _CHANGED, _after(later.script)),
    ("something else than a seal in the field that was kept for one", "invalid", "signature_unreadable",
        lambda w: later.grown(w.prepared, _no_seal)),
    ("taken out of its field by a revision", "invalid", _CHANGED, _after(_emptied)),
    ("rolled back to before it: the file as it was; the ledger tells them apart", "valid", "valid",
        lambda w: w.prepared),
    ("exchanged for that of another document", "invalid", "changed",
        lambda w: _refilled(w.sealed, _der(w.other))),
    ("signed by somebody whom the seal does not name", "invalid", "seal_signer",
        lambda w: _signed_by(w, w.root.issue("民航中南地区管理局", "行政执法专用章"))),
    ("the signer's certificate, another key", "invalid", "signature_wrong",
        lambda w: _signed_by(w, w.signer, sm2.Sm2Key.generate())),
    ("certificate revoked, proof inside", "invalid", "revoked", _revoked),
    ("certificate expired since, no time stamp", "indeterminate", "certificate_period", _expired),
    ("certificate not yet valid", "indeterminate", "certificate_period", _early),
    ("an SM2 authority that nobody trusts", "indeterminate", "untrusted", _unknown_root),
    ("no proof inside", "indeterminate", "revocation_unknown", lambda w: w.put_on(proof=False)),
    ("the seal's period has ended since, no time stamp", "indeterminate", "seal_ended", _ended),
)  # fmt: skip
