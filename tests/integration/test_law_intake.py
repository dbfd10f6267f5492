"""The law at intake: errors refuse the job and nothing is stored; warnings are answered, stored and in the ledger."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline import intake
from pipeline.callers import Caller
from pipeline.cli import main
from pipeline.web import make_web
from records import deliveries, directory, documents, ledger, series
from records.database import Database
from records.errors import Refused
from records.tables import delivery, document
from tests.house import AUTHORITY, SAMPLES, House, furnish, sample

Job = dict[str, Any]

HEARING_RIGHTS = "民航华北罚听告〔2026〕9号"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    house = furnish(database, tmp_path)
    world = tomllib.loads((SAMPLES / "directory.toml").read_text("utf-8"))
    columns = ("kind", "name_zh", "name_en", "address_zh", "address_en")
    with database.write() as connection:
        for each in world["counterparty"]:
            if each["id"] != "air-example":
                values = {name: each[name] for name in columns}
                directory.create_counterparty(connection, AUTHORITY, each["id"], **values)
    return house


def caller(house: House) -> Caller:
    return Caller("0" * 12, house.client_id, AUTHORITY, frozenset({"jobs:write"}))


def decision(change: Callable[[Job], None] = lambda _: None) -> Job:
    job = copy.deepcopy(sample("penalty-decision"))
    change(job["documents"][0])
    return job


def accept(house: House, job: Job) -> dict[str, Any]:
    checked = intake.check(house.songda, caller(house), job)
    with house.songda.database.write() as connection:
        return dict(intake.store(connection, caller(house), checked)[0]["documents"][0])


def refused(house: House, job: Job) -> set[tuple[str, str]]:
    before = house.counts()
    with pytest.raises(Refused) as raised:
        intake.check(house.songda, caller(house), job)
    assert house.counts() == before
    for fault in raised.value.faults:
        assert fault.message_zh and fault.rule.endswith("（north-china-2024.1）"), fault
    return {(fault.pointer, fault.code) for fault in raised.value.faults}


def rules(answer: dict[str, Any]) -> set[str]:
    return {each["rule"] for each in answer["warnings"]}


def issue_notice(
    house: House, *, penalties: list[Job], served_on: str | None = "2026-10-19", status: str = "released"
) -> str:
    """A hearing-rights notice of the decision's case that bears the number the decision names."""
    job = copy.deepcopy(sample("hearing-rights-notice")) | {"case_no": sample("penalty-decision")["case_no"]}
    own = sample("penalty-decision")["documents"][0]["facts"]
    facts = job["documents"][0]["facts"] | {name: own[name] for name in ("party", "violated", "basis")}
    job["documents"][0] |= {"facts": facts | {"penalties": penalties, "ground": "other_law"}}
    job["documents"][0] |= {"number": HEARING_RIGHTS, "recipients": [{"counterparty": "air-example"}]}
    made = str(accept(house, job)["id"])
    with house.songda.database.write() as connection:
        series.bind_supplied(connection, AUTHORITY, "hearing-rights-notice", 2026, HEARING_RIGHTS, made)
        connection.execute(
            document.update().where(document.c.id == made).values(status=status, number_zh=HEARING_RIGHTS)
        )
        status = "final" if served_on else "pending"
        values = {"service_date": served_on, "service_status": status}
        connection.execute(delivery.update().where(delivery.c.document_id == made).values(**values))
    return made


def test_warnings_are_answered_stored_with_their_rule_set_and_in_the_ledger(house: House) -> None:
    answer = accept(house, decision())
    assert answer["rule_set"] == "north-china-2024.1"
    assert rules(answer) == {"seal-of-the-agency", "letter-in-force"}
    for each in answer["warnings"]:
        assert each["pointer"].startswith("/documents/0/") and each["citation"] and each["text_zh"] and each["text_en"]
    with house.songda.database.read() as connection:
        stored = documents.get(connection, answer["id"])["preflight"]
        accepted = next(each for each in ledger.events(connection, answer["id"]) if each.key == "document.accepted")
    assert stored == {"rule_set": answer["rule_set"], "warnings": answer["warnings"]} == accepted.body["preflight"]


@pytest.mark.rule("N1", "N3", "N4", "N16", "N20", "N23", "N30")
def test_every_breach_is_named_at_once_with_its_field_and_article(house: House) -> None:
    def change(asked: Job) -> None:
        facts = asked["facts"]
        facts["officers"] = [facts["officers"][0]] * 2
        facts["procedure"]["document"]["served_on"] = "2026-11-16"
        facts["procedure"]["heard_on"] = "2026-11-17"
        facts["penalties"] = [{"kind": "fine", "amount": "50000.00"}]
        asked["approval"]["role"] = "监管局局长"

    assert refused(house, decision(change)) == {
        ("/documents/0/facts/officers", "two_officers"),
        ("/documents/0/facts/decided_on", "period_over"),
        ("/documents/0/facts/penalties/0", "regional_administration_only"),
        ("/documents/0/facts/penalties/0", "not_heavier_than_noticed"),
    }


@pytest.mark.rule("N4")
@pytest.mark.parametrize(
    ("amount", "expected"),
    [("30000.00", set()), ("29999.99", {("/documents/0/facts/penalties/0", "not_heavier_than_noticed")})],
)
def test_a_decision_is_compared_with_the_notice_of_its_number(
    house: House, amount: str, expected: set[tuple[str, str]]
) -> None:
    issue_notice(house, penalties=[{"kind": "fine", "amount": amount}])
    job = decision(lambda asked: asked.pop("circumstances"))
    if expected:
        assert refused(house, job) == expected
    else:
        assert rules(accept(house, job)) == {"seal-of-the-agency", "letter-in-force", "collective-decision"}


def test_service_on_record_is_believed_rather_than_the_job(house: House) -> None:
    issue_notice(house, penalties=[{"kind": "fine", "amount": "30000"}], served_on="2026-10-20")
    place = "/documents/0/facts/procedure/document/served_on"
    assert refused(house, decision()) == {(place, "served_as_recorded")}


def test_a_notice_without_a_final_date_is_told_and_one_that_is_void_refused(house: House) -> None:
    made = issue_notice(house, penalties=[{"kind": "fine", "amount": "30000"}], served_on=None)
    assert "service-settled" in rules(accept(house, decision()))
    with house.songda.database.write() as connection:
        connection.execute(document.update().where(document.c.id == made).values(status="void"))
    assert refused(house, decision()) == {("/documents/0/facts/procedure/document/number", "notice_released")}


def test_a_number_of_another_case_is_no_notice_of_this_one(house: House) -> None:
    made = issue_notice(house, penalties=[{"kind": "fine", "amount": "30000"}])
    with house.songda.database.write() as connection:
        connection.execute(document.update().where(document.c.id == made).values(case_no="另案"))
    assert refused(house, decision()) == {("/documents/0/facts/procedure/document/number", "notice_matches")}


def test_another_authoritys_notice_is_not_looked_at(house: House) -> None:
    made = issue_notice(house, penalties=[{"kind": "fine", "amount": "1"}])
    with house.songda.database.write() as connection:
        directory.create_authority(connection, "elsewhere")
        connection.execute(
            sa.text("update number set authority_id = 'elsewhere' where document_id = :id"), {"id": made}
        )
    assert "not_heavier_than_noticed" not in {code for _, code in _try(house, decision())}


def _try(house: House, job: Job) -> set[tuple[str, str]]:
    try:
        intake.check(house.songda, caller(house), job)
    except Refused as error:
        return {(fault.pointer, fault.code) for fault in error.faults}
    return set()


def test_a_second_decision_in_the_case_is_told(house: House) -> None:
    assert "not-decided-already" not in rules(accept(house, decision()))
    assert "not-decided-already" in rules(accept(house, decision()))


@pytest.mark.rule("LAW-2")
def test_with_a_letter_in_force_nothing_is_foretold(house: House) -> None:
    with house.songda.database.write() as connection:
        of = (AUTHORITY, "air-example")
        directory.add_account(connection, *of, login="NEA-LAW", department="法律部", password_hash="x")
        found = directory.authority_facts(connection, AUTHORITY)
        assert found is not None
        system = found[1]["system"]
        directory.file_letter(
            connection,
            *of,
            letter_version="2018",
            system_name=system["name"]["zh"],
            system_address=system["address"],
            signed_on="2026-01-05",
            in_force_from=intake.legal_time(connection),
        )
    assert rules(accept(house, decision())) == {"seal-of-the-agency"}


def test_faults_of_law_stand_beside_those_of_the_register(house: House) -> None:
    def change(asked: Job) -> None:
        asked["facts"]["officers"] = [asked["facts"]["officers"][0]] * 2
        asked["number"] = ""

    found = {code for _, code in _try(house, decision(change))}
    assert {"two_officers", "schema_minLength"} <= found


@pytest.mark.parametrize(
    ("circumstances", "pointer"),
    [
        ({}, ""),
        ({"violation_ended_on": "yesterday"}, "/violation_ended_on"),
        ({"noticed_penalties": [{"kind": "fine"}]}, "/noticed_penalties/0/amount"),
        ({"collective_decision": {"held_on": "2026-11-19"}}, "/collective_decision/record"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_circumstances_have_a_shape(house: House, circumstances: Job, pointer: str) -> None:
    job = decision(lambda asked: asked.update(circumstances=circumstances))
    assert f"/documents/0/circumstances{pointer}" in {place for place, _ in _try(house, job)}


def test_over_http_warnings_come_with_the_202_and_stay_with_the_document(house: House) -> None:
    with TestClient(make_web(house.songda), base_url="https://testserver") as client:
        headers = house.headers | {"Idempotency-Key": "k1"}
        answer = client.post("/v1/jobs", json=decision(), headers=headers)
        assert answer.status_code == 202, answer.text
        accepted = answer.json()["documents"][0]
        assert {each["rule"] for each in accepted["warnings"]} == {"seal-of-the-agency", "letter-in-force"}
        again = client.post("/v1/jobs", json=decision(), headers=headers)
        assert again.json() == answer.json()
        shown = client.get(f"/v1/documents/{accepted['id']}", headers=house.headers).json()
        assert shown["preflight"] == {name: accepted[name] for name in ("rule_set", "warnings")}
        bad = decision(lambda asked: asked["approval"].update(role="监察员"))
        problem = client.post("/v1/jobs", json=bad, headers=house.headers | {"Idempotency-Key": "k2"})
        assert problem.status_code == 422
        assert [(each["pointer"], each["code"]) for each in problem.json()["faults"]] == [
            ("/documents/0/approval/role", "who_decides")
        ]


def test_the_command_says_what_intake_would_say(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "SONGDA_DATABASE_URL", str(house.songda.database.engine.url.render_as_string(hide_password=False))
    )
    file, before = tmp_path / "job.json", house.counts()
    file.write_text(json.dumps(decision()), "utf-8")
    assert main(["--home", str(tmp_path), "--json", "preflight", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)["documents"]
    assert [each["rule_set"] for each in found] == ["north-china-2024.1"]
    file.write_text(json.dumps(decision(lambda asked: asked["approval"].update(role="监察员"))), "utf-8")
    assert main(["--home", str(tmp_path), "--json", "preflight", str(file)]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "who_decides"
    assert house.counts() == before


def test_deliveries_of_a_notice_are_those_of_all_its_recipients(house: House) -> None:
    """One recipient without a date, and the notice has none."""
    made = issue_notice(house, penalties=[{"kind": "fine", "amount": "30000"}])
    with house.songda.database.write() as connection:
        deliveries.insert(
            connection,
            document_id=made,
            authority_id=AUTHORITY,
            paper_required=False,
            recipient_zh="乙",
            recipient_en="B",
            counterparty_id="carrier-foreign",
        )
    assert "service-settled" in rules(accept(house, decision()))
