"""`songda seal` and `songda series`: what documents are sealed with, and how they are numbered."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import sqlalchemy as sa

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import (
    add_authority_option,
    add_reason_option,
    add_secret_options,
    ask,
    authority_of,
    opened,
    operator,
)
from pipeline.installation import SealPlan, add_secret, check_seal_key
from records import directory, series
from records.database import is_test
from signing.certificates import TrustList
from signing.keys import load_key


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare one of the commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", parents=[common])
    add_authority_option(add)
    if name == "seal":
        add_seal_options(add)
        add_secret_options(add)
        add.set_defaults(run=add_seal)
        stop = actions.add_parser("stop", help="it seals nothing more, from now on", parents=[common])
        stop.add_argument("seal", metavar="SEAL_ID")
        add_reason_option(stop)
        stop.set_defaults(run=stop_seal)
    else:
        add.add_argument("kind", metavar="KIND", help="what manifests name, e.g. penalty-decision")
        add.add_argument("--year", type=int, required=True)
        add.add_argument("--zh", required=True, metavar="PATTERN", help="with {year} and {n}")
        add.add_argument("--en", required=True, metavar="PATTERN", help="with {year} and {n}")
        add.add_argument("--first", type=int, default=1, help="the first number to give (default: 1)")
        add.set_defaults(run=add_series)
        advance = actions.add_parser("advance", help="go on with a higher number, never a lower one", parents=[common])
        advance.add_argument("kind", metavar="KIND")
        advance.add_argument("--year", type=int, required=True)
        advance.add_argument("--to", type=int, required=True, metavar="N", help="the next number to give")
        advance.add_argument("--reason", required=True, metavar="TEXT", help="kept in the ledger")
        add_authority_option(advance)
        advance.set_defaults(run=advance_series)


def add_seal_options(parser: ArgumentParser) -> None:
    """What a seal is made of."""
    parser.add_argument("--key", required=True, metavar="URI", help="pkcs12:PATH, or a PKCS#11 URI with module-path")
    parser.add_argument("--ring-text", required=True, help="along the edge: the authority's name")
    parser.add_argument("--second-line", required=True, help="e.g. 行政执法专用章")
    parser.add_argument("--diameter", type=float, default=42.0, metavar="MM", help="default: 42")


def add_seal(arguments: Namespace) -> Answer:
    """Register another seal, which is used from now on; its secret goes into songda.toml."""
    secret = ask(arguments, f"Secret of {arguments.key}")
    plan = SealPlan(arguments.ring_text, arguments.second_line, arguments.diameter, arguments.key, secret)
    warnings: tuple[str, ...] = ()
    marked = False
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            test = is_test(connection)
        if test:
            marked = load_key(plan.key_uri, plan.secret).test
        else:
            trust = TrustList.load(Path(songda.settings.trust_list), test_system=False)
            warnings = check_seal_key(plan, trust)
        with songda.database.write() as connection:
            seal_id = directory.create_seal(
                connection,
                authority_of(connection, arguments),
                ring_text=plan.ring_text,
                second_line=plan.second_line,
                key_uri=plan.key_uri,
                test=marked,
                diameter_mm=plan.diameter_mm,
            )
            add_secret(songda.settings.home / "songda.toml", seal_id, secret)
    text = [f"{seal_id}{' TEST' if marked else ''}; restart the workers: they read the new secret at their start"]
    return Answer(
        {"seal_id": seal_id, "test": marked, "warnings": list(warnings)},
        "\n".join([*text, *(f"WARNING: {warning}" for warning in warnings)]),
    )


def stop_seal(arguments: Namespace) -> Answer:
    """Stop a seal: it seals nothing more, also not what was accepted before."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            left = directory.stop_seal(connection, arguments.seal, operator(), arguments.reason)
    except LookupError as error:
        raise BadInput("SEAL_ID", "unknown_seal", str(error)) from error
    text = f"stopped: {arguments.seal}"
    if not left:
        text += "\nWARNING: the authority has no active seal left; register one by songda seal add"
    return Answer({"stopped": arguments.seal, "active_seals": left}, text)


def add_series(arguments: Namespace) -> Answer:
    """Create a series."""
    if arguments.first < 1:
        raise BadInput("--first", "out_of_range", "numbers begin with 1")
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            series_id = series.create(
                connection,
                authority_of(connection, arguments),
                arguments.kind,
                arguments.year,
                arguments.zh,
                arguments.en,
                first=arguments.first,
            )
    except ValueError as error:
        raise BadInput("--zh", "pattern", str(error)) from error
    except sa.exc.IntegrityError as error:
        message = f"there is a series {arguments.kind!r} of {arguments.year} already"
        raise BadInput("KIND", "taken", message) from error
    return Answer({"series_id": series_id}, series_id)


def advance_series(arguments: Namespace) -> Answer:
    """Move a series forward, beyond numbers that were used elsewhere or before the database was restored."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            authority_id = authority_of(connection, arguments)
            asked = (arguments.kind, arguments.year, arguments.to)
            series.advance(connection, authority_id, *asked, operator(), arguments.reason)
    except series.UnknownSeries as error:
        raise BadInput("KIND", "unknown_series", str(error)) from error
    except series.NotForward as error:
        raise BadInput("--to", "not_forward", str(error)) from error
    value = {"kind": arguments.kind, "year": arguments.year, "next": arguments.to}
    return Answer(value, f"{arguments.kind} {arguments.year} goes on with {arguments.to}")
