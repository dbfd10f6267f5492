"""Seal: the vector seal and the PAdES signature with its time stamp, once a person has allowed this use of the seal.

The case system's key and its statement of who decided are never enough: an approver of the seal has approved exactly
these bytes, or has given a grant that covers them (docs/seals.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from delivery.imprints import template_of
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next, Parked
from records import documents, electronic_seals, seal_approvals, seals
from records.errors import Permanent, Retry
from records.ledger import append, lock
from records.seal_approvals import Authorisation, NotGranted
from records.steps import Claim
from signing.codes import Code, draw_caption
from signing.sealing import Profile, SealedPdf
from signing.seams import Edge
from templates.catalogue import Instrument
from templates.fonts import font_path

#: Seconds at most until a document whose seal, time stamp or proof is not to be had is tried again; 2, 4, 8 … before.
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class _Use:
    """A seal that is to be put on, and what allows that."""

    seal: sa.RowMapping
    allowed: Authorisation


def seal(songda: Songda, claim: Claim) -> Conclusion:
    """Seal the rendered bytes with the authority's newest active seal of each kind asked for, or wait for approvals.

    The seals are chosen now and not at intake: when one was stopped or ran out, what waits goes on with its successor,
    under an approval or a grant of that one. A sealed file whose lease was lost leaves its digest in the ledger.
    """
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
        template = template_of(songda.store, document)
        wanted = _seals(connection, document, template.print.seals, claim)
        found = [seal_approvals.of_document(connection, document, each["id"]) for each in wanted]
        electronic = electronic_seals.active(connection, wanted[0]["id"])
    if not document["approval"]:
        raise Permanent("a seal is used only with the case system's statement of who decided")
    uses = [_Use(each, allowed) for each, allowed in zip(wanted, found, strict=True) if allowed is not None]
    if len(uses) < len(wanted):
        missing = [each["id"] for each, allowed in zip(wanted, found, strict=True) if allowed is None]
        return Conclusion(_waiting(document, missing))
    if claim.takes_over:
        _tell_of_the_lost(songda, claim)
    rendered = songda.store.get(document["rendered_digest"])
    try:
        put_on = _seal(songda, rendered, document, template, uses, electronic)
    except Permanent as error:
        # a key or a certificate out of order is the operator's to mend, not the document's fault
        ids = ", ".join(each.seal["id"] for each in uses)
        raise Retry(f"seal {ids} cannot be used: {error}", after_seconds=_pause(claim)) from error
    except Retry as error:
        raise Retry(str(error), after_seconds=_pause(claim)) from error
    pdf = put_on[-1].pdf
    digest = songda.store.put(pdf)

    def write(connection: sa.Connection) -> Done:
        # held: whoever stops a seal and looks what was sealed with it sees this document, or it is not sealed
        if not all(seals.is_usable(connection, each.seal["id"]) for each in uses):
            raise Retry("the seal was stopped while it was being used", after_seconds=_pause(claim))
        present = electronic_seals.active(connection, uses[0].seal["id"])
        if (present and present["id"]) != (electronic and electronic["id"]):
            raise Retry("its electronic seal was changed while the seal was being used", after_seconds=0)
        documents.record_artifact(connection, digest, len(pdf), "application/pdf")
        done = list(zip(uses, put_on, strict=True))
        _record(connection, document, digest, done, electronic)
        body = _told(digest, document, done, electronic)
        first = uses[0].seal["id"]
        documents.move(connection, document["id"], "sealed", body=body, final_digest=digest, seal_id=first)
        return Done((Next("document", document["id"], "release"),))

    return Conclusion(write, discarded=digest)


def _seals(
    connection: sa.Connection, document: sa.RowMapping, kinds: Sequence[str], claim: Claim
) -> list[sa.RowMapping]:
    """The newest seal of each kind, in their order. Raises Retry when one is not to be had."""
    found = []
    for kind in kinds:
        used = seals.active(connection, document["authority_id"], kind)
        if used is None:
            why = seals.why_none(connection, document["authority_id"], kind)
            raise Retry(why, after_seconds=_pause(claim))
        found.append(used)
    return found


def _record(
    connection: sa.Connection,
    document: sa.RowMapping,
    digest: str,
    done: Sequence[tuple[_Use, SealedPdf]],
    electronic: sa.RowMapping | None,
) -> None:
    """Record each use of a seal, and count it on its grant; always in the same order, as others wait for the grants."""
    for use, sealed in sorted(done, key=lambda each: str(each[0].seal["id"])):
        with_it = electronic if use is done[0][0] else None
        try:
            seal_approvals.record_use(
                connection,
                use.allowed,
                document_id=document["id"],
                seal_id=use.seal["id"],
                rendered_digest=document["rendered_digest"],
                sealed_digest=digest,
                certificate_serial=sealed.certificate_serial,
                certificate_subject=sealed.certificate_subject,
                electronic_seal_id=with_it and with_it["id"],
                electronic_seal_digest=with_it and with_it["digest"],
            )
        except NotGranted as error:
            raise Retry(str(error), after_seconds=0) from error


def _pause(claim: Claim) -> float:
    """Seconds until the next attempt: soon at first, and never so long that an operator would wait for it."""
    return min(2.0 ** min(claim.attempt, 16), _LONGEST_PAUSE)


def _waiting(document: sa.RowMapping, seal_ids: Sequence[str]) -> Callable[[sa.Connection], Parked]:
    """Nobody has allowed the use of these: wait for it. Asked again under the lock that whoever allows it holds."""

    def write(connection: sa.Connection) -> Parked:
        lock(connection, seals.stream(document["authority_id"]))
        if any(seal_approvals.of_document(connection, document, each) is not None for each in seal_ids):
            raise Retry("the use of the seal was allowed just now", after_seconds=0)
        begins = []
        for each in seal_ids:
            told = {"seal": each, "digest": document["rendered_digest"]}
            key = f"seal/awaited/{each}/{document['rendered_digest']}"
            append(connection, document["id"], key, "seal.awaited", body=told)
            begins.append(seal_approvals.begins(connection, each, document["instrument"], document["client_id"]))
        until = min((each for each in begins if each is not None), default=None)
        named = ", ".join(seal_ids)
        return Parked(until, f"awaiting approval of the use of seal {named} on {document['rendered_digest']}")

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
    songda: Songda,
    rendered: bytes,
    document: sa.RowMapping,
    template: Instrument,
    uses: Sequence[_Use],
    electronic: sa.RowMapping | None,
) -> list[SealedPdf]:
    anchor, titles, printing = document["placement"], template.manifest, template.print
    fill = songda.cabinet.electronic.filler(electronic, songda.store) if electronic is not None else None
    code = Code(songda.settings.public_url, document["id"], draw_caption(font_path("title"))) if printing.code else None
    return songda.cabinet.seal(
        rendered,
        [dict(each.seal) for each in uses],
        (anchor["page"] + 1, anchor["x_mm"], anchor["y_mm"]),
        Profile(printing.profile),
        f"{titles.title_zh} {titles.title_en} {document['number_zh'] or ''}".strip(),
        edge=Edge(printing.seam) if printing.seam else None,
        seam_pages=printing.seam_pages,
        code=code,
        electronic=fill,
    )


def _told(
    digest: str,
    document: sa.RowMapping,
    done: Sequence[tuple[_Use, SealedPdf]],
    electronic: sa.RowMapping | None,
) -> dict[str, object]:
    """What the ledger says: of the file, of the first seal, and of the others that counter-signed.

    `stamped_at` is the last signature's, which is the later one where the moment of a seal matters (records.affected).
    """
    (first, certified), *others = done
    last = done[-1][1]
    return {
        "digest": digest,
        "rendered_digest": document["rendered_digest"],
        "approval": document["approval"],
        "profile": last.profile,
        "signed_at": certified.signed_at.isoformat(),
        "stamped_at": last.stamped_at.isoformat() if last.stamped_at else None,
        "archived_at": last.archived_at.isoformat() if last.archived_at else None,
        "timestamp_authority": last.timestamp_authority,
        "test": any(sealed.test for _, sealed in done),
        "electronic_seal": electronic and {name: electronic[name] for name in ("id", "digest", "name")},
        **_of_one(first, certified),
        "counter_signed": [_of_one(*each) for each in others],
    }


def _of_one(use: _Use, sealed: SealedPdf) -> dict[str, object]:
    return {
        "seal": use.seal["id"],
        "authorisation": use.allowed.as_dict(),
        "certificate_serial": sealed.certificate_serial,
        "certificate_subject": sealed.certificate_subject,
    }
