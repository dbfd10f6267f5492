"""Attempts to serve on paper: each has a barcode, its servers, its item of mail, and its own scanned files.

Sending is never service: neither an attempt nor its mailing slip makes a date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from delivery.barcodes import new_code
from delivery.desk import locked, not_released
from delivery.paper import BY_OFFICERS, MAIL_KINDS
from delivery.scans import check_scan
from records import attempts, documents
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.ledger import append
from records.store import Store
from templates.manifests import manifest

KINDS: Final = ("proof", "slip", "return")
_LONGEST: Final = 100
_MOST_SERVERS: Final = 10


def open_attempt(
    database: Database,
    authority_id: str,
    delivery_id: str,
    method: str,
    servers: Sequence[str],
    by: str,
    *,
    mail_kind: str = "",
    mail_number: str = "",
) -> sa.RowMapping:
    """Begin an attempt by `method`; its row has the code. Raises LookupError, and Refused with every fault."""
    names = [name.strip() for name in servers if name.strip()]
    with database.write() as connection:
        row = locked(connection, delivery_id, authority_id)
        document = documents.get(connection, row["document_id"])
        faults = [*not_released(document), *_method_faults(document["instrument"], method)]
        faults += _server_faults(method, names) + _mail_faults(mail_kind, mail_number)
        if faults:
            raise Refused(faults)
        code = new_code()
        while attempts.by_code(connection, code) is not None:
            code = new_code()
        made = attempts.insert(
            connection,
            authority_id,
            delivery_id,
            code=code,
            method=method,
            servers=names,
            mail_kind=mail_kind,
            mail_number=mail_number,
            by=by,
        )
        told = ("id", "nth", "code", "method", "servers", "mail_kind", "mail_number")
        append(
            connection,
            row["document_id"],
            f"{delivery_id}/attempt/{made['nth']}",
            "paper.attempt_begun",
            subject=delivery_id,
            actor=by,
            body={name: made[name] for name in told},
        )
        return made


def _method_faults(instrument: str, method: str) -> list[Fault]:
    if method in manifest(instrument).methods:
        return []
    en, zh = "The instrument may not be served by this method.", "该文书不得以该方式送达。"
    return [Fault("/method", "method_not_allowed", en, zh, "004-79、004-80")]


def _server_faults(method: str, names: Sequence[str]) -> list[Fault]:
    if len(names) > _MOST_SERVERS or any(len(name) > _LONGEST for name in names):
        return [Fault("/servers", "too_long", "Too many servers, or a name too long.", "送达人过多或者姓名过长。")]
    if method in BY_OFFICERS and len(set(names)) < 2:
        en, zh = "At least two officers serve, each by name.", "送达人不得少于两人，须分别写明姓名。"
        return [Fault("/servers", "too_few", en, zh, "行政处罚法 42；004-79")]
    return []


def _mail_faults(mail_kind: str, mail_number: str) -> list[Fault]:
    faults = []
    if mail_kind and mail_kind not in MAIL_KINDS:
        en = "Post is registered or express mail."
        faults.append(Fault("/mail_kind", "unknown_mail_kind", en, "邮寄送达应当采用挂号或特快专递。", "004-79"))
    if len(mail_number) > _LONGEST:
        faults.append(Fault("/mail_number", "too_long", "The item number is too long.", "邮件号码过长。"))
    return faults


def set_mail(
    database: Database,
    authority_id: str,
    delivery_id: str,
    attempt_id: str,
    mail_kind: str,
    mail_number: str,
    by: str,
) -> bool:
    """Record kind and number of the item of mail; says whether that is news. Raises LookupError and Refused."""
    kind, number = mail_kind.strip(), mail_number.strip()
    with database.write() as connection:
        row = locked(connection, delivery_id, authority_id)
        found = _found(connection, attempt_id, delivery_id, authority_id)
        faults = _mail_faults(kind, number)
        if not number:
            faults.append(Fault("/mail_number", "missing", "The item number is missing.", "缺少邮件号码。", "004-79"))
        if faults:
            raise Refused(faults)
        if (found["mail_kind"], found["mail_number"]) == (kind, number):
            return False
        attempts.set_mail(connection, attempt_id, kind, number)
        body = {"attempt": attempt_id, "mail_kind": kind, "mail_number": number, "before": found["mail_number"]}
        at = legal_time(connection).isoformat()
        key = hashlib.sha256(f"{kind}\0{number}\0{at}".encode()).hexdigest()[:16]
        event = f"{delivery_id}/attempt/{found['nth']}/mail/{key}"
        append(connection, row["document_id"], event, "paper.mailed", subject=delivery_id, actor=by, body=body)
        return True


def add_file(
    database: Database,
    store: Store,
    authority_id: str,
    delivery_id: str,
    attempt_id: str,
    kind: str,
    content: bytes,
    by: str,
) -> bool:
    """Attach a scanned file to an attempt; says whether it is new there. It makes no record and no date.

    `kind` is one of KINDS: the signed proof, the mailing slip (寄出凭证), the return receipt. Raises LookupError and
    Refused.
    """
    if kind not in KINDS:
        raise Refused(
            [Fault("/kind", "unknown_kind", f"The kind must be one of {', '.join(KINDS)}.", "文件种类不正确。")]
        )
    media_type = check_scan(content).media_type
    digest = store.put(content)  # the file first, its row after
    with database.write() as connection:
        row = locked(connection, delivery_id, authority_id)
        found = _found(connection, attempt_id, delivery_id, authority_id)
        documents.record_artifact(connection, digest, len(content), media_type)
        return attach(connection, row, found, kind, digest, by)


def attach(
    connection: sa.Connection, row: sa.RowMapping, attempt: sa.RowMapping, kind: str, digest: str, by: str
) -> bool:
    """Attach a stored file in the caller's transaction, which holds the delivery; says whether it is new there."""
    if not attempts.add_file(connection, row["authority_id"], attempt["id"], kind, digest, by):
        return False
    append(
        connection,
        row["document_id"],
        f"{row['id']}/attempt/{attempt['nth']}/{kind}/{digest[:32]}",
        "paper.file_added",
        subject=row["id"],
        actor=by,
        body={"attempt": attempt["id"], "kind": kind, "sha256": digest},
    )
    return True


def _found(connection: sa.Connection, attempt_id: str, delivery_id: str, authority_id: str) -> sa.RowMapping:
    found = attempts.find(connection, attempt_id, delivery_id, authority_id)
    if found is None:
        raise LookupError(f"no attempt {attempt_id}")
    return found
