"""Notices, letters and decisions around the penalty (hearing rights, execution, orders, recusal, no penalty, slips)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from templates.catalogue import catalogue, check_job_document
from templates.check import check, sample_authority
from templates.printing import reading_page
from templates.schemas import choices, find
from templates.typesetters import html
from tests.printed import facts_of, imprint, printed_sample, tagged_words
from tests.unit.test_templates_instruments import text_of

AUTHORITY = sample_authority("caac-north-china")
PAIR = {"zh": "甲", "en": "A"}
PERSON = {"name": PAIR, "post": PAIR}
EARLIER = {"title": PAIR, "number": PAIR, "made_on": "2026-08-03", "served_on": "2026-08-04"}
INSTRUMENTS = (
    "additional-fine-decision",
    "assistance-letter",
    "case-filing-form",
    "case-return-notice",
    "certificate-suspension-receipt",
    "correction-order",
    "demand-letter",
    "enforcement-application",
    "fax-service-copy",
    "hearing-refusal-notice",
    "hearing-rights-notice",
    "immediate-removal-order",
    "jurisdiction-request",
    "meeting-record",
    "no-penalty-decision",
    "recusal-decision",
    "rectification-of-text",
    "stay-of-execution-notice",
)
REQUIRED = [(each, name) for each in INSTRUMENTS for name in catalogue().get(each).schema["required"]]


@pytest.fixture(scope="module", autouse=True)
def child() -> Iterator[None]:
    yield
    html.close()


def codes(identifier: str, facts: dict[str, Any]) -> set[tuple[str, str]]:
    """Pointer and code of every fault that intake finds."""
    found = check_job_document(catalogue().get(identifier), facts, AUTHORITY)
    return {(fault.pointer, fault.code) for fault in found}


def changed(identifier: str, **changes: Any) -> dict[str, Any]:
    """The sample's facts with some set anew; a fact set to None is taken away."""
    facts = {**facts_of(identifier), **changes}
    return {name: value for name, value in facts.items() if value is not None}


@pytest.mark.parametrize("identifier", INSTRUMENTS)
def test_the_template_is_clean_and_both_typesetters_print_its_words(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert check(instrument) == []
    page = html.print_html(reading_page(instrument, instrument.sample_facts(), imprint(instrument)), "x", "zh")
    assert tagged_words(printed_sample(identifier).pdf) == tagged_words(page)


@pytest.mark.parametrize(("identifier", "name"), REQUIRED)
def test_what_the_law_demands_cannot_be_left_out(identifier: str, name: str) -> None:
    assert (f"/{name}", "missing_fact") in codes(identifier, changed(identifier, **{name: None}))


@pytest.mark.parametrize("identifier", INSTRUMENTS)
def test_sums_and_addresses_of_the_agency_come_from_its_record(identifier: str) -> None:
    assert ("/authority", "unknown_fact") in codes(identifier, changed(identifier, authority={"bank": PAIR}))


VARIANTS = [
    (identifier, path)
    for identifier, paths in {
        "hearing-rights-notice": ("ground",),
        "certificate-suspension-receipt": ("movement",),
        "immediate-removal-order": ("safeguards.measure",),
        "recusal-decision": ("role", "origin", "ground", "outcome"),
        "jurisdiction-request": ("superior", "grounds"),
        "case-return-notice": ("ground",),
        "no-penalty-decision": ("ground",),
        "meeting-record": ("purpose",),
        "stay-of-execution-notice": ("action", "ground"),
        "case-filing-form": ("source",),
        "rectification-of-text": ("corrections.kind",),
        "correction-order": ("proof",),
    }.items()
    for path in paths
]
COMPANIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("hearing-rights-notice", "large_confiscation"): {"penalties": [{"kind": "confiscation_of_goods", "object": PAIR}]},
    ("hearing-rights-notice", "licence"): {"penalties": [{"kind": "revocation", "object": PAIR}]},
    ("hearing-rights-notice", "stop"): {"penalties": [{"kind": "closure", "object": PAIR}]},
    ("certificate-suspension-receipt", "forwarded"): {"suspension": None},
    ("recusal-decision", "refused"): {"replacement": None},
    ("case-return-notice", "dismissed"): {"requirements": None, "deadline": None},
    ("no-penalty-decision", "not_established"): {"violated": None, "education": None},
    ("meeting-record", "final"): {"hearing_report": PAIR},
    ("stay-of-execution-notice", "resume"): {"stay": EARLIER, "gone_on": "2026-11-16"},
}


@pytest.mark.parametrize(("identifier", "path"), VARIANTS)
def test_every_variant_prints_something_else(identifier: str, path: str) -> None:
    """Each code of the schema, with the facts that belong to it, gives a page of its own."""
    schema = catalogue().get(identifier).schema
    node = find(schema, path)
    assert node is not None
    seen = set()
    for value in choices(node, schema):
        facts = changed(identifier, **COMPANIONS.get((identifier, value), {}))
        name, _, member = path.partition(".")
        facts[name] = [{**facts[name][0], member: value}] if member else value
        seen.add(text_of(identifier, facts))
    assert len(seen) == len(choices(node, schema)) > 1


# ---- the right to a hearing ----


@pytest.mark.rule("N19", "N20")
def test_the_hearing_rights_notice_tells_what_articles_44_63_and_64_demand() -> None:
    """Five working days (Administrative Penalty Law, Art. 64(1)), not the three of 004-65."""
    words = text_of("hearing-rights-notice", facts_of("hearing-rights-notice"))
    for expected in (
        "局务会议于二〇二六年十月十五日讨论作出拟处罚决定",
        "一、违法事实",
        "二、理由和依据",
        "依据《中华人民共和国安全生产法》第九十七条第（五）项的规定，本机关拟对你（单位）作出如下行政处罚",
        "罚款人民币肆万元整（¥40,000.00）",
        "第六十三条第一款第（一）项（较大数额罚款）",
        "你（单位）有权要求听证",
        "自收到本告知书之日起五个工作日内",
        "withinfiveworkingdays",
        "逾期未提出的，视为放弃要求听证的权利",
        "不承担组织听证的费用",
        "仍有权进行陈述和申辩",
        "不因陈述、申辩而给予更重的处罚",
    ):
        assert expected in words, expected
    assert "三日内" not in words


@pytest.mark.rule("N19")
def test_the_ground_of_a_hearing_fits_the_intended_penalty() -> None:
    """Administrative Penalty Law, Art. 63(1): a warning gives no right to a hearing, a fine is no stop order."""
    for penalties, ground in (
        ([{"kind": "warning"}], "large_fine"),
        ([{"kind": "warning"}], "other_heavy"),
        ([{"kind": "fine", "amount": "50000"}], "stop"),
        ([{"kind": "fine", "amount": "50000"}], "licence"),
        ([{"kind": "revocation", "object": PAIR}], "large_confiscation"),
    ):
        facts = changed("hearing-rights-notice", penalties=penalties, ground=ground)
        assert {pointer for pointer, _ in codes("hearing-rights-notice", facts)} == {"/penalties"}


def test_a_hearing_rights_notice_given_anew_says_why() -> None:
    """004-62."""
    reissued = {"document": {"number": PAIR, "served_on": "2026-10-08"}, "reason": PAIR}
    assert "现重新告知，改变的理由如下：甲" in text_of(
        "hearing-rights-notice", changed("hearing-rights-notice", reissued=reissued)
    )


@pytest.mark.rule("N20")
def test_a_late_hearing_request_is_refused_with_dates_and_reasons() -> None:
    """004-65 says 可以: a choice, so its reasons are told; the party's explanation or its silence is on the page."""
    words = text_of("hearing-refusal-notice", facts_of("hearing-refusal-notice"))
    assert "该期限于二〇二六年十一月十日届满" in words
    assert "不予受理的理由如下" in words
    assert "未对逾期说明理由" not in words
    silent = text_of("hearing-refusal-notice", changed("hearing-refusal-notice", excuse=None))
    assert "未对逾期说明理由" in silent


# ---- orders and decisions ----


@pytest.mark.parametrize("identifier", ["correction-order", "immediate-removal-order"])
@pytest.mark.rule("LAW-10", "LAW-11")
def test_orders_to_the_party_name_their_remedies(identifier: str) -> None:
    """Administrative Reconsideration Law, Art. 11, 20, 22; Administrative Litigation Law, Art. 46."""
    words = text_of(identifier, facts_of(identifier))
    for expected in ("六十日内", AUTHORITY["reconsideration"]["channel"], "六个月内", "不停止本通知的执行"):
        assert expected in words, expected


def test_a_correction_is_ordered_at_once_or_by_a_day() -> None:
    """004-7, 74(3)."""
    dated = text_of("correction-order", facts_of("correction-order"))
    assert "于二〇二六年十一月十三日（含当日）前改正" in dated
    assert "仍不改正的，视为情节严重" in dated
    assert "不代替行政处罚" in dated
    assert "责令你（单位）立即改正" in text_of("correction-order", changed("correction-order", deadline=None))


def test_a_hazard_is_removed_at_once_and_safeguards_hold_until_then() -> None:
    """004-9; Work Safety Law, Art. 65(1)(3)."""
    words = text_of("immediate-removal-order", facts_of("immediate-removal-order"))
    for expected in ("二〇二六年十一月十七日十时二十分", "立即排除", "停止使用相关设施、设备", "采取行政强制措施"):
        assert expected in words, expected
    bare = text_of("immediate-removal-order", changed("immediate-removal-order", safeguards=None))
    assert "停止使用" not in bare


def test_a_recusal_is_decided_with_reasons_and_a_replacement() -> None:
    """Administrative Penalty Law, Art. 43; 004-14: what was found before stays valid."""
    words = text_of("recusal-decision", facts_of("recusal-decision"))
    assert "由赵雪梅（监察员，执法证件编号CAAC-HB-0417）接替" in words
    assert "回避前依法进行的调查取证有效" in words
    assert codes("recusal-decision", changed("recusal-decision", replacement=None))
    refused = text_of("recusal-decision", changed("recusal-decision", outcome="refused", replacement=None))
    assert "周敏不回避本案" in refused


@pytest.mark.rule("LAW-10", "LAW-11")
def test_no_penalty_has_a_ground_a_lesson_and_remedies() -> None:
    """Administrative Penalty Law, Art. 33, 57; 004-57, 90."""
    facts = facts_of("no-penalty-decision")
    words = text_of("no-penalty-decision", facts)
    for expected in ("违法行为轻微并及时改正", "决定对当事人不予行政处罚", "依法对当事人进行教育", "申请行政复议"):
        assert expected in words, expected
    for name in ("violated", "education"):
        assert ("/" + name, "missing_fact") in codes(
            "no-penalty-decision", changed("no-penalty-decision", **{name: None})
        )
    assert codes("no-penalty-decision", {**facts, "ground": "not_established"})
    correction = {"deadline": "2026-12-01", "requirement": PAIR}
    assert "责令当事人于二〇二六年十二月一日" in text_of("no-penalty-decision", {**facts, "correction": correction})


def test_a_slip_is_mended_word_by_word_and_never_changes_rights() -> None:
    words = text_of("rectification-of-text", facts_of("rectification-of-text"))
    for expected in ("民航华北罚告〔2026〕15号", "示例中心12层", "示例中心11层", "不改变原文书确定的权利和义务"):
        assert expected in words, expected
    assert "mends" in catalogue().get("rectification-of-text").manifest.acts


# ---- inside the administration ----


@pytest.mark.rule("N1")
def test_a_case_is_filed_with_two_officers_and_room_to_approve() -> None:
    """Administrative Penalty Law, Art. 42, 54(2)."""
    facts = facts_of("case-filing-form")
    words = text_of("case-filing-form", facts)
    assert re.search("承办部门负责人意见.*法制职能部门意见.*负责人审批", words)
    assert ("/officers", "schema_minItems") in codes("case-filing-form", {**facts, "officers": facts["officers"][:1]})


def test_the_meeting_is_collective_and_everybody_signs() -> None:
    """004-63, 70; Administrative Penalty Law, Art. 57(2), 58."""
    facts = facts_of("meeting-record")
    words = text_of("meeting-record", facts)
    for expected in (
        "主持人陈国栋签名",
        "出席人员孙建平签名",
        "出席人员罗毅签名",
        "记录人徐航签名",
        "告知其有要求听证的权利",
        "二、法制审核意见",
    ):
        assert expected in words, expected
    meeting = {**facts["meeting"], "members": facts["meeting"]["members"][:1]}
    assert codes("meeting-record", {**facts, "meeting": meeting})
    assert codes("meeting-record", {**facts, "purpose": "final"})
    assert codes("meeting-record", {**facts, "handling": PAIR})
    other = changed("meeting-record", penalties=None, handling=PAIR, dissent=PAIR)
    assert "对本案作如下处理：甲" in text_of("meeting-record", other)


def test_a_case_goes_back_to_the_bureau_with_what_is_to_be_done() -> None:
    """004-26(3)."""
    words = text_of("case-return-notice", facts_of("case-return-notice"))
    assert "民航北京安全监督管理局：" in words
    assert "二〇二六年十二月十日（含当日）前完成下列工作" in words
    assert codes("case-return-notice", changed("case-return-notice", ground="dismissed"))
    assert codes("case-return-notice", changed("case-return-notice", requirements=None))


def test_a_dispute_on_jurisdiction_goes_up_with_the_views_and_not_back() -> None:
    """004-18, 20."""
    words = text_of("jurisdiction-request", facts_of("jurisdiction-request"))
    for expected in ("中国民用航空局：", "民航华东罚移〔2026〕6号", "不移送回移出单位", "妥否，请批示。"):
        assert expected in words, expected
    assert ("/transfer", "missing_fact") in codes(
        "jurisdiction-request", changed("jurisdiction-request", transfer=None)
    )
    unasked = changed("jurisdiction-request", transfer=None, grounds="no_clear", superior="regional")
    assert "民航地区管理局：" in text_of("jurisdiction-request", unasked)
