"""Settle: writes the service date when a confirmation, the end of the deemed day or a paper record makes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from delivery.beijing import end_of
from delivery.service import decide_delivery, schedule_reminders
from delivery.service_dates import ServiceDate
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Parked
from records import deliveries
from records.database import legal_time
from records.steps import Claim


def _moments(decided: ServiceDate, receipts: list[sa.RowMapping]) -> Iterator[datetime]:
    """The moments at which the mere passing of time may decide.

    They are the end of the deemed day, unless that is a guess, and the beginning of each legal day that paper made:
    that of a public notice lies in the future when the notice is recorded.
    """
    if decided.deemed_date is not None and decided.status == "pending":
        yield end_of(decided.deemed_date)
    for receipt in receipts:
        if receipt["final"] and receipt["served_on"]:
            yield end_of(date.fromisoformat(receipt["served_on"]) - timedelta(days=1))


def settle(songda: Songda, claim: Claim) -> Conclusion:  # noqa: ARG001 - a stage's signature
    """Decide inside the finishing transaction, so that nothing can happen between reading and writing."""

    def write(connection: sa.Connection) -> Done | Parked:
        now = legal_time(connection)
        decided = decide_delivery(connection, claim.subject_id, now)
        schedule_reminders(connection, claim.subject_id, now)
        if decided.status == "final":
            return Done()
        receipts = deliveries.paper_receipts(connection, claim.subject_id)
        to_come = [moment for moment in _moments(decided, receipts) if moment > now]
        return Parked(min(to_come, default=None), f"service date {decided.status}")

    return Conclusion(write)
