"""Issuing by hand, without a case system: a form from the instrument's schema, a preview, and the submission."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.fact_forms import typed_of
from delivery.linked_acts import state_faults
from delivery.portal.doors import MayIssue, demand_issuing, may_issue
from delivery.portal.issue_form import APPROVAL, BESIDE, IssueForm
from delivery.portal.issue_links import filled_in, linked_by
from delivery.portal.issuing import Issuing
from delivery.portal.web import AnySession, Portal, PortalPart, Posted, page, see, wide_form, words_of
from records import directory, documents
from records.access import Person, Session
from records.database import legal_time
from records.errors import Fault, Refused
from templates.catalogue import Instrument, catalogue

router = APIRouter(prefix="/desk/issue")

InstrumentId = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{1,60}$")]
DocumentPart = Annotated[str, Path(pattern="^doc_[0-9a-z]{1,40}$")]
WideForm = Annotated[Posted, Depends(wide_form)]


def _issuing(portal: Portal) -> Issuing:
    if portal.issuing is None:
        raise HTTPException(404)
    return portal.issuing


def _instrument(name: str, clerk: Person) -> Instrument:
    """The instrument, if the person may issue it by hand. Raises 404, NotAllowed."""
    if name not in catalogue().ids():
        raise HTTPException(404)
    demand_issuing(clerk, name)
    return catalogue().get(name)


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue) -> Response:
    """The instruments that the person may issue."""
    _issuing(portal)
    t = words_of(request)
    mine = [catalogue().get(name).manifest for name in catalogue().ids() if may_issue(clerk, name)]
    items = [(each.id, t.pick(each.title_zh, each.title_en)) for each in mine]
    return page(request, "issue_list.html", session, items=sorted(items, key=lambda item: item[1]))


@router.get("/{instrument}")
def blank(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, instrument: InstrumentId
) -> Response:
    """The empty form; on a TEST system it may be filled with the sample (`?sample=1`).

    `?ends=` (or `changes`, `mends`, `declares`) and the id of a document: what is known of that is filled in.
    """
    issuing, made = _issuing(portal), _instrument(instrument, clerk)
    with portal.database.read() as connection:
        linked = linked_by(connection, clerk.authority_id, made.manifest, request.query_params)
        if linked and state_faults(connection, clerk.authority_id, linked.effect, linked.target["id"]):
            return see(f"/desk/documents/{linked.target['id']}")  # that page says why not
        typed = filled_in(connection, linked) if linked else {}
        today = day_of(legal_time(connection)).isoformat()
    if not linked and portal.test and request.query_params.get("sample"):
        typed = typed_of(made.sample_facts())
    if made.clauses is not None:  # it is dated today, as a rule
        typed = {f"f/{made.clauses.dated}": today} | typed
    return _form(request, portal, session, IssueForm(made, issuing.beside, typed))


def _form(
    request: Request,
    portal: Portal,
    session: Session,
    form: IssueForm,
    faults: Sequence[Fault] = (),
    filled: Sequence[str] | None = None,
) -> Response:
    t, made, typed = words_of(request), form.made, form.typed
    with portal.database.read() as connection:
        known = directory.counterparties(connection, session.subject.authority_id)
        linked = linked_by(connection, session.subject.authority_id, made.manifest, typed)
    asked, beside = form.parts(faults)
    return page(
        request,
        "issue.html",
        session,
        status=422 if faults else 200,
        instrument=made.id,
        title=t.pick(made.manifest.title_zh, made.manifest.title_en),
        parts=asked,
        address=[part for part in beside if part.pointer == f"{BESIDE}/address"],
        beside=[part for part in beside if part.pointer != f"{BESIDE}/address"],
        typed=typed,
        column=t.pick("0", "1"),
        delivered=made.print.delivered,
        linked=linked
        and {
            "effect": linked.effect,
            "id": linked.target["id"],
            "text": linked.named(t),
            "recipients": linked.served_on(t),
        },
        sealed=made.print.sealed,
        recipients=form.recipients,
        counterparties=[(row["id"], t.pick(row["name_zh"], row["name_en"])) for row in known],
        approval=[(name, t(f"issue.{name}"), typed.get(name, "")) for name in APPROVAL],
        told=form.told(faults, t),
        filled=None if filled is None else [t.pick(*part.label) for part in asked if part.pointer[1:] in filled],
        once=typed.get("once") or secrets.token_urlsafe(16),
        sample=portal.test,
    )


@router.post("/{instrument}")
def send(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayIssue,
    posted: WideForm,
    instrument: InstrumentId,
) -> Response:
    """Show the form with one more item, filled from the records, or the specimen; or submit. A refused form is shown
    with every fault.
    """
    issuing, made, typed = _issuing(portal), _instrument(instrument, clerk), dict(posted.fields)
    form = IssueForm(made, issuing.beside, typed)
    verb, _, pointer = typed.get("verb", "").partition(":")
    if verb == "more":
        counted = f"n{pointer}" if pointer else "recipients"
        count = typed.get(counted, "1")
        typed[counted] = str(int(count) + 1 if count.isascii() and count.isdigit() and len(count) < 4 else 2)
        return _form(request, portal, session, form)
    if verb == "fill":
        with portal.database.read() as connection:
            known, names = form.filled(connection, clerk.authority_id)
        return _form(request, portal, session, replace(form, typed=known), filled=names)
    with portal.database.read() as connection:
        linked = linked_by(connection, clerk.authority_id, made.manifest, typed)
    job = form.job(clerk.authority_id, linked)
    try:
        if verb == "preview":
            pdf = issuing.specimen(clerk, job)
            return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": "inline"})
        once = typed.get("once", "")[:64]
        if not once:
            raise HTTPException(400)
        document_id = issuing.submit(clerk, job, once)
    except Refused as refused:
        return _form(request, portal, session, form, refused.faults)
    return see(f"/desk/issue/done/{document_id}")


@router.get("/done/{document_id}")
def done(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, document_id: DocumentPart
) -> Response:
    """What became of it: where the document stands."""
    t = words_of(request)
    with portal.database.read() as connection:
        row = documents.find_in(connection, document_id, clerk.authority_id)
    if row is None:
        raise HTTPException(404)
    manifest = catalogue().get(row["instrument"]).manifest
    warnings = [(t.pick(each["text_zh"], each["text_en"]), each["citation"]) for each in _warnings(row["preflight"])]
    title = t.pick(manifest.title_zh, manifest.title_en)
    return page(request, "issued.html", session, title=title, case_no=row["case_no"], id=row["id"], warnings=warnings)


def _warnings(preflight: Mapping[str, Any] | None) -> list[Any]:
    return list((preflight or {}).get("warnings", ()))
