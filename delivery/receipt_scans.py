"""The scan of a record that stands without one: it comes later, and lets the record be final if nothing else lacks."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from delivery.desk import RecordedReceipt, enter, judge, locked
from records import attempts, documents, paper
from records.database import Database
from records.store import Store


class OtherScan(Exception):
    """Another scan stands at the record already: replacing it is a correction, and that is the desk's."""


def attach_scan(
    database: Database, store: Store, authority_id: str, receipt_id: str, scan: bytes, by: str
) -> RecordedReceipt:
    """Attach the scan to a record, and decide the service date as at the desk; the same bytes again change nothing.

    A record that lacks details too keeps its scan and waits for them. Raises LookupError when the authority has no
    such record, OtherScan, and Refused with every fault, those of the scan at the root.
    """
    digest = hashlib.sha256(scan).hexdigest()
    with database.read() as connection:
        chain = _chain(connection, receipt_id, authority_id)
        known = _known(connection, chain, digest)
        if known is not None:
            return known
        standing = chain[-1]
        of = authority_id, standing["delivery_id"], standing["attempt_id"]
        details_may_follow = standing["attempt_id"] is not None  # only the scanner leaves them out
        judged = judge(connection, of, standing["record"], scan, by, scanned=details_may_follow, scan_at="")
    store.put(scan)  # the file first, its row after
    with database.write() as connection:
        locked(connection, standing["delivery_id"], authority_id)
        known = _known(connection, _chain(connection, receipt_id, authority_id), digest)
        if known is not None:  # somebody was faster
            return known
        documents.record_artifact(connection, digest, len(scan), judged.media_type)
        return enter(connection, of, judged.result, digest, by, with_file=True)


def _chain(connection: sa.Connection, receipt_id: str, authority_id: str) -> list[sa.RowMapping]:
    """The record and those that superseded it, the one that stands last. Raises LookupError."""
    first = paper.find_receipt(connection, receipt_id, authority_id)
    if first is None:
        raise LookupError(f"no paper receipt {receipt_id}")
    after = {row["supersedes"]: row for row in paper.all_receipts(connection, first["delivery_id"])}
    chain = [first]
    while (later := after.get(chain[-1]["id"])) is not None:
        chain.append(later)
    return chain


def standing_receipt(connection: sa.Connection, receipt_id: str, authority_id: str) -> sa.RowMapping:
    """The record that stands in the place of this one: itself, or what superseded it. Raises LookupError."""
    return _chain(connection, receipt_id, authority_id)[-1]


def _known(connection: sa.Connection, chain: list[sa.RowMapping], digest: str) -> RecordedReceipt | None:
    """The record that stands, if these bytes came before; None when no scan did. Raises OtherScan."""
    standing = chain[-1]
    if any(row["scan_digest"] == digest for row in chain):
        return RecordedReceipt.of(standing, "", ())
    attempt = standing["attempt_id"]
    attached = attempts.newest_proof(connection, attempt) if attempt is not None else None
    if standing["scan_digest"] is not None or attached not in (None, digest):
        raise OtherScan(standing["id"])
    return None
