"""Which stored files are still named by a row. Files are named by their SHA-256, so several rows may hold the same."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from records.tables import artifact, metadata, registration, registration_submission

#: The scans of applications stand in JSON.
_IN_JSON = (registration, registration_submission)


def held(connection: sa.Connection, digests: Collection[str], *, but: str = "") -> set[str]:
    """Those of `digests` that a row names, in whatever table, but not the application `but`.

    Every text column called `…digest` counts, so a new table is heeded when it is made. Reads whole tables: for the
    rare case that something is to be thrown away.
    """
    wanted, found = sorted(set(digests)), set[str]()
    for table in metadata.sorted_tables:
        for column in table.columns:
            if table is not artifact and column.name.endswith("digest") and isinstance(column.type, sa.Text):
                rows = connection.execute(sa.select(column).where(column.in_(wanted)).distinct())
                found.update(rows.scalars())
    for table in _IN_JSON:
        text = sa.cast(table.c.files, sa.Text)
        others = table.c["registration_id" if "registration_id" in table.c else "id"] != but
        for digest in wanted:
            if connection.execute(sa.select(sa.literal(1)).where(others, text.contains(digest)).limit(1)).first():
                found.add(digest)
    return found


def forget(connection: sa.Connection, digest: str) -> None:
    """Take the name of a file away, which no row holds any more."""
    connection.execute(artifact.delete().where(artifact.c.digest == digest))
