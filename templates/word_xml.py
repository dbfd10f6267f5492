"""WordprocessingML (ECMA-376) as far as Word templates need it: paragraphs, tables, lists. Lengths in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

_MAIN: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SECTION: Final = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId4"/><w:headerReference w:type="even" r:id="rId5"/>'
    '<w:footerReference w:type="default" r:id="rId6"/><w:footerReference w:type="even" r:id="rId7"/>'
    '<w:pgSz w:w="11906" w:h="16838"/>'  # A4
    '<w:pgMar w:top="2098" w:right="1474" w:bottom="1984" w:left="1587" w:header="850" w:footer="1247" w:gutter="0"/>'
    "</w:sectPr>"
)


def twips(millimetres: float) -> int:
    """Twentieths of a point."""
    return round(millimetres / 25.4 * 1440)


def paragraph(
    style: str,
    text: str | tuple[str, str],
    *,
    twin_style: str = "",
    number: int = 0,
    keep_next: bool = False,
    new_page: bool = False,
    bookmark: str = "",
    before_mm: float = 0,
    after_mm: float = 0,
) -> str:
    """A paragraph. A pair of texts stands on two lines, the second in the character style `twin_style`."""
    properties = f'<w:pStyle w:val="{style}"/>' + ("<w:keepNext/>" if keep_next else "")
    properties += "<w:pageBreakBefore/>" if new_page else ""
    if number:
        properties += f'<w:numPr><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'
    spacing = f' w:before="{twips(before_mm)}"' if before_mm else ""
    spacing += f' w:after="{twips(after_mm)}"' if after_mm else ""
    properties += f"<w:spacing{spacing}/>" if spacing else ""
    runs = _runs(text, twin_style)
    if bookmark:
        runs += f'<w:bookmarkStart w:id="1" w:name="{bookmark}"/><w:bookmarkEnd w:id="1"/>'
    return f"<w:p><w:pPr>{properties}</w:pPr>{runs}</w:p>\n"


def _runs(text: str | tuple[str, str], twin_style: str) -> str:
    if isinstance(text, str):
        return _run(text)
    styled = f'<w:rPr><w:rStyle w:val="{twin_style}"/></w:rPr>'
    return f"{_run(text[0])}<w:r><w:br/></w:r>{_run(text[1], styled)}"


def _run(text: str, properties: str = "") -> str:
    return f'<w:r>{properties}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>' if text else ""


def cells(
    widths_mm: Sequence[float],
    contents: Sequence[str],
    *,
    spans: Sequence[int] = (),
    boxed: bool = False,
    to_sign: bool = False,
) -> str:
    """The cells of a row, over one column each or over `spans` of them.

    In a table without rules, `boxed` gives each a border, and `to_sign` the last one a line to sign on.
    """
    made = []
    for position, (width, content) in enumerate(zip(widths_mm, contents, strict=True)):
        signed = to_sign and position == len(contents) - 1
        drawn = ("top", "left", "bottom", "right") if boxed else ("bottom",) if signed else ()
        borders = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>' for side in drawn)
        properties = f'<w:tcW w:w="{twips(width)}" w:type="dxa"/>'
        properties += f'<w:gridSpan w:val="{spans[position]}"/>' if spans and spans[position] > 1 else ""
        properties += f"<w:tcBorders>{borders}</w:tcBorders>" if borders else ""
        made.append(f'<w:tc><w:tcPr>{properties}<w:vAlign w:val="center"/></w:tcPr>{content}</w:tc>')
    return "".join(made)


def row(made: str, *, header: bool = False, height_mm: float = 0) -> str:
    """A row that does not break over pages; a header row is repeated."""
    height = f'<w:trHeight w:val="{twips(height_mm)}" w:hRule="atLeast"/>' if height_mm else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{height}{'<w:tblHeader/>' if header else ''}</w:trPr>{made}</w:tr>\n"


def table(
    widths_mm: Sequence[float], rows: str, *, head: str, caption: tuple[str, str] = ("", ""), ruled: bool = True
) -> str:
    """A table whose first `row` or `column` is its head; the caption is read aloud."""
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    borders = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="000000"/>' for side in sides)
    properties = f'<w:tblW w:w="{twips(sum(widths_mm))}" w:type="dxa"/>'
    properties += f"<w:tblBorders>{borders}</w:tblBorders>" if ruled else ""
    properties += '<w:tblLayout w:type="fixed"/>'
    look = f'w:firstRow="{int(head == "row")}" w:lastRow="0" w:firstColumn="{int(head == "column")}" w:lastColumn="0"'
    properties += f'<w:tblLook {look} w:noHBand="1" w:noVBand="1"/>'
    if caption[0]:
        properties += f'<w:tblCaption w:val="{_attribute(" ".join(caption))}"/>'
    grid = "".join(f'<w:gridCol w:w="{twips(width)}"/>' for width in widths_mm)
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>\n{rows}</w:tbl>\n"


def _attribute(text: str) -> str:
    return escape(text, {'"': "&quot;"})


def document(content: str) -> str:
    """The main part, on the page of GB/T 9704-2012."""
    spaces = f'xmlns:w="{_MAIN}" xmlns:r="{_RELATIONS}"'
    return f"{_HEAD}<w:document {spaces}><w:body>\n{content}{_SECTION}</w:body></w:document>\n"


def numbering(lists: int) -> str:
    """Numbers for so many lists, each beginning at one: （一） in Chinese, and (1) in English."""
    level = (
        '<w:abstractNum w:abstractNumId="{0}"><w:multiLevelType w:val="singleLevel"/><w:lvl w:ilvl="0">'
        '<w:start w:val="1"/><w:numFmt w:val="{1}"/><w:suff w:val="{2}"/><w:lvlText w:val="{3}"/>'
        '<w:lvlJc w:val="left"/><w:pPr><w:ind w:left="0" w:firstLine="630"/></w:pPr></w:lvl></w:abstractNum>\n'
    )
    made = level.format(0, "chineseCountingThousand", "nothing", "（%1）") + level.format(1, "decimal", "space", "(%1)")
    restart = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    for number in range(1, 2 * lists + 1):
        kind = (number - 1) % 2
        made += f'<w:num w:numId="{number}"><w:abstractNumId w:val="{kind}"/>{restart}</w:num>\n'
    return f'{_HEAD}<w:numbering xmlns:w="{_MAIN}">\n{made}</w:numbering>\n'


def properties(title: str, creator: str, instrument: str, keywords: Sequence[str] = ()) -> str:
    """What the file says about itself; its subject is the identifier of the instrument."""
    core = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{core}" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(title)}</dc:title><dc:subject>{escape(instrument)}</dc:subject>"
        f"<dc:creator>{escape(creator)}</dc:creator><cp:keywords>{escape(', '.join(keywords))}</cp:keywords>"
        "<dc:language>zh-CN</dc:language></cp:coreProperties>\n"
    )
