"""Whether exactly these bytes were released here, or made of such by a renewal, and what became of them since.

Anybody may ask who has the file. Nothing else about the document is said, not even its number; why so much may be said
stands in docs/threat-model.md.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.portal.wording import messages
from pipeline.composition import Songda
from pipeline.verifying import verdict_of
from records import affected, documents, links

#: (effect of a later document, state that it makes), gravest first.
_STATES: Final = (("ends", "revoked"), ("changes", "changed"), ("mends", "mended"))
_TEXTS: Final = {
    "unknown": (
        "These bytes were not released by this system. That says nothing against them: other systems seal, too.",
        "本系统没有签发过这一文件。这并不表示文件有问题：文件也可能由其他系统签发。",
    ),
    "unchanged": (
        "Released by this system on {day}. No later instrument of this system ends or changes it.",
        "由本系统于{day}签发。本系统没有撤销或变更它的后续文书。",
    ),
    "revoked": (
        "Released by this system on {day}; ended by a later instrument since {since}.",
        "由本系统于{day}签发；自{since}起已被后续文书撤销或终止。",
    ),
    "changed": (
        "Released by this system on {day}; changed by a later instrument since {since}.",
        "由本系统于{day}签发；自{since}起已被后续文书变更。",
    ),
    "mended": (
        "Released by this system on {day}; its text was rectified by a later instrument since {since}.",
        "由本系统于{day}签发；自{since}起其文字已被后续文书补正。",
    ),
}


def answer_about(songda: Songda, pdf: bytes) -> dict[str, Any]:
    """The verdict about these bytes as this installation trusts, their digest, and whether it released them.

    Raises Refused, Retry and Permanent as `verdict_of` does.
    """
    found = verdict_of(pdf, Path(songda.settings.trust_list), test_system=songda.test)
    sha256 = hashlib.sha256(pdf).hexdigest()
    with songda.database.read() as connection:
        released = released_here(connection, sha256)
    if released["known"]:  # then it is known here what a later instrument did
        found["unchecked"] = [note for note in found["unchecked"] if note["code"] != "later_instrument"]
    return found | {"sha256": sha256, "released": released}


def released_here(connection: sa.Connection, sha256: str) -> dict[str, Any]:
    """``{"known", "released_on", "state", "since", "seal", "text_en", "text_zh"}`` for bytes with this SHA-256.

    Days are Beijing's, YYYY-MM-DD; `state` is ``unchanged``, ``revoked``, ``changed`` or ``mended``, null if not known;
    `seal` says, of a document sealed while the key may have been in other hands, what its mark says, else null.
    """
    found = documents.released_as(connection, sha256)
    if found is None:
        return _told(None, None, None)
    effects = links.effects_on(connection, found["id"])
    day = day_of(found["released_at"]).isoformat()
    mark = affected.find(connection, found["id"])
    seal = affected.state(mark, mark["status"]) if mark else None
    for effect, state in _STATES:
        if effect in effects:
            return _told(state, day, effects[effect], seal)
    return _told("unchanged", day, None, seal)


def _told(state: str | None, day: str | None, since: str | None, seal: str | None = None) -> dict[str, Any]:
    english, chinese = (text.format(day=day, since=since) for text in _TEXTS[state or "unknown"])
    if seal:
        mark_zh, mark_en = messages()[f"mark.{seal}"]
        english, chinese = f"{english} {mark_en}", chinese + mark_zh
    known = {"known": state is not None, "released_on": day, "state": state, "since": since, "seal": seal}
    return known | {"text_en": english, "text_zh": chinese}
