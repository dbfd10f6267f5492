"""Settle: writes the service date when a confirmation, the end of the deemed day or a paper record makes it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from delivery.beijing import end_of
from delivery.service import decide_delivery
from delivery.service_dates import ServiceDate
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Parked
from records.database import legal_time
from records.steps import Claim


def _waits_for(decided: ServiceDate, as_of: datetime) -> datetime | None:
    """The end of the deemed day, if that is still to come and would decide."""
    if decided.deemed_date is None or decided.status != "pending":
        return None
    end = end_of(decided.deemed_date)
    return end if end > as_of else None


def settle(songda: Songda, claim: Claim) -> Conclusion:  # noqa: ARG001 - a stage's signature
    """Decide inside the finishing transaction, so that nothing can happen between reading and writing."""

    def write(connection: sa.Connection) -> Done | Parked:
        now = legal_time(connection)
        decided = decide_delivery(connection, claim.subject_id, now)
        if decided.status == "final":
            return Done()
        return Parked(_waits_for(decided, now), f"service date {decided.status}")

    return Conclusion(write)
