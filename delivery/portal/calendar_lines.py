"""What the desk says of the holiday notices: how this year and the next one stand, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from delivery.beijing import date_en, date_zh
from delivery.calendar_years import YearState, lacking, unsettled_from, watched_years, year_states
from delivery.portal.wording import Words


@dataclass(frozen=True)
class CalendarLines:
    """`years` says how this year and the next stand, `alarms` which notice should be here and is not."""

    years: str
    alarms: list[str]


def calendar_lines(connection: sa.Connection, t: Words, today: date) -> CalendarLines:
    """The lines for `today`, a day in Beijing by the legal clock."""
    states = year_states(connection, watched_years(today))
    unsettled = unsettled_from(states, today)
    since = t.pick(date_zh(unsettled), date_en(unsettled)) if unsettled else ""
    present, following = (_line(state, t) for state in states)
    return CalendarLines(
        t("calendar.years", present=present, next=following),
        [t("calendar.alarm", year=year, since=since) for year in lacking(states, today)],
    )


def _line(state: YearState, t: Words) -> str:
    edition = state.counting or state.proposed
    number = edition["document_number"] if edition is not None else ""
    line = t(f"calendar.year_{state.code}", year=state.year, number=number)
    if state.is_published and state.proposed is not None:
        line += t("calendar.amendment_proposed", number=state.proposed["document_number"])
    return line
