"""`songda seal`: the register of seals, who may approve their use, and standing approvals."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from delivery.beijing import BEIJING, end_of
from pipeline.cli import compromises, seal_grants
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
from pipeline.installation import SealPlan, add_secret, check_seal_key, key_of, register_seal
from records import access, electronic_seals, seals
from records.database import is_test
from signing.certificates import TrustList
from signing.pictures import check_picture


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", help="register a seal, which is used from now on", parents=[common])
    add_authority_option(add)
    add_seal_options(add)
    add_secret_options(add)
    add.set_defaults(run=add_seal)
    shown = actions.add_parser("list", help="every seal with its approvers", parents=[common])
    shown.set_defaults(run=list_seals)
    stop = actions.add_parser("stop", help="it seals nothing more, from now on", parents=[common])
    stop.add_argument("seal", metavar="SEAL_ID")
    add_reason_option(stop)
    stop.set_defaults(run=stop_seal)
    compromises.declare_actions(actions, common)
    _declare_approvers(actions.add_parser("approver", help="who may approve its use: add, end"), common)
    seal_grants.declare(actions.add_parser("grant", help="standing approvals: add, revoke, list"), common)
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


def _declare_approvers(parser: ArgumentParser, common: ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", parents=[common])
    add.add_argument("seal", metavar="SEAL_ID")
    add.add_argument("login", metavar="LOGIN")
    add_office_options(add, required=True)
    add.add_argument("--from", dest="first", type=_day, metavar="YYYY-MM-DD", help="default: now")
    add.add_argument("--until", dest="last", type=_day, metavar="YYYY-MM-DD", help="the last day; default: none")
    add.set_defaults(run=add_approver)
    end = actions.add_parser("end", help="no approval and no grant of theirs counts from now on", parents=[common])
    end.add_argument("approver", metavar="APPROVER_ID")
    add_reason_option(end)
    end.set_defaults(run=end_approver)


def add_office_options(parser: ArgumentParser, *, required: bool) -> None:
    """In which office, and by which rule, somebody approves uses of a seal."""
    parser.add_argument("--role-zh", required=required, default="", metavar="TEXT", help="the approver's office")
    parser.add_argument("--role-en", required=required, default="", metavar="TEXT", help="the same in English")
    parser.add_argument("--rule", required=required, default="", metavar="TEXT", help="the rule that entitles them")


def add_seal_options(parser: ArgumentParser) -> None:
    """What a seal is made of."""
    parser.add_argument(
        "--key", required=True, metavar="URI", help="pkcs12:PATH, a PKCS#11 URI with module-path, or csc:https://…"
    )
    parser.add_argument("--ring-text", required=True, help="along the edge: the authority's name")
    parser.add_argument("--second-line", required=True, help="e.g. 行政执法专用章")
    parser.add_argument("--diameter", type=float, default=42.0, metavar="MM", help="default: 42")
    parser.add_argument("--kind", choices=seals.KINDS, default=seals.ENFORCEMENT, help="default: enforcement")
    parser.add_argument("--seal-name", default="", metavar="TEXT", help="default: what stands on it")
    parser.add_argument("--issuer", default="", metavar="TEXT", help="who issued the seal (发印机关)")
    parser.add_argument("--valid-from", type=_day, metavar="YYYY-MM-DD", help="first day; default: now")
    parser.add_argument("--valid-until", type=_day, metavar="YYYY-MM-DD", help="last day; default: none")
    parser.add_argument("--picture", metavar="FILE.pdf", help="a square one-page PDF in place of the drawing")
    parser.add_argument("--picture-width", type=float, metavar="MM", help="with --picture: its width on paper")


def _day(text: str) -> date:
    return date.fromisoformat(text)


def start_of(day: date | None) -> datetime | None:
    """The first moment of a day in Beijing."""
    return datetime.combine(day, time(), BEIJING) if day else None


def plan_of(arguments: Namespace, secret: str) -> SealPlan:
    """The seal that the options describe. Raises BadInput, Refused for a picture that cannot be used."""
    if bool(arguments.picture) != bool(arguments.picture_width):
        raise BadInput("--picture-width", "picture", "a picture and its width in millimetres belong together")
    if arguments.valid_from and arguments.valid_until and arguments.valid_until < arguments.valid_from:
        raise BadInput("--valid-until", "order", "the last day is before the first")
    picture = read_file(arguments.picture) if arguments.picture else None
    if picture is not None:
        check_picture(picture)
    return SealPlan(
        ring_text=arguments.ring_text,
        second_line=arguments.second_line,
        diameter_mm=arguments.diameter,
        key_uri=arguments.key,
        secret=secret,
        kind=arguments.kind,
        name=arguments.seal_name,
        issuer=arguments.issuer,
        valid_from=start_of(arguments.valid_from),
        valid_until=end_of(arguments.valid_until) if arguments.valid_until else None,
        picture=picture,
        picture_width_mm=arguments.picture_width,
    )


def add_seal(arguments: Namespace) -> Answer:
    """Register another seal; its secret goes into songda.toml. Until it has an approver, nobody can allow its use."""
    plan = plan_of(arguments, ask(arguments, f"Secret of {arguments.key}"))
    warnings: tuple[str, ...] = ()
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            test = is_test(connection)
        if test:
            key = key_of(plan)
        else:
            key, warnings = check_seal_key(plan, TrustList.load(Path(songda.settings.trust_list), test_system=False))
        with songda.database.write() as connection:
            seal_id = register_seal(
                connection, songda.store, authority_of(connection, arguments), plan, key, by=operator()
            )
            add_secret(songda.settings.home / "songda.toml", seal_id, plan.secret)
    text = [f"{seal_id}{' TEST' if key.test else ''}"]
    text += [
        f"nobody may approve its use yet: songda seal approver add {seal_id} LOGIN --role-zh … --role-en … --rule …"
    ]
    return Answer(
        {"seal_id": seal_id, "test": key.test, "warnings": list(warnings)},
        "\n".join([*text, *(f"WARNING: {warning}" for warning in warnings)]),
    )


def stop_seal(arguments: Namespace) -> Answer:
    """Stop a seal: it seals nothing more, also not what was accepted or approved before."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            left = seals.stop(connection, arguments.seal, operator(), arguments.reason)
    except LookupError as error:
        raise BadInput("SEAL_ID", "unknown_seal", str(error)) from error
    text = f"stopped: {arguments.seal}"
    if not left:
        text += "\nWARNING: the authority has no active seal left; register one by songda seal add"
    return Answer({"stopped": arguments.seal, "active_seals": left}, text)


def list_seals(arguments: Namespace) -> Answer:
    """Every seal with its approvers."""
    with opened(arguments) as songda, songda.database.read() as connection:
        value = [_told(connection, row) for row in seals.listed(connection)]
    lines = []
    for each in value:
        lines.append(f"{each['id']} {each['kind']} {each['state']}{' TEST' if each['test'] else ''} {each['name']}")
        term = f"{each['valid_from']} to {each['valid_until'] or '…'}"
        lines += [f"  issued by {each['issuer'] or '(not recorded)'}; {term}"]
        lines += [
            f"  approver {one['id']} {one['login']} {one['name']}, {one['role_zh']} ({one['rule']})"
            f"{'' if one['in_force'] else ' – not in force'}"
            for one in each["approvers"]
        ] or ["  no approver: nobody can allow its use"]
    return Answer({"seals": value}, "\n".join(lines) or "no seal is registered")


def _told(connection: sa.Connection, row: sa.RowMapping) -> dict[str, Any]:
    plain = ("id", "authority_id", "name", "issuer", "kind", "ring_text", "second_line", "diameter_mm", "certificate")
    office = ("id", "person_id", "login", "name", "role_zh", "role_en", "rule", "in_force")
    return {
        **{name: row[name] for name in (*plain, "picture_digest", "picture_width_mm", "state", "stop_reason", "test")},
        **{name: row[name] and row[name].isoformat() for name in ("valid_from", "valid_until", "stopped_at")},
        "approvers": [
            {name: each[name] for name in office}
            | {name: each[name] and each[name].isoformat() for name in ("valid_from", "valid_until")}
            for each in seals.approvers(connection, row["id"])
        ],
    }


def add_approver(arguments: Namespace) -> Answer:
    """Let a person approve uses of the seal."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            approver_id = seals.add_approver(
                connection,
                arguments.seal,
                person_id(connection, arguments.login),
                role_zh=arguments.role_zh,
                role_en=arguments.role_en,
                rule=arguments.rule,
                valid_from=start_of(arguments.first),
                valid_until=end_of(arguments.last) if arguments.last else None,
                by=operator(),
            )
    except LookupError as error:
        raise BadInput("SEAL_ID", "unknown", str(error)) from error
    return Answer({"approver_id": approver_id}, approver_id)


def person_id(connection: sa.Connection, login: str) -> str:
    """The active person who logs in so. Raises LookupError."""
    for each in access.credentials(connection, login):
        if isinstance(each.subject, access.Person):
            return each.subject.id
    raise LookupError(f"no person {login!r} may log in")


def end_approver(arguments: Namespace) -> Answer:
    """Let an approver's entry count no more."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            seals.end_approver(connection, arguments.approver, operator(), arguments.reason)
    except LookupError as error:
        raise BadInput("APPROVER_ID", "unknown_approver", str(error)) from error
    return Answer({"ended": arguments.approver}, f"ended: {arguments.approver}")


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
        authority_id = seals.find(connection, arguments.seal)["authority_id"]
        ended = electronic_seals.take_off(connection, authority_id, arguments.seal, operator())
    text = f"off: {ended}" if ended else f"{arguments.seal} has no electronic seal"
    return Answer({"seal": arguments.seal, "off": ended}, text)


def _register(songda: Songda, arguments: Namespace) -> Answer:
    with songda.database.read() as connection:
        seal = seals.find(connection, arguments.seal)
    secret = ask(arguments, f"Passphrase of {arguments.key}")
    content = read_file(arguments.file)
    ready = read_electronic_seal(content, arguments.key, secret, Path(arguments.certificate))
    songda.cabinet.electronic.check(ready)
    with songda.database.write() as connection:
        electronic_id = enter(connection, songda.store, seal, operator(), ready, arguments.key)
        add_secret(songda.settings.home / "songda.toml", electronic_id, secret)
    answer = {"electronic_seal_id": electronic_id, "seal": seal["id"], "test": ready.test}
    return Answer(answer, f"{electronic_id}{' TEST' if ready.test else ''}")
