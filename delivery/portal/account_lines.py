"""Accounts of a counterparty in words: whether they are in use, and where the code of one that is not went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delivery.activation import masked
from delivery.portal.views import minute
from delivery.portal.wording import Words


def account_line(row: Mapping[str, Any], t: Words) -> dict[str, Any]:
    """One account, as `activations.of_counterparty` gives it. No code is in it: nobody but its reader has that."""
    code, sent, state = row["activation"], row["message"], _state(row)
    told = ""
    if sent is not None and state in ("waiting", "late"):
        came = t(f"account.message_{sent['state']}")
        told = t("account.sent", to=masked(sent["address"]), came=came, until=minute(code["expires_at"], t))
    return {
        "id": row["id"],
        "login": row["login"],
        "department": row["department"],
        "state": t(f"account.{state}"),
        "code": "returned" if sent and state != "activated" and sent["state"] in ("failed", "ambiguous") else "plain",
        "sent": told,
        "open": row["state"] == "approved" and row["ends_at"] is None,
    }


def _state(row: Mapping[str, Any]) -> str:
    code = row["activation"]
    if row["state"] == "stopped":
        return "stopped"
    if row["ends_at"] is not None:
        return "counsel"
    if code is None:
        return "no_code"
    if code["used_at"] is not None:
        return "activated"
    return "late" if row["late"] else "waiting"
