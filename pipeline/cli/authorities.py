"""`songda authority`: its own facts, changed by two people who both give their password."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import add_authority_option, add_secret_options, authority_of, log_in, opened, read_json
from records import directory
from records.errors import Fault, Refused
from templates.catalogue import check_authority


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    propose = actions.add_parser("propose", help="propose another record of the authority", parents=[common])
    propose.add_argument("file", metavar="FILE", help="JSON by templates/authority.json")
    propose.set_defaults(run=run_propose)
    approve = actions.add_parser("approve", help="approve what another administrator proposed", parents=[common])
    approve.add_argument("revision", type=int, metavar="REVISION")
    approve.set_defaults(run=run_approve)
    for action in (propose, approve):
        action.add_argument("--by", required=True, metavar="LOGIN", help="an administrator; the password is asked for")
        add_authority_option(action)
        add_secret_options(action)


def read_facts(name: str, authority_id: str) -> dict[str, Any]:
    """An authority's record from a file. Raises Refused with every fault."""
    facts = read_json(name)
    faults = check_authority(facts) if isinstance(facts, dict) else [Fault("", "type", "a JSON object is needed")]
    if not faults and facts["id"] != authority_id:
        faults = [Fault("/id", "other_authority", f"the file is about {facts['id']!r}, not about {authority_id!r}")]
    if faults:
        raise Refused(faults)
    return dict(facts)


def run_propose(arguments: Namespace) -> Answer:
    """Propose; it counts once a second person has approved it."""
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = authority_of(connection, arguments)
        facts = read_facts(arguments.file, authority_id)
        by = log_in(songda, arguments, authority_id)
        with songda.database.write() as connection:
            revision = directory.propose_facts(connection, authority_id, facts, by.id)
    text = f"revision {revision} is proposed; a second administrator approves it: songda authority approve {revision}"
    return Answer({"authority": authority_id, "revision": revision, "approved": False}, text)


def run_approve(arguments: Namespace) -> Answer:
    """Approve, by another person than who proposed."""
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = authority_of(connection, arguments)
        by = log_in(songda, arguments, authority_id)
        try:
            with songda.database.write() as connection:
                directory.approve_facts(connection, authority_id, arguments.revision, by.id)
        except directory.SelfApproval as error:
            raise BadInput("--by", "self_approval", str(error)) from error
        except LookupError as error:
            raise BadInput("REVISION", "unknown_revision", str(error)) from error
    text = f"revision {arguments.revision} counts from now on"
    return Answer({"authority": authority_id, "revision": arguments.revision, "approved": True}, text)
