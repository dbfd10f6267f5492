"""Handing in material against a document: statement and defence, request for a hearing, evidence, proof of payment.

What comes late is taken in and marked late: whether it still counts is for whoever decides the case. Nothing that was
handed in is ever changed; what replaces it is a new submission, and both stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.handed_files import Judged, judge, name_all, store_all
from delivery.inbox import actor_of
from delivery.kept_deadlines import kept
from records import deliveries, documents, ledger, submissions
from records.access import Account
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.people import NOBODY, Acting
from records.store import Store
from records.submissions import File

PAYMENT_PROOF: Final = "payment_proof"
KINDS: Final = ("statement", "hearing_request", "evidence", PAYMENT_PROOF, "material")
MOST_FILES: Final = 5
MOST_WORDS: Final = 8000
"""Characters of what is written into the form."""

#: The limit of each kind, by which it is late (delivery/deadlines.toml).
_LIMITS: Final = {"statement": "statement", "hearing_request": "hearing-request", PAYMENT_PROOF: "payment"}
_NEEDS_FILE: Final = ("evidence", PAYMENT_PROOF)

DECLARATION: Final = (
    "本单位声明：所提交的材料真实、合法，复制件与原件一致；如有不实，愿承担相应的法律责任。",
    "We declare that the material submitted is true and lawful and that copies are identical to the originals; should "
    "anything be untrue, we accept the corresponding legal liability.",
)
"""What whoever hands in material declares, in Chinese and in English; recorded with it word for word."""


@dataclass(frozen=True)
class Handed:
    """What is handed in. `files` are fields, names and bytes; `replaces` names the submission that it is instead of."""

    id: str
    kind: str
    words: str
    files: Sequence[tuple[str, str, bytes]]
    declared: bool
    replaces: str | None = None


def submit(
    database: Database,
    store: Store,
    delivery_id: str,
    account: Account,
    session_hash: str,
    acting: Acting | None,
    handed: Handed,
) -> bool:
    """Take in a submission; False for one that stands already under its id, as after a second click.

    Without `acting`, whoever uses the account, it is refused. Raises Refused with every fault,
    LookupError when the delivery is not in this account's inbox.
    """
    acting, judged = _checked(handed, acting)
    files = store_all(store, judged)
    with database.write() as connection:
        row = deliveries.inbox_item(connection, delivery_id, account)
        if row is None:
            raise LookupError(f"no delivery {delivery_id} in this inbox")
        ledger.lock(connection, row["document_id"])
        if submissions.find(connection, handed.id, account.authority_id) is not None:
            return False
        _check_former(connection, handed, delivery_id)
        name_all(connection, files)
        _write(connection, row, account, session_hash, acting, handed, files)
        return True


def _checked(handed: Handed, acting: Acting | None) -> tuple[Acting, list[Judged]]:
    """Who hands in, and the files as they are judged by their content. Raises Refused."""
    faults = [] if acting else [NOBODY]
    if handed.kind not in KINDS:
        faults.append(Fault("/kind", "unknown_kind", "Choose the type of material.", "请选择材料种类。"))
    if not handed.declared:
        en = "Confirm the declaration."
        faults.append(Fault("/declared", "not_declared", en, "请确认真实性声明。"))
    if len(handed.words) > MOST_WORDS:
        en = f"At most {MOST_WORDS} characters; put the rest into a file."
        faults.append(Fault("/words", "too_long", en, f"最多{MOST_WORDS}字，其余内容请以文件提交。"))
    if not handed.words and not handed.files:
        faults.append(Fault("/words", "nothing", "Enter the content or add a file.", "请填写内容或者添加文件。"))
    if handed.kind in _NEEDS_FILE and not handed.files:
        faults.append(Fault("/file1", "no_file", "This material requires a file.", "此类材料须附文件。", "004-36"))
    if len(handed.files) > MOST_FILES:
        faults.append(Fault("/file1", "too_many", f"At most {MOST_FILES} files.", f"最多{MOST_FILES}个文件。"))
    found = judge(handed.files[:MOST_FILES], faults)
    if faults or acting is None:
        raise Refused(faults)
    return acting, found


def _check_former(connection: sa.Connection, handed: Handed, delivery_id: str) -> None:
    if handed.replaces is None:
        return
    known = {row["id"]: row for row in submissions.of_delivery(connection, delivery_id)}
    former = known.get(handed.replaces)
    if former is None:
        raise LookupError(f"no submission {handed.replaces} against {delivery_id}")
    if former["superseded_by"] is not None:
        en = "This was replaced already; replace the newer one."
        raise Refused([Fault("/kind", "replaced", en, "该材料已被更新，请更新最新的一份。")])


def limit_of(row: sa.RowMapping | Mapping[str, Any], kind: str) -> date | None:
    """The last day for material of this kind against the delivery `row`, if it is fixed."""
    for each in kept(row):
        if each.limit.rule.id == _LIMITS.get(kind) and not each.cancelled and each.limit.status == "fixed":
            return each.limit.last_day
    return None


def _write(
    connection: sa.Connection,
    row: sa.RowMapping,
    account: Account,
    session_hash: str,
    acting: Acting,
    handed: Handed,
    files: Sequence[File],
) -> None:
    moment, last_day = legal_time(connection), limit_of(row, handed.kind)
    late = last_day is not None and day_of(moment) > last_day
    told = {
        "kind": handed.kind,
        "words": handed.words,
        "declaration_zh": DECLARATION[0],
        "declaration_en": DECLARATION[1],
        "last_day": last_day.isoformat() if last_day else None,
        "late": late,
        "supersedes": handed.replaces,
    }
    values = told | {
        "id": handed.id,
        "authority_id": row["authority_id"],
        "counterparty_id": row["counterparty_id"],
        "client_id": documents.get(connection, row["document_id"])["client_id"],
        "delivery_id": row["id"],
        "document_id": row["document_id"],
        "case_no": row["case_no"],
        "account_id": account.id,
        "person": acting.name,
        "office": acting.office,
        "session": session_hash,
        "submitted_at": moment,
    }
    submissions.insert(connection, values, files)
    body = actor_of(connection, account, session_hash, acting) | told | {"submission": handed.id}
    ledger.append(
        connection,
        row["document_id"],
        f"{row['id']}/submission/{handed.id}",
        "submission.received",
        subject=row["id"],
        actor=account.id,
        happened_at=moment,
        body=body | {"files": [vars(each) for each in files]},
    )
