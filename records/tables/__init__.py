"""Every table. Each row belongs to an authority; what a case system sent belongs to its client as well."""

from __future__ import annotations

from records.tables.base import metadata
from records.tables.directory import (
    account,
    api_key,
    authority,
    authority_revision,
    calendar_feed,
    client,
    confirmation_letter,
    contact,
    counterparty,
    login_failure,
    person,
    session,
    system,
)
from records.tables.documents import delivery, document, idempotency_key, job, link, notice, paper_receipt
from records.tables.evidence import (
    artifact,
    calendar_approval,
    calendar_notice,
    case_file,
    event,
    ledger_head,
    template_version,
    volume,
)
from records.tables.numbers import number, seal, seal_use, series
from records.tables.registrations import (
    activation,
    campaign,
    message,
    registration,
    registration_decision,
    registration_submission,
    visit,
)
from records.tables.steps import STEP_IS_OPEN, step

#: Tables that refuse UPDATE and DELETE by trigger.
APPEND_ONLY = (
    event,
    seal_use,
    paper_receipt,
    calendar_notice,
    calendar_approval,
    template_version,
    case_file,
    volume,
    registration_submission,
    registration_decision,
)

__all__ = [
    "APPEND_ONLY",
    "STEP_IS_OPEN",
    "account",
    "activation",
    "api_key",
    "artifact",
    "authority",
    "authority_revision",
    "calendar_approval",
    "calendar_feed",
    "calendar_notice",
    "campaign",
    "case_file",
    "client",
    "confirmation_letter",
    "contact",
    "counterparty",
    "delivery",
    "document",
    "event",
    "idempotency_key",
    "job",
    "ledger_head",
    "link",
    "login_failure",
    "message",
    "metadata",
    "notice",
    "number",
    "paper_receipt",
    "person",
    "registration",
    "registration_decision",
    "registration_submission",
    "seal",
    "seal_use",
    "series",
    "session",
    "step",
    "system",
    "template_version",
    "visit",
    "volume",
]
