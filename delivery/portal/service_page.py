"""The page that says on which day a document was served, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from delivery.paper import PaperRecord
from delivery.paper_records import is_incomplete
from delivery.portal.views import item_of, outcome_name, timed, written
from delivery.portal.wording import Words


def values(row: sa.RowMapping, receipts: Sequence[sa.RowMapping], t: Words, now: datetime) -> dict[str, Any]:
    """What the template shows: the answer as it was decided last, with its reasons in the visitor's language."""
    answer = row["service_answer"]
    return {
        "item": item_of(row, t, now),
        "row": row,
        "answer": answer,
        "days": [written(date.fromisoformat(day), t) for day in answer["days"]] if answer else [],
        "reasons": [
            {"text": t.pick(reason["text_zh"], reason["text_en"]), "citation": reason["citation"]}
            for reason in (answer["reasons"] if answer else ())
        ],
        "receipts": [_receipt(receipt, t) for receipt in receipts],
    }


def _receipt(receipt: sa.RowMapping, t: Words) -> dict[str, Any]:
    record = PaperRecord.of(receipt["record"])
    served_on = written(date.fromisoformat(receipt["served_on"]), t) if receipt["served_on"] else ""
    return {
        "method": t(f"method.{receipt['method']}"),
        "outcome": outcome_name(receipt["method"], receipt["outcome"], t),
        "served_on": t("record.date_unknown") if record.doubtful else served_on,
        "doubtful": record.doubtful,
        "incomplete": is_incomplete(receipt),
        "final": receipt["final"],
        "recorded": timed(receipt["recorded_at"], t),
        "record": receipt["record"],
        "scan": receipt["scan_digest"],
        "id": receipt["id"],
    }
