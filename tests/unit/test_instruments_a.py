"""Table A around inspection: what each of them says, and rectification, compulsive measures and entrustment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from templates.catalogue import catalogue, check_job_document
from templates.check import check
from templates.printing import reading_page
from templates.schemas import choices, find
from templates.typesetters import html
from tests.printed import facts_of, imprint, printed_sample, tagged_words, words_with_boxes
from tests.unit.test_templates_instruments import AUTHORITY, PAIR, text_of

SERVED = (
    "rectification-suggestion",
    "rectification-notice",
    "compulsory-measures-decision",
    "entrustment-letter",
    "on-the-spot-decision",
    "fine-receipt",
    "evidence-preservation-notice",
    "evidence-preservation-extension",
    "evidence-return-list",
)
BY_HAND = ("inspection-sheet", "inspection-record", "on-the-spot-fine-receipt")
INSTRUMENTS = (*SERVED, *BY_HAND)
REQUIRED = [(each, name) for each in INSTRUMENTS for name in catalogue().get(each).schema["required"]]
REMEDIES = ("申请行政复议", "六十日内", "https://fuyi.example.gov.cn", "北京市朝阳区人民法院")
CONTENT: dict[str, tuple[str, ...]] = {
    "rectification-suggestion": (
        "不构成违法",
        "可能造成的后果",
        "移开加液点，或者设置护栏和照明",
        "不是行政处罚",
        "thissuggestionisneitheranadministrativepenaltynoranordertocorrect",
    ),
    "rectification-notice": (
        "没有处罚依据，但需要整改",
        "责令你（单位）在上表所列期限（含当日）内改正",
        "《中华人民共和国安全生产法》第四十四条第一款",
        "二〇二六年十一月三十日",
        "本通知书不代替行政处罚",
        "六个月内",
        *REMEDIES,
    ),
    "compulsory-measures-decision": (  # Administrative Compulsion Law, Art. 24: the five items
        "示例机场集团天津分公司",
        "天津市东丽区示例路2号",
        "依据《中华人民共和国安全生产法》第六十五条第一款第（三）项",
        "查封：2号仓库3号隔间",
        "扣押：锂离子电池46箱",
        "期限为三十日，自二〇二六年十一月十八日起至二〇二六年十二月十七日止",
        "46cartons",
        "六个月内",
        *REMEDIES,
        "孙建平（副局长）",  # Art. 18: approval, certificates, told, heard, record
        "出示了执法证件",
        "当场告知",
        "提出陈述、申辩",
        "现场笔录",
        "一式二份",
        "有权依法要求赔偿",  # Art. 8
        "行政强制措施不代替行政处罚",  # 004-9
    ),
    "entrustment-letter": (  # Administrative Penalty Law, Art. 20: matters, authority, period, published
        "一、委托事项",
        "《中华人民共和国安全生产法》第九十九条第（一）项",
        "二、委托权限",
        "单个案件不超过人民币壹万元整（¥10,000.00）",
        "自二〇二七年一月一日起至二〇二八年十二月三十一日止",
        "不得再委托其他组织或者个人",
        "以本机关名义",
        "向社会公布",
        "经本机关认可的行政执法程序",
        "受委托组织（盖章）",
    ),
    "on-the-spot-decision": (  # Administrative Penalty Law, Art. 52
        "1号卸油口没有设置禁止烟火的安全警示标志",
        "罚款人民币贰仟元整（¥2,000.00）",
        "依据《中华人民共和国安全生产法》第九十九条第（一）项和《中华人民共和国行政处罚法》第五十一条",
        "二〇二六年十一月十九日十一时零五分（北京时间）",
        "天津滨海国际机场航空油料站",
        "中国民用航空华北地区管理局",
        "已出示执法证件",
        "监察员赵雪梅",
        "当事人（代表人、代理人）签名或者盖章",
        "拒绝签名或者盖章的情况",
        "一式三份",
        *REMEDIES,
    ),
    "fine-receipt": ("民航华北罚决〔2026〕9号", "人民币贰万壹仟贰佰元整（¥21,200.00）", "罚款收据存根联", "00010226"),
    "evidence-preservation-notice": (
        "《中华人民共和国行政处罚法》第五十六条",
        "孙建平（副局长），二〇二六年十一月十六日九时十五分",
        "26张",
        "自二〇二六年十一月十六日起至二〇二六年十一月二十五日止",
        "七个工作日内及时作出处理决定",
        "不得销毁或者转移证据",
        "清点无误",
        "拒绝签名或者盖章的情况",
        "见证人签名",
        "监察员王立新",
    ),
    "evidence-preservation-extension": (
        "民航华北证保〔2026〕6号",
        "因案情复杂，需要继续登记保存证据",
        "《民航华北地区管理局行政处罚程序规定》第四十五条第一款第（三）项",
        "延期至二〇二六年十二月十一日止",
        "孙建平（副局长）",
    ),
    "evidence-return-list": (
        "民航华北证保〔2026〕5号",
        "依法不应予以没收",
        "已全部退还",
        "数量、状况与清单一致",
        "拒绝签名或者盖章的情况",
    ),
    "inspection-sheet": (  # 004-30(2): facts, evidence, provisions
        "没有设置禁止烟火的安全警示标志",
        "1号卸油口现场照片",
        "《中华人民共和国安全生产法》第三十五条",
        "□对违法事实和法律依据无争议□有争议",
        "当事人的陈述和辩解",
        "监察员韩东",
    ),
    "inspection-record": (
        "二〇二六年九月四日十六时三十分",
        "高志远（维修管理部经理）",
        "涉嫌违法",
        "（二）立案调查",
        "维修工作单及航材领用记录复印件",
        "拒绝签名或者盖章的情况",
        "监察员王立新",
    ),
    "on-the-spot-fine-receipt": (
        "人民币壹佰元整（¥100.00）",
        "民航华北当罚〔2026〕14号",
        "不出具该票据的，当事人有权拒绝缴纳罚款",
        "罚款收据存根联",
        "二个工作日内，将罚款交至财务部门",
        "财务部门经手人签名",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def child() -> Iterator[None]:
    yield
    html.close()


def changed(identifier: str, **changes: Any) -> dict[str, Any]:
    """The sample's facts with some set anew; a fact set to None is taken away."""
    facts = {**facts_of(identifier), **changes}
    return {name: value for name, value in facts.items() if value is not None}


def codes(identifier: str, facts: dict[str, Any]) -> set[tuple[str, str]]:
    """Pointer and code of every fault that intake finds."""
    found = check_job_document(catalogue().get(identifier), facts, AUTHORITY)
    return {(fault.pointer, fault.code) for fault in found}


def page_texts(identifier: str) -> dict[int, str]:
    """The printed words of each page of the sample."""
    pages: dict[int, str] = {}
    for word in words_with_boxes(printed_sample(identifier).pdf):
        pages[word.page + 1] = pages.get(word.page + 1, "") + word.text
    return pages


# ---- all of them ----


@pytest.mark.parametrize("identifier", INSTRUMENTS)
def test_the_template_is_clean_and_both_typesetters_print_its_words(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert check(instrument) == []
    page = html.print_html(reading_page(instrument, instrument.sample_facts(), imprint(instrument)), "x", "zh")
    assert tagged_words(printed_sample(identifier).pdf) == tagged_words(page)


@pytest.mark.parametrize("identifier", INSTRUMENTS)
def test_the_page_says_what_its_article_demands(identifier: str) -> None:
    words = text_of(identifier, facts_of(identifier))
    for expected in CONTENT[identifier]:
        assert expected.lower() in words.lower(), expected


@pytest.mark.parametrize(("identifier", "name"), REQUIRED)
def test_what_the_law_demands_cannot_be_left_out(identifier: str, name: str) -> None:
    assert (f"/{name}", "missing_fact") in codes(identifier, changed(identifier, **{name: None}))


@pytest.mark.rule("N1")
@pytest.mark.parametrize("identifier", [each for each in INSTRUMENTS if "officers" in facts_of(each)])
def test_two_officers_act(identifier: str) -> None:
    """Administrative Penalty Law, Art. 42; Administrative Compulsion Law, Art. 18(2); 004-13."""
    assert ("/officers", "schema_minItems") in codes(identifier, changed(identifier, officers=OFFICERS[:1]))


OFFICERS = facts_of("inspection-sheet")["officers"]


@pytest.mark.parametrize("identifier", SERVED)
def test_what_is_served_is_sealed_and_says_which_text_prevails(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    assert (instrument.print.sealed, instrument.print.delivered, instrument.print.prevailing) == (True, True, "zh")
    assert instrument.print.numbered is (identifier != "fine-receipt")
    assert printed_sample(identifier).anchor is not None


@pytest.mark.parametrize("identifier", BY_HAND)
def test_what_is_signed_on_the_spot_bears_neither_seal_nor_number(identifier: str) -> None:
    found = catalogue().get(identifier).print
    assert (found.sealed, found.delivered, found.numbered) == (False, False, False)


VARIANTS = [
    ("rectification-notice", "ground"),
    ("inspection-record", "items.method"),
    ("inspection-record", "items.result"),
    ("evidence-preservation-notice", "extent"),
    ("evidence-return-list", "ground"),
    ("evidence-return-list", "rest"),
    ("on-the-spot-fine-receipt", "ground"),
    ("inspection-sheet", "answer"),
]


@pytest.mark.parametrize(("identifier", "path"), VARIANTS)
def test_every_choice_is_printed_in_its_own_words(identifier: str, path: str) -> None:
    schema = catalogue().get(identifier).schema
    node = find(schema, path)
    assert node is not None
    printed = set()
    for value in choices(node, schema):
        facts = facts_of(identifier)
        first, _, rest = path.partition(".")
        facts[first] = [{**facts[first][0], rest: value}] if rest else value
        printed.add(text_of(identifier, facts))
    assert len(printed) == len(choices(node, schema)) > 1


# ---- rectification ----


def test_a_suggestion_orders_nothing_and_asks_for_an_answer_only_if_a_day_is_given() -> None:
    """004-8, first paragraph."""
    words = text_of("rectification-suggestion", facts_of("rectification-suggestion"))
    assert "责令你" not in words
    assert "行政复议" not in words
    assert "二〇二六年十二月四日前" in words
    assert "书面告知本机关" not in text_of(
        "rectification-suggestion", changed("rectification-suggestion", reply_by=None)
    )


def test_a_notice_says_whether_there_is_no_penalty_or_correction_comes_first() -> None:
    """004-8, second paragraph."""
    words = text_of("rectification-notice", changed("rectification-notice", ground="correct_first"))
    assert "明确要求先行改正" in words
    assert "没有处罚依据" not in words


# ---- compulsory measures ----

MEASURES = "compulsory-measures-decision"
STOP = [{"kind": "stop_use", "object": PAIR}]


@pytest.mark.rule("D3")
def test_the_decision_on_measures_is_important_and_made_in_two_copies() -> None:
    instrument = catalogue().get(MEASURES)
    assert instrument.manifest.important
    assert instrument.print.copies == 2


@pytest.mark.parametrize("name", ["inventory", "period", "custody"])
@pytest.mark.parametrize("kind", ["sealing_up", "seizure"])
def test_sealing_up_and_seizure_need_list_period_and_keeper(kind: str, name: str) -> None:
    """Administrative Compulsion Law, Art. 24, 25, 26."""
    facts = changed(MEASURES, measures=[{"kind": kind, "object": PAIR}], ends_when=None, **{name: None})
    assert codes(MEASURES, facts) == {(f"/{name}", "missing_fact")}


@pytest.mark.rule("LAW-15")
@pytest.mark.parametrize("kind", ["retention", "stop_use", "suspension", "evacuation"])
def test_other_measures_need_the_condition_on_which_they_end_and_have_no_list(kind: str) -> None:
    plain = changed(
        MEASURES, measures=[{"kind": kind, "object": PAIR}], inventory=None, period=None, custody=None, ends_when=PAIR
    )
    words = text_of(MEASURES, plain)
    assert "附：查封、扣押清单" not in words
    assert "查封、扣押的期限" not in words
    del plain["ends_when"]
    assert codes(MEASURES, plain) == {("/ends_when", "missing_fact")}


def test_thirty_days_are_the_most_unless_a_law_says_otherwise() -> None:
    """Administrative Compulsion Law, Art. 25."""
    period = {"from": "2026-11-18", "until": "2026-12-18", "days": 31}
    assert codes(MEASURES, changed(MEASURES, period=period)) == {("/period/days", "schema_maximum")}
    special = [{"law": "civil-aviation-law", "article": 228}]
    words = text_of(MEASURES, changed(MEASURES, period={**period, "special_basis": special}))
    assert "依据《中华人民共和国民用航空法》第二百二十八条的规定，查封、扣押的期限为三十一日" in words


def test_an_extension_names_the_first_decision_and_its_reason_and_repeats_no_scene() -> None:
    """Administrative Compulsion Law, Art. 25, second paragraph: told in writing, with the reason."""
    document = {"number": {"zh": "民航华北强措〔2026〕3号", "en": "Measures [2026] No. 3"}, "served_on": "2026-10-20"}
    extension = {"document": document, "reason": PAIR}
    assert codes(MEASURES, changed(MEASURES, extends=extension)) == {("/execution", "not_allowed")}
    words = text_of(MEASURES, changed(MEASURES, extends=extension, execution=None))
    assert "决定延长下列行政强制措施的期限" in words
    assert "理由如下：甲" in words
    assert "出示了执法证件" not in words
    assert "签名、时间" not in words


def test_a_witness_signs_where_the_party_is_absent() -> None:
    """Administrative Compulsion Law, Art. 18(9)."""
    execution = facts_of(MEASURES)["execution"]
    present = text_of(MEASURES, facts_of(MEASURES))
    assert "见证人签名" not in present
    absent = text_of(MEASURES, changed(MEASURES, execution={**execution, "attendance": "absent"}))
    assert "邀请了见证人到场" in absent
    assert "见证人签名" in absent
    assert "当事人（代表人、代理人）签名" not in absent


def test_urgent_measures_are_reported_within_a_day() -> None:
    """Administrative Compulsion Law, Art. 19."""
    execution = {**facts_of(MEASURES)["execution"], "urgent": "yes"}
    assert "二十四小时内向本机关负责人报告" in text_of(MEASURES, changed(MEASURES, execution=execution))
    assert "二十四小时" not in text_of(MEASURES, facts_of(MEASURES))


def test_the_list_of_what_is_seized_has_pages_of_its_own() -> None:
    """Administrative Compulsion Law, Art. 24: two lists, one for the party and one for the agency."""
    pages = page_texts(MEASURES)
    place = next(number for number, text in pages.items() if "附：查封、扣押清单" in text)
    assert pages[place].startswith("附：查封、扣押清单")
    assert "监察员韩东" in pages[place]


# ---- entrustment ----


def test_an_entrusted_fine_has_a_limit_and_graver_penalties_are_not_entrusted() -> None:
    """Administrative Penalty Law, Art. 20: matters, authority and period are stated."""
    letter = "entrustment-letter"
    assert codes(letter, changed(letter, penalties=[{"kind": "fine"}])) == {("/penalties/0/limit", "missing_fact")}
    assert ("/penalties/0/kind", "schema_enum") in codes(letter, changed(letter, penalties=[{"kind": "revocation"}]))
    two = [{"kind": "fine", "limit": "500"}, {"kind": "fine", "limit": "900"}]
    assert {pointer for pointer, _ in codes(letter, changed(letter, penalties=two))} == {"/penalties"}
    every = [{"kind": "warning"}, {"kind": "criticism"}, {"kind": "confiscation_of_gains", "limit": "500"}]
    assert "没收违法所得，单个案件不超过人民币伍佰元整" in text_of(letter, changed(letter, penalties=every))
