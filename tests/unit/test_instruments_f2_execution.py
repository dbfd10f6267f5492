"""Execution of a penalty: additional fine, demand, application to the court, fax, certificates, assistance, stay."""

from __future__ import annotations

import pytest

from templates.catalogue import catalogue
from templates.facts import check_facts
from templates.printing import print_document
from tests.printed import facts_of, imprint
from tests.unit.test_instruments_f2 import AUTHORITY, EARLIER, PAIR, changed, codes
from tests.unit.test_templates_instruments import text_of


@pytest.mark.rule("N27")
def test_the_additional_fine_is_three_percent_a_day_and_never_more_than_the_fine() -> None:
    """Administrative Penalty Law, Art. 72(1)(1), 73; Administrative Compulsion Law, Art. 45."""
    words = text_of("additional-fine-decision", facts_of("additional-fine-decision"))
    for expected in (
        "自二〇二六年四月八日起至罚款缴清之日止，每日按罚款数额人民币贰万伍仟元整（¥25,000.00）的百分之三",
        "加处罚款的数额不超出罚款的数额，即最高不超过人民币贰万伍仟元整（¥25,000.00）",
        "加处罚款的数额在行政复议或者行政诉讼期间不予计算",
        "加处罚款超过三十日，经本机关催告当事人仍不履行的",
        AUTHORITY["bank"]["account"],
        "申请行政复议",
        "六个月内",
    ):
        assert expected in words, expected
    assert "滞纳金" not in words


def test_the_demand_names_period_amount_way_of_payment_and_rights() -> None:
    """Administrative Compulsion Law, Art. 35, 36, 54."""
    words = text_of("demand-letter", facts_of("demand-letter"))
    for expected in (
        "自收到本催告书之日起十个工作日内履行",
        "（一）罚款人民币贰万伍仟元整",
        "（二）加处罚款人民币贰万伍仟元整（¥25,000.00）（自二〇二六年四月八日起计算至二〇二六年五月十一日",
        "以上合计人民币伍万元整（¥50,000.00）",
        AUTHORITY["bank"]["account"],
        "有权进行陈述和申辩",
        "满十个工作日后你（单位）仍未履行义务的，本机关将依法向北京市朝阳区人民法院申请强制执行",
    ):
        assert expected in words, expected
    acts = text_of("demand-letter", changed("demand-letter", sums=None, acts=PAIR))
    assert "你（单位）应当履行下列义务：甲" in acts
    assert AUTHORITY["bank"]["account"] not in acts


@pytest.mark.parametrize("identifier", ["demand-letter", "enforcement-application"])
def test_something_is_demanded_and_its_sums_add_up(identifier: str) -> None:
    """Administrative Compulsion Law, Art. 35(3): a definite amount."""
    assert codes(identifier, changed(identifier, sums=None))
    sums = facts_of(identifier)["sums"]
    assert ("/sums", "sum_wrong") in codes(identifier, changed(identifier, sums={**sums, "total": "49999.99"}))
    for broken in ({**sums, "total": "many"}, {"parts": [{"kind": "fine"}], "total": "1"}, {**sums, "parts": 3}):
        found = {code for _, code in codes(identifier, changed(identifier, sums=broken))}
        assert found
        assert "sum_wrong" not in found
    undated = [{"kind": "additional_fine", "amount": "5"}]
    assert ("/sums/parts/0/since", "missing_fact") in codes(
        identifier, changed(identifier, sums={"parts": undated, "total": "5"})
    )


def test_the_application_to_the_court_has_its_kinds_of_material_and_is_signed_by_the_head() -> None:
    """Administrative Compulsion Law, Art. 53 to 55."""
    facts = facts_of("enforcement-application")
    words = text_of("enforcement-application", facts)
    for expected in (
        "北京市朝阳区人民法院：",
        "法定期限已于二〇二六年九月二十日届满",
        "自送达之日起满十个工作日，被申请人仍未履行",
        "未提出陈述、申辩意见",
        "申请人负责人陈国栋（局长）签名",
        "行政决定书及作出决定的事实、理由和依据",
        "当事人的意见及行政机关催告情况",
        "申请强制执行标的情况",
    ):
        assert expected in words, expected
    for kind in ("decision", "opinions", "object"):
        less = [each for each in facts["materials"] if each["kind"] != kind] + [facts["materials"][-1]] * 2
        found = check_facts(catalogue().get("enforcement-application").schema, {**facts, "materials": less})
        assert [fault.pointer for fault in found] == ["/materials"], kind
    assert catalogue().get("enforcement-application").print.sealed
    answered = text_of("enforcement-application", {**facts, "opinion": PAIR})
    assert "申请人的复核意见如下：甲" in answered


@pytest.mark.rule("D7")
def test_a_faxed_decision_is_acknowledged_with_name_and_time_and_its_original_served() -> None:
    """004-80."""
    facts = facts_of("fax-service-copy")
    words = text_of("fax-service-copy", facts)
    for expected in (
        "签名、收到时间",
        AUTHORITY["legal_department"]["fax"],
        "同意传真送达",
        "原件另以直接送达方式送达",
    ):
        assert expected in words, expected
    document = {name: value for name, value in facts["document"].items() if name != "original"}
    assert ("/document/original", "missing_fact") in codes("fax-service-copy", {**facts, "document": document})
    other = {**document, "kind": "other"}
    assert "原件" not in text_of("fax-service-copy", {**facts, "document": other})
    instrument = catalogue().get("fax-service-copy")
    for test in (False, True):  # one sheet, also under the words of a test system
        assert print_document(instrument, facts, imprint(instrument, test=test)).pages == 1


def test_every_hand_over_of_a_certificate_gets_its_receipt() -> None:
    """004-85, 87: what was retained before is deducted; a revoked certificate has no period."""
    words = text_of("certificate-suspension-receipt", facts_of("certificate-suspension-receipt"))
    for expected in (
        "民航华北地区管理局行政处罚暂扣证照回执",
        "折抵四日",
        "交出人张示例",
        "接收人王立新",
        "期满按时返还",
    ):
        assert expected in words, expected
    forwarded = changed("certificate-suspension-receipt", movement="forwarded", suspension=None)
    assert "移交发证机关" in text_of("certificate-suspension-receipt", forwarded)
    assert codes("certificate-suspension-receipt", {**forwarded, "movement": "returned"})


def test_the_assistance_letter_brings_a_copy_of_the_decision() -> None:
    """004-82."""
    words = text_of("assistance-letter", facts_of("assistance-letter"))
    assert "附件：《民用航空行政处罚决定书》（民航华北罚决〔2026〕8号）复印件一份" in words
    assert "暂扣许可证件：航线运输驾驶员执照（ATPL-110101），期限一个月。" in words


def test_a_resumed_execution_names_the_stay_and_the_end_of_its_ground() -> None:
    """004-89."""
    resumed = changed("stay-of-execution-notice", action="resume", stay=EARLIER, gone_on="2026-11-16")
    assert "该事由已于二〇二六年十一月十六日消除" in text_of("stay-of-execution-notice", resumed)
    assert codes("stay-of-execution-notice", {**resumed, "action": "stay"})
    for name in ("stay", "gone_on"):
        assert codes("stay-of-execution-notice", {key: each for key, each in resumed.items() if key != name})
