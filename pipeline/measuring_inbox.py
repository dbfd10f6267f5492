"""What the list of an inbox costs that holds very many documents: one page, a filter, a search that finds nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from pipeline.measuring import LEGAL_START
from records import api_keys, directory
from records.database import Database, database_time
from records.finding import found_at_desk, found_by
from records.inbox import Wanted, counts, listed
from records.tables import delivery, document, job

OWNER: Final = ("bench", "carrier")
_PAGE: Final = 31
_ROWS: Final = 5000


def fill_inbox(database: Database, documents: int) -> None:
    """Give one counterparty so many documents; each tenth is unread, each fifth waits, the others are served."""
    with database.write() as connection:
        directory.create_authority(connection, OWNER[0])
        names = {"name_zh": "承运人", "name_en": "Carrier", "address_zh": "路1号", "address_en": "1 Road"}
        directory.create_counterparty(connection, *OWNER, kind="legal_person", **names)
        client_id = api_keys.create_client(connection, OWNER[0], "bench")
        moment = database_time(connection)
        shared = {"id": "job_bench", "authority_id": OWNER[0], "client_id": client_id, "case_no": "1", "body": "{}"}
        connection.execute(job.insert().values(created_at=moment, **shared))
    for start in range(0, documents, _ROWS):
        made = [_document(number, client_id, moment) for number in range(start, min(start + _ROWS, documents))]
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
    return {
        "id": f"dlv_{number:025}",
        "document_id": made["id"],
        "authority_id": OWNER[0],
        "counterparty_id": OWNER[1],
        **names,
        "route": "inbox",
        "route_reasons": [],
        "status": "available" if waits else "confirmed",
        "paper_required": False,
        "paper_status": "none",
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


def measure_inbox(database: Database, documents: int, times: int = 5) -> dict[str, float]:
    """Milliseconds (median) of each way to ask for the list."""
    found = {}
    for name, ask in _questions(documents):
        spent = []
        for _ in range(times):
            started = time.perf_counter()
            with database.read() as connection:
                ask(connection)
            spent.append((time.perf_counter() - started) * 1000)
        found[f"inbox_{name}_ms"] = sorted(spent)[times // 2]
    return found


def _questions(documents: int) -> Iterator[tuple[str, Callable[[sa.Connection], object]]]:
    oldest = (LEGAL_START + timedelta(seconds=40), f"dlv_{40:025}")

    def page(wanted: Wanted, before: Any = None) -> Callable[[sa.Connection], object]:
        return lambda connection: listed(connection, OWNER, wanted, limit=_PAGE, before=before)

    yield "first_page", page(Wanted())
    yield "last_page", page(Wanted(), oldest)
    yield "unread", page(Wanted("unread"))
    yield "waiting", page(Wanted("waiting"))
    yield "served", page(Wanted("served"))
    yield "instrument", page(Wanted(instrument="hearing-notice"))
    yield "absent_instrument", page(Wanted(instrument="penalty-decision"))
    yield "found_first", page(Wanted(needle="〔2026〕0号"))
    yield "found_nothing", page(Wanted(needle="没有的案号"))
    yield "unread_found_nothing", page(Wanted("unread", needle="No. none"))
    yield "counts", lambda connection: counts(connection, OWNER)
    assert documents > 40  # noqa: S101 - the last page begins there
