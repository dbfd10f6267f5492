"""Binding: cover, contents and papers become one PDF file, every page numbered, with bookmarks and signed originals.

Papers lie in files, not in memory, and are read page by page when the volume is written. What is bound shows what each
paper looks like: a signature cannot survive that, so signed originals ride along as attachments, byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from delivery.volumes import Bound, Cover, Paper, arrange, front_html
from records.errors import Permanent
from templates.copies import flat
from templates.stock import present_stock
from templates.typesetters import typst
from templates.typesetters.html import print_html

_STYLE: Final = Path(__file__).with_name("volume.css")
_A4: Final = (595.276, 841.89)
_MARGIN: Final = 42.5  # 15 mm around a paper that is not ours
_MARK: Final = (170.08, 19.84)  # the size of a page number: 60 mm by 7 mm, as page_mark.typ has it
_DPI: Final = 72.0


@dataclass(frozen=True)
class Volume:
    """A bound volume. `archival`: it claims PDF/A-3b, because every part of it allows that."""

    pdf: bytes
    pages: int
    archival: bool


def bind(cover: Cover, papers: Sequence[Paper], file_of: Callable[[str], Path], title: str) -> Volume:
    """Bind the papers in the order of 004-92. `file_of` names the file that holds the bytes of a digest.

    Raises Permanent, naming the paper, when one of them cannot be read.
    """
    with ExitStack() as open_files, pikepdf.new() as volume:
        bound, archival = _lay(volume, papers, file_of, open_files)
        front = _front(cover, bound, archival=archival)
        with pikepdf.open(io.BytesIO(front)) as pages:
            _strip(pages)
            count = len(pages.pages)
            for place, page in enumerate(pages.pages):
                volume.pages.insert(place, page)
            volume.Root.OutputIntents = volume.copy_foreign(pages.make_indirect(pages.Root.OutputIntents))
            _number(volume, count)
            _bookmarks(volume, bound, count)
            _attach(volume, bound, file_of)
            _describe(volume, title, archival=archival)
            return Volume(_saved(volume), len(volume.pages), archival)


def _lay(
    volume: pikepdf.Pdf, papers: Sequence[Paper], file_of: Callable[[str], Path], open_files: ExitStack
) -> tuple[list[Bound], bool]:
    """Put the pages of all papers in order; returns where each stands, and whether all of them are archival."""
    bound: list[Bound] = []
    archival = True
    for _, inside in arrange(papers):
        for paper in inside:
            first = len(volume.pages) + 1
            try:
                archival &= _lay_paper(volume, paper, file_of(paper.digest), open_files)
            except (pikepdf.PdfError, OSError, Image.DecompressionBombError) as error:
                raise Permanent(f"{paper.title[0]} ({paper.digest}) cannot be bound: {error}") from error
            bound.append(Bound(paper, first, len(volume.pages)))
    return bound, archival


def _lay_paper(volume: pikepdf.Pdf, paper: Paper, file: Path, open_files: ExitStack) -> bool:
    if paper.media_type != "application/pdf":
        _lay_image(volume, file)
        return True
    document = open_files.enter_context(flat(file))
    archival = _claims_archival(document)
    for page in document.pages:
        if _is_a4(page):
            volume.pages.append(page)
        else:
            _lay_on_a4(volume, page)
    return archival


def _is_a4(page: pikepdf.Page) -> bool:
    left, bottom, right, top = (float(each) for each in page.mediabox)
    upright = abs(right - left - _A4[0]) < 3 and abs(top - bottom - _A4[1]) < 3
    return upright and (left, bottom) == (0, 0) and not int(page.obj.get("/Rotate", 0))


def _lay_on_a4(volume: pikepdf.Pdf, page: pikepdf.Page) -> None:
    """A page of another size, turned or not, stands inside the margins of an A4 page: its number needs a place."""
    left, bottom, right, top = (float(each) for each in page.trimbox)
    wide = (right - left > top - bottom) != bool(int(page.obj.get("/Rotate", 0)) % 180)
    width, height = reversed(_A4) if wide else _A4
    volume.add_blank_page(page_size=(width, height))
    box = pikepdf.Rectangle(_MARGIN, _MARGIN, width - _MARGIN, height - _MARGIN)
    volume.pages[-1].add_overlay(page, box)


def _lay_image(volume: pikepdf.Pdf, file: Path) -> None:
    """A picture on an A4 page. A JPEG in grey or RGB stays as it is; all else becomes RGB without transparency."""
    with Image.open(file, formats=["JPEG", "PNG"]) as image:
        width, height = image.size
        if image.format == "JPEG" and image.mode in ("L", "RGB"):
            data, filter_, mode = file.read_bytes(), Name.DCTDecode, image.mode
        else:
            white = Image.new("RGB", image.size, "white")
            opaque = image.convert("RGBA")
            white.paste(opaque, mask=opaque.getchannel("A"))
            buffer = io.BytesIO()
            white.save(buffer, "JPEG", quality=92)
            data, filter_, mode = buffer.getvalue(), Name.DCTDecode, "RGB"
    page_width, page_height = reversed(_A4) if width > height else _A4
    scale = min((page_width - 2 * _MARGIN) / width, (page_height - 2 * _MARGIN) / height, _DPI / 96)
    drawn = (width * scale, height * scale)
    left, bottom = (page_width - drawn[0]) / 2, page_height - _MARGIN - drawn[1]
    picture = volume.make_stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        BitsPerComponent=8,
        ColorSpace=Name.DeviceGray if mode == "L" else Name.DeviceRGB,
        Filter=filter_,
    )
    volume.add_blank_page(page_size=(page_width, page_height))
    page = volume.pages[-1]
    page.obj.Resources = Dictionary(XObject=Dictionary(Picture=picture))
    placed = f"q {drawn[0]:.3f} 0 0 {drawn[1]:.3f} {left:.3f} {bottom:.3f} cm /Picture Do Q"
    page.obj.Contents = volume.make_stream(placed.encode())


def _front(cover: Cover, bound: Sequence[Bound], *, archival: bool) -> bytes:
    style = present_stock().style + _STYLE.read_text(encoding="utf-8")
    return print_html(front_html(replace(cover, archival=archival), bound), cover.case_no, "zh", style)


def _strip(pages: pikepdf.Pdf) -> None:
    """Tags lead into a structure that does not come along."""
    for page in pages.pages:
        for name in ("/StructParents", "/Tabs"):
            if name in page:
                del page[name]


def _number(volume: pikepdf.Pdf, front: int) -> None:
    """A number on every page: small Roman ones for cover and contents, Arabic ones for the papers (004-93)."""
    papers = len(volume.pages) - front
    marks = [_roman(place + 1) for place in range(front)]
    marks += [f"第{place + 1}页 共{papers}页 p. {place + 1}/{papers}" for place in range(papers)]
    with pikepdf.open(io.BytesIO(typst.overlays(typst.PAGE_MARK, marks))) as numbers:
        _strip(numbers)
        for page, mark in zip(volume.pages, numbers.pages, strict=True):
            _, _, right, top = (float(each) for each in page.mediabox)
            corner = (right - _MARK[0] - 14, top - _MARK[1] - 10, right - 14, top - 10)
            page.add_overlay(volume.copy_foreign(mark.as_form_xobject()), pikepdf.Rectangle(*corner))
    labels = Array([0, Dictionary(S=Name.r), front, Dictionary(S=Name.D)])
    volume.Root.PageLabels = volume.make_indirect(Dictionary(Nums=labels))


def _roman(number: int) -> str:
    parts = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
    text = ""
    for value, letters in parts:
        while number >= value:
            text, number = text + letters, number - value
    return text


def _bookmarks(volume: pikepdf.Pdf, bound: Sequence[Bound], front: int) -> None:
    with volume.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("封面 Cover", 0))
        if front > 1:
            outline.root.append(pikepdf.OutlineItem("卷内目录 Contents", 1))
        for part, _ in arrange([each.paper for each in bound]):
            inside = [each for each in bound if each.paper.part == part.number]
            item = pikepdf.OutlineItem(f"（{part.number}）{part.title[0]} {part.title[1]}", front + inside[0].first - 1)
            for each in inside:
                name = " ".join(filter(None, (each.paper.title[0], each.paper.number)))
                item.children.append(pikepdf.OutlineItem(name, front + each.first - 1))
            outline.root.append(item)


def _attach(volume: pikepdf.Pdf, bound: Sequence[Bound], file_of: Callable[[str], Path]) -> None:
    """The signed originals, byte for byte (ISO 19005-3, 6.8: each with its relation to the file)."""
    related = Array()
    for each in bound:
        paper = each.paper
        if not paper.original:
            continue
        attached = pikepdf.AttachedFileSpec(
            volume,
            file_of(paper.digest).read_bytes(),
            description=f"{paper.title[0]} {paper.number}".strip(),
            filename=paper.original,
            mime_type=paper.media_type,
            creation_date="D:20000101000000Z",
            mod_date=f"D:{paper.day:%Y%m%d}000000Z",
        )
        attached.relationship = Name.Source
        volume.attachments[paper.original] = attached
        related.append(attached.obj)
    if len(related):
        volume.Root.AF = related


def _describe(volume: pikepdf.Pdf, title: str, *, archival: bool) -> None:
    volume.Root.Lang = "zh-CN"
    volume.Root.MarkInfo = Dictionary(Marked=False)
    volume.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    with volume.open_metadata(set_pikepdf_as_editor=False) as metadata:
        metadata["dc:title"] = title
        if archival:
            metadata["pdfaid:part"] = "3"
            metadata["pdfaid:conformance"] = "B"


def _claims_archival(document: pikepdf.Pdf) -> bool:
    """Whether the paper says that it is a PDF/A: all that is printed here is, and some scanners' files are."""
    with document.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        return str(metadata.get("pdfaid:part", "")) in ("1", "2", "3")


def _saved(volume: pikepdf.Pdf) -> bytes:
    buffer = io.BytesIO()
    volume.save(buffer, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return buffer.getvalue()
