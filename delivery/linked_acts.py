"""What a document may do to another one, and what the new document takes over of the old.

A released document binds. It ends or changes only by another decision (004-100), a 补正决定书 mends its text, and each
of these is served like the first; 作废 (004-97) is for what was never released.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from delivery.document_dates import document_date
from records import directory, documents, links
from records.errors import Fault
from templates.manifests import Manifest, manifest, manifests

#: The rule behind each effect.
RULES: Final = {"ends": "004-100", "changes": "004-100", "mends": "", "declares": "004-97"}

#: How the facts of a revocation-decision call it.
TOLD: Final = {"ends": "revoke", "changes": "change"}

_PENDING: Final = ("pending",)
_STANDING: Final = ("pending", "in_effect")
_ENDINGS: Final = ("ends", "changes")

#: From which status of its target each effect may begin.
_FROM: Final[Mapping[str, frozenset[str]]] = {
    "ends": frozenset({"released", "changed"}),
    "changes": frozenset({"released"}),
    "mends": frozenset({"released", "changed"}),
    "declares": frozenset({"void", "failed"}),
}


def acting_instrument(effect: str) -> Manifest:
    """The instrument that has this effect on others."""
    return next(each for each in manifests().values() if effect in each.acts)


def state_faults(connection: sa.Connection, authority_id: str, effect: str, target_id: str) -> list[Fault]:
    """Whether the target stands where this may be done to it, and nobody else is about to do it."""
    target = documents.find_in(connection, target_id, authority_id)
    if target is None:
        return [_fault(effect, "unknown_document", "The authority has no such document.", "本机关没有此文书。")]
    status = target["status"]
    if status not in _FROM[effect] or (effect == "declares" and target["number_zh"] is None):
        en = f"The document is {status}; here it must be {' or '.join(sorted(_FROM[effect]))}."
        zh = f"该文书的当前状态为 {status}，不能这样处理。"
        return [_fault(effect, "wrong_state", en, zh)]
    if effect != "declares" and not manifest(target["instrument"]).served:
        en = "The document is never served on anybody: it binds nobody, and there is nothing to end, change or mend."
        return [_fault(effect, "not_served", en, "该文书不向当事人送达，无须撤销、变更或者补正。")]
    effects, states = (_ENDINGS, _PENDING) if effect in _ENDINGS else (("declares",), _STANDING)
    if effect != "mends" and links.standing(connection, target_id, effects, states):
        en = "Another document is doing this to it already."
        return [_fault(effect, "already_linked", en, "已有其他文书对该文书作同样处理。")]
    return []


def _fault(effect: str, code: str, en: str, zh: str) -> Fault:
    return Fault("", code, en, zh, RULES[effect])


def first_served(recipients: list[sa.RowMapping]) -> str:
    """The first legal day (YYYY-MM-DD) on which one of these (`records.links.recipients`) was served, "" before."""
    return min((row["service_date"] for row in recipients if row["service_date"]), default="")


def taken_over(
    connection: sa.Connection, effect: str, target: sa.RowMapping, recipients: list[sa.RowMapping]
) -> dict[str, Any]:
    """The facts of the acting document as far as the records know them; what its schema does not know is ignored."""
    title = {"zh": manifest(target["instrument"]).title_zh, "en": manifest(target["instrument"]).title_en}
    number = {"zh": target["number_zh"] or "", "en": target["number_en"] or target["number_zh"] or ""}
    if effect == "declares":
        reason = target["reason"] if target["status"] == "void" else None
        told: dict[str, Any] = {"form": title, "state": "unreleased", "numbers": [number["zh"]]}
        told["case_no"] = target["case_no"]
        return told | ({"reason": {"en" if reason.isascii() else "zh": reason}} if reason else {})
    found = directory.authority_facts(connection, target["authority_id"])
    dates = {"made_on": document_date(target).isoformat(), "served_on": first_served(recipients)}
    facts: Mapping[str, Any] = target["facts"]
    return {
        "effect": TOLD.get(effect, ""),
        "party": facts.get("party") or _named(recipients),
        "document": {"title": title, "number": number, "maker": dict(found[1]["name"]) if found else {}, **dates},
        "cause": facts.get("cause", {}),
    }


def _named(recipients: list[sa.RowMapping]) -> dict[str, Any]:
    first = recipients[0] if recipients else None
    return {"name": {"zh": first["recipient_zh"], "en": first["recipient_en"]}} if first else {}
