"""What a page says of the documents that end, change, mend or declare void another: words and where they lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from delivery.portal.views import written
from delivery.portal.wording import Words
from records import links
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
    return _lines(rows, found, places, t, "/desk")


def lines_in_inbox(
    connection: sa.Connection, rows: Sequence[sa.RowMapping], t: Words, authority_id: str, counterparty_id: str
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
    places = links.deliveries_of(connection, _others(found), authority_id, counterparty_id)
    return _lines(rows, found, places, t, "/inbox")


def _others(found: Sequence[sa.RowMapping]) -> set[str]:
    return {link[side] for link in found for side in ("document_id", "target_id")}


def _lines(
    rows: Sequence[sa.RowMapping], found: Sequence[sa.RowMapping], places: Mapping[str, str], t: Words, base: str
) -> dict[str, list[LinkLine]]:
    lines: dict[str, list[LinkLine]] = {row["id"]: [] for row in rows}
    for row in rows:
        for link in found:
            if row["document_id"] in (link["document_id"], link["target_id"]):
                lines[row["id"]].append(_line(link, row["document_id"], places, t, base))
    return lines


def _line(link: sa.RowMapping, document_id: str, places: Mapping[str, str], t: Words, base: str) -> LinkLine:
    acts = link["document_id"] == document_id
    other = "target" if acts else "acting"
    relation = link["effect"] if acts else links.PASSIVE[link["effect"]]
    place = places.get(link["target_id"] if acts else link["document_id"])
    return LinkLine(
        t(f"link.{relation}", document=_named(link, other, t)) + _since(link, t), f"{base}/{place}" if place else ""
    )


def _named(link: sa.RowMapping, side: str, t: Words) -> str:
    manifest = manifests()[link[f"{side}_instrument"]]
    title = t.pick(f"《{manifest.title_zh}》", manifest.title_en)
    number = t.pick(link[f"{side}_number_zh"] or "", link[f"{side}_number_en"] or link[f"{side}_number_zh"] or "")
    return t("link.numbered", title=title, number=number) if number else title


def _since(link: sa.RowMapping, t: Words) -> str:
    if link["effective_on"]:
        return t("link.since", day=written(date.fromisoformat(link["effective_on"]), t))
    return t("link.on_service") if link["acting_released_at"] else t("link.not_released")
