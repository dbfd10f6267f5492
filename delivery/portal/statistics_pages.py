"""Statistics at the desk: a year as tables, a chart, and CSV; printable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from delivery.beijing import day_of
from delivery.portal.doors import SeesStatistics
from delivery.portal.office_choices import office_name
from delivery.portal.views import file_headers
from delivery.portal.web import AnySession, Portal, PortalPart, page, words_of
from delivery.portal.wording import Words
from delivery.sheets import MARK, lines
from delivery.statistics import BASES, OfficeRow, Row, chart, of_year
from records.access import Person
from records.database import legal_time
from templates.manifests import manifests

router = APIRouter(prefix="/desk/statistics")

Year = Annotated[int, Query(ge=2000, le=2199)]
_COLUMNS: Final = ("month", "kind", "documents", *BASES)
_OF_OFFICE: Final = ("office", "sent", *BASES)


@dataclass(frozen=True)
class _Shown:
    """The year that is asked for (else the present one), the present one, and the rows by month and by office."""

    year: int
    present: int
    rows: list[Row]
    offices: list[OfficeRow]


def _shown(portal: Portal, person: Person, year: int | None) -> _Shown:
    with portal.database.read() as connection:
        present = day_of(legal_time(connection)).year
        return _Shown(year or present, present, *of_year(connection, person.authority_id, year or present))


def _cells(row: Row, t: Words) -> tuple[object, ...]:
    manifest = manifests()[row.instrument]
    title = t.pick(manifest.title_zh, manifest.title_en)
    return row.month, title, row.documents, *_served(row)


def _served(row: Row | OfficeRow) -> tuple[int, ...]:
    return tuple(getattr(row, basis) for basis in BASES)


def _office_cells(rows: list[OfficeRow], t: Words) -> list[tuple[object, ...]]:
    """The rows of the offices by name, those without one at the end."""
    named = [
        (not row.office, office_name(row.office, t) if row.office else t("statistics.others"), row) for row in rows
    ]
    return [(name, row.sent, *_served(row)) for _, name, row in sorted(named, key=lambda each: each[:2])]


@router.get("")
def one(
    request: Request, portal: PortalPart, session: AnySession, person: SeesStatistics, year: Year | None = None
) -> Response:
    """The table and the chart of a year."""
    t = words_of(request)
    shown = _shown(portal, person, year)
    return page(
        request,
        "statistics.html",
        session,
        year=shown.year,
        years=[each for each in (shown.year - 1, shown.year + 1) if each <= shown.present],
        head=[t(f"statistics.{name}") for name in _COLUMNS],
        rows=[_cells(row, t) for row in shown.rows],
        sums=[sum(getattr(row, name) for row in shown.rows) for name in _COLUMNS[2:]],
        office_head=[t(f"statistics.{name}") for name in _OF_OFFICE],
        office_rows=_office_cells(shown.offices, t),
        office_sums=[sum(getattr(row, name) for row in shown.offices) for name in _OF_OFFICE[1:]],
    )


@router.get("/chart.svg")
def picture(request: Request, portal: PortalPart, person: SeesStatistics, year: Year | None = None) -> Response:
    """Documents of each month."""
    shown = _shown(portal, person, year)
    title = words_of(request)("statistics.chart", year=shown.year)
    return Response(chart(shown.rows, title), media_type="image/svg+xml")


@router.get("/table.csv")
def table(request: Request, portal: PortalPart, person: SeesStatistics, year: Year | None = None) -> Response:
    """The table by month and kind for a spreadsheet."""
    t = words_of(request)
    shown = _shown(portal, person, year)
    names = (f"送达统计 {shown.year}.csv", f"service statistics {shown.year}.csv")
    return _csv(names, _COLUMNS, [_cells(row, t) for row in shown.rows], t)


@router.get("/offices.csv")
def offices_table(request: Request, portal: PortalPart, person: SeesStatistics, year: Year | None = None) -> Response:
    """The table by office for a spreadsheet."""
    t = words_of(request)
    shown = _shown(portal, person, year)
    names = (f"送达统计 归属单位 {shown.year}.csv", f"service statistics by office {shown.year}.csv")
    return _csv(names, _OF_OFFICE, _office_cells(shown.offices, t), t)


def _csv(names: tuple[str, str], columns: Sequence[str], rows: Sequence[Sequence[object]], t: Words) -> Response:
    cells = [[t(f"statistics.{name}") for name in columns], *([str(cell) for cell in row] for row in rows)]
    return Response(
        MARK + lines(cells), media_type="text/csv; charset=utf-8", headers=file_headers(*names, download=True)
    )
