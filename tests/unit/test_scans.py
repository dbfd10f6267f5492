"""Scans are judged by their bytes: whole, bounded, and without anything that acts."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest
from PIL import Image

from delivery import scans
from delivery.scans import check_scan
from records.errors import Refused


def pdf(change: Callable[[pikepdf.Pdf], None] | None = None, **save: object) -> bytes:
    document = pikepdf.new()
    document.add_blank_page(page_size=(595, 842))
    if change is not None:
        change(document)
    target = io.BytesIO()
    document.save(target, **save)  # type: ignore[arg-type]
    return target.getvalue()


def image(kind: str, size: tuple[int, int] = (60, 40)) -> bytes:
    target = io.BytesIO()
    Image.effect_noise(size, 50).save(target, kind)
    return target.getvalue()


def code(content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        check_scan(content)
    (fault,) = refused.value.faults
    assert fault.pointer == "/scan"
    assert fault.message_zh
    return fault.code


@pytest.mark.parametrize(
    ("content", "media_type", "suffix"),
    [
        (pdf(), "application/pdf", ".pdf"),
        (image("JPEG"), "image/jpeg", ".jpg"),
        (image("PNG"), "image/png", ".png"),
        (image("PNG") + b"\0\0", "image/png", ".png"),
    ],
)
def test_a_whole_scan_is_taken(content: bytes, media_type: str, suffix: str) -> None:
    found = check_scan(content)
    assert (found.media_type, found.suffix, found.pages) == (media_type, suffix, 1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00", "unknown_kind"),
        (b"<html>", "unknown_kind"),
        (b"GIF89a", "unknown_kind"),
        (b"\n%PDF-1.7 after something else", "unknown_kind"),
        (b"%PDF-1.7 and nothing more", "damaged"),
        (pdf()[:200], "damaged"),
        (image("JPEG")[:-200], "damaged"),
        (image("PNG")[:-200], "damaged"),
        (image("PNG") + b"PK\x03\x04 a zip file behind it", "damaged"),
        (image("PNG").replace(b"IDAT", b"IDAX", 1), "damaged"),
        (b"\xff\xd8\xff\xe0 not an image \xff\xd9", "damaged"),
    ],
)
def test_what_is_no_scan_or_not_whole_is_refused(content: bytes, expected: str) -> None:
    assert code(content) == expected


def test_an_encrypted_pdf_is_refused_also_with_an_empty_password() -> None:
    for password in ("", "secret"):
        assert code(pdf(encryption=pikepdf.Encryption(owner="owner", user=password))) == "encrypted"


def _javascript(document: pikepdf.Pdf) -> None:
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def _launch(document: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe")
    annotation = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    document.pages[0].Annots = pikepdf.Array([document.make_indirect(annotation)])


def _page_action(document: pikepdf.Pdf) -> None:
    document.pages[0].AA = pikepdf.Dictionary(O=pikepdf.Dictionary(S=pikepdf.Name.GoTo))


def _attachment(document: pikepdf.Pdf) -> None:
    document.attachments["evil.exe"] = b"MZ"


def _link(document: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://evil.example")
    annotation = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    document.pages[0].Annots = pikepdf.Array([annotation])


def _media(document: pikepdf.Pdf) -> None:
    annotation = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name("/RichMedia"), Rect=[0, 0, 9, 9])
    document.pages[0].Annots = pikepdf.Array([annotation])


@pytest.mark.parametrize("change", [_javascript, _launch, _page_action, _attachment, _link, _media])
def test_active_content_is_refused(change: Callable[[pikepdf.Pdf], None]) -> None:
    assert code(pdf(change)) == "active_content"
    packed = pdf(change, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert code(packed) == "active_content", "also inside compressed object streams"


def test_a_destination_to_open_at_is_not_active() -> None:
    def change(document: pikepdf.Pdf) -> None:
        document.Root.OpenAction = pikepdf.Array([document.pages[0].obj, pikepdf.Name.Fit])

    assert check_scan(pdf(change)).pages == 1


def test_bounds_on_bytes_pages_objects_and_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "MAX_PIXELS", 60 * 40 - 1)
    assert code(image("JPEG")) == "too_large"
    monkeypatch.setattr(scans, "MAX_PAGES", 0)
    assert code(pdf()) == "pages"
    monkeypatch.setattr(scans, "MAX_OBJECTS", 1)
    assert code(pdf()) == "too_complex"
    monkeypatch.setattr(scans, "MAX_BYTES", 100)
    assert code(pdf()) == "too_large"


def test_a_decompression_bomb_is_refused_before_it_is_unpacked() -> None:
    target = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(target, "PNG")
    assert code(target.getvalue()) in {"damaged", "too_large"}
