"""The people who use an account: the account's user keeps the list."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.portal.acting import acting_of, known_people
from delivery.portal.form_faults import NO_FAULTS, FormFaults
from delivery.portal.web import AnySession, Form, PortalPart, TheAccount, page, see, words_of
from records import people

router = APIRouter(prefix="/inbox/people")


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, account: TheAccount) -> Response:
    """The list, and the form of a new name."""
    return page(request, "people.html", session, known=known_people(portal, account), faults=NO_FAULTS)


@router.post("")
def add(request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form) -> Response:
    """Name a person."""
    if acting_of(portal, account, form) is None:
        faults = FormFaults.said(words_of(request), {"person_name": "people.missing"}, {"person_name": "people.name"})
        return page(request, "people.html", session, status=422, known=known_people(portal, account), faults=faults)
    return see("/inbox/people")


@router.post("/end")
def end(portal: PortalPart, account: TheAccount, form: Form) -> Response:
    """Take a person off the list."""
    with portal.database.write() as connection:
        people.end(connection, account, form.fields.get("person", ""))
    return see("/inbox/people")
