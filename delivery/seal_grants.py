"""Standing approvals: what an approver may grant, read from a form or a command line. Every fault is named at once.

A grant is limited by nature: a last day, a number of uses, and instruments (or case volumes) by name unless it is for
all. Who gives it is an approver of that seal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from delivery.beijing import BEIJING, end_of
from records.errors import Fault, Refused
from records.seal_approvals import VOLUME
from templates.manifests import manifests

#: Days that a grant may last at most.
LONGEST: Final = 366
#: Uses that a grant may allow at most.
MOST: Final = 100_000


@dataclass(frozen=True)
class Terms:
    """What a grant covers. `instruments` empty is everything; the days are days of Beijing, the last one included."""

    instruments: tuple[str, ...]
    client_id: str | None
    first_day: date | None
    last_day: date
    most_uses: int

    @property
    def valid_from(self) -> datetime | None:
        """The moment at which it begins; None for at once."""
        return datetime.combine(self.first_day, time(), BEIJING) if self.first_day else None

    @property
    def valid_until(self) -> datetime:
        """The moment at which it has ended."""
        return end_of(self.last_day)


def sealed_subjects() -> set[str]:
    """What a grant may name: the instruments that are sealed, and VOLUME."""
    return {each.id for each in manifests().values() if each.print and each.print.sealed} | {VOLUME}


def read_terms(
    instruments: Collection[str], client_id: str, first_day: str, last_day: str, most_uses: str, *, today: date
) -> Terms:
    """The terms as they were typed; days are YYYY-MM-DD, `first_day` "" is today. Raises Refused with every fault."""
    faults = [
        Fault(
            "/instruments",
            "unknown_instrument",
            f"{each!r} is not sealed.",
            f"“{each}”不是用印文书。",
        )
        for each in sorted(set(instruments) - sealed_subjects())
    ]
    first, last = _day("/first_day", first_day, faults) if first_day else None, _day("/last_day", last_day, faults)
    faults += _term_faults(first or today, last, today)
    uses = int(most_uses) if most_uses.isascii() and most_uses.isdigit() and len(most_uses) < 10 else 0
    if not 1 <= uses <= MOST:
        faults.append(Fault("/most_uses", "most_uses", f"The uses are 1 to {MOST}.", f"用印次数须为1至{MOST}。"))
    if faults or last is None:
        raise Refused(faults)
    return Terms(tuple(sorted(set(instruments))), client_id or None, first, last, uses)


def _day(pointer: str, text: str, faults: list[Fault]) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        faults.append(Fault(pointer, "date", "A day is written as 2026-11-28.", "日期的格式为2026-11-28。"))
        return None


def _term_faults(first: date, last: date | None, today: date) -> Iterator[Fault]:
    if first < today:
        yield Fault("/first_day", "past", "A grant does not begin before today.", "授权不得溯及既往。")
    if last is not None and last < first:
        yield Fault("/last_day", "order", "The last day is before the first.", "截止日期早于起始日期。")
    elif last is not None and last - first > timedelta(days=LONGEST):
        en = f"A grant lasts {LONGEST} days at most."
        yield Fault("/last_day", "too_long", en, f"授权期限不得超过{LONGEST}日。")
