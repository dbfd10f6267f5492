"""SMS: that an instrument has arrived, or that a seal's key was lost, and nothing of a case; codes and results of
registrations. None is ever service.

Gateways send by template and parameters, as Chinese operators demand; the recording one writes what it would send.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from records.errors import Permanent

TEMPLATES: Final[Mapping[str, str]] = {
    "instrument-arrived": "【{system}】贵单位账号收到一份行政执法文书，请及时登录系统查收并确认收讫。本短信仅为提醒。"
    "An enforcement instrument has arrived in your account: please log in and confirm receipt. Reminder only.",
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
    "Your registration {number} has been returned: please see the reasons on the registration page and report it anew.",
    "activation-code": "【{system}】账号{login}的激活码为{code}，{days}日内有效。请在登录页面选择“首次登录”，"
    "自行设置密码，请勿告知他人。"
    "The activation code of account {login} is {code}, valid for {days} days: choose your password under First log-in."
    " Tell the code to nobody.",
}
"""Texts by template. Real gateways have the same texts approved under the same names."""

_PHONE = re.compile(r"\+?[0-9]{6,15}")
_PARAMETER = re.compile(r"[^\x00-\x1f\x7f{}]{1,40}")


class SmsGateway(Protocol):
    """Something that sends an SMS.

    `out_id` is the notice's own id and never changes over retries, so that the gateway's reports can be matched.
    Returns the gateway's answer; raises `Retry`, `Permanent` or `Ambiguous`.
    """

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


def sms_gateway(name: str, folder: Path) -> SmsGateway:
    """The gateway that the settings name; `folder` is where the recording one writes `sms.jsonl`."""
    if name == "recording":
        return RecordingGateway(folder / "sms.jsonl")
    raise Permanent(f"there is no SMS gateway {name!r}")
