"""Render: facts and template to a PDF, which becomes a stored artifact."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from delivery.imprints import imprint_of, template_of
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from records import documents
from records.errors import Permanent
from records.steps import Claim
from records.store import Store
from templates.printing import Imprint, Printed, print_document


def print_stored(store: Store, document: sa.RowMapping, imprint: Imprint) -> Printed:
    """Print a document by the template and engine that it was accepted with. Raises Permanent when these are gone."""
    return print_document(template_of(store, document), document["facts"], imprint, document["engine"])


def render(songda: Songda, claim: Claim) -> Conclusion:
    """Print and store."""
    with songda.database.read() as connection:
        document = documents.get(connection, claim.subject_id)
        imprint = imprint_of(connection, document)
    printed = print_stored(songda.store, document, imprint)
    digest = songda.store.put(printed.pdf)
    following = "seal" if document["sealed"] else "release"
    if document["sealed"] and printed.anchor is None:
        raise Permanent(f"template {document['instrument']} has no place for the seal")

    def write(connection: sa.Connection) -> Done:
        documents.record_artifact(connection, digest, len(printed.pdf), "application/pdf")
        documents.move(
            connection,
            document["id"],
            "rendered",
            body={
                "digest": digest,
                "pages": printed.pages,
                "template_version": document["template_version"],
                "template_digest": document["template_digest"],
            },
            rendered_digest=digest,
            pages=printed.pages,
            placement=asdict(printed.anchor) if printed.anchor else None,
            final_digest=None if document["sealed"] else digest,
        )
        return Done((Next("document", document["id"], following),))

    return Conclusion(write)
