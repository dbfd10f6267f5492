"""What happened in a case, in words: the ledger of its documents and of its file, as a clerk reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from delivery.portal.history_lines import who_of
from delivery.portal.views import moment, outcome_name, stamp, written
from delivery.portal.wording import Words, messages
from records import access, api_keys, ledger, notice_reports
from records.ledger import Event

PER_PAGE: Final = 100

#: The kinds of events that have words of their own, by what they are about.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "document": (
        *("accepted", "numbered", "rendered", "sealed", "released", "failed", "cancelled", "void"),
        *("revoked", "changed", "renewed", "discarded"),
    ),
    "delivery": ("dispatched", "accessed", "confirmed", "ended"),
    "service": ("decided", "superseded"),
    "deadlines": ("computed",),
    "paper": (
        *("attempt_begun", "mailed", "file_added", "sent", "recorded", "sealed"),
        *("corrected", "correction_proposed", "correction_approved", "correction_declined"),
    ),
    "notice": ("sent", "failed", "ambiguous", "dropped", "reported"),
    "reminder": ("due", "dropped"),
    "submission": ("received", "taken"),
    "objection": ("raised", "ruled"),
    "copy": ("asked", "sent"),
    "link": ("released", "in_effect", "redated", "dropped"),
    "seal": ("awaited", "approved", "declined", "ambiguous", "compromised", "confirmed_genuine"),
    "step": ("dead", "requeued"),
    "case": ("file_added", "volume_sealed", "volume_renewed"),
}


@dataclass(frozen=True)
class TimelineLine:
    """One event. `about` names the document and the recipient, `href` leads there; `at` is the moment itself."""

    text: str
    detail: str
    about: str
    href: str
    who: str
    time: str
    at: str


@dataclass(frozen=True)
class Page:
    """Part of the timeline: `number` of `count` pages, from 1."""

    lines: list[TimelineLine]
    number: int
    count: int


@dataclass(frozen=True)
class Names:
    """What the events name: documents by id, and deliveries by id with their document and recipient."""

    documents: Mapping[str, str]
    deliveries: Mapping[str, tuple[str, str]]


def timeline_page(
    connection: sa.Connection, authority_id: str, streams: Sequence[str], names: Names, wanted: int | None, t: Words
) -> Page:
    """The page `wanted`, oldest event first; the last one when none is wanted. Each costs the same few queries."""
    pages = max(1, -(-ledger.count_all(connection, streams) // PER_PAGE))
    number = min(wanted or pages, pages)
    events = ledger.together(connection, streams, skip=(number - 1) * PER_PAGE, limit=PER_PAGE)
    told = _Told(
        names,
        access.person_names(connection, {each.actor for each in events}),
        {f"client:{row['id']}": row["name"] for row in api_keys.clients(connection, authority_id)},
        notice_reports.told_of(connection, {each.subject for each in events if each.kind.startswith("notice.")}),
        t,
    )
    return Page([told.line(each) for each in events], number, pages)


@dataclass(frozen=True)
class _Told:
    names: Names
    persons: Mapping[str, str]
    clients: Mapping[str, str]
    notices: Mapping[str, sa.RowMapping]
    t: Words

    def line(self, event: Event) -> TimelineLine:
        notice = self.notices.get(event.subject)
        delivery_id = notice["delivery_id"] if notice else event.subject
        document_id, recipient = self.names.deliveries.get(delivery_id, (event.stream, ""))
        named = self.names.documents.get(document_id, "")
        href = f"/desk/{delivery_id}" if recipient else f"/desk/documents/{document_id}"
        details = [*self._details(event), notice["name"] if notice else ""]
        return TimelineLine(
            text=_text(event.kind, self.t),
            detail=" · ".join(filter(None, details)),
            about=" · ".join(filter(None, (named, recipient))),
            href=href if named else "",
            who=self._who(event),
            time=moment(event.happened_at, self.t),
            at=stamp(event.happened_at),
        )

    def _who(self, event: Event) -> str:
        told = who_of(event.body, self.t) if "department" in event.body else ""
        known = told or self.persons.get(event.actor) or self.clients.get(event.actor)
        if known:
            return known
        kind, _, name = event.actor.partition(":")
        if kind == "operator":
            return self.t("timeline.operator", name=name)
        return self.t("timeline.system") if event.actor == "system" else event.actor

    def _details(self, event: Event) -> Iterator[str]:
        """What else a reader wants to know, by the kind of event. Bodies of earlier versions may tell less."""
        t, body = self.t, event.body
        group = event.kind.partition(".")[0]
        if group == "delivery":
            yield _word("route", body.get("route"), t)
        elif group == "service":
            yield _service_day(body.get("answer") or {}, t)
        elif group == "paper":
            yield from _paper(body, t)
        elif group == "notice":
            yield _word("notice", body.get("channel"), t)
        elif group == "link":
            yield self.names.documents.get(event.subject, "")
        elif group == "submission":
            yield _word("submit", body.get("kind"), t)
        elif group == "objection":
            yield _word("objecting", body.get("outcome"), t)
        elif group == "case":
            yield t.pick(body.get("title_zh", ""), body.get("title_en", ""))
        for name in ("reason", "reasons", "note"):
            if isinstance(body.get(name), str):
                yield body[name]


def _word(table: str, name: str | None, t: Words) -> str:
    key = f"{table}.{name}"
    return t(key) if key in messages() else ""


def _text(kind: str, t: Words) -> str:
    group, _, name = kind.partition(".")
    if name in KINDS.get(group, ()):
        return t(f"timeline.{group}_{name}")
    return t("timeline.other", kind=kind)


def _service_day(answer: Mapping[str, Any], t: Words) -> str:
    if answer.get("service_date"):
        return t("timeline.served_on", day=written(date.fromisoformat(answer["service_date"]), t))
    if answer.get("deemed_date"):
        return t("timeline.at_the_latest", day=written(date.fromisoformat(answer["deemed_date"]), t))
    return ""


def _paper(body: Mapping[str, Any], t: Words) -> Iterator[str]:
    record: Mapping[str, Any] = body.get("record") or {}
    method = record.get("method") or body.get("method")
    yield _word("method", method, t)
    if method and record.get("outcome"):
        yield outcome_name(method, record["outcome"], t)
    if record.get("date"):
        yield t("timeline.on", day=written(date.fromisoformat(record["date"]), t))
    elif record:
        yield t("record.date_unknown")
