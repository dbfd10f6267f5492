"""An authority with two counterparties, a clerk and released documents, made directly through the records."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from delivery import passwords
from delivery.beijing import day_of
from delivery.portal.app import Portal, make_portal
from delivery.service import decide_delivery, fix_count
from records import access, api_keys, deliveries, directory, documents
from records.access import Account
from records.database import Database, legal_time, set_legal_time
from records.finding import found_at_desk, found_by
from records.ids import new_id
from records.store import FileStore
from records.tables import document
from signing import verification
from signing.certificates import TrustList
from templates.catalogue import catalogue

ROOT = Path(__file__).parent.parent
AUTHORITY = "caac-north-china"
PASSWORD = "correct horse battery"
PDF = b"%PDF-1.7\nsealed bytes\n%%EOF\n"


@functools.cache
def _hash() -> str:
    return passwords.hash_password(PASSWORD)


@dataclass
class PortalHouse:
    """What the portal's tests act on. `hints` are the step ids that the pages told the queue."""

    database: Database
    store: FileStore
    hints: list[str] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    client_id: str = ""
    trust: TrustList = field(default_factory=lambda: TrustList((), test_system=True))
    released: dict[str, Any] | None = None
    public_url: str = ""

    def verify(self, pdf: bytes) -> dict[str, Any]:
        """A real verdict by the trust list of this house."""
        found = verification.verify(pdf, self.trust).as_dict() | {"sha256": hashlib.sha256(pdf).hexdigest()}
        return found | {"released": self.released} if self.released else found

    @cached_property
    def app(self) -> FastAPI:
        return make_portal(
            Portal(
                database=self.database,
                store=self.store,
                hint=self.hints.extend,
                test=True,
                secure_cookies=False,
                system_name_zh="民航行业监管执法信息系统（SES）",
                system_name_en="Supervision and Enforcement System of Civil Aviation Industry (SES)",
                verify=self.verify,
                public_url=self.public_url,
            )
        )

    def browser(self, login: str = "") -> TestClient:
        """A visitor, logged in if a login is given; redirects are not followed."""
        client = TestClient(self.app, follow_redirects=False)
        if login:
            assert log_in(client, login).status_code == 303
        return client

    def employ(self, login: str, *roles: str, name: str = "何静", first_password: bool = False) -> str:
        """Add somebody with these roles to the authority; returns the login."""
        values = {"login": login, "name": name, "password_hash": _hash(), "first_password": first_password}
        with self.database.write() as connection:
            access.add_person(connection, AUTHORITY, roles=roles, **values)  # type: ignore[arg-type]
        return login

    def deliver(
        self,
        instrument: str = "penalty-prior-notice",
        *,
        to: str = "air-example",
        authority: str = AUTHORITY,
        route: str = "inbox",
        paper_status: str | None = None,
        pdf: bytes = PDF,
        number: int = 1,
        release: bool = True,
        case_no: str = "华北罚立〔2026〕17号",
    ) -> str:
        """A released document, dispatched and settled; returns the delivery's id."""
        made = catalogue().get(instrument)
        digest = self.store.put(pdf)
        job_id, document_id = new_id("job"), new_id("doc")
        important = made.manifest.important
        with self.database.write() as connection:
            documents.insert_job(
                connection,
                id=job_id,
                authority_id=authority,
                client_id=self.client_id,
                case_no=case_no,
                body="{}",
            )
            numbered = made.print.numbered
            documents.insert(
                connection,
                id=document_id,
                job_id=job_id,
                authority_id=authority,
                client_id=self.client_id,
                case_no=case_no,
                position=0,
                instrument=instrument,
                template_version=made.print.version,
                engine=made.print.engine,
                facts=made.sample_facts(),
                authority_revision=1,
                numbered=numbered,
                sealed=made.print.sealed,
                delivered=True,
                important=important,
                series_kind=made.print.series,
                copies_to=[],
                number_zh=f"民航华北示例〔2026〕{number}号" if numbered else None,
                number_en=f"CAAC-NC Example [2026] No. {number}" if numbered else None,
                final_digest=digest if release else None,
                rendered_digest=digest,
                pages=2,
                released_at=legal_time(connection) if release else None,
            )
            if release:
                connection.execute(document.update().where(document.c.id == document_id).values(status="released"))
            counterparty = directory.find_counterparty(connection, authority, to)
            assert counterparty
            sent_at = legal_time(connection) if release else None
            count = fix_count(connection, sent_at, day_of(sent_at)) if sent_at and route == "inbox" else None
            made_document = documents.get(connection, document_id)
            names = {"recipient_zh": counterparty["name_zh"], "recipient_en": counterparty["name_en"]}
            delivery_id = deliveries.insert(
                connection,
                instrument=instrument,
                found_by=found_by(made_document),
                found_at_desk=found_at_desk(made_document, names),
                document_id=document_id,
                authority_id=authority,
                counterparty_id=to,
                **names,
                route=route if release else None,
                status="available" if count else "pending",
                paper_required=important,
                sent_at=sent_at,
                service_count=count,
                paper_status=paper_status or ("to_print" if important or route == "paper" else "none"),
                deemed_date=count["days"][-1] if count else None,
            )
        if release:
            self.settle(delivery_id)
        return delivery_id

    def settle(self, delivery_id: str, days: int = 0) -> None:
        """What the settle step does, after the legal clock has moved on by `days`."""
        with self.database.write() as connection:
            if days:
                set_legal_time(connection, legal_time(connection) + timedelta(days=days))
            decide_delivery(connection, delivery_id, legal_time(connection))

    def row(self, delivery_id: str) -> dict[str, Any]:
        with self.database.read() as connection:
            return dict(deliveries.get(connection, delivery_id))


def furnish(database: Database, home: Path) -> PortalHouse:
    """Furnish an empty TEST database: logins NEA-FLB, OTHER-FLB, clerk; and an authority `elsewhere` with its clerk."""
    house = PortalHouse(database, FileStore(home / "store"))
    facts = json.loads((ROOT / "samples" / "authorities" / f"{AUTHORITY}.json").read_text("utf-8"))
    with database.write() as connection:
        for authority in (AUTHORITY, "elsewhere"):
            directory.create_authority(connection, authority)
            revision = directory.propose_facts(connection, authority, facts, "first")
            directory.approve_facts(connection, authority, revision, "second")
            for counterparty, zh, en in (
                ("air-example", "北方示例航空有限公司", "Northern Example Airlines Co., Ltd."),
                ("air-other", "另一示例航空有限公司", "Other Example Airlines Co., Ltd."),
            ):
                directory.create_counterparty(
                    connection,
                    authority,
                    counterparty,
                    kind="legal_person",
                    name_zh=zh,
                    name_en=en,
                    address_zh="北京市顺义区天竺示例大街8号",
                    address_en="8 Tianzhu Shili Avenue, Shunyi District, Beijing",
                )
        house.client_id = api_keys.create_client(connection, AUTHORITY, "case system")
        for login, counterparty in (("NEA-FLB", "air-example"), ("OTHER-FLB", "air-other")):
            directory.add_account(
                connection, AUTHORITY, counterparty, login=login, department="法律部", password_hash=_hash()
            )
            found = access.credentials(connection, login)[0].subject
            assert isinstance(found, Account)
            house.accounts[login] = found
        for login, authority, roles in (
            ("clerk", AUTHORITY, ("legal",)),
            ("clerk-elsewhere", "elsewhere", ("legal", "administrator")),
        ):
            access.add_person(connection, authority, login=login, name="刘芳", roles=roles, password_hash=_hash())
    return house


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name} in {page}"
    return found[1]


def log_in(client: TestClient, login: str, password: str = PASSWORD, **more: str) -> Any:
    form = client.get("/login").text
    return client.post("/login", data={"csrf": hidden(form, "csrf"), "login": login, "password": password} | more)


def clerks_browser(app: FastAPI) -> TestClient:
    """A browser in which `clerk` has logged in to the pages of `app`."""
    made = TestClient(app, follow_redirects=False)
    assert log_in(made, "clerk").status_code == 303
    return made
