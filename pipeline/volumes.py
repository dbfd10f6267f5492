"""Case volumes: what belongs to a case is gathered, bound in the order of 004-92, sealed and kept.

The same papers give the same volume: one that was sealed before is given out again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.binding import Volume, bind
from delivery.paper import PaperRecord
from delivery.receipts import TITLE, print_receipt, receipt_of
from delivery.scans import Scan, check_scan
from delivery.service_dates import METHOD_NAMES
from delivery.volumes import SEAL_PLACE, Cover, Paper, check_part, order, party_of
from pipeline.archiving import keep_provable
from pipeline.composition import Songda
from records import archives, directory, documents, seal_approvals, seals, volumes
from records.database import legal_time
from records.errors import Fault, Permanent, Refused
from records.ledger import canonical
from signing.sealing import Profile
from templates.facts import check_text
from templates.manifests import manifest

_PROOFS: Final = "七"


@dataclass(frozen=True)
class SealedVolume:
    """A sealed volume. `approval` is whose grant allowed it, in which office, by which rule (ESL Art 9, 13)."""

    id: str
    pdf: bytes
    digest: str
    pages: int
    archival: bool
    approval: Mapping[str, str]


@dataclass(frozen=True)
class NewFile:
    """A file to be added to a case. `day` is the day of the paper in Beijing."""

    part: str
    title: tuple[str, str]
    day: date
    content: bytes


def add_file(
    songda: Songda, authority_id: str, case_no: str, added: NewFile, *, client_id: str | None, by: str
) -> str | None:
    """Add a PDF, JPEG or PNG to the case; None when it is there already. Raises Refused with every fault."""
    faults = [
        fault.under(f"/{name}") for name, text in zip(("title_zh", "title_en"), added.title, strict=True)
        for fault in (check_text(text) if text.strip() else [_empty()])
    ]  # fmt: skip
    scan: Scan | None = None
    try:
        check_part(added.part)
    except Refused as refused:
        faults += refused.faults
    try:
        scan = check_scan(added.content, "/file")
    except Refused as refused:
        faults += refused.faults
    if faults or scan is None:
        raise Refused(faults)
    digest = songda.store.put(added.content)
    with songda.database.write() as connection:
        documents.record_artifact(connection, digest, len(added.content), scan.media_type)
        return volumes.add_file(
            connection,
            authority_id,
            case_no,
            by=by,
            client_id=client_id,
            part=added.part,
            title_zh=added.title[0],
            title_en=added.title[1],
            day=added.day.isoformat(),
            digest=digest,
        )


def _empty() -> Fault:
    return Fault("", "empty", "The title is empty.", "名称为空。")


def make_volume(songda: Songda, authority_id: str, case_no: str, *, client_id: str | None, by: str) -> SealedVolume:
    """The sealed volume of a case as it stands now, under a grant of the seal that covers volumes.

    A volume is bound when it is asked for, so nobody can have approved its bytes beforehand: neither a case system nor
    an operator gets one sealed without such a grant. Raises LookupError when the case has no papers, Permanent when the
    authority has no seal or no grant or a paper cannot be bound, Retry when the key or the time stamp authority is not
    to be had.
    """
    with songda.database.read() as connection:
        of = (connection, authority_id, case_no, client_id)
        rows = volumes.documents(*of)
        papers = [*_document_papers(songda, connection, rows), *map(_file_paper, volumes.files(*of))]
        if not papers:
            raise LookupError(f"case {case_no} has no papers")
        content = hashlib.sha256(
            canonical([[p.part, *p.title, p.number, p.digest] for p in papers]).encode()
        ).hexdigest()
        found = volumes.find(*of, content)
        newest = archives.newest(connection, found["id"], found["digest"]) if found is not None else ""
        used = seals.active(connection, authority_id)
        why_none = "" if used else seals.why_none(connection, authority_id)
        grant = seal_approvals.by_grant(connection, used["id"], seal_approvals.VOLUME, client_id) if used else None
        cover = _cover(songda, connection, authority_id, case_no, rows)
        renewed = {row["final_digest"]: archives.newest(connection, row["id"], row["final_digest"]) for row in rows}
    if found is not None:
        pdf = songda.store.get(newest)
        return SealedVolume(found["id"], pdf, newest, found["pages"], found["archival"], found["approval"])
    if used is None:
        raise Permanent(why_none)
    if grant is None:
        raise Permanent(f"no grant of seal {used['id']} in force covers volumes: an approver gives one")
    bound = _bind(songda, cover, papers, renewed)
    reason = f"{order().title[0]} {case_no}"
    (sealed,) = songda.cabinet.seal(bound.pdf, [dict(used)], (1, *SEAL_PLACE), Profile.B_LTA, reason)
    approval = grant.as_dict()
    digest = songda.store.put(sealed.pdf)
    with songda.database.write() as connection:
        if not seals.is_usable(connection, used["id"]):
            raise Permanent("the seal was stopped while it was being used")
        try:
            seal_approvals.count_use(connection, grant)
        except seal_approvals.NotGranted as error:
            raise Permanent(str(error)) from error
        documents.record_artifact(connection, digest, len(sealed.pdf), "application/pdf")
        volume_id = volumes.record(
            connection,
            authority_id,
            case_no,
            by=by,
            client_id=client_id,
            content=content,
            digest=digest,
            pages=bound.pages,
            archival=bound.archival,
            seal_id=used["id"],
            approval=approval,
        )
        kept = (volume_id, authority_id, volumes.stream(authority_id, case_no), digest)
        keep_provable(songda, connection, *kept, sealed.archived_at, sealed.provable_until)
    return SealedVolume(volume_id, sealed.pdf, digest, bound.pages, bound.archival, approval)


def _bind(songda: Songda, cover: Cover, papers: list[Paper], renewed: Mapping[str, str]) -> Volume:
    """Each paper is laid into a file first: what is bound stays out of memory until it is written.

    A signed original goes in as it is `renewed`, by the digest of what was released.
    """
    with tempfile.TemporaryDirectory(prefix="songda-volume-") as folder:

        def file_of(digest: str) -> Path:
            file = Path(folder) / digest
            if not file.exists():
                file.write_bytes(songda.store.get(renewed.get(digest, digest)))
            return file

        return bind(cover, papers, file_of, f"{order().title[0]} {cover.case_no}")


def _cover(
    songda: Songda, connection: sa.Connection, authority_id: str, case_no: str, rows: list[sa.RowMapping]
) -> Cover:
    found = directory.authority_facts(connection, authority_id)
    if found is None:
        raise Permanent(f"authority {authority_id} has no approved facts")
    name = found[1]["name"]
    return Cover(
        agency=(name["zh"], name["en"]),
        case_no=case_no,
        party=party_of([row["facts"] for row in rows]),
        day=day_of(legal_time(connection)),
        test=songda.test,
    )


def _document_papers(songda: Songda, connection: sa.Connection, rows: list[sa.RowMapping]) -> Iterator[Paper]:
    for row in rows:
        instrument = manifest(row["instrument"])
        title = (instrument.title_zh, instrument.title_en)
        yield Paper(
            part=order().part_of(instrument),
            title=title,
            number=row["number_zh"] or "",
            day=day_of(row["released_at"]),
            digest=row["final_digest"],
            media_type="application/pdf",
            original=f"{row['id']}.pdf" if row["sealed"] else "",
        )
        yield from _proofs(songda, connection, row, title)


def _file_paper(row: sa.RowMapping) -> Paper:
    titles = (row["title_zh"], row["title_en"])
    return Paper(row["part"], titles, "", date.fromisoformat(row["day"]), row["digest"], row["media_type"])


def _proofs(
    songda: Songda, connection: sa.Connection, document: sa.RowMapping, title: tuple[str, str]
) -> Iterator[Paper]:
    """What proves the service of a document: receipts of confirmation, and scans of what was signed on paper."""
    number = document["number_zh"] or ""
    for delivery_id in volumes.confirmed(connection, document["id"]):
        receipt = receipt_of(connection, delivery_id, test=songda.test)
        digest = songda.store.put(print_receipt(receipt))
        named = (f"{TITLE[0]}：{title[0]}", f"{TITLE[1]}: {title[1]}")
        yield Paper(_PROOFS, named, number, day_of(receipt.confirmed_at), digest, "application/pdf")
    for row in volumes.scans(connection, document["id"]):
        zh, en = METHOD_NAMES[row["method"]]
        named = (f"送达凭证（{zh}）：{title[0]}", f"Proof of service ({en}): {title[1]}")
        day = date.fromisoformat(row["served_on"]) if row["served_on"] else day_of(row["recorded_at"])
        record = PaperRecord.of(row["record"])
        undated = record.doubtful or record.date is None
        yield Paper(_PROOFS, named, number, day, row["scan_digest"], row["media_type"], undated=undated)


def describe(made: SealedVolume) -> dict[str, Any]:
    """A volume as the command line tells of it."""
    return {
        "id": made.id,
        "sha256": made.digest,
        "pages": made.pages,
        "archival": made.archival,
        "approval": dict(made.approval),
    }
