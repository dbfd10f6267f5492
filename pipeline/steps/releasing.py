"""Release: the stored bytes are verified afresh, by pyHanko and by a second reader, before anybody gets them."""

from __future__ import annotations

import io

import pypdf
import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from records import deliveries, documents, links
from records.database import legal_time
from records.errors import Permanent, Refused
from records.steps import Claim
from signing.reader import read_independently
from signing.verification import verify
from templates.manifests import manifest


def release(songda: Songda, claim: Claim) -> Conclusion:
    """Anything but valid, whole and trusted is Permanent: the document fails and is never handed out."""
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
    pdf = songda.store.get(document["final_digest"])
    checked = _check_sealed(songda, pdf) if document["sealed"] else _check_unsealed(pdf, document["pages"])

    def write(connection: sa.Connection) -> Done:
        body = {"digest": document["final_digest"], **checked}
        documents.move(connection, document["id"], "released", body=body)
        rows = deliveries.of_document(connection, document["id"])
        if manifest(document["instrument"]).acts:
            links.tell_release(connection, document["id"])
            if not rows:  # served on nobody: nothing later could give it its effect
                links.take_effect(connection, document["id"], day_of(legal_time(connection)).isoformat())
        return Done(tuple(Next("delivery", row["id"], "dispatch") for row in rows))

    return Conclusion(write)


def _check_sealed(songda: Songda, pdf: bytes) -> dict[str, object]:
    try:
        verdict = verify(pdf, songda.cabinet.trust)
        second = read_independently(pdf)
    except Refused as error:
        raise Permanent(f"the sealed file is refused: {error}") from error
    if verdict.verdict != "valid":
        told = "; ".join(reason.text_en for reason in verdict.reasons)
        raise Permanent(f"the sealed file is {verdict.verdict}: {told}")
    return {"verdict": verdict.as_dict(), "second_reader": second}


def _check_unsealed(pdf: bytes, pages: int) -> dict[str, object]:
    try:
        found = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    except pypdf.errors.PyPdfError as error:
        raise Permanent(f"the printed file cannot be read: {error}") from error
    if found != pages:
        raise Permanent(f"the printed file has {found} pages, {pages} were printed")
    return {"pages": found}
