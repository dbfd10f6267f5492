"""The public page that says whether a PDF was sealed by somebody trusted and not changed since.

Nothing is stored and nobody has to log in: the answer is about the bytes that came, never about an identifier.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.views import moment
from delivery.portal.web import PortalPart, Posted, form_of, page, session_of, words_of
from delivery.portal.wording import Words
from records.errors import Refused

router = APIRouter(prefix="/verify")


@router.get("")
def form(request: Request, portal: PortalPart) -> Response:
    """Where the file is chosen."""
    if portal.verify is None:
        raise HTTPException(404)
    return page(request, "verify.html", session_of(request), found=None, faults=())


@router.post("")
def verify(request: Request, portal: PortalPart, posted: Annotated[Posted, Depends(form_of)]) -> Response:
    """The verdict about the file."""
    if portal.verify is None:
        raise HTTPException(404)
    t, pdf = words_of(request), posted.files.get("pdf")
    if pdf is None:
        faults: tuple[str, ...] = (t("verify.choose"),)
        return page(request, "verify.html", session_of(request), status=422, found=None, faults=faults)
    try:
        found = portal.verify(pdf)
    except Refused as refused:
        faults = tuple(t.pick(fault.message_zh or fault.message_en, fault.message_en) for fault in refused.faults)
        return page(request, "verify.html", session_of(request), status=422, found=None, faults=faults)
    shown = {
        "verdict": found["verdict"],
        "test": found["test"] and not any(each["code"].startswith("test") for each in found["reasons"]),
        "sha256": hashlib.sha256(pdf).hexdigest(),
        "reasons": [t.pick(each["text_zh"], each["text_en"]) for each in found["reasons"]],
        "signatures": [_signature(each, t) for each in found["signatures"]],
    }
    return page(request, "verify.html", session_of(request), found=shown, faults=())


def _signature(each: dict[str, Any], t: Words) -> dict[str, Any]:
    times = {name: each[name] and moment(datetime.fromisoformat(each[name]), t) for name in ("signed_at", "timestamp")}
    return each | times
