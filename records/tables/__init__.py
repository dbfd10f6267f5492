"""Every table. Each row belongs to an authority; what a case system sent belongs to its client as well."""

from __future__ import annotations

from records.tables.base import metadata
from records.tables.compromises import affected_document, genuine_document, seal_compromise
from records.tables.directory import (
    account,
    api_key,
    authority,
    authority_revision,
    calendar_feed,
    change,
    client,
    confirmation_letter,
    contact,
    counterparty,
    login_failure,
    person,
    second_factor,
    session,
    system,
)
from records.tables.documents import (
    NOTICE_FAILED,
    delivery,
    document,
    idempotency_key,
    job,
    link,
    notice,
    paper_receipt,
)
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
from records.tables.numbers import number, series
from records.tables.seals import paper_seal, seal, seal_approval, seal_approver, seal_grant, seal_use
from records.tables.steps import SEAL_IS_OPEN, STEP_IS_OPEN, step
from records.tables.watch import timestamp_authority

#: Tables that refuse UPDATE and DELETE by trigger.
APPEND_ONLY = (
    event,
    seal_use,
    seal_approval,
    paper_seal,
    paper_receipt,
    calendar_notice,
    calendar_approval,
    template_version,
    case_file,
    volume,
    seal_compromise,
    affected_document,
    genuine_document,
)

__all__ = [
    "APPEND_ONLY",
    "NOTICE_FAILED",
    "SEAL_IS_OPEN",
    "STEP_IS_OPEN",
    "account",
    "affected_document",
    "api_key",
    "artifact",
    "authority",
    "authority_revision",
    "calendar_approval",
    "calendar_feed",
    "calendar_notice",
    "case_file",
    "change",
    "client",
    "confirmation_letter",
    "contact",
    "counterparty",
    "delivery",
    "document",
    "event",
    "genuine_document",
    "idempotency_key",
    "job",
    "ledger_head",
    "link",
    "login_failure",
    "metadata",
    "notice",
    "number",
    "paper_receipt",
    "paper_seal",
    "person",
    "seal",
    "seal_approval",
    "seal_approver",
    "seal_compromise",
    "seal_grant",
    "seal_use",
    "second_factor",
    "series",
    "session",
    "step",
    "system",
    "template_version",
    "timestamp_authority",
    "volume",
]
