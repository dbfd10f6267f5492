"""Renews the archive time stamp of a sealed PDF before the last one can no longer be proved.

Run it while the verdict's `provable_until` lies ahead: afterwards nothing helps, because nobody can tell any more
whether the file stood like this before the last authority's certificate ended.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from records.errors import Fault, Permanent, Refused, Retry
from signing.archive import ArchivedPdf, add_archive_stamp
from signing.certificates import ChainChecker, CheckedChain
from signing.cms import CheckedToken
from signing.parsing import whole
from signing.reader import read_seals
from signing.timestamps import TimestampService
from signing.verification import verify


def renew(
    pdf: bytes, chains: ChainChecker, timestamps: TimestampService, *, now: datetime | None = None
) -> ArchivedPdf:
    """The file with one more archive time stamp; a B-LT file becomes B-LTA by its first.

    The fresh proof that the authorities of the newest time stamps are not revoked goes into the security store with it
    (EN 319 142-1 §5.4.3), so that these stay provable after their end. `now` (aware) is for tests. Raises Refused for a
    file that is not valid at this moment or that the second reader does not find sound, Permanent when an earlier
    authority must not be relied on (revoked, say), and Retry when no time stamp by an authority that may be relied on,
    or no fresh revocation data, is to be had.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    verdict = verify(pdf, chains.trust, now=now)
    if not verdict.valid:
        raise Refused([Fault("", each.code, each.text_en, each.text_zh) for each in verdict.reasons])
    proven = [_checked(chains, stamp, now) for stamp in _newest_stamps(pdf)]
    try:
        return add_archive_stamp(pdf, chains, timestamps, now=now, proven=proven)
    except Permanent as error:  # of the authority that was to stamp now: another one may do it, the file is well
        raise Retry(str(error)) from error


def renewal_due(stamped_at: datetime, until: datetime, margin: timedelta) -> datetime:
    """When to renew a file whose newest time stamp is of `stamped_at` and ends `until` (both aware).

    That is `margin` before the end, but not before two thirds of the time have gone: of a short one a third is left.
    """
    return max(until - margin, stamped_at + (until - stamped_at) * 2 / 3)


def _newest_stamps(pdf: bytes) -> list[CheckedToken]:
    """The last document time stamp and those of signatures that came after it; Refused when the file is not sound."""
    reading = read_seals(pdf)
    if not reading.sound:
        raise Refused(reading.faults)
    last = max((seal.covers for seal in reading.seals if seal.kind == "DocTimeStamp"), default=0)
    return [seal.stamp for seal in reading.seals if seal.covers >= last and seal.stamp]


def _checked(chains: ChainChecker, stamp: CheckedToken, now: datetime) -> CheckedChain:
    others = [whole(each) for each in stamp.certificates]  # kept by `chains`, and shared by all threads
    return chains.check(whole(stamp.certificate), others, now=now, time_stamping=True)
