"""Importing a year of working days: every service date that has not passed is decided again by its settle step."""

from __future__ import annotations

from dataclasses import dataclass

from delivery.beijing import day_of
from delivery.calendars import Notice
from pipeline.composition import Songda
from records import deliveries, notices, steps
from records.database import legal_time


@dataclass(frozen=True)
class Imported:
    """`edition` counts the notices of that year; `woken` are the settle steps that are due now."""

    edition: int
    woken: tuple[str, ...]


def import_notice(songda: Songda, notice: Notice, by: str) -> Imported:
    """Store the notice as the next edition of its year and wake the steps that it may concern, in one transaction."""
    with songda.database.write() as connection:
        edition = notices.store(
            connection,
            year=notice.year,
            document_number=notice.number,
            source=notice.source,
            digest=notice.sha256,
            days={day.isoformat(): worked for day, worked in notice.days.items()},
            by=by,
        )
        today = day_of(legal_time(connection)).isoformat()
        woken = [f"{delivery_id}/settle" for delivery_id in deliveries.not_passed(connection, today)]
        woken = [step_id for step_id in woken if steps.wake(connection, step_id)]
    songda.hint(woken)
    return Imported(edition, tuple(woken))
