"""The public page that says whether a PDF was sealed by somebody trusted and not changed since.

Nothing is stored and nobody has to log in: the answer is about the bytes that came, never about an identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.form_faults import NO_FAULTS, FormFaults, Told
from delivery.portal.uploads import Gate, uploaded_pdf
from delivery.portal.views import timed
from delivery.portal.web import PortalPart, page, session_of, words_of
from delivery.portal.wording import Words
from records.errors import Refused

router = APIRouter(prefix="/verify")


@router.get("")
def form(request: Request, portal: PortalPart) -> Response:
    """Where the file is chosen. A code on paper leads here; what it says beside the address is not looked at."""
    if portal.verify is None:
        raise HTTPException(404)
    return page(request, "verify.html", session_of(request), found=None, faults=NO_FAULTS)


@router.post("", dependencies=[Depends(Gate(8))])
def verify(request: Request, portal: PortalPart, pdf: Annotated[bytes, Depends(uploaded_pdf)]) -> Response:
    """The verdict about the file."""
    if portal.verify is None:
        raise HTTPException(404)
    t = words_of(request)
    if not pdf:
        faults = FormFaults.said(t, {"pdf": "verify.choose"}, {"pdf": "verify.file"})
        return page(request, "verify.html", session_of(request), status=422, found=None, faults=faults)
    try:
        found = portal.verify(pdf)
    except Refused as refused:
        label = t("verify.file")
        told = (t.pick(fault.message_zh or fault.message_en, fault.message_en) for fault in refused.faults)
        faults = FormFaults(tuple(Told("pdf", label, text) for text in told))
        return page(request, "verify.html", session_of(request), status=422, found=None, faults=faults)
    return page(request, "verify.html", session_of(request), found=_shown(found, t), faults=NO_FAULTS)


def _shown(found: Mapping[str, Any], t: Words) -> dict[str, Any]:
    released, claim = found.get("released"), found["pdfa"]
    return {
        "verdict": found["verdict"],
        "test": found["test"] and not any(each["code"].startswith("test") for each in found["reasons"]),
        "sha256": found["sha256"],
        "reasons": _texts(found["reasons"], t),
        "signatures": [_signature(each, t) for each in found["signatures"]],
        "archive": [_signature(each, t) for each in found["archive"]],
        "released": released
        and {"state": released["state"] or "unknown", "seal": released["seal"], "text": _text(released, t)},
        "unchecked": _texts(found["unchecked"], t),
        "claim": _texts(claim["notes"], t) if claim else [],
        "trust_list": found["trust_list"],
    }


def _signature(each: dict[str, Any], t: Words) -> dict[str, Any]:
    times = {name: timed(datetime.fromisoformat(each[name]), t) if each.get(name) else "" for name in _TIMES}
    return each | times | {"reasons": _texts(each["reasons"], t)}


_TIMES = ("signed_at", "timestamp", "until")


def _texts(notes: list[dict[str, str]], t: Words) -> list[str]:
    return [_text(note, t) for note in notes]


def _text(note: Mapping[str, str], t: Words) -> str:
    return t.pick(note["text_zh"], note["text_en"])
