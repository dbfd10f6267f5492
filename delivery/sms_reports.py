"""What a gateway reported of its SMS, written down: of a reminder at its notice, of a message of registration at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from delivery.sms import SmsReport
from records import messages, notice_reports
from records.database import Database


def record_reports(
    database: Database, reports: Iterable[SmsReport], *, authority_id: str | None, actor: str
) -> tuple[Sequence[str], Sequence[str]]:
    """Record each report in a transaction of its own; returns the ids that it was about, and the out_ids not known.

    With `authority_id` the messages of others are not known. The same report again changes nothing.
    """
    recorded, unknown = [], []
    for each in reports:
        report = "delivered" if each.delivered else "failed"
        try:
            with database.write() as connection:
                record = messages.record_report if each.out_id.startswith("msg_") else notice_reports.record
                found = record(connection, each.out_id, report, each.code, "", authority_id=authority_id, actor=actor)
                recorded.append(str(found["id"]))
        except LookupError:
            unknown.append(each.out_id)
    return recorded, unknown
