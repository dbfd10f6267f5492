"""What an attacker adds to a sealed file: each function changes an opened PDF and gives the objects it changed.

The first of a pair with a docstring "before sealing" prepares a file for a shadow attack, the other carries it out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from signing.increments import append_revision

VOID = b"q 1 0 0 RG 5 w 50 50 m 500 700 l S Q"


def grown(pdf: bytes, change: Callable[[pikepdf.Pdf], list[Any]]) -> bytes:
    """`pdf` with a further revision: the objects that `change` gives, as it left them."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return append_revision(pdf, opened, change(opened))


def rewritten(pdf: bytes, change: Callable[[pikepdf.Pdf], Any], **options: Any) -> bytes:
    """`pdf` changed and saved as a whole."""
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        change(opened)
        opened.save(buffer, **options)
    return buffer.getvalue()


def add_text(pdf: pikepdf.Pdf) -> list[Any]:
    page = pdf.pages[0]
    page.contents_add(VOID)
    contents = page.obj.Contents
    return [page.obj, *([contents] if contents.is_indirect else []), *contents]


def add_annotation(**entries: Any) -> Callable[[pikepdf.Pdf], list[Any]]:
    def change(pdf: pikepdf.Pdf) -> list[Any]:
        page = pdf.pages[0].obj
        note = pdf.make_indirect(Dictionary(Type=Name.Annot, Rect=Array([50, 50, 200, 90]), F=4, **entries))
        page.Annots = Array([*page.get("/Annots", Array()), note])
        return [page, note]

    return change


def add_form_field(pdf: pikepdf.Pdf) -> list[Any]:
    page = pdf.pages[0].obj
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T="fine", V="壹元", Rect=Array([50, 50, 200, 90]), F=4
        )
    )
    page.Annots = Array([*page.get("/Annots", Array()), field])
    pdf.Root.AcroForm.Fields.append(field)
    return [page, field, pdf.Root.AcroForm]


def add_page(pdf: pikepdf.Pdf) -> list[Any]:
    content = pdf.make_indirect(Stream(pdf, VOID))
    tree = pdf.Root.Pages
    page = pdf.make_indirect(
        Dictionary(Type=Name.Page, Parent=tree, MediaBox=Array([0, 0, 595, 842]), Contents=content, Resources={})
    )
    tree.Kids.append(page)
    tree.Count = int(tree.Count) + 1
    return [content, page, tree]


def page_away(pdf: pikepdf.Pdf) -> list[Any]:
    tree = pdf.Root.Pages
    tree.Kids = Array([tree.Kids[1]])
    tree.Count = 1
    return [tree]


def pages_swapped(pdf: pikepdf.Pdf) -> list[Any]:
    tree = pdf.Root.Pages
    tree.Kids = Array([tree.Kids[1], tree.Kids[0]])
    return [tree]


def script(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert('作废')")
    return [pdf.Root]


def named_script(pdf: pikepdf.Pdf) -> list[Any]:
    action = Dictionary(S=Name.JavaScript, JS="app.alert('作废')")
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("a"), action])))
    return [pdf.Root]


def script_in(pdf: pikepdf.Pdf, name: str) -> list[Any]:
    field = widget(pdf, name)
    field.AA = Dictionary(PO=Dictionary(S=Name.JavaScript, JS="app.alert('作废')"))
    return [field]


def script_in_stamp(pdf: pikepdf.Pdf) -> list[Any]:
    """A field that looks like an archive time stamp and acts when the page is opened."""
    return script_in(pdf, "/Archive1")


def attachment(pdf: pikepdf.Pdf) -> list[Any]:
    data = pdf.make_indirect(Stream(pdf, b"another decision", Type=Name.EmbeddedFile))
    entry = Dictionary(Type=Name.Filespec, F="a.txt", UF="a.txt", EF=Dictionary(F=data))
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([String("a"), entry])))
    return [data, pdf.Root]


def widget(pdf: pikepdf.Pdf, name: str = "/Seal") -> Any:
    return next(field for field in pdf.Root.AcroForm.Fields if str(field.T) == name[1:])


def moved(pdf: pikepdf.Pdf, name: str) -> list[Any]:
    field = widget(pdf, name)
    field.Rect = Array([float(each) - 20 for each in field.Rect])
    return [field]


def seal_moved(pdf: pikepdf.Pdf) -> list[Any]:
    return moved(pdf, "/Seal")


def redrawn(pdf: pikepdf.Pdf, name: str) -> list[Any]:
    picture = widget(pdf, name).AP.N
    picture.write(VOID)
    return [picture]


def seal_redrawn(pdf: pikepdf.Pdf) -> list[Any]:
    return redrawn(pdf, "/Seal")


def field_emptied_of(name: str) -> Callable[[pikepdf.Pdf], list[Any]]:
    def change(pdf: pikepdf.Pdf) -> list[Any]:
        field = widget(pdf, name)
        del field["/V"]
        return [field]

    return change


def field_emptied(pdf: pikepdf.Pdf) -> list[Any]:
    return field_emptied_of("/Seal")(pdf)


def fields_away(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.Root.AcroForm.Fields = Array()
    return [pdf.Root.AcroForm]


def taken_out(pdf: pikepdf.Pdf) -> None:
    del widget(pdf).P.Annots
    del pdf.Root.AcroForm, pdf.Root.Perms


def stamp_away(pdf: pikepdf.Pdf) -> list[Any]:
    form = pdf.Root.AcroForm
    form.Fields = Array([form.Fields[0]])
    page = widget(pdf).P
    page.Annots = Array([each for each in page.Annots if str(each.get("/T", "")) != "Archive1"])
    return [form, page]


def title(pdf: pikepdf.Pdf) -> list[Any]:
    metadata = pdf.Root.Metadata
    metadata.write(metadata.read_bytes().replace("行政处罚决定书".encode(), "不予行政处罚决定书".encode()))
    return [metadata]


def information(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.trailer.Info.Title = String("不予行政处罚决定书")
    return [pdf.trailer.Info]


def store_away(pdf: pikepdf.Pdf) -> list[Any]:
    pdf.Root.DSS = Dictionary()
    return [pdf.Root]


def root_replaced(pdf: pikepdf.Pdf) -> list[Any]:
    root = pdf.make_indirect(Dictionary(pdf.Root))
    root.PageMode = Name.FullScreen
    pdf.trailer.Root = root
    return [root]


def font_replaced(pdf: pikepdf.Pdf) -> list[Any]:
    fonts = [each for each in pdf.objects if isinstance(each, Dictionary) and "/ToUnicode" in each]
    fonts[0].ToUnicode = pdf.make_indirect(Stream(pdf, b"/CMapName /x def"))
    return [fonts[0], fonts[0].ToUnicode]


def cover(pdf: pikepdf.Pdf) -> None:
    """Before sealing: the text of the attacker lies on the page, under a white picture."""
    page = pdf.pages[0]
    page.contents_add(VOID)
    white = pdf.make_indirect(
        Stream(pdf, b"1 g 0 0 595 842 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 595, 842]))
    )
    page.obj.Resources.XObject = Dictionary(ShadowCover=white)
    page.contents_add(b"q /ShadowCover Do Q")


def uncovered(pdf: pikepdf.Pdf) -> list[Any]:
    cover = pdf.pages[0].obj.Resources.XObject.ShadowCover
    cover.write(b"")
    return [cover]


def spare_form(pdf: pikepdf.Pdf) -> None:
    """Before sealing: a text field whose appearance shows one amount."""
    appearance = pdf.make_indirect(Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 150, 40])))
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T="amount",
            V="叁万元",
            Rect=Array([50, 50, 200, 90]),
            F=4,
            AP=Dictionary(N=appearance),
        )
    )
    pdf.pages[0].obj.Annots = Array([field])
    pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array([field])))


def field_filled(pdf: pikepdf.Pdf) -> list[Any]:
    field = widget(pdf, "/amount")
    field.V = String("叁元")
    field.AP.N.write(VOID)
    return [field, field.AP.N]


def spare_content(pdf: pikepdf.Pdf) -> None:
    """Before sealing: a second content lies in the file, reachable but not shown."""
    pdf.Root.PieceInfo = Dictionary(Spare=Dictionary(Private=pdf.make_indirect(Stream(pdf, VOID))))


def content_exchanged(pdf: pikepdf.Pdf) -> list[Any]:
    page = pdf.pages[0].obj
    page.Contents = pdf.Root.PieceInfo.Spare.Private
    return [page]


def with_dangling_reference(pdf: bytes) -> bytes:
    """Before sealing: the page draws a picture that is not there."""
    marked = rewritten(
        pdf,
        lambda opened: (
            opened.pages[0].contents_add(b"q /Later Do Q"),
            opened.pages[0].obj.Resources.__setitem__("/XObject", Dictionary(Later=String("LATER"))),
        ),
        object_stream_mode=pikepdf.ObjectStreamMode.disable,
    )
    return re.sub(rb"\(LATER\)", b"900 0 R", marked)
