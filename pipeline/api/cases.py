"""Cases: evidence and other files that belong to them, and their sealed volumes (案卷)."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as InPath

from delivery.volumes import order
from pipeline.api.access import DocumentReader, Installation, JobWriter
from pipeline.api.bodies import SCAN_BODY, scan_body
from pipeline.api.models.documents import CaseFile
from pipeline.api.openapi import problems
from pipeline.api.problems import NOT_FOUND, WRONG_STATE, Problem
from pipeline.volumes import NewFile, add_file, make_volume
from records.errors import Permanent

router = APIRouter(tags=["cases"])

CaseNo = Annotated[str, InPath(min_length=1, max_length=80, description="Number of the case.")]
Title = Annotated[str, Query(min_length=1, max_length=200)]


@router.post(
    "/cases/{case_no:path}/files",
    status_code=201,
    response_model=CaseFile,
    responses=problems(400, 401, 403, 404, 408, 413, 415, 422, 503)
    | {200: {"model": CaseFile, "description": "The case has these bytes already: nothing was changed."}},
    openapi_extra=SCAN_BODY,
)
def add_case_file(
    songda: Installation,
    caller: JobWriter,
    case_no: CaseNo,
    content: Annotated[bytes, Depends(scan_body)],
    title_zh: Title,
    title_en: Title,
    day: Annotated[date, Query(description="Day of the paper, in Beijing.")],
    response: Response,
    part: Annotated[str, Query(max_length=2, description="Part of the volume by 004-92, such as 八 (evidence).")] = "",
) -> CaseFile:
    """Add a PDF, JPEG or PNG to the volume of a case, as evidence unless another part is named."""
    added = NewFile(part or order().added, (title_zh, title_en), day, content)
    file_id = add_file(songda, caller.authority_id, case_no, added, client_id=caller.client_id, by=caller.actor)
    if file_id is None:
        response.status_code = 200
    return CaseFile(file_id=file_id, sha256=hashlib.sha256(content).hexdigest())


@router.get(
    "/cases/{case_no:path}/volume",
    response_class=Response,
    responses=problems(401, 403, 404, 409, 422, 503)
    | {200: {"description": "the sealed volume", "content": {"application/pdf": {"schema": {}}}}},
)
def get_volume(songda: Installation, caller: DocumentReader, case_no: CaseNo) -> Response:
    """The sealed volume of a case as it stands: your documents and files in the order of 004-92.

    While nothing is added to the case, the same file is given again. Its signed originals are attached to it.
    """
    try:
        made = make_volume(songda, caller.authority_id, case_no, client_id=caller.client_id, by=caller.actor)
    except LookupError:
        raise Problem(NOT_FOUND, "You have no released document and no file in this case.") from None
    except Permanent as error:
        raise Problem(WRONG_STATE, f"{error}.") from error
    headers = {"Content-Disposition": f'attachment; filename="{made.id}.pdf"', "ETag": f'"{made.digest}"'}
    return Response(made.pdf, media_type="application/pdf", headers=headers)
