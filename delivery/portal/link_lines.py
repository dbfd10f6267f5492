"""What a page says of the documents that end, change, mend or declare void another: words and where they lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from delivery.portal.views import written
from delivery.portal.wording import Words
from records import links
from records.access import Account
from templates.manifests import manifests


@dataclass(frozen=True)
class LinkLine:
    """One sentence. `href` leads to the other document; empty when the visitor has no page for it."""

    text: str
    href: str


def lines_at_desk(
    connection: sa.Connection, rows: Sequence[sa.RowMapping], t: Words, authority_id: str
) -> Mapping[str, list[LinkLine]]:
    """The lines of each of these deliveries, by its id; a clerk sees what is under way as well."""
    found = links.of_documents(connection, {row["document_id"] for row in rows})
    places = links.deliveries_of(connection, _others(found), authority_id)
    return _lines(_pairs(rows), found, places, t, "/desk")


def lines_in_inbox(
    connection: sa.Connection, rows: Sequence[sa.RowMapping], t: Words, account: Account
) -> Mapping[str, list[LinkLine]]:
    """The same for a counterparty.

    That its document is ended it reads here once that is so: before, the decision has to reach it as the law provides.
    """
    own = {row["document_id"] for row in rows}
    found = [
        link
        for link in links.of_documents(connection, own)
        if link["document_id"] in own or link["state"] == "in_effect"
    ]
    places = links.deliveries_of(connection, _others(found), account)
    return _lines(_pairs(rows), found, places, t, "/inbox")


def lines_of_documents(
    connection: sa.Connection, document_ids: Sequence[str], t: Words
) -> Mapping[str, list[LinkLine]]:
    """The lines of each of these documents, by its id, for the desk; they lead to the other document's own page."""
    found = links.of_documents(connection, document_ids)
    return _lines(
        [(each, each) for each in document_ids], found, {each: each for each in _others(found)}, t, "/desk/documents"
    )


def names_of_linked(connection: sa.Connection, document_ids: Sequence[str], t: Words) -> dict[str, str]:
    """What the documents are called that have a link with one of these, by their ids."""
    sides = (("document_id", "acting"), ("target_id", "target"))
    return {
        link[side]: _named(link, label, t)
        for link in links.of_documents(connection, document_ids)
        for side, label in sides
    }


def _others(found: Sequence[sa.RowMapping]) -> set[str]:
    return {link[side] for link in found for side in ("document_id", "target_id")}


def _pairs(rows: Sequence[sa.RowMapping]) -> list[tuple[str, str]]:
    return [(row["id"], row["document_id"]) for row in rows]


def _lines(
    pairs: Sequence[tuple[str, str]], found: Sequence[sa.RowMapping], places: Mapping[str, str], t: Words, base: str
) -> dict[str, list[LinkLine]]:
    """The lines of each document, under the id that goes with it in `pairs`."""
    return {
        each: [
            _line(link, document_id, places, t, base)
            for link in found
            if document_id in (link["document_id"], link["target_id"])
        ]
        for each, document_id in pairs
    }


def _line(link: sa.RowMapping, document_id: str, places: Mapping[str, str], t: Words, base: str) -> LinkLine:
    acts = link["document_id"] == document_id
    other = "target" if acts else "acting"
    relation = link["effect"] if acts else links.PASSIVE[link["effect"]]
    place = places.get(link["target_id"] if acts else link["document_id"])
    return LinkLine(
        t(f"link.{relation}", document=_named(link, other, t)) + _since(link, t), f"{base}/{place}" if place else ""
    )


def _named(link: sa.RowMapping, side: str, t: Words) -> str:
    return document_name(link[f"{side}_instrument"], link[f"{side}_number_zh"], link[f"{side}_number_en"], t)


def document_name(instrument: str, number_zh: str | None, number_en: str | None, t: Words) -> str:
    """What a document is called in a sentence: its title, and its number if it has one."""
    manifest = manifests()[instrument]
    title = t.pick(f"《{manifest.title_zh}》", manifest.title_en)
    number = t.pick(number_zh or "", number_en or number_zh or "")
    return t("link.numbered", title=title, number=number) if number else title


def _since(link: sa.RowMapping, t: Words) -> str:
    if link["effective_on"]:
        return t("link.since", day=written(date.fromisoformat(link["effective_on"]), t))
    return t("link.on_service") if link["acting_released_at"] else t("link.not_released")
