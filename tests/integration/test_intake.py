"""Intake: a job is taken whole or refused whole; every fault is named at once, and then nothing is stored."""

from __future__ import annotations

import copy
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline import intake
from pipeline.callers import Caller
from records import deliveries, directory, documents, ledger, series
from records.database import Database
from records.errors import Refused
from records.ledger import canonical
from records.tables import delivery, document, step
from records.tables import event as event_table
from tests.house import AUTHORITY, SAMPLES, House, furnish, sample

Job = dict[str, Any]
Change = Callable[[Job], None]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    house = furnish(database, tmp_path)
    world = tomllib.loads((SAMPLES / "directory.toml").read_text("utf-8"))
    columns = ("kind", "name_zh", "name_en", "address_zh", "address_en")
    with database.write() as connection:
        for each in world["counterparty"]:
            if each["id"] != "air-example":
                directory.create_counterparty(
                    connection, AUTHORITY, each["id"], **{name: each[name] for name in columns}
                )
    return house


def caller(house: House, authority: str = AUTHORITY) -> Caller:
    return Caller("0" * 12, house.client_id, authority, frozenset({"jobs:write"}))


def notice(**more: Any) -> Job:
    """A sound job with one document."""
    job = copy.deepcopy(sample("penalty-prior-notice"))
    job["documents"][0] |= more
    return job


def refused(house: House, job: object, by: Caller | None = None) -> set[tuple[str, str]]:
    """Pointer and code of every fault, having seen that nothing was stored."""
    before = house.counts()
    with pytest.raises(Refused) as raised:
        intake.check(house.songda, by or caller(house), job)
    assert house.counts() == before
    for fault in raised.value.faults:
        assert fault.message_en and fault.message_zh, fault
    assert len(set(raised.value.faults)) == len(raised.value.faults)
    return {(fault.pointer, fault.code) for fault in raised.value.faults}


def accept(house: House, job: Job) -> dict[str, Any]:
    checked = intake.check(house.songda, caller(house), job)
    with house.songda.database.write() as connection:
        return intake.store(connection, caller(house), checked)[0]


# --- every fault at once


def test_faults_of_all_layers_and_all_documents_are_named_at_once(house: House) -> None:
    """Shape, facts, register, number and approval: whoever mends the list is through."""
    first = notice(recipients=[{"counterparty": "nobody"}, {"counterparty": "carrier-foreign"}])["documents"][0]
    del first["approval"]["role"]
    first["facts"]["penalties"][0]["amount"] = "much"
    second = notice()["documents"][0]
    del second["approval"], second["facts"]["findings"]
    third = {"instrument": "no-such-thing", "facts": {}}
    job = notice() | {"documents": [first, second, third], "case_no": ""}
    found = refused(house, job)
    assert ("/documents/0/recipients/0/counterparty", "unknown_counterparty") in found
    assert ("/documents/0/approval/role", "missing_fact") in found
    assert ("/documents/1/approval", "approval_missing") in found
    assert ("/documents/1/facts/findings", "missing_fact") in found
    assert any(pointer == "/documents/2/instrument" for pointer, _ in found)
    assert any(pointer == "/case_no" for pointer, _ in found)
    assert any(pointer.startswith("/documents/0/facts/penalties/0/amount") for pointer, _ in found)
    assert not any(pointer.startswith("/documents/0/recipients/1") for pointer, _ in found)


def test_languages_that_disagree_do_not_hide_the_other_faults(house: House) -> None:
    job = notice(recipients=[{"counterparty": "nobody"}])
    job["documents"][0]["facts"]["findings"]["en"] = job["documents"][0]["facts"]["findings"]["en"].replace(
        "13 October 2026", "14 October 2026"
    )
    found = refused(house, job)
    assert ("/documents/0/recipients/0/counterparty", "unknown_counterparty") in found
    assert any(pointer.startswith("/documents/0/facts/findings") for pointer, _ in found)


def _set(name: str, value: Any) -> Change:
    def change(job: Job) -> None:
        job["documents"][0][name] = value

    return change


def _drop(name: str) -> Change:
    return lambda job: job["documents"][0].pop(name)


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        (_set("instrument", "nonsense"), "/documents/0/instrument", "unknown_instrument"),
        (_drop("approval"), "/documents/0/approval", "approval_missing"),
        (_drop("recipients"), "/documents/0/recipients", "recipient_missing"),
        (_set("recipients", []), "/documents/0/recipients", "recipient_missing"),
        (_set("recipients", [{"counterparty": "x"}]), "/documents/0/recipients/0/counterparty", "unknown_counterparty"),
        (_set("recipients", [{}]), "/documents/0/recipients/0", "schema_minProperties"),
        (_set("number", ""), "/documents/0/number", "schema_minLength"),
        (_set("number", 7), "/documents/0/number", "schema_type"),
        (_set("colour", "red"), "/documents/0/colour", "unknown_fact"),
    ],
)
def test_each_fault_is_named_where_it_stands(house: House, change: Change, pointer: str, code: str) -> None:
    job = notice()
    change(job)
    assert (pointer, code) in refused(house, job)


@pytest.mark.parametrize("body", [None, [], "job", 7, {}, {"documents": {}}, {"documents": [7, None, []]}])
def test_what_is_no_job_is_refused(house: House, body: object) -> None:
    assert refused(house, body)


@pytest.mark.rule("ESL-9", "ESL-13a")
def test_an_approval_needs_who_which_office_by_which_rule_and_when_with_its_offset(house: House) -> None:
    approval = {"name": "孙建平", "role": "x", "rule": "004-58", "approved_at": "2026-11-18T09:30:00"}
    assert refused(house, notice(approval=approval)) == {("/documents/0/approval/approved_at", "bad_date_time")}
    assert {pointer for pointer, _ in refused(house, notice(approval={}))} == {
        f"/documents/0/approval/{name}" for name in ("name", "role", "rule", "approved_at")
    }


def test_nested_beyond_reason_is_refused_before_anything_looks_inside(house: House) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    assert {code for _, code in refused(house, notice(facts={"findings": deep}))} == {"too_deep"}


# --- whose authority


def test_another_authority_is_refused_and_nothing_is_told_of_its_register(house: House) -> None:
    with house.songda.database.write() as connection:
        directory.create_authority(connection, "elsewhere")
    job = notice(recipients=[{"counterparty": "air-example"}, {"counterparty": "nobody"}]) | {"authority": "elsewhere"}
    assert refused(house, job) == {("/authority", "unknown_authority")}


def test_a_key_of_an_authority_without_approved_facts_makes_no_job(house: House) -> None:
    with house.songda.database.write() as connection:
        directory.create_authority(connection, "elsewhere")
    job = notice() | {"authority": "elsewhere"}
    assert refused(house, job, caller(house, "elsewhere")) == {("/authority", "unknown_authority")}


# --- numbers and series


def test_an_instrument_without_a_number_takes_none(house: House) -> None:
    job = sample("confirmation-letter")
    job["documents"][0]["number"] = "局发〔2026〕1号"
    assert ("/documents/0/number", "not_numbered") in refused(house, job)


def test_an_instrument_that_is_not_served_takes_no_recipients(house: House) -> None:
    job = sample("proof-of-service")
    job["documents"][0]["recipients"] = [{"counterparty": "air-example"}]
    assert refused(house, job) == {("/documents/0/recipients", "not_served")}


def test_without_a_series_of_this_year_nothing_is_accepted(house: House) -> None:
    with house.songda.database.write() as connection:
        connection.execute(sa.text("update series set year = 2025 where kind = 'penalty-prior-notice'"))
    assert refused(house, notice()) == {("/documents/0/instrument", "no_series")}
    accept(house, notice(number="内罚告〔2026〕1号"))  # a number of the case system's own needs no series


def test_a_number_that_is_bound_void_or_promised_is_taken(house: House) -> None:
    bound = accept(house, notice(number="内〔2026〕1号"))["documents"][0]["id"]
    promised = ("/documents/0/number", "number_taken")
    assert refused(house, notice(number="内〔2026〕1号")) == {promised}
    with house.songda.database.write() as connection:
        series.bind_supplied(connection, AUTHORITY, "penalty-prior-notice", 2026, "内〔2026〕1号", bound)
        documents.move(connection, bound, "numbered")
    assert refused(house, notice(number="内〔2026〕1号")) == {promised}
    with house.songda.database.write() as connection:
        documents.move(connection, bound, "void")
        series.void(connection, bound, "x")
    assert refused(house, notice(number="内〔2026〕1号")) == {promised}
    cancelled = accept(house, notice(number="内〔2026〕2号"))["documents"][0]["id"]
    with house.songda.database.write() as connection:
        documents.move(connection, cancelled, "cancelled")
    accept(house, notice(number="内〔2026〕2号"))


def test_a_number_twice_in_one_job_is_refused(house: House) -> None:
    job = notice(number="内〔2026〕1号")
    job["documents"].append(copy.deepcopy(job["documents"][0]))
    assert refused(house, job) == {("/documents/1/number", "number_taken")}


def test_without_an_active_seal_nothing_that_is_sealed_is_accepted(house: House) -> None:
    with house.songda.database.write() as connection:
        connection.execute(sa.text("update seal set state = 'stopped'"))
    assert refused(house, notice()) == {("/documents/0/instrument", "no_seal")}


def test_a_series_whose_numbers_no_font_can_print_is_told_now_and_not_later(house: House) -> None:
    with house.songda.database.write() as connection:
        connection.execute(
            sa.text("update series set pattern_zh = pattern_zh || '\U0001f9fe' where kind = 'penalty-prior-notice'")
        )
    assert refused(house, notice()) == {("/documents/0/instrument", "glyph")}


# --- what is stored


def test_deliveries_stand_in_the_order_of_the_recipients(house: House) -> None:
    people = [f"收件人{chr(ord('甲') + nth)}" for nth in range(12)]
    place = {"zh": "北京市某路1号", "en": "1 Mou Road, Beijing"}
    named = [
        {"address": {"name": {"zh": each, "en": f"Addressee {nth}"}, "place": place}} for nth, each in enumerate(people)
    ]
    checked = intake.check(house.songda, caller(house), notice(recipients=named, paper=True))
    with house.songda.database.write() as connection:
        answer, _ = intake.store(connection, caller(house), checked)
        stored = deliveries.of_document(connection, answer["documents"][0]["id"])
    assert [each["recipient_zh"] for each in stored] == people


def test_job_documents_deliveries_first_steps_and_events_are_stored_together(house: House) -> None:
    job = notice(
        recipients=[
            {"counterparty": "carrier-foreign"},
            {
                "address": {
                    "name": {"zh": "张三", "en": "Zhang San"},
                    "place": {"zh": "北京市某路1号", "en": "1 Mou Road, Beijing"},
                }
            },
        ],
        paper=True,
    )
    letter = sample("confirmation-letter")["documents"][0]
    job["documents"].append(letter | {"recipients": [{"counterparty": "air-example"}]})
    checked = intake.check(house.songda, caller(house), job)
    with house.songda.database.write() as connection:
        answer, due = intake.store(connection, caller(house), checked)
    first, second = (each["id"] for each in answer["documents"])
    assert [each["instrument"] for each in answer["documents"]] == ["penalty-prior-notice", "confirmation-letter"]
    assert due == [f"{first}/number", f"{second}/render"]  # a letter bears no number
    with house.songda.database.read() as connection:
        stored = documents.find_job(connection, answer["job_id"], AUTHORITY, house.client_id)
        assert stored and stored["body"] == canonical(job)
        rows = documents.of_job(connection, answer["job_id"])
        steps = connection.execute(sa.select(step.c.id, step.c.state).order_by(step.c.id)).all()
        routes = [deliveries.of_document(connection, row["id"]) for row in rows]
        (event,) = ledger.events(connection, first)
        assert list(ledger.verify(connection)) == []
    assert [row["status"] for row in rows] == ["accepted", "accepted"]
    assert rows[0]["important"] and rows[0]["sealed"] and rows[0]["seal_id"] and rows[0]["authority_revision"] == 1
    assert not rows[1]["numbered"] and not rows[1]["sealed"] and rows[1]["seal_id"] is None
    assert sorted(tuple(row) for row in steps) == sorted((each, "ready") for each in due)
    assert [[each["recipient_zh"] for each in found] for found in routes] == [
        ["示例大西洋航空公司", "张三"],
        ["北方示例航空有限公司"],
    ]
    assert (event.kind, event.actor) == ("document.accepted", f"client:{house.client_id}")
    assert event.body["asked"] == job["documents"][0]


def test_a_store_that_fails_half_way_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = house.counts()
    job = notice()
    job["documents"].append(copy.deepcopy(job["documents"][0]))
    checked = intake.check(house.songda, caller(house), job)
    insert, calls = deliveries.insert, []

    def fails(connection: sa.Connection, **values: Any) -> str:
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError
        return insert(connection, **values)

    monkeypatch.setattr(deliveries, "insert", fails)
    with pytest.raises(ZeroDivisionError), house.songda.database.write() as connection:
        intake.store(connection, caller(house), checked)
    assert house.counts() == before


def test_checking_stores_nothing_and_takes_no_number(house: House) -> None:
    before = house.counts()
    for _ in range(3):
        intake.check(house.songda, caller(house), notice())
    assert house.counts() == before
    with house.songda.database.read() as connection:
        query = sa.text("select distinct next from series")
        assert connection.execute(query).scalars().all() == [1]


def test_every_sample_is_accepted(house: House) -> None:
    for name in (
        "penalty-decision",
        "penalty-prior-notice",
        "hearing-notice",
        "confirmation-letter",
        "proof-of-service",
    ):
        assert accept(house, sample(name))["documents"]
    with house.songda.database.read() as connection:
        for table, most in ((document, 5), (delivery, 4), (step, 5), (event_table, 5)):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() >= most


def test_of_eight_jobs_with_one_supplied_number_at_once_one_is_accepted(house: House) -> None:
    """All of them pass the check; what is stored is decided under the number's lock."""
    checked = [intake.check(house.songda, caller(house), notice(number="内〔2026〕9号")) for _ in range(8)]
    barrier = threading.Barrier(len(checked))
    outcomes: list[tuple[str, str]] = []

    def store(job: intake.CheckedJob) -> None:
        barrier.wait()
        try:
            with house.songda.database.write() as connection:
                intake.store(connection, caller(house), job)
            outcomes.append(("", "accepted"))
        except Refused as error:
            outcomes.append((error.faults[0].pointer, error.faults[0].code))

    threads = [threading.Thread(target=store, args=(job,)) for job in checked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [("", "accepted"), *[("/documents/0/number", "number_taken")] * 7]
    with house.songda.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(document)).scalar_one() == 1


def test_a_number_bound_between_check_and_storing_is_refused_too(house: House) -> None:
    late = intake.check(house.songda, caller(house), notice(number="内〔2026〕9号"))
    first = accept(house, notice(number="内〔2026〕9号"))["documents"][0]["id"]
    with house.songda.database.write() as connection:
        series.bind_supplied(connection, AUTHORITY, "penalty-prior-notice", 2026, "内〔2026〕9号", first)
        documents.move(connection, first, "numbered")
    with pytest.raises(Refused, match="number"), house.songda.database.write() as connection:
        intake.store(connection, caller(house), late)
