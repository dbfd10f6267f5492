"""The command line, `songda`.

Exit 0: done; 1: not valid; 2: bad input, with `{"error": {"code", "field", "message"}}`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from pipeline.cli.answers import Answer, BadInput, error_value, usage_error
from pipeline.settings import BadSetting
from records.errors import Permanent, Refused, Retry

#: Command: (module, help). A module is imported only when one of its commands is called.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "service-date": ("service_dates", "the service date for the facts on standard input, as JSON"),
    "deadlines": ("deadlines", "the limits that run, for the facts on standard input, as JSON"),
    "render": ("render", "preview a document of a job, marked 样本 SPECIMEN and never sealed"),
    "preflight": ("preflight", "what intake would say of a job, with the law's warnings; stores nothing"),
    "verify": ("verify", "verify a sealed PDF"),
    "trust": ("trust", "the roots that are trusted, with source and date: list, add, remove"),
    "ledger": ("ledgers", "verify the ledger's chains"),
    "templates": ("templates", "list, check, preview"),
    "calendar": ("calendars", "import or show a year of working days"),
    "init": ("init", "set up a production system"),
    "authority": ("authorities", "propose and approve the authority's own facts"),
    "campaign": ("campaigns", "open, close or list campaigns of registration"),
    "counterparty": ("counterparties", "enter a counterparty"),
    "contact": ("counterparties", "add a contact person of a counterparty"),
    "account": ("counterparties", "add or stop a log-in account of a counterparty, change its password"),
    "letter": ("counterparties", "file or withdraw a confirmation letter"),
    "seal": ("seals", "register, list, stop; who may approve its use; standing approvals; report its key lost"),
    "series": ("numbers", "number series: create, open a year, move forward; list numbers and voids"),
    "documents": ("documents", "make a numbered document void, print the copies of a released one"),
    "paper": ("paper", "enter paper receipts from a table, all or none"),
    "volume": ("volumes", "the sealed volume of a case; --add puts a file into the case first"),
    "archive": ("archives", "until when sealed files are provable; renew them now"),
    "client": ("access", "enter a case system"),
    "key": ("access", "issue or revoke an API key"),
    "person": ("access", "add or stop somebody of the authority, give or take a role, change the password"),
    "mail": ("reports", "take what a mail system reported of a mail (a bounce) on standard input"),
    "sms": ("reports", "take what an SMS gateway reported, as JSON on standard input; addresses for its reports"),
    "steps": ("steps", "list steps, repeat dead ones"),
    "status": ("status", "how the installation stands: documents, steps, reminders, seals, series"),
    "bench": ("bench", "measure, and print ratios"),
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are answers like all others."""

    def error(self, message: str) -> NoReturn:
        """Raise BadInput."""
        raise BadInput("", "usage", f"{message} (try {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. Results and errors go to standard output with `--json`."""
    words = list(sys.argv[1:] if argv is None else argv)
    common = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--home", metavar="DIR", help="home of the installation (else SONGDA_HOME, else var/songda)")
    common.add_argument("--json", action="store_true", help="print the result, or the error, as JSON")
    _, rest = common.parse_known_args(words)
    try:
        answer = _run(words, rest, common)
    except (BadInput, Refused, Permanent, Retry, BadSetting, OSError) as error:
        answer = usage_error(error)
    except Exception as error:  # an error of ours must not look like the verdict "not valid", which is exit 1
        traceback.print_exc()
        answer = usage_error(error)
    _print(answer, as_json="--json" in words or rest[:1] in (["service-date"], ["deadlines"]))
    return answer.code


def _run(words: list[str], rest: list[str], common: Parser) -> Answer:
    if rest[:1] == ["bench"]:  # it has options of its own
        return importlib.import_module("pipeline.cli.bench").run(rest[1:])  # type: ignore[no-any-return]
    parser = Parser(prog="songda", description="Songda 送达", parents=[common])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text, parents=[common])
        if rest[:1] == [name]:
            importlib.import_module(f"pipeline.cli.{module}").declare(name, command, common)
    arguments = parser.parse_args(words)
    answer: Answer = arguments.run(arguments)
    return answer


def _print(answer: Answer, *, as_json: bool) -> None:
    try:
        if as_json and answer.value is not None:
            print(json.dumps(answer.value, ensure_ascii=False, indent=2))
        elif answer.text:
            print(answer.text, file=sys.stderr if error_value(answer.value) else sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
