"""Records of table B, internal forms of table C: what each must hold, room for a hand, approval boxes, signatures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from templates.catalogue import catalogue, check_job_document
from templates.printing import print_document, reading_page
from templates.typesetters import html
from tests.printed import facts_of, imprint, printed_sample, tagged_words, words_with_boxes
from tests.unit.test_templates_instruments import AUTHORITY, PAIR, text_of

RECORDS = ("investigation-record", "on-site-record", "statement-record", "hearing-record")
FORMS = (
    "transfer-approval-form",
    "transfer-letter",
    "handover-application",
    "handover-refusal",
    "investigation-report",
    "file-handover-slip",
    "file-completion-notice",
    "approval-submission",
    "hearing-report",
    "closing-report",
    "form-requisition",
    "penalty-notification",
    "void-declaration",
    "revocation-decision",
)
REQUIRED = [(each, name) for each in (*RECORDS, *FORMS) for name in catalogue().get(each).schema["required"]]
CONTENT: dict[str, tuple[str, ...]] = {
    "on-site-record": ("到场", "高翔（维修管理部经理）", "监察员王立新", "监察员赵雪梅", "签名、时间", "无检查标记"),
    "statement-record": (
        "民航华北罚听告〔2026〕9号",
        "当事人（代表人、代理人）签名或者盖章",
        "授权委托书",
        "不因陈述、申辩而给予更重的处罚",
    ),
    "hearing-record": (
        "一、介绍主持人",
        "二、承办监察员提出",
        "三、当事人陈述",
        "四、询问证人",
        "五、双方就事实",
        "六、当事人最后陈述",
    ),
    "transfer-approval-form": ("案件承办部门意见", "法制职能部门意见", "监管局领导审批", "移交（管理局内部）"),
    "transfer-letter": ("中国民用航空华东地区管理局：", "报请中国民用航空局指定管辖", "移送材料", "以中文文本为准"),
    "handover-application": (
        "民航北京安全监督管理局（盖章）",
        "监管局法制部门审核意见",
        "三个工作日内作出是否同意移交",
    ),
    "handover-refusal": ("不同意移交", "不同意移交的理由", "对案件办理的意见", "二〇二六年八月四日"),
    "investigation-report": (
        "一、调查时间",
        "二、承办部门和监察员",
        "三、相对人的基本情况",
        "四、案由",
        "五、调查、检查得到的事实和证据",
        "六、违反的法律、法规、规章",
        "七、行政处罚的依据及建议",
        "监察员王立新",
        "承办部门负责人签名",
    ),
    "file-handover-slip": ("移交人签名", "接受人签名", "一式两份"),
    "file-completion-notice": ("违法主体不明确", "一次告知", "案件审核人员签名", "二〇二六年十月三十日"),
    "approval-submission": (
        "一、案由",
        "二、相对人的基本情况",
        "三、案件承办部门和监察员",
        "四、违法事实",
        "五、处罚依据",
        "六、行政处罚程序执行情况",
        "七、案件承办部门处罚建议",
        "八、法制部门处罚意见",
        "管理局主要负责人（局务会议）审批",
    ),
    "hearing-report": ("局务会议集体讨论", "认定的事实", "罚款人民币肆万元整"),
    "closing-report": ("行政处罚决定由被处罚人自觉履行完毕", "共1卷86页", "执行完毕日期"),
    "form-requisition": ("领取部门负责人签名", "0000121至0000150", "标明“作废”字样"),
    "penalty-notification": ("主运营基地在你局辖区", "民航华北罚决〔2026〕10号", "以中文文本为准"),
    "void-declaration": ("0000123和0000124", "标明“作废”字样", "已填写、未发出"),
    "revocation-decision": (
        "民航华北罚决〔2026〕7号",
        "违反法定程序",
        "本机关决定撤销",
        "六十日内",
        "六个月内",
        "https://fuyi.example.gov.cn",
        "已履行部分的处理",
    ),
}


ENGLISH: dict[str, tuple[str, ...]] = {
    "investigation-record": ("State of mind of the party at that time", "Remedies taken, and their effect"),
    "on-site-record": ("Presence of the Party", "Refusal to sign or seal, and why (noted by the officers)"),
    "statement-record": (
        "No heavier penalty will be imposed because of a statement or defence",
        "10:00 (Beijing time)",
    ),
    "hearing-record": ("Signature of the presiding officer, with the time", "Last statement of the party"),
    "transfer-approval-form": ("Ruling: Head of the supervision bureau", "Opinion of the legal affairs department"),
    "transfer-letter": ("The following material goes with this letter", "the Chinese text prevails"),
    "handover-application": ("decide within three working days", "Beijing Safety Supervision Bureau, CAAC (seal)"),
    "handover-refusal": ("Reasons for the Refusal", "How the Case Is To Be Handled", "4 August 2026"),
    "investigation-report": (
        "Signature of the head of the department in charge",
        "8 September 2026 to 17 September 2026",
    ),
    "file-handover-slip": ("Made in two copies", "Signature of who receives"),
    "file-completion-notice": ("told once", "the party is not clear"),
    "approval-submission": ("Opinion of the Legal Affairs Department", "Proposal of the Department in Charge"),
    "hearing-report": ("discusses the case together and decides on the basis of the record", "RMB 40,000.00"),
    "closing-report": ("was performed by the party itself", "Execution completed on 3 August 2026"),
    "form-requisition": ("Signature of the head of the department", "0000121 to 0000150"),
    "penalty-notification": ("whose main base is in yours", "A fine of RMB 15,000.00."),
    "void-declaration": ("neither served on nor handed to a party", "filled in, never released"),
    "revocation-decision": ("is revoked. This decision takes effect on the day it is served", "within sixty days"),
}


@pytest.fixture(scope="module", autouse=True)
def child() -> Iterator[None]:
    yield
    html.close()


@pytest.mark.parametrize(("identifier", "expected"), ENGLISH.items())
def test_the_english_twin_says_the_same(identifier: str, expected: tuple[str, ...]) -> None:
    words = text_of(identifier, facts_of(identifier))
    for text in expected:
        assert text.replace(" ", "") in words, text


@pytest.mark.parametrize("identifier", [*RECORDS, *FORMS])
def test_both_typesetters_print_the_same_words(identifier: str) -> None:
    by_typst = tagged_words(printed_sample(identifier).pdf)
    assert by_typst == tagged_words(html.print_html(reading_page(*_sample(identifier)), "x", "zh"))


@pytest.mark.parametrize(("identifier", "member"), REQUIRED)
def test_what_the_source_demands_cannot_be_left_out(identifier: str, member: str) -> None:
    facts = facts_of(identifier)
    del facts[member]
    faults = check_job_document(catalogue().get(identifier), facts, AUTHORITY)
    assert any(fault.pointer in ("", f"/{member}") for fault in faults)


@pytest.mark.parametrize(("identifier", "expected"), CONTENT.items())
def test_what_the_source_demands_is_printed(identifier: str, expected: tuple[str, ...]) -> None:
    words = text_of(identifier, facts_of(identifier))
    for text in expected:
        assert text in words, text


def _sample(identifier: str) -> tuple[Any, Any, Any]:
    instrument = catalogue().get(identifier)
    return instrument, facts_of(identifier), imprint(instrument)


# ---- B1: 004-37 to 40 ----

INTERVIEW = (
    "被询问人",
    "违法行为的当事人",
    "违法行为发生的时间、地点",
    "违法事实及过程",
    "违法行为发生时当事人的主观心理状态",
    "违法行为导致的结果",
    "是否采取补救措施及其效果",
)


@pytest.mark.rule("N1", "N10")
def test_an_interview_record_has_the_seven_items_one_person_and_two_officers_with_the_time() -> None:
    """004-38, 39, 40."""
    for facts in (facts_of("investigation-record"), {**facts_of("investigation-record"), "account": None}):
        facts = {name: value for name, value in facts.items() if value is not None}
        words = text_of("investigation-record", facts)
        for expected in (*INTERVIEW, "监察员王立新", "监察员赵雪梅", "签名、时间", "拒绝签名或者盖章的情况"):
            assert expected in words, expected
    schema = catalogue().get("investigation-record").schema
    assert schema["properties"]["asked"]["type"] == "object"


def test_the_person_asked_signs_every_page() -> None:
    """004-40: 逐页签名或盖章."""
    printed = printed_sample("investigation-record")
    signed = [word.page for word in words_with_boxes(printed.pdf) if "逐页签名" in word.text]
    assert signed == list(range(printed.pages))


# ---- other records ----


@pytest.mark.rule("N1")
@pytest.mark.parametrize("identifier", ["investigation-record", "on-site-record", "statement-record", "hearing-record"])
def test_one_officer_is_not_enough(identifier: str) -> None:
    """Administrative Penalty Law, Art. 42; 004-13, 40, 48."""
    facts = facts_of(identifier)
    facts["officers"] = facts["officers"][:1]
    assert check_job_document(catalogue().get(identifier), facts, AUTHORITY)


@pytest.mark.parametrize("identifier", RECORDS)
def test_a_record_has_room_for_what_is_not_yet_known(identifier: str) -> None:
    instrument, facts, around = _sample(identifier)
    known = {name: value for name, value in facts.items() if name in instrument.schema["required"]}
    assert check_job_document(instrument, known, AUTHORITY) == []
    assert print_document(instrument, known, around).pages >= 2


def test_the_party_s_absence_is_noted_and_a_witness_signs() -> None:
    """004-47; Administrative Compulsion Law, Art. 18."""
    facts = facts_of("on-site-record")
    facts["attendance"] = {"state": "absent"}
    assert check_job_document(catalogue().get("on-site-record"), facts, AUTHORITY)
    facts["attendance"]["reason"] = {"zh": "经通知拒绝到场。", "en": "Told, and refused to come."}
    words = text_of("on-site-record", facts)
    assert "经通知拒绝到场。" in words
    assert "见证人签名" in words
    assert "当事人（代表人、代理人）签名" not in words


@pytest.mark.parametrize("identifier", RECORDS)
def test_a_refusal_to_sign_is_noted(identifier: str) -> None:
    """004-40, 48; Administrative Penalty Law, Art. 64(8)."""
    facts = {
        **facts_of(identifier),
        "refusal": {"zh": "拒绝签名，未说明理由。", "en": "Refused to sign, giving no reason."},
    }
    assert "拒绝签名，未说明理由。" in text_of(identifier, facts)


# ---- forms ----


def test_a_suspected_crime_goes_to_judicial_organs_and_stops_nothing() -> None:
    """Administrative Penalty Law, Art. 27; 004-56."""
    words = text_of("transfer-letter", {**facts_of("transfer-letter"), "ground": "crime"})
    assert "案件移送不停止本机关对违法行为依法进行的行政处理" in words
    assert "立案或者不予立案的决定书面通知本机关" in words


@pytest.mark.rule("N2", "N4")
def test_a_bureau_applies_in_its_own_name_and_says_why() -> None:
    """004-21, 25, 26."""
    words = text_of("handover-application", facts_of("handover-application"))
    printed = printed_sample("handover-application")
    assert words_with_boxes(printed.pdf)[0].text == "民航北京安全监督管理局"  # the letterhead
    assert "第二十五条第二款、第二十六条" in words
    words = text_of("handover-application", {**facts_of("handover-application"), "ground": "serious"})
    assert "案情重大、情况复杂" in words


@pytest.mark.rule("N13")
def test_a_file_goes_over_in_two_copies() -> None:
    """004-51."""
    assert catalogue().get("file-handover-slip").print.copies == 2


@pytest.mark.parametrize("ground", ["minor", "unproven", "impossible"])
def test_a_terminated_case_has_a_copy_for_the_department_and_no_execution(ground: str) -> None:
    """004-57."""
    facts = {**facts_of("closing-report"), "ground": ground}
    assert check_job_document(catalogue().get("closing-report"), facts, AUTHORITY)
    for name in ("decision", "penalties", "execution"):
        del facts[name]
    assert "复印一份送案件承办部门" in text_of("closing-report", facts)


@pytest.mark.parametrize("missing", ["decision", "penalties", "execution"])
def test_an_executed_case_is_closed_with_decision_and_execution(missing: str) -> None:
    """004-90(1)(2), 91."""
    facts = {**facts_of("closing-report"), "ground": "enforced"}
    del facts[missing]
    assert check_job_document(catalogue().get("closing-report"), facts, AUTHORITY)


def test_a_deducted_retention_is_noted_specially() -> None:
    """004-87."""
    for identifier in ("closing-report", "investigation-report"):
        assert "特别说明" in text_of(identifier, {**facts_of(identifier), "retention": PAIR})


@pytest.mark.parametrize("stage", ["heard", "waived"])
def test_a_submission_after_the_notice_names_the_notice(stage: str) -> None:
    """004-59, 60."""
    facts = facts_of("approval-submission")
    facts["procedure"] |= {"stage": stage}
    assert check_job_document(catalogue().get("approval-submission"), facts, AUTHORITY)
    facts["procedure"]["document"] = {"number": PAIR, "served_on": "2026-09-28"}
    facts["procedure"] |= {"heard_on": "2026-09-30"} if stage == "heard" else {}
    assert "二〇二六年九月二十八日送达" in text_of("approval-submission", facts)


def test_a_disagreement_of_the_departments_is_put_before_the_leader() -> None:
    """004-62."""
    facts = facts_of("approval-submission")
    facts["disagreement"] = PAIR
    facts["penalties"] = [{"kind": "warning"}]
    words = text_of("approval-submission", facts)
    assert "两部门的不同意见（提请裁决）" in words
    assert "罚款人民币叁万元整" in words
    assert "警告。" in words


def test_a_change_says_what_holds_instead() -> None:
    """004-100: 撤销或者变更."""
    facts = {**facts_of("revocation-decision"), "effect": "change"}
    assert check_job_document(catalogue().get("revocation-decision"), facts, AUTHORITY)
    facts["changed"] = {"penalties": [{"kind": "fine", "amount": "5000"}]}
    words = text_of("revocation-decision", facts)
    assert "本机关决定变更" in words
    assert "罚款人民币伍仟元整" in words


@pytest.mark.parametrize("identifier", FORMS)
def test_forms_stay_inside_and_letters_bear_number_and_seal(identifier: str) -> None:
    printing = catalogue().get(identifier).print
    letters = {"transfer-letter", "penalty-notification", "revocation-decision"}
    assert printing.numbered is printing.delivered is (identifier in letters)
    assert printing.sealed is (identifier in letters | {"handover-refusal"})


@pytest.mark.parametrize("identifier", ["investigation-record", "statement-record", "hearing-record"])
def test_an_interpreter_is_named_and_signs(identifier: str) -> None:
    words = text_of(identifier, {**facts_of(identifier), "interpreter": {"zh": "白梅", "en": "Bai Mei"}})
    assert "翻译人员白梅签名、时间" in words


@pytest.mark.parametrize("identifier", ["approval-submission", "closing-report"])
def test_a_bureau_s_case_is_reported_for_the_record(identifier: str) -> None:
    """004-73, 91."""
    words = text_of(identifier, {**facts_of(identifier), "bureau": PAIR})
    assert "报管理局法制职能部门备案" in words
