"""What commands read: files, standard input, secrets that never stand on a command line, the installation."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery import passwords
from pipeline import strict_json
from pipeline.cli.answers import Answer, BadInput
from pipeline.composition import Songda, open_songda
from pipeline.settings import Settings, load
from records import access
from records.access import Person
from records.roles import ADMINISTRATOR
from records.tables import authority

#: A file that is named on the command line is not read beyond this.
LARGEST: Final = 64 * 1024 * 1024


def settings_of(arguments: Namespace) -> Settings:
    """The settings of the installation that `--home` or the environment names."""
    home = getattr(arguments, "home", None)
    return load(Path(home) if home else None)


def is_installed(settings: Settings) -> bool:
    """Whether there is a database to ask."""
    url = sa.make_url(settings.database_url)
    return url.get_backend_name() != "sqlite" or bool(url.database and Path(url.database).exists())


@contextmanager
def opened(arguments: Namespace) -> Iterator[Songda]:
    """The installation, closed at the end. Raises BadInput when there is none or its database is not to be had."""
    settings = settings_of(arguments)
    if not is_installed(settings):
        message = f"no installation in {settings.home}: name it by --home or SONGDA_HOME, or make one by songda init"
        raise BadInput("--home", "not_installed", message)
    songda = open_songda(settings)
    try:
        yield songda
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        raise BadInput("--home", "database", f"the database cannot be used: {error.orig}") from error
    finally:
        songda.close()


def read_file(name: str, largest: int = LARGEST) -> bytes:
    """The bytes of a file, or of standard input for `-`. Raises BadInput when there are too many, OSError."""
    if name == "-":
        data = sys.stdin.buffer.read(largest + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(largest + 1)
    if len(data) > largest:
        raise BadInput(name, "too_large", f"{name} is larger than {largest} bytes")
    return data


def read_json(name: str, largest: int = 1024 * 1024) -> Any:
    """The JSON of a file. Raises Refused with every fault of form, BadInput, OSError."""
    return strict_json.parse(read_file(name, largest))


def add_secret_options(parser: ArgumentParser) -> None:
    """Options for a command that asks for passwords."""
    parser.add_argument(
        "--secrets-stdin",
        action="store_true",
        help="read what is asked for (passwords, the key's secret) from standard input, one a line, in the order asked",
    )


def ask(arguments: Namespace, what: str, *, again: bool = False) -> str:
    """A secret, typed unseen or read from standard input. Raises BadInput when there is none."""
    if arguments.secrets_stdin:
        secret = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise BadInput("--secrets-stdin", "secret_missing", f"{what} is asked for: there is no terminal")
    else:
        secret = getpass.getpass(f"{what}: ")
        if again and secret != getpass.getpass(f"{what}, again: "):
            raise BadInput(what, "secret_differs", "the two are not the same")
    if not secret:
        raise BadInput("--secrets-stdin", "secret_missing", f"{what} is missing")
    return secret


def ask_new_password(arguments: Namespace, whose: str) -> str:
    """The hash of a new password. Raises BadInput for one that is too short or too long."""
    try:
        return passwords.hash_password(ask(arguments, f"New password of {whose}", again=True))
    except ValueError as error:
        raise BadInput("password", "password", str(error)) from error


def authority_of(connection: sa.Connection, arguments: Namespace) -> str:
    """The authority that `--authority` names, or the only one there is. Raises BadInput."""
    known = list(connection.execute(sa.select(authority.c.id).order_by(authority.c.id)).scalars())
    wanted = arguments.authority
    if wanted is None and len(known) == 1:
        return str(known[0])
    if wanted not in known:
        raise BadInput("--authority", "unknown_authority", f"name one of: {', '.join(known) or 'there is none'}")
    return str(wanted)


def add_authority_option(parser: ArgumentParser) -> None:
    """`--authority`, for an installation with several."""
    parser.add_argument("--authority", metavar="ID", help="needed when the installation has several")


def log_in(songda: Songda, arguments: Namespace, authority_id: str) -> Person:
    """The administrator that `--by` names, after asking for the password. Raises BadInput."""
    password = ask(arguments, f"Password of {arguments.by}")
    with songda.database.read() as connection:
        found = [each for each in access.credentials(connection, arguments.by) if isinstance(each.subject, Person)]
    credential = found[0] if found else None
    right = passwords.matches(credential.password_hash if credential else None, password)
    person = credential.subject if credential and right else None
    if not isinstance(person, Person) or person.authority_id != authority_id or ADMINISTRATOR not in person.roles:
        raise BadInput("--by", "not_allowed", "no administrator of this authority with this login and password")
    if person.first_password:
        raise BadInput("--by", "first_password", "others know this password: log in at the desk and change it first")
    return person


def add_reason_option(parser: ArgumentParser) -> None:
    """`--reason`, which the ledger keeps."""
    parser.add_argument("--reason", default="", metavar="TEXT", help="kept in the ledger")


def declare_log_in(
    actions: Any, common: ArgumentParser, stop: Callable[[Namespace], Answer], password: Callable[[Namespace], Answer]
) -> None:
    """Declare `stop LOGIN` and `password LOGIN` for those who log in; `actions` are the subparsers of the command."""
    for name, run, text in (
        ("stop", stop, "no log-in any more; the sessions end"),
        ("password", password, "another password, which is asked for; the sessions end"),
    ):
        action = actions.add_parser(name, help=text, parents=[common])
        action.add_argument("login", metavar="LOGIN")
        action.set_defaults(run=run)
        if name == "stop":
            add_reason_option(action)
        else:
            add_secret_options(action)


def operator() -> str:
    """How the ledger names whoever works on this machine's command line."""
    return f"operator:{getpass.getuser()}"
