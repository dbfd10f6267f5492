"""`songda client`, `key`, `person`: case systems with their API keys, and the people of the authority."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

import sqlalchemy as sa

from delivery import recovery
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import (
    add_authority_option,
    add_secret_options,
    ask_new_password,
    authority_of,
    declare_log_in,
    log_in,
    opened,
    operator,
)
from records import access, api_keys, roles, second_factors
from records.tables import ROLES

_SCOPES = f"may be repeated; default: {', '.join(api_keys.SCOPES)}"


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:
    """Declare one of the commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    add = actions.add_parser("add", parents=[common])
    if name == "client":
        add.add_argument("name", metavar="NAME", help="what the case system is called")
        add_authority_option(add)
        add.set_defaults(run=add_client)
    elif name == "key":
        add.add_argument("client", metavar="CLIENT_ID")
        add.add_argument("--scope", action="append", choices=(*api_keys.SCOPES, api_keys.SCANS), help=_SCOPES)
        add.set_defaults(run=add_key)
        revoke = actions.add_parser("revoke", parents=[common])
        revoke.add_argument("prefix", metavar="PREFIX", help="the middle part of sgd_PREFIX_…")
        revoke.set_defaults(run=revoke_key)
    else:
        add.add_argument("--login", required=True)
        add.add_argument("--name", required=True)
        add.add_argument("--role", required=True, action="append", choices=ROLES, help="again for more")
        add.add_argument(
            "--by", required=True, metavar="LOGIN", help="the administrator who adds; the password is asked"
        )
        add_authority_option(add)
        add_secret_options(add)
        add.set_defaults(run=add_person)
        _declare_roles(actions.add_parser("role", help="give, take"), common)
        shown = actions.add_parser("list", help="everybody, with roles", parents=[common])
        add_authority_option(shown)
        shown.set_defaults(run=list_people)
        declare_log_in(actions, common, stop_person, change_password)
        forget = actions.add_parser("forget-factor", help="take the app or the passkeys off a log-in", parents=[common])
        forget.add_argument("login", metavar="LOGIN")
        forget.add_argument("--only", choices=recovery.WHAT[1:], help="default: app and passkeys")
        forget.add_argument("--reason", required=True, metavar="TEXT", help="how it was checked; kept in the ledger")
        forget.set_defaults(run=forget_factor)


def _declare_roles(parser: ArgumentParser, common: ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    for name, run in (("give", give_role), ("take", take_role)):
        action = actions.add_parser(name, help=f"{name} a role; it counts at once", parents=[common])
        action.add_argument("login", metavar="LOGIN")
        action.add_argument("role", metavar="ROLE", choices=ROLES, help=", ".join(ROLES))
        action.add_argument("--by", required=True, metavar="LOGIN", help="the administrator; the password is asked")
        action.add_argument("--reason", required=True, metavar="TEXT", help="kept in the ledger")
        add_secret_options(action)
        action.set_defaults(run=run)


def add_client(arguments: Namespace) -> Answer:
    """Enter a case system."""
    with opened(arguments) as songda, songda.database.write() as connection:
        client_id = api_keys.create_client(
            connection, authority_of(connection, arguments), arguments.name, by=operator()
        )
    return Answer({"client_id": client_id}, client_id)


def add_key(arguments: Namespace) -> Answer:
    """Issue a key and show it, once."""
    with opened(arguments) as songda, songda.database.write() as connection:
        try:
            key = api_keys.issue(connection, arguments.client, arguments.scope or api_keys.SCOPES, by=operator())
        except LookupError as error:
            raise BadInput("CLIENT_ID", "unknown_client", str(error)) from error
    return Answer({"api_key": key}, f"{key}\nIt is shown this once and cannot be read again.")


def revoke_key(arguments: Namespace) -> Answer:
    """Revoke a key."""
    prefix = arguments.prefix.removeprefix("sgd_").split("_")[0]
    with opened(arguments) as songda, songda.database.write() as connection:
        if not api_keys.revoke(connection, prefix, by=operator()):
            raise BadInput("PREFIX", "unknown_key", f"no key {prefix} is in force")
    return Answer({"revoked": prefix}, f"revoked: {prefix}")


def add_person(arguments: Namespace) -> Answer:
    """Add somebody of the authority, by an administrator."""
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = authority_of(connection, arguments)
        by = log_in(songda, arguments, authority_id)
        password_hash = ask_new_password(arguments, arguments.login)
        try:
            with songda.database.write() as connection:
                person_id = access.add_person(
                    connection,
                    authority_id,
                    login=arguments.login,
                    name=arguments.name,
                    roles=set(arguments.role),
                    password_hash=password_hash,
                    by=by.id,
                )
        except sa.exc.IntegrityError as error:
            raise BadInput("--login", "taken", f"the login {arguments.login!r} is taken") from error
    return Answer({"person_id": person_id}, person_id)


def stop_person(arguments: Namespace) -> Answer:
    """Stop somebody of the authority; the sessions end."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            row = access.stop_person(connection, arguments.login, operator(), arguments.reason)
    except LookupError as error:
        raise BadInput("LOGIN", "unknown_person", str(error)) from error
    except roles.LastAdministrator as error:
        raise _last_administrator(error) from error
    return Answer({"stopped": row["id"]}, f"stopped: {arguments.login}")


def _last_administrator(error: roles.LastAdministrator) -> BadInput:
    message = f"{error}: add another one first, by songda person add"
    return BadInput("LOGIN", "last_administrator", message)


def give_role(arguments: Namespace) -> Answer:
    """Give a role, by an administrator."""
    return _change_role(arguments, roles.give, "given")


def take_role(arguments: Namespace) -> Answer:
    """Take a role, by an administrator."""
    return _change_role(arguments, roles.take, "taken")


def _change_role(arguments: Namespace, change: Callable[..., None], done: str) -> Answer:
    if not arguments.reason.strip():
        raise BadInput("--reason", "missing", "a reason is needed")
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            row = _person_row(connection, arguments.login)
        by = log_in(songda, arguments, row["authority_id"])
        try:
            with songda.database.write() as connection:
                change(connection, row, arguments.role, by.id, arguments.reason.strip())
                left = roles.held(roles.history(connection, [row["id"]])[row["id"]])
        except roles.NoChange as error:
            raise BadInput("ROLE", "no_change", str(error)) from error
        except roles.LastAdministrator as error:
            raise _last_administrator(error) from error
    return Answer({"login": arguments.login, "roles": left}, f"{done}: {arguments.role}; now {', '.join(left) or '-'}")


def _person_row(connection: sa.Connection, login: str) -> sa.RowMapping:
    try:
        return access.person_row(connection, login)
    except LookupError as error:
        raise BadInput("LOGIN", "unknown_person", str(error)) from error


def list_people(arguments: Namespace) -> Answer:
    """Everybody of the authority, stopped or not, with the roles."""
    with opened(arguments) as songda, songda.database.read() as connection:
        rows = roles.people(connection, authority_of(connection, arguments))
        past = roles.history(connection, [row["id"] for row in rows])
    people = [
        {
            "id": row["id"],
            "login": row["login"],
            "name": row["name"],
            "active": row["active"],
            "roles": roles.held(past[row["id"]]),
        }
        for row in rows
    ]
    text = [
        f"{each['login']}  {each['name']}  {', '.join(each['roles']) or '-'}{'' if each['active'] else '  (stopped)'}"
        for each in people
    ]
    return Answer({"people": people}, "\n".join(text))


def forget_factor(arguments: Namespace) -> Answer:
    """Let somebody who lost a device log in without; the sessions end."""
    with opened(arguments) as songda, songda.database.write() as connection:
        subject = second_factors.subject_of(connection, None, arguments.login)
        if subject is None:
            raise BadInput("LOGIN", "unknown_login", f"nobody has the login {arguments.login!r}")
        taken = recovery.forget(connection, subject, arguments.only or "all", operator(), arguments.reason)
    text = f"removed: {arguments.login}" if taken else f"{arguments.login} had no such second factor"
    return Answer({"login": arguments.login, "removed": bool(taken)}, text)


def change_password(arguments: Namespace) -> Answer:
    """Give a person another password; the sessions end."""
    with opened(arguments) as songda:
        password_hash = ask_new_password(arguments, arguments.login)
        try:
            with songda.database.write() as connection:
                access.change_person_password(connection, arguments.login, password_hash, operator())
        except LookupError as error:
            raise BadInput("LOGIN", "unknown_person", str(error)) from error
        except access.Stopped as error:
            raise BadInput("LOGIN", "stopped", str(error)) from error
    return Answer({"password_changed": arguments.login}, f"changed: the password of {arguments.login}")
