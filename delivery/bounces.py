"""What mail systems report of our mails later: delivery status notifications (RFC 3461, RFC 3464). Pure.

A report is matched by the envelope id or the Message-ID that we chose. Anybody may write such a mail: it is recorded
and shown, and never changes whether or when something was served.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from typing import Final

from records.errors import Fault, Refused

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a report."""

_REPORTS: Final = {"failed": "failed", "delayed": "delayed", "delivered": "delivered", "relayed": "delivered"}
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,300}>")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


@dataclass(frozen=True)
class MailReport:
    """What became of one mail: `report` is `failed`, `delayed` or `delivered`, `code` the status (RFC 3463).

    `recipient` and `detail` are what the other side wrote; `message_id` is in angle brackets.
    """

    message_id: str
    report: str
    code: str
    recipient: str
    detail: str


def read_bounce(data: bytes) -> MailReport:
    """The report in a mail. Raises Refused when it is none, or does not say which mail it is about."""
    if len(data) > LARGEST:
        raise _refused("too_large", f"a report has at most {LARGEST} bytes", "报告过大。")
    mail = message_from_bytes(data)
    blocks = _status_blocks(mail)
    if not blocks:
        raise _refused("no_report", "this is no delivery status notification (RFC 3464)", "这不是投递状态报告。")
    told = next((each for each in blocks if each.get("action", "").strip().lower() in _REPORTS), None)
    message_id = _message_id(mail, blocks)
    if told is None or not message_id:
        raise _refused("unclear", "the report does not say what became of which mail", "报告未说明所指邮件及其结果。")
    code = _STATUS.search(told.get("status", ""))
    return MailReport(
        message_id,
        _REPORTS[told["action"].strip().lower()],
        code[0] if code else "",
        _plain(told.get("final-recipient", "").partition(";")[2]),
        _plain(told.get("diagnostic-code", "").partition(";")[2]),
    )


def _refused(code: str, en: str, zh: str) -> Refused:
    return Refused([Fault("", code, en, zh, "RFC 3464")])


def _status_blocks(mail: Message) -> list[Message]:
    """The groups of fields of the machine-readable part: the first is about the mail, each other about a recipient."""
    for part in mail.walk():
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            payload = part.get_payload()
            return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []
    return []


def _message_id(mail: Message, blocks: list[Message]) -> str:
    """Of the mail that is reported on: from the envelope id, else from the headers that came back."""
    envelope = _XTEXT.sub(lambda hexed: chr(int(hexed[1], 16)), blocks[0].get("original-envelope-id", "").strip())
    if _MESSAGE_ID.fullmatch(f"<{envelope}>"):
        return f"<{envelope}>"
    for part in mail.walk():
        kind = part.get_content_type()
        if part is mail or kind not in ("message/rfc822", "text/rfc822-headers", "message/global-headers"):
            continue
        payload = part.get_payload()
        if isinstance(payload, list) and isinstance(payload[0], Message):
            returned = payload[0].get("message-id", "")
        else:
            raw = part.get_payload(decode=True)
            returned = message_from_bytes(raw if isinstance(raw, bytes) else b"").get("message-id", "")
        found = _MESSAGE_ID.search(returned)
        if found:
            return found[0]
    return ""


def _plain(text: str) -> str:
    """One line of what a foreign server wrote, without control characters and not without end."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())[:300]


def same_mailbox(recipient: str, address: str) -> bool:
    """Whether a report speaks of the address that we wrote to; a mail may have been forwarded."""
    return parseaddr(recipient)[1].casefold() == address.casefold()
