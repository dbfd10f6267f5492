"""What becomes of a sealed file after its release: it is kept provable."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from pipeline.composition import Songda
from records import archives
from signing.renewal import renewal_due


def renew_at(songda: Songda, stamped_at: datetime, until: datetime) -> datetime:
    """When a file whose newest time stamp is of `stamped_at` and ends `until` has to be renewed, by the settings."""
    return renewal_due(stamped_at, until, timedelta(days=songda.settings.renewal_days))


def keep_provable(
    songda: Songda,
    connection: sa.Connection,
    archive_id: str,
    authority_id: str,
    stream: str,
    digest: str,
    stamped_at: datetime | None,
    until: datetime | None,
) -> None:
    """Write down until when a sealed file is provable, if a time stamp proves it: it is renewed in time."""
    if stamped_at is not None and until is not None:
        due = renew_at(songda, stamped_at, until)
        archives.keep(connection, archive_id, authority_id, stream, digest, until, due)
