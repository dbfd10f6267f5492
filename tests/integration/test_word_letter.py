"""The confirmation letter, printed by a real LibreOffice: its words, its page, and what happens when it dies."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import docx
import pikepdf
import pytest

from records.errors import Permanent, Retry
from templates.catalogue import catalogue, check_job_document
from templates.printing import SPECIMEN_MARK, TEST_MARK, Printed, print_document
from templates.typesetters import word
from tests.printed import facts_of, imprint

LETTER = "confirmation-letter"
SOURCE = (Path(__file__).with_name("confirmation_letter.txt")).read_text(encoding="utf-8")
"""Annex 1 of the notice of 30 July 2018 (局发明电〔2018〕2057号), paragraph by paragraph; ____ are the blanks."""


@pytest.fixture(scope="module", autouse=True)
def _office() -> Iterator[None]:
    yield
    word.office().close()


@cache
def printed() -> Printed:
    instrument = catalogue().get(LETTER)
    return print_document(instrument, instrument.sample_facts(), imprint(instrument))


def text_of(pdf: bytes) -> str:
    """All words in reading order, without page numbers."""
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    lines = re.split(r"[\n\f]", done.stdout.decode())
    return "\n".join(line for line in lines if not re.fullmatch(r"\s*— \d+ —\s*", line))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def print_letter(facts: dict[str, Any], **changes: Any) -> Printed:
    instrument = catalogue().get(LETTER)
    return print_document(instrument, facts, imprint(instrument, **changes))


def test_the_letter_is_printed_word_for_word_in_both_languages() -> None:
    facts = facts_of(LETTER)
    declarant, contacts = facts["declarant"], facts["contacts"]
    names_zh, names_en = ("和".join(c["name"]["zh"] for c in contacts), " and ".join(c["name"]["en"] for c in contacts))
    phones = [contact["phone"] for contact in contacts]
    filled = [
        *(declarant["name"]["zh"], declarant["address"]["zh"], declarant["credit_code"]),
        *(declarant["name"]["en"], declarant["address"]["en"], declarant["credit_code"]),
        *(names_zh, names_en, "和".join(phones), " and ".join(phones)),
    ]
    expected = SOURCE
    for text in filled:
        expected = expected.replace("____", text, 1)
    assert "____" not in expected
    assert squeezed(text_of(printed().pdf)) == squeezed(expected)


def test_the_sample_passes_the_checks_of_intake() -> None:
    instrument = catalogue().get(LETTER)
    authority = imprint(instrument).authority
    assert check_job_document(instrument, instrument.sample_facts(), authority) == []


def test_an_entity_abroad_without_a_credit_code_gets_a_blank() -> None:
    facts = facts_of(LETTER)
    del facts["declarant"]["credit_code"]
    text = text_of(print_letter(facts).pdf)
    assert "91110113MA0BF8AX2Q" not in text
    assert squeezed("统一社会信用代码：），已经充分阅读") in squeezed(text)


def test_the_counterparty_signs_and_we_do_not_seal() -> None:
    instrument = catalogue().get(LETTER)
    assert printed().anchor is None
    assert (instrument.print.sealed, instrument.print.numbered, instrument.print.prevailing) == (False, False, "none")
    last = text_of(printed().pdf).split("本单位已经阅知")[1]
    for place in ("承诺人（盖章）：", "Declarant: (Seal)", "法定代表人/负责人（签字）：", "(Signature)"):
        assert squeezed(place) in squeezed(last)


def test_page_and_file_are_as_they_should_be() -> None:
    """GB/T 9704-2012: A4, page numbers in dashes outside; ISO 19005-2 B, tagged, only pinned fonts, all embedded."""
    raw = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=printed().pdf, capture_output=True, check=True
    ).stdout.decode()
    assert [f"— {n} —" in page for n, page in enumerate(raw.split("\f")[:-1], start=1)] == [True] * printed().pages
    with pikepdf.open(io.BytesIO(printed().pdf)) as pdf:
        assert len(pdf.pages) == printed().pages == 6
        for page in pdf.pages:
            assert [round(float(x)) for x in page.mediabox] == [0, 0, 595, 842]
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "B")
        assert metadata["dc:title"].startswith("关于使用民航行业监管执法信息系统")
        assert pdf.Root.MarkInfo.Marked
        assert pdf.Root.StructTreeRoot is not None
        names = _font_names(pdf)
    families = {re.sub(r"^/[A-Z]{6}\+", "", name).split("-")[0] for name in names}
    assert families == {"FandolFang", "FandolHei", "NotoSerifCJKjp", "LiberationSerif"}


def _font_names(pdf: pikepdf.Pdf) -> set[str]:
    """The names of all fonts; a font without its program in the file would be a fault of its own."""
    names = set()
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
            assert any(key in item for key in ("/FontFile", "/FontFile2", "/FontFile3"))
            names.add(str(item.FontName))
    return names


def test_test_and_specimen_are_marked_on_every_page() -> None:
    letter = print_letter(facts_of(LETTER), test=True, specimen=True)
    raw = subprocess.run(
        ["pdftotext", "-raw", "-", "-"], input=letter.pdf, capture_output=True, check=True
    ).stdout.decode()
    pages = [squeezed(page) for page in raw.split("\f")[:-1]]
    assert len(pages) == letter.pages
    for page in pages:
        for text in (*TEST_MARK, *SPECIMEN_MARK):
            assert squeezed(text) in page


def test_markup_in_facts_is_printed_literally() -> None:
    facts = facts_of(LETTER)
    hostile = 'A {{ 7*7 }} {_{ x }_} <w:p>&amp; "B" {%p if 1 %}'
    facts["declarant"]["name"]["en"] = hostile
    assert squeezed(hostile) in squeezed(text_of(print_letter(facts).pdf))


def test_rare_characters_and_the_yuan_sign_come_from_a_font_that_has_them() -> None:
    """Traps 1 and 4: Fandol draws ￥ as a dollar sign; a missing glyph would be an empty box."""
    facts = facts_of(LETTER)
    facts["declarant"]["name"]["zh"] = "䶮𬱖￥航空有限公司"
    pdf = print_letter(facts).pdf
    assert set("䶮𬱖￥") <= set(text_of(pdf))
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert any("NotoSerifCJKjp-Regular" in name for name in _font_names(opened))


def test_the_same_letter_gives_the_same_page() -> None:
    assert text_of(print_letter(facts_of(LETTER)).pdf) == text_of(printed().pdf)


def _long_document(of: str) -> bytes:
    document = docx.Document()
    for number in range(6_000):
        document.add_paragraph(f"{of}第{number}段：行政执法文书送达。" * 6)
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def _soffice_of(group: int) -> int:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = path.read_text().rpartition(")")
        except OSError:
            continue
        if head.endswith("(soffice.bin") and int(rest.split()[2]) == group:
            return int(path.parent.name)
    raise AssertionError("no soffice in the group of the child")


def test_kill_9_of_libreoffice_in_the_middle_of_a_job_is_a_retry_then_works() -> None:
    """Rendering trap 10: LibreOffice dies; the job is tried again and nothing is left behind."""
    office = word.office()
    office.start()
    assert office.pid is not None
    before = office.pid
    threading.Timer(0.4, os.kill, (_soffice_of(before), signal.SIGKILL)).start()
    with pytest.raises(Retry):
        office.call(_long_document("甲"), 60)
    assert office.call(word.fill(_body(), facts_of(LETTER)), 60).startswith(b"%PDF-")
    assert office.pid != before


def test_a_job_that_hangs_is_killed_with_all_that_it_started() -> None:
    office = word.office()
    office.start()
    assert office.pid is not None
    soffice = _soffice_of(office.pid)
    with pytest.raises(Retry, match="longer than"):
        office.call(_long_document("乙"), 0.3)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _alive(soffice):
        time.sleep(0.05)
    assert not _alive(soffice)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_is_left_when_the_worker_is_killed_hard(tmp_path: Path) -> None:
    """kill -9 of a worker: LibreOffice goes too, and takes its profile along."""
    script = "from templates.typesetters import word; o = word.office(); o.start(); print(o.pid, flush=True); input()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, env=environment, **pipes) as worker:
        soffice = _soffice_of(int(worker.stdout.readline()))  # type: ignore[union-attr]
        worker.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (_alive(soffice) or list(tmp_path.glob("songda-office-*"))):
        time.sleep(0.1)
    assert not _alive(soffice)
    assert list(tmp_path.glob("songda-office-*")) == []


def test_a_document_that_libreoffice_cannot_read_is_permanent() -> None:
    with pytest.raises(Permanent, match="LibreOffice"):
        word.office().call(b"not a document", 30)


def _body() -> bytes:
    return (catalogue().get(LETTER).folder / "body.docx").read_bytes()
