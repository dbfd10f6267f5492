"""`songda counterparty`, `contact`, `account`, `letter`: who is served, where, and whether electronically."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.offices import offices
from delivery.scans import check_scan
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import (
    add_authority_option,
    add_secret_options,
    ask_new_password,
    authority_of,
    declare_log_in,
    opened,
    operator,
    read_file,
)
from records import access, directory, documents
from records.database import legal_time
from records.errors import Fault
from templates.identifiers import check_credit_code, check_email, check_mobile

_KINDS = ("legal_person", "other_organisation", "foreign_entity", "natural_person", "outside_body")


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare one of the commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    if name == "letter":
        _declare_letter(actions.add_parser("file", help="file a signed letter", parents=[common]))
        withdraw = actions.add_parser("withdraw", help="consent is withdrawn from now on", parents=[common])
        withdraw.add_argument("letter", metavar="LETTER_ID")
        withdraw.set_defaults(run=withdraw_letter)
        return
    add = actions.add_parser("add", parents=[common])
    add_authority_option(add)
    if name == "counterparty":
        add.add_argument("id", metavar="ID", help="what jobs name it by")
        add.add_argument("--kind", required=True, choices=_KINDS)
        for option in ("--name-zh", "--name-en", "--address-zh", "--address-en"):
            add.add_argument(option, required=True)
        add.add_argument("--credit-code", help="统一社会信用代码")
        add.add_argument(
            "--office", choices=sorted(offices().all), metavar="ID", help="the responsible one, of offices.toml"
        )
        add.set_defaults(run=add_counterparty)
        return
    add.add_argument("counterparty", metavar="COUNTERPARTY")
    add.add_argument("--department", required=True)
    if name == "contact":
        add.add_argument("--name", required=True)
        add.add_argument("--mobile")
        add.add_argument("--email")
        add.set_defaults(run=add_contact)
    else:
        add.add_argument("--login", required=True, help="without Chinese characters (rule R3)")
        add_secret_options(add)
        add.set_defaults(run=add_account)
        declare_log_in(actions, common, stop_account, change_password)


def _declare_letter(file: ArgumentParser) -> None:
    add_authority_option(file)
    file.add_argument("counterparty", metavar="COUNTERPARTY")
    file.add_argument("--signed-on", required=True, metavar="YYYY-MM-DD", type=date.fromisoformat)
    file.add_argument(
        "--letter-version", default="2018", help="text of the letter (default: 2018, 局发明电〔2018〕2057号)"
    )
    file.add_argument("--system-name", help="as the letter names it; default: this system's")
    file.add_argument("--system-address", help="as the letter names it; default: this system's")
    file.add_argument("--scan", metavar="FILE", help="the signed paper")
    file.set_defaults(run=file_letter)


def _known(connection: sa.Connection, arguments: Namespace) -> str:
    """The authority; the counterparty must stand in its register. Raises BadInput."""
    authority_id = authority_of(connection, arguments)
    if directory.find_counterparty(connection, authority_id, arguments.counterparty) is None:
        message = f"{arguments.counterparty!r} is not in the register of {authority_id}"
        raise BadInput("COUNTERPARTY", "unknown_counterparty", message)
    return authority_id


def _check(option: str, fault: Fault | None) -> None:
    if fault is not None:
        raise BadInput(option, fault.code, fault.message_en)


def add_counterparty(arguments: Namespace) -> Answer:
    """Enter a counterparty into the register."""
    if arguments.credit_code:
        _check("--credit-code", check_credit_code(arguments.credit_code))
    elif arguments.kind == "legal_person":
        raise BadInput("--credit-code", "missing", "a legal person has a credit code (统一社会信用代码)")
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            directory.create_counterparty(
                connection,
                authority_of(connection, arguments),
                arguments.id,
                kind=arguments.kind,
                name_zh=arguments.name_zh,
                name_en=arguments.name_en,
                address_zh=arguments.address_zh,
                address_en=arguments.address_en,
                credit_code=arguments.credit_code,
                office=arguments.office,
                by=operator(),
            )
    except sa.exc.IntegrityError as error:
        raise BadInput("ID", "taken", "this identifier or this credit code is in the register already") from error
    return Answer({"counterparty": arguments.id}, arguments.id)


def add_contact(arguments: Namespace) -> Answer:
    """Add a contact person, who gets reminders."""
    if not arguments.mobile and not arguments.email:
        raise BadInput("--email", "missing", "a contact needs an e-mail address or a mobile number")
    if arguments.mobile:
        _check("--mobile", check_mobile(arguments.mobile))
    if arguments.email:
        _check("--email", check_email(arguments.email))
    with opened(arguments) as songda, songda.database.write() as connection:
        contact_id = directory.add_contact(
            connection,
            _known(connection, arguments),
            arguments.counterparty,
            name=arguments.name,
            department=arguments.department,
            mobile=arguments.mobile,
            email=arguments.email,
        )
    return Answer({"contact_id": contact_id}, contact_id)


def add_account(arguments: Namespace) -> Answer:
    """Add an approved log-in account."""
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = _known(connection, arguments)
        password_hash = ask_new_password(arguments, arguments.login)
        try:
            with songda.database.write() as connection:
                account_id = directory.add_account(
                    connection,
                    authority_id,
                    arguments.counterparty,
                    login=arguments.login,
                    department=arguments.department,
                    password_hash=password_hash,
                    by=operator(),
                )
        except ValueError as error:
            raise BadInput("--login", "login", str(error)) from error
        except sa.exc.IntegrityError as error:
            raise BadInput("--login", "taken", f"the login {arguments.login!r} is taken") from error
    return Answer({"account_id": account_id}, account_id)


def stop_account(arguments: Namespace) -> Answer:
    """Stop an account; its sessions end."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            row = access.stop_account(connection, arguments.login, operator(), arguments.reason)
            left = directory.has_approved_account(connection, row["authority_id"], row["counterparty_id"])
    except LookupError as error:
        raise BadInput("LOGIN", "unknown_account", str(error)) from error
    text = f"stopped: {arguments.login}"
    if not left:
        text += f"\nWARNING: {row['counterparty_id']} has no account left and is served on paper from now on"
    return Answer({"stopped": row["id"], "counterparty": row["counterparty_id"], "accounts_left": left}, text)


def change_password(arguments: Namespace) -> Answer:
    """Give an account another password; its sessions end."""
    with opened(arguments) as songda:
        password_hash = ask_new_password(arguments, arguments.login)
        try:
            with songda.database.write() as connection:
                access.change_account_password(connection, arguments.login, password_hash, operator())
        except LookupError as error:
            raise BadInput("LOGIN", "unknown_account", str(error)) from error
        except access.Stopped as error:
            raise BadInput("LOGIN", "stopped", str(error)) from error
    return Answer({"password_changed": arguments.login}, f"changed: the password of {arguments.login}")


def file_letter(arguments: Namespace) -> Answer:
    """File a signed confirmation letter; it is in force from now on."""
    with opened(arguments) as songda:
        scan = read_file(arguments.scan) if arguments.scan else None
        media_type = check_scan(scan, "--scan").media_type if scan else ""
        with songda.database.write() as connection:
            authority_id, now = _known(connection, arguments), legal_time(connection)
            name, address = _system(connection, authority_id, arguments)
            if arguments.signed_on > day_of(now):
                raise BadInput("--signed-on", "future", "the letter cannot have been signed after today")
            digest = songda.store.put(scan) if scan else None
            if scan and digest:
                documents.record_artifact(connection, digest, len(scan), media_type)
            letter_id = directory.file_letter(
                connection,
                authority_id,
                arguments.counterparty,
                letter_version=arguments.letter_version,
                system_name=name,
                system_address=address,
                signed_on=arguments.signed_on.isoformat(),
                in_force_from=now,
                scan_digest=digest,
                by=operator(),
            )
    return Answer({"letter_id": letter_id, "in_force_from": now.isoformat()}, letter_id)


def _system(connection: sa.Connection, authority_id: str, arguments: Namespace) -> tuple[str, str]:
    """Name and address of the system that the letter names. Raises BadInput."""
    if arguments.system_name and arguments.system_address:
        return arguments.system_name, arguments.system_address
    found = directory.authority_facts(connection, authority_id)
    if found is None:
        message = "the authority's own facts are not approved yet; name the system by both options"
        raise BadInput("--system-name", "no_facts", message)
    system = found[1]["system"]
    return arguments.system_name or system["name"]["zh"], arguments.system_address or system["address"]


def withdraw_letter(arguments: Namespace) -> Answer:
    """Withdraw: stops electronic service, not what was sent before."""
    with opened(arguments) as songda:
        try:
            with songda.database.write() as connection:
                now = legal_time(connection)
                directory.withdraw_letter(connection, arguments.letter, now, operator())
        except sa.exc.NoResultFound as error:
            raise BadInput("LETTER_ID", "unknown_letter", f"no letter {arguments.letter}") from error
    return Answer({"letter_id": arguments.letter, "withdrawn_at": now.isoformat()}, f"withdrawn: {arguments.letter}")
