"""Every file of a case: sealed documents, what proves their service, what parties handed in, what was added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from delivery.portal.case_lines import RELEASED, Case
from delivery.portal.timeline_lines import Names
from delivery.portal.views import minute, written
from delivery.portal.wording import Words
from records import attempts, counsel, submissions, volumes


@dataclass(frozen=True)
class FileLine:
    """A file to be fetched: what it is, what it belongs to, since when it is here."""

    name: str
    about: str
    time: str
    href: str


def case_files(
    connection: sa.Connection,
    case: Case,
    called: Names,
    received: tuple[Sequence[sa.RowMapping], Sequence[sa.RowMapping]] | None,
    t: Words,
) -> list[tuple[str, list[FileLine]]]:
    """Everything of the case that can be fetched, by its kind.

    `received` are its submissions and its objections, None for a reader who may not open what parties handed in.
    """
    groups = (
        ("case.files_documents", _sealed(case, called, t)),
        ("case.files_proofs", _proofs(connection, case, called, t)),
        ("case.files_party", _handed_in(connection, case, received, called, t) if received else ()),
        ("case.files_case", _added(connection, case, t)),
    )
    found = [(t(key), list(lines)) for key, lines in groups]
    return [(title, lines) for title, lines in found if lines]


def _sealed(case: Case, called: Names, t: Words) -> Iterator[FileLine]:
    for row in case.documents:
        if row["status"] in RELEASED:
            href = f"/desk/documents/{row['id']}/document.pdf?download=1"
            yield FileLine(called.documents[row["id"]], "", minute(row["released_at"], t), href)


def _about(called: Names, delivery_id: str) -> str:
    document_id, recipient = called.deliveries[delivery_id]
    return f"{called.documents[document_id]} · {recipient}"


def _proofs(connection: sa.Connection, case: Case, called: Names, t: Words) -> Iterator[FileLine]:
    """Receipts of confirmation, and scans of what was signed on paper, each told once."""
    for row in case.deliveries:
        if row["confirmed_at"] is not None:
            named, about = t("document.receipt"), _about(called, row["id"])
            yield FileLine(named, about, minute(row["confirmed_at"], t), f"/desk/{row['id']}/receipt.pdf")
    told = set()
    for row in volumes.scans(connection, *case.document_ids):
        told.add((row["delivery_id"], row["scan_digest"]))
        href = f"/desk/{row['delivery_id']}/scans/{row['id']}"
        named = t("case.scan", method=t(f"method.{row['method']}"))
        yield FileLine(named, _about(called, row["delivery_id"]), minute(row["recorded_at"], t), href)
    for row in attempts.files(connection, *case.delivery_ids):
        if (row["delivery_id"], row["digest"]) not in told:
            href = f"/desk/{row['delivery_id']}/attempts/{row['attempt_id']}/files/{row['id']}"
            about = _about(called, row["delivery_id"])
            yield FileLine(t(f"attempt.kind_{row['kind']}"), about, minute(row["added_at"], t), href)


def _handed_in(
    connection: sa.Connection,
    case: Case,
    received: tuple[Sequence[sa.RowMapping], Sequence[sa.RowMapping]],
    called: Names,
    t: Words,
) -> Iterator[FileLine]:
    """What parties handed in; and the power of attorney of outside counsel who acted in this case."""
    handed, objections = received
    kept = submissions.files(connection, [row["id"] for row in handed])
    for row in handed:
        for file in kept[row["id"]]:
            href = f"/desk/submissions/{row['id']}/files/{file['position']}"
            about = " · ".join((t(f"submit.{row['kind']}"), _about(called, row["delivery_id"])))
            yield FileLine(file["name"], about, minute(row["submitted_at"], t), href)
    for row in objections:
        if row["digest"] is not None:
            href, about = f"/desk/objections/{row['id']}/file", _about(called, row["delivery_id"])
            yield FileLine(t("objecting.see_proof"), about, minute(row["raised_at"], t), href)
    acted = {row["account_id"] for row in (*handed, *objections)} | {row["confirmed_by"] for row in case.deliveries}
    for row in counsel.of_accounts(connection, case.authority_id, acted - {None}):
        about = t("counsel.account_until", login=row["login"], day=written(date.fromisoformat(row["last_day"]), t))
        href = f"/desk/counsel/{row['id']}/file"
        yield FileLine(t("counsel.file"), f"{row['name']} · {about}", minute(row["asked_at"], t), href)


def _added(connection: sa.Connection, case: Case, t: Words) -> Iterator[FileLine]:
    """Evidence and other files that were added to the case, and the volumes that were made of it."""
    base = f"/desk/cases/{case.documents[0]['id']}"
    for row in volumes.files(connection, case.authority_id, case.case_no, None):
        named, about = t.pick(row["title_zh"], row["title_en"]), written(date.fromisoformat(row["day"]), t)
        yield FileLine(named, about, minute(row["added_at"], t), f"{base}/files/{row['id']}")
    for row in volumes.made(connection, case.authority_id, case.case_no):
        about = t("case.volume_pages", count=row["pages"])
        yield FileLine(t("case.volume"), about, minute(row["made_at"], t), f"{base}/volumes/{row['id']}")
