"""`songda render`: one document of a job, as a preview."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import read_json
from pipeline.cli.previews import add_preview_options, authority_facts, preview, write_specimen
from pipeline.intake import job_schema
from records.errors import Refused
from templates.facts import check_facts


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.add_argument("job", metavar="JOB.json", help="a job as it is sent to POST /v1/jobs; - reads standard input")
    parser.add_argument("--document", type=int, default=1, metavar="N", help="which document of the job (default: 1)")
    add_preview_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Check the job's form, print the one document."""
    job = read_json(arguments.job)
    faults = check_facts(job_schema(), job)
    if faults:
        raise Refused(faults)
    position = arguments.document - 1
    if not 0 <= position < len(job["documents"]):
        raise BadInput("--document", "no_such_document", f"the job has documents 1 to {len(job['documents'])}")
    authority = authority_facts(arguments, job["authority"])
    place = f"/documents/{position}"
    asked = job["documents"][position]
    specimen = preview(asked, authority, arguments.engine, place, with_pictures=arguments.png)
    return write_specimen(arguments.output, specimen)
