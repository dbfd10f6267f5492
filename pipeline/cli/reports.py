"""`songda mail bounce`, `songda sms report|address`: what became of messages after they had gone out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import sqlalchemy as sa

from delivery.bounces import LARGEST, read_bounce, same_mailbox
from delivery.sms import read_reports
from delivery.sms_reports import record_reports
from pipeline import strict_json
from pipeline.cli.access import revoke_key
from pipeline.cli.answers import NOT_VALID, Answer, one_line
from pipeline.cli.inputs import add_authority_option, authority_of, opened, operator, read_file
from records import api_keys, notice_reports

_GATEWAY = "SMS gateway"


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare the commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    if name == "mail":
        bounce = actions.add_parser("bounce", help="a delivery status notification (RFC 3464)", parents=[common])
        bounce.set_defaults(run=run_bounce)
    else:
        report = actions.add_parser("report", help="a list of reports by `out_id`", parents=[common])
        report.set_defaults(run=run_report)
        address = actions.add_parser("address", help="addresses to which a gateway pushes its reports by HTTP")
        kinds = address.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
        for kind, run, text in (
            ("add", add_address, "make one; it is shown once"),
            ("list", list_addresses, "those in force, without their secret"),
        ):
            action = kinds.add_parser(kind, help=text, parents=[common])
            add_authority_option(action)
            action.set_defaults(run=run)
        revoke = kinds.add_parser("revoke", help="end one at once", parents=[common])
        revoke.add_argument("prefix", metavar="PREFIX", help="the middle part of sgd_PREFIX_…")
        revoke.set_defaults(run=revoke_key)


def run_bounce(arguments: Namespace) -> Answer:
    """Record the report of one mail; exit 1 for a mail that is not ours, so that a mail system can keep it."""
    told = read_bounce(read_file("-", LARGEST))
    with opened(arguments) as songda:
        try:
            with songda.database.write() as connection:
                found = _recorded(connection, told.message_id, told.report, told.code, told.detail)
        except LookupError as error:
            return Answer({"recorded": False, "message_id": told.message_id}, str(error), NOT_VALID)
    forwarded = not same_mailbox(told.recipient, found["address"])
    value = {"recorded": True, "notice": found["id"], "report": told.report, "code": told.code, "forwarded": forwarded}
    return Answer(value, f"{told.report}: {found['id']} {told.code} {one_line(told.detail)}".rstrip())


def run_report(arguments: Namespace) -> Answer:
    """Record the reports of a gateway; those of messages that are not ours are named, and nothing is lost with them."""
    reports = read_reports(strict_json.parse(read_file("-", LARGEST)))
    with opened(arguments) as songda:
        recorded, unknown = record_reports(songda.database, reports, authority_id=None, actor=operator())
    text = f"recorded: {len(recorded)}; not ours: {len(unknown)}"
    return Answer({"recorded": recorded, "unknown": unknown}, text)


def add_address(arguments: Namespace) -> Answer:
    """Make an address for the reports of an authority's messages, and show it, once."""
    with opened(arguments) as songda, songda.database.write() as connection:
        client_id = api_keys.create_client(connection, authority_of(connection, arguments), _GATEWAY, by=operator())
        key = api_keys.issue(connection, client_id, [api_keys.SMS_REPORTS], by=operator())
        url = f"{songda.settings.public_url.rstrip('/')}/v1/sms/reports/{key}"
    return Answer({"url": url}, f"{url}\nIt is shown this once and cannot be read again. Who knows it may report.")


def list_addresses(arguments: Namespace) -> Answer:
    """The addresses in force, by the public part of their secret."""
    with opened(arguments) as songda, songda.database.read() as connection:
        rows = api_keys.in_force(connection, authority_of(connection, arguments), api_keys.SMS_REPORTS)
    value = [{"prefix": row["prefix"], "made_at": row["created_at"].isoformat(timespec="seconds")} for row in rows]
    return Answer(value, "\n".join(f"{row['prefix']}  made {row['made_at']}" for row in value) or "no address")


def _recorded(connection: sa.Connection, message_id: str, report: str, code: str, detail: str) -> sa.RowMapping:
    return notice_reports.record(connection, message_id, report, code, detail, actor=operator())
