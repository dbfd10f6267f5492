"""`songda seal compromised|affected|confirm-document`: a seal's key may have been in other hands."""

from __future__ import annotations

import csv
import io
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import BEIJING
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import add_secret_options, log_in, opened, operator
from records import affected, compromises, documents, seals, volumes
from records.instants import to_microseconds

_PAGE: Final = 500
_LONGEST_REASON: Final = 500
_COLUMNS: Final = (
    "document",
    "number",
    "case",
    "instrument",
    "status",
    "mark",
    "stamped_at",
    "sealed_by_our_clock",
    "recipient",
    "counterparty",
    "route",
    "delivery",
    "service_status",
    "service_date",
    "told",
)


def declare_actions(actions: Any, common: ArgumentParser) -> None:
    """Declare the actions; `actions` are the subparsers of `songda seal`."""
    lost = actions.add_parser("compromised", help="its key may have been in other hands since", parents=[common])
    lost.add_argument("seal", metavar="SEAL_ID")
    lost.add_argument("--since", required=True, metavar="TIME", help="with its offset: 2026-11-22T10:00+08:00")
    lost.add_argument("--reason", required=True, metavar="TEXT", help="kept in the ledger")
    lost.set_defaults(run=run_compromised)
    listing = actions.add_parser("affected", help="what was sealed since its key was lost", parents=[common])
    listing.add_argument("seal", metavar="SEAL_ID")
    listing.add_argument("--csv", action="store_true", help="as CSV (UTF-8), one line for each delivery")
    listing.set_defaults(run=run_affected)
    genuine = actions.add_parser(
        "confirm-document", help="an administrator confirms that the authority issued it", parents=[common]
    )
    genuine.add_argument("documents", metavar="DOCUMENT_ID", nargs="+")
    genuine.add_argument("--by", required=True, metavar="LOGIN", help="an administrator; the password is asked for")
    genuine.add_argument("--reason", required=True, metavar="TEXT", help="how it was checked; kept in the ledger")
    add_secret_options(genuine)
    genuine.set_defaults(run=run_confirm)


def run_compromised(arguments: Namespace) -> Answer:
    """Stop the seal, record since when, list what is affected; the workers mark it and write to those concerned."""
    reason = _reason(arguments)
    since = _moment(arguments.since)
    with opened(arguments) as songda:
        try:
            with songda.database.write() as connection:
                done = compromises.report(connection, arguments.seal, since, operator(), reason)
        except LookupError as error:
            raise BadInput("SEAL_ID", "unknown_seal", str(error)) from error
        except ValueError as error:
            raise BadInput("--since", "in_future", str(error)) from error
        except compromises.LaterMoment as error:
            raise BadInput("--since", "later", str(error)) from error
        songda.hint([done.step])
        with songda.database.read() as connection:
            value = _listing(connection, arguments.seal)
    news = "reported" if done.first else "was reported so before; nothing changed"
    text = [f"stopped: {arguments.seal}", f"{news}; the workers mark the documents and write to those concerned"]
    text += [] if done.active_seals else ["WARNING: the authority has no active seal left: songda seal add"]
    text += ["NOW, if that is not done: have the certificate revoked at its certification authority"]
    more = {"report": done.id, "first": done.first, "active_seals": done.active_seals}
    return Answer(more | value, "\n".join([*text, *_lines(value)]))


def run_affected(arguments: Namespace) -> Answer:
    """List what is affected, as it stands now."""
    with opened(arguments) as songda, songda.database.read() as connection:
        try:
            seals.find(connection, arguments.seal)
        except LookupError as error:
            raise BadInput("SEAL_ID", "unknown_seal", str(error)) from error
        if compromises.lost_since(connection, arguments.seal) is None:
            raise BadInput("SEAL_ID", "not_compromised", "nobody reported that this seal's key was in other hands")
        value = _listing(connection, arguments.seal)
    return Answer(value, _csv(value) if arguments.csv else "\n".join(_lines(value)))


def run_confirm(arguments: Namespace) -> Answer:
    """Record for each document that a named administrator found it genuine."""
    reason = _reason(arguments)
    done: dict[str, bool] = {}
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            found = [_of_authority(connection, each) for each in arguments.documents]
        if len(set(found)) != 1:
            raise BadInput("DOCUMENT_ID", "several_authorities", "the documents belong to more than one authority")
        person = log_in(songda, arguments, found[0])
        for document_id in arguments.documents:
            with songda.database.write() as connection:
                done[document_id] = _confirm(connection, document_id, person.authority_id, person.id, reason)
    text = [f"{'confirmed' if first else 'was confirmed before'}: {each}" for each, first in done.items()]
    return Answer({"documents": [{"document": each, "first": first} for each, first in done.items()]}, "\n".join(text))


def _of_authority(connection: sa.Connection, document_id: str) -> str:
    try:
        return str(documents.get(connection, document_id)["authority_id"])
    except LookupError as error:
        raise BadInput("DOCUMENT_ID", "unknown_document", str(error)) from error


def _confirm(connection: sa.Connection, document_id: str, authority_id: str, by: str, reason: str) -> bool:
    try:
        return affected.confirm(connection, document_id, authority_id, by, reason)
    except affected.NotAffected as error:
        raise BadInput("DOCUMENT_ID", "not_affected", str(error)) from error
    except documents.WrongState as error:
        raise BadInput("DOCUMENT_ID", "wrong_state", f"document {document_id} is {error.present}") from error


def _reason(arguments: Namespace) -> str:
    reason = str(arguments.reason).strip()
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise BadInput("--reason", "out_of_range", f"1 to {_LONGEST_REASON} characters")
    return reason


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        to_microseconds(moment)
    except ValueError as error:
        message = f"{text!r:.40} is no time with an offset, such as 2026-11-22T10:00+08:00"
        raise BadInput("--since", "not_a_time", message) from error
    return moment


def _listing(connection: sa.Connection, seal_id: str) -> dict[str, Any]:
    """Everything about a reported seal: its reports, and what was sealed since the earliest moment, oldest first."""
    since = compromises.lost_since(connection, seal_id)
    assert since is not None  # noqa: S101 - the callers have seen to it
    told = compromises.notices_by_counterparty(connection, seal_id)
    reachable = compromises.reachable(connection, seals.find(connection, seal_id)["authority_id"])
    found = [
        each for page in _pages(connection, seal_id, since) for each in _documents(connection, page, told, reachable)
    ]
    sealed_volumes = volumes.sealed_since(connection, seal_id, since)
    return {
        "seal": seal_id,
        "since": since.isoformat(),
        "reports": [
            {"id": row["id"], "since": row["since"].isoformat(), "by": row["reported_by"], "reason": row["reason"]}
            | {"at": row["reported_at"].isoformat()}
            for row in compromises.reports(connection, seal_id)
        ],
        "certificates": [
            {"serial": row["certificate_serial"], "subject": row["certificate_subject"]}
            for row in compromises.certificates(connection, seal_id)
        ],
        "in_question": sum(each["mark"] in ("in_question", "not_marked_yet") for each in found),
        "documents": found[::-1],
        "volumes": [
            {"id": row["id"], "case": row["case_no"], "made_at": row["made_at"].isoformat()} for row in sealed_volumes
        ],
    }


def _pages(connection: sa.Connection, seal_id: str, since: datetime) -> Iterator[list[affected.Sealed]]:
    before = ""
    while True:
        page, before = affected.sealed_since(connection, seal_id, since, before=before, limit=_PAGE)
        yield page
        if not before:
            return


def _documents(
    connection: sa.Connection, page: list[affected.Sealed], told: dict[str, set[str]], reachable: set[str]
) -> list[dict[str, Any]]:
    """The documents of a page with their deliveries, newest first."""
    rows = affected.listed(connection, [each.document_id for each in page])
    by_id = {each: list(group) for each, group in groupby(rows, lambda row: row["document_id"])}
    return [_document(sealed, by_id[sealed.document_id], told, reachable) for sealed in page]


def _document(
    sealed: affected.Sealed, rows: list[sa.RowMapping], told: dict[str, set[str]], reachable: set[str]
) -> dict[str, Any]:
    first = rows[0]
    return {
        "document": sealed.document_id,
        "number": first["number_zh"],
        "case": first["case_no"],
        "instrument": first["instrument"],
        "status": first["status"],
        "mark": affected.state(first, first["status"]) or "not_marked_yet",
        "stamped_at": sealed.stamped_at and sealed.stamped_at.isoformat(),
        "sealed_by_our_clock": sealed.used_at.isoformat(),
        "deliveries": [
            {
                "id": row["delivery_id"],
                "recipient": row["recipient_zh"],
                "counterparty": row["counterparty_id"],
                "route": row["route"],
                "status": row["delivery_status"],
                "service_status": row["service_status"],
                "service_date": row["service_date"],
                "told": _told(row["counterparty_id"], told, reachable),
            }
            for row in rows
            if row["delivery_id"] is not None
        ],
    }


def _told(counterparty_id: str | None, told: dict[str, set[str]], reachable: set[str]) -> str:
    """Whether the recipient is told: `sent` to one contact at least, `under_way`, `failed`, or `by_hand`."""
    states = told.get(counterparty_id or "", set())
    if "sent" in states:
        return "sent"
    if states and states <= {"failed", "ambiguous"}:
        return "failed"
    return "under_way" if states or counterparty_id in reachable else "by_hand"


def _beijing(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone(BEIJING).isoformat(sep=" ", timespec="seconds") if text else "–"


def _lines(value: dict[str, Any]) -> list[str]:
    lines = [f"key of {value['seal']} in other hands since {_beijing(value['since'])}"]
    lines += [f"certificate {each['serial']}: {each['subject']}" for each in value["certificates"]]
    lines += [f"{len(value['documents'])} documents sealed since; {value['in_question']} in question"]
    for each in value["documents"]:
        lines.append(
            f"{each['document']} {each['number'] or ''} case {each['case']} {each['status']} {each['mark']}; "
            f"stamped {_beijing(each['stamped_at'])}, by our clock {_beijing(each['sealed_by_our_clock'])}"
        )
        lines += [
            f"  to {row['recipient']} by {row['route'] or '–'}: {row['status']}, service {row['service_status']} "
            f"{row['service_date'] or ''}; told: {row['told']}"
            for row in each["deliveries"]
        ]
    lines += [f"volume {each['id']} of case {each['case']}, {_beijing(each['made_at'])}" for each in value["volumes"]]
    return lines


def _csv(value: dict[str, Any]) -> str:
    """One line for each delivery; a cell that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in value["documents"]:
        for row in each["deliveries"] or [{}]:
            cells = {name: each.get(name) for name in _COLUMNS}
            cells |= {name: row.get(name) for name in _COLUMNS[8:]} | {"delivery": row.get("status")}
            writer.writerow([_cell(cells[name]) for name in _COLUMNS])
    return out.getvalue().rstrip("\n")


def _cell(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
