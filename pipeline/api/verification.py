"""Verification: anybody may ask about a file; the answer is about the bytes that came, never about an identifier."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from pipeline.api.access import Installation
from pipeline.api.bodies import pdf_body
from pipeline.api.gate import Gate
from pipeline.api.models.verification import Verdict
from pipeline.api.openapi import problems
from pipeline.released import answer_about

router = APIRouter(tags=["verification"])

_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}},
    }
}
#: Every one of them may bring 50 MiB without a key.
_GATE: Final = Gate(8, "Too many files are being verified.")


@router.post(
    "/verify",
    response_model=Verdict,
    responses=problems(408, 413, 415, 422, 503),
    dependencies=[Depends(_GATE)],
    openapi_extra=_BODY,
)
def verify(songda: Installation, pdf: Annotated[bytes, Depends(pdf_body)]) -> dict[str, Any]:
    """Whether this PDF was sealed by somebody whom this system trusts, and not changed since. No key is needed.

    A file that is no readable PDF, cut off or encrypted gets no verdict: it is refused with 422.
    """
    return answer_about(songda, pdf)
