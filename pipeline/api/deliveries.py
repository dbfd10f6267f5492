"""Deliveries: what a clerk, or the case system for him, records of service on paper."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from delivery.desk import record_paper_receipt
from delivery.receipt_scans import standing_receipt
from pipeline import strict_json
from pipeline.api.access import DeliveryId, DeliveryWriter, Installation
from pipeline.api.bodies import JSON_SCAN_LIMIT, SCAN_LIMIT, expect, in_time, limited, read_json
from pipeline.api.documents import find
from pipeline.api.models.paper import PaperReceipt
from pipeline.api.openapi import problems
from pipeline.api.problems import NOT_FOUND, NOT_JSON, Problem, refused
from pipeline.api.views import receipt_view
from records import deliveries
from records.errors import Fault, Refused

router = APIRouter(tags=["deliveries"])

_REFERENCE: Final = {"$ref": "#/components/schemas/PaperReceiptRequest"}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": "JSON with the scan in base64, or two parts: `record` (that JSON without the scan) and `scan`",
        "content": {
            "application/json": {"schema": _REFERENCE},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["record"],
                    "additionalProperties": False,
                    "properties": {
                        "record": _REFERENCE,
                        "scan": {"type": "string", "contentMediaType": "application/octet-stream"},
                    },
                },
                "encoding": {"record": {"contentType": "application/json"}},
            },
        },
    }
}


@dataclass(frozen=True)
class Entered:
    """A record, and the bytes of its scan."""

    record: Mapping[str, Any]
    scan: bytes | None


async def receipt_body(request: Request) -> Entered:
    """Dependency: the record and its scan, from JSON or from a form. Raises problems and Refused."""
    if expect(request, "application/json", "multipart/form-data") == "application/json":
        return _from_json(await read_json(request, JSON_SCAN_LIMIT))
    return await _from_form(request)


def _from_json(value: Any) -> Entered:
    if not isinstance(value, dict) or value.get("scan") is None:
        return Entered(_record(value), None)
    record = {name: each for name, each in value.items() if name != "scan"}
    try:
        return Entered(record, base64.b64decode(value["scan"], validate=True))
    except (TypeError, ValueError, binascii.Error):
        raise Refused([Fault("/scan", "not_base64", "The scan is not base64.", "扫描件不是base64编码。")]) from None


def _record(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused([Fault("", "type", "A paper receipt must be a JSON object.", "纸质送达记录须为 JSON 对象。")])
    return {name: each for name, each in value.items() if name != "scan"}


async def _from_form(request: Request) -> Entered:
    try:
        async with in_time():
            form = await limited(request, SCAN_LIMIT).form(max_files=2, max_fields=2, max_part_size=64 * 1024)
    except HTTPException as error:
        raise _bad_form(str(error.detail)) from None
    try:
        parts = form.multi_items()
        if sorted(name for name, _ in parts) not in (["record"], ["record", "scan"]):
            raise _bad_form("The parts are `record` and `scan`, each once.")
        record, scan = form["record"], form.get("scan")
        text = await record.read(64 * 1024) if isinstance(record, UploadFile) else record.encode()
        data = await scan.read() if isinstance(scan, UploadFile) else scan and scan.encode()
        try:
            return Entered(_record(strict_json.parse(text)), data or None)
        except Refused as error:
            raise refused(error, NOT_JSON) from None
    finally:
        await form.close()


def _bad_form(detail: str) -> Problem:
    return refused(Refused([Fault("", "form", detail, "表单格式不正确。", "RFC 7578")]), NOT_JSON)


@router.post(
    "/deliveries/{delivery_id}/paper-receipts",
    status_code=201,
    response_model=PaperReceipt,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503)
    | {200: {"model": PaperReceipt, "description": "The same record stands already: nothing was changed."}},
    openapi_extra=_BODY,
)
def add_paper_receipt(
    songda: Installation,
    caller: DeliveryWriter,
    delivery_id: DeliveryId,
    entered: Annotated[Entered, Depends(receipt_body)],
    response: Response,
) -> PaperReceipt:
    """Record one attempt to serve on paper. The first one that succeeded makes the date, once its scan is here."""
    with songda.database.read() as connection:
        try:
            delivery = deliveries.get(connection, delivery_id)
            find(connection, caller, delivery["document_id"])
        except (LookupError, Problem):
            raise Problem(NOT_FOUND, "You have no such delivery.") from None
    recorded = record_paper_receipt(
        songda.database, songda.store, caller.authority_id, delivery_id, entered.record, entered.scan, caller.actor
    )
    songda.hint(recorded.hint)
    if not recorded.hint:
        response.status_code = 200
    with songda.database.read() as connection:
        return receipt_view(connection, standing_receipt(connection, recorded.id, caller.authority_id))
