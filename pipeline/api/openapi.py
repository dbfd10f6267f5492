"""The OpenAPI 3.1 document: bodies that we read ourselves, problems, and the facts of every instrument."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from pipeline.api.models.base import Problem
from pipeline.api.models.dates import DeadlinesRequest, FeedRequest, ServiceDateRequest
from pipeline.api.models.documents import CancelRequest, VoidRequest
from pipeline.api.models.paper import BarcodeRequest, PaperReceiptRequest
from pipeline.api.models.sms import SmsReport
from pipeline.api.problems import KINDS, MEDIA_TYPE
from pipeline.intake import job_schema
from templates.catalogue import catalogue, shared_definitions

_REQUESTS: Final = (
    CancelRequest,
    VoidRequest,
    ServiceDateRequest,
    DeadlinesRequest,
    FeedRequest,
    PaperReceiptRequest,
    BarcodeRequest,
    SmsReport,
    Problem,
)
_REFERENCE: Final = "#/components/schemas/{model}"


def body_of(model: str, *, required: bool = True, listed: bool = False, many: bool = False) -> dict[str, Any]:
    """`openapi_extra` of a route whose JSON body is `model` (`listed`: or also a list of it; `many`: only that)."""
    schema: dict[str, Any] = {"$ref": _REFERENCE.format(model=model)}
    if many:
        schema = {"type": "array", "items": schema}
    elif listed:
        schema = {"anyOf": [schema, {"type": "array", "items": schema}]}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that may end in problems of these statuses."""
    told = {status: " / ".join(kind.title for kind in KINDS if kind.status == status) for status in (*statuses, 500)}
    schema = {"schema": {"$ref": _REFERENCE.format(model="Problem")}}
    return {status: {"description": text, "content": {MEDIA_TYPE: schema}} for status, text in told.items()}


def install(app: FastAPI) -> None:
    """Let `app` describe itself by `describe`, worked out once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=[{"url": "/v1"}],
        tags=app.openapi_tags,
    )
    schemas = document["components"]["schemas"]
    for model in _REQUESTS:
        schema = model.model_json_schema(ref_template=_REFERENCE)
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas |= _components("JobRequest", _job_schema())
    common = shared_definitions()
    for identifier in catalogue().ids():
        schemas |= _facts_components(identifier, common)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            _tidy(operation)
    return document


def _facts_name(identifier: str) -> str:
    return f"FactsOf_{identifier}"


def _job_schema() -> dict[str, Any]:
    """The schema of a job, which names for each instrument the schema of its facts."""
    schema: dict[str, Any] = json.loads(json.dumps(job_schema()))
    document = schema["$defs"]["document"]
    document["properties"]["instrument"]["enum"] = list(catalogue().ids())
    document["allOf"] = [
        {
            "if": {"properties": {"instrument": {"const": identifier}}},
            "then": {"properties": {"facts": {"$ref": _REFERENCE.format(model=_facts_name(identifier))}}},
        }
        for identifier in catalogue().ids()
    ]
    return schema


def _facts_components(identifier: str, common: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an instrument; definitions that several instruments share (`common`) stand once, under `Facts`."""
    schema = dict(catalogue().get(identifier).schema)
    shared = {name for name, definition in schema["$defs"].items() if common.get(name) == definition}
    own = {name: definition for name, definition in schema["$defs"].items() if name not in shared}
    found = _components(_facts_name(identifier), {**schema, "$defs": own})
    others = _components("Facts", {"$defs": {name: schema["$defs"][name] for name in shared}})
    text = json.dumps(found | {name: each for name, each in others.items() if name != "Facts"})
    for name in shared:
        text = text.replace(
            f'"#/components/schemas/{_facts_name(identifier)}.{name}"', f'"#/components/schemas/Facts.{name}"'
        )
    return dict(json.loads(text))


def _components(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema and its definitions as components of their own: OpenAPI tools know no `$defs` in a component."""
    moved = json.loads(json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{name}.'))
    definitions = moved.pop("$defs", {})
    moved.pop("$schema", None)
    return {name: moved} | {f"{name}.{part}": definition for part, definition in definitions.items()}


def _tidy(operation: dict[str, Any]) -> None:
    """Say what is done here: problems instead of the framework's 422, and a header that we ask for is required."""
    answers = operation["responses"]
    if MEDIA_TYPE not in answers.get("422", {}).get("content", {MEDIA_TYPE: None}):
        del answers["422"]
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            pattern = parameter["schema"]["pattern"]
            parameter |= {"required": True, "schema": {"type": "string", "pattern": pattern}}
