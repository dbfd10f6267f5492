"""The list of all instruments as a page of the documentation, and the first pages of all on one picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from templates import fonts
from templates.catalogue import Instrument, catalogue
from templates.check import sample_authority
from templates.manifests import Manifest, manifests
from templates.pictures import pictures
from templates.printing import Imprint, print_document

SHEET: Final = "images/instruments.png"
LISTED: Final = "instruments"
"""The text chunk of the picture that names the instruments on it."""

_COLUMNS, _WIDTH, _GAP, _LABEL = 8, 166, 14, 34
_GREYS: Final = (0, 48, 90, 128, 160, 188, 212, 232, 244, 255)
_REDS: Final = ((215, 0, 15), (228, 96, 104), (238, 160, 165), (248, 212, 214))
_HEAD: Final = """# Instruments

Every instrument that can be printed, with the rules that ask for it. The identifier is what a job names; the titles are
those on the page. `004` is the penalty procedure, `000` the confirmation letter.

`songda templates list --markdown` writes this page, `songda templates sheet` the picture.

![The first page of every instrument, printed from its sample](images/instruments.png)

"""
_TABLE: Final = """| Instrument | Identifier | Rules | Printed by | Number | Seal | Served | Copies |
|---|---|---|---|---|---|---|---|
"""


def markdown() -> str:
    """The page docs/instruments.md."""
    listed = manifests().values()
    served = [each for each in listed if each.print and each.print.delivered]
    inside = [each for each in listed if each.print and not each.print.delivered]
    parts = [_HEAD]
    for title, group in (("Served on a party or sent to another body", served), ("For the file", inside)):
        parts += [f"## {title}\n\n{len(group)} instruments.\n\n{_TABLE}", *map(_row, group), "\n"]
    return "".join(parts).rstrip("\n") + "\n"


def _row(manifest: Manifest) -> str:
    printing = catalogue().get(manifest.id).print
    served = ", ".join([*(["inbox"] if manifest.electronic else []), *manifest.methods]).replace("_", " ") or "–"
    cells = (
        f"{manifest.title_zh}<br>{manifest.title_en}",
        f"`{manifest.id}`",
        ", ".join(manifest.articles),
        ", ".join(catalogue().get(manifest.id).engines),
        "yes" if printing.numbered else "–",
        "yes" if printing.sealed else "–",
        f"{served}{'; always on paper too' if manifest.important else ''}" if printing.delivered else "–",
        str(printing.copies),
    )
    return f"| {' | '.join(cells)} |\n"


def contact_sheet() -> bytes:
    """A PNG file with the first page of every sample, marked as a specimen, under each its title and identifier.

    Raises what printing raises.
    """
    listed = [catalogue().get(identifier) for identifier in catalogue().ids()]
    height = round(_WIDTH * 297 / 210)
    rows = -(-len(listed) // _COLUMNS)
    cell = (_WIDTH + _GAP, height + _LABEL + _GAP)
    sheet = Image.new("RGB", (_COLUMNS * cell[0] + _GAP, rows * cell[1] + _GAP), (232, 232, 232))
    draw = ImageDraw.Draw(sheet)
    faces = [ImageFont.truetype(str(fonts.font_path(role)), size) for role, size in (("heading", 11), ("latin", 11))]
    for place, instrument in enumerate(listed):
        left, top = _GAP + place % _COLUMNS * cell[0], _GAP + place // _COLUMNS * cell[1]
        sheet.paste(_first_page(instrument, (_WIDTH, height)), (left, top))
        for line, text in enumerate((instrument.manifest.title_zh, instrument.id)):
            draw.text((left, top + height + 3 + 15 * line), _fitted(draw, text, faces[line]), (0, 0, 0), faces[line])
    return _packed(sheet, listed)


def _first_page(instrument: Instrument, size: tuple[int, int]) -> Image.Image:
    facts, authority = instrument.sample_facts(), sample_authority(instrument.sample()["authority"])
    imprint = Imprint(authority, None, None, test=False, specimen=True)
    printed = print_document(instrument, facts, imprint)
    first = pictures(instrument, facts, imprint, printed, dots_per_inch=72)[0]
    with Image.open(io.BytesIO(first)) as page:
        return page.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _fitted(draw: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont) -> str:
    while draw.textlength(text, face) > _WIDTH:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def _packed(sheet: Image.Image, listed: Sequence[Instrument]) -> bytes:
    told = PngInfo()
    told.add_text(LISTED, " ".join(each.id for each in listed))
    packed = io.BytesIO()
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in (*((grey,) * 3 for grey in _GREYS), *_REDS) for part in colour])
    sheet.quantize(palette=palette, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True, pnginfo=told)
    return packed.getvalue()
