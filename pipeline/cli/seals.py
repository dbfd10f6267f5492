"""`songda seal`: what documents are sealed with."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import (
    add_authority_option,
    add_reason_option,
    add_secret_options,
    ask,
    authority_of,
    opened,
    operator,
    read_file,
)
from pipeline.composition import Songda
from pipeline.electronic_seals import enter, read_electronic_seal
from pipeline.installation import SealPlan, add_secret, check_seal_key
from records import directory, electronic_seals
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
    electronic = actions.add_parser(
        "electronic", help="the electronic seal (GB/T 38540) that is put on beside a seal", parents=[common]
    )
    electronic.add_argument("seal", metavar="SEAL_ID")
    electronic.add_argument("--file", metavar="SEAL.esl", help="the electronic seal (SESeal, DER)")
    electronic.add_argument("--key", metavar="URI", help="pkcs8:PATH: the signer's SM2 key, in an encrypted file")
    electronic.add_argument("--certificate", metavar="FILE", help="the signer's certificate (PEM or DER)")
    electronic.add_argument("--off", action="store_true", help="it is put on no more")
    add_secret_options(electronic)
    electronic.set_defaults(run=electronic_seal)


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


def electronic_seal(arguments: Namespace) -> Answer:
    """Register the electronic seal that goes with a seal, or take it off; its passphrase goes into songda.toml."""
    named = (arguments.file, arguments.key, arguments.certificate)
    if arguments.off == any(named) or not (arguments.off or all(named)):
        raise BadInput("--file", "usage", "either --file, --key and --certificate, or --off")
    try:
        with opened(arguments) as songda:
            return _take_off(songda, arguments) if arguments.off else _register(songda, arguments)
    except LookupError as error:
        raise BadInput("SEAL_ID", "unknown_seal", str(error)) from error


def _take_off(songda: Songda, arguments: Namespace) -> Answer:
    with songda.database.write() as connection:
        authority_id = directory.find_seal(connection, arguments.seal)["authority_id"]
        ended = electronic_seals.take_off(connection, authority_id, arguments.seal, operator())
    text = f"off: {ended}" if ended else f"{arguments.seal} has no electronic seal"
    return Answer({"seal": arguments.seal, "off": ended}, text)


def _register(songda: Songda, arguments: Namespace) -> Answer:
    with songda.database.read() as connection:
        seal = directory.find_seal(connection, arguments.seal)
    secret = ask(arguments, f"Passphrase of {arguments.key}")
    content = read_file(arguments.file)
    ready = read_electronic_seal(content, arguments.key, secret, Path(arguments.certificate))
    songda.cabinet.electronic.check(ready)
    with songda.database.write() as connection:
        electronic_id = enter(connection, songda.store, seal, operator(), ready, arguments.key)
        add_secret(songda.settings.home / "songda.toml", electronic_id, secret)
    text = (
        f"{electronic_id}{' TEST' if ready.test else ''}; restart the workers: they read the new secret at their start"
    )
    return Answer({"electronic_seal_id": electronic_id, "seal": seal["id"], "test": ready.test}, text)
