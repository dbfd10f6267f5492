"""`songda preflight`: would this job be taken, and what does the law warn of? Stores nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pipeline import intake
from pipeline.callers import Caller
from pipeline.cli.answers import Answer
from pipeline.cli.inputs import opened, read_json


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.add_argument("job", metavar="JOB.json", help="a job as it is sent to POST /v1/jobs; - reads standard input")
    parser.epilog = "Checks the job against the installation as intake would, for the authority that the job names."
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """What intake would say: every fault and exit 2, or the warnings of each document and exit 0."""
    job = read_json(arguments.job)
    named = job.get("authority") if isinstance(job, dict) else None
    caller = Caller("", "", named if isinstance(named, str) else "", frozenset())
    with opened(arguments) as songda:
        checked = intake.check(songda, caller, job)
    found = [
        {"instrument": document.instrument.id, **document.verdict.as_dict(f"/documents/{position}")}
        for position, document in enumerate(checked.documents)
    ]
    lines = []
    for each in found:
        lines.append(f"{each['instrument']}: {each['rule_set']}, warnings: {len(each['warnings'])}")
        lines += [
            f"  {one['pointer']}: {one['text_en']} {one['text_zh']} ({one['citation']})" for one in each["warnings"]
        ]
    return Answer({"documents": found}, "\n".join(lines))
