"""The doors of the desk: each route names the right that it needs, by the type of its parameter.

Whoever is logged in without the right gets 403, with a page that says which one is missing and who has it. Whoever
still has a password that others know comes no further than to the own settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.responses import Response

from delivery import rights
from delivery.portal.web import AnySession, WrongDoor, home_of, page, session_of, words_of
from delivery.portal.wording import LANGUAGES, Words
from records.access import Account, Person
from templates.catalogue import catalogue
from templates.manifests import manifests

_OWN: Final = "/desk/settings"


class NotAllowed(Exception):
    """The visitor has none of the rights `wanted`; the roles `holders` have it."""

    def __init__(self, wanted: Sequence[str], holders: Sequence[str]) -> None:
        super().__init__(*wanted)
        self.wanted = tuple(wanted)
        self.holders = tuple(holders)


def demand(person: Person, *wanted: str) -> None:
    """Raises NotAllowed unless the person has one of the rights."""
    if not rights.may(person.roles, *wanted):
        raise NotAllowed(wanted, rights.holders(*wanted))


def demand_method(person: Person, method: str) -> None:
    """Raises NotAllowed when the method of service needs a right of its own, which the person lacks."""
    if method in barred(person):
        demand(person, "publish")


def barred(person: Person) -> tuple[str, ...]:
    """The methods of service that the person may neither begin nor record."""
    return () if rights.may(person.roles, "publish") else ("public_notice",)


def methods_for(person: Person, instrument: str) -> list[str]:
    """The methods of service of an instrument that the person may begin and record."""
    return [each for each in manifests()[instrument].methods if each not in barred(person)]


def may_issue(person: Person, instrument: str) -> bool:
    """Whether the person may issue the instrument by hand, and end one of its kind before its release."""
    return not person.roles.isdisjoint(rights.issuers(catalogue().get(instrument).print.maker_zh))


def demand_issuing(person: Person, instrument: str) -> None:
    """Raises NotAllowed unless the person may issue the instrument by hand."""
    if not may_issue(person, instrument):
        raise NotAllowed((rights.ISSUE,), rights.issuers(catalogue().get(instrument).print.maker_zh))


def may(*wanted: str) -> Callable[[AnySession], Person]:
    """A door for people of the authority with one of the rights. It raises WrongDoor and NotAllowed."""

    def door(session: AnySession) -> Person:
        subject = session.subject
        if not isinstance(subject, Person):
            raise WrongDoor(home_of(session))
        if subject.first_password:
            raise WrongDoor(_OWN)
        demand(subject, *wanted)
        return subject

    return door


def of_both_sides(session: AnySession) -> Account | Person:
    """A door for accounts, and for people of the authority who may read."""
    return session.subject if isinstance(session.subject, Account) else may("read")(session)


def denied_page(request: Request, error: NotAllowed) -> Response:
    """Which right is missing and who has it, in both languages: a form that was refused has no page to change it on."""
    wanted, names = [rights.rights()[each] for each in error.wanted], rights.role_names()
    own = words_of(request)
    said = [
        {
            "lang": t.pick("zh-CN", "en"),
            "words": t,
            "rights": [(t.pick(*each.name), t.pick(*each.why)) for each in wanted],
            "holders": [t.pick(*names[role]) for role in error.holders],
        }
        for t in sorted(map(Words, LANGUAGES), key=lambda each: each.language != own.language)
    ]
    return page(request, "denied.html", session_of(request), status=403, said=said)


SEES_CORRECTIONS: Final = ("correct", "serve")
SEES_INCOMING: Final = ("receive", "payments", "rule")

OfBothSides = Annotated[Account | Person, Depends(of_both_sides)]
MayRead = Annotated[Person, Depends(may("read"))]
MayServe = Annotated[Person, Depends(may("serve"))]
MayPublish = Annotated[Person, Depends(may("publish"))]
MayCorrect = Annotated[Person, Depends(may("correct"))]
SeesCorrections = Annotated[Person, Depends(may(*SEES_CORRECTIONS))]
MayIssue = Annotated[Person, Depends(may("issue"))]
MayRule = Annotated[Person, Depends(may("rule"))]
MayReceive = Annotated[Person, Depends(may("receive"))]
MayTake = Annotated[Person, Depends(may("receive", "payments"))]
MayStudy = Annotated[Person, Depends(may("study"))]
SeesSubmissions = Annotated[Person, Depends(may("study", "payments"))]
SeesObjections = Annotated[Person, Depends(may("study", "rule"))]
SeesIncoming = Annotated[Person, Depends(may(*SEES_INCOMING))]
MayRegister = Annotated[Person, Depends(may("register"))]
MayRequeue = Annotated[Person, Depends(may("requeue"))]
MayApprove = Annotated[Person, Depends(may("approve"))]
SeesStatistics = Annotated[Person, Depends(may("statistics"))]
KeepsPeople = Annotated[Person, Depends(may("people"))]
