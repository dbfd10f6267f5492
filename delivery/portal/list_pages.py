"""The list of the inbox: filtered, searched, page by page; as CSV, and a selection of it as a ZIP file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from delivery import inbox
from delivery.beijing import day_of, end_of
from delivery.portal.link_lines import lines_in_inbox
from delivery.portal.pager import read_key, written_key
from delivery.portal.views import file_headers, file_names, item_of, moment
from delivery.portal.web import AnySession, Form, Portal, PortalPart, TheAccount, language_of, page, see, words_of
from delivery.portal.wording import Words
from delivery.scanner import read_day
from delivery.sheets import MARK, lines
from delivery.zips import zipped
from records import deliveries
from records.access import Account, Session
from records.database import legal_time
from records.finding import folded
from records.inbox import MOST_COUNTED, STATES, Wanted, counts, listed
from records.paging import Key
from templates.manifests import manifests

router = APIRouter(prefix="/inbox")

PER_PAGE: Final = 30
_PER_READ: Final = 500
_PICK: Final = "pick_"


def _asked(given: Mapping[str, str]) -> dict[str, str]:
    """The filter as it was asked for, what is none left out."""
    asked = {name: given.get(name, "").replace("\0", "").strip()[:100] for name in ("find", "since", "until")}
    asked["state"] = given["state"] if given.get("state") in STATES else "all"
    asked["instrument"] = given["instrument"] if given.get("instrument") in manifests() else ""
    return asked


def _wanted(asked: dict[str, str]) -> Wanted:
    """What the rows are asked for."""
    since, until = _day(asked["since"]), _day(asked["until"])
    needle = folded(asked["find"])
    titled = (
        name
        for name, manifest in manifests().items()
        if needle and (needle in folded(manifest.title_zh) or needle in folded(manifest.title_en))
    )
    return Wanted(
        state=asked["state"],
        instrument=asked["instrument"],
        since=end_of(since - timedelta(days=1)) if since else None,
        until=end_of(until) if until else None,
        needle=asked["find"],
        titled=tuple(titled),
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(read_day(text))
    except ValueError:
        return None
    return found if 1970 < found.year < 2200 else None


@router.get("")
def listing(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, before: str = ""
) -> Response:
    """What was sent to the counterparty, newest first."""
    given = {name: value for name, value in request.query_params.items() if name != "find"}
    return _list(request, portal, session, account, _asked(given), before)


@router.get("/search")
@router.get("/archive")
def again(request: Request) -> Response:
    """Where a page that a form led to is asked for by its address, as by a change of the language: the list."""
    return see(f"/inbox{language_of(request)}")


@router.post("/search")
def search(request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form) -> Response:
    """The same, searched: numbers and cases are sent in the form, for addresses stand in logs and histories."""
    return _list(request, portal, session, account, _asked(form.fields), form.fields.get("before", ""))


def _list(
    request: Request, portal: Portal, session: Session, account: Account, asked: dict[str, str], before: str
) -> Response:
    t, start = words_of(request), read_key(before)
    with portal.database.read() as connection:
        rows = listed(connection, account, _wanted(asked), limit=PER_PAGE + 1, before=start)
        shown = rows[:PER_PAGE]
        links = lines_in_inbox(connection, shown, t, account)
        counted = counts(connection, account)
        now = legal_time(connection)
    told = {name: value for name, value in asked.items() if name != "find"}
    last = shown[-1] if len(rows) > PER_PAGE else None
    return page(
        request,
        "inbox.html",
        session,
        items=[item_of(row, t, now) for row in shown],
        links=links,
        older=written_key((last["sent_at"], last["id"]) if last else None),
        before=before,
        asked=asked,
        queries={state: f"?{urlencode(told | {'state': state})}" for state in STATES},
        filtered=any(asked[name] for name in ("find", "since", "until", "instrument")),
        states=[(state, t(f"inbox.state_{state}"), _told(counted.get(state))) for state in STATES],
        instruments=_instruments(t),
        today=day_of(now).isoformat(),
    )


def _told(count: int | None) -> str:
    if count is None:
        return ""
    return f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count)


def _instruments(t: Words) -> list[tuple[str, str]]:
    """What may stand in an inbox, for the filter."""
    served = ((name, found) for name, found in manifests().items() if found.served and found.electronic)
    return sorted(((name, t.pick(found.title_zh, found.title_en)) for name, found in served), key=lambda pair: pair[1])


# --- CSV -------------------------------------------------------------------------------------------------------------

_COLUMNS: Final = ("document", "number", "case", "sent", "first_opened", "confirmed", "status", "date", "digest")


@router.post("/list.csv")
def as_csv(request: Request, portal: PortalPart, account: TheAccount, form: Form) -> Response:
    """The list as it is filtered and searched, whole."""
    t, wanted = words_of(request), _wanted(_asked(form.fields))
    headers = file_headers(f"{t('inbox.title')}.csv", "inbox.csv", download=True)
    return StreamingResponse(_csv(portal, account, wanted, t), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(portal: Portal, account: Account, wanted: Wanted, t: Words) -> Iterator[str]:
    yield MARK + lines([[t(f"inbox.column_{name}") for name in _COLUMNS]])
    before: Key | None = None
    while True:
        with portal.database.read() as connection:
            rows = listed(connection, account, wanted, limit=_PER_READ, before=before)
            now = legal_time(connection)
        yield lines(_csv_row(row, t, now) for row in rows)
        if len(rows) < _PER_READ:
            return
        before = rows[-1]["sent_at"], rows[-1]["id"]


def _csv_row(row: sa.RowMapping, t: Words, now: datetime) -> list[str]:
    item = item_of(row, t, now)
    told = [t.pick(item.title_zh, item.title_en), item.number, item.case_no, item.sent]
    told += [moment(row[name], t) for name in ("accessed_at", "confirmed_at")]
    return [*told, item.status, item.date, row["final_digest"] or ""]


# --- ZIP -------------------------------------------------------------------------------------------------------------


@router.post("/archive")
def archive(request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form) -> Response:
    """The chosen documents; first what opening means, if one of them was not opened yet."""
    picked = [name.removeprefix(_PICK) for name in form.fields if name.startswith(_PICK)][: PER_PAGE * 2]
    t = words_of(request)
    with portal.database.read() as connection:
        found = [deliveries.inbox_item(connection, each, account) for each in picked]
        now = legal_time(connection)
    rows = [row for row in found if row is not None]
    if len(rows) < len(picked):
        raise HTTPException(404)
    unopened = [row for row in rows if row["accessed_at"] is None]
    if not rows or (unopened and form.fields.get("opening") != "yes"):
        items = [item_of(row, t, now) for row in rows]
        status = 200 if rows else 422
        return page(request, "archive.html", session, status=status, items=items, unopened=len(unopened))
    for row in unopened:
        inbox.access(portal.database, row["id"], account, session.token_hash, "zip")
    headers = file_headers(f"{t('inbox.title')}.zip", "inbox.zip", download=True)
    members = _members(portal, rows, t, now)
    return StreamingResponse(zipped(members, now), media_type="application/zip", headers=headers)


def _members(portal: Portal, rows: list[sa.RowMapping], t: Words, now: datetime) -> Iterator[tuple[str, bytes]]:
    """The list with the digests, then each PDF as it is stored."""
    head: list[Any] = [t(f"inbox.column_{name}") for name in _COLUMNS]
    told = lines([head, *(_csv_row(row, t, now) for row in rows)])
    yield f"{t('inbox.title')}.csv", (MARK + told).encode()
    for row in rows:
        yield _file_name(row), portal.store.get(row["final_digest"])


def _file_name(row: sa.RowMapping) -> str:
    name = file_names(row)[0]
    return "".join("_" if char in '\\/:*?"<>|' or not char.isprintable() else char for char in name)
