"""`songda mail bounce`, `songda sms report`: what became of notices after they had gone out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import sqlalchemy as sa

from delivery.bounces import LARGEST, read_bounce, same_mailbox
from delivery.sms import read_reports
from pipeline import strict_json
from pipeline.cli.answers import NOT_VALID, Answer, one_line
from pipeline.cli.inputs import opened, operator, read_file
from records import notice_reports


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare the commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    if name == "mail":
        bounce = actions.add_parser("bounce", help="a delivery status notification (RFC 3464)", parents=[common])
        bounce.set_defaults(run=run_bounce)
    else:
        report = actions.add_parser("report", help="a list of reports by `out_id`", parents=[common])
        report.set_defaults(run=run_report)


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
    recorded, unknown = [], []
    with opened(arguments) as songda:
        for each in reports:
            try:
                with songda.database.write() as connection:
                    state = "delivered" if each.delivered else "failed"
                    recorded.append(_recorded(connection, each.out_id, state, each.code, "")["id"])
            except LookupError:
                unknown.append(each.out_id)
    text = f"recorded: {len(recorded)}; not ours: {len(unknown)}"
    return Answer({"recorded": recorded, "unknown": unknown}, text)


def _recorded(connection: sa.Connection, message_id: str, report: str, code: str, detail: str) -> sa.RowMapping:
    return notice_reports.record(connection, message_id, report, code, detail, actor=operator())
