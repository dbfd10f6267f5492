"""Seal: the vector seal and the PAdES signature with its time stamp, once a person has allowed this use of the seal.

The case system's key and its statement of who decided are never enough: an approver of the seal has approved exactly
these bytes, or has given a grant that covers them (docs/seals.md).
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from delivery.seal_uses import kind_of, seal_for
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next, Parked
from records import documents, electronic_seals, seal_approvals, seals
from records.errors import Permanent, Retry
from records.ledger import append, lock
from records.seal_approvals import Authorisation, NotGranted
from records.steps import Claim
from signing.sealing import Profile, SealedPdf
from templates.manifests import manifest

#: Seconds at most until a document whose seal, time stamp or proof is not to be had is tried again; 2, 4, 8 … before.
_LONGEST_PAUSE = 60.0


def seal(songda: Songda, claim: Claim) -> Conclusion:
    """Seal the rendered bytes with the authority's newest active seal, or wait for an approval.

    The seal is chosen now and not at intake: when one was stopped or ran out, what waits goes on with its successor,
    under an approval or a grant of that one. A sealed file whose lease was lost leaves its digest in the ledger.
    """
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
        used = seal_for(connection, document)
        if used is None:
            why = seals.why_none(connection, document["authority_id"], kind_of(document["instrument"]))
            raise Retry(why, after_seconds=_pause(claim))
        allowed = seal_approvals.of_document(connection, document, used["id"])
        electronic = electronic_seals.active(connection, used["id"])
    if not document["approval"]:
        raise Permanent("a seal is used only with the case system's statement of who decided")
    if allowed is None:
        return Conclusion(_waiting(document, used))
    if claim.takes_over:
        _tell_of_the_lost(songda, claim)
    rendered = songda.store.get(document["rendered_digest"])
    try:
        sealed = _seal(songda, rendered, document, used, electronic)
    except Permanent as error:
        # a key or a certificate out of order is the operator's to mend, not the document's fault
        raise Retry(f"seal {used['id']} cannot be used: {error}", after_seconds=_pause(claim)) from error
    except Retry as error:
        raise Retry(str(error), after_seconds=_pause(claim)) from error
    digest = songda.store.put(sealed.pdf)

    def write(connection: sa.Connection) -> Done:
        # held: whoever stops a seal and looks what was sealed with it sees this document, or it is not sealed
        if not seals.is_usable(connection, used["id"]):
            raise Retry("the seal was stopped while it was being used", after_seconds=_pause(claim))
        present = electronic_seals.active(connection, used["id"])
        if (present and present["id"]) != (electronic and electronic["id"]):
            raise Retry("its electronic seal was changed while the seal was being used", after_seconds=0)
        documents.record_artifact(connection, digest, len(sealed.pdf), "application/pdf")
        try:
            seal_approvals.record_use(
                connection,
                allowed,
                document_id=document["id"],
                seal_id=used["id"],
                rendered_digest=document["rendered_digest"],
                sealed_digest=digest,
                certificate_serial=sealed.certificate_serial,
                certificate_subject=sealed.certificate_subject,
                electronic_seal_id=electronic and electronic["id"],
                electronic_seal_digest=electronic and electronic["digest"],
            )
        except NotGranted as error:
            raise Retry(str(error), after_seconds=0) from error
        documents.move(
            connection,
            document["id"],
            "sealed",
            body=_told(sealed, digest, used, document, allowed, electronic),
            final_digest=digest,
            seal_id=used["id"],
        )
        return Done((Next("document", document["id"], "release"),))

    return Conclusion(write, discarded=digest)


def _pause(claim: Claim) -> float:
    """Seconds until the next attempt: soon at first, and never so long that an operator would wait for it."""
    return min(2.0 ** min(claim.attempt, 16), _LONGEST_PAUSE)


def _waiting(document: sa.RowMapping, used: sa.RowMapping) -> Callable[[sa.Connection], Parked]:
    """Nobody has allowed it: wait until somebody does. Asked again under the lock that whoever allows it holds."""

    def write(connection: sa.Connection) -> Parked:
        lock(connection, seals.stream(document["authority_id"]))
        if seal_approvals.of_document(connection, document, used["id"]) is not None:
            raise Retry("the use of the seal was allowed just now", after_seconds=0)
        told = {"seal": used["id"], "digest": document["rendered_digest"]}
        key = f"seal/awaited/{used['id']}/{document['rendered_digest']}"
        append(connection, document["id"], key, "seal.awaited", body=told)
        until = seal_approvals.begins(connection, used["id"], document["instrument"], document["client_id"])
        return Parked(until, f"awaiting approval of the use of seal {used['id']} on {document['rendered_digest']}")

    return write


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


def _seal(
    songda: Songda, rendered: bytes, document: sa.RowMapping, used: sa.RowMapping, electronic: sa.RowMapping | None
) -> SealedPdf:
    anchor = document["placement"]
    titles = manifest(document["instrument"])
    fill = songda.cabinet.electronic.filler(electronic, songda.store) if electronic is not None else None
    return songda.cabinet.seal(
        rendered,
        dict(used),
        (anchor["page"] + 1, anchor["x_mm"], anchor["y_mm"]),
        Profile(titles.print.profile) if titles.print else Profile.B_LT,
        f"{titles.title_zh} {titles.title_en} {document['number_zh'] or ''}".strip(),
        fill,
    )


def _told(
    sealed: SealedPdf,
    digest: str,
    used: sa.RowMapping,
    document: sa.RowMapping,
    allowed: Authorisation,
    electronic: sa.RowMapping | None,
) -> dict[str, object]:
    return {
        "digest": digest,
        "rendered_digest": document["rendered_digest"],
        "seal": used["id"],
        "authorisation": allowed.as_dict(),
        "approval": document["approval"],
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
