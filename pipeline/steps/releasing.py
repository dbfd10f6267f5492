"""Release: the stored bytes are verified afresh, by pyHanko and by a second reader, before anybody gets them."""

from __future__ import annotations

import io
from datetime import datetime

import pypdf
import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.archiving import keep_provable
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from records import deliveries, documents, links
from records.database import legal_time
from records.errors import Permanent, Refused
from records.steps import Claim
from signing.reader import read_independently
from signing.verdicts import Verdict
from signing.verification import verify
from templates.manifests import manifest


def release(songda: Songda, claim: Claim) -> Conclusion:
    """Anything but valid, whole and trusted is Permanent: the document fails and is never handed out."""
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
    pdf = songda.store.get(document["final_digest"])
    verdict: Verdict | None = None
    if document["sealed"]:
        verdict, second = check_sealed(songda, pdf)
        checked: dict[str, object] = {"verdict": verdict.as_dict(), "second_reader": second}
    else:
        checked = _check_unsealed(pdf, document["pages"])

    def write(connection: sa.Connection) -> Done:
        body = {"digest": document["final_digest"], **checked}
        documents.move(connection, document["id"], "released", body=body)
        if verdict is not None:
            of = (document["id"], document["authority_id"], document["id"], document["final_digest"])
            keep_provable(songda, connection, *of, verdict.stamped_at, verdict.provable_until)
        rows = deliveries.of_document(connection, document["id"])
        if manifest(document["instrument"]).acts:
            links.tell_release(connection, document["id"])
            if not rows:  # served on nobody: nothing later could give it its effect
                links.take_effect(connection, document["id"], day_of(legal_time(connection)).isoformat())
        return Done(tuple(Next("delivery", row["id"], "dispatch") for row in rows))

    return Conclusion(write)


def check_sealed(songda: Songda, pdf: bytes, *, now: datetime | None = None) -> tuple[Verdict, dict[str, object]]:
    """The verdict about a sealed file and what the second reader found; `now` (aware) defaults to this moment.

    Raises Permanent unless both find it whole, and it is valid.
    """
    try:
        verdict = verify(pdf, songda.cabinet.trust, now=now)
        second = read_independently(pdf)
    except Refused as error:
        raise Permanent(f"the sealed file is refused: {error}") from error
    if verdict.verdict != "valid":
        told = "; ".join(reason.text_en for reason in verdict.reasons)
        raise Permanent(f"the sealed file is {verdict.verdict}: {told}")
    return verdict, second


def _check_unsealed(pdf: bytes, pages: int) -> dict[str, object]:
    try:
        found = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    except pypdf.errors.PyPdfError as error:
        raise Permanent(f"the printed file cannot be read: {error}") from error
    if found != pages:
        raise Permanent(f"the printed file has {found} pages, {pages} were printed")
    return {"pages": found}
