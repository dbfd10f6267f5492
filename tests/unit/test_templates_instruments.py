"""What the law wants to see in each instrument, for every kind of party, penalty and answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from templates.catalogue import catalogue, check_job_document
from templates.check import sample_authority
from templates.printing import composed, print_document
from tests.printed import facts_of, imprint, tagged_words

AUTHORITY = sample_authority("caac-north-china")
PAIR = {"zh": "甲", "en": "A"}

PARTIES: dict[str, dict[str, Any]] = {
    "legal_person": {
        "credit_code": "91110113MA0BF8AX2Q",
        "representative": {"name": {"zh": "李明远", "en": "Li Mingyuan"}, "post": {"zh": "董事长", "en": "Chairman"}},
    },
    "other_organisation": {
        "credit_code": "91110113MA0BF8AX2Q",
        "representative": {"name": {"zh": "何平", "en": "He Ping"}, "post": {"zh": "总经理", "en": "General Manager"}},
        "parent": {"zh": "示例机场集团有限公司", "en": "Example Airport Group Co., Ltd."},
    },
    "foreign_entity": {
        "country": {"zh": "德国", "en": "Germany"},
        "registration": "OS-129-EAA-07",
        "address_in_china": {"zh": "北京市朝阳区示例中心12层", "en": "12th floor, Shili Centre, Beijing"},
        "representative": {"name": {"zh": "安娜·韦伯", "en": "Anna Weber"}, "post": {"zh": "首席代表", "en": "Chief"}},
    },
    "natural_person": {
        "identity": {"type": "passport", "number": "E12345678"},
        "licence": "ATPL-110101",
        "employer": {"zh": "北方示例航空有限公司", "en": "Northern Example Airlines Co., Ltd."},
    },
}
SPECIFIC = {
    "legal_person": ("统一社会信用代码", "法定代表人", "Legalrepresentative"),
    "other_organisation": ("统一社会信用代码", "负责人", "所属法人"),
    "foreign_entity": ("注册国家（地区）", "在华代表", "AddressinChina"),
    "natural_person": ("身份证件", "护照", "民航执照编号", "工作单位"),
}
PENALTIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "warning": ({}, "警告。", "A warning."),
    "criticism": ({}, "通报批评。", "Criticism by circular notice."),
    "fine": ({"amount": "107000.53"}, "罚款人民币壹拾万柒仟元零伍角叁分（¥107,000.53）。", "A fine of RMB 107,000.53."),
    "confiscation_of_gains": (
        {"amount": "500"},
        "没收违法所得人民币伍佰元整（¥500.00）。",
        "Confiscation of unlawful gains of RMB 500.00.",
    ),
    "confiscation_of_goods": ({"object": PAIR}, "没收非法财物：甲。", "Confiscation of unlawful goods: A."),
    "suspension": (
        {"object": PAIR, "period": {"months": 3}},
        "暂扣许可证件：甲，期限三个月。",
        "Suspension of a licence or certificate: A, for 3 months.",
    ),
    "revocation": ({"object": PAIR}, "吊销许可证件：甲。", "Revocation of a licence or certificate: A."),
    "grade_lowering": ({"object": PAIR}, "降低资质等级：甲。", "Lowering of the qualification grade: A."),
    "business_restriction": (
        {"object": PAIR, "period": {"years": 1}},
        "限制开展生产经营活动：甲，期限一年。",
        "Restriction of production and business activities: A, for 1 year.",
    ),
    "stop_order": (
        {"object": PAIR, "period": {"days": 30, "unit": "calendar"}},
        "责令停产停业：甲，期限三十日。",
        "Order to suspend production and business: A, for 30 days.",
    ),
    "closure": ({"object": PAIR}, "责令关闭：甲。", "Order to close: A."),
    "profession_restriction": (
        {"object": PAIR, "period": {"years": 2}},
        "限制从业：甲，期限二年。",
        "Restriction from practising: A, for 2 years.",
    ),
}


def text_of(identifier: str, facts: dict[str, Any]) -> str:
    """All words that are printed; the facts must pass intake's check."""
    instrument = catalogue().get(identifier)
    assert check_job_document(instrument, facts, AUTHORITY) == []
    found: list[str] = []

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            for value in node.values():
                collect(value)
        elif isinstance(node, (list, tuple)):
            for value in node:
                collect(value)
        elif isinstance(node, str):
            found.append(node)

    for block in composed(instrument, facts, imprint(instrument)):
        collect(block)
    return re.sub(r"\s+", "", "\n".join(found))


def decision(**changes: Any) -> dict[str, Any]:
    return {**facts_of("penalty-decision"), **changes}


# ---- the decision: Administrative Penalty Law, Art. 59 ----


@pytest.mark.rule("LAW-12")
def test_the_decision_states_the_six_items_of_article_59() -> None:
    words = text_of("penalty-decision", decision())
    for expected in (
        "北方示例航空有限公司",  # (1) name of the party
        "北京市顺义区天竺示例大街8号",  # (1) address
        "经查明：",  # (2) facts
        "维修工作单及航材领用记录复印件",  # (2) evidence
        "违反了《中华人民共和国安全生产法》第四十一条第二款的规定",  # (2) what was violated
        "罚款人民币叁万元整（¥30,000.00）",  # (3) kind of penalty
        "依据《中华人民共和国安全生产法》第九十七条第（五）项的规定",  # (3) basis
        "自收到本决定书之日起十五日内",  # (4) manner and time limit of performance
        "申请行政复议",  # (5) remedies
        "提起行政诉讼",
        "六十日内",
        "六个月内",
        "中国民用航空华北地区管理局",  # (6) name of the agency
        "二〇二六年十一月二十日",  # (6) day of the decision
        "20November2026",
    ):
        assert expected in words, expected


@pytest.mark.rule("LAW-12")
def test_the_decision_has_a_rule_for_each_item_of_article_59() -> None:
    clauses = catalogue().get("penalty-decision").clauses
    assert clauses is not None
    cited = " ".join(block.rule for block in clauses.blocks)
    for item in range(1, 7):
        assert f"59({item})" in cited


@pytest.mark.rule("N26", "N27")
def test_payment_and_the_late_charge_come_from_the_record_and_the_law() -> None:
    """004-84, Administrative Penalty Law 67, 72: 15 days, 3 % a day, never more than the fine; not during remedies."""
    words = text_of("penalty-decision", decision())
    assert AUTHORITY["bank"]["account"] in words
    assert "每日按罚款数额的百分之三加处罚款，加处罚款的数额不超出罚款的数额" in words
    assert "3%oftheamountofthefineforeachday;theadditionalfinewillnotexceedtheamountofthefine" in words
    assert "加处罚款的数额在行政复议或者行政诉讼期间不予计算" in words


@pytest.mark.rule("LAW-10", "LAW-11")
def test_remedies_name_body_channel_and_court_of_the_authority() -> None:
    """Administrative Reconsideration Law 20, 22: an agency that serves electronically offers an Internet channel."""
    words = text_of("penalty-decision", decision())
    for value in ("中国民用航空局", AUTHORITY["reconsideration"]["channel"], AUTHORITY["court"]["name"]["zh"]):
        assert value in words


def test_authority_facts_are_never_taken_from_a_job() -> None:
    instrument = catalogue().get("penalty-decision")
    faults = check_job_document(instrument, decision(authority={"bank": {"account": "1"}}), AUTHORITY)
    assert [fault.pointer for fault in faults] == ["/authority"]


@pytest.mark.parametrize("kind", PARTIES)
@pytest.mark.parametrize("identifier", ["penalty-decision", "penalty-prior-notice"])
def test_every_kind_of_party(identifier: str, kind: str) -> None:
    facts = facts_of(identifier)
    facts["party"] = {"kind": kind, "name": PAIR, "address": PAIR, **PARTIES[kind]}
    words = text_of(identifier, facts)
    for expected in SPECIFIC[kind]:
        assert expected in words
    others = {word for other, expected in SPECIFIC.items() if other != kind for word in expected} - set(SPECIFIC[kind])
    for unexpected in others - {"负责人", "统一社会信用代码"}:
        assert unexpected not in words


@pytest.mark.parametrize("kind", PARTIES)
def test_a_party_of_one_kind_has_no_members_of_another(kind: str) -> None:
    other = "natural_person" if kind != "natural_person" else "foreign_entity"
    party = {"kind": kind, "name": PAIR, "address": PAIR, **PARTIES[other], **PARTIES[kind]}
    faults = check_job_document(catalogue().get("penalty-decision"), decision(party=party), AUTHORITY)
    assert faults
    assert all(fault.pointer.startswith("/party") for fault in faults)


def test_a_party_needs_what_identifies_it() -> None:
    for kind, members in PARTIES.items():
        for name in members:
            if name in ("licence", "employer"):
                continue
            party = {"kind": kind, "name": PAIR, "address": PAIR, **members}
            del party[name]
            faults = check_job_document(catalogue().get("penalty-decision"), decision(party=party), AUTHORITY)
            assert [fault.code for fault in faults] == ["missing_fact"], (kind, name)


@pytest.mark.parametrize("kind", PENALTIES)
def test_every_kind_of_penalty(kind: str) -> None:
    """Administrative Penalty Law, Art. 9."""
    members, zh, en = PENALTIES[kind]
    words = text_of("penalty-decision", decision(penalties=[{"kind": kind, **members}], performance=PAIR))
    assert f"（一）{zh}" in words
    assert "(1)" + en.replace(" ", "") in words
    assert ("特别告知" in words) is (kind == "fine")
    assert (AUTHORITY["bank"]["account"] in words) is (kind in ("fine", "confiscation_of_gains"))


def test_a_penalty_other_than_money_needs_its_manner_of_performance() -> None:
    """Art. 59(4)."""
    for kind, (members, _, _) in PENALTIES.items():
        facts = decision(penalties=[{"kind": kind, **members}])
        faults = check_job_document(catalogue().get("penalty-decision"), facts, AUTHORITY)
        simple = kind in ("warning", "criticism", "fine", "confiscation_of_gains")
        assert bool(faults) is not simple, kind
        if simple:
            assert "履行方式和期限" in text_of("penalty-decision", facts)


def test_the_schema_knows_the_kinds_that_the_clauses_print() -> None:
    schema = catalogue().get("penalty-decision").schema
    assert set(schema["$defs"]["penalties"]["items"]["properties"]["kind"]["enum"]) == set(PENALTIES)


def test_several_penalties_and_a_correction_order() -> None:
    penalties = [{"kind": kind, **PENALTIES[kind][0]} for kind in ("warning", "fine", "suspension")]
    words = text_of("penalty-decision", decision(penalties=penalties, performance=PAIR))
    assert "（三）暂扣许可证件" in words
    assert "责令当事人于二〇二六年十二月二十一日（含当日）前改正" in words
    without = decision(penalties=penalties, performance=PAIR)
    del without["correction"]
    assert "责令当事人" not in text_of("penalty-decision", without)


PROCEDURES = [
    ("penalty-prior-notice", "waived", "当事人在规定期限内未提出陈述、申辩。"),
    ("hearing-rights-notice", "waived", "也未要求听证。"),
    ("penalty-prior-notice", "statement", "提出陈述、申辩，主要意见如下："),
    ("hearing-rights-notice", "statement", "要求听证的权利"),
    ("hearing-rights-notice", "hearing", "应当事人要求，本机关于二〇二六年十月二十三日举行听证。"),
]


@pytest.mark.parametrize(("notice", "response", "expected"), PROCEDURES)
def test_every_answer_of_the_party(notice: str, response: str, expected: str) -> None:
    procedure = {**decision()["procedure"], "notice": notice, "response": response}
    if response == "waived":
        for name in ("heard_on", "submission", "finding"):
            del procedure[name]
    words = text_of("penalty-decision", decision(procedure=procedure))
    assert expected in words
    assert ("进行了复核" in words) is (response != "waived")


@pytest.mark.rule("N19")
def test_a_hearing_follows_only_the_notice_of_the_right_to_one() -> None:
    procedure = {**decision()["procedure"], "notice": "penalty-prior-notice", "response": "hearing"}
    faults = check_job_document(catalogue().get("penalty-decision"), decision(procedure=procedure), AUTHORITY)
    assert [fault.pointer for fault in faults] == ["/procedure/notice"]


@pytest.mark.rule("N1")
def test_two_officers_are_needed() -> None:
    """Administrative Penalty Law, Art. 42."""
    facts = decision()
    facts["officers"] = facts["officers"][:1]
    faults = check_job_document(catalogue().get("penalty-decision"), facts, AUTHORITY)
    assert [fault.pointer for fault in faults] == ["/officers"]


# ---- the other instruments ----


def test_the_prior_notice_tells_content_facts_reasons_basis_and_rights() -> None:
    """Administrative Penalty Law, Art. 44, 45; 004-58, 59."""
    words = text_of("penalty-prior-notice", facts_of("penalty-prior-notice"))
    for expected in (
        "本机关拟对你（单位）作出如下行政处罚",
        "一、违法事实",
        "二、理由和依据",
        "依据《中华人民共和国安全生产法》第九十七条第（四）项",
        "有权进行陈述和申辩",
        "五个工作日内",
        "withinfiveworkingdays",
        "逾期未提出的，视为放弃该项权利",
        "传真或者信件",
        AUTHORITY["legal_department"]["fax"],
        "申请回避",
        "不因陈述、申辩而给予更重的处罚",
    ):
        assert expected in words, expected


def test_a_prior_notice_given_anew_says_why() -> None:
    """004-62."""
    document = {"number": {"zh": "民航华北罚告〔2026〕5号", "en": "Notice [2026] No. 5"}, "served_on": "2026-10-08"}
    facts = {**facts_of("penalty-prior-notice"), "reissued": {"document": document, "reason": PAIR}}
    words = text_of("penalty-prior-notice", facts)
    assert "现重新告知，改变的理由如下：甲" in words
    assert "二〇二六年十月八日" in words


def test_the_hearing_notice_states_time_place_persons_and_rights() -> None:
    """Administrative Penalty Law, Art. 64; 004-65, 66, 69."""
    words = text_of("hearing-notice", facts_of("hearing-notice"))
    for expected in (
        "二〇二六年十二月八日九时三十分（北京时间）",
        "8December2026,09:30(Beijingtime)",
        "听证室",
        "何静（政策法规处处长）",
        "书记员",
        "公开举行",
        "一至二人代理",
        "申请回避",
        "视为放弃听证权利",
        "核对无误后签字或者盖章",
        "不承担本机关组织听证的费用",
    ):
        assert expected in words, expected


def test_a_closed_hearing_says_why() -> None:
    facts = facts_of("hearing-notice")
    facts["hearing"] |= {"openness": "closed"}
    assert check_job_document(catalogue().get("hearing-notice"), facts, AUTHORITY)
    facts["hearing"] |= {"ground": "trade_secret", "interpreter": PAIR}
    words = text_of("hearing-notice", facts)
    assert "不公开举行（涉及商业秘密）" in words
    assert "翻译人员" in words


@pytest.mark.rule("D4", "LAW-7")
def test_the_proof_of_service_has_a_place_for_everything_that_proves_service() -> None:
    """004-79; Civil Procedure Law, Art. 87 to 89."""
    words = text_of("proof-of-service", facts_of("proof-of-service"))
    for expected in (
        "华北罚立〔2026〕15号",
        "民航华北罚决〔2026〕8号",
        "张示例",
        "直接送达",
        "送达地点",
        "送达日期和时间",
        "受送达人签名或者盖章",
        "代收人签名或者盖章及其身份",
        "拒收事由和日期",
        "见证人签名或者盖章",
        "送达人王立新（证件号CAAC-HB-0321）签名",
        "送达人赵雪梅（证件号CAAC-HB-0417）签名",
    ):
        assert expected in words, expected


@pytest.mark.rule("D8")
def test_an_open_method_of_service_can_be_ticked() -> None:
    facts = facts_of("proof-of-service")
    del facts["method"]
    assert "□直接□邮寄□留置□委托□公告□传真" in text_of("proof-of-service", facts)


@pytest.mark.parametrize("identifier", ["penalty-decision", "penalty-prior-notice", "hearing-notice"])
def test_bilingual_instruments_say_that_the_chinese_text_prevails(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert instrument.print.prevailing == "zh"
    words = text_of(identifier, facts_of(identifier))
    assert "以中文文本为准" in words
    assert "theChinesetextprevails" in words


@pytest.mark.parametrize("identifier", ["penalty-decision", "penalty-prior-notice", "hearing-notice"])
def test_variants_are_printed_whole(identifier: str) -> None:
    """What is composed is what the page carries."""
    facts = facts_of(identifier)
    if identifier == "penalty-decision":
        facts["penalties"] = [{"kind": kind, **members} for kind, (members, _, _) in list(PENALTIES.items())[:8]]
        facts["performance"] = PAIR
    instrument = catalogue().get(identifier)
    words = tagged_words(print_document(instrument, facts, imprint(instrument)).pdf)
    expected = json.loads(json.dumps(composed(instrument, facts, imprint(instrument))))
    for block in expected:
        for _, text in block.get("lines", []):
            assert re.sub(r"\s+", "", text) in words
