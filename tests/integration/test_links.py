"""Ending, changing and mending released documents: by another document, when that is served, exactly once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery import inbox
from pipeline import linking
from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps.releasing import release
from records import cancellation, documents, ledger, links, series, steps
from records.database import Database
from records.errors import Refused
from records.store import FileStore
from records.tables import delivery, document, link
from templates.manifests import manifest
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.signing_support import plain_pdf

REVOCATION, RECTIFICATION, DECLARATION = "revocation-decision", "rectification-of-text", "void-declaration"
INSTRUMENT = {"ends": REVOCATION, "changes": REVOCATION, "mends": RECTIFICATION, "declares": DECLARATION}
SHOWN = inbox.Statement("我单位确认", "we confirm")


class Acting:
    """A house with one released decision, and documents that act on it."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.house: PortalHouse = furnish(database, home)
        self.store = FileStore(home / "store")
        self.runner = Runner(Songda(Settings(home=home), database, self.store), "test", {"release": release})
        self.runner.queue = Queue("", 16, self.runner.run_step)
        self.target = self.document_of(self.house.deliver("penalty-decision", number=1))

    def document_of(self, delivery_id: str) -> str:
        return str(self.house.row(delivery_id)["document_id"])

    def row(self, document_id: str) -> sa.RowMapping:
        with self.database.read() as connection:
            return documents.get(connection, document_id)

    def link(self, effect: str, target: str = "", *, number: int = 2) -> str:
        """A document that was accepted with this link and stands before its release; its delivery's id."""
        delivery_id = self.house.deliver("penalty-prior-notice", number=number, release=False)
        acting = self.document_of(delivery_id)
        with self.database.write() as connection:
            values = {"instrument": INSTRUMENT[effect], "status": "rendered", "sealed": False, "pages": 1}
            digest = self.store.put(plain_pdf())
            connection.execute(document.update().where(document.c.id == acting).values(**values, final_digest=digest))
        self.store_link(acting, effect, target or self.target)
        return delivery_id

    def store_link(self, acting: str, effect: str, target: str) -> None:
        named = [linking.Link(effect, target, f"/{effect}")]
        with self.database.write() as connection:
            linking.lock(connection, named)
            linking.store(connection, AUTHORITY, acting, 0, named)

    def release(self, acting: str) -> None:
        with self.database.write() as connection:
            steps.add(connection, "document", acting, "release")
        self.runner.run_step(f"{acting}/release")
        assert self.row(acting)["status"] == "released"

    def serve(self, delivery_id: str) -> str:
        """Send it and let the counterparty confirm; returns the service date."""
        with self.database.write() as connection:
            sent = sa.select(delivery.c.sent_at, delivery.c.service_count).where(delivery.c.sent_at.is_not(None))
            like = connection.execute(sent).mappings().first()
            assert like
            connection.execute(
                delivery.update()
                .where(delivery.c.id == delivery_id)
                .values(**like, route="inbox", status="available", deemed_date=like["service_count"]["days"][-1])
            )
        inbox.confirm(self.database, delivery_id, self.house.accounts["NEA-FLB"], "session", SHOWN)
        return str(self.house.row(delivery_id)["service_date"])

    def state(self, acting: str) -> tuple[str, str | None]:
        with self.database.read() as connection:
            row = connection.execute(sa.select(link).where(link.c.document_id == acting)).mappings().one()
        return row["state"], row["effective_on"]

    def kinds(self, document_id: str) -> list[str]:
        with self.database.read() as connection:
            assert not list(ledger.verify(connection))
            return [each.kind for each in ledger.events(connection, document_id) if each.kind.startswith("link.")]


@pytest.fixture
def acting(database: Database, tmp_path: Path) -> Any:
    made = Acting(database, tmp_path)
    yield made
    made.runner.close()


@pytest.mark.parametrize(("effect", "status"), [("ends", "revoked"), ("changes", "changed"), ("mends", "released")])
def test_004_79_a_document_takes_effect_on_another_when_it_is_served_not_when_it_is_released(
    acting: Acting, effect: str, status: str
) -> None:
    before = acting.house.row(acting.house.deliver("penalty-prior-notice", number=9))
    delivery_id = acting.link(effect)
    new = acting.document_of(delivery_id)
    acting.release(new)
    assert acting.row(acting.target)["status"] == "released" and acting.state(new) == ("pending", None)
    assert acting.kinds(new) == acting.kinds(acting.target) == ["link.released"]
    day = acting.serve(delivery_id)
    assert acting.row(acting.target)["status"] == status
    assert acting.state(new) == ("in_effect", day)
    assert acting.kinds(new) == acting.kinds(acting.target) == ["link.released", "link.in_effect"]
    with acting.database.read() as connection:
        told = ledger.events(connection, acting.target)[-1]
    assert (told.legal_date, told.body["effect"], told.body["document"]) == (day, effect, new)
    assert acting.house.row(before["id"])["service_date"] == before["service_date"]


def test_the_service_date_of_a_revoked_document_stays(acting: Acting) -> None:
    old = acting.house.deliver("penalty-prior-notice", number=3)
    inbox.confirm(acting.database, old, acting.house.accounts["NEA-FLB"], "session", SHOWN)
    before = {name: value for name, value in acting.house.row(old).items() if name.startswith("service")}
    delivery_id = acting.link("ends", acting.document_of(old))
    acting.release(acting.document_of(delivery_id))
    acting.serve(delivery_id)
    assert acting.row(acting.document_of(old))["status"] == "revoked"
    assert {name: value for name, value in acting.house.row(old).items() if name.startswith("service")} == before


def test_what_is_served_on_nobody_takes_effect_at_its_release(acting: Acting) -> None:
    with acting.database.write() as connection:
        connection.execute(document.update().where(document.c.id == acting.target).values(status="void"))
    delivery_id = acting.link("declares")
    new = acting.document_of(delivery_id)
    with acting.database.write() as connection:
        connection.execute(delivery.delete().where(delivery.c.id == delivery_id))
    acting.release(new)
    assert acting.state(new) == ("in_effect", "2026-11-23")
    assert acting.row(acting.target)["status"] == "void"
    assert acting.kinds(acting.target) == ["link.released", "link.in_effect"]


@pytest.mark.parametrize("effects", [("ends", "ends"), ("changes", "ends"), ("ends", "changes")])
def test_of_two_revocations_of_one_document_exactly_one_is_accepted(acting: Acting, effects: tuple[str, str]) -> None:
    ids = [acting.document_of(acting.house.deliver("penalty-prior-notice", number=n, release=False)) for n in (4, 5)]
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def ask(document_id: str, effect: str) -> None:
        barrier.wait()
        try:
            acting.store_link(document_id, effect, acting.target)
            outcomes.append("accepted")
        except Refused as refused:
            outcomes.append(refused.faults[0].code)

    threads = [threading.Thread(target=ask, args=each) for each in zip(ids, effects, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "already_linked"]


def test_the_database_itself_lets_only_one_ending_be_under_way(acting: Acting) -> None:
    first, second = (
        acting.document_of(acting.house.deliver("penalty-prior-notice", number=n, release=False)) for n in (4, 5)
    )
    with acting.database.write() as connection:
        links.insert(connection, first, acting.target, AUTHORITY, "ends")
    with pytest.raises(sa.exc.IntegrityError), acting.database.write() as connection:
        links.insert(connection, second, acting.target, AUTHORITY, "changes")
    with acting.database.write() as connection:
        links.insert(connection, second, acting.target, AUTHORITY, "mends")


def test_a_revoked_document_is_not_ended_changed_or_mended_again_and_a_changed_one_may_still_be_revoked(
    acting: Acting,
) -> None:
    first = acting.link("changes")
    acting.release(acting.document_of(first))
    acting.serve(first)
    with pytest.raises(Refused, match="changed"):
        acting.link("changes", number=3)
    second = acting.link("ends", number=4)
    acting.release(acting.document_of(second))
    acting.serve(second)
    assert acting.row(acting.target)["status"] == "revoked"
    for effect in ("ends", "changes", "mends"):
        with pytest.raises(Refused, match="revoked"):
            acting.link(effect, number=5)


@pytest.mark.parametrize("end", ["void", "failed"])
def test_a_revocation_that_dies_before_its_release_frees_its_target(acting: Acting, end: str) -> None:
    new = acting.document_of(acting.link("ends"))
    if end == "void":
        with acting.database.write() as connection:
            cancellation.void(connection, new, "印制错误", "person:1")
    else:
        with acting.database.write() as connection:
            connection.execute(document.update().where(document.c.id == new).values(final_digest="0" * 64))
            steps.add(connection, "document", new, "release")
        acting.runner.run_step(f"{new}/release")
    assert acting.row(new)["status"] == end
    assert acting.state(new) == ("dropped", None)
    assert acting.kinds(new) == acting.kinds(acting.target) == ["link.dropped"]
    acting.link("ends", number=6)


def test_a_revocation_that_is_revoked_before_it_was_served_ends_nothing(acting: Acting) -> None:
    first = acting.link("ends")
    acting.release(acting.document_of(first))
    second = acting.link("ends", acting.document_of(first), number=3)
    acting.release(acting.document_of(second))
    acting.serve(second)
    assert acting.row(acting.document_of(first))["status"] == "revoked"
    assert acting.state(acting.document_of(first)) == ("dropped", None)
    acting.serve(first)
    assert acting.row(acting.target)["status"] == "released"


def test_a_corrected_service_date_redates_the_effect_on_both_chains(acting: Acting) -> None:
    delivery_id = acting.link("ends")
    new = acting.document_of(delivery_id)
    acting.release(new)
    acting.serve(delivery_id)
    for day in ("2026-11-20", "2026-11-21", "2026-11-20"):
        with acting.database.write() as connection:
            ledger.lock(connection, new)
            links.take_effect(connection, new, day)
        assert acting.state(new) == ("in_effect", day)
    assert acting.kinds(new) == acting.kinds(acting.target)
    assert acting.kinds(new)[2:] == ["link.redated"] * 3
    assert acting.row(acting.target)["status"] == "revoked"


# --- what a job may ask for


def _asked(acting: Acting, effect: str, target: Any, instrument: str = "", **more: Any) -> list[tuple[str, str]]:
    facts = {"number": {"zh": "民航华北示例〔2026〕1号", "en": "CAAC-NC Example [2026] No. 1"}}
    asked = {"facts": facts, "recipients": [{"counterparty": "air-example"}]} | more
    asked |= {effect: target} if target else {}
    with acting.database.read() as connection:
        found, faults = linking.links_of(
            connection, AUTHORITY, manifest(instrument or INSTRUMENT[effect]), asked, lambda _: True
        )
    assert bool(found) or bool(faults) or not target
    return [(fault.pointer, fault.code) for fault in faults]


def test_a_link_is_checked_against_instrument_target_number_and_recipients(acting: Acting) -> None:
    target = acting.target
    assert _asked(acting, "ends", target) == []
    assert _asked(acting, "mends", target) == []
    assert _asked(acting, "ends", target, "penalty-decision") == [("/ends", "cannot_act")]
    assert _asked(acting, "mends", target, REVOCATION) == [("/mends", "cannot_act")]
    assert _asked(acting, "ends", target, changes=target) == [("/changes", "one_effect")]
    assert _asked(acting, "ends", "doc_nowhere") == [("/ends", "unknown_document")]
    assert _asked(acting, "ends", target, facts={"number": "别的文号"}) == [("/ends", "number_differs")]
    assert _asked(acting, "ends", target, recipients=[{"counterparty": "air-other"}]) == [
        ("/recipients", "recipient_missing")
    ]
    assert _asked(acting, "declares", [target]) == [("/declares/0", "wrong_state")]
    unreleased = acting.document_of(acting.house.deliver("penalty-decision", number=8, release=False))
    assert _asked(acting, "ends", unreleased) == [("/ends", "wrong_state")]
    elsewhere = acting.document_of(acting.house.deliver("penalty-decision", number=8, authority="elsewhere"))
    assert _asked(acting, "ends", elsewhere) == [("/ends", "unknown_document")]
    record = acting.document_of(acting.house.deliver("penalty-decision", number=8))
    with acting.database.write() as connection:
        connection.execute(document.update().where(document.c.id == record).values(instrument="closing-report"))
    assert _asked(acting, "ends", record) == [("/ends", "not_served")]


def test_a_number_of_ours_in_the_facts_needs_its_link(acting: Acting) -> None:
    facts = {"original": {"number": "民航华北罚决〔2026〕1号"}}
    assert _asked(acting, "ends", None, facts=facts) == []
    with acting.database.write() as connection:
        series.create(connection, AUTHORITY, "penalty-decision", 2026, "民航华北罚决〔{year}〕{n}号", "P {n}")
        series.bind_next(connection, AUTHORITY, "penalty-decision", 2026, acting.target)
    assert _asked(acting, "ends", None, facts=facts) == [("/facts/original/number", "link_missing")]


# --- what counterparty and clerk see


def test_both_documents_tell_of_each_other_in_the_inbox_once_the_end_has_effect(acting: Acting) -> None:
    old = acting.house.deliver("penalty-prior-notice", number=7)
    new = acting.link("ends", acting.document_of(old), number=8)
    browser, clerk = acting.house.browser("NEA-FLB"), acting.house.browser("clerk")
    acting.release(acting.document_of(new))
    inbox.access(acting.database, old, acting.house.accounts["NEA-FLB"], "session", "reading")
    assert "撤销" not in browser.get(f"/inbox/{old}").text
    assert "撤销本文书的文书：" in clerk.get(f"/desk/{old}").text
    assert "，自送达之日起生效。" in clerk.get(f"/desk/{old}").text
    acting.serve(new)
    page = browser.get(f"/inbox/{old}").text
    assert "本文书已被撤销。" in page
    assert f'<a href="/inbox/{new}">撤销本文书的文书：《撤销（变更）决定书》（民航华北示例〔2026〕8号）' in page
    listing = browser.get("/inbox").text
    assert "民航华北示例〔2026〕7号）" in listing and f'href="/inbox/{old}">本文书撤销' in listing
    assert f'href="/desk/{old}">本文书撤销' in clerk.get(f"/desk/{new}").text
    stranger = acting.house.browser("OTHER-FLB")
    assert stranger.get(f"/inbox/{new}").status_code == 404
