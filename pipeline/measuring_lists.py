"""What the lists of an inbox and of a desk cost that hold very many documents: a page, a filter, a search, a year."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from delivery.statistics import of_year
from pipeline.measuring import LEGAL_START
from records import api_keys, deliveries, desk_work, directory, documents, finding, paper
from records.access import Account
from records.database import Database, database_time
from records.finding import found_at_desk, found_by
from records.inbox import Wanted, counts, listed
from records.paging import Key, Part
from records.tables import delivery, document, job

OWNER: Final = ("bench", "carrier")
INBOX: Final = Account("acc_bench", "bench", "", *OWNER)
_PAGE: Final = 31
_ROWS: Final = 5000
_ON_PAPER: Final = ((1, "to_print"), (3, "sent"), (6, "returned"), (50, "served"), (100, "none"))


def fill_lists(database: Database, count: int) -> None:
    """Give one counterparty so many documents; each tenth is unread, each fifth waits, the others are served.

    Of each hundred one is to print, two are under way on paper, three came back and 44 were served on paper.
    """
    with database.write() as connection:
        directory.create_authority(connection, OWNER[0])
        names = {"name_zh": "承运人", "name_en": "Carrier", "address_zh": "路1号", "address_en": "1 Road"}
        directory.create_counterparty(connection, *OWNER, kind="legal_person", **names)
        client_id = api_keys.create_client(connection, OWNER[0], "bench")
        moment = database_time(connection)
        shared = {"id": "job_bench", "authority_id": OWNER[0], "client_id": client_id, "case_no": "1", "body": "{}"}
        connection.execute(job.insert().values(created_at=moment, **shared))
    for start in range(0, count, _ROWS):
        made = [_document(number, client_id, moment) for number in range(start, min(start + _ROWS, count))]
        with database.write() as connection:
            connection.execute(document.insert(), made)
            connection.execute(delivery.insert(), [_delivery(row, start + at) for at, row in enumerate(made)])


def _document(number: int, client_id: str, moment: Any) -> dict[str, Any]:
    return {
        "id": f"doc_{number:025}",
        "job_id": "job_bench",
        "authority_id": OWNER[0],
        "client_id": client_id,
        "case_no": f"华北罚立〔2026〕{number // 7}号",
        "position": 0,
        "instrument": ("penalty-prior-notice", "hearing-notice", "correction-order")[number % 3],
        "template_version": "1",
        "engine": "typst",
        "facts": {"cause": {"zh": "涉嫌违反规定" * 20, "en": "suspected of an infringement " * 20}},
        "authority_revision": 1,
        **dict.fromkeys(("numbered", "sealed", "delivered"), True),
        "important": False,
        "series_kind": "x",
        "copies_to": [],
        "status": "released",
        "number_zh": f"民航华北示例〔2026〕{number}号",
        "number_en": f"CAAC-NC Example [2026] No. {number}",
        "created_at": moment,
        "released_at": moment,
    }


def _delivery(made: dict[str, Any], number: int) -> dict[str, Any]:
    sent_at = LEGAL_START + timedelta(seconds=number)
    waits, day = number % 5 == 0, sent_at.date().isoformat()
    names = {"recipient_zh": "承运人", "recipient_en": "Carrier"}
    on_paper = next(status for share, status in _ON_PAPER if number % 100 < share)
    return {
        "id": f"dlv_{number:025}",
        "document_id": made["id"],
        "authority_id": OWNER[0],
        "counterparty_id": OWNER[1],
        **names,
        "route": "inbox",
        "route_reasons": [],
        "status": "available" if waits else "confirmed",
        "paper_required": on_paper != "none",
        "paper_status": on_paper,
        "paper_since": None if on_paper == "none" else sent_at,
        "places": {},
        "sent_at": sent_at,
        "accessed_at": None if number % 10 == 0 else sent_at,
        "deemed_date": day,
        "service_status": "pending" if waits else "final",
        "service_date": None if waits else day,
        "service_answer": {"reasons": [{"text_zh": "确认收讫" * 30, "text_en": "receipt confirmed " * 30}] * 4},
        "instrument": made["instrument"],
        "found_by": found_by(made),
        "found_at_desk": found_at_desk(made, names),
        "created_at": made["created_at"],
    }


def measure_lists(database: Database, count: int, times: int = 5) -> dict[str, float]:
    """Milliseconds (median) of each way to ask for a list."""
    found = {}
    with database.read() as connection:
        moment = connection.execute(sa.select(sa.func.max(delivery.c.created_at))).scalar_one()
    for name, ask in (*_in_the_inbox(count), *_at_the_desk(count, moment)):
        spent = []
        for _ in range(times):
            started = time.perf_counter()
            with database.read() as connection:
                ask(connection)
            spent.append((time.perf_counter() - started) * 1000)
        found[f"{name}_ms"] = sorted(spent)[times // 2]
    return found


def _in_the_inbox(count: int) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    oldest = (LEGAL_START + timedelta(seconds=40), f"dlv_{40:025}")

    def page(wanted: Wanted, before: Any = None) -> Callable[[sa.Connection], object]:
        return lambda connection: listed(connection, INBOX, wanted, limit=_PAGE, before=before)

    yield "inbox_first_page", page(Wanted())
    yield "inbox_last_page", page(Wanted(), oldest)
    yield "inbox_unread", page(Wanted("unread"))
    yield "inbox_waiting", page(Wanted("waiting"))
    yield "inbox_served", page(Wanted("served"))
    yield "inbox_instrument", page(Wanted(instrument="hearing-notice"))
    yield "inbox_absent_instrument", page(Wanted(instrument="penalty-decision"))
    yield "inbox_found_first", page(Wanted(needle="〔2026〕0号"))
    yield "inbox_found_nothing", page(Wanted(needle="没有的案号"))
    yield "inbox_unread_found_nothing", page(Wanted("unread", needle="No. none"))
    yield "inbox_counts", lambda connection: counts(connection, INBOX)
    assert count > 40  # noqa: S101 - the last page begins there


def _at_the_desk(count: int, moment: datetime) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    """All were made at one `moment`, which is the worst for a list that is walked by moment and id."""
    authority, late = OWNER[0], LEGAL_START + timedelta(days=1)

    def made(number: int) -> Key:
        return moment, f"dlv_{number:025}"

    def sent(number: int) -> Key:
        return LEGAL_START + timedelta(seconds=number), f"dlv_{number:025}"

    def track(name: str, after: Key | None = None) -> Callable[[sa.Connection], object]:
        return lambda connection: desk_work.listed(connection, authority, name, late, Part(_PAGE, after))

    def find(text: str, after: Key | None = None) -> Callable[[sa.Connection], object]:
        return lambda connection: deliveries.desk_items(
            connection, finding.at_desk(connection, authority, text, Part(_PAGE, after))[0], authority
        )

    yield "desk_tracks", lambda connection: paper.counts(connection, authority)
    yield "desk_work", lambda connection: desk_work.counts(connection, authority, late)
    yield "desk_late", track("late")
    yield "desk_late_last_page", track("late", sent(min(count, 86_400) - 200))
    yield "desk_to_print", track("to_print")
    yield "desk_served", track("served")
    yield "desk_served_last_page", track("served", made(count - 50))
    yield "desk_in_question", track("in_question")
    yield "desk_case", lambda connection: deliveries.of_case(connection, [f"doc_{n:025}" for n in range(7)], authority)
    yield "desk_found_first", find("〔2026〕0号")
    yield "desk_found_all", find("承运人")
    yield "desk_found_all_last_page", find("承运人", made(40))
    yield "desk_found_nothing", find("没有的案号")
    yield "desk_cases_found_nothing", lambda connection: documents.cases_found(connection, authority, "没有的案号")
    yield "desk_year", lambda connection: of_year(connection, authority, LEGAL_START.year)
