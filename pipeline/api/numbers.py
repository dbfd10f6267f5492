"""The register of numbers (文号): series, every number with its document and state, gaps with their reasons."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query

from pipeline.api.access import DocumentReader, Installation
from pipeline.api.models.documents import Number
from pipeline.api.models.numbers import AllSeries, Gap, Register, RegisteredNumber, Series
from pipeline.api.openapi import problems
from pipeline.api.problems import NOT_FOUND, Problem
from records import numbers, series

router = APIRouter(tags=["numbers"])

_LARGEST: Final = 2**31 - 1
Kind = Annotated[str, Path(pattern="^[a-z0-9-]{1,60}$")]
Year = Annotated[int, Path(ge=2000, le=2999)]


@router.get("/series", response_model=AllSeries, responses=problems(401, 403, 503))
def get_series(songda: Installation, caller: DocumentReader) -> AllSeries:
    """The series of your authority."""
    with songda.database.read() as connection:
        rows = numbers.listed(connection, caller.authority_id)
    return AllSeries(series=[Series(**{name: row[name] for name in Series.model_fields}) for row in rows])


@router.get("/series/{kind}/{year}/numbers", response_model=Register, responses=problems(401, 403, 404, 422, 503))
def get_numbers(
    songda: Installation,
    caller: DocumentReader,
    kind: Kind,
    year: Year,
    supplied: bool = False,
    void: Annotated[bool, Query(description="only numbers that are 作废")] = False,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Register:
    """Every number of a series in order, with its document and state, and every gap with its reason."""
    with songda.database.read() as connection:
        try:
            found = series.find(connection, caller.authority_id, kind, year, supplied=supplied)
        except series.UnknownSeries:
            raise Problem(NOT_FOUND, "Your authority has no such series.") from None
        rows = numbers.entries(connection, found, after=after, limit=limit + 1, only_void=void)
        gaps = numbers.gaps(connection, found)
    shown = rows[:limit]
    return Register(
        numbers=[_view(row, caller.client_id) for row in shown],
        gaps=[Gap.model_validate({name: asdict(gap)[name] for name in Gap.model_fields}) for gap in gaps],
        after=shown[-1]["ordinal"] if len(rows) > limit else None,
    )


def _view(row: sa.RowMapping, client_id: str) -> RegisteredNumber:
    return RegisteredNumber(
        ordinal=row["ordinal"],
        number=Number(zh=row["text_zh"], en=row["text_en"], void=row["state"] == "void"),
        document=row["document_id"] if row["client_id"] == client_id else None,
        **{name: row[name] for name in ("document_status", "reason", "voided_by", "voided_at")},
    )
