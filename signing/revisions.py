"""What was added to a PDF after a signed revision, object by object, by qpdf: no pyHanko here.

Allowed later are a document security store and document time stamps (ISO 32000-2 12.8.2.2.2), and the note of a writer
about itself: they keep a signature provable and change nothing that anybody reads on a page.
"""

from __future__ import annotations

import io
import re
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from records.errors import Fault

_CATALOG_MAY_CHANGE = {"/DSS", "/Extensions", "/AcroForm"}


_END = re.compile(rb"startxref\s+(\d{1,15})\s+%%EOF(?:\r\n|\n|\r)?\Z")


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
    """What the bytes after the first `signed` ones change beyond the allowed; an empty list if nothing."""
    try:
        with (
            pikepdf.open(io.BytesIO(pdf[:signed]), attempt_recovery=False, suppress_warnings=True) as old,
            pikepdf.open(io.BytesIO(pdf), attempt_recovery=False, suppress_warnings=True) as new,
        ):
            changed = _Comparison(old, new).forbidden()
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError) as error:
        return [Fault("", "changed_later", f"what was added after signing cannot be read: {error}")]
    return [Fault("", "changed_later", f"changed after signing: {what}", f"签章后被改动：{what}") for what in changed]


class _Comparison:
    def __init__(self, old: pikepdf.Pdf, new: pikepdf.Pdf) -> None:
        self.old, self.new = old, new
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
            if _flat(obj) != _flat(now) and not self._is_page_with_stamps(obj, now):
                found.append(f"object {obj.objgen[0]}")
        return found + self._catalog_changes() + self._form_changes()

    def _allowed_objects(self) -> set[tuple[int, int]]:
        """Objects that are compared by their meaning, not by their bytes."""
        root = self.old.Root
        form, store = root.get("/AcroForm", Dictionary()), root.get("/DSS", Dictionary())
        proof = [store.get(key) for key in ("/Certs", "/OCSPs", "/CRLs", "/VRI")]
        # writers note their own name and the date of the change in these two, which no page shows
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
        same = _entries(self.old.Root, _CATALOG_MAY_CHANGE) == _entries(self.new.Root, _CATALOG_MAY_CHANGE)
        return [] if same else ["the catalog"]

    def _form_changes(self) -> list[str]:
        old, new = self.old.Root.get("/AcroForm", Dictionary()), self.new.Root.get("/AcroForm", Dictionary())
        if _entries(old, {"/Fields", "/SigFlags"}) != _entries(new, {"/Fields", "/SigFlags"}):
            return ["the form"]
        if not self._only_stamps_added(old.get("/Fields", Array()), new.get("/Fields", Array())):
            return ["the form's fields"]
        return []


def _fields(pdf: pikepdf.Pdf) -> list[Any]:
    return list(pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()))


def _is_timestamp(field: Any) -> bool:
    """A signature field that holds a document time stamp and shows nothing."""
    value = field.get("/V", Dictionary())
    box = [float(each) for each in field.get("/Rect", [0, 0, 0, 0])]
    return bool(
        field.get("/FT") == Name.Sig
        and value.get("/SubFilter") == Name("/ETSI.RFC3161")
        and (box[0] == box[2] or box[1] == box[3])
    )


def _flat(obj: Any) -> bytes:
    """An object as bytes that are equal if and only if the object is."""
    if isinstance(obj, pikepdf.Stream):
        return bytes(obj.stream_dict.unparse()) + b"\x00" + bytes(obj.read_raw_bytes())
    return bytes(obj.unparse(resolved=True))


def _entries(dictionary: Any, without: set[str]) -> dict[str, bytes]:
    return {
        key: bytes(value.unparse()) if isinstance(value, pikepdf.Object) else repr(value).encode()
        for key, value in dictionary.items()
        if key not in without
    }
