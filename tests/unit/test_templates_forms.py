"""What forms and records are made of: approval boxes, a foot signed on every page, room for what is written by hand."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pikepdf
import pytest

from records.errors import Permanent
from templates.catalogue import catalogue
from templates.check import check
from templates.clauses import read_clauses
from templates.composing import Frame, compose
from templates.printing import print_document, reading_page
from templates.typesetters import html
from templates.typesetters.typst import Sheet, typeset
from tests.printed import facts_of, imprint, tagged_words, words_with_boxes

FRAME = Frame("标题", "Title", {"name": {"zh": "机关", "en": "Agency"}, "letterhead": {"zh": "机关", "en": "Agency"}})
SHEET = Sheet("x", "x", "x", (), 0, sealed=False)
HEAD: list[dict[str, Any]] = [{"kind": "letterhead", "compact": True}, {"kind": "title"}]
FOOT = {"kind": "foot", "zh": "逐页签名：", "en": "Signature, every page:"}
APPROVAL = {
    "kind": "approval",
    "rows": [
        {
            "label": {"zh": "承办部门意见", "en": "Department"},
            "value": {"zh": "{{ o }}", "en": "{{ o }}"},
            "by_hand": 3,
        },
        {"label": {"zh": "领导审批", "en": "Leader"}, "blank": 2},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def child() -> Iterator[None]:
    yield
    html.close()


def composed(blocks: list[dict[str, Any]], facts: dict[str, Any]) -> list[dict[str, Any]]:
    return compose(read_clauses({"blocks": [*HEAD, *blocks]}, "x"), facts, FRAME)


def both(blocks: list[dict[str, Any]]) -> tuple[bytes, bytes]:
    """The same blocks by both typesetters."""
    return typeset(blocks, SHEET).pdf, html.print_html(html.fragment(blocks), "x", "zh")


def structure(pdf: bytes) -> list[str]:
    """The kinds of all elements of the structure tree."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return [
            str(each.S)
            for each in opened.objects
            if isinstance(each, pikepdf.Dictionary) and "/S" in each and "/P" in each
        ]


def _sample(identifier: str) -> tuple[Any, Any, Any]:
    instrument = catalogue().get(identifier)
    return instrument, facts_of(identifier), imprint(instrument)


def test_an_approval_box_is_a_table_with_heads_and_room_for_opinion_signature_and_date() -> None:
    given = composed([APPROVAL], {"o": {"zh": "同意移送。", "en": "Agreed."}})
    by_typst, by_weasyprint = both(given)
    assert tagged_words(by_typst) == tagged_words(by_weasyprint)
    words = tagged_words(by_typst)
    assert words.count("签名：年月日Signature;year,month,day") == 2
    assert "承办部门意见Department同意移送。Agreed." in words
    for pdf in (by_typst, by_weasyprint):
        kinds = structure(pdf)
        assert kinds.count("/Table") == 1
        assert kinds.count("/TR") == 3
        assert kinds.count("/TH") >= 2


def test_what_is_not_given_is_left_for_the_hand() -> None:
    rows = composed([APPROVAL], {})[-1]["rows"]
    assert [(row["lines"], row["blank"]) for row in rows] == [([], 3), ([], 2)]
    rows = composed([APPROVAL], {"o": {"zh": "同意。", "en": "Agreed."}})[-1]["rows"]
    assert rows[0]["blank"] == 0


def test_room_for_the_hand_has_a_limit() -> None:
    with pytest.raises(Permanent, match="10 at most"):
        composed([{"kind": "approval", "rows": [{"label": {"zh": "甲", "en": "A"}, "blank": 11}]}], {})


def test_a_long_narrative_in_a_form_runs_on_to_the_next_page() -> None:
    """A row that may not break would run off the page."""
    text = {"zh": "经查明当事人未按规定记录。" * 400, "en": "The party did not record as required. " * 200}
    row = {"label": {"zh": "事实", "en": "Facts"}, "value": {"zh": "{{ t }}", "en": "{{ t }}"}}
    blocks = composed([{"kind": "fields", "rows": [row]}], {"t": text})
    printed = typeset(blocks, SHEET)
    assert printed.pages > 1
    assert max(word.bottom for word in words_with_boxes(printed.pdf) if "经查明" in word.text) < (297 - 34) / 25.4 * 72


@pytest.mark.parametrize("pages", [1, 2])
def test_a_foot_stands_on_every_page_as_an_artifact(pages: int) -> None:
    """PDF/UA-1 (ISO 14289-1, 7.8): running feet are artifacts; the page's text area ends above them."""
    clause = {"kind": "clause", "zh": "事实如下。\n" * 24 * pages, "en": "x"}
    for pdf in both(composed([FOOT, clause], {})):
        words = words_with_boxes(pdf)
        count = max(word.page for word in words) + 1
        assert count >= pages
        assert "逐页签名" not in tagged_words(pdf)
        for page in range(count):
            foot = [word for word in words if word.page == page and "逐页签名" in word.text]
            assert len(foot) == 1
            assert foot[0].top > max(word.bottom for word in words if word.page == page and "事实如下" in word.text)
            number = next(word for word in words if word.page == page and word.text == str(page + 1))
            assert number.top > foot[0].bottom


def outside_artifacts(pdf: bytes) -> int:
    """Texts shown on all pages that are neither in a sequence of the structure nor in an artifact."""
    found = 0
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for number, page in enumerate(opened.pages):
            parents = opened.Root.StructTreeRoot.ParentTree.Nums[2 * number + 1]
            stack: list[bool] = []
            for operands, operator in pikepdf.parse_content_stream(page):
                name = str(operator)
                if name in ("BDC", "BMC"):
                    tagged = name == "BDC" and "/MCID" in operands[1] and parents[int(operands[1].MCID)] is not None
                    stack.append(str(operands[0]) == "/Artifact" or bool(tagged))
                elif name == "EMC":
                    stack.pop()
                elif name in ("Tj", "TJ") and not any(stack):
                    found += 1
    return found


def test_running_feet_and_page_numbers_of_weasyprint_are_artifacts_too() -> None:
    """ISO 14289-1, 7.1: content is tagged or an artifact; WeasyPrint alone leaves page numbers between the two."""
    pdf = html.print_html(reading_page(*_sample("investigation-record")), "x", "zh")
    assert outside_artifacts(pdf) == 0
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for page in opened.pages:
            content = page.Contents.read_bytes()
            assert content.count(b"/Pagination") == 3  # the foot in two languages, the number


def test_the_reading_page_says_what_is_signed_on_every_page() -> None:
    body = reading_page(*_sample("investigation-record"))
    assert '<p lang="zh-CN">被询问人逐页签名或者盖章：</p>' in body


def test_a_foot_stands_under_the_title_and_once() -> None:
    instrument = catalogue().get("investigation-record")
    wrong = read_clauses({"blocks": [*HEAD, {"kind": "clause", "zh": "甲", "en": "A"}, FOOT]}, "x")
    codes = {fault.code for fault in check(replace(instrument, clauses=wrong))}
    assert "foot_place" in codes


def test_a_record_is_dated_by_its_moment_at_beijing() -> None:
    instrument, facts, around = _sample("investigation-record")
    facts["begins_at"] = "2026-09-10T17:30:00Z"
    with pikepdf.open(io.BytesIO(print_document(instrument, facts, around).pdf)) as opened:
        # midnight of 11 September at Beijing
        assert str(opened.docinfo["/CreationDate"]).startswith("D:20260910160000Z")
