"""`songda seal grant`: standing approvals, set up by the operator in an approver's name or revoked."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.seal_grants import LONGEST, MOST, read_terms
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import add_reason_option, opened, operator
from records import access, seal_approvals, seals
from records.database import legal_time


def declare(parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", parents=[common])
    add.add_argument("seal", metavar="SEAL_ID")
    add.add_argument("--approver", required=True, metavar="LOGIN", help="in whose name: an approver of this seal")
    covers = add.add_mutually_exclusive_group(required=True)
    covers.add_argument("--instrument", action="append", metavar="ID", help="or 'volume'; again for more")
    covers.add_argument("--everything", action="store_true", help="all that is sealed, case volumes too")
    add.add_argument("--client", default="", metavar="CLIENT_ID", help="only what this case system asks for")
    add.add_argument("--from", dest="first", default="", metavar="YYYY-MM-DD", help="default: now")
    add.add_argument("--until", dest="last", required=True, metavar="YYYY-MM-DD", help=f"at most {LONGEST} days")
    add.add_argument("--most-uses", required=True, metavar="N", help=f"at most {MOST}")
    add.set_defaults(run=add_grant)
    revoke = actions.add_parser("revoke", parents=[common])
    revoke.add_argument("grant", metavar="GRANT_ID")
    add_reason_option(revoke)
    revoke.set_defaults(run=revoke_grant)
    actions.add_parser("list", parents=[common]).set_defaults(run=list_grants)


def add_grant(arguments: Namespace) -> Answer:
    """Enter a grant that an approver has given; the ledger says that it was the operator's hand."""
    with opened(arguments) as songda, songda.database.write() as connection:
        today = day_of(legal_time(connection))
        terms = read_terms(
            arguments.instrument or (),
            arguments.client,
            arguments.first,
            arguments.last,
            arguments.most_uses,
            today=today,
        )
        try:
            grant_id, _ = seal_approvals.grant(
                connection,
                _approver(connection, arguments),
                instruments=terms.instruments,
                client_id=terms.client_id,
                valid_from=terms.valid_from,
                valid_until=terms.valid_until,
                most_uses=terms.most_uses,
                by=operator(),
            )
        except LookupError as error:
            raise BadInput("--client", "unknown_client", str(error)) from error
    return Answer({"grant_id": grant_id}, grant_id)


def _approver(connection: sa.Connection, arguments: Namespace) -> sa.RowMapping:
    for each in access.credentials(connection, arguments.approver):
        found = seals.approver_of(connection, arguments.seal, each.subject.id)
        if found is not None:
            return found
    message = f"{arguments.approver!r} may not approve uses of {arguments.seal}: see songda seal list"
    raise BadInput("--approver", "not_approver", message)


def revoke_grant(arguments: Namespace) -> Answer:
    """End a grant."""
    with opened(arguments) as songda, songda.database.write() as connection:
        found = [row for row in seal_approvals.grants(connection) if row["id"] == arguments.grant]
        ended = bool(found) and seal_approvals.revoke(
            connection, arguments.grant, found[0]["authority_id"], operator(), arguments.reason
        )
    if not ended:
        raise BadInput("GRANT_ID", "unknown_grant", f"no grant {arguments.grant} stands")
    return Answer({"revoked": arguments.grant}, f"revoked: {arguments.grant}")


def list_grants(arguments: Namespace) -> Answer:
    """Every grant, newest first."""
    with opened(arguments) as songda, songda.database.read() as connection:
        value = [_told(row) for row in seal_approvals.grants(connection)]
    lines = [
        f"{row['id']} {row['seal_id']} {'in force' if row['in_force'] else 'not in force'} {row['uses']} of "
        f"{row['most_uses']} uses, until {row['valid_until']}: {', '.join(row['instruments']) or 'everything'} – "
        f"{row['name']}, {row['role_zh']}"
        for row in value
    ]
    return Answer({"grants": value}, "\n".join(lines) or "no grant")


def _told(row: sa.RowMapping) -> dict[str, Any]:
    plain = ("id", "seal_id", "instruments", "client_id", "most_uses", "uses", "granted_by", "revoked_by")
    office = ("person_id", "name", "role_zh", "role_en", "rule", "in_force", "revoke_reason")
    moments = ("valid_from", "valid_until", "granted_at", "revoked_at")
    return {name: row[name] for name in (*plain, *office)} | {
        name: row[name] and row[name].isoformat() for name in moments
    }
