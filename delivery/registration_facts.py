"""What an application for registration has to say (000 二, annex 2), judged as a whole: pure rules, no rows.

Facts are one JSON object: the entity's own (`name_zh`, `credit_code`, `division` …), `contacts`, `accounts`, `signer`.
Faults point into it; those of the scans point at `/files/…`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from delivery import account_names
from delivery.offices import offices
from records.errors import Fault
from templates.catalogue import catalogue, check_job_document
from templates.identifiers import check_credit_code, check_email, check_mobile
from templates.markup import markup_faults

CATEGORIES: Final = ("legal_person", "other_organisation", "foreign_entity")
FOREIGN_KINDS: Final = ("carrier", "other")
CAPACITIES: Final = ("legal_representative", "attorney")
FILES: Final = ("licence", "letter", "power_of_attorney")

MOST_CONTACTS: Final = 4
MOST_ACCOUNTS: Final = 10
LETTER: Final = "confirmation-letter"

ENTITY: Final = ("name_zh", "name_en", "short_name", "abbreviation", "credit_code", "address_zh", "address_en")
CONTACT: Final = ("name", "name_en", "department", "mobile", "email")
ACCOUNT: Final = ("department", "login")
SIGNER: Final = ("capacity", "name", "power", "signed_on")

_OPTIONAL: Final = ("abbreviation", "credit_code")
_LONGEST: Final = {"name_zh": 100, "name_en": 200, "short_name": 40, "abbreviation": 12, "address_zh": 200} | {
    "address_en": 300,
    "name": 60,
    "department": 60,
    "power": 300,
}
_ABROAD = re.compile(r"\+[0-9][0-9 -]{5,18}")
_CONTACTS_RULE: Final = "000 二(一)"

#: Where what is printed in the letter stands in the facts.
_OF_LETTER: Final = (
    ("/declarant/name/zh", "/name_zh"),
    ("/declarant/name", "/name_en"),
    ("/declarant/address/zh", "/address_zh"),
    ("/declarant/address", "/address_en"),
    ("/declarant/credit_code", "/credit_code"),
)


def faults(
    category: str, facts: Mapping[str, Any], files: Mapping[str, Any], today: date, authority: Mapping[str, Any]
) -> list[Fault]:
    """Everything that keeps an application from being reported, on `today` at Beijing; none when it may be.

    `files` are the scans by what they are; `authority` is the authority's own record.
    """
    found = [
        *_entity(category, facts),
        *_contacts(category, facts.get("contacts", [])),
        *_accounts(facts.get("accounts", [])),
        *_signer(facts.get("signer", {}), today),
        *_files(category, facts, files),
        *markup_faults(facts),
    ]
    seen = {fault.pointer for fault in found}
    return found + [fault for fault in _letter(category, facts, authority) if fault.pointer not in seen]


def letter_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the confirmation letter (E1) that the applicant prints, signs and seals."""
    declarant: dict[str, Any] = {
        "name": {"zh": facts.get("name_zh", ""), "en": facts.get("name_en", "")},
        "address": {"zh": facts.get("address_zh", ""), "en": facts.get("address_en", "")},
    }
    if facts.get("credit_code"):
        declarant["credit_code"] = facts["credit_code"]
    contacts = [
        {"name": {"zh": each.get("name", ""), "en": each.get("name_en", "")}, "phone": each.get("mobile", "")}
        for each in facts.get("contacts", [])[:2]
    ]
    return {"declarant": declarant, "contacts": contacts}


def letter_digest(facts: Mapping[str, Any]) -> str:
    """SHA-256 of what the letter says: if another one than at the signing, it must be signed anew."""
    said = json.dumps(letter_facts(facts), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _entity(category: str, facts: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ENTITY:
        yield from _text(facts, name, "", optional=name in _OPTIONAL)
    code = facts.get("credit_code", "")
    if code and (fault := check_credit_code(code)):
        yield fault.under("/credit_code")
    if not code and category != "foreign_entity":
        yield _missing("/credit_code")
    if category == "foreign_entity":
        yield from _one_of(facts, "foreign_kind", FOREIGN_KINDS)
        yield from _one_of(facts, "administration", tuple(offices().administrations))
    else:
        yield from _one_of(facts, "division", tuple(offices().divisions))


def _contacts(category: str, contacts: list[Mapping[str, str]]) -> Iterator[Fault]:
    for place, each in enumerate(contacts):
        at = f"/contacts/{place}"
        for name in ("name", "name_en", "department"):
            yield from _text(each, name, at)
        mobile, email = each.get("mobile", ""), each.get("email", "")
        abroad = category == "foreign_entity" and _ABROAD.fullmatch(mobile)
        if not mobile:
            yield _missing(f"{at}/mobile")
        elif not abroad and (fault := check_mobile(mobile)):
            yield fault.under(f"{at}/mobile")
        if not email:
            yield _missing(f"{at}/email")
        elif fault := check_email(email):
            yield fault.under(f"{at}/email")
    if len(contacts) < 2:
        yield Fault("/contacts", "two_contacts", "Two contacts are needed.", "应当指定两名联系人。", _CONTACTS_RULE)
    for name in ("name", "mobile"):
        values = [each.get(name, "").casefold() for each in contacts]
        for place, value in enumerate(values):
            if value and value in values[:place]:
                said = ("The contacts are different persons.", "联系人应为不同的人。")
                yield Fault(f"/contacts/{place}/{name}", "same_contact", *said, _CONTACTS_RULE)


def _accounts(accounts: list[Mapping[str, str]]) -> Iterator[Fault]:
    if not accounts:
        yield Fault(
            "/accounts", "an_account", "One account at least is needed.", "至少应当申请一个账号。", "000 二(二)"
        )
    logins = [each.get("login", "").lower() for each in accounts]
    for place, each in enumerate(accounts):
        at = f"/accounts/{place}"
        yield from _text(each, "department", at)
        if not each.get("login"):
            yield _missing(f"{at}/login")
        elif fault := account_names.check(each["login"]):
            yield fault.under(f"{at}/login")
        elif logins[place] in logins[:place]:
            yield Fault(f"{at}/login", "same_login", "This name stands above already.", "账号名称重复。", "000 二(二)")


def _signer(signer: Mapping[str, str], today: date) -> Iterator[Fault]:
    yield from (fault.under("/signer") for fault in _one_of(signer, "capacity", CAPACITIES))
    yield from _text(signer, "name", "/signer")
    if signer.get("capacity") == "attorney":
        yield from _text(signer, "power", "/signer")
    try:
        if date.fromisoformat(signer.get("signed_on", "")) > today:
            said = ("The letter cannot have been signed after today.", "签署日期不得晚于今天。")
            yield Fault("/signer/signed_on", "future", *said)
    except ValueError:
        said = ("Write the day as 20261122 or 2026-11-22.", "日期须写作20261122或者2026-11-22。")
        yield Fault("/signer/signed_on", "day", *said)


def _files(category: str, facts: Mapping[str, Any], files: Mapping[str, Any]) -> Iterator[Fault]:
    needed = [
        *(["licence"] if category != "foreign_entity" else []),
        "letter",
        *(["power_of_attorney"] if facts.get("signer", {}).get("capacity") == "attorney" else []),
    ]
    for name in needed:
        if name not in files:
            yield Fault(f"/files/{name}", "missing", "The scan is missing.", "请上传扫描件。", "000 二(三)")
    if "letter" in files and files["letter"].get("of") != letter_digest(facts):
        yield Fault(
            "/files/letter",
            "letter_differs",
            "What the letter says was changed after it was uploaded: print, sign and seal it anew, and upload that.",
            "上传确认函后，函中内容已修改：请重新打印、签字、盖章并上传。",
            "000 二(三)",
        )


def _letter(category: str, facts: Mapping[str, Any], authority: Mapping[str, Any]) -> Iterator[Fault]:
    """What the letter could not be printed with: missing glyphs, control characters, texts that do not agree.

    A contact of an entity abroad need not have a name in Chinese: the one in the passport stands for both.
    """
    for fault in check_job_document(catalogue().get(LETTER), letter_facts(facts), authority):
        named = re.match(r"/contacts/[0-9]+/name", fault.pointer)
        if (
            named
            and fault.code == "untranslated"
            and not fault.pointer.endswith("/en")
            and category == "foreign_entity"
        ):
            continue
        pointer = next((own for printed, own in _OF_LETTER if fault.pointer.startswith(printed)), "/contacts")
        if contact := re.match(r"/contacts/([0-9]+)(/name/zh|/name|/phone)?", fault.pointer):
            part = {"/name/zh": "/name", "/name": "/name_en", "/phone": "/mobile", None: ""}[contact[2]]
            pointer = f"/contacts/{contact[1]}{part}"
        yield Fault(pointer, fault.code, fault.message_en, fault.message_zh, fault.rule)


def _text(values: Mapping[str, Any], name: str, at: str, *, optional: bool = False) -> Iterator[Fault]:
    value, longest = values.get(name, ""), _LONGEST.get(name, 100)
    if not value and not optional:
        yield _missing(f"{at}/{name}")
    elif len(value) > longest or not value.isprintable():
        said = (f"At most {longest} characters, in one line.", f"最多{longest}字，不得换行。")
        yield Fault(f"{at}/{name}", "text", *said)


def _one_of(values: Mapping[str, Any], name: str, known: tuple[str, ...]) -> Iterator[Fault]:
    if values.get(name, "") not in known:
        yield Fault(f"/{name}", "choice", "Please choose.", "请选择。")


def _missing(pointer: str) -> Fault:
    return Fault(pointer, "missing", "This is needed.", "此项必填。")
