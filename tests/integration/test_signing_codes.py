"""The verification code on sealed instruments: read back by another hand, in nobody's way, told to who can't see it."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pikepdf
import pytest
import zxingcpp
from pikepdf import Array, Dictionary, Name
from PIL import Image

from records.errors import Refused
from records.ids import new_id
from signing.codes import Code, add_code, draw_caption
from signing.fields import Placement
from signing.reader import read_seals
from signing.sealing import seal_pdf
from signing.seals import draw_seal
from signing.seams import Seam
from signing.verification import verify
from templates.accessibility import file_faults
from templates.catalogue import catalogue
from templates.printing import print_document
from tests.printed import imprint, printed_sample
from tests.signing_support import DESIGN, FONT, PLACEMENT, Bench, plain_pdf, running, tagged_pdf

SEALED = [each for each in catalogue().ids() if catalogue().get(each).print.sealed]
MARGIN_MM = (24.0, 5.0, 80.0, 31.0)  # left, low, right, high: the code with its quiet zone and its words


def code(document_id: str = "doc_01k9abcdefghjkmnpqrstvwxy", **changes: Any) -> Code:
    return Code("https://service.example.gov.cn/", document_id, draw_caption(FONT), **changes)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    picture = draw_seal(DESIGN, FONT)
    return seal_pdf(
        tagged_pdf(), bench.means(), placement=PLACEMENT, picture=picture, code=code(), seam=Seam()
    ).pdf  # fmt: skip


def _page(pdf: bytes, folder: Path, dpi: int = 150) -> Image.Image:
    (folder / "file.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-png", "-r", str(dpi), "-l", "1", "-singlefile", "file.pdf", "page"]
    subprocess.run(command, cwd=folder, check=True)
    with Image.open(folder / "page.png") as image:
        return image.convert("RGB")


def test_the_code_on_paper_holds_address_identifier_and_digest_and_nothing_else(sealed: bytes, tmp_path: Path) -> None:
    (read,) = zxingcpp.read_barcodes(_page(sealed, tmp_path))
    address = urlsplit(read.text)
    assert (address.scheme, address.netloc, address.path) == ("https", "service.example.gov.cn", "/verify")
    digest = hashlib.sha256(tagged_pdf()).hexdigest()[:16]
    assert parse_qs(address.query) == {"document": ["doc_01k9abcdefghjkmnpqrstvwxy"], "digest": [digest]}
    assert address.fragment == ""


def test_any_code_is_read_from_a_coarse_print(tmp_path: Path) -> None:
    """The mask is always the same one: it must do for whatever the code holds."""
    choose = random.Random(9704)
    for _ in range(12):
        host = "".join(choose.choices("abcdefghijklmnop-", k=choose.randint(3, 40))).strip("-")
        asked = Code(f"https://{host}.example", new_id("doc"), draw_caption(FONT))
        content = choose.randbytes(40)
        with pikepdf.open(io.BytesIO(plain_pdf())) as pdf:
            add_code(pdf, asked, content)
            buffer = io.BytesIO()
            pdf.save(buffer)
        (read,) = zxingcpp.read_barcodes(_page(buffer.getvalue(), tmp_path, dpi=120))
        assert read.text == asked.address(content)


def test_the_code_is_drawn_and_measures_what_is_asked(sealed: bytes, tmp_path: Path) -> None:
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        assert [each for each in pdf.pages[0].resources.XObject.values() if each.Subtype == Name.Image] == []
    dpi = 600
    page = _page(sealed, tmp_path, dpi)
    box = tuple(round(edge * dpi / 25.4) for edge in (24, 297 - 30, 47.5, 297 - 5))
    ink = page.crop(box).convert("L").point(lambda value: 255 * (value < 128)).getbbox()  # type: ignore[arg-type]
    assert ink is not None
    left, top, right, bottom = (edge * 25.4 / dpi for edge in ink)
    assert (right - left, bottom - top) == (pytest.approx(18.0, abs=0.1), pytest.approx(18.0, abs=0.1))
    assert 24 + left == pytest.approx(28.0, abs=0.1)
    assert 30 - bottom == pytest.approx(9.0, abs=0.1)


@pytest.mark.rule("ESL-13b")
def test_the_code_is_under_the_signature(bench: Bench, sealed: bytes) -> None:
    assert verify(sealed, bench.trust).valid
    assert read_seals(sealed).sound
    with pikepdf.open(io.BytesIO(sealed)) as pdf:
        content = bytes(pdf.pages[0].obj.Contents[-1].read_raw_bytes())
    at = sealed.index(content) + len(content) // 2
    changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    assert "changed" in {reason.code for reason in verify(changed, bench.trust).reasons}


@pytest.mark.parametrize("identifier", SEALED)
def test_the_code_stands_where_nothing_else_is_printed(identifier: str, tmp_path: Path) -> None:
    """Neither text nor page number, letterhead, line to sign or TEST mark, in any instrument that is sealed."""
    dpi = 50
    instrument = catalogue().get(identifier)
    marked = print_document(instrument, instrument.sample_facts(), imprint(instrument, test=True))
    page = _page(marked.pdf, tmp_path, dpi)
    left, low, right, high = MARGIN_MM
    box = tuple(round(edge * dpi / 25.4) for edge in (left, 297 - high, right, 297 - low))
    assert page.crop(box).getcolors() == [((box[2] - box[0]) * (box[3] - box[1]), (255, 255, 255))]  # type: ignore[arg-type]


def test_pdf_ua_1_7_3_the_code_is_a_figure_that_is_told_in_both_languages(bench: Bench) -> None:
    printed = printed_sample("penalty-decision")
    assert printed.anchor is not None
    place = Placement(printed.anchor.page + 1, printed.anchor.x_mm, printed.anchor.y_mm)
    picture = draw_seal(DESIGN, FONT)
    marked = seal_pdf(
        printed.pdf, bench.means(), placement=place, picture=picture, code=code(), seam=Seam()
    ).pdf  # fmt: skip
    assert list(file_faults(marked)) == []
    with pikepdf.open(io.BytesIO(printed.pdf)) as before, pikepdf.open(io.BytesIO(marked)) as pdf:
        page = pdf.pages[0].obj
        figures = [each for each in pdf.objects if isinstance(each, Dictionary) and each.get("/S") == Name.Figure]
        (figure,) = figures
        told = str(figure.Alt)
        assert "核验" in told and "Verification" in told and code().address(printed.pdf) in told
        contents = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)[int(page.StructParents)]
        assert contents[int(figure.K)].objgen == figure.objgen
        assert figure.Pg.objgen == page.objgen
        was = pikepdf.NumberTree(before.Root.StructTreeRoot.ParentTree)[int(before.pages[0].obj.StructParents)]
        assert len(contents) == len(was) + 1 == int(figure.K) + 1
        drawn = pikepdf.parse_content_stream(pdf.pages[0])
        opened = [
            each.operands[1].MCID for each in drawn if str(each.operator) == "BDC" and "/MCID" in each.operands[1]
        ]
        assert opened.count(int(figure.K)) == 1
        assert {str(each.operator) for each in drawn} >= {"BDC", "EMC"}
        depth = 0
        for each in drawn:
            depth += {"BDC": 1, "BMC": 1, "EMC": -1}.get(str(each.operator), 0)
            assert depth >= 0
            if str(each.operator) in ("f", "Do"):
                assert depth > 0, "content that is neither tagged nor an artifact"


def test_a_page_without_tags_of_its_own_gets_an_entry() -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595.276, 841.89))
        root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        root.K = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=root))
        root.ParentTree = Dictionary(Nums=Array([4, Array()]))
        pdf.Root.StructTreeRoot = root
        add_code(pdf, code(), b"")
        assert int(pdf.pages[0].obj.StructParents) == 5
        assert Name.Figure == pikepdf.NumberTree(root.ParentTree)[5][0].S


@pytest.mark.parametrize(
    ("changes", "fault"),
    [({"page": 3}, "no_such_page"), ({"x_mm": 190.0}, "off_page"), ({"y_mm": 0.5}, "off_page")],
)
def test_a_code_that_would_not_be_whole_is_refused(bench: Bench, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(Refused) as refused:
        seal_pdf(tagged_pdf(), bench.means(), placement=None, picture=None, code=code(**changes))
    assert [each.code for each in refused.value.faults] == [fault]
