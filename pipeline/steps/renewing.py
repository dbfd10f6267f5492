"""Renew: one more archive time stamp on a sealed file, before the newest one can no longer be proved.

The time is that of the infrastructure; the legal clock has no part in it. What was released stays as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from pipeline.archiving import renew_at
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done
from pipeline.steps.releasing import check_sealed
from records import archives, documents
from records.database import database_time
from records.errors import Permanent, Refused, Retry
from records.steps import Claim

#: Seconds until authorities that cannot prolong the proof are asked again: their certificates change once in years.
_PAUSE: Final = 86_400.0


def _refuse_no_gain(row: sa.RowMapping, authority: str, until: datetime) -> None:
    """Raise Retry for a time stamp that would prove the file no longer than the present one does."""
    if until <= row["provable_until"] and not row["asked_by"]:
        raise Retry(
            f"{authority} 的证书不晚于现有时间戳到期，请在tsa_urls中另指定时间戳机构 "
            f"its certificate ends {until:%Y-%m-%d}, no later than the present time stamp: name another in tsa_urls",
            after_seconds=_PAUSE,
        )


def renew(songda: Songda, claim: Claim) -> Conclusion:
    """Stamp the newest file again, verify what came out by both readers, and make it the newest.

    Raises Permanent for a file that cannot be renewed any more, and Retry when no authority gives a time stamp that
    lasts longer than the present one, unless somebody asked for the renewal (an algorithm, or an authority, that is to
    be left early).
    """
    with songda.database.read() as connection:
        row = archives.get(connection, claim.subject_id)
        now = database_time(connection)
    if not row["asked_by"]:  # first, for there may be many that wait for another authority
        _refuse_no_gain(row, *songda.cabinet.stamps_until(now, row["provable_until"]))
    before = songda.store.get(row["digest"])
    try:
        made = songda.cabinet.renew(before, now)
    except Refused as error:
        told = "; ".join(f"{fault.message_zh} {fault.message_en}".strip() for fault in error.faults)
        raise Permanent(f"不能再续期 cannot be renewed any more: {told}") from error
    verdict, _ = check_sealed(songda, made.pdf, now=now)
    stamped_at, until = verdict.stamped_at, verdict.provable_until
    if stamped_at is None or until is None or not made.pdf.startswith(before):
        raise Permanent("续期后的文件不含原文件 the renewed file does not begin with the one before")
    _refuse_no_gain(row, made.timestamp_authority, until)
    digest = songda.store.put(made.pdf)

    def write(connection: sa.Connection) -> Done:
        documents.record_artifact(connection, digest, len(made.pdf), "application/pdf")
        archives.renewed(
            connection,
            row,
            digest=digest,
            timestamp_authority=made.timestamp_authority,
            stamped_at=stamped_at,
            provable_until=until,
            renew_at=renew_at(songda, stamped_at, until),
        )
        return Done()

    return Conclusion(write)
