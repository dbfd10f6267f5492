"""What counterparties handed in against your documents, with its files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Path as InPath

from pipeline.api.access import DocumentReader, Installation
from pipeline.api.cases import CaseNo
from pipeline.api.models.submissions import Submission, SubmissionFile, Submissions
from pipeline.api.openapi import problems
from pipeline.api.problems import NOT_FOUND, Problem
from records import submissions

router = APIRouter(tags=["submissions"])

_RANDOM = "[0-9a-hjkmnp-tv-z]{25}"
SubmissionId = Annotated[str, InPath(pattern=f"^sub_{_RANDOM}$")]
After = Annotated[
    str,
    Query(pattern=f"^(sub_{_RANDOM})?$", description="Give the id of the last one that you have; newer ones follow."),
]
_MOST = 100
_TYPES = ("application/pdf", "image/jpeg", "image/png")


@router.get(
    "/cases/{case_no:path}/submissions",
    response_model=Submissions,
    responses=problems(401, 403, 404, 422, 503),
)
def list_submissions(songda: Installation, caller: DocumentReader, case_no: CaseNo, after: After = "") -> Submissions:
    """What was handed in against your documents of a case, oldest first, a hundred at a time."""
    with songda.database.read() as connection:
        rows = submissions.of_case(
            connection, caller.authority_id, case_no, caller.client_id, after=after, limit=_MOST + 1
        )
        files = submissions.files(connection, [row["id"] for row in rows])
    shown = rows[:_MOST]
    told = [
        Submission.model_validate(
            {**row, "files": [SubmissionFile.model_validate(dict(each)) for each in files[row["id"]]]}
        )
        for row in shown
    ]
    return Submissions(submissions=told, more=len(rows) > _MOST)


@router.get(
    "/submissions/{submission_id}/files/{position}",
    response_class=Response,
    responses=problems(401, 403, 404, 422, 503)
    | {
        200: {
            "description": "the bytes as they were handed in",
            "content": {"application/octet-stream": {"schema": {}}},
        }
    },
)
def get_submission_file(
    songda: Installation,
    caller: DocumentReader,
    submission_id: SubmissionId,
    position: Annotated[int, InPath(ge=1, le=100)],
) -> Response:
    """A file of a submission: PDF, JPEG or PNG, judged by its content when it came in."""
    with songda.database.read() as connection:
        row = submissions.find(connection, submission_id, caller.authority_id)
        found = submissions.files(connection, [submission_id])[submission_id]
    if row is None or row["client_id"] != caller.client_id or position > len(found):
        raise Problem(NOT_FOUND, "You have no such file.")
    file = found[position - 1]
    headers = {
        "Content-Disposition": f'attachment; filename="{submission_id}-{position}"',
        "ETag": f'"{file["digest"]}"',
    }
    return Response(songda.store.get(file["digest"]), media_type=file["media_type"], headers=headers)
