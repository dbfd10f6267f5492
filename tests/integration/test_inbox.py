"""What a counterparty does in its inbox: opening is not confirming, and a receipt is confirmed once (ESL 10, 11)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from delivery import inbox
from records import deliveries, ledger, steps
from records.database import Database
from records.tables import step
from tests.portal_house import PortalHouse, furnish

SHOWN = inbox.Statement("我单位确认", "we confirm")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def events(house: PortalHouse, delivery_id: str, kind: str) -> list[ledger.Event]:
    with house.database.read() as connection:
        document_id = deliveries.get(connection, delivery_id)["document_id"]
        assert not list(ledger.verify(connection, document_id))
        return [event for event in ledger.events(connection, document_id) if event.kind == kind]


@pytest.mark.rule("ESL-10")
def test_opening_is_recorded_once_and_never_confirms(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    assert inbox.access(house.database, delivery_id, account, "s1", "reading")
    first = house.row(delivery_id)
    assert not inbox.access(house.database, delivery_id, account, "s2", "pdf")
    assert house.row(delivery_id) == first
    assert (first["status"], first["confirmed_at"]) == ("accessed", None)
    (event,) = events(house, delivery_id, "delivery.accessed")
    assert event.body["how"] == "reading" and event.body["account"] == account.id
    assert event.happened_at == first["accessed_at"]


@pytest.mark.rule("D1", "ESL-10")
def test_a_confirmation_records_who_with_which_words_for_which_bytes(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    done = inbox.confirm(house.database, delivery_id, account, "session-hash", SHOWN)
    assert done.first and done.hint == (f"{delivery_id}/settle",)
    row = house.row(delivery_id)
    assert (row["status"], row["confirmed_by"], row["confirmed_at"]) == ("confirmed", account.id, done.at)
    (event,) = events(house, delivery_id, "delivery.confirmed")
    assert event.actor == account.id and event.happened_at == done.at
    assert event.body["login"] == "NEA-FLB" and event.body["department"] == "法律部"
    assert event.body["statement_zh"] == SHOWN.zh and event.body["statement_en"] == SHOWN.en
    assert event.body["session_sha256"] == "session-hash" and len(event.body["document_sha256"]) == 64


def test_a_second_confirmation_changes_nothing_and_tells_of_the_first(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    first = inbox.confirm(house.database, delivery_id, account, "a", SHOWN)
    row = house.row(delivery_id)
    again = inbox.confirm(house.database, delivery_id, account, "b", inbox.Statement("其他", "other"))
    assert (again.first, again.at, again.account_id, again.hint) == (False, first.at, account.id, ())
    assert house.row(delivery_id) == row


def test_confirmations_at_the_same_moment_make_one_event(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda n: inbox.confirm(house.database, delivery_id, account, str(n), SHOWN), range(6)))
    assert sum(each.first for each in done) == 1
    assert len({each.at for each in done}) == 1
    assert len(events(house, delivery_id, "delivery.confirmed")) == 1


def test_opening_at_the_same_moment_does_not_undo_a_confirmation(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    with ThreadPoolExecutor(2) as pool:
        opened = pool.submit(inbox.access, house.database, delivery_id, account, "a", "reading")
        confirmed = pool.submit(inbox.confirm, house.database, delivery_id, account, "a", SHOWN)
        assert opened.result() and confirmed.result().first
    assert house.row(delivery_id)["status"] == "confirmed"


def test_a_late_confirmation_is_recorded_and_leaves_the_delivery_deemed(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    house.settle(delivery_id, days=20)
    deemed = house.row(delivery_id)
    assert (deemed["status"], deemed["service_basis"]) == ("deemed", "deemed")
    assert inbox.confirm(house.database, delivery_id, account, "a", SHOWN).first
    row = house.row(delivery_id)
    assert (row["status"], row["confirmed_by"]) == ("deemed", account.id)
    assert row["service_date"] == deemed["service_date"]
    assert len(events(house, delivery_id, "delivery.confirmed")) == 1


def test_a_confirmation_wakes_the_step_that_writes_the_date(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    with house.database.write() as connection:
        steps.add(connection, "delivery", delivery_id, "settle")
        connection.execute(step.update().values(state="waiting"))
    inbox.confirm(house.database, delivery_id, account, "a", SHOWN)
    with house.database.read() as connection:
        query = sa.select(step.c.state).where(step.c.id == f"{delivery_id}/settle")
        assert connection.execute(query).scalar_one() == "ready"


def test_nobody_acts_on_what_is_not_in_his_inbox(house: PortalHouse) -> None:
    other = house.accounts["OTHER-FLB"]
    for delivery_id in (house.deliver(), "dlv_none"):
        with pytest.raises(LookupError):
            inbox.access(house.database, delivery_id, other, "s", "reading")
        with pytest.raises(LookupError):
            inbox.confirm(house.database, delivery_id, other, "s", SHOWN)


@pytest.mark.parametrize("how", [{"release": False}, {"route": "paper"}])
def test_what_was_not_sent_to_the_inbox_cannot_be_confirmed_there(house: PortalHouse, how: dict[str, object]) -> None:
    delivery_id = house.deliver(**how)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        inbox.confirm(house.database, delivery_id, house.accounts["NEA-FLB"], "s", SHOWN)


def test_the_statement_names_the_document_and_what_confirming_does_in_both_languages(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    with house.database.read() as connection:
        row = deliveries.inbox_item(connection, delivery_id, account)
    assert row
    shown = inbox.statement(row)
    assert row["number_zh"] in shown.zh and row["number_en"] in shown.en
    assert "送达之日" in shown.zh and "delivery date" in shown.en
    assert "不表示同意" in shown.zh and "no consent" in shown.en
