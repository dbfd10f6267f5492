"""`songda seal`: what documents are sealed with."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from pipeline.cli import compromises
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
from records import directory
from records.database import is_test
from signing.certificates import TrustList
from signing.keys import load_key


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", parents=[common])
    add_authority_option(add)
    add_seal_options(add)
    add_secret_options(add)
    add.set_defaults(run=add_seal)
    stop = actions.add_parser("stop", help="it seals nothing more, from now on", parents=[common])
    stop.add_argument("seal", metavar="SEAL_ID")
    add_reason_option(stop)
    stop.set_defaults(run=stop_seal)
    compromises.declare_actions(actions, common)


def add_seal_options(parser: ArgumentParser) -> None:
    """What a seal is made of."""
    parser.add_argument(
        "--key", required=True, metavar="URI", help="pkcs12:PATH, a PKCS#11 URI with module-path, or csc:https://…"
    )
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
            with closing(load_key(plan.key_uri, plan.secret)) as key:
                marked = key.test
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
    text = [f"{seal_id}{' TEST' if marked else ''}"]
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
