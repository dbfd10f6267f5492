"""Issuing by hand, without a case system: a form from the instrument's schema, a preview, and the submission."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.fact_forms import facts, form, typed_of
from delivery.linked_acts import state_faults
from delivery.portal.doors import MayIssue, demand_issuing, may_issue
from delivery.portal.issue_links import Linked, filled_in, linked_by
from delivery.portal.issuing import Issuing
from delivery.portal.web import AnySession, Portal, PortalPart, Posted, page, see, wide_form, words_of
from records import directory, documents
from records.access import Person, Session
from records.errors import Fault, Refused
from templates.catalogue import Instrument, catalogue

router = APIRouter(prefix="/desk/issue")

InstrumentId = Annotated[str, Path(pattern="^[a-z][a-z0-9-]{1,60}$")]
DocumentPart = Annotated[str, Path(pattern="^doc_[0-9a-z]{1,40}$")]
WideForm = Annotated[Posted, Depends(wide_form)]
_SHOWN: Final = 500
_APPROVAL: Final = ("name", "role", "rule", "approved_at")


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
    _issuing(portal)
    made = _instrument(instrument, clerk)
    with portal.database.read() as connection:
        linked = linked_by(connection, clerk.authority_id, made.manifest, request.query_params)
        if linked and state_faults(connection, clerk.authority_id, linked.effect, linked.target["id"]):
            return see(f"/desk/documents/{linked.target['id']}")  # that page says why not
        typed = filled_in(connection, linked) if linked else {}
    if not linked and portal.test and request.query_params.get("sample"):
        typed = typed_of(made.sample_facts())
    return _form(request, portal, session, made, typed)


def _form(
    request: Request,
    portal: Portal,
    session: Session,
    made: Instrument,
    typed: Mapping[str, str],
    faults: Sequence[Fault] = (),
) -> Response:
    t = words_of(request)
    place = "/documents/0/facts"
    inside = [_moved(fault, place) for fault in faults if fault.pointer.startswith(place)]
    with portal.database.read() as connection:
        known = directory.counterparties(connection, session.subject.authority_id, _SHOWN)
        linked = linked_by(connection, session.subject.authority_id, made.manifest, typed)
    return page(
        request,
        "issue.html",
        session,
        status=422 if faults else 200,
        instrument=made.id,
        title=t.pick(made.manifest.title_zh, made.manifest.title_en),
        parts=form(made.schema, typed, inside),
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
        counterparties=[(row["id"], t.pick(row["name_zh"], row["name_en"])) for row in known],
        approval=[(name, t(f"issue.{name}"), typed.get(name, "")) for name in _APPROVAL],
        faults=[(fault.pointer, t.pick(fault.message_zh, fault.message_en), fault.rule) for fault in faults],
        once=typed.get("once") or secrets.token_urlsafe(16),
        sample=portal.test,
    )


def _moved(fault: Fault, place: str) -> Fault:
    return Fault(fault.pointer.removeprefix(place), fault.code, fault.message_en, fault.message_zh, fault.rule)


def _job(authority_id: str, made: Instrument, typed: Mapping[str, str], linked: Linked | None) -> dict[str, Any]:
    document: dict[str, Any] = {"instrument": made.id, "facts": facts(made.schema, typed)}
    if linked is not None:
        document |= linked.in_job()
    elif typed.get("counterparty"):
        document["recipients"] = [{"counterparty": typed["counterparty"]}]
    if typed.get("paper"):
        document["paper"] = True
    approval = {name: typed[name].strip() for name in _APPROVAL if typed.get(name, "").strip()}
    if approval:
        document["approval"] = approval
    return {"authority": authority_id, "case_no": typed.get("case_no", "").strip(), "documents": [document]}


@router.post("/{instrument}")
def send(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayIssue,
    posted: WideForm,
    instrument: InstrumentId,
) -> Response:
    """Show the form with one more item, or the specimen, or submit; a refused form is shown with every fault."""
    issuing, made, typed = _issuing(portal), _instrument(instrument, clerk), dict(posted.fields)
    verb, _, pointer = typed.get("verb", "").partition(":")
    if verb == "more":
        count = typed.get(f"n{pointer}", "1")
        typed[f"n{pointer}"] = str(int(count) + 1 if count.isascii() and count.isdigit() and len(count) < 4 else 2)
        return _form(request, portal, session, made, typed)
    with portal.database.read() as connection:
        linked = linked_by(connection, clerk.authority_id, made.manifest, typed)
    job = _job(clerk.authority_id, made, typed, linked)
    try:
        if verb == "preview":
            pdf = issuing.specimen(clerk, job)
            return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": "inline"})
        once = typed.get("once", "")[:64]
        if not once:
            raise HTTPException(400)
        document_id = issuing.submit(clerk, job, once)
    except Refused as refused:
        return _form(request, portal, session, made, typed, refused.faults)
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
