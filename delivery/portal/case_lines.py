"""What the page of a case says of its documents and their limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from delivery.portal.deadline_lines import LimitLine, limit_lines
from delivery.portal.link_lines import LinkLine, document_name, lines_of_documents, names_of_linked
from delivery.portal.timeline_lines import Names
from delivery.portal.views import Item, item_of, minute
from delivery.portal.wording import Words
from delivery.volumes import party_of
from records import deliveries, documents, seals, volumes
from templates.manifests import manifests

#: More documents than any case has; what goes beyond is said to be missing.
MOST: Final = 500
RELEASED: Final = frozenset({"released", "revoked", "changed"})
_BADGES: Final = {
    "released": "confirmed",
    "changed": "deemed",
    "revoked": "urgent",
    "failed": "urgent",
    "void": "urgent",
}
_OVER: Final = ("met", "met_late", "over")


@dataclass(frozen=True)
class Case:
    """The rows of a case: its documents as they were asked for, and their deliveries with their documents' columns."""

    authority_id: str
    case_no: str
    documents: list[sa.RowMapping]
    deliveries: list[sa.RowMapping]

    @property
    def document_ids(self) -> list[str]:
        """The ids of the documents."""
        return [row["id"] for row in self.documents]

    @property
    def delivery_ids(self) -> list[str]:
        """The ids of the deliveries."""
        return [row["id"] for row in self.deliveries]

    @property
    def streams(self) -> list[str]:
        """The ledger streams that tell of the case."""
        return [*self.document_ids, volumes.stream(self.authority_id, self.case_no)]


def read_case(connection: sa.Connection, authority_id: str, case_no: str) -> Case:
    """The case of the authority with this number."""
    rows = documents.whole_case(connection, authority_id, case_no, limit=MOST)
    of = deliveries.of_case(connection, [row["id"] for row in rows], authority_id)
    return Case(authority_id, case_no, rows, of)


@dataclass(frozen=True)
class DocumentLine:
    """One document, released or not. `reason` is why it ended, `items` its deliveries, `href` its file."""

    id: str
    title_zh: str
    title_en: str
    number: str
    state: str
    badge: str
    reason: str
    asked: str
    released: str
    items: list[Item]
    links: list[LinkLine]
    href: str


def document_lines(connection: sa.Connection, case: Case, t: Words, now: datetime) -> list[DocumentLine]:
    """The documents in their order."""
    linked = lines_of_documents(connection, case.document_ids, t)
    waiting = seals.waiting_among(connection, [row["id"] for row in case.documents if row["status"] == "rendered"])
    items: dict[str, list[Item]] = {each: [] for each in case.document_ids}
    for row in case.deliveries:
        items[row["document_id"]].append(item_of(row, t, now))
    return [_line(row, items[row["id"]], linked[row["id"]], row["id"] in waiting, t) for row in case.documents]


def _line(row: sa.RowMapping, items: list[Item], linked: list[LinkLine], waits: bool, t: Words) -> DocumentLine:
    manifest, status = manifests()[row["instrument"]], "awaiting" if waits else row["status"]
    number = t.pick(row["number_zh"] or "", row["number_en"] or row["number_zh"] or "")
    if number and status in ("void", "failed"):
        number = t("case.void_number", number=number)
    return DocumentLine(
        id=row["id"],
        title_zh=manifest.title_zh,
        title_en=manifest.title_en,
        number=number or t("inbox.no_number"),
        state=t(f"case.state_{status}"),
        badge=_BADGES.get(status, "sent"),
        # why a document failed is told in an operator's words, which may hold what only an operator should see
        reason=(row["reason"] or "") if status in ("void", "cancelled") else "",
        asked=minute(row["created_at"], t),
        released=minute(row["released_at"], t),
        items=items,
        links=linked,
        href=f"/desk/documents/{row['id']}/document.pdf" if row["status"] in RELEASED else "",
    )


def parties(case: Case, t: Words) -> list[str]:
    """The parties as the documents name them; where none does, those on whom something is served."""
    found = [party_of([row["facts"]]) for row in case.documents]
    pairs = [pair for pair in found if pair] or [(row["recipient_zh"], row["recipient_en"]) for row in case.deliveries]
    return list(dict.fromkeys(t.pick(zh, en or zh) for zh, en in pairs))


def names(connection: sa.Connection, case: Case, t: Words) -> Names:
    """What the timeline calls documents and deliveries; linked documents of other cases too."""
    called = names_of_linked(connection, case.document_ids, t) | {
        row["id"]: document_name(row["instrument"], row["number_zh"], row["number_en"], t) for row in case.documents
    }
    served = {row["id"]: (row["document_id"], _recipient(row, t)) for row in case.deliveries}
    return Names(called, served)


def _recipient(row: sa.RowMapping, t: Words) -> str:
    return str(t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]))


# --- limits ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CaseLimit:
    """A limit of one delivery, whose page has the reasons."""

    line: LimitLine
    delivery_id: str
    about: str


def case_limits(case: Case, called: Names, t: Words, now: datetime) -> list[CaseLimit]:
    """The limits of all deliveries, the one that ends next at the head, those that are over or met at the end."""
    found = [
        CaseLimit(line, row["id"], f"{called.documents[row['document_id']]} · {_recipient(row, t)}")
        for row in case.deliveries
        for line in limit_lines(row, t, now, for_party=False)
    ]
    return sorted(found, key=lambda each: (each.line.status_code in _OVER, each.line.ends_at or "9"))
