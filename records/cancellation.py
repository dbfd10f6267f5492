"""Ending a document before its release: cancelled before it has a number, void (作废) once it has one."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from records import deliveries, documents, links, series, steps
from records.errors import Fault
from records.ledger import append

#: In characters.
LONGEST_REASON: Final = 500

_BINDING: Final = frozenset({"released", "revoked", "changed"})


def refusal(error: documents.WrongState) -> Fault:
    """Why the document cannot be ended so. A released one binds: another decision ends it, never a click."""
    if error.present not in _BINDING:
        return Fault("", "wrong_state", f"{error}.", "文书的当前状态不允许此操作。")
    return Fault(
        "",
        "released",
        f"The document is {error.present}: a released document ends or changes only by a revocation-decision that is "
        "served like it; a rectification-of-text mends its text.",
        "文书已经签发，只能以《撤销（变更）决定书》撤销或者变更，文字错误以《补正决定书》补正，并依法送达。",
        "004-100",
    )


def cancel(connection: sa.Connection, document_id: str, reason: str, by: str) -> None:
    """Cancel a document that has no number yet. Raises documents.WrongState."""
    documents.move(connection, document_id, "cancelled", actor=by, body={"reason": reason}, reason=reason or None)
    _end(connection, document_id, "cancelled", by)


def void(connection: sa.Connection, document_id: str, reason: str, by: str) -> None:
    """Make a numbered document void that was never released: its number is kept as 作废 with the reason.

    Raises documents.WrongState.
    """
    documents.move(connection, document_id, "void", actor=by, body={"reason": reason}, reason=reason)
    series.void(connection, document_id, reason, by)
    _end(connection, document_id, "void", by)


def _end(connection: sa.Connection, document_id: str, why: str, by: str) -> None:
    """Stop every step of the document and of its deliveries, which will never begin."""
    steps.stop(connection, document_id)
    links.drop(connection, document_id, f"document {why}", by)
    for delivery in deliveries.of_document(connection, document_id):
        steps.stop(connection, delivery["id"])
        append(
            connection,
            document_id,
            f"{delivery['id']}/ended",
            "delivery.ended",
            subject=delivery["id"],
            actor=by,
            body={"why": f"document {why}"},
        )
