"""`songda campaign`: registration campaigns, each with its code and its last day."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.sms_gateways import RECORDING
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import add_authority_option, authority_of, opened, operator
from records import campaigns
from records.database import legal_time

_NO_GATEWAY = (
    "the gateway 'recording' sends no SMS, so nobody could prove a number: name another one in the setting sms_gateway"
)


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", help="open a campaign", parents=[common])
    add.add_argument("code", metavar="CODE", help="the registration code; upper and lower case differ")
    add.add_argument("--until", required=True, metavar="YYYY-MM-DD", type=date.fromisoformat, help="its last day")
    add_authority_option(add)
    add.set_defaults(run=add_campaign)
    close = actions.add_parser("close", help="take no new application any more", parents=[common])
    close.add_argument("id", metavar="CAMPAIGN_ID")
    close.set_defaults(run=close_campaign)
    listing = actions.add_parser("list", help="all campaigns of the authority", parents=[common])
    add_authority_option(listing)
    listing.set_defaults(run=list_campaigns)


def add_campaign(arguments: Namespace) -> Answer:
    """Open a campaign."""
    code = arguments.code
    if not 4 <= len(code) <= 40 or not code.isascii() or not code.isprintable() or " " in code:
        raise BadInput("CODE", "code", "a registration code has 4 to 40 letters, digits or signs without spaces")
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            authority_id = authority_of(connection, arguments)
            if songda.settings.sms_gateway == RECORDING and not songda.test:
                raise BadInput("sms_gateway", "no_gateway", _NO_GATEWAY)
            if arguments.until < day_of(legal_time(connection)):
                raise BadInput("--until", "past", "the last day is over already")
            campaign_id = campaigns.add(connection, authority_id, code, arguments.until.isoformat(), operator())
    except sa.exc.IntegrityError as error:
        raise BadInput("CODE", "taken", "a campaign of this installation has or had this code") from error
    return Answer({"campaign_id": campaign_id}, campaign_id)


def close_campaign(arguments: Namespace) -> Answer:
    """Close a campaign before its last day; returned applications may still be mended."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            campaigns.close(connection, arguments.id, operator())
    except LookupError as error:
        raise BadInput("CAMPAIGN_ID", "unknown_campaign", str(error)) from error
    return Answer({"closed": arguments.id}, f"closed: {arguments.id}")


def list_campaigns(arguments: Namespace) -> Answer:
    """All campaigns with their codes."""
    with opened(arguments) as songda, songda.database.read() as connection:
        rows = campaigns.listed(connection, authority_of(connection, arguments))
        today = day_of(legal_time(connection)).isoformat()
    value = [
        {"id": row["id"], "code": row["code"], "ends_on": row["ends_on"], "open": campaigns.is_open(row, today)}
        for row in rows
    ]
    lines = [
        f"{row['id']}  {row['code']}  until {row['ends_on']}  {'open' if row['open'] else 'closed'}" for row in value
    ]
    return Answer(value, "\n".join(lines) or "no campaign")
