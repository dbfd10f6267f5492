"""A counter-signature: a further PAdES signature, as a revision, in a field that was kept for it by the first one.

Its picture comes with it and not before: a seal is never seen where nobody has signed. Its place and
whose it is, which the first signature covers, cannot be changed any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary

from records.errors import Fault, Refused
from signing.certificates import CheckedChain
from signing.fields import PADES_SUBFILTER, asked_signer, kept_field
from signing.increments import append_revision
from signing.locks import refuse_locked
from signing.overlays import form_of
from signing.rooms import Room
from signing.sealing import (
    PROVEN,
    Profile,
    SealedPdf,
    SealingMeans,
    Signing,
    archived,
    opened_for_signing,
    signature_dictionary,
)
from signing.security_store import extend_store


def counter_sign(
    pdf: bytes,
    field_name: str,
    means: SealingMeans,
    *,
    picture: bytes | None,
    profile: Profile = Profile.B_LT,
    reason: str = "",
    location: str = "",
    now: datetime | None = None,
) -> SealedPdf:
    """`pdf` with a further revision in which the kept field holds a signature, with `picture` (a one-page PDF).

    With `Profile.B_LTA` an archive time stamp follows: only the last signature of a file is put on like that. Raises
    Refused, before the key is used, for a file that cannot be read, keeps no such field or keeps it for another, or in
    which a signature allows nothing to be added; Permanent and Retry as `seal_pdf` does.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    with opened_for_signing(pdf) as opened:
        refuse_locked(opened, field_name)
        if asked_signer(kept_field(opened, field_name, PADES_SUBFILTER)) not in (None, means.key.certificate.dump()):
            raise Refused(
                [
                    Fault(
                        "",
                        "other_signer",
                        f"the field {field_name} is kept for another certificate",
                        "签名域预留给其他证书",
                    )
                ]
            )
    signer = means.chains.check(means.key.certificate, means.key.chain, now=now)

    def write(authorities: Sequence[CheckedChain], reserve: int) -> Room:
        with opened_for_signing(pdf) as opened:
            widget = kept_field(opened, field_name, PADES_SUBFILTER)
            widget.V = opened.make_indirect(signature_dictionary(signer, reserve, reason, location, now))
            changed = [widget, widget.V]
            if picture:
                widget.AP = Dictionary(N=form_of(opened, picture))
                changed += _reached(widget.AP)
            changed += extend_store(opened, [signer, *authorities], proof=profile in PROVEN)
            return Room.locate(append_revision(pdf, opened, changed), reserve, since=len(pdf))

    signed = Signing(means, signer, profile, now, write).signed()
    return archived(signed, means) if profile is Profile.B_LTA else signed


def _reached(value: Any) -> list[Any]:
    """The indirect objects that a drawing consists of; all of them are new, as it was copied into the file just now."""
    found: dict[tuple[int, int], Any] = {}
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, pikepdf.Object) or each.objgen in found:
            continue
        if each.is_indirect:
            found[each.objgen] = each
        waiting += _parts(each)
    return list(found.values())


def _parts(value: Any) -> list[Any]:
    if isinstance(value, pikepdf.Stream):
        return list(value.stream_dict.values())
    if isinstance(value, Dictionary):
        return list(value.values())
    return list(value) if isinstance(value, Array) else []
