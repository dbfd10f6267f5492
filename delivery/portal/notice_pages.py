"""Public notice at the desk: when it would make the date, the text to post, and then its record."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.paper import PaperRecord, public_notice_day
from delivery.portal import files
from delivery.portal.desk_pages import find_delivery
from delivery.portal.doors import MayPublish
from delivery.portal.views import file_names, item_of, outcome_name, written
from delivery.portal.web import AnySession, DeliveryId, Portal, PortalPart, page, words_of
from delivery.public_notice import PublicNotice, print_notice
from records import deliveries, directory, documents
from templates.manifests import manifests

router = APIRouter(prefix="/desk/{delivery_id}/public-notice")


def _allowed(row: sa.RowMapping) -> None:
    if "public_notice" not in manifests()[row["instrument"]].methods or row["final_digest"] is None:
        raise HTTPException(404)


@router.get("")
def one(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayPublish, delivery_id: DeliveryId
) -> Response:
    """The ways that failed, the day that a notice of today would make, the text, and the way to its record."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    _allowed(row)
    t, today = words_of(request), day_of(now)
    with portal.database.read() as connection:
        standing = deliveries.paper_receipts(connection, delivery_id)
    failed = [
        t.pick("：", ": ").join((t(f"method.{each['method']}"), outcome_name(each["method"], each["outcome"], t)))
        + f" {each['record'].get('date') or t('record.date_unknown')}"
        for each in standing
        if not PaperRecord.of(each["record"]).is_service
    ]
    running = [each for each in standing if each["method"] == "public_notice" and each["served_on"]]
    return page(
        request,
        "public_notice.html",
        session,
        item=item_of(row, t, now),
        failed=failed,
        days=[written(public_notice_day(today, abroad=abroad), t) for abroad in (False, True)],
        running=[written(date.fromisoformat(each["served_on"]), t) for each in running],
    )


@router.get("/text.pdf")
def text_pdf(portal: PortalPart, clerk: MayPublish, delivery_id: DeliveryId, abroad: bool = False) -> Response:
    """The notice of today, to post and to publish."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    _allowed(row)
    return files.pdf_response(
        print_notice(_notice(portal, row, day_of(now), abroad)), file_names(row, "公告", "notice"), download=False
    )


def _notice(portal: Portal, row: sa.RowMapping, today: date, abroad: bool) -> PublicNotice:
    manifest = manifests()[row["instrument"]]
    with portal.database.read() as connection:
        authority = directory.pinned_facts(connection, documents.get(connection, row["document_id"]))
    name, address = authority["name"], authority["address"]
    return PublicNotice(
        recipient=(row["recipient_zh"], row["recipient_en"]),
        document=(manifest.title_zh, manifest.title_en),
        number=(row["number_zh"] or "", row["number_en"] or ""),
        sender=(name["zh"], name["en"]),
        address=(address["zh"], address["en"]),
        published_on=today,
        abroad=abroad,
        test=portal.test,
    )
