"""Seal: the vector seal and the PAdES signature with its time stamp, under the approval that came with the job."""

from __future__ import annotations

import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from records import directory, documents, electronic_seals
from records.errors import Permanent, Retry
from records.ledger import append
from records.steps import Claim
from signing.sealing import Profile, SealedPdf
from templates.manifests import manifest

#: Seconds until a seal that is out of order is tried again.
_PAUSE = 60.0


def seal(songda: Songda, claim: Claim) -> Conclusion:
    """Seal the rendered bytes with the authority's newest active seal.

    That is chosen now and not at intake: when a seal was stopped or ran out, what waits goes on with its successor. A
    sealed file whose lease was lost leaves its digest in the ledger.
    """
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
        used = directory.active_seal(connection, document["authority_id"])
        electronic = electronic_seals.active(connection, used["id"]) if used is not None else None
    if used is None:
        raise Retry("the authority has no active seal", after_seconds=_PAUSE)
    approval = document["approval"]
    if not approval:
        raise Permanent("a seal is used only with an approval")
    if claim.takes_over:
        _tell_of_the_lost(songda, claim)
    sealed = _seal(songda, document, used, electronic)
    digest = songda.store.put(sealed.pdf)

    def write(connection: sa.Connection) -> Done:
        if directory.find_seal(connection, used["id"])["state"] != "active":
            raise Retry("the seal was stopped while it was being used", after_seconds=_PAUSE)
        present = electronic_seals.active(connection, used["id"])
        if (present and present["id"]) != (electronic and electronic["id"]):
            raise Retry("its electronic seal was changed while the seal was being used")
        documents.record_artifact(connection, digest, len(sealed.pdf), "application/pdf")
        documents.record_seal_use(
            connection,
            document_id=document["id"],
            seal_id=used["id"],
            rendered_digest=document["rendered_digest"],
            sealed_digest=digest,
            approver_name=approval["name"],
            approver_role=approval["role"],
            approval_rule=approval["rule"],
            approved_at=approval["approved_at"],
            certificate_serial=sealed.certificate_serial,
            certificate_subject=sealed.certificate_subject,
            electronic_seal_id=electronic and electronic["id"],
            electronic_seal_digest=electronic and electronic["digest"],
        )
        documents.move(
            connection,
            document["id"],
            "sealed",
            body=_told(sealed, digest, used, approval, electronic),
            final_digest=digest,
            seal_id=used["id"],
        )
        return Done((Next("document", document["id"], "release"),))

    return Conclusion(write, discarded=digest)


def _tell_of_the_lost(songda: Songda, claim: Claim) -> None:
    """A worker that was killed may have made a sealed file: nobody can tell, and the ledger says so."""
    with songda.database.write() as connection:
        append(
            connection,
            claim.subject_id,
            f"seal/ambiguous/{claim.fence}",
            "seal.ambiguous",
            body={"why": "a worker ended while it sealed: a sealed file may exist that is used nowhere"},
        )


def _seal(songda: Songda, document: sa.RowMapping, used: sa.RowMapping, electronic: sa.RowMapping | None) -> SealedPdf:
    """Seal, or wait: a key, certificate or token out of order is the operator's to mend, not the document's fault."""
    anchor = document["placement"]
    titles = manifest(document["instrument"])
    rendered = songda.store.get(document["rendered_digest"])
    try:
        fill = songda.cabinet.electronic.filler(electronic, songda.store) if electronic is not None else None
        return songda.cabinet.seal(
            rendered,
            dict(used),
            (anchor["page"] + 1, anchor["x_mm"], anchor["y_mm"]),
            Profile(titles.print.profile) if titles.print else Profile.B_LT,
            f"{titles.title_zh} {titles.title_en} {document['number_zh'] or ''}".strip(),
            fill,
        )
    except Permanent as error:
        raise Retry(f"seal {used['id']} cannot be used: {error}", after_seconds=_PAUSE) from error


def _told(
    sealed: SealedPdf,
    digest: str,
    used: sa.RowMapping,
    approval: dict[str, str],
    electronic: sa.RowMapping | None,
) -> dict[str, object]:
    return {
        "digest": digest,
        "seal": used["id"],
        "approval": approval,
        "profile": sealed.profile,
        "signed_at": sealed.signed_at.isoformat(),
        "stamped_at": sealed.stamped_at.isoformat() if sealed.stamped_at else None,
        "archived_at": sealed.archived_at.isoformat() if sealed.archived_at else None,
        "timestamp_authority": sealed.timestamp_authority,
        "certificate_serial": sealed.certificate_serial,
        "certificate_subject": sealed.certificate_subject,
        "test": sealed.test,
        "electronic_seal": electronic and {name: electronic[name] for name in ("id", "digest", "name")},
    }
