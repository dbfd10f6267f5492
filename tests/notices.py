"""Holiday notices as files, and their import by two persons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date

from pipeline.calendar_import import Approved, approve_notice, propose_notice
from pipeline.composition import Songda


def notice_file(year: int, worked: Mapping[date, bool], *, number: str = "", **changes: object) -> bytes:
    """A file as holiday-cn writes it; `worked` maps each day to whether it is. `changes` replace what it would say."""
    value = {
        "year": year,
        "number": number or f"国办发明电〔{year - 1}〕7号",
        "papers": [f"https://www.gov.cn/zhengce/{year}.htm"],
        "days": [{"date": day.isoformat(), "isOffDay": not is_worked} for day, is_worked in worked.items()],
    }
    return json.dumps({**value, **changes}, ensure_ascii=False).encode()


def publish(songda: Songda, year: int, days: Mapping[date, bool], *, number: str = "") -> Approved:
    """Import a notice: one person proposes it, another one approves it."""
    proposed = propose_notice(songda, notice_file(year, days, number=number), "per_first")
    return approve_notice(songda, year, proposed.edition, "per_second")
