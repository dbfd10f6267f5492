"""Applications at the clerk's desk: what waits, one with its checklist, the decision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import registration_review
from delivery.account_names import initials
from delivery.portal.account_lines import account_line
from delivery.portal.doors import MayRegister
from delivery.portal.form_faults import FormFaults, Told
from delivery.portal.office_choices import office_choices
from delivery.portal.pager import WalkPart
from delivery.portal.register_form import Entry, texts_of, typed
from delivery.portal.register_pages import FileName, scan_response
from delivery.portal.registration_lines import said, scans, versions
from delivery.portal.views import minute, timed
from delivery.portal.web import AnySession, Form, PortalPart, page, portal_of, see, words_of
from delivery.portal.wording import Words
from delivery.registration_review import CHECKS, ENTRIES
from delivery.scanner import read_day
from records import activations, logins, messages, registrations
from records.access import Person
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/registrations")

STATES: Final = ("submitted", "returned", "approved")
_TOLD: Final = ("noted", "returned", "approved")

_Check = tuple[str, str, bool, tuple[str, ...]]
"""A point of the checklist: name, words, whether it is ticked, faults."""

RegistrationId = Annotated[str, Path(pattern="^reg_[0-9a-z]{1,40}$")]


@router.get("")
def listing(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayRegister,
    walk: WalkPart,
    state: str = "submitted",
) -> Response:
    """The authority's applications of one state; drafts belong to their applicants."""
    t, state = words_of(request), state if state in STATES else "submitted"
    with portal.database.read() as connection:
        counts = registrations.counts(connection, clerk.authority_id)
        found = registrations.listed(connection, clerk.authority_id, state, walk.part())
    items = [
        {
            "id": row["id"],
            "number": row["number"],
            "name": t.pick(row["facts"]["name_zh"], row["facts"]["name_en"]),
            "category": t(f"register.{row['category']}"),
            "changed": minute(row["changed_at"], t),
            "again": row["submissions"] > 1,
            "received": bool(row["review"].get("original_received_on")),
        }
        for row in found.rows
        if row["number"]
    ]
    tabs = [(each, t(f"register.state_{each}"), counts.get(each, 0)) for each in STATES]
    pages = walk.links("/desk/registrations", found, state=state)
    return page(request, "registrations.html", session, items=items, tabs=tabs, state=state, pages=pages)


def _row(request: Request, clerk: Person, registration_id: str) -> sa.RowMapping:
    """An application of this clerk's authority that was reported. Raises 404."""
    with portal_of(request).database.read() as connection:
        row = registrations.get(connection, registration_id, clerk.authority_id)
    if row is None or row["number"] is None:
        raise HTTPException(404)
    return row


@router.get("/{registration_id}")
def one(
    request: Request, session: AnySession, clerk: MayRegister, registration_id: RegistrationId, told: str = ""
) -> Response:
    """One application: its facts, scans, history, and the checklist."""
    row = _row(request, clerk, registration_id)
    return _one(request, session, row, row["review"], told=told if told in _TOLD else "")


def _one(
    request: Request,
    session: AnySession,
    row: sa.RowMapping,
    review: Mapping[str, Any],
    faults: Sequence[Fault] = (),
    *,
    told: str = "",
    fields: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    t = words_of(request)
    with portal_of(request).database.read() as connection:
        history = registrations.history(connection, row["id"])
        notes = _notes(connection, row, t) if row["state"] == "submitted" else []
        sent = messages.of_registration(connection, row["id"])
        of = (row["authority_id"], row["counterparty_id"])
        accounts = activations.of_counterparty(connection, *of) if row["counterparty_id"] else []
    reported = versions(history, t)
    review = {"office": history[0]["office"]["id"], "counterparty_id": _identifier(row), **review}
    entries = [_entry(name, review, faults, t) for name in ENTRIES]
    entries += [_office(review, faults, t), _entry("counterparty_id", review, faults, t)]
    reasons = [_area(name, fields or {}, faults, t) for name in ("reasons_zh", "reasons_en")]
    checks = [
        (name, t(f"review.{name}"), bool(review.get(name)), texts_of(f"/{name}", faults, t)) for name in _checks(row)
    ]
    general = [text for at in ("/accounts", "/credit_code") for text in texts_of(at, faults, t)]
    return page(
        request,
        "registration.html",
        session,
        status=status,
        id=row["id"],
        number=row["number"],
        entity=t.pick(row["facts"]["name_zh"], row["facts"]["name_en"]),
        state=row["state"],
        counterparty=row["counterparty_id"] or "",
        sections=said(row, t),
        scans=[each for each in scans(row, t) if each["kept"]],
        office=reported[0]["office"],
        notes=notes,
        checks=checks,
        entries=entries,
        reasons=reasons,
        faults=_told(checks, [*entries, *reasons], general),
        versions=reported,
        messages=[_message(each, t) for each in sent],
        accounts=[account_line(each, t) for each in accounts],
        told=told,
    )


def _told(checks: Sequence[_Check], entries: Sequence[Entry], general: Sequence[str]) -> FormFaults:
    """Every fault for the head of the page: of the checklist, of the fields, and of what was reported."""
    told = [Told(name, label, text) for name, label, _, texts in checks for text in texts]
    told += [Told(each.name, each.label, text) for each in entries for text in each.faults]
    return FormFaults((*told, *(Told("", "", text) for text in general)))


def _checks(row: sa.RowMapping) -> list[str]:
    return [name for name in CHECKS if name != "licence_matches" or row["category"] != "foreign_entity"]


def _identifier(row: sa.RowMapping) -> str:
    """The identifier that jobs will name the counterparty by, as it may be proposed."""
    facts = row["facts"]
    name = facts.get("abbreviation") or initials(facts.get("short_name", ""))
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _notes(connection: sa.Connection, row: sa.RowMapping, t: Words) -> list[str]:
    """What the machine found for the clerk to look at."""
    facts = row["facts"]
    taken = logins.taken(connection, [each["login"] for each in facts["accounts"]])
    notes = [t("review.entered", counterparty=each) for each in registrations.entered_under(connection, row)]
    notes += [t("review.alike", counterparty=each) for each in registrations.named_alike(connection, row)]
    notes += [t("review.other", number=each) for each in registrations.others_under(connection, row)]
    notes += [t("review.taken", login=each) for each in taken]
    code, division = facts.get("credit_code", ""), facts.get("division", "")
    if code and division and code[2:4] not in (division[:2], "10"):  # 10: registered with the State itself
        notes.append(t("review.region", code=code[2:4], division=division[:2]))
    return notes


def _entry(name: str, values: Mapping[str, Any], faults: Sequence[Fault], t: Words) -> Entry:
    hint = t(f"review.{name}_hint") if name in ("original_received_on", "call_back_number", "counterparty_id") else ""
    shown = texts_of(f"/{name}", faults, t)
    return Entry(name, t(f"review.{name}"), str(values.get(name, "")), hint=hint, faults=shown)


def _office(review: Mapping[str, Any], faults: Sequence[Fault], t: Words) -> Entry:
    shown = texts_of("/office", faults, t)
    hint = t("review.office_hint")
    return Entry("office", t("review.office"), review["office"], "choice", hint, shown, office_choices(t))


def _area(name: str, fields: Mapping[str, str], faults: Sequence[Fault], t: Words) -> Entry:
    shown = texts_of(f"/{name}", faults, t)
    return Entry(name, t(f"review.{name}"), fields.get(name, ""), "area", faults=shown)


def _message(row: sa.RowMapping, t: Words) -> dict[str, str]:
    return {
        "what": t(f"review.{row['template'].replace('-', '_')}", **_named(row)),
        "to": row["address"],
        "state": t(f"review.message_{row['state']}"),
        "code": row["state"],
        "at": timed(row["sent_at"] or row["created_at"], t, minute),
    }


def _named(row: sa.RowMapping) -> dict[str, str]:
    return {"login": row["params"]["login"]} if row["template"] == "activation-code" else {}


@router.get("/{registration_id}/files/{name}")
def scan(
    request: Request, portal: PortalPart, clerk: MayRegister, registration_id: RegistrationId, name: FileName
) -> Response:
    """A scan of the application."""
    return scan_response(portal, _row(request, clerk, registration_id)["files"], name)


@router.post("/{registration_id}")
def decide(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayRegister,
    form: Form,
    registration_id: RegistrationId,
) -> Response:
    """Keep the checklist, return the application with reasons, or approve it."""
    row, review = _row(request, clerk, registration_id), _review_of(form.fields)
    action, of = form.fields.get("action", ""), (portal.database, clerk, registration_id)
    hints: list[str] = []
    try:
        registration_review.note(*of, review)  # first: a refusal loses nothing of the checklist
        told = "noted"
        if action == "approve":
            hints, told = registration_review.approve(*of, review), "approved"
        elif action == "return":
            reasons = (form.fields.get("reasons_zh", "")[:2000], form.fields.get("reasons_en", "")[:2000])
            hints, told = registration_review.send_back(*of, review, reasons), "returned"
    except Refused as refused:
        return _one(request, session, row, review, refused.faults, fields=form.fields, status=422)
    except registration_review.NotWaiting:
        raise HTTPException(409) from None
    portal.hint(hints)
    return see(f"/desk/registrations/{registration_id}?told={told}")


def _review_of(fields: Mapping[str, str]) -> dict[str, Any]:
    review: dict[str, Any] = {name: True for name in CHECKS if fields.get(name)}
    review |= {name: typed(fields, name) for name in (*ENTRIES, "office", "counterparty_id") if typed(fields, name)}
    if "original_received_on" in review:
        review["original_received_on"] = read_day(review["original_received_on"])
    return review
