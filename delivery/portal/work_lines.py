"""What waits at the desk for one person: counted and named, with where it is seen to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa

from delivery import seal_uses
from delivery.portal.incoming_pages import count_incoming
from delivery.portal.wording import Words
from delivery.rights import may
from records import changes, desk_work, notice_reports, registrations
from records.access import Person
from records.store import Store

#: What waits, where it is seen to, what it is called, and the rights of which one lets somebody act on it.
_LINES: Final = (
    ("late", "/desk?track=late", "desk.late", ("serve",)),
    ("to_print", "/desk?track=to_print", "desk.to_print", ("serve",)),
    ("sent", "/desk?track=sent", "desk.sent", ("serve",)),
    ("returned", "/desk?track=returned", "desk.returned", ("serve",)),
    ("scan_missing", "/desk?track=scan_missing", "desk.scan_missing", ("serve",)),
    ("open_parts", "/desk/stacks", "desk.open_parts", ("serve",)),
    ("seal_uses", "/desk/seal-uses", "sealing.link", ("approve",)),
    ("corrections", "/desk/corrections", "correct.waiting", ("correct",)),
    ("incoming", "/desk/incoming", "incoming.link", ("receive", "payments", "rule")),
    ("registrations", "/desk/registrations", "desk.registrations", ("register",)),
    ("changes", "/desk/changes", "change.desk_alarm", ("register",)),
    ("bad_addresses", "/desk/addresses", "notice.bad_alarm", ("register",)),
    ("in_question", "/desk?track=in_question", "desk.in_question", ("people", "issue")),
    ("provisional", "/desk?track=provisional", "desk.provisional", ("serve", "people")),
    ("dead", "/desk/trouble#dead", "trouble.dead", ("requeue",)),
    ("ambiguous", "/desk/trouble#ambiguous", "trouble.ambiguous", ("requeue",)),
    ("failed", "/desk/trouble#failed", "trouble.failed", ("requeue",)),
)

_COUNTED: Final[Mapping[str, Callable[[sa.Connection, Person], int]]] = MappingProxyType(
    {
        "incoming": count_incoming,
        "registrations": lambda connection, person: registrations.counts(connection, person.authority_id).get(
            "submitted", 0
        ),
        "changes": lambda connection, person: changes.count_for_desk(connection, person.authority_id),
        "bad_addresses": lambda connection, person: notice_reports.count_bad_addresses(connection, person.authority_id),
    }
)


def work_lines(
    connection: sa.Connection,
    store: Store,
    person: Person,
    t: Words,
    known: Mapping[str, int],
    sent_before: datetime,
    *,
    approver: bool,
) -> list[tuple[str, str, int]]:
    """Where it is, what it is, how much: only what there is, and what the person's rights let them act on.

    `known` are counts that the page has already; paper is late that was sent before `sent_before` (legal time). Nothing
    is counted that is not shown. Uses of a seal wait for an `approver` only.
    """
    mine = [line for line in _LINES if may(person.roles, *line[3])]
    names = {name for name, *_ in mine}
    counts = dict(known) | desk_work.counts(connection, person.authority_id, sent_before, names)
    counts |= {name: count(connection, person) for name, count in _COUNTED.items() if name in names}
    if approver:
        counts["seal_uses"] = sum(1 for _ in seal_uses.waiting_for(connection, store, person))
    return [(path, t(key), counts[name]) for name, path, key, _ in mine if counts.get(name)]
