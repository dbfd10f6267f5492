"""A worker that is killed between an SMS and its outcome: the gateway has it once, and what is not known is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from records.tables import event, notice
from tests.sms_operators import Operator, operator
from tests.system import System, running_system, sample


def _one_document(system: System) -> None:
    headers = {"Authorization": f"Bearer {system.access.api_key}", "Idempotency-Key": "one"}
    job = sample("penalty-prior-notice")
    assert httpx2.post(f"{system.access.url}/v1/jobs", json=job, headers=headers, timeout=30).status_code == 202


def _written(gateway: Operator) -> dict[str, Any]:
    """Its settings as the keys of songda.toml."""
    settings = gateway.settings()
    codes = settings.pop("sms_templates", {})
    return settings | {f"sms_templates.{name}": code for name, code in codes.items()}


def _killed_at_the_first_sms(home: Path, kind: str) -> tuple[list[str], dict[str, str], list[str]]:
    """Out_ids as they came in, state of each SMS, kinds of the events about them."""
    with operator(kind) as gateway, running_system(home, workers=1, **_written(gateway)) as system:
        (worker,) = (name for name in system.programs if name.startswith("worker"))

        def kill_once() -> None:
            if len(gateway.requests) == 1:
                system.kill(worker)
                system.start(worker)

        gateway.heard = kill_once
        _one_document(system)
        system.wait_until_done(60)
        rows = {row["message_id"]: row["state"] for row in system.rows(notice) if row["channel"] == "sms"}
        kinds = [row["kind"] for row in system.rows(event) if row["subject"] == gateway.requests[0]["out_id"]]
        return [each["out_id"] for each in gateway.requests], rows, kinds


@pytest.mark.timeout(180)
def test_the_same_out_id_goes_again_to_a_gateway_that_sends_it_once(tmp_path: Path) -> None:
    came, rows, kinds = _killed_at_the_first_sms(tmp_path / "home", "http")
    assert came.count(came[0]) == 2 and set(came) == set(rows)
    assert set(rows.values()) == {"sent"}
    assert kinds == ["notice.ambiguous", "notice.sent"]


@pytest.mark.timeout(180)
def test_alibaba_cloud_is_not_asked_again_and_the_outcome_is_ambiguous(tmp_path: Path) -> None:
    came, rows, kinds = _killed_at_the_first_sms(tmp_path / "home", "aliyun")
    assert len(came) == len(set(came)) == len(rows)
    assert rows.pop(came[0]) == "ambiguous" and set(rows.values()) <= {"sent"}
    assert kinds == ["notice.ambiguous", "notice.ambiguous"]
