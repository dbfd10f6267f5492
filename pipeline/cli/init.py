"""`songda init`: set up a production system, in one go or not at all."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.authorities import read_facts
from pipeline.cli.inputs import add_secret_options, ask, ask_new_password, settings_of
from pipeline.cli.seals import add_office_options, add_seal_options, plan_of
from pipeline.installation import Office, Plan, SeriesPlan, install
from records.roles import ADMINISTRATOR
from records.tables import ROLES


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.epilog = "Asks for the administrator's new password, then for the secret of the key."
    parser.add_argument("--authority", required=True, metavar="ID")
    parser.add_argument(
        "--facts", required=True, metavar="FILE", help="the authority's record, by templates/authority.json"
    )
    parser.add_argument("--admin", required=True, metavar="LOGIN", help="the first administrator")
    parser.add_argument("--admin-name", required=True, metavar="NAME")
    parser.add_argument(
        "--admin-role",
        action="append",
        default=[],
        choices=[each for each in ROLES if each != ADMINISTRATOR],
        help="a further role of the administrator, who acts in no case without; again for more",
    )
    add_seal_options(parser)
    add_office_options(parser, required=False)
    parser.add_argument(
        "--series",
        action="append",
        default=[],
        metavar="KIND=ZH|EN",
        help="e.g. 'penalty-decision=民航华北罚决〔{year}〕{n}号|CAAC-NC Penalty [{year}] No. {n}'; again for more",
    )
    parser.add_argument(
        "--root",
        action="append",
        required=True,
        type=Path,
        metavar="FILE",
        help="trusted root certificate; again for more",
    )
    parser.add_argument("--intermediate", action="append", default=[], type=Path, metavar="FILE")
    parser.add_argument(
        "--tsa", action="append", required=True, metavar="URL", help="time stamp authority; again for another"
    )
    parser.add_argument("--public-url", required=True, metavar="URL", help="what links in mails begin with")
    parser.add_argument("--database-url", metavar="URL", help="default: SQLite in the home folder")
    parser.add_argument("--redis-url", metavar="URL", help="default: none, messages stay inside each process")
    parser.add_argument("--store-url", metavar="URL", help="file:///… or s3://…; default: a folder in the home folder")
    add_secret_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Set up."""
    home = settings_of(arguments).home
    given = {
        "public_url": arguments.public_url,
        "tsa_urls": arguments.tsa,
        "database_url": arguments.database_url,
        "redis_url": arguments.redis_url,
        "store_url": arguments.store_url,
    }
    facts = read_facts(arguments.facts, arguments.authority)
    series = [_series(text) for text in arguments.series]
    password_hash = ask_new_password(arguments, arguments.admin)
    seal = plan_of(arguments, ask(arguments, f"Secret of {arguments.key}"))
    office = _office(arguments)
    done = install(
        Plan(
            home=home,
            facts=facts,
            settings={name: value for name, value in given.items() if value},
            admin_login=arguments.admin,
            admin_name=arguments.admin_name,
            admin_password_hash=password_hash,
            seal=seal,
            series=series,
            roots=arguments.root,
            intermediates=arguments.intermediate,
            approver=office,
            admin_roles=(ADMINISTRATOR, *dict.fromkeys(arguments.admin_role)),
        )
    )
    value = {
        "home": str(home),
        "settings": str(done.settings_file),
        "authority": arguments.authority,
        "seal_id": done.seal_id,
        "person_id": done.person_id,
        "approver": office is not None,
        "revision_to_approve": done.revision,
        "test": False,
        "warnings": list(done.warnings),
    }
    next_approver = f"  songda seal approver add {done.seal_id} LOGIN --role-zh … --role-en … --rule …"
    text = [
        f"production system in {home}; seal {done.seal_id}, administrator {arguments.admin}",
        "The authority's facts count once a second administrator has approved them:",
        f"  songda person add --login … --name … --role administrator --by {arguments.admin}",
        f"  songda authority approve {done.revision} --by …",
        "An administrator acts in no case; add those who do, or let the administrator do it at /desk/people:",
        f"  songda person add --login … --name … --role legal --by {arguments.admin}",
        "  and in the same way --role inspector, leader, finance",
        *(
            [f"{arguments.admin} approves uses of the seal at /desk/seal-uses; further approvers:", next_approver]
            if office
            else ["Nothing is sealed before somebody may approve uses of the seal:", next_approver]
        ),
    ]
    return Answer(value, "\n".join([*text, *(f"WARNING: {warning}" for warning in done.warnings)]))


def _office(arguments: Namespace) -> Office | None:
    told = (arguments.role_zh, arguments.role_en, arguments.rule)
    if any(told) and not all(told):
        raise BadInput("--role-zh", "office", "an approver has --role-zh, --role-en and --rule")
    return Office(*told) if all(told) else None


def _series(text: str) -> SeriesPlan:
    kind, _, patterns = text.partition("=")
    zh, bar, en = patterns.partition("|")
    if not kind or not bar or not zh or not en:
        raise BadInput("--series", "series", f"{text!r} is not KIND=ZH|EN")
    return SeriesPlan(kind, zh, en)
