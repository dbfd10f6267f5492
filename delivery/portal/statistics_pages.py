"""Statistics at the desk: a year as a table, a chart, and CSV; printable."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from delivery.beijing import day_of
from delivery.portal.doors import SeesStatistics
from delivery.portal.views import file_headers
from delivery.portal.web import AnySession, Portal, PortalPart, page, words_of
from delivery.portal.wording import Words
from delivery.statistics import Row, as_csv, chart, of_year
from records.access import Person
from records.database import legal_time
from templates.manifests import manifests

router = APIRouter(prefix="/desk/statistics")

Year = Annotated[int, Query(ge=2000, le=2199)]
_COLUMNS: Final = ("month", "kind", "documents", "confirmed", "deemed", "paper", "open")


def _rows(portal: Portal, person: Person, year: int | None) -> tuple[int, int, list[Row]]:
    """The year that is asked for (else the present one), the present one, and its rows."""
    with portal.database.read() as connection:
        present = day_of(legal_time(connection)).year
        return year or present, present, of_year(connection, person.authority_id, year or present)


def _cells(row: Row, t: Words) -> tuple[object, ...]:
    manifest = manifests()[row.instrument]
    title = t.pick(manifest.title_zh, manifest.title_en)
    return row.month, title, row.documents, row.confirmed, row.deemed, row.paper, row.open


@router.get("")
def one(
    request: Request, portal: PortalPart, session: AnySession, person: SeesStatistics, year: Year | None = None
) -> Response:
    """The table and the chart of a year."""
    t = words_of(request)
    shown, present, rows = _rows(portal, person, year)
    sums = [sum(getattr(row, name) for row in rows) for name in _COLUMNS[2:]]
    return page(
        request,
        "statistics.html",
        session,
        year=shown,
        years=[each for each in (shown - 1, shown + 1) if each <= present],
        head=[t(f"statistics.{name}") for name in _COLUMNS],
        rows=[_cells(row, t) for row in rows],
        sums=sums,
        authority=person.authority_id,
    )


@router.get("/chart.svg")
def picture(request: Request, portal: PortalPart, person: SeesStatistics, year: Year | None = None) -> Response:
    """Documents of each month."""
    shown, _, rows = _rows(portal, person, year)
    return Response(chart(rows, words_of(request)("statistics.chart", year=shown)), media_type="image/svg+xml")


@router.get("/table.csv")
def table(request: Request, portal: PortalPart, person: SeesStatistics, year: Year | None = None) -> Response:
    """The table for a spreadsheet."""
    t = words_of(request)
    shown, _, rows = _rows(portal, person, year)
    data = as_csv([t(f"statistics.{name}") for name in _COLUMNS], [_cells(row, t) for row in rows])
    headers = file_headers(f"送达统计 {shown}.csv", f"service statistics {shown}.csv", download=True)
    return Response(data, media_type="text/csv; charset=utf-8", headers=headers)
