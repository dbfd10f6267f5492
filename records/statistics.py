"""What an authority issued and how it was served, counted by month and kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from records.tables import delivery, document


def _month(bounds: Sequence[datetime]) -> sa.ColumnElement[int]:
    """Which month, from 1: `bounds` are the beginnings of the months and the end of the last one."""
    whens = [(document.c.released_at < end, nth) for nth, end in enumerate(bounds[1:], 1)]
    return sa.case(*whens, else_=len(bounds))


def _released(authority_id: str, bounds: Sequence[datetime]) -> list[Any]:
    released = document.c.released_at
    return [document.c.authority_id == authority_id, released >= bounds[0], released < bounds[-1]]


def released(connection: sa.Connection, authority_id: str, bounds: Sequence[datetime]) -> list[sa.RowMapping]:
    """`month`, `instrument` and `documents`: what was released in each month."""
    month = _month(bounds).label("month")
    query = (
        sa.select(month, document.c.instrument, sa.func.count().label("documents"))
        .where(*_released(authority_id, bounds))
        .group_by(month, document.c.instrument)
    )
    return list(connection.execute(query).mappings())


def served(connection: sa.Connection, authority_id: str, bounds: Sequence[datetime]) -> list[sa.RowMapping]:
    """`month` of release, `instrument`, `basis` (None: no date yet) and `deliveries`."""
    month = _month(bounds).label("month")
    basis = delivery.c.service_basis.label("basis")
    query = (
        sa.select(month, document.c.instrument, basis, sa.func.count().label("deliveries"))
        .join(document, document.c.id == delivery.c.document_id)
        .where(*_released(authority_id, bounds))
        .group_by(month, document.c.instrument, basis)
    )
    return list(connection.execute(query).mappings())
