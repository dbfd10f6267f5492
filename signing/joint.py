"""Several seals on one document: the first certifies it, the others counter-sign, an archive time stamp comes last.

An electronic seal of GB/T 38540 stands between: after the signatures, so that it covers them, and before the archive
time stamp, which alone proves when it was put on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from records.errors import Fault, Refused
from signing.codes import Code
from signing.counter_signing import counter_sign
from signing.electronic import FIELD, Filler
from signing.fields import Placement
from signing.sealing import KeptField, Profile, SealedPdf, SealingMeans, archived, seal_pdf
from signing.seams import Seam


@dataclass(frozen=True)
class PlacedSeal:
    """One seal on a document: whose it is, what is seen (a one-page PDF), where, and what is read aloud of it."""

    means: SealingMeans
    picture: bytes
    placement: Placement
    description: str


def seal_jointly(
    pdf: bytes,
    seals: Sequence[PlacedSeal],
    *,
    profile: Profile = Profile.B_LT,
    reason: str = "",
    location: str = "",
    seam: Seam | None = None,
    code: Code | None = None,
    electronic: Filler | None = None,
    now: datetime | None = None,
) -> list[SealedPdf]:
    """Put seals on a document, in their order; gives what is to be recorded of each, the last one with the whole file.

    The seam seal is the first one's; `electronic` puts on the electronic seal that is to stand beside them. Every
    certificate is checked before the first key is used, so that no document is left with some of its seals. Raises
    Refused, Permanent and Retry as `seal_pdf`, `counter_sign` and `electronic` do.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    if not seals:
        raise Refused([Fault("/seals", "no_seal", "a document is sealed with one seal at least", "至少应有一枚印章")])
    for each in seals:
        each.means.chains.check(each.means.key.certificate, each.means.key.chain, now=now)
    first, others = seals[0], seals[1:]
    level = Profile.B_LT if profile is Profile.B_LTA else profile
    said: dict[str, Any] = {"profile": level, "reason": reason, "location": location, "now": now}
    kept = [
        KeptField(f"Seal{n}", each.placement, each.description, each.means.key.certificate)
        for n, each in enumerate(others, start=2)
    ]
    shown: dict[str, Any] = {"placement": first.placement, "picture": first.picture, "description": first.description}
    prepared: dict[str, Any] = {"kept": kept, "second_field": FIELD if electronic else None}
    put_on = [seal_pdf(pdf, first.means, **shown, seam=seam, code=code, **prepared, **said)]
    for field, each in zip(kept, others, strict=True):
        put_on.append(counter_sign(put_on[-1].pdf, field.name, each.means, picture=each.picture, **said))
    if electronic:
        put_on[-1] = replace(put_on[-1], pdf=electronic(put_on[-1].pdf))
    if level is not profile:
        put_on[-1] = archived(put_on[-1], first.means)
    return put_on
