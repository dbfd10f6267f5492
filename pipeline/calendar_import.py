"""Importing a year of working days, by two persons: what has not passed is decided again by its settle step."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendar_preview import Preview, preview
from delivery.calendars import Notice, read_notice
from delivery.service import stored_calendar, stored_notice
from pipeline.composition import Songda
from records import deliveries, documents, notices, steps
from records.database import legal_time
from records.errors import Fault, Refused


@dataclass(frozen=True)
class Proposed:
    """`edition` counts the notices of that year; `preview` says what it would change."""

    notice: Notice
    edition: int
    preview: Preview


@dataclass(frozen=True)
class Approved:
    """What the edition that counts now has changed; `woken` are the settle steps that are due for it."""

    notice: Notice
    preview: Preview
    woken: tuple[str, ...]


def propose_notice(songda: Songda, raw: bytes, by: str, *, number: str = "", sha256: str = "") -> Proposed:
    """Store the notice of a file as the next edition of its year; it counts once a second person approves it.

    The file itself is kept as well. Raises Refused with every fault (see `read_notice`).
    """
    notice = read_notice(raw, number=number, sha256=sha256)
    with songda.database.read() as connection:
        now = legal_time(connection)
        _check_new(connection, notice, day_of(now).year)
        foreseen = preview(connection, stored_calendar(connection), notice, now)
    digest = songda.store.put(raw)
    with songda.database.write() as connection:
        documents.record_artifact(connection, digest, len(raw), "application/json")
        edition = notices.propose(
            connection,
            year=notice.year,
            document_number=notice.number,
            source=notice.source,
            digest=digest,
            days={day.isoformat(): worked for day, worked in notice.days.items()},
            by=by,
        )
    return Proposed(notice, edition, foreseen)


def _check_new(connection: sa.Connection, notice: Notice, this_year: int) -> None:
    if notice.year > this_year + 1:
        en = f"A notice is published for the next year at most: none for {notice.year} can be out in {this_year}."
        zh = f"通知至多提前一年公布：{this_year} 年不可能有 {notice.year} 年的通知。"
        raise Refused([Fault("/year", "not_published", en, zh)])
    of_year = [row for row in notices.editions(connection) if row["year"] == notice.year]
    if of_year and of_year[-1]["digest"] == notice.sha256:
        state = "counts" if of_year[-1]["approved_by"] else "is proposed"
        en = f"This very file {state} already, as edition {of_year[-1]['edition']} of {notice.year}."
        raise Refused([Fault("", "known", en, f"该文件已是 {notice.year} 年第 {of_year[-1]['edition']} 版。")])


def approve_notice(songda: Songda, year: int, edition: int, by: str, *, sha256: str = "") -> Approved:
    """Let an edition count, by another person than who proposed it, and wake the steps that it may concern.

    `sha256` is the digest that the second person has of the file; not looked at when empty. What is stored of the
    edition is held against its file first. Raises Refused, LookupError, SelfApproval, Outdated.
    """
    with songda.database.read() as connection:
        notice = stored_notice(notices.find(connection, year, edition))
        foreseen = preview(connection, stored_calendar(connection), notice, legal_time(connection))
    if read_notice(songda.store.get(notice.sha256), number=notice.number, sha256=sha256) != notice:
        en = "What is stored of the notice is not what its file says."
        raise Refused([Fault("", "altered", en, "所存内容与文件不一致。")])
    with songda.database.write() as connection:
        notices.approve(connection, year, edition, by)
        woken = _wake(connection)
    # Again, after the commit: what was dispatched at the same time may have been counted by the calendar of before.
    with songda.database.write() as connection:
        woken |= _wake(connection)
    songda.hint(sorted(woken))
    return Approved(notice, foreseen, tuple(sorted(woken)))


def _wake(connection: sa.Connection) -> set[str]:
    today = day_of(legal_time(connection)).isoformat()
    return steps.wake_all(connection, [f"{each}/settle" for each in deliveries.not_passed(connection, today)])
