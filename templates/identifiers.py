"""Identifiers with rules of their own: each check returns None, or the Fault that says why the text is refused."""

from __future__ import annotations

import re
from datetime import date

from records.errors import Fault

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CITIZEN_CHECKS = "10X98765432"

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_EMAIL_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_EMAIL_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LICENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9./-]{1,38}[A-Za-z0-9])")


def credit_code_check_character(first: str) -> str:
    """The 18th character for the first 17 of a unified social credit code (GB 32100-2015, annex A; modulus 31)."""
    total = sum(_CREDIT_ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(first))
    return _CREDIT_ALPHABET[-total % 31]


def check_credit_code(value: str) -> Fault | None:
    """A unified social credit code (统一社会信用代码, GB 32100-2015): 18 characters, the last one a checksum."""
    rule = "GB 32100-2015"
    if len(value) != 18:
        return _fault(
            "credit_code_length", f"a credit code has 18 characters, this has {len(value)}", "长度应为18位", rule
        )
    strange = sorted({character for character in value if character not in _CREDIT_ALPHABET})
    if strange:
        shown = " ".join(strange)
        return _fault(
            "credit_code_character",
            f"a credit code has digits and capitals without I, O, S, V, Z; found {shown}",
            f"只能含数字和大写字母（不含I、O、S、V、Z），发现：{shown}",
            rule,
        )
    if not value[2:8].isdigit():
        return _fault(
            "credit_code_region", "characters 3 to 8 are the region in digits", "第3至8位应为行政区划数字", rule
        )
    right = credit_code_check_character(value[:17])
    if value[17] != right:
        # the right character is not told: a sender who may set it in unread would defeat the check
        return _fault(
            "credit_code_checksum", "the checksum of the credit code is wrong", "统一社会信用代码校验码错误", rule
        )
    return None


def check_citizen_id(value: str) -> Fault | None:
    """A citizen identity number (公民身份号码, GB 11643-1999): 17 digits with a day of birth, then a checksum."""
    rule = "GB 11643-1999"
    digits = value[:17]
    if len(value) != 18 or not (digits.isascii() and digits.isdigit()) or value[17] not in _CITIZEN_CHECKS:
        return _fault(
            "citizen_id_form", "an identity number has 17 digits and a digit or X", "应为17位数字加校验码", rule
        )
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        born = date.min
    if born.year < 1850:
        return _fault("citizen_id_birth", "the day of birth in the identity number is no day", "出生日期码无效", rule)
    total = sum(int(digit) * weight for digit, weight in zip(digits, _CITIZEN_WEIGHTS, strict=True))
    if value[17] != _CITIZEN_CHECKS[total % 11]:
        return _fault("citizen_id_checksum", "the checksum of the identity number is wrong", "身份号码校验码错误", rule)
    return None


def check_mobile(value: str) -> Fault | None:
    """A mobile number of mainland China, 11 digits without country code: messages are only sent there."""
    if _MOBILE.fullmatch(value):
        return None
    return _fault(
        "mobile_form", "a mainland mobile number has 11 digits, 13… to 19…", "应为11位中国境内手机号码", "000, annex 2"
    )


def check_email(value: str) -> Fault | None:
    """An e-mail address that ordinary mail servers take: ASCII, unquoted, with a domain name (RFC 5321, 4.5.3.1)."""
    local, at, domain = value.rpartition("@")
    labels = domain.split(".")
    good = (
        bool(at)
        and len(value) <= 254
        and len(local) <= 64
        and _EMAIL_LOCAL.fullmatch(local) is not None
        and len(labels) >= 2
        and all(_EMAIL_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    return None if good else _fault("email_form", "not an e-mail address", "电子邮箱地址格式错误", "RFC 5321")


def check_licence(value: str) -> Fault | None:
    """The number of a licence or certificate: 3 to 40 Latin letters, digits, hyphens, dots and strokes."""
    if _LICENCE.fullmatch(value):
        return None
    return _fault(
        "licence_form",
        "a licence number has 3 to 40 letters, digits, '-', '.' or '/', and begins and ends with a letter or digit",
        "证照编号应为3至40位字母、数字、“-”“.”“/”，首尾为字母或数字",
    )


def _fault(code: str, message_en: str, message_zh: str, rule: str = "") -> Fault:
    return Fault("", code, message_en, message_zh, rule)
