"""An installation of the tests' own: authority with approved facts, counterparty, series, seal, case system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from delivery import passwords
from delivery.beijing import day_of
from pipeline.composition import Songda
from pipeline.settings import load
from records import access, api_keys, directory, seals, series
from records.database import Database, legal_time
from records.store import open_store
from records.tables import metadata
from templates.catalogue import catalogue
from tests.portal_house import PASSWORD

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
AUTHORITY = "caac-north-china"


@dataclass(frozen=True)
class House:
    """An opened installation with one case system that may do everything."""

    songda: Songda
    client_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def counts(self) -> Mapping[str, int]:
        """How many rows each table has: equal before and after means that nothing was stored."""
        with self.songda.database.read() as connection:
            return {
                table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }


def sample(name: str) -> dict[str, Any]:
    """One of the jobs in samples/."""
    job: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return job


def furnish(database: Database, home: Path) -> House:
    """Furnish an empty TEST database. The seal's key is never loaded: no step runs here."""
    songda = Songda(load(home, {}), database, open_store(f"file://{home}/store"))
    facts = json.loads((SAMPLES / "authorities" / f"{AUTHORITY}.json").read_text("utf-8"))
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        revision = directory.propose_facts(connection, AUTHORITY, facts, "first")
        directory.approve_facts(connection, AUTHORITY, revision, "second")
        directory.create_counterparty(
            connection,
            AUTHORITY,
            "air-example",
            kind="legal_person",
            name_zh="北方示例航空有限公司",
            name_en="Northern Example Airlines Co., Ltd.",
            address_zh="北京市顺义区天竺示例大街8号",
            address_en="8 Tianzhu Shili Avenue, Shunyi District, Beijing",
        )
        seals.register(
            connection, AUTHORITY, ring_text="示例", second_line="行政执法专用章", key_uri="pkcs12:none", test=True
        )
        year = day_of(legal_time(connection)).year
        for kind in sorted({catalogue().get(each).print.series for each in catalogue().ids()} - {""}):
            series.create(
                connection, AUTHORITY, kind, year, f"示例{kind}〔{{year}}〕{{n}}号", f"{kind} [{{year}}] No. {{n}}"
            )
        client_id = api_keys.create_client(connection, AUTHORITY, "case system")
        key = api_keys.issue(connection, client_id, api_keys.SCOPES)
    return House(songda, client_id, key)


def furnish_with_a_clerk(database: Database, home: Path) -> House:
    """The same, and somebody of the legal department logs in as `clerk`, with the tests' password."""
    made = furnish(database, home)
    with database.write() as connection:
        hashed = passwords.hash_password(PASSWORD)
        access.add_person(connection, AUTHORITY, login="clerk", name="刘芳", roles=("legal",), password_hash=hashed)
    return made


def another_key(house: House, *scopes: str, client_id: str | None = None) -> dict[str, str]:
    """Headers with another key of the same client, or of another one."""
    with house.songda.database.write() as connection:
        key = api_keys.issue(connection, client_id or house.client_id, scopes or api_keys.SCOPES)
    return {"Authorization": f"Bearer {key}"}
