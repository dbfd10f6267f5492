"""The document on which a form of issuing by hand acts: named by its id, kept through the form, taken into the job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from starlette.exceptions import HTTPException

from delivery import linked_acts
from delivery.fact_forms import typed_of
from delivery.portal.link_lines import document_name
from delivery.portal.wording import Words
from records import documents, links
from templates.manifests import Manifest

_DOCUMENT: Final = re.compile("doc_[0-9a-z]{1,40}")


@dataclass(frozen=True)
class Linked:
    """The document that the new one acts on, and on whom it is served: the new one goes to all of them."""

    effect: str
    target: sa.RowMapping
    recipients: list[sa.RowMapping]

    def named(self, t: Words) -> str:
        """The sentence that says what the new document does."""
        row = self.target
        document = document_name(row["instrument"], row["number_zh"], row["number_en"], t)
        return t(f"link.{self.effect}", document=document)

    def served_on(self, t: Words) -> list[str]:
        """The names of the recipients."""
        return [t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]) for row in self.recipients]

    def in_job(self) -> dict[str, Any]:
        """The members of the job's document that say so."""
        if self.effect == "declares":
            return {self.effect: [self.target["id"]]}
        served = [
            {"counterparty": row["counterparty_id"]} if row["counterparty_id"] else {"address": row["address"]}
            for row in self.recipients
        ]
        return {self.effect: self.target["id"], "recipients": served}


def linked_by(
    connection: sa.Connection, authority_id: str, manifest: Manifest, given: Mapping[str, str]
) -> Linked | None:
    """What `given`, an address or a form, names of the instrument's acts; None for nothing. Raises 404."""
    effect = next((each for each in manifest.acts if given.get(each)), None)
    if effect is None:
        return None
    document_id = given[effect]
    target = documents.find_in(connection, document_id, authority_id) if _DOCUMENT.fullmatch(document_id) else None
    if target is None:
        raise HTTPException(404)
    recipients = [] if effect == "declares" else links.recipients(connection, document_id)
    return Linked(effect, target, recipients)


def filled_in(connection: sa.Connection, linked: Linked) -> dict[str, str]:
    """The form as far as the records fill it in: case and facts."""
    facts = linked_acts.taken_over(connection, linked.effect, linked.target, linked.recipients)
    return {"case_no": linked.target["case_no"], linked.effect: linked.target["id"]} | typed_of(facts)
