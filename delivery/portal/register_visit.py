"""Who registers: the visit whose number is proved, and the application that it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from delivery.portal.web import Posted, form_of, portal_of
from records import registrations, visits
from records.access import same_token


class ProveFirst(Exception):
    """The page needs a proved number: the visitor is sent to the door."""


@dataclass(frozen=True)
class ProvedVisit:
    """A visit with its application; `form` is what was sent with it, if anything."""

    visit: sa.RowMapping
    row: sa.RowMapping
    form: Posted

    @property
    def is_open(self) -> bool:
        """Whether the application may be changed."""
        return self.row["state"] in ("draft", "returned")


def a_visit(request: Request) -> ProvedVisit:
    """The visitor's. Raises ProveFirst."""
    portal = portal_of(request)
    token = request.cookies.get(portal.visit_cookie, "")
    with portal.database.read() as connection:
        visit = visits.find(connection, token) if token else None
        row = registrations.find(connection, visit["registration_id"]) if visit and visit["proved_at"] else None
    if visit is None or row is None:
        raise ProveFirst
    return ProvedVisit(visit, row, Posted({}))


async def posted_visit(request: Request, visit: Annotated[ProvedVisit, Depends(a_visit)]) -> ProvedVisit:
    """The same with its form, if that came from a page of this visit. Raises 403 otherwise."""
    form = await form_of(request)
    if not same_token(form.fields.get("csrf", ""), visit.visit["csrf_token"]):
        raise HTTPException(403)
    return ProvedVisit(visit.visit, visit.row, form)


TheVisit = Annotated[ProvedVisit, Depends(a_visit)]
VisitForm = Annotated[ProvedVisit, Depends(posted_visit)]
