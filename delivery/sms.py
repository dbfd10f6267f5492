"""SMS: reminders of an instrument, notices of a lost key or of changed entries, and nothing of a case; codes and
results of registrations. None is ever service.

Gateways send by template and parameters, as Chinese operators demand; the recording one writes what it would send.
Others: `delivery.sms_aliyun`, `delivery.sms_http`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from records.errors import Fault, Permanent, Refused

TEMPLATES: Final[Mapping[str, str]] = {
    "instrument-arrived": "【{system}】贵单位账号收到一份行政执法文书，请及时登录系统查收并确认收讫。本短信仅为提醒。"
    "An enforcement instrument has arrived in your account: please log in and confirm receipt. Reminder only.",
    "confirm-in-time": "【{system}】贵单位账号中有一份行政执法文书尚未确认收讫，最后一日为{day_zh}。本短信仅为提醒。"
    "The receipt of an instrument in your account is not confirmed yet; the last day is {day_en}. Reminder only.",
    "served": "【{system}】贵单位账号中一份行政执法文书的送达日期为{day_zh}，期限请登录查看。本短信仅为提醒。"
    "The delivery date of an instrument in your account is {day_en}. Log in for the periods. Reminder only.",
    "deadline-near": "【{system}】贵单位账号中一份行政执法文书有期限将于{day_zh}届满，请登录查看。本短信仅为提醒。"
    "A period of an instrument in your account ends on {day_en}. Please log in. Reminder only.",
    "entry-changed": "【{system}】贵单位在本系统登记的信息有变更，请登录查看；如非本单位提出，请立即撤回并联系我们。"
    "Your registered data was changed. Log in to see it; if it was not you, take it back and call us.",
    "seal-lost": "【{system}】本机关一枚电子印章的密钥可能已为他人掌握，印章已停用。"
    "有关文书已在贵单位账号中标明，期限仍可能计算；"
    "账号中查不到的文书，请先用已知电话向我们核实，再行办理。"
    "The key of one of our electronic seals may have been in other hands; it is no longer used. Documents concerned "
    "are marked in your account, periods may be running. Before you act on one that is not in your account, ask us by "
    "a number you know.",
    "register-code": "【{system}】验证码{code}，用于相对人注册或者查询注册申请，{minutes}分钟内有效，请勿告知他人。"
    "Your code for the registration is {code}, valid for {minutes} minutes. Tell it to nobody.",
    "registration-approved": "【{system}】贵单位的注册申请{number}已审核通过，账号激活码另行发送。"
    "Your registration {number} has been approved; the activation codes are sent separately.",
    "registration-returned": "【{system}】贵单位的注册申请{number}已被退回，请登录注册页面查看原因并修改后重新报送。"
    "Your registration {number} has been returned: see the reasons on the registration page and submit it again.",
    "activation-code": "【{system}】账号{login}的激活码为{code}，{days}日内有效。请在登录页面选择“首次登录”，"
    "自行设置密码，请勿告知他人。"
    "The activation code of account {login} is {code}, valid for {days} days: choose your password under First log-in."
    " Tell the code to nobody.",
}
"""Texts by template. Operators approve the same texts, without their beginning 【…】, under codes of their own."""

_PHONE = re.compile(r"\+?[0-9]{6,15}")
_PARAMETER = re.compile(r"[^\x00-\x1f\x7f{}]{1,40}")


MOST_REPORTS: Final = 1000
"""Reports that are taken at a time."""


@dataclass(frozen=True)
class SmsReport:
    """What the gateway told later of one message: whether it arrived, and the operator's code."""

    out_id: str
    delivered: bool
    code: str


def read_reports(value: Any) -> tuple[SmsReport, ...]:
    """The reports of a gateway: objects with `out_id`, `success` and `err_code`, as Alibaba Cloud pushes them.

    Other members are let be. Raises Refused for anything else.
    """
    if not isinstance(value, list) or not all(map(_is_report, value)):
        message = "a list of objects with `out_id` (text), `success` (true or false) and `err_code` (text) is expected"
        raise Refused([Fault("", "reports", message, "应为由 out_id、success、err_code 组成的对象列表。")])
    if len(value) > MOST_REPORTS:
        message = f"At most {MOST_REPORTS} reports at a time."
        raise Refused([Fault("", "too_many", message, f"一次最多{MOST_REPORTS}条。")])
    return tuple(SmsReport(each["out_id"], each["success"], str(each.get("err_code", ""))[:60]) for each in value)


def _is_report(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("out_id"), str) and isinstance(value.get("success"), bool)


class SmsGateway(Protocol):
    """Something that sends an SMS.

    `out_id` is the notice's own id and never changes over retries, so that the gateway's reports can be matched.
    Returns the gateway's answer; raises `Retry` when nothing went out, `Permanent` or `Ambiguous`. No error shows the
    number or what was sent. `repeats` says whether a message that is sent again under its `out_id` goes out once.
    """

    repeats: bool

    def send(self, out_id: str, phone: str, template: str, params: Mapping[str, str]) -> str:
        """Send one message to one phone."""
        ...


def sms_text(template: str, params: Mapping[str, str]) -> str:
    """The text of a message. Raises `Permanent` for an unknown template or a parameter that isn't short plain text."""
    if template not in TEMPLATES:
        raise Permanent(f"there is no SMS template {template!r}")
    for name, value in params.items():
        if not _PARAMETER.fullmatch(value):
            raise Permanent(f"SMS parameter {name} is not a short plain text")
    try:
        return TEMPLATES[template].format_map(params)
    except KeyError as error:
        raise Permanent(f"SMS parameter {error.args[0]} is missing") from error


def checked_phone(phone: str) -> str:
    """The phone number without spaces and hyphens. Raises `Permanent` when it isn't one."""
    plain = re.sub(r"[ -]", "", phone)
    if not _PHONE.fullmatch(plain):
        raise Permanent(f"{phone!r:.40} is not a phone number")
    return plain


class RecordingGateway:
    """Writes each message as one JSON line to a file instead of sending it; the default, and the TEST system's."""

    repeats = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, out_id: str, phone: str, template: str, params: Mapping[str, str]) -> str:
        """Record one message, durably and whole (one write to a file opened for appending)."""
        message = {
            "out_id": out_id,
            "phone": checked_phone(phone),
            "template": template,
            "text": sms_text(template, params),
            "recorded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)
        return f"recorded in {self._path.name}"
