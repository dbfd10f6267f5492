"""Mark: every document that was sealed while the seal's key may have been in other hands; then the notices of it.

It is the step of one report (`records.compromises`). Documents are marked some at a time, each time in a transaction of
its own that only the holder of the lease may write: a worker that is killed in the middle leaves the rest to the next.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.notices import notices_to
from pipeline.outcomes import Conclusion, Done, Next
from records import affected, compromises, deliveries, steps
from records.steps import Claim

#: So many uses of the seal are looked at in one transaction.
BATCH: Final = 200


def mark(songda: Songda, claim: Claim) -> Conclusion:
    """Mark what is not marked yet; with the end of it every counterparty concerned gets its notices.

    Raises LeaseLost.
    """
    before = ""
    while True:
        with songda.database.write() as connection:
            if not steps.renew(connection, claim, songda.settings.lease_seconds):
                raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")
            report = compromises.get(connection, claim.subject_id)
            found, before = affected.sealed_since(
                connection, report["seal_id"], report["since"], before=before, limit=BATCH, unmarked=True
            )
            affected.mark(connection, report, found)
        if not before:
            break

    mail_from = songda.settings.mail_from

    def write(connection: sa.Connection) -> Done:
        concerned = compromises.concerned(connection, report["id"])
        notices = [each for of in concerned for each in _write_notices(connection, report, of, mail_from)]
        compromises.tell_end(connection, report, concerned, len(notices))
        return Done(tuple(Next("notice", each, "send") for each in notices))

    return Conclusion(write)


def _write_notices(connection: sa.Connection, report: sa.RowMapping, counterparty_id: str, mail_from: str) -> list[str]:
    """One for each contact and channel, however many documents are concerned; returns the ids."""
    rows = notices_to(connection, report["authority_id"], counterparty_id, mail_from, "seal_lost")
    return deliveries.insert_notices(connection, [row | {"compromise_id": report["id"]} for row in rows])
