"""Records of service on paper, by barcode and by their own ids: for a scanning station, or a case system."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from delivery.barcodes import read_code
from delivery.receipt_scans import OtherScan, attach_scan, standing_receipt
from delivery.scanner import record_scanned
from pipeline.api.access import Installation, PaperWriter, ReceiptId
from pipeline.api.bodies import SCAN_BODY, scan_body, small_json_body, validated
from pipeline.api.models.paper import BarcodeRequest, PaperReceipt, ScannedReceipt
from pipeline.api.openapi import body_of, problems
from pipeline.api.problems import NOT_FOUND, WRONG_STATE, Problem
from pipeline.api.views import receipt_view
from pipeline.callers import Caller
from pipeline.composition import Songda
from records import attempts, deliveries, documents
from records.api_keys import SCANS
from records.errors import Fault, Refused

router = APIRouter(tags=["deliveries"])

_UNKNOWN: Final = Fault("/code", "unknown_code", "Nobody here knows this code.", "本系统没有该条码。")


def _may_see(songda: Songda, caller: Caller, delivery_id: str) -> bool:
    """Whether the delivery is the caller's: of its own documents, or, for a scanning station, of its authority."""
    with songda.database.read() as connection:
        document_id = deliveries.get(connection, delivery_id)["document_id"]
        if SCANS in caller.scopes:
            return documents.find_in(connection, document_id, caller.authority_id) is not None
        return documents.find(connection, document_id, caller.authority_id, caller.client_id) is not None


def _check_code(songda: Songda, caller: Caller, code: str) -> None:
    """Raise Refused for a code of others: it is answered as one that nobody has."""
    plain = read_code(code)
    with songda.database.read() as connection:
        found = attempts.by_code(connection, plain) if plain is not None else None
    if found is not None and not _may_see(songda, caller, found["delivery_id"]):
        raise Refused([_UNKNOWN])


@router.post(
    "/paper-receipts",
    status_code=201,
    response_model=ScannedReceipt,
    responses=problems(400, 401, 403, 408, 413, 415, 422, 503)
    | {200: {"model": ScannedReceipt, "description": "The same record stands already: nothing was changed."}},
    openapi_extra=body_of("BarcodeRequest"),
)
def add_by_barcode(
    songda: Installation,
    caller: PaperWriter,
    body: Annotated[Any, Depends(small_json_body)],
    response: Response,
) -> ScannedReceipt:
    """Record what came of the attempt whose barcode was scanned, as the desk's scanner page does.

    The record is provisional: it makes no date until its scan is here, and the details that the method demands.
    """
    asked = validated(BarcodeRequest, body)
    _check_code(songda, caller, asked.code)
    result = f"{asked.method}/{asked.outcome}" if asked.method else asked.outcome
    names = songda.database, songda.store, caller.authority_id
    day = "?" if asked.date is None else asked.date
    found = record_scanned(*names, asked.code, day, result, caller.actor, date_note=asked.date_note.strip())
    songda.hint(found.receipt.hint)
    if found.known:
        response.status_code = 200
    with songda.database.read() as connection:
        view = receipt_view(connection, standing_receipt(connection, found.receipt.id, caller.authority_id))
    said = {"attempt_id": found.attempt_id, "date": found.day, "method": found.method, "outcome": found.outcome}
    return ScannedReceipt.model_validate(view.model_dump() | said)


def _check_receipt(songda: Songda, caller: Caller, receipt_id: str) -> None:
    """Raise a 404 problem unless the record is the caller's."""
    try:
        with songda.database.read() as connection:
            delivery_id = standing_receipt(connection, receipt_id, caller.authority_id)["delivery_id"]
    except LookupError:
        delivery_id = None
    if delivery_id is None or not _may_see(songda, caller, delivery_id):
        raise Problem(NOT_FOUND, "You have no such paper receipt.")


@router.get("/paper-receipts/{receipt_id}", response_model=PaperReceipt, responses=problems(401, 403, 404, 503))
def get_receipt(songda: Installation, caller: PaperWriter, receipt_id: ReceiptId) -> PaperReceipt:
    """A record as it stands, or the one that superseded it: whether it is final, and what it lacks."""
    _check_receipt(songda, caller, receipt_id)
    with songda.database.read() as connection:
        return receipt_view(connection, standing_receipt(connection, receipt_id, caller.authority_id))


@router.put(
    "/paper-receipts/{receipt_id}/scan",
    response_model=PaperReceipt,
    responses=problems(401, 403, 404, 408, 409, 413, 415, 422, 503),
    openapi_extra=SCAN_BODY,
)
def put_scan(
    songda: Installation,
    caller: PaperWriter,
    receipt_id: ReceiptId,
    scan: Annotated[bytes, Depends(scan_body)],
) -> PaperReceipt:
    """Attach the scan of the signed proof, slip or receipt: a record that lacked nothing else is final.

    The record with its scan supersedes the one without and has an id of its own. The same bytes again change nothing;
    where another scan stands the answer is 409, for corrections are made at the desk.
    """
    _check_receipt(songda, caller, receipt_id)
    names = songda.database, songda.store, caller.authority_id
    try:
        recorded = attach_scan(*names, receipt_id, scan, caller.actor)
    except OtherScan as error:
        en = f"Another scan stands at {error}; corrections are proposed and approved at the desk."
        fault = Fault("", "other_scan", en, "该记录已有另一扫描件；更正须在工作台提出并由另一人批准。")
        raise Problem(WRONG_STATE, en, [fault]) from None
    songda.hint(recorded.hint)
    with songda.database.read() as connection:
        return receipt_view(connection, standing_receipt(connection, recorded.id, caller.authority_id))
