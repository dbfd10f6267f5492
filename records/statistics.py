"""What an authority issued and how it was served, counted by month, kind and counterparty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from records.tables import delivery, document


def released(connection: sa.Connection, authority_id: str, bounds: Sequence[datetime]) -> list[sa.RowMapping]:
    """`month`, `instrument` and `documents`: what was released in each month.

    `bounds` are the beginnings of the months and the end of the last one; months count from 1.
    """
    return _monthly(connection, document.c.released_at, bounds, authority_id, [document.c.instrument], "documents")


def sent(connection: sa.Connection, authority_id: str, bounds: Sequence[datetime]) -> list[sa.RowMapping]:
    """`month`, `instrument`, `basis` of the date (None: no date yet), `counterparty_id` (None: not in the register)
    and `deliveries`: what was sent in each month."""
    kinds = [delivery.c.instrument, delivery.c.service_basis.label("basis"), delivery.c.counterparty_id]
    return _monthly(connection, delivery.c.sent_at, bounds, authority_id, kinds, "deliveries")


def _monthly(
    connection: sa.Connection,
    moment: sa.ColumnElement[Any],
    bounds: Sequence[datetime],
    authority_id: str,
    kinds: Sequence[sa.ColumnElement[Any]],
    counted: str,
) -> list[sa.RowMapping]:
    """One range of an index for each month: cheaper than to ask of each row which month it is of."""
    table = moment.table
    months = (
        sa.select(sa.literal_column(str(nth)).label("month"), *kinds, sa.func.count().label(counted))
        .where(table.c.authority_id == authority_id, moment >= start, moment < end)
        .group_by(*kinds)
        for nth, (start, end) in enumerate(pairwise(bounds), 1)
    )
    return list(connection.execute(sa.union_all(*months)).mappings())
