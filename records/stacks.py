"""Stacks from the document feeder: how far each is read, and which of its pages belong together."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.paging import Found, Part, part_of
from records.statements import select_by, update_row
from records.tables import scan_part, scan_stack


def insert(connection: sa.Connection, authority_id: str, digest: str, pages: int, by: str) -> tuple[str, bool]:
    """Store a stack of which no page is read yet; returns its id, and whether it is new (not the same file again)."""
    names = {"authority_id": authority_id, "digest": digest}
    known = connection.execute(select_by(scan_stack, *names), names).mappings().first()
    if known is not None:
        return str(known["id"]), False
    stack_id = new_id("stk")
    row = {"id": stack_id, **names, "pages": pages, "read_pages": 0, "added_by": by}
    connection.execute(scan_stack.insert().values(added_at=now(), **row))
    return stack_id, True


def find(connection: sa.Connection, stack_id: str, authority_id: str) -> sa.RowMapping | None:
    """A stack of the authority, or None."""
    names = {"id": stack_id, "authority_id": authority_id}
    return connection.execute(select_by(scan_stack, *names), names).mappings().first()


def lock(connection: sa.Connection, stack_id: str) -> sa.RowMapping:
    """The stack, held until the transaction ends."""
    query = sa.select(scan_stack).where(scan_stack.c.id == stack_id).with_for_update()
    return connection.execute(query).mappings().one()


def newest(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """The stacks of the authority, newest first, each with the number of its `open_parts`."""
    open_parts = sa.select(sa.func.count()).where(scan_part.c.stack_id == scan_stack.c.id, scan_part.c.state == "open")
    query = sa.select(scan_stack, open_parts.scalar_subquery().label("open_parts"))
    query = query.where(scan_stack.c.authority_id == authority_id)
    return part_of(connection, query, (scan_stack.c.added_at, scan_stack.c.id), part, newest=True)


def set_read(connection: sa.Connection, stack_id: str, pages: int) -> None:
    """Write how many pages are read; the parts found in them go into the same transaction."""
    update_row(connection, scan_stack, stack_id, {"read_pages": pages})


def parts(connection: sa.Connection, stack_id: str) -> list[sa.RowMapping]:
    """The parts of a stack in the order of their pages."""
    query = sa.select(scan_part).where(scan_part.c.stack_id == stack_id).order_by(scan_part.c.first_page)
    return list(connection.execute(query).mappings())


def part(connection: sa.Connection, stack_id: str, first_page: int) -> sa.RowMapping | None:
    """One part, by its first page."""
    query = sa.select(scan_part).where(scan_part.c.stack_id == stack_id, scan_part.c.first_page == first_page)
    return connection.execute(query).mappings().first()


def add_part(connection: sa.Connection, authority_id: str, stack_id: str, page: int, code: str | None) -> None:
    """Store a part of one page as yet, that is still to be attached."""
    row = {"stack_id": stack_id, "authority_id": authority_id, "first_page": page, "last_page": page, "code": code}
    connection.execute(scan_part.insert().values(state="open", **row))


def update_part(connection: sa.Connection, stack_id: str, first_page: int, **columns: Any) -> None:
    """Change columns of a part."""
    of = scan_part.c.stack_id == stack_id, scan_part.c.first_page == first_page
    connection.execute(scan_part.update().where(*of).values(**columns))
