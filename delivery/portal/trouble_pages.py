"""What went wrong and waits for somebody: steps that were given up, sends in doubt, documents that failed."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.doors import MayRequeue
from delivery.portal.pager import WalkPart
from delivery.portal.views import minute
from delivery.portal.web import AnySession, Form, PortalPart, page, see, words_of
from records import desk_work
from records.steps import NotRequeued
from templates.manifests import manifests

router = APIRouter(prefix="/desk/trouble")


@router.get("")
def listing(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRequeue, walk: WalkPart, told: str = ""
) -> Response:
    """The three lists. Errors are shown by their kind alone: their words may hold what only an operator should see."""
    t = words_of(request)
    mine = clerk.authority_id
    with portal.database.read() as connection:
        found = {
            "dead": desk_work.dead(connection, mine, walk.part("dead")),
            "ambiguous": desk_work.ambiguous(connection, mine, walk.part("ambiguous")),
            "failed": desk_work.failed(connection, mine, walk.part("failed")),
        }
    return page(
        request,
        "trouble.html",
        session,
        told=told == "requeued",
        pages={name: walk.links("/desk/trouble", each, name) for name, each in found.items()},
        dead=[
            {"id": row["id"], "stage": t(f"trouble.stage_{row['stage']}"), "delivery": row["delivery_id"]}
            for row in found["dead"].rows
        ],
        ambiguous=[
            {
                "delivery": row["delivery_id"],
                "channel": t(f"trouble.channel_{row['channel']}"),
                "at": minute(row["created_at"], t),
            }
            for row in found["ambiguous"].rows
        ],
        failed=[
            {
                "title": t.pick(manifests()[row["instrument"]].title_zh, manifests()[row["instrument"]].title_en),
                "number": t.pick(row["number_zh"] or "", row["number_en"] or row["number_zh"] or ""),
                "case_no": row["case_no"],
                "id": row["id"],
                "at": minute(row["created_at"], t),
            }
            for row in found["failed"].rows
        ],
    )


@router.post("/requeue")
def requeue(portal: PortalPart, clerk: MayRequeue, form: Form) -> Response:
    """Make a step that was given up due again."""
    step_id = form.fields.get("step", "")[:200]
    try:
        with portal.database.write() as connection:
            desk_work.requeue(connection, clerk.authority_id, step_id, clerk.id)
    except LookupError:
        raise HTTPException(404) from None
    except NotRequeued:
        raise HTTPException(409) from None
    portal.hint((step_id,))
    return see("/desk/trouble?told=requeued")
