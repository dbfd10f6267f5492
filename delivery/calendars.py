"""Working days of the People's Republic of China, and which of them are settled law already.

Working days follow the State Council's yearly notice (国务院办公厅关于…年部分节假日安排的通知): rest days and make-up
working days (调休) both count. `chinesecalendar` carries the notices up to a year of its own; later notices, and
amendments of earlier ones, are imported and override it. A year without a notice is a state, "not published", and
never an empty list: its days can be guessed from the statutory holidays, but no legal date may rest on the guess.
"""

from __future__ import annotations

import hashlib
import json
import re
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

_ADDRESS: Final = re.compile(r"https?://[^\s/]+(/\S*)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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


def read_notice(raw: bytes, *, number: str = "", sha256: str = "") -> Notice:
    """A notice from JSON as holiday-cn writes it: `{"year", "papers": [address], "days": [{"date", "isOffDay"}]}`.

    The document number may stand in the JSON as `number` or be given apart. `sha256` is the digest that the file should
    have, as somebody else computed it. Raises `Refused` with every fault; a file without papers or days is one of a
    year that is not published, and is refused too.
    """
    faults: list[Fault] = []
    digest = hashlib.sha256(raw).hexdigest()
    if sha256 and sha256.strip().lower() != digest:
        en = f"The file's SHA-256 is {digest}, not {sha256.strip().lower()}: it is another file."
        faults.append(Fault("/sha256", "digest_differs", en, f"文件摘要为 {digest}，与所给摘要不符。"))
    try:
        value = json.loads(raw, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        faults.append(Fault("", "not_json", f"The notice is not JSON: {error}", "该文件不是 JSON。"))
        raise Refused(faults) from error
    if not isinstance(value, dict):
        raise Refused([*faults, Fault("", "type", "A notice must be a JSON object.", "通知必须是 JSON 对象。")])
    year = value.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or not 1950 <= year <= 2199:
        faults.append(Fault("/year", "type", "year must be a whole number of four digits.", "年份必须是四位整数。"))
        year = None
    number = (number or (value["number"] if isinstance(value.get("number"), str) else "")).strip()
    if not number:
        faults.append(Fault("/number", "missing", "The document number of the notice is missing.", "缺少通知的文号。"))
    papers = _read_papers(value.get("papers"), faults)
    days = dict(_read_days(value.get("days"), year, faults))
    if faults or year is None:
        raise Refused(faults)
    return Notice(year, MappingProxyType(days), number, " ".join(papers), digest)


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object names something twice")
    return value


def _read_papers(value: Any, faults: list[Fault]) -> list[str]:
    if not isinstance(value, list) or not value:
        en = "The file names no source: the notice is not published, or nobody can look it up."
        faults.append(Fault("/papers", "not_published", en, "该文件未列明已公布的通知及其来源。"))
        return []
    for index, paper in enumerate(value):
        if not isinstance(paper, str) or not _ADDRESS.fullmatch(paper):
            en = "A source must be the address (https://…) at which the notice was published."
            faults.append(Fault(f"/papers/{index}", "source", en, "来源须为通知公布的网址。"))
    return value


def _read_days(value: Any, year: int | None, faults: list[Fault]) -> Iterator[tuple[date, bool]]:
    if not isinstance(value, list) or not value:
        faults.append(Fault("/days", "not_published", "The notice names no days.", "通知未列明任何日期。"))
        return
    seen: dict[date, bool] = {}
    for index, item in enumerate(value):
        found = _read_day(item, f"/days/{index}", year, faults)
        if found is None:
            continue
        day, worked = found
        pointer = f"/days/{index}/date"
        if day not in seen:
            seen[day] = worked
            yield day, worked
        elif seen[day] == worked:
            faults.append(Fault(pointer, "duplicate", f"{day} is named twice.", f"{day} 重复出现。"))
        else:
            en = f"{day} is named both as a day off and as a make-up working day."
            faults.append(Fault(pointer, "off_and_worked", en, f"{day} 既列为放假又列为上班。"))


def _read_day(item: Any, pointer: str, year: int | None, faults: list[Fault]) -> tuple[date, bool] | None:
    text, off = (item.get("date"), item.get("isOffDay")) if isinstance(item, dict) else (None, None)
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        en = "A day needs date (YYYY-MM-DD) and isOffDay."
        faults.append(Fault(pointer, "type", en, "每一日须有 date（YYYY-MM-DD）和 isOffDay。"))
        return None
    if not isinstance(off, bool):
        en = "isOffDay must be true or false."
        faults.append(Fault(f"{pointer}/isOffDay", "type", en, "isOffDay 必须为布尔值。"))
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults.append(Fault(f"{pointer}/date", "no_such_day", f"There is no {text}.", f"没有 {text} 这一天。"))
        return None
    if year is not None and day.year != year and (day.year, day.month) != (year - 1, 12):
        en = f"{day} is not a day of the notice of {year}."
        faults.append(Fault(f"{pointer}/date", "year", en, f"{day} 不属于 {year} 年度的通知。"))
        return None
    return day, not off


@dataclass(frozen=True)
class Calendar:
    """Which days are worked. Immutable: importing a notice makes another calendar.

    `notices` stand in the order of their editions; of two for one year the later one counts (an amendment of the year).
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
        """This calendar as it will be once `notices` count as well, after its own."""
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
        for year in (day.year + 1, day.year):  # the next year's notice may move days of this December
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
def statutory_holidays(year: int) -> tuple[tuple[date, int], ...]:
    """The statutory holidays of `year` in their order: first day and number of days (放假办法 Art. 2, as since 2025).

    Years beyond feasts.toml have the fixed holidays only.
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
    return tuple(sorted(groups))


@cache
def statutory_rest_days(year: int) -> frozenset[date]:
    """The statutory holidays of `year` with their days in lieu: all that can be guessed before a notice is published.

    放假办法 Art. 6: a holiday on a weekend is made up for on a working day.
    """
    groups = statutory_holidays(year)
    rest = {start + offset * _DAY for start, length in groups for offset in range(length)}
    for start, length in groups:
        lieu = start + length * _DAY
        for _ in [day for offset in range(length) if (day := start + offset * _DAY).weekday() >= 5]:
            while lieu.weekday() >= 5 or lieu in rest:
                lieu += _DAY
            rest.add(lieu)
    return frozenset(rest)
