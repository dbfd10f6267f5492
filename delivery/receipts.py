"""The receipt of confirmation (收讫回执): what the counterparty gets for having confirmed, in both languages.

It states facts of record only: what was sent to whom, when it was sent, opened and confirmed, by which account, with
which words, and what the service date is and why. It is no proof of service and carries no seal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Final

import sqlalchemy as sa

from delivery.beijing import date_en, date_zh
from delivery.rule_sets import Reason
from delivery.twin_html import Pair, breakable, moment, paragraphs, spans, table
from records import deliveries, directory, documents, ledger
from templates.manifests import manifest
from templates.typesetters.html import print_html

TITLE: Final[Pair] = ("收讫回执", "Receipt of Confirmation")

_BASES: Final[dict[str | None, Pair]] = {
    "confirmed": ("确认收讫之日", "the day of the confirmation"),
    "deemed": ("发送日后应视为送达之日", "the day on which it is deemed delivered"),
    "paper": ("纸质送达之日", "the day of service on paper"),
    "ruling": ("对异议作出的决定所定之日", "the day set by the ruling on an objection"),
}
_OPEN: Final[dict[str, Pair]] = {
    "pending": ("未定", "not decided yet"),
    "provisional": ("暂不能确定", "cannot be decided yet"),
}
_FACTORS: Final[dict[str, Pair]] = {
    "password": ("密码", "password"),
    "password+totp": ("密码和动态验证码", "password and one-time code"),
    "password+passkey": ("密码和通行密钥", "password and passkey"),
    "passkey": ("通行密钥", "passkey"),
}
_TEST: Final[Pair] = (
    "TEST 测试系统，本回执没有法律效力",
    "TEST system: this receipt has no legal effect",
)
_CLOSING: Final[Pair] = (
    "本回执由系统根据登记的事实自动生成，不代替送达回证，也不加盖印章。摘要可用于核对所确认的文件。",
    "This receipt was made automatically from the facts on record. It takes the place of no proof of service and bears "
    "no seal. The digest serves to check which file was confirmed.",
)


@dataclass(frozen=True)
class Receipt:
    """The facts of one confirmed receipt. Moments carry an offset and are printed in Beijing time.

    `digest` is the SHA-256 of the file that was confirmed, in hexadecimal digits. `person` is the name of whoever
    confirmed, with the office; `factor` what proved who opened the session, `session` the SHA-256 of its token.
    `statement` is word for word what was confirmed. `status`, `service_date`, `basis` and `reasons` are those of the
    service-date answer that stands.
    """

    delivery_id: str
    title: Pair
    number: Pair
    sender: Pair
    recipient: Pair
    sent_at: datetime
    accessed_at: datetime | None
    confirmed_at: datetime
    account: str
    department: str
    person: str
    factor: str
    session: str
    statement: Pair
    digest: str
    status: str
    service_date: date | None
    basis: str | None
    reasons: tuple[Reason, ...]
    test: bool


def receipt_of(connection: sa.Connection, delivery_id: str, *, test: bool) -> Receipt:
    """The receipt of a stored delivery, from its rows and the ledger's own words.

    Raises LookupError when there is no such delivery or its receipt isn't confirmed.
    """
    row = deliveries.get(connection, delivery_id)
    if row["confirmed_at"] is None:
        raise LookupError(f"the receipt of {delivery_id} is not confirmed")
    document = documents.get(connection, row["document_id"])
    found = directory.authority_facts(connection, document["authority_id"], document["authority_revision"])
    if found is None:
        raise LookupError(f"authority {document['authority_id']} has no approved facts")
    key = f"{delivery_id}/confirmed"
    said = next(event.body for event in ledger.events(connection, document["id"]) if event.key == key)
    answer = row["service_answer"] or {"status": "pending", "service_date": None, "basis": None, "reasons": []}
    instrument, sender = manifest(document["instrument"]), found[1]["name"]
    return Receipt(
        delivery_id=delivery_id,
        title=(instrument.title_zh, instrument.title_en),
        number=(document["number_zh"] or "", document["number_en"] or ""),
        sender=(sender["zh"], sender["en"]),
        recipient=(row["recipient_zh"], row["recipient_en"]),
        sent_at=row["sent_at"],
        accessed_at=row["accessed_at"],
        confirmed_at=row["confirmed_at"],
        account=said["login"],
        department=said["department"],
        person="，".join(filter(None, (said.get("person"), said.get("office")))),
        factor=said.get("factor", ""),
        session=said["session_sha256"],
        statement=(said["statement_zh"], said["statement_en"]),
        digest=said["document_sha256"],
        status=answer["status"],
        service_date=date.fromisoformat(answer["service_date"]) if answer["service_date"] else None,
        basis=answer["basis"],
        reasons=tuple(Reason(**reason) for reason in answer["reasons"]),
        test=test,
    )


def print_receipt(receipt: Receipt) -> bytes:
    """The receipt as a PDF file. Raises what the typesetter raises."""
    return print_html(receipt_html(receipt), f"{TITLE[0]} {TITLE[1]}", "zh")


def receipt_html(receipt: Receipt) -> str:
    """The body of the page; every fact in it is escaped."""
    parts = [f'<div class="mark" role="note">{paragraphs(_TEST)}</div>'] if receipt.test else []
    parts += [
        f"<h1>{spans(TITLE)}</h1>",
        table(_facts(receipt)),
        f"<h2>{spans(('确认的内容', 'What was confirmed'))}</h2>",
        paragraphs(receipt.statement),
        f"<h2>{spans(('送达日期', 'Delivery date'))}</h2>",
        paragraphs(_service_date(receipt)),
        _reasons(receipt.reasons),
        f'<aside class="notice" role="note">{paragraphs(_CLOSING)}</aside>',
    ]
    return "\n".join(parts) + "\n"


def _facts(receipt: Receipt) -> Iterable[tuple[Pair, str]]:
    yield ("文书", "Instrument"), spans(receipt.title)
    if receipt.number[0]:
        yield ("文号", "Number"), spans((receipt.number[0], receipt.number[1] or receipt.number[0]))
    yield ("送达机关", "Sender"), spans(receipt.sender)
    yield ("受送达人", "Recipient"), spans(receipt.recipient)
    yield ("发送时间", "Sent"), moment(receipt.sent_at)
    if receipt.accessed_at is not None:
        yield ("首次打开时间", "First opened"), moment(receipt.accessed_at)
    yield ("确认收讫时间", "Receipt confirmed"), moment(receipt.confirmed_at)
    who = "，".join(filter(None, (receipt.account, receipt.department)))
    yield ("确认的账号", "Confirmed by account"), f"<span>{escape(who)}</span>"
    if receipt.person:
        yield ("确认人", "Confirmed by"), f"<span>{escape(receipt.person)}</span>"
    if receipt.factor:
        yield ("登录方式", "Logged in by"), spans(_FACTORS[receipt.factor])
    yield ("登录会话（SHA-256）", "Session (SHA-256)"), f"<span>{breakable(receipt.session)}</span>"
    yield ("送达记录编号", "Delivery record"), f"<span>{breakable(receipt.delivery_id)}</span>"
    yield ("文件摘要（SHA-256）", "Digest of the file (SHA-256)"), f"<span>{breakable(receipt.digest)}</span>"


def _service_date(receipt: Receipt) -> Pair:
    if receipt.service_date is None:
        zh, en = _OPEN[receipt.status]
        return f"截至本回执生成之时，送达日期{zh}。", f"When this receipt was made, the delivery date was {en}."
    zh, en = _BASES[receipt.basis]
    day = receipt.service_date
    return f"送达日期：{date_zh(day)}（{zh}）。", f"The delivery date is {date_en(day)} ({en})."


def _reasons(reasons: Sequence[Reason]) -> str:
    items = (
        f"<li>{paragraphs((f'{number}. {reason.text_zh}（{reason.citation}）', f'{number}. {reason.text_en}'))}</li>"
        for number, reason in enumerate(reasons, 1)
    )
    return f'<ol class="marked">{"".join(items)}</ol>'
