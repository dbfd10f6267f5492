"""Table A on the spot: the simple procedure, preserved evidence, receipts and their stubs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from templates.catalogue import catalogue
from templates.printing import print_document
from tests.law_cases import case, errors
from tests.printed import facts_of, imprint, words_with_boxes
from tests.unit.test_instruments_a import changed, codes, page_texts
from tests.unit.test_templates_instruments import AUTHORITY, PAIR, text_of

# ---- the simple procedure ----

SPOT = "on-the-spot-decision"


@pytest.mark.rule("N6", "N7", "D3")
def test_three_copies_of_the_numbered_form() -> None:
    """004-30(5); Administrative Penalty Law, Art. 52."""
    instrument = catalogue().get(SPOT)
    assert instrument.print.copies == 3
    assert instrument.print.numbered
    assert instrument.manifest.important


@pytest.mark.rule("LAW-10")
def test_reconsideration_comes_first_and_the_party_is_told() -> None:
    """Administrative Reconsideration Law, Art. 23(1)(1), 32; Administrative Litigation Law, Art. 45."""
    words = text_of(SPOT, facts_of(SPOT))
    assert "先向中国民用航空局" in words
    assert "自收到行政复议决定书之日起十五日内" in words
    assert "未经行政复议，不得直接提起行政诉讼" in words
    assert "六个月内" not in words
    assert "行政复议申请也可以通过本机关提交" in words


@pytest.mark.rule("N5")
def test_only_a_warning_or_a_fine_is_imposed_on_the_spot() -> None:
    """Administrative Penalty Law, Art. 51."""
    assert ("/penalties/0/kind", "schema_enum") in codes(SPOT, changed(SPOT, penalties=[{"kind": "suspension"}]))
    words = text_of(SPOT, changed(SPOT, penalties=[{"kind": "warning"}], collection=None))
    assert "警告自本决定书当场交付当事人时起执行" in words
    assert AUTHORITY["bank"]["account"] not in words
    assert "加处罚款" not in words
    assert ("/collection", "missing_fact") in codes(SPOT, changed(SPOT, collection=None))


@pytest.mark.rule("N8")
@pytest.mark.parametrize(
    ("ground", "expected"),
    [("small", "第六十八条第（一）项"), ("hard_later", "事后难以执行"), ("remote", "经当事人提出")],
)
def test_a_fine_collected_on_the_spot_says_why_and_that_a_receipt_is_due(ground: str, expected: str) -> None:
    """Administrative Penalty Law, Art. 68, 69, 70."""
    collection = {"manner": "on_the_spot", "ground": ground}
    words = text_of(SPOT, changed(SPOT, collection=collection))
    assert expected in words
    assert "不出具的，当事人有权拒绝缴纳罚款" in words
    assert "十五日内，持本决定书" not in words
    assert AUTHORITY["bank"]["account"] not in words
    bare = changed(SPOT, collection={"manner": "on_the_spot"})
    assert codes(SPOT, bare) == {("/collection/ground", "missing_fact")}


def test_a_statement_on_the_spot_is_answered() -> None:
    """Administrative Penalty Law, Art. 45; 004-30(3)."""
    assert codes(SPOT, changed(SPOT, answer="statement")) == {
        ("/submission", "missing_fact"),
        ("/finding", "missing_fact"),
    }
    words = text_of(SPOT, changed(SPOT, answer="statement", submission=PAIR, finding=PAIR))
    assert "复核意见" in words


@pytest.mark.parametrize("identifier", ["inspection-sheet", "inspection-record"])
def test_what_is_not_given_is_written_by_hand_and_what_is_given_is_printed(identifier: str) -> None:
    names = {"inspection-sheet": ("statement", "refusal"), "inspection-record": ("opinion", "refusal")}[identifier]
    empty = text_of(identifier, facts_of(identifier))
    filled = text_of(identifier, changed(identifier, **{key: {"zh": "无意见。", "en": "Nothing."} for key in names}))
    assert "无意见。" not in empty
    assert filled.count("无意见。") == len(names)


def test_where_no_problem_was_found_nothing_else_is_done() -> None:
    facts = changed("inspection-record", handling=["none", "case"])
    assert codes("inspection-record", facts) == {("/handling", "schema_maxItems")}
    words = text_of("inspection-record", changed("inspection-record", handling=["none"], enclosures=None))
    assert "（一）未发现问题。" in words
    assert "提取或者复制的材料" not in words


# ---- preserved evidence ----

KEPT = "evidence-preservation-notice"


@pytest.mark.rule("N11")
def test_the_notice_tells_the_seven_working_days_and_the_approval() -> None:
    """Administrative Penalty Law, Art. 56, 85: the head approves always; decided within seven working days."""
    assert ("/approved/by", "missing_fact") in codes(KEPT, changed(KEPT, approved={"at": "2026-11-16T09:15:00+08:00"}))
    words = text_of(KEPT, facts_of(KEPT))
    assert "七个工作日内" in words
    assert "Withinsevenworkingdays" in words


def test_evidence_kept_by_others_is_sealed_with_strips() -> None:
    """004-42."""
    party = {"by": "party", "place": PAIR}
    assert codes(KEPT, changed(KEPT, custody=party)) == {("/custody/strips", "missing_fact")}
    third = {"by": "third_party", "place": PAIR, "strips": PAIR}
    assert codes(KEPT, changed(KEPT, custody=third)) == {("/custody/custodian", "missing_fact")}
    words = text_of(KEPT, changed(KEPT, custody={**third, "custodian": PAIR}))
    assert "受委托保存的第三方签名或者盖章" in words
    assert "受委托保存的第三方签名或者盖章" not in text_of(KEPT, changed(KEPT, custody={**party, "strips": PAIR}))


def test_a_row_with_the_longest_texts_goes_on_on_the_next_page() -> None:
    """A row is kept together only where it fits: nothing is printed below the type area (GB/T 9704-2012, 5.2)."""
    longest = {"zh": "扳手编号待查" * 33, "en": ("torque wrench " * 28).strip()}
    short = {"zh": "一把", "en": "one"}
    thing = {"name": longest, "specification": longest, "quantity": short, "condition": longest}
    instrument = catalogue().get("evidence-return-list")
    printed = print_document(instrument, changed("evidence-return-list", inventory=[thing, thing]), imprint(instrument))
    foot = (297 - 35) * 72 / 25.4
    below = [word.text for word in words_with_boxes(printed.pdf) if word.bottom > foot + 3]
    assert [text for text in below if not text.isdigit() and text != "—"] == []
    overlong = [{**thing, "quantity": longest}]
    faults = codes("evidence-return-list", changed("evidence-return-list", inventory=overlong))
    assert ("/inventory/0/quantity/zh", "schema_maxLength") in faults


# ---- receipts ----


@pytest.mark.rule("N9")
@pytest.mark.parametrize("identifier", ["fine-receipt", "on-the-spot-fine-receipt"])
def test_the_stub_is_a_page_of_its_own_and_says_the_same(identifier: str) -> None:
    """004-92(9): the stub goes into the file, the receipt to the payer."""
    pages = page_texts(identifier)
    assert set(pages) == {1, 2}
    assert pages[2].startswith("罚款收据存根联")
    amount = {"fine-receipt": "21,200.00", "on-the-spot-fine-receipt": "100.00"}[identifier]
    assert all(amount in re.sub(r"\s", "", text) for text in pages.values())


def test_the_sums_of_a_receipt_add_up() -> None:
    sums = {**facts_of("fine-receipt")["sums"], "total": "21200.01"}
    assert ("/sums", "sum_wrong") in codes("fine-receipt", changed("fine-receipt", sums=sums))


def test_a_transfer_names_the_credit_advice_and_a_payment_at_the_counter_has_none() -> None:
    """004-84."""
    assert codes("fine-receipt", changed("fine-receipt", voucher=None)) == {("/voucher", "missing_fact")}
    words = text_of("fine-receipt", changed("fine-receipt", manner="counter", voucher=None))
    assert "财务部门窗口缴纳" in words


def test_a_receipt_of_three_sums_keeps_amount_and_seal_on_one_page() -> None:
    parts = [
        {"kind": "fine", "amount": "20000.00"},
        {"kind": "confiscation_of_gains", "amount": "100.00"},
        {"kind": "additional_fine", "amount": "1200.00", "since": "2026-10-14", "until": "2026-10-15"},
    ]
    instrument = catalogue().get("fine-receipt")
    facts = changed("fine-receipt", sums={"parts": parts, "total": "21300.00"})
    printed = print_document(instrument, facts, imprint(instrument))
    assert printed.pages == 2
    assert printed.anchor is not None
    assert printed.anchor.page == 0


# ---- days ----


@pytest.mark.parametrize(
    ("identifier", "changes"),
    [
        ("rectification-suggestion", {"reply_by": "2026-11-11"}),
        ("rectification-notice", {"noticed_on": "2026-11-02"}),
        ("entrustment-letter", {"period": {"from": "2027-01-01", "until": "2026-12-31"}}),
        ("compulsory-measures-decision", {"decided_on": "2026-12-18"}),
        ("inspection-record", {"ended_at": "2026-09-01T16:30:00+08:00"}),
        ("on-the-spot-fine-receipt", {"received_at": "2026-11-01T08:50:00+08:00"}),
        ("fine-receipt", {"issued_on": "2026-10-14"}),
        (KEPT, {"registered_at": "2026-11-15T10:40:00+08:00"}),
        ("evidence-preservation-extension", {"noticed_on": "2026-11-26"}),
        ("evidence-return-list", {"decided_on": "2026-10-19"}),
    ],
)
def test_acts_at_the_scene_follow_one_another(identifier: str, changes: dict[str, Any]) -> None:
    assert "dates-in-order" not in errors(case(identifier))
    assert "dates-in-order" in errors(case(identifier, facts=changes))
