"""Days and times as the law here counts them: Asia/Shanghai, UTC+8 without summer time, whatever the caller's."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def day_of(moment: datetime) -> date:
    """The day in Beijing that `moment` belongs to. Raises ValueError for a moment without an offset."""
    if moment.utcoffset() is None:
        raise ValueError("a moment without an offset belongs to no day")
    return moment.astimezone(BEIJING).date()


def end_of(day: date) -> datetime:
    """The moment at which `day` has ended in Beijing: the first one of the next day."""
    return datetime.combine(day + timedelta(days=1), time(), BEIJING)


def date_zh(day: date) -> str:
    """`2026年2月24日`."""
    return f"{day.year}年{day.month}月{day.day}日"


def date_en(day: date) -> str:
    """`24 February 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def time_zh(moment: datetime) -> str:
    """`2026年2月24日09时05分03秒（北京时间）`."""
    local = moment.astimezone(BEIJING)
    return f"{date_zh(local.date())}{local:%H时%M分%S秒}（北京时间）"


def time_en(moment: datetime) -> str:
    """`24 February 2026, 09:05:03 (Beijing time, UTC+8)`."""
    local = moment.astimezone(BEIJING)
    return f"{date_en(local.date())}, {local:%H:%M:%S} (Beijing time, UTC+8)"
