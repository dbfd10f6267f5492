"""What pages of both sides say of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.views import file_headers, last_day, moment, stamp
from delivery.portal.web import Portal
from delivery.portal.wording import Words
from delivery.submissions import PAYMENT_PROOF
from records import submissions
from templates.manifests import manifests

#: What a stranger sent is never shown as a page of ours: it is saved, and a browser that shows it runs nothing of it.
STRANGE: Final = {"Content-Security-Policy": "default-src 'none'; sandbox"}


@dataclass(frozen=True)
class SubmissionLine:
    """One submission, in the visitor's language; `time` in Beijing time, `at` the moment itself."""

    id: str
    delivery_id: str
    kind: str
    is_payment: bool
    title: str
    case_no: str
    party: str
    time: str
    at: str
    who: str
    words: str
    late: bool
    last_day: str
    superseded_by: str
    supersedes: str
    taken: str
    taken_at: str
    files: Sequence[sa.RowMapping]


def submission_lines(connection: sa.Connection, rows: Sequence[sa.RowMapping], t: Words) -> list[SubmissionLine]:
    """The rows of `records.submissions` with their files, in the same order."""
    files = submissions.files(connection, [row["id"] for row in rows])
    return [_line(row, files[row["id"]], t) for row in rows]


def _line(row: sa.RowMapping, files: Sequence[sa.RowMapping], t: Words) -> SubmissionLine:
    manifest = manifests()[row["instrument"]]
    return SubmissionLine(
        id=row["id"],
        delivery_id=row["delivery_id"],
        kind=t(f"submit.{row['kind']}"),
        is_payment=row["kind"] == PAYMENT_PROOF,
        title=t.pick(manifest.title_zh, manifest.title_en),
        case_no=row["case_no"],
        party=t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]),
        time=moment(row["submitted_at"], t),
        at=stamp(row["submitted_at"]),
        who=t.pick("，", ", ").join(filter(None, (row["person"], row["office"]))),
        words=row["words"],
        late=row["late"],
        last_day=last_day(date.fromisoformat(row["last_day"]), t) if row["last_day"] else "",
        superseded_by=row["superseded_by"] or "",
        supersedes=row["supersedes"] or "",
        taken=moment(row["taken_at"], t),
        taken_at=stamp(row["taken_at"]),
        files=files,
    )


def file_of(portal: Portal, row: sa.RowMapping, position: int) -> Response:
    """A file of the submission `row`, to be saved. Raises 404."""
    with portal.database.read() as connection:
        found = submissions.files(connection, [row["id"]])[row["id"]]
    if not 1 <= position <= len(found):
        raise HTTPException(404)
    file = found[position - 1]
    headers = file_headers(file["name"], f"{row['id']}-{position}", download=True)
    return Response(portal.store.get(file["digest"]), media_type=file["media_type"], headers=headers | STRANGE)
