"""Apply: contacts are told of a change of their entity's entries; a delayed one takes effect when its time comes."""

from __future__ import annotations

import sqlalchemy as sa

from delivery.entries import take_effect
from pipeline.composition import Songda
from pipeline.notices import notices_to
from pipeline.outcomes import Conclusion, Done, Next, Parked
from records import changes, deliveries, ledger
from records.database import legal_time
from records.steps import Claim


def apply(songda: Songda, claim: Claim) -> Conclusion:
    """Told once, whatever becomes of it; one that was taken back meanwhile has no effect."""
    mail_from = songda.settings.mail_from

    def write(connection: sa.Connection) -> Done | Parked:
        ledger.lock(connection, deliveries.stream(connection, claim.subject_id))
        row = changes.get(connection, claim.subject_id)
        follow: tuple[Next, ...] = ()
        if changes.tell_contacts(connection, row):
            rows = notices_to(connection, row["authority_id"], row["counterparty_id"], mail_from, "change")
            ids = deliveries.insert_notices(connection, [each | {"change_id": row["id"]} for each in rows])
            follow = tuple(Next("notice", each, "send") for each in ids)
        if row["state"] != "delayed":
            return Done(follow)
        if legal_time(connection) < row["effective_at"]:
            return Parked(row["effective_at"], "a change of contacts waits for its day", follow)
        take_effect(connection, row["id"])
        return Done(follow)

    return Conclusion(write)
