"""Jobs: submitted once, never twice."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Response

from pipeline import intake
from pipeline.api.access import DocumentReader, Installation, JobId, JobWriter
from pipeline.api.bodies import job_body
from pipeline.api.models.documents import Accepted, Job
from pipeline.api.openapi import body_of, problems
from pipeline.api.problems import BAD_HEADER, NOT_FOUND, OTHER_BODY, STILL_RUNNING, Problem
from pipeline.api.views import document_view
from pipeline.callers import Caller
from pipeline.composition import Songda
from records import documents, idempotency
from records.errors import Fault
from records.ledger import canonical

router = APIRouter(tags=["jobs"])

#: A request that has not been answered after so many seconds has died: a job takes some hundredths of one.
LOCK_SECONDS: Final = 20.0

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


async def idempotency_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="**Required.** 1 to 255 visible ASCII characters, of your choice, one for each job",
            json_schema_extra={"pattern": "^[\\x21-\\x7e]{1,255}$"},
        ),
    ] = None,
) -> str:
    """Dependency: the Idempotency-Key. Raises a 400 problem that names the header."""
    if key is None or not _KEY.fullmatch(key):
        code = "idempotency_key_missing" if key is None else "idempotency_key_malformed"
        fault = Fault(
            "",
            code,
            "The header Idempotency-Key must be given, with 1 to 255 visible ASCII characters.",
            "须提供请求头 Idempotency-Key，为1至255个可见ASCII字符。",
            "draft-ietf-httpapi-idempotency-key-header",
        )
        raise Problem(BAD_HEADER, "Idempotency-Key: missing or malformed.", [fault])
    return key


@router.post(
    "/jobs",
    status_code=202,
    response_model=Accepted,
    responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
    openapi_extra=body_of("JobRequest"),
)
def submit_job(
    songda: Installation,
    caller: JobWriter,
    key: Annotated[str, Depends(idempotency_key)],
    body: Annotated[Any, Depends(job_body)],
    response: Response,
) -> Accepted:
    """Submit a job: taken whole, or refused whole with every fault named and nothing stored.

    Send the same key again after a lost answer: the same body gets the first answer again, and no second job is made.
    """
    accepted = _submit(songda, caller, key, body)
    response.headers["Location"] = f"/v1/jobs/{accepted['job_id']}"
    return Accepted(**accepted)


def _submit(songda: Songda, caller: Caller, key: str, body: Any) -> dict[str, Any]:
    digest = hashlib.sha256(canonical(body).encode()).hexdigest()
    try:
        with songda.database.write() as connection:
            begun = idempotency.begin(connection, caller.api_key_prefix, key, digest, LOCK_SECONDS)
        if isinstance(begun, idempotency.Answered):
            return dict(begun.response)
        try:
            accepted, due = _store(songda, caller, begun, body)
        except BaseException:
            with songda.database.write() as connection:
                idempotency.release(connection, begun)
            raise
    except idempotency.OtherBody:
        detail = "This key belongs to a job with another body. Use a new key for a new job."
        fault = Fault("", "idempotency_key_reused", detail, "该幂等键已用于另一任务，新任务请使用新的键。")
        raise Problem(OTHER_BODY, detail, [fault]) from None
    except idempotency.StillRunning:
        raise Problem(STILL_RUNNING, "Ask again in a moment.", headers={"Retry-After": "2"}) from None
    songda.hint(due)
    return accepted


def _store(songda: Songda, caller: Caller, lock: idempotency.Lock, body: Any) -> tuple[dict[str, Any], list[str]]:
    checked = intake.check(songda, caller, body)
    with songda.database.write() as connection:
        accepted, due = intake.store(connection, caller, checked)
        idempotency.bind(connection, lock, accepted["job_id"], accepted)
    return accepted, due


@router.get("/jobs/{job_id}", response_model=Job, responses=problems(401, 403, 404, 503))
def get_job(songda: Installation, caller: DocumentReader, job_id: JobId) -> Job:
    """A job of yours, with its documents."""
    with songda.database.read() as connection:
        found = documents.find_job(connection, job_id, caller.authority_id, caller.client_id)
        if found is None:
            raise Problem(NOT_FOUND, "You have no such job.")
        rows = documents.of_job(connection, job_id)
        views = [document_view(connection, row) for row in rows]
    return Job(job_id=job_id, case_no=found["case_no"], created_at=found["created_at"], documents=views)
