"""An authority with a seal whose key is real, its approver, and documents that wait to be sealed by the real step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps.sealing import seal
from records import access, documents, ledger, seal_approvals, seals, steps
from records.database import Database, legal_time, set_legal_time
from records.store import FileStore
from records.tables import document, seal_grant, seal_use, step
from tests.rows import AUTHORITY, make_document
from tests.signing_support import Bench, tagged_pdf

STATEMENT = {"name": "何静", "role": "主要负责人", "rule": "004-65", "approved_at": "2026-11-20T10:05:00+08:00"}


class SealHouse:
    """Runs the seal step on documents of its own. The legal clock stands where the database's does."""

    def __init__(self, database: Database, home: Path, bench: Bench) -> None:
        self.database, self.bench, self.home = database, bench, home
        self.store = FileStore(home / "store")
        self.printed = self.store.put(tagged_pdf())
        with database.write() as connection:
            make_document(connection)  # makes authority and client
            self.leader = access.add_person(
                connection, AUTHORITY, login="leader", name="孙建平", roles=("leader",), password_hash="x"
            )
        self.seal_id, self.entry = self.add_seal()
        self.runner = self.another()

    def add_seal(self, **columns: Any) -> tuple[str, str]:
        """Another seal with the same key, and the leader as its approver; their ids."""
        files = self.bench.pki.seals["north"]
        values = {"ring_text": "民航华北地区管理局", "second_line": "行政执法专用章"} | columns
        with self.database.write() as connection:
            seal_id = seals.register(connection, AUTHORITY, key_uri=f"pkcs12:{files.pkcs12}", test=True, **values)
            office = {"role_zh": "局领导", "role_en": "deputy director", "rule": "004-77"}
            entry = seals.add_approver(connection, seal_id, self.leader, **office, by="operator:test")
        return seal_id, entry

    def another(self) -> Runner:
        """A worker of its own, which knows the secrets of the seals that there are now."""
        with self.database.read() as connection:
            ids = [row["id"] for row in seals.listed(connection)]
        pki = self.bench.pki
        settings = Settings(home=self.home, trust_list=str(pki.trust_list), tsa_urls=(pki.tsa_url,))
        settings = replace(settings, secrets=dict.fromkeys(ids, pki.seals["north"].passphrase))
        self.songda = Songda(settings, self.database, self.store)
        runner = Runner(self.songda, "test", {"seal": seal, "release": _nothing_follows})
        runner.queue = Queue("", 16, runner.run_step)
        return runner

    def rendered(self, digest: str = "", **columns: Any) -> str:
        """A document that is to be sealed now."""
        with self.database.write() as connection:
            placement = columns.pop("placement", {"page": 1, "x_mm": 140, "y_mm": 100})
            document_id = make_document(connection, approval=STATEMENT, **columns)
            values = {"rendered_digest": digest or self.printed, "placement": placement}
            rendered = document.update().where(document.c.id == document_id)
            connection.execute(rendered.values(status="rendered", pages=2, **values))
            steps.add(connection, "document", document_id, "seal")
        return document_id

    def run(self, document_id: str, runner: Runner | None = None) -> str:
        """Let the step run if it is due; returns the document's status."""
        (runner or self.runner).run_step(f"{document_id}/seal")
        return str(self.row(document_id)["status"])

    def row(self, document_id: str) -> sa.RowMapping:
        with self.database.read() as connection:
            return documents.get(connection, document_id)

    def step(self, document_id: str) -> sa.RowMapping:
        with self.database.read() as connection:
            return connection.execute(sa.select(step).where(step.c.id == f"{document_id}/seal")).mappings().one()

    def uses(self) -> list[sa.RowMapping]:
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return list(connection.execute(sa.select(seal_use)).mappings())

    def events(self, stream: str) -> list[ledger.Event]:
        with self.database.read() as connection:
            return ledger.events(connection, stream)

    def approve(self, document_id: str, digest: str = "", seal_id: str = "") -> tuple[str, ...]:
        """The leader approves these bytes (those that the document has, unless told otherwise)."""
        with self.database.write() as connection:
            approver = seals.approver_of(connection, seal_id or self.seal_id, self.leader)
            assert approver is not None
            row = documents.get(connection, document_id)
            proof = {"session": "0" * 64, "authenticated": "password again"}
            return seal_approvals.approve(connection, row, digest or row["rendered_digest"], approver, **proof)

    def grant(self, *instruments: str, most_uses: int = 10, days: int = 30, seal_id: str = "", **more: Any) -> str:
        """The leader grants uses of a seal, the first one unless told otherwise; returns the grant's id."""
        with self.database.write() as connection:
            approver = seals.approver_of(connection, seal_id or self.seal_id, self.leader)
            assert approver is not None
            until = legal_time(connection) + timedelta(days=days)
            grant_id, _ = seal_approvals.grant(
                connection,
                approver,
                instruments=instruments,
                client_id=more.pop("client_id", None),
                valid_until=until,
                most_uses=most_uses,
                by=self.leader,
                **more,
            )
        return grant_id

    def counted(self, grant_id: str) -> int:
        with self.database.read() as connection:
            return int(connection.execute(sa.select(seal_grant.c.uses).where(seal_grant.c.id == grant_id)).scalar_one())

    def now(self) -> datetime:
        with self.database.read() as connection:
            return legal_time(connection)

    def pass_days(self, days: float) -> None:
        with self.database.write() as connection:
            set_legal_time(connection, legal_time(connection) + timedelta(days=days))

    def close(self) -> None:
        self.runner.close()
        self.songda.cabinet.close()


def _nothing_follows(songda: Songda, claim: steps.Claim) -> Conclusion:
    return Conclusion(lambda connection: Done())
