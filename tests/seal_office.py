"""A portal house whose authority has a seal with an approver, and documents that wait for the approval."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from records import access, seals, steps
from records.database import legal_time
from records.tables import document, step
from tests.portal_house import AUTHORITY, PDF, PortalHouse
from tests.rows import make_document

OFFICE = {"role_zh": "局领导", "role_en": "deputy director", "rule": "004-77"}
DIGEST = hashlib.sha256(PDF).hexdigest()


@dataclass
class Office:
    """A portal house with a seal of its authority and one of another; the `leader` approves the first one's uses."""

    house: PortalHouse
    seal_id: str
    leader: str
    foreign_seal: str

    def waiting(self, digest: str = DIGEST, **columns: Any) -> str:
        """A document with a number whose seal step waits."""
        with self.house.database.write() as connection:
            document_id = make_document(
                connection,
                authority_id=AUTHORITY,
                approval={
                    "name": "何静",
                    "role": "主要负责人",
                    "rule": "004-65",
                    "approved_at": "2026-11-20T10:05+08:00",
                },
                preflight={
                    "rule_set": "x",
                    "warnings": [{"text_zh": "请核对期限。", "text_en": "Look at it.", "citation": "004-70"}],
                },
                **columns,
            )
            row = document.update().where(document.c.id == document_id)
            connection.execute(
                row.values(status="rendered", rendered_digest=digest, pages=2, number_zh="听1号", number_en="H 1")
            )
            held = steps.claim(connection, steps.add(connection, "document", document_id, "seal"), "test", 60)
            assert held is not None
            steps.park(connection, held, None, "awaiting approval")
        return document_id

    def step(self, document_id: str) -> sa.RowMapping:
        with self.house.database.read() as connection:
            return connection.execute(sa.select(step).where(step.c.id == f"{document_id}/seal")).mappings().one()

    def rows(self, table: sa.Table) -> list[sa.RowMapping]:
        with self.house.database.read() as connection:
            return list(connection.execute(sa.select(table)).mappings())

    def today(self) -> str:
        with self.house.database.read() as connection:
            return day_of(legal_time(connection)).isoformat()


def open_office(house: PortalHouse) -> Office:
    """Add the person `leader`, a seal of each authority, and their approvers."""
    house.store.put(PDF)
    with house.database.write() as connection:
        hashed = access.credentials(connection, "clerk")[0].password_hash
        leader = access.add_person(
            connection, AUTHORITY, login="leader", name="孙建平", roles=("leader",), password_hash=hashed
        )
        mark = {"ring_text": "甲局", "second_line": "行政执法专用章", "key_uri": "pkcs12:none", "test": True}
        seal_id, foreign = (seals.register(connection, each, **mark) for each in (AUTHORITY, "elsewhere"))
        seals.add_approver(connection, seal_id, leader, **OFFICE, by="x")
        elsewhere = access.credentials(connection, "clerk-elsewhere")[0].subject
        seals.add_approver(connection, foreign, elsewhere.id, **OFFICE, by="x")
    return Office(house, seal_id, leader, foreign)
