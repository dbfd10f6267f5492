"""The application, step by step: the entity, its people, the letter with its scans, the last look, how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import registration
from delivery.portal import register_form
from delivery.portal.files import pdf_response
from delivery.portal.form_faults import FormFaults, Told
from delivery.portal.register_visit import ProvedVisit, TheVisit, VisitForm
from delivery.portal.registration_lines import office_line, originals_line, said, scans, versions
from delivery.portal.views import file_headers
from delivery.portal.web import PortalPart, page, portal_of, see, words_of
from delivery.portal.wording import Words
from delivery.registration_facts import FILES
from records import registrations
from records.errors import Fault, Refused

router = APIRouter(prefix="/register")

_STEPS: Final = ("entity", "people", "letter", "check")
_PARTS: Final = {"people": ("/contacts", "/accounts"), "letter": ("/signer", "/files")}

FileName = Annotated[str, Path(pattern="^(licence|letter|power_of_attorney)$")]


def _faults(request: Request, visit: ProvedVisit) -> list[Fault]:
    with portal_of(request).database.read() as connection:
        row = registrations.find(connection, visit.row["id"])
        assert row is not None  # noqa: S101 - none is deleted while its visitor is here
        return registration.faults_of(connection, row)


def _step_of(fault: Fault) -> str:
    """The step at which a fault is mended."""
    found = [step for step, parts in _PARTS.items() if fault.pointer.startswith(parts)]
    return found[0] if found else "entity"


def _of(step: str, faults: Sequence[Fault]) -> list[Fault]:
    return [fault for fault in faults if _step_of(fault) == step]


def _page(
    request: Request,
    visit: ProvedVisit,
    step: str,
    faults: Sequence[Fault] = (),
    *,
    status: int = 200,
    **values: Any,
) -> Response:
    if not visit.is_open:
        return see("/register/status")
    t = words_of(request)
    steps = [(each, t(f"register.step_{each}")) for each in _STEPS]
    category = t(f"register.{visit.row['category']}")
    return page(
        request,
        f"register_{step}.html",
        status=status,
        csrf=visit.visit["csrf_token"],
        steps=steps,
        step=step,
        faults=FormFaults(tuple(_told(fault, t) for fault in faults)),
        category=category,
        returned=visit.row["state"] == "returned",
        **values,
    )


def _save(request: Request, visit: ProvedVisit, part: dict[str, Any]) -> None:
    """Keep what was entered. Raises 409 when the application is with the authority."""
    try:
        registration.save(portal_of(request).database, visit.row["id"], part)
    except registration.NotOpen:
        raise HTTPException(409) from None


@router.get("/entity")
def entity_page(request: Request, visit: TheVisit) -> Response:
    """Step 1."""
    return _entity(request, visit, visit.row["facts"], ())


def _entity(request: Request, visit: ProvedVisit, facts: Any, faults: Sequence[Fault], status: int = 200) -> Response:
    entries = register_form.entity_entries(visit.row["category"], facts, faults, words_of(request))
    return _page(request, visit, "entity", faults, status=status, entries=entries)


@router.post("/entity")
def entity(request: Request, visit: VisitForm) -> Response:
    """Keep the entity's facts; go on when nothing is wrong."""
    facts = register_form.entity_of(visit.form.fields)
    _save(request, visit, facts)
    wrong = _of("entity", _faults(request, visit))
    return _entity(request, visit, facts, wrong, 422) if wrong else see("/register/people")


@router.get("/people")
def people_page(request: Request, visit: TheVisit) -> Response:
    """Step 2."""
    return _people(request, visit, visit.row["facts"], ())


def _people(
    request: Request,
    visit: ProvedVisit,
    facts: Any,
    faults: Sequence[Fault],
    status: int = 200,
    more: tuple[int, int] = (0, 0),
) -> Response:
    t = words_of(request)
    return _page(
        request,
        visit,
        "people",
        faults,
        status=status,
        contacts=register_form.contact_rows(visit.row["category"], facts, faults, t, more[0]),
        accounts=register_form.account_rows(facts, faults, t, more[1]),
    )


@router.post("/people")
def people(request: Request, visit: VisitForm) -> Response:
    """Keep contacts and accounts; show another row, or go on when nothing is wrong."""
    facts = register_form.people_of(visit.form.fields, visit.row["facts"])
    _save(request, visit, facts)
    action = visit.form.fields.get("action", "")
    if action in ("add_contact", "add_account", "suggest"):
        more = [len(facts["contacts"]), len(facts["accounts"])]
        more = [many + (action == f"add_{name}") for many, name in zip(more, ("contact", "account"), strict=True)]
        return _people(request, visit, facts, (), more=(more[0], more[1]))
    wrong = _of("people", _faults(request, visit))
    return _people(request, visit, facts, wrong, 422) if wrong else see("/register/letter")


@router.get("/letter")
def letter_page(request: Request, visit: TheVisit) -> Response:
    """Step 3."""
    return _letter(request, visit, visit.row["facts"], ())


def _letter(request: Request, visit: ProvedVisit, facts: Any, faults: Sequence[Fault], status: int = 200) -> Response:
    t = words_of(request)
    unfinished = [fault for fault in _faults(request, visit) if _step_of(fault) != "letter"] if visit.is_open else []
    shown = [each for each in scans(visit.row, t, faults) if _asked(each["name"], visit.row["category"])]
    entries = register_form.signer_entries(facts, faults, t)
    return _page(
        request,
        visit,
        "letter",
        faults,
        status=status,
        entries=entries,
        scans=shown,
        unfinished=unfinished,
    )


def _asked(name: str, category: str) -> bool:
    return name != "licence" or category != "foreign_entity"  # 000, annex 2.3


@router.post("/letter")
def signer(request: Request, visit: VisitForm) -> Response:
    """Keep who signs; go on when nothing is wrong, scans included. Or keep a scan."""
    if "upload" in visit.form.fields:
        return _upload(request, visit, visit.form.fields["upload"])
    facts = register_form.signer_of(visit.form.fields)
    _save(request, visit, facts)
    wrong = _of("letter", _faults(request, visit))
    return _letter(request, visit, facts, wrong, 422) if wrong else see("/register/check")


def _upload(request: Request, visit: ProvedVisit, name: str) -> Response:
    """Keep a scan, or say what is wrong with it. Raises 400 for a kind that the page does not ask for."""
    if name not in FILES:
        raise HTTPException(400)
    portal = portal_of(request)
    try:
        registration.add_scan(portal.database, portal.store, visit.row["id"], name, visit.form.files.get("scan", b""))
    except Refused as refused:
        return _letter(request, visit, visit.row["facts"], refused.faults, 422)
    except registration.NotOpen:
        raise HTTPException(409) from None
    return see("/register/letter#scans")


@router.get("/letter.pdf")
def letter_pdf(portal: PortalPart, visit: TheVisit) -> Response:
    """The confirmation letter of what was entered, to print, sign and seal."""
    try:
        pdf = registration.letter(portal.database, portal.store, visit.row["id"], test=portal.test)
    except Refused:
        return see("/register/check")
    except registration.NotOpen:
        raise HTTPException(409) from None
    return pdf_response(pdf, ("SES确认函.pdf", "Confirmation Letter.pdf"), download=False)


@router.get("/files/{name}")
def own_scan(portal: PortalPart, visit: TheVisit, name: FileName) -> Response:
    """What was uploaded."""
    return scan_response(portal, visit.row["files"], name)


def scan_response(portal: PortalPart, files: dict[str, Any], name: str) -> Response:
    """A scan by what it is. Raises 404."""
    kept = files.get(name)
    if kept is None or name not in FILES:
        raise HTTPException(404)
    ending = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}[kept["media_type"]]
    headers = file_headers(f"{name}.{ending}", f"{name}.{ending}", download=False)
    return Response(portal.store.get(kept["digest"]), media_type=kept["media_type"], headers=headers)


@router.get("/check")
def check_page(request: Request, visit: TheVisit) -> Response:
    """Step 4: everything once more, with what is still wrong."""
    t = words_of(request)
    wrong = _faults(request, visit) if visit.is_open else []
    missing = [(_step_of(fault), _told(fault, t)) for fault in wrong]
    office = None if _of("entity", wrong) else office_line(registration.office_of(visit.row).as_dict(), t)
    shown = scans(visit.row, t)
    return _page(request, visit, "check", missing=missing, sections=said(visit.row, t), scans=shown, office=office)


def _told(fault: Fault, t: Words) -> Told:
    """The fault by its field, which stands on the page of its step."""
    return Told(register_form.field_of(fault.pointer), _name(fault, t), t.pick(fault.message_zh, fault.message_en))


def _name(fault: Fault, t: Words) -> str:
    """What the fault is about, in the words of the form."""
    parts = fault.pointer.strip("/").split("/")
    place = f" {int(parts[1]) + 1}" if len(parts) > 1 and parts[1].isdigit() else ""
    label = t(f"register.{register_form.label_of('/'.join(parts)) or 'step_entity'}")
    return f"{t(f'register.one_{parts[0]}')}{place} · {label}" if place and len(parts) > 2 else label


@router.get("/submit")
def submit_page(request: Request, visit: TheVisit) -> Response:
    """The warning before the second click: a report cannot be withdrawn."""
    if visit.is_open and _faults(request, visit):
        return see("/register/check")
    office, t = registration.office_of(visit.row).as_dict(), words_of(request)
    with portal_of(request).database.read() as connection:
        authority = registration.authority_of(connection, visit.row)
    paper_to = originals_line(authority, office, t)
    return _page(request, visit, "submit", office=office_line(office, t), paper_to=paper_to)


@router.post("/submit")
def submit(portal: PortalPart, visit: VisitForm) -> Response:
    """Report it to the authority, for good."""
    try:
        registration.submit(portal.database, visit.row["id"])
    except Refused:
        return see("/register/check")
    except registration.NotOpen:
        return see("/register/status?told=not_open")
    return see("/register/status?told=submitted")


@router.get("/status")
def status_page(request: Request, portal: PortalPart, visit: TheVisit, told: str = "") -> Response:
    """How the application stands, with everything that was reported and decided."""
    t = words_of(request)
    with portal.database.read() as connection:
        history = registrations.history(connection, visit.row["id"])
        authority = registration.authority_of(connection, visit.row)
    waits = visit.row["state"] == "submitted"
    return page(
        request,
        "register_status.html",
        csrf=visit.visit["csrf_token"],
        number=visit.row["number"] or "",
        state=visit.row["state"],
        entity=t.pick(visit.row["facts"].get("name_zh", ""), visit.row["facts"].get("name_en", "")),
        versions=versions(history, t),
        paper_to=originals_line(authority, history[0]["office"], t) if waits else (),
        told=told if told in ("submitted", "not_open") else "",
        can_change=visit.is_open,
    )
