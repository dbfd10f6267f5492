"""How each year's working days stand: by the library, by an imported notice, proposed, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa

from delivery.calendars import default_calendar
from delivery.rule_sets import rule_book
from records import notices

ALARM_MONTH: Final = 11
"""From the first day of this month the next year's notice is awaited: those for 2024, 2025 and 2026 came out between
25 October and 12 November."""


@dataclass(frozen=True)
class YearState:
    """One year. `counting` is the imported edition that counts, `proposed` a later one that nobody has approved yet."""

    year: int
    counting: sa.RowMapping | None = None
    proposed: sa.RowMapping | None = None

    @property
    def is_published(self) -> bool:
        """Whether legal dates may rest on the year."""
        return self.counting is not None or default_calendar().is_published(self.year)

    @property
    def code(self) -> str:
        """`imported`, `library`, `proposed` (and nothing else yet), or `none`."""
        if self.counting is not None:
            return "imported"
        if self.is_published:
            return "library"
        return "proposed" if self.proposed is not None else "none"


def year_states(connection: sa.Connection, years: Iterable[int] | None = None) -> list[YearState]:
    """The states of `years`; all that have an edition if none are named."""
    editions = notices.editions(connection)
    counting = {row["year"]: row for row in editions if row["approved_by"] is not None}
    newest = {row["year"]: row for row in editions}
    proposed = {year: row for year, row in newest.items() if row["approved_by"] is None}
    return [
        YearState(year, counting.get(year), proposed.get(year)) for year in (sorted(newest) if years is None else years)
    ]


def watched_years(today: date) -> tuple[int, int]:
    """This year and the next, whose states those who use the system have to know. `today` is a day in Beijing."""
    return today.year, today.year + 1


def lacking(states: Sequence[YearState], today: date) -> list[int]:
    """Those of `states` that ought to be published and are not: alarms. The next year's from 1 November on."""
    awaited = today.year + (today.month >= ALARM_MONTH)
    return [state.year for state in states if today.year <= state.year <= awaited and not state.is_published]


def unsettled_from(states: Sequence[YearState], today: date) -> date | None:
    """The first day from `today` on that no legal date may rest on, as far as `states` of watched years tell."""
    december_day = rule_book().in_force(today).unsettled_from_december
    for state in states:
        if not state.is_published:
            return max(today, date(state.year - 1, 12, december_day))
    return None
