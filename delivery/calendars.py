"""Working days of the People's Republic of China, and which of them are settled law already.

Working days follow the State Council's yearly notice (国务院办公厅关于…年部分节假日安排的通知): rest days and make-up
working days (调休) both count. `chinesecalendar` carries the notices up to a year of its own; later notices, and
amendments of earlier ones, are imported and override it. A year without a notice is a state, "not published", and
never an empty list: its days can be guessed from the statutory holidays, but no legal date may rest on the guess.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chinese_calendar import constants

from records.errors import Fault, Refused

DECEMBER_DAY: Final = 25
"""From this day of December on, days stay unsettled until the next year's notice is published: such notices have moved
the last days of December."""

_DAY: Final = timedelta(days=1)
_BASE_REST: Final = frozenset(constants.holidays)
_BASE_WORK: Final = frozenset(constants.workdays)
_BASE_YEARS: Final = range(min(_BASE_REST).year, max(_BASE_REST).year + 1)
_BASE_VERSION: Final = f"chinesecalendar-{version('chinesecalendar')}"


@dataclass(frozen=True)
class Notice:
    """One yearly notice as imported.

    `days` maps each day that the notice names to whether it is worked (a weekend made up for) or not (a day off). It
    may name days of the December before. `number` is the document number (such as 国办发明电〔2025〕7号), `source` the
    address it was taken from, `sha256` the digest of the imported bytes.
    """

    year: int
    days: Mapping[date, bool]
    number: str
    source: str
    sha256: str


def read_notice(raw: bytes, *, number: str = "") -> Notice:
    """A notice from JSON as holiday-cn writes it: `{"year", "papers": [address], "days": [{"date", "isOffDay"}]}`.

    The document number may stand in the JSON as `number` or be given apart. Raises `Refused` with every fault; a file
    without papers or days is one of a year that is not published, and is refused too.
    """
    faults: list[Fault] = []
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refused([Fault("", "not_json", f"The notice is not JSON: {error}", "该文件不是 JSON。")]) from error
    if not isinstance(value, dict):
        raise Refused([Fault("", "type", "A notice must be a JSON object.", "通知必须是 JSON 对象。")])
    year = value.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or not 1950 <= year <= 2199:
        faults.append(Fault("/year", "type", "year must be a whole number of four digits.", "年份必须是四位整数。"))
        year = 0
    number = number or (value["number"] if isinstance(value.get("number"), str) else "")
    if not number.strip():
        faults.append(Fault("/number", "missing", "The document number of the notice is missing.", "缺少通知的文号。"))
    papers = value.get("papers")
    if not isinstance(papers, list) or not papers or not all(isinstance(paper, str) and paper for paper in papers):
        faults.append(
            Fault("/papers", "not_published", "The file names no published notice.", "该文件未列明已公布的通知。")
        )
        papers = []
    days = dict(_read_days(value.get("days"), year, faults))
    if faults:
        raise Refused(faults)
    return Notice(year, MappingProxyType(days), number, " ".join(papers), hashlib.sha256(raw).hexdigest())


def _read_days(value: Any, year: int, faults: list[Fault]) -> Iterator[tuple[date, bool]]:
    if not isinstance(value, list) or not value:
        faults.append(Fault("/days", "not_published", "The notice names no days.", "通知未列明任何日期。"))
        return
    seen: set[date] = set()
    for index, item in enumerate(value):
        pointer = f"/days/{index}"
        try:
            day, off = date.fromisoformat(item["date"]), item["isOffDay"]
        except (TypeError, KeyError, ValueError):
            faults.append(Fault(pointer, "type", "A day needs date (YYYY-MM-DD) and isOffDay.", "日期格式不正确。"))
            continue
        if not isinstance(off, bool):
            faults.append(
                Fault(f"{pointer}/isOffDay", "type", "isOffDay must be true or false.", "isOffDay 必须为布尔值。")
            )
        elif day in seen:
            faults.append(Fault(f"{pointer}/date", "duplicate", f"{day} is named twice.", f"{day} 重复出现。"))
        elif day.year != year and (day.year, day.month) != (year - 1, 12):
            faults.append(
                Fault(f"{pointer}/date", "year", f"{day} is not a day of this notice.", f"{day} 不属于该年度。")
            )
        else:
            seen.add(day)
            yield day, not off


@dataclass(frozen=True)
class Calendar:
    """Which days are worked. Immutable: importing a notice makes another calendar.

    `notices` stand in the order of their import; of two for one year the later one counts (an amendment of the year).
    """

    notices: tuple[Notice, ...] = ()
    version: str = field(init=False)
    _by_year: Mapping[int, Notice] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_year = {notice.year: notice for notice in self.notices}
        imported = (f"+{year}.{by_year[year].sha256[:12]}" for year in sorted(by_year))
        object.__setattr__(self, "_by_year", MappingProxyType(by_year))
        object.__setattr__(self, "version", _BASE_VERSION + "".join(imported))

    def with_notices(self, notices: Sequence[Notice]) -> Calendar:
        """This calendar with more notices imported after its own."""
        return Calendar((*self.notices, *notices))

    def is_published(self, year: int) -> bool:
        """Whether the State Council's notice for `year` is known here."""
        return year in self._by_year or year in _BASE_YEARS

    def is_settled(self, day: date, december_day: int = DECEMBER_DAY) -> bool:
        """Whether a legal date may rest on what this calendar says of `day`.

        Not in a year that is not published, nor from `december_day` of December on while the next year isn't.
        """
        if not self.is_published(day.year):
            return False
        return (day.month, day.day) < (12, december_day) or self.is_published(day.year + 1)

    def is_working_day(self, day: date) -> bool:
        """Whether `day` (a day in Beijing) is worked; a guess from the statutory holidays in a year not published."""
        if isinstance(day, datetime):
            raise TypeError("a working day is asked of a date, not of a moment: a moment has no day without a zone")
        for year in (day.year + 1, day.year):
            notice = self._by_year.get(year)
            if notice is not None and day in notice.days:
                return notice.days[day]
        if day.year in self._by_year:
            return day.weekday() < 5
        if day.year in _BASE_YEARS:
            return day in _BASE_WORK or (day.weekday() < 5 and day not in _BASE_REST)
        return day.weekday() < 5 and day not in statutory_rest_days(day.year)

    def working_days_after(self, day: date, count: int) -> tuple[date, ...]:
        """The first `count` working days after `day`, which itself does not count (民诉法 85)."""
        found: list[date] = []
        while len(found) < count:
            day += _DAY
            if self.is_working_day(day):
                found.append(day)
        return tuple(found)

    def nth_working_day_after(self, day: date, n: int) -> date:
        """The working day numbered `n` (1 or more) after `day`."""
        if n < 1:
            raise ValueError("working days are counted from 1")
        return self.working_days_after(day, n)[-1]


@cache
def default_calendar() -> Calendar:
    """The calendar without imported notices."""
    return Calendar()


@cache
def _feasts() -> Mapping[str, Mapping[str, date]]:
    return tomllib.loads((Path(__file__).parent / "feasts.toml").read_text(encoding="utf-8"))


@cache
def statutory_rest_days(year: int) -> frozenset[date]:
    """The statutory holidays of `year` with their days in lieu: all that can be guessed before a notice is published.

    放假办法 Art. 2 (holidays since 2025) and Art. 6 (one on a weekend is made up for on a working day). Years beyond
    feasts.toml have the fixed holidays only.
    """
    groups = [(date(year, 1, 1), 1), (date(year, 5, 1), 2), (date(year, 10, 1), 3)]
    for feast, first, length in (
        ("spring_festival", -1, 4),
        ("qingming", 0, 1),
        ("dragon_boat", 0, 1),
        ("mid_autumn", 0, 1),
    ):
        day = _feasts()[feast].get(str(year))
        if day is not None:
            groups.append((day + first * _DAY, length))
    rest = {start + offset * _DAY for start, length in groups for offset in range(length)}
    for start, length in sorted(groups):
        lieu = start + length * _DAY
        for _ in [day for offset in range(length) if (day := start + offset * _DAY).weekday() >= 5]:
            while lieu.weekday() >= 5 or lieu in rest:
                lieu += _DAY
            rest.add(lieu)
    return frozenset(rest)
