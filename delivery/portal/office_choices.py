"""The offices to choose from, and the name of one, in the reader's language."""

from __future__ import annotations

from delivery.offices import offices
from delivery.portal.wording import Words


def office_choices(t: Words) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each regional administration with its offices: ids and names."""
    known = offices()
    return [
        (
            t.pick(region.zh, region.en),
            [(each.id, t.pick(each.zh, each.en)) for each in known.all.values() if each.administration == region.id],
        )
        for region in known.administrations.values()
    ]


def office_name(office_id: str | None, t: Words) -> str:
    """The name of an office; that none is entered when there is none, and the id of one that the data do not know."""
    found = offices().all.get(office_id or "")
    return t.pick(found.zh, found.en) if found else office_id or t("office.none")
