"""What an application has to say, by tables: the entity, its people, the signer, the scans, the letter."""

from __future__ import annotations

import copy
import json
from datetime import date
from typing import Any

import pytest

from delivery.registration_facts import CATEGORIES, faults, letter_digest, letter_facts
from delivery.registration_review import review_faults
from tests.house import SAMPLES

AUTHORITY = json.loads((SAMPLES / "authorities" / "caac-north-china.json").read_text("utf-8"))
TODAY = date(2026, 11, 23)
FACTS: dict[str, Any] = {
    "name_zh": "海河示例航空有限公司",
    "name_en": "Haihe Example Airlines Co., Ltd.",
    "short_name": "海河示例航空",
    "abbreviation": "HEA",
    "credit_code": "91120116MA0BF8AX28",
    "division": "12",
    "address_zh": "天津市东丽区示例路2号",
    "address_en": "2 Shili Road, Dongli District, Tianjin",
    "foreign_kind": "carrier",
    "administration": "east-china",
    "contacts": [
        {
            "name": "孙丽",
            "name_en": "Sun Li",
            "department": "法律部",
            "mobile": "13800138001",
            "email": "sun@h.test",
        },
        {
            "name": "马骏",
            "name_en": "Ma Jun",
            "department": "运行部",
            "mobile": "13800138002",
            "email": "ma@h.test",
        },
    ],
    "accounts": [{"department": "法律部", "login": "HEA-FLB"}],
    "signer": {"capacity": "legal_representative", "name": "李明远", "power": "", "signed_on": "2026-11-20"},
}
OWN = {"13800138001", "13800138002"}
REVIEW = {
    "licence_matches": True,
    "letter_signed": True,
    "original_received_on": "2026-11-22",
    "call_back_number": "022-12345678",
    "call_back_source": "企业信用信息公示系统",
    "call_back_person": "赵敏",
    "office": "tianjin",
    "counterparty_id": "hea",
}


def found(category: str = "legal_person", facts: dict[str, Any] | None = None, **files: Any) -> dict[str, str]:
    facts = FACTS if facts is None else facts
    kept = {"licence": {}, "letter": {"of": letter_digest(facts)}} | files
    given = {name: each for name, each in kept.items() if each is not None}
    return {fault.pointer: fault.code for fault in faults(category, facts, given, TODAY, AUTHORITY)}


def changed(pointer: str, value: Any) -> dict[str, Any]:
    facts = copy.deepcopy(FACTS)
    *parents, last = pointer.split("/")
    place: Any = facts
    for each in parents:
        place = place[int(each)] if each.isdigit() else place[each]
    place[last] = value
    return facts


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_whole_application_has_no_fault(category: str) -> None:
    assert found(category) == {}


@pytest.mark.parametrize(
    ("pointer", "value", "code"),
    [
        ("name_zh", "", "missing"),
        ("name_zh", "甲" * 101, "text"),
        ("name_en", "Haihe {{ x }}", "template_markup"),
        ("address_en", "3 Shili Road, Dongli District, Tianjin\u202e", "text"),
        ("credit_code", "91120116MA0BF8AX2B", "credit_code_checksum"),
        ("credit_code", "", "missing"),
        ("division", "71", "choice"),
        ("contacts/0/mobile", "+49 69 123456", "mobile_form"),
        ("contacts/0/mobile", "", "missing"),
        ("contacts/1/mobile", "13800138001", "same_contact"),
        ("contacts/1/name", "孙丽", "same_contact"),
        ("contacts/1/email", "ma@h", "email_form"),
        ("contacts/1/department", "", "missing"),
        ("accounts/0/login", "法律部", "chinese_characters"),
        ("accounts/0/department", "", "missing"),
        ("signer/capacity", "friend", "choice"),
        ("signer/signed_on", "2026-11-24", "future"),
        ("signer/signed_on", "soon", "day"),
    ],
)
def test_each_fault_is_named_at_its_place(pointer: str, value: str, code: str) -> None:
    assert found(facts=changed(pointer, value)).get(f"/{pointer}") == code


@pytest.mark.rule("R1")
def test_r1_one_contact_is_not_enough() -> None:
    assert found(facts=changed("contacts", FACTS["contacts"][:1])) == {"/contacts": "two_contacts"}


@pytest.mark.rule("R2", "R3")
def test_r2_several_accounts_each_with_a_name_of_its_own() -> None:
    more = [*FACTS["accounts"], {"department": "运行部", "login": "HEA-YXB"}]
    assert found(facts=changed("accounts", more)) == {}
    doubled = [*FACTS["accounts"], {"department": "运行部", "login": "hea-flb"}]
    assert found(facts=changed("accounts", doubled)) == {"/accounts/1/login": "same_login"}
    assert found(facts=changed("accounts", []))["/accounts"] == "an_account"


def test_an_entity_abroad_may_have_no_credit_code_no_licence_and_numbers_abroad() -> None:
    facts = changed("credit_code", "")
    facts["contacts"][0]["mobile"] = "+49 69 123456"
    assert found("foreign_entity", facts, licence=None) == {}
    assert found("foreign_entity", changed("administration", ""))["/administration"] == "choice"


def test_a_contact_of_an_entity_abroad_needs_no_name_in_chinese() -> None:
    facts = changed("contacts/0/name", "Hans Meier")
    facts["contacts"][0]["name_en"] = "Hans Meier"
    assert found("foreign_entity", facts) == {}
    assert found("legal_person", facts) == {"/contacts/0/name": "untranslated"}
    assert found("foreign_entity", changed("contacts/0/name_en", "孙丽"))["/contacts/0/name_en"] == "untranslated"


def test_in_the_mainland_the_licence_is_needed_and_the_letter_everywhere() -> None:
    assert found(licence=None, letter=None) == {"/files/licence": "missing", "/files/letter": "missing"}
    assert found("foreign_entity", letter=None) == {"/files/letter": "missing"}


def test_an_attorney_shows_the_authority() -> None:
    facts = changed("signer", FACTS["signer"] | {"capacity": "attorney"})
    assert found(facts=facts) == {"/signer/power": "missing", "/files/power_of_attorney": "missing"}
    facts["signer"]["power"] = "董事长张海2026年11月1日授权，签署SES确认函"
    assert found(facts=facts, power_of_attorney={}) == {}


def test_a_letter_that_says_something_else_than_the_application_is_signed_anew() -> None:
    before = {"of": letter_digest(FACTS)}
    assert found(facts=changed("short_name", "海河"), letter=before) == {}  # not in the letter
    other = changed("contacts/0/mobile", "13800138009")
    assert found(facts=other, letter=before) == {"/files/letter": "letter_differs"}


def test_the_letter_names_the_entity_and_its_first_two_contacts() -> None:
    third = {
        "name": "周宁",
        "name_en": "Zhou Ning",
        "department": "部",
        "mobile": "13800138003",
        "email": "z@h.test",
    }
    said = letter_facts(changed("contacts", [*FACTS["contacts"], third]))
    assert said["declarant"]["credit_code"] == FACTS["credit_code"]
    assert [each["name"]["zh"] for each in said["contacts"]] == ["孙丽", "马骏"]
    assert "credit_code" not in letter_facts(changed("credit_code", ""))["declarant"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("licence_matches", False, "missing"),
        ("letter_signed", False, "missing"),
        ("original_received_on", "", "missing"),
        ("original_received_on", "2026-11-19", "day"),
        ("original_received_on", "2026-11-24", "day"),
        ("call_back_number", "", "missing"),
        ("call_back_number", "ask me", "missing"),
        ("call_back_number", "138-0013-8001", "own_number"),
        ("call_back_number", "+86 138 0013 8001", "own_number"),
        ("call_back_source", "", "missing"),
        ("call_back_person", "", "missing"),
        ("office", "nowhere", "missing"),
        ("counterparty_id", "HEA", "identifier"),
        ("counterparty_id", "a/b", "identifier"),
    ],
)
def test_every_point_of_the_checklist_is_needed(name: str, value: object, code: str) -> None:
    signed = date(2026, 11, 20)
    assert review_faults("legal_person", REVIEW, OWN, signed, TODAY) == []
    (fault,) = review_faults("legal_person", REVIEW | {name: value}, OWN, signed, TODAY)
    assert (fault.pointer, fault.code) == (f"/{name}", code)


def test_nobody_asks_an_entity_abroad_for_its_licence() -> None:
    review = REVIEW | {"licence_matches": False}
    assert review_faults("foreign_entity", review, OWN, date(2026, 11, 20), TODAY) == []
