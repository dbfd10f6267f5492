"""Rows for tests of the records and of the pipeline's parts: one authority, one client, documents on their way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from records import api_keys, archives, deliveries, directory, documents, seal_approvals, seals
from records.database import legal_time
from records.ids import new_id
from records.tables import authority, client, person

AUTHORITY = "a"
COUNTERPARTY = "c"


def make_counterparty(
    connection: sa.Connection, authority_id: str = AUTHORITY, counterparty_id: str = COUNTERPARTY
) -> None:
    directory.create_counterparty(
        connection,
        authority_id,
        counterparty_id,
        kind="legal_person",
        name_zh="甲公司",
        name_en="Company A",
        address_zh="乙路1号",
        address_en="1 B Road",
    )


def make_document(
    connection: sa.Connection, document_id: str = "", *, authority_id: str = AUTHORITY, **columns: Any
) -> str:
    """An accepted document of a job of its own; authority and client are made when they are not there."""
    if connection.execute(sa.select(authority.c.id).where(authority.c.id == authority_id)).first() is None:
        directory.create_authority(connection, authority_id)
    client_id = connection.execute(sa.select(client.c.id).where(client.c.authority_id == authority_id)).scalar()
    client_id = client_id or api_keys.create_client(connection, authority_id, "case system")
    job_id, document_id = new_id("job"), document_id or new_id("doc")
    documents.insert_job(connection, id=job_id, authority_id=authority_id, client_id=client_id, case_no="1", body="{}")
    values: dict[str, Any] = {
        "instrument": "hearing-notice",
        "template_version": "1",
        "engine": "typst",
        "facts": {},
        "numbered": True,
        "sealed": True,
        "delivered": True,
        "important": False,
        "series_kind": "hearing-notice",
    }
    documents.insert(
        connection,
        id=document_id,
        job_id=job_id,
        authority_id=authority_id,
        client_id=client_id,
        case_no="1",
        position=0,
        authority_revision=1,
        copies_to=[],
        **(values | columns),
    )
    return document_id


def make_renewal(connection: sa.Connection, document_id: str, released: str, renewed: str) -> datetime:
    """A released document whose proof was renewed: digests of what was released and of the newer file.

    Returns until when it is provable.
    """
    end = datetime(2046, 1, 1, tzinfo=UTC)
    row = documents.get(connection, document_id)
    archives.keep(connection, document_id, row["authority_id"], document_id, released, end, end)
    documents.record_artifact(connection, renewed, 1, "application/pdf")
    moments = {"stamped_at": end, "provable_until": end, "renew_at": end}
    kept = archives.get(connection, document_id)
    archives.renewed(connection, kept, digest=renewed, timestamp_authority="x", **moments)
    return end


def allow_everything(connection: sa.Connection, seal_id: str) -> None:
    """A person of the seal's authority becomes its approver, and grants its use on everything for a month."""
    here = person.c.authority_id == seals.find(connection, seal_id)["authority_id"]
    person_id = connection.execute(sa.select(person.c.id).where(here).order_by(person.c.id).limit(1)).scalar_one()
    office = {"role_zh": "局领导", "role_en": "deputy director", "rule": "004-77"}
    seals.add_approver(connection, seal_id, person_id, **office, by="operator:test")
    approver = seals.approver_of(connection, seal_id, person_id)
    assert approver is not None
    until = legal_time(connection) + timedelta(days=30)
    limits: dict[str, Any] = {"client_id": None, "valid_until": until, "most_uses": 1000}
    seal_approvals.grant(connection, approver, instruments=(), **limits, by=person_id)


def make_delivery(connection: sa.Connection, document_id: str, *, authority_id: str = AUTHORITY, **columns: Any) -> str:
    """A delivery of the document to the counterparty, which is made when it is not there."""
    if directory.find_counterparty(connection, authority_id, COUNTERPARTY) is None:
        make_counterparty(connection, authority_id)
    values: dict[str, Any] = {
        "counterparty_id": COUNTERPARTY,
        "recipient_zh": "甲公司",
        "recipient_en": "Company A",
        "paper_required": False,
    }
    return deliveries.insert(connection, document_id=document_id, authority_id=authority_id, **(values | columns))
