"""The OpenAPI document against the running API, by schemathesis: what is said is done, whatever is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from pipeline.web import make_web
from records import schema
from records.database import Database
from tests.house import SAMPLES, House, furnish
from tests.servers import free_port, wait_for_port

for picture in ("image/jpeg", "image/png"):
    schemathesis.openapi.media_type(picture, st.binary())
schemathesis.openapi.media_type("application/pdf", st.one_of(st.binary(), st.binary().map(b"%PDF-1.7\n".__add__)))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = tmp_path_factory.mktemp("api")
    database = Database(f"sqlite:///{home}/songda.db")
    schema.create(database, test=True)
    (home / "trust.json").write_text('{"anchors": []}')
    yield furnish(database, home)
    database.close()


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(make_web(house.songda), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for_port(port)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def described(url: str) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{url}/v1/openapi.json")


OPERATIONS = [
    ("post", "/jobs"),
    ("get", "/jobs/{job_id}"),
    ("get", "/documents/{document_id}"),
    ("get", "/documents/{document_id}/pdf"),
    ("get", "/documents/{document_id}/copies"),
    ("get", "/documents/{document_id}/events"),
    ("post", "/documents/{document_id}/cancel"),
    ("post", "/documents/{document_id}/void"),
    ("post", "/deliveries/{delivery_id}/paper-receipts"),
    ("post", "/paper-receipts"),
    ("get", "/paper-receipts/{receipt_id}"),
    ("put", "/paper-receipts/{receipt_id}/scan"),
    ("post", "/cases/{case_no}/files"),
    ("get", "/cases/{case_no}/volume"),
    ("get", "/cases/{case_no}/submissions"),
    ("get", "/submissions/{submission_id}/files/{position}"),
    ("get", "/series"),
    ("get", "/series/{kind}/{year}/numbers"),
    ("post", "/service-dates"),
    ("post", "/deadlines"),
    ("get", "/documents/{document_id}/deadlines"),
    ("post", "/calendar-feeds"),
    ("get", "/calendar-feeds"),
    ("delete", "/calendar-feeds/{feed_id}"),
    ("post", "/sms/reports/{secret}"),
    ("post", "/verify"),
    ("get", "/health"),
]
#: Nothing can be wrong with a request that has no parameters; and any bytes may stand for a PDF.
NEVER_WRONG = {("get", "/health"), ("get", "/calendar-feeds"), ("post", "/verify"), ("get", "/series")}
CASES = [
    (method, path, mode)
    for method, path in OPERATIONS
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or (method, path) not in NEVER_WRONG
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]


@pytest.mark.parametrize(("method", "path", "mode"), [case for case in CASES if case[1] != "/jobs"])
def test_every_operation_keeps_to_its_description(
    described: schemathesis.BaseSchema, house: House, method: str, path: str, mode: GenerationMode
) -> None:
    _keeps(described[path][method], house, mode)


#: One of each shape: the whole of all instruments at once is too large a schema to draw jobs from.
DRAWN = ("penalty-decision", "hearing-notice", "on-site-record", "fine-receipt", "closing-report")


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("instrument", DRAWN)
def test_submitting_a_job_keeps_to_its_description(
    url: str, house: House, instrument: str, mode: GenerationMode
) -> None:
    document = httpx2.get(f"{url}/v1/openapi.json").json()
    asked = document["components"]["schemas"]["JobRequest.document"]
    asked["properties"]["instrument"]["enum"] = [instrument]
    asked["allOf"] = [each for each in asked["allOf"] if each["if"]["properties"]["instrument"]["const"] == instrument]
    described = schemathesis.openapi.from_dict(document)
    described.config.update(base_url=f"{url}/v1")
    _keeps(described["/jobs"]["post"], house, mode)


def _keeps(operation: schemathesis.BaseSchema, house: House, mode: GenerationMode) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def keeps(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=house.headers, checks=CHECKS, timeout=60)

    keeps()


def test_it_is_openapi_3_1_and_names_only_what_is_built(url: str) -> None:
    document = httpx2.get(f"{url}/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {path for _, path in OPERATIONS}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            problems = {status for status in operation["responses"] if int(status) >= 400}
            assert all("application/problem+json" in operation["responses"][each]["content"] for each in problems)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_job_fits_the_published_schema(url: str, path: Path) -> None:
    document = httpx2.get(f"{url}/v1/openapi.json").json()
    validator = Draft202012Validator({"$ref": "#/components/schemas/JobRequest", "components": document["components"]})
    job = json.loads(path.read_text("utf-8"))
    validator.validate(job)
    job["documents"][0]["facts"]["surprise"] = 1
    assert not validator.is_valid(job)
