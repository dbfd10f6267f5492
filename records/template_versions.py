"""Template versions that were used: what each one was, for good."""

from __future__ import annotations

import sqlalchemy as sa

from records.statements import insert_if_absent
from records.tables import template_version


class VersionChanged(Exception):
    """The version was used with other content: `digest` names that."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


def digest_of(connection: sa.Connection, instrument: str, version: str) -> str | None:
    """SHA-256 of the frozen template that this version was used with; None when it was not used yet."""
    query = sa.select(template_version.c.digest).where(
        template_version.c.instrument == instrument, template_version.c.version == version
    )
    return connection.execute(query).scalar()


def bind(connection: sa.Connection, instrument: str, version: str, digest: str) -> None:
    """Bind a version to its content, whose artifact is recorded; again with the same content changes nothing.

    Raises VersionChanged when somebody bound it to other content before.
    """
    values = {"instrument": instrument, "version": version, "digest": digest}
    insert_if_absent(connection, template_version, values, "first_used")
    bound = digest_of(connection, instrument, version)
    if bound is not None and bound != digest:
        raise VersionChanged(bound)


def used(connection: sa.Connection, instrument: str) -> list[sa.RowMapping]:
    """All versions of an instrument that were used, oldest first."""
    query = sa.select(template_version).where(template_version.c.instrument == instrument)
    in_order = query.order_by(template_version.c.first_used, template_version.c.version)
    return list(connection.execute(in_order).mappings())
