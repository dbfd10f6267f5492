"""What a counterparty does in its inbox: open a document, confirm its receipt. One transaction each.

Opening or downloading is `accessed` and never a confirmation; the receipt is confirmed only by an express act of an
authenticated account, recorded when it arrives here (Electronic Signature Law Art 10, 11; confirmation letter II.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from delivery.service import refresh_deadlines, settle_now
from records import deliveries
from records.access import Account, factor_of
from records.database import Database, legal_time
from records.ledger import append
from records.people import Acting
from templates.manifests import manifests

_STATEMENT_ZH: Final = (
    "本单位通过被批准的专用登录账号确认：已收到《{title}》（{number}）。确认收讫不晚于发送之日起第三个工作日的，"
    "确认之日即为送达之日，有关期限自该日的次日起按规定计算。同时以纸质方式送达的文书，以纸质送达之日为准。"
    "确认收讫仅表示收到文书，不表示同意其内容，不影响陈述、申辩、要求听证、申请行政复议或提起行政诉讼的权利。"
)
_STATEMENT_EN: Final = (
    "By our approved log-in account we confirm that we have received the {title} ({number}). If this confirmation is "
    "made not later than the third working day after the date of sending, the day of the confirmation is the delivery "
    "date, and periods are counted from the day after it as the law provides. Where the instrument is delivered in "
    "hard copy as well, the date of delivery of the hard copy counts. Confirming means only that the document was "
    "received: it is no consent to its contents and leaves untouched the rights to make a statement or a defence, to "
    "demand a hearing, to apply for administrative reconsideration and to bring an administrative action."
)


@dataclass(frozen=True)
class Statement:
    """The words that are shown before a receipt is confirmed, and recorded with the confirmation."""

    zh: str
    en: str


@dataclass(frozen=True)
class Confirmed:
    """A receipt that stands confirmed at `at` (UTC), by the account `account_id`.

    `first` is False for a repetition, which changed nothing. `hint` names the steps that are due now.
    """

    at: datetime
    account_id: str
    first: bool
    hint: tuple[str, ...]


def statement(item: sa.RowMapping) -> Statement:
    """The statement for one item of the inbox, in both languages."""
    manifest = manifests()[item["instrument"]]
    return Statement(
        _STATEMENT_ZH.format(title=manifest.title_zh, number=item["number_zh"] or "无文号"),
        _STATEMENT_EN.format(title=manifest.title_en, number=item["number_en"] or "without number"),
    )


def _item(connection: sa.Connection, delivery_id: str, account: Account) -> sa.RowMapping:
    item = deliveries.inbox_item(connection, delivery_id, account)
    if item is None:
        raise LookupError(f"no delivery {delivery_id} in this inbox")
    return item


def access(database: Database, delivery_id: str, account: Account, session_hash: str, how: str) -> bool:
    """Record that the document was opened (`how`: reading, pdf); says whether this was the first time.

    Never confirms. Raises LookupError when the delivery is not in this account's inbox.
    """
    with database.write() as connection:
        item = _item(connection, delivery_id, account)
        if item["accessed_at"] is not None:
            return False
        moment = legal_time(connection)
        first = append(  # takes the stream's lock: what is read below is what stands
            connection,
            item["document_id"],
            f"{delivery_id}/accessed",
            "delivery.accessed",
            subject=delivery_id,
            actor=account.id,
            happened_at=moment,
            body=actor_of(connection, account, session_hash) | {"how": how, "document_sha256": item["final_digest"]},
        )
        if first:
            present = deliveries.get(connection, delivery_id)["status"]
            status = "accessed" if present == "available" else present
            deliveries.update(connection, delivery_id, status=status, accessed_at=moment)
            refresh_deadlines(connection, delivery_id, moment)
        return first


def confirm(
    database: Database,
    delivery_id: str,
    account: Account,
    session_hash: str,
    shown: Statement,
    acting: Acting | None = None,
) -> Confirmed:
    """Confirm the receipt with the words `shown`; a repetition changes nothing and tells of the first one.

    `acting` is whoever uses the account; the pages let nobody confirm without a name. A late confirmation is recorded
    like any other: whether it sets the date is for the service-date rules. Raises LookupError when the delivery is not
    in this account's inbox.
    """
    with database.write() as connection:
        item = _item(connection, delivery_id, account)
        moment = legal_time(connection)
        first = append(
            connection,
            item["document_id"],
            f"{delivery_id}/confirmed",
            "delivery.confirmed",
            subject=delivery_id,
            actor=account.id,
            happened_at=moment,
            body=actor_of(connection, account, session_hash, acting)
            | {
                "document_sha256": item["final_digest"],
                "statement_zh": shown.zh,
                "statement_en": shown.en,
            },
        )
        present = deliveries.get(connection, delivery_id)
        if not first:
            return Confirmed(present["confirmed_at"], present["confirmed_by"], False, ())
        # a deemed delivery stays deemed: a late confirmation is on record and changes nothing
        status = "deemed" if present["status"] == "deemed" else "confirmed"
        deliveries.update(connection, delivery_id, status=status, confirmed_at=moment, confirmed_by=account.id)
        return Confirmed(moment, account.id, True, settle_now(connection, delivery_id, moment))


def actor_of(
    connection: sa.Connection, account: Account, session_hash: str, acting: Acting | None = None
) -> dict[str, Any]:
    """Who acted, as an event tells it: the account with its session and its factor, and the person who used it."""
    told = {
        "account": account.id,
        "login": account.login,
        "department": account.department,
        "counterparty": account.counterparty_id,
        "session_sha256": session_hash,
        "factor": factor_of(connection, session_hash),
    }
    return told if acting is None else told | {"person": acting.name, "office": acting.office}
