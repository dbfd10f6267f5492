"""Calendars of deadlines: the addresses that a visitor subscribed to, and the feeds behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.ics import Entry, write_calendar
from delivery.kept_deadlines import KeptLimit, kept
from delivery.portal.doors import OfBothSides
from delivery.portal.form_faults import NO_FAULTS, FormFaults
from delivery.portal.views import timed
from delivery.portal.web import AnySession, Form, Portal, PortalPart, home_of, page, portal_of, see, words_of
from delivery.portal.wording import Words
from records import feeds
from records.access import Account, Session
from records.database import legal_time
from templates.manifests import manifests

router = APIRouter()

#: Limits that ended so many days ago are still shown, so that calendars keep them for a while.
_PAST: Final = timedelta(days=60)

Token = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{43}$")]


def _owner(session: Session) -> tuple[str, str]:
    return ("account" if isinstance(session.subject, Account) else "person"), session.subject.id


@router.get("/inbox/calendar")
@router.get("/desk/calendar")
def overview(request: Request, session: AnySession, _subject: OfBothSides) -> Response:
    """The addresses in force."""
    return _page(request, session)


def _page(request: Request, session: Session, *, status: int = 200, **values: Any) -> Response:
    if request.url.path.split("/")[1] != home_of(session)[1:]:
        return see(f"{home_of(session)}/calendar")
    with portal_of(request).database.read() as connection:
        found = feeds.of_owner(connection, _owner(session))
    t = words_of(request)
    return page(
        request,
        "feed.html",
        session,
        status=status,
        what=f"feed.what_{'counterparty' if isinstance(session.subject, Account) else 'desk'}",
        feeds=[{"id": row["id"], "since": timed(row["created_at"], t)} for row in found],
        **({"address": "", "faults": NO_FAULTS} | values),
    )


@router.post("/inbox/calendar")
@router.post("/desk/calendar")
def make(request: Request, portal: PortalPart, session: AnySession, subject: OfBothSides, _form: Form) -> Response:
    """Make an address; it is shown once."""
    scope, counterparty = ("counterparty", subject.counterparty_id) if isinstance(subject, Account) else ("desk", None)
    try:
        with portal.database.write() as connection:
            _, token = feeds.issue(
                connection, scope, subject.authority_id, _owner(session), counterparty_id=counterparty
            )
    except feeds.TooManyFeeds:
        faults = FormFaults.said(words_of(request), {"": "feed.too_many"}, {})
        return _page(request, session, status=409, faults=faults)
    base = portal.public_url or str(request.base_url)
    return _page(request, session, address=address_of(base, token))


def address_of(public_url: str, token: str) -> str:
    """The subscription address of a feed."""
    return f"{public_url.rstrip('/')}/calendar/{token}.ics"


@router.post("/inbox/calendar/revoke")
@router.post("/desk/calendar/revoke")
def revoke(portal: PortalPart, session: AnySession, _subject: OfBothSides, form: Form) -> Response:
    """End an address of the visitor's own."""
    with portal.database.write() as connection:
        feeds.revoke(connection, form.fields.get("feed", ""), _owner(session))
    return see(f"{home_of(session)}/calendar")


# --- the feed --------------------------------------------------------------------------------------------------------


@router.get("/calendar/{token}.ics")
def feed(request: Request, portal: PortalPart, token: Token) -> Response:
    """The feed, for whoever holds its address."""
    with portal.database.read() as connection:
        found = feeds.find(connection, token)
        if found is None:
            raise HTTPException(404)
        now = legal_time(connection)
        rows = feeds.rows(connection, found, (day_of(now) - _PAST).isoformat())
    body = write_calendar(_name(portal), _entries(portal, rows, now, for_party=found["scope"] == "counterparty"))
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = 'inline; filename="deadlines.ics"'
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


def _both(key: str, zh: dict[str, str] | None = None, en: dict[str, str] | None = None) -> str:
    return f"{Words('zh')(key, **(zh or {}))} / {Words('en')(key, **(en or {}))}"


def _name(portal: Portal) -> str:
    return _marked(portal, f"{_both('feed.name')} · {portal.system_name_zh} / {portal.system_name_en}")


def _marked(portal: Portal, text: str) -> str:
    return f"{Words('zh')('feed.test')} {text}" if portal.test else text


def _entries(portal: Portal, rows: list[sa.RowMapping], now: datetime, *, for_party: bool) -> Iterator[Entry]:
    oldest = day_of(now) - _PAST
    for row in rows:
        for each in kept(row):
            if each.shown is not None and each.shown >= oldest and not (for_party and each.limit.rule.who != "party"):
                yield _entry(portal, row, each)


def _entry(portal: Portal, row: sa.RowMapping, each: KeptLimit) -> Entry:
    """One limit: its title, its document's title and number, and nothing of the case."""
    assert each.shown is not None  # noqa: S101 - only those are asked for
    limit, manifest = each.limit, manifests()[row["instrument"]]
    rule = limit.rule
    ended = row["document_status"] in ("revoked", "changed")
    gone = ended or each.cancelled or limit.last_day is None or limit.met_on is not None
    code = "met" if limit.met_on is not None else limit.status
    kind = "may" if limit.status == "may_have_begun" else rule.kind
    title = _both(f"feed.entry_{kind}", {"limit": rule.title_zh}, {"limit": rule.title_en})
    document = f"{manifest.title_zh} {row['number_zh'] or ''}".strip()
    document_en = f"{manifest.title_en} {row['number_en'] or ''}".strip()
    summary = f"{title} · {document} / {document_en}"
    told = {
        language: {"citation": rule.wording.citation, "status": Words(language)(f"deadline.{code}")}
        for language in ("zh", "en")
    }
    return Entry(
        uid=f"{row['id']}-{rule.id}@songda",
        sequence=each.sequence + ended,
        changed_at=each.changed_at,
        day=limit.last_day or each.shown,
        summary=_marked(portal, summary),
        description=_both("feed.sources", told["zh"], told["en"]),
        status="CANCELLED" if gone else "CONFIRMED" if limit.status == "fixed" else "TENTATIVE",
    )
