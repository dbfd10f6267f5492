"""What was added to a PDF after a signed revision, object by object, by qpdf: no pyHanko here.

Allowed later are more proof in the document security store and document time stamps (ISO 32000-2 12.8.2.2.2), and the
note of a writer about itself: they keep a signature provable and change nothing that anybody reads. And electronic
seals and counter-signatures in the fields that were kept for them.
"""

from __future__ import annotations

import io
import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pikepdf
from lxml import etree  # type: ignore[import-untyped]
from pikepdf import Array, Dictionary, Name

from records.errors import Fault
from signing.fields import PADES_SUBFILTER, kept_for

_CATALOG_MAY_CHANGE = {"/DSS", "/Extensions", "/AcroForm"}
# where the revision lies in the file and what it is called; in a cross-reference stream, its form as well
_TRAILER_MAY_CHANGE = {"/Size", "/Prev", "/ID", "/XRefStm", "/Info"}
_TRAILER_MAY_CHANGE |= {"/Type", "/W", "/Index", "/Length", "/Filter", "/DecodeParms"}
# how a writer notes its own name and the date of the change, which no page and no title bar shows
_WRITER_NOTES = {"/ModDate", "/Producer"}
_WRITER_NOTES_XMP = {
    "{http://ns.adobe.com/xap/1.0/}ModifyDate",
    "{http://ns.adobe.com/xap/1.0/}MetadataDate",
    "{http://ns.adobe.com/pdf/1.3/}Producer",
}
_RDF, _TOOLKIT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}", "{adobe:ns:meta/}xmptk"
_STORE_LISTS = ("/Certs", "/OCSPs", "/CRLs")
_STAMP_FIELD = {"/Type", "/Subtype", "/FT", "/Ff", "/T", "/TU", "/F", "/Rect", "/P", "/V"}
_STAMP = {"/Type", "/Filter", "/SubFilter", "/ByteRange", "/Contents", "/M", "/V", "/Prop_Build"}

_END_ANYWHERE = re.compile(rb"startxref\s+(\d{1,15})\s+%%EOF(?:\r\n|\n|\r)?")
_END = re.compile(_END_ANYWHERE.pattern + rb"\Z")
_MOST_REVISIONS = 200


def ends_with_stray_bytes(pdf: bytes, signed: int) -> bool:
    """Whether bytes that belong to no revision stand behind the first `signed` ones.

    Nothing may follow a signed revision but whole later ones, and nothing the last of them (ISO 32000-2 7.5.6). A later
    revision has a cross-reference of its own, which therefore begins behind the signed bytes.
    """
    if len(pdf) <= signed:
        return False
    end = _END.search(pdf, max(signed, len(pdf) - 64))
    return end is None or int(end[1]) < signed


def later_changes(pdf: bytes, signed: int) -> list[Fault]:
    """What the revisions behind the first `signed` bytes change beyond the allowed; an empty list if nothing.

    Each is compared with the one before, so that one which undoes another, or takes a time stamp away, is found too.
    """
    return [] if only_proof_follows(pdf, signed) else list(_compared(pdf, signed, True))


def only_proof_follows(pdf: bytes, signed: int) -> bool:
    """Whether the revisions behind the first `signed` bytes hold proof, time stamps and writers' notes, and no seal."""
    return not _compared(pdf, signed, False)


@lru_cache(maxsize=2)  # two readers ask the same about the same bytes, one after the other
def _compared(pdf: bytes, signed: int, but_kept: bool) -> tuple[Fault, ...]:
    ends = [signed, *(match.end() for match in _END_ANYWHERE.finditer(pdf, signed))]
    if ends[-1] < len(pdf):
        ends.append(len(pdf))
    if len(ends) > _MOST_REVISIONS:
        return (Fault("", "changed_later", "too many revisions were added after signing", "签章后附加的版本过多"),)
    pairs = pairwise(ends)
    return tuple(dict.fromkeys(fault for old, new in pairs for fault in _changes(pdf[:old], pdf[:new], but_kept)))


def _changes(before: bytes, after: bytes, but_kept: bool) -> list[Fault]:
    try:
        with (
            pikepdf.open(io.BytesIO(before), attempt_recovery=False, suppress_warnings=True) as old,
            pikepdf.open(io.BytesIO(after), attempt_recovery=False, suppress_warnings=True) as new,
        ):
            changed = _Comparison(old, new, but_kept).forbidden()
    except (pikepdf.PdfError, etree.LxmlError, ValueError, TypeError, KeyError, AttributeError) as error:
        return [Fault("", "changed_later", f"what was added after signing cannot be read: {error}")]
    return [Fault("", "changed_later", f"changed after signing: {what}", f"签章后被改动：{what}") for what in changed]


class _Comparison:
    def __init__(self, old: pikepdf.Pdf, new: pikepdf.Pdf, but_kept: bool) -> None:
        self.old, self.new, self.but_kept = old, new, but_kept
        self.untouched = self._untouched_objects()
        self.stamps = {field.objgen for field in _fields(new) if field.is_indirect and _is_timestamp(field)} - {
            field.objgen for field in _fields(old) if field.is_indirect
        }

    def forbidden(self) -> list[str]:
        """Names of what was changed and must not have been."""
        if self.old.trailer.Root.objgen != self.new.trailer.Root.objgen:
            return ["the catalog was replaced"]
        found = []
        allowed = self._allowed_objects()
        for obj in self.old.objects:
            if not obj.is_indirect or obj.objgen in allowed:
                continue
            now = self.new.get_object(obj.objgen)
            read = obj.objgen not in self.untouched
            if _flat(obj, read) == _flat(now, read) or (self.but_kept and _is_filled(obj, now)):
                continue
            if not self._is_page_with_stamps(obj, now):
                found.append(f"object {obj.objgen[0]}")
        return found + self._catalog_changes() + self._form_changes() + self._store_changes() + self._note_changes()

    def _untouched_objects(self) -> set[tuple[int, int]]:
        """Objects that both revisions read from the same place, where the bytes are the same.

        What they refer to may be another all the same: an object that was missing, and was supplied later. One inside
        an object stream is not among them, as the stream could have been replaced.
        """
        then, now = _places(self.old), _places(self.new)
        return {number for number, place in then.items() if now.get(number) == place}

    def _allowed_objects(self) -> set[tuple[int, int]]:
        """Objects that are compared by their meaning, not by their bytes."""
        root = self.old.Root
        form, store = root.get("/AcroForm", Dictionary()), root.get("/DSS", Dictionary())
        proof = [store.get(key) for key in (*_STORE_LISTS, "/VRI")]
        about = [self.old.trailer.get("/Info"), root.get("/Metadata")]
        parts = [root, form, form.get("/Fields"), store, *proof, *about]
        allowed = {part.objgen for part in parts if isinstance(part, pikepdf.Object) and part.is_indirect}
        for page in self.old.pages:
            annotations = page.obj.get("/Annots")
            if annotations is not None and annotations.is_indirect:
                now = self.new.get_object(annotations.objgen)
                if self._only_stamps_added(annotations, now):
                    allowed.add(annotations.objgen)
        return allowed

    def _is_page_with_stamps(self, old: Any, now: Any) -> bool:
        if not (isinstance(old, Dictionary) and isinstance(now, Dictionary) and old.get("/Type") == Name.Page):
            return False
        if _entries(old, {"/Annots"}) != _entries(now, {"/Annots"}):
            return False
        return self._only_stamps_added(old.get("/Annots", Array()), now.get("/Annots", Array()))

    def _only_stamps_added(self, old: Any, now: Any) -> bool:
        before, after = [each.objgen for each in old], [each.objgen for each in now]
        return after[: len(before)] == before and all(each in self.stamps for each in after[len(before) :])

    def _catalog_changes(self) -> list[str]:
        found = []
        if _entries(self.old.Root, _CATALOG_MAY_CHANGE) != _entries(self.new.Root, _CATALOG_MAY_CHANGE):
            found.append("the catalog")
        if _entries(self.old.trailer, _TRAILER_MAY_CHANGE) != _entries(self.new.trailer, _TRAILER_MAY_CHANGE):
            found.append("the trailer")
        return found

    def _form_changes(self) -> list[str]:
        old, new = self.old.Root.get("/AcroForm", Dictionary()), self.new.Root.get("/AcroForm", Dictionary())
        if _entries(old, {"/Fields", "/SigFlags"}) != _entries(new, {"/Fields", "/SigFlags"}):
            return ["the form"]
        if not self._only_stamps_added(old.get("/Fields", Array()), new.get("/Fields", Array())):
            return ["the form's fields"]
        return []

    def _store_changes(self) -> list[str]:
        """Proof may be added; none may be taken away, or a later reader could miss a revocation."""
        old, new = self.old.Root.get("/DSS", Dictionary()), self.new.Root.get("/DSS", Dictionary())
        if set(new.keys()) - {"/Type", "/VRI", *_STORE_LISTS}:
            return ["the security store"]
        for key in _STORE_LISTS:
            if not {each.objgen for each in old.get(key, Array())} <= {each.objgen for each in new.get(key, Array())}:
                return ["the security store"]
        before, after = _entries(old.get("/VRI", Dictionary()), set()), _entries(new.get("/VRI", Dictionary()), set())
        return [] if before.items() <= after.items() else ["the security store"]

    def _note_changes(self) -> list[str]:
        """The title, the author and what else the file says of itself stay; a writer may note that it wrote."""
        found = []
        if _entries(self.old.docinfo, _WRITER_NOTES) != _entries(self.new.docinfo, _WRITER_NOTES):
            found.append("the document information")
        old, new = self.old.Root.get("/Metadata"), self.new.Root.get("/Metadata")
        if not self._is_same(old, new) and ((old is None) != (new is None) or _told(old) != _told(new)):
            found.append("the metadata")
        return found

    def _is_same(self, old: Any, new: Any) -> bool:
        """Whether both are none, or the one object that nobody wrote anew, referring to what it referred to."""
        if old is None or new is None:
            return old is new
        same = old.objgen == new.objgen and old.objgen in self.untouched
        return same and _flat(old, read=False) == _flat(new, read=False)


def _told(metadata: Any) -> list[tuple[str, str]]:
    """What an XMP stream tells, as sorted (name, text): RDF lets a writer put one thing as an element or attribute."""
    root = etree.fromstring(bytes(metadata.read_bytes()), etree.XMLParser(resolve_entities=False, no_network=True))
    found = []
    for each in root.iter(etree.Element):
        found.append((str(each.tag), "".join(each.xpath("text()")) + each.get(f"{_RDF}resource", "")))
        found += [(str(name), str(text)) for name, text in each.items() if not name.startswith((_RDF, _TOOLKIT))]
    return sorted((name, text.strip()) for name, text in found if text.strip() and name not in _WRITER_NOTES_XMP)


def _is_filled(old: Any, now: Any) -> bool:
    """Whether nothing happened but that a field kept for a signature of some kind got one of that kind, good or not.

    A counter-signature brings its picture. That stays inside the rectangle which the first signature fixed: a viewer
    maps the drawing's BBox there and cuts off what lies outside (ISO 32000-2 12.5.5).
    """
    if not (isinstance(old, Dictionary) and isinstance(now, Dictionary)):
        return False
    kind = kept_for(old)
    if kind is None or now.get("/V", Dictionary()).get("/SubFilter") != kind:
        return False
    if kind != PADES_SUBFILTER:
        return _entries(old, set()) == _entries(now, {"/V"})
    pictures = now.get("/AP", Dictionary())
    return _entries(old, {"/AP"}) == _entries(now, {"/V", "/AP"}) and set(pictures.keys()) == {"/N"}


def keeps_field(pdf: bytes) -> bool:
    """Whether the file has an empty field kept for a signature of some kind, which is then all that may be added."""
    try:
        with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False, suppress_warnings=True) as opened:
            return any(kept_for(field) is not None for field in _fields(opened))
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _fields(pdf: pikepdf.Pdf) -> list[Any]:
    return list(pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()))


def _is_timestamp(field: Any) -> bool:
    """A signature field that holds a document time stamp, shows nothing and does nothing."""
    value = field.get("/V", Dictionary())
    if set(field.keys()) - _STAMP_FIELD or set(value.keys()) - _STAMP:
        return False
    box = [float(each) for each in field.get("/Rect", [0, 0, 0, 0])]
    return bool(
        field.get("/FT") == Name.Sig
        and value.get("/SubFilter") == Name("/ETSI.RFC3161")
        and (box[0] == box[2] or box[1] == box[3])
    )


def _places(pdf: pikepdf.Pdf) -> dict[tuple[int, int], int | None]:
    """Where in the file each object stands that the cross-reference table places by an offset (type 1)."""
    return {number: entry.offset for number, entry in pdf.get_xref_table().items() if entry.type == 1}


def _flat(obj: Any, read: bool) -> bytes:
    """An object as bytes that are equal if and only if the object is; the data of a stream only if it is to be `read`.

    A reference to an object that is missing is null here.
    """
    if isinstance(obj, pikepdf.Stream):
        return bytes(obj.stream_dict.unparse()) + b"\x00" + (bytes(obj.read_raw_bytes()) if read else b"")
    return bytes(obj.unparse(resolved=True))


def _entries(dictionary: Any, without: set[str]) -> dict[str, bytes]:
    return {
        key: bytes(value.unparse()) if isinstance(value, pikepdf.Object) else repr(value).encode()
        for key, value in dictionary.items()
        if key not in without
    }
