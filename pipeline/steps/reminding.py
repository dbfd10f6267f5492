"""Remind: writes the notices of a delivery whose moment has come, and waits for the next one by the legal clock."""

from __future__ import annotations

import sqlalchemy as sa

from delivery.reminders import plan, timing
from pipeline.composition import Songda
from pipeline.notices import notices_to
from pipeline.outcomes import Conclusion, Done, Next, Parked
from records import deliveries, ledger
from records.database import legal_time
from records.steps import Claim


def remind(songda: Songda, claim: Claim) -> Conclusion:
    """What is no longer true is dropped, with the reason in the ledger; each occasion is told of once."""
    mail_from = songda.settings.mail_from

    def write(connection: sa.Connection) -> Done | Parked:
        stream = deliveries.stream(connection, claim.subject_id)
        ledger.lock(connection, stream)
        row = deliveries.whole(connection, claim.subject_id)
        now = legal_time(connection)
        written, to_come = [], []
        for due in plan(row, now, timing()):
            if due.at > now and not due.untrue:
                to_come.append(due.at)
                continue
            new = ledger.append(
                connection,
                stream,
                f"{row['id']}/reminder/{due.occasion}/{due.about}",
                "reminder.dropped" if due.untrue else "reminder.due",
                subject=row["id"],
                body={"occasion": due.occasion, "about": due.about, "why": due.untrue},
            )
            if new and not due.untrue:
                written += _write_notices(connection, row, due.occasion, due.about, mail_from)
        follow = tuple(Next("notice", each, "send") for each in written)
        if not to_come:
            return Done(follow)
        return Parked(min(to_come), "the next reminder", follow)

    return Conclusion(write)


def _write_notices(
    connection: sa.Connection, row: sa.RowMapping, occasion: str, about: str, mail_from: str
) -> list[str]:
    rows = notices_to(connection, row["authority_id"], row["counterparty_id"], mail_from, occasion)
    return deliveries.insert_notices(connection, [each | {"delivery_id": row["id"], "about": about} for each in rows])
