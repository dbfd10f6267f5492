"""What an operator does on the command line when something or somebody has to be stopped, or a step repeated."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery import passwords
from delivery.beijing import BEIJING
from pipeline.cli import main
from records import access, directory, documents, ledger, schema, seals, second_factors, series, steps
from records.database import Database, legal_time, set_legal_time
from records.tables import number
from tests.rows import AUTHORITY, COUNTERPARTY, make_counterparty, make_delivery, make_document

PASSWORD = "a long enough password"
STREAM = f"directory:{AUTHORITY}"
Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True)
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        make_counterparty(connection)
        directory.add_account(connection, AUTHORITY, COUNTERPARTY, login="AIR", department="x", password_hash="old")
        for login, role in (("admin", "administrator"), ("clerk", "legal")):
            access.add_person(connection, AUTHORITY, login=login, name=login, roles=(role,), password_hash="old")
    yield database
    database.close()


@pytest.fixture
def songda(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    def run(*words: str, line: str = "", json_wanted: bool = True) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))
        more = [*(["--json"] if json_wanted else []), *(["--secrets-stdin"] if line else [])]
        code = main(["--home", str(tmp_path), *words, *more])
        out = capsys.readouterr().out
        return code, json.loads(out) if json_wanted else out

    return run


def _last(database: Database, stream: str = STREAM) -> ledger.Event:
    with database.read() as connection:
        return ledger.events(connection, stream)[-1]


def test_an_account_is_stopped_and_the_operator_is_told_that_paper_follows(database: Database, songda: Command) -> None:
    code, value = songda("account", "stop", "AIR", "--reason", "the phone was lost")
    assert (code, value["counterparty"], value["accounts_left"]) == (0, COUNTERPARTY, False)
    event = _last(database)
    assert event.kind == "account.stopped" and event.actor.startswith("operator:")
    assert event.body["reason"] == "the phone was lost"
    assert "served on paper" in songda("account", "stop", "AIR", json_wanted=False)[1]
    code, value = songda("account", "stop", "nobody")
    assert (code, value["error"]["code"], value["error"]["field"]) == (2, "unknown_account", "LOGIN")


def test_an_authenticator_app_is_taken_off_and_the_ledger_keeps_why(database: Database, songda: Command) -> None:
    with database.write() as connection:
        found = access.credentials(connection, "admin")[0].subject
        second_factors.begin(connection, found, "JBSWY3DPEHPK3PXP")
        second_factors.confirm(connection, found, 1)
        access.open_session(connection, found, 60)
    assert songda("person", "forget-factor", "admin", "--reason", "telephone lost")[1]["removed"]
    event = _last(database)
    assert (event.kind, event.body["reason"]) == ("second_factor.removed", "telephone lost")
    with database.read() as connection:
        assert second_factors.find(connection, found) is None and access.sessions_of(connection, found) == []
    assert not songda("person", "forget-factor", "admin", "--reason", "again")[1]["removed"]
    assert songda("person", "forget-factor", "nobody", "--reason", "x")[1]["error"]["code"] == "unknown_login"


def test_a_person_is_stopped_but_not_the_last_administrator(database: Database, songda: Command) -> None:
    assert songda("person", "stop", "clerk")[0] == 0
    assert _last(database).kind == "person.stopped"
    code, value = songda("person", "stop", "admin")
    assert (code, value["error"]["code"]) == (2, "last_administrator")
    assert "songda person add" in value["error"]["message"]
    assert songda("person", "stop", "AIR")[1]["error"]["code"] == "unknown_person"


def _admit(database: Database, *, first: bool = False) -> None:
    """Give the administrator a password that can be typed."""
    with database.write() as connection:
        access.change_person_password(connection, "admin", passwords.hash_password(PASSWORD), "x", first=first)


def test_people_are_added_with_several_roles_and_listed_with_them(database: Database, songda: Command) -> None:
    _admit(database)
    add = ("person", "add", "--login", "wang", "--name", "王立新", "--by", "admin", "--role", "inspector")
    assert songda(*add, "--role", "finance", "--role", "finance", line=f"{PASSWORD}\n{PASSWORD}")[0] == 0
    code, value = songda("person", "list")
    assert code == 0 and [(each["login"], each["roles"], each["active"]) for each in value["people"]] == [
        ("admin", ["administrator"], True),
        ("clerk", ["legal"], True),
        ("wang", ["inspector", "finance"], True),
    ]
    songda("person", "stop", "wang")
    assert "wang  王立新  inspector, finance  (stopped)" in songda("person", "list", json_wanted=False)[1]
    assert songda(*add, "--role", "clerk")[0] == 2, "there is no such role any more"


def test_a_role_is_given_and_taken_by_an_administrator_with_password_and_reason(
    database: Database, songda: Command
) -> None:
    _admit(database)
    by = ("--by", "admin", "--reason", "代理分管领导")
    give, take = ("person", "role", "give"), ("person", "role", "take")
    assert songda(*give, "clerk", "leader", *by, line=PASSWORD)[1] == {"login": "clerk", "roles": ["legal", "leader"]}
    event = _last(database)
    assert (event.kind, event.body) == (
        "person.role_given",
        {"login": "clerk", "role": "leader", "reason": "代理分管领导"},
    )
    assert event.actor.startswith("per_")
    assert songda(*give, "clerk", "leader", *by, line=PASSWORD)[1]["error"]["code"] == "no_change"
    assert songda(*take, "clerk", "leader", *by, line=PASSWORD) == (0, {"login": "clerk", "roles": ["legal"]})
    assert _last(database).kind == "person.role_taken"
    assert songda(*take, "clerk", "leader", *by, line=PASSWORD)[1]["error"]["code"] == "no_change"
    before = _last(database)
    refused = {
        "not_allowed": songda(*give, "clerk", "leader", *by, line="not the password"),
        "unknown_person": songda(*give, "nobody", "leader", *by, line=PASSWORD),
        "last_administrator": songda(*take, "admin", "administrator", *by, line=PASSWORD),
        "missing": songda(*give, "clerk", "leader", "--by", "admin", "--reason", " ", line=PASSWORD),
    }
    assert {code: (answer[0], answer[1]["error"]["code"]) for code, answer in refused.items()} == {
        code: (2, code) for code in refused
    }
    assert songda(*give, "clerk", "king", *by, line=PASSWORD)[0] == 2
    assert _last(database) == before
    _admit(database, first=True)
    assert songda(*give, "clerk", "leader", *by, line=PASSWORD)[1]["error"]["code"] == "first_password"


@pytest.mark.parametrize(("command", "login"), [("account", "AIR"), ("person", "clerk")])
def test_a_password_is_changed_from_standard_input_and_never_on_the_command_line(
    database: Database, songda: Command, command: str, login: str
) -> None:
    code, value = songda(command, "password", login, line=PASSWORD)
    assert (code, value) == (0, {"password_changed": login})
    with database.read() as connection:
        (credential,) = access.credentials(connection, login)
    assert passwords.matches(credential.password_hash, PASSWORD)
    event = _last(database)
    assert event.kind == f"{command}.password_changed" and event.body == {"login": login}
    assert songda(command, "password", login, line="short")[1]["error"]["code"] == "password"
    assert songda(command, "password", login)[1]["error"]["code"] == "secret_missing"
    assert songda(command, "password", "nobody", line=PASSWORD)[1]["error"]["code"] == f"unknown_{command}"
    assert songda(command, "stop", login)[0] == 0
    assert songda(command, "password", login, line=PASSWORD)[1]["error"]["code"] == "stopped"


def test_a_seal_is_stopped_and_the_operator_is_told_that_none_is_left(database: Database, songda: Command) -> None:
    with database.write() as connection:
        seal_id = seals.register(
            connection, AUTHORITY, ring_text="甲局", second_line="章", key_uri="pkcs12:none", test=True
        )
    assert songda("seal", "stop", seal_id, "--reason", "stolen") == (0, {"stopped": seal_id, "active_seals": 0})
    assert (_last(database).kind, _last(database).body) == ("seal.stopped", {"reason": "stolen"})
    assert "songda seal add" in songda("seal", "stop", seal_id, json_wanted=False)[1]
    assert songda("seal", "stop", "sea_x")[1]["error"]["code"] == "unknown_seal"


def _dead(database: Database, subject_type: str, subject_id: str, stage: str, error: str) -> str:
    with database.write() as connection:
        step_id = steps.add(connection, subject_type, subject_id, stage)
        held = steps.claim(connection, step_id, "worker", 60)
        assert held is not None
        steps.give_up(connection, held, error)
    return step_id


def test_dead_steps_are_seen_and_repeated_but_a_failed_document_is_final(database: Database, songda: Command) -> None:
    with database.write() as connection:
        document_id = make_document(connection)
        delivery_id = make_delivery(connection, document_id)
        waiting = steps.add(connection, "delivery", delivery_id, "settle")
    dispatch = _dead(database, "delivery", delivery_id, "dispatch", "server said:\n\x1b[2J550 no")
    seal = _dead(database, "document", document_id, "seal", "the PIN is wrong")
    code, value = songda("steps", "list")
    assert code == 0 and value["overdue"] == 0
    assert value["counts"] == {"dead": 2, "running": 0, "ready": 1, "waiting": 0, "done": 0}
    assert [row["id"] for row in value["steps"]] == [dispatch, seal, waiting]
    assert value["steps"][1]["error"] == "the PIN is wrong" and value["steps"][1]["next_run"] is None
    assert value["steps"][2]["next_run"].endswith("+00:00") and value["steps"][2]["attempts"] == 0
    assert [row["id"] for row in songda("steps", "list", "--state", "ready")[1]["steps"]] == [waiting]
    text = songda("steps", "list", "--state", "dead", "--limit", "1", json_wanted=False)[1].splitlines()
    assert text[0] == "dead 2, running 0, ready 1, waiting 0, done 0; overdue 0"
    assert "\x1b" not in text[1] and text[1].endswith("server said: [2J550 no")
    assert text[2] == "and 1 more"
    assert songda("steps", "list", "--limit", "0")[0] == 2

    assert songda("steps", "requeue", dispatch) == (0, {"requeued": dispatch})
    assert _last(database, document_id).kind == "step.requeued"
    code, value = songda("steps", "requeue", seal)
    assert (code, value["error"]["code"]) == (2, "document_failed")
    assert "final" in value["error"]["message"]
    assert songda("steps", "requeue", "dlv_x/settle")[1]["error"]["code"] == "unknown_step"
    assert songda("ledger", "verify")[1]["verdict"] == "valid"


def _await_approval(connection: sa.Connection, document_id: str) -> None:
    documents.move(connection, document_id, "rendered")
    held = steps.claim(connection, steps.add(connection, "document", document_id, "seal"), "worker", 60)
    assert held is not None
    steps.park(connection, held, None, "awaiting approval")


def test_status_tells_what_has_to_be_watched(database: Database, songda: Command) -> None:
    with database.write() as connection:
        document_id = make_document(connection)
        failed = make_document(connection)
        documents.move(connection, failed, "failed", reason="no\nsuch template")
        steps.add(connection, "document", document_id, "number")
        seal_id = seals.register(
            connection, AUTHORITY, ring_text="甲局", second_line="章", key_uri="pkcs12:none", test=True
        )
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "{n}号", "No. {n}")
        _await_approval(connection, document_id)
    code, value = songda("status")
    assert (code, value["documents"], value["on_the_way"]) == (0, {"rendered": 1, "failed": 1}, 1)
    (waiting,) = value["awaiting_approval"]
    assert (waiting["id"], waiting["authority_id"]) == (document_id, AUTHORITY)
    assert value["failed"] == [{"id": failed, "number_zh": None, "reason": "no\nsuch template"}]
    assert (value["steps"]["ready"], value["overdue"], value["reminders"]) == (1, 0, [])
    assert [(row["id"], row["state"]) for row in value["seals"]] == [(seal_id, "active")]
    assert "key_uri" not in value["seals"][0]
    assert value["series"] == [{"authority_id": AUTHORITY, "kind": "hearing-notice", "year": 2026, "next": 1}]
    text = songda("status", json_wanted=False)[1]
    assert f"  awaiting approval  {document_id}" in text and "documents  failed 1, rendered 1; on the way 1" in text
    assert f"seal       {seal_id} active TEST 甲局章" in text and "no such template" in text


def test_a_series_is_moved_forward_with_a_reason_and_never_back(database: Database, songda: Command) -> None:
    """A number that was given before the database was restored must not be given again."""
    with database.write() as connection:
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "{n}号", "No. {n}", first=7)
    advance = ("series", "advance", "hearing-notice", "--year", "2026", "--reason", "restored from a backup", "--to")
    assert songda(*advance, "118") == (0, {"kind": "hearing-notice", "year": 2026, "next": 118})
    event = _last(database)
    assert (event.kind, event.body["next"], event.body["reason"]) == ("series.advanced", 118, "restored from a backup")
    for lower in ("118", "5"):
        assert songda(*advance, lower)[1]["error"]["code"] == "not_forward"
    with database.write() as connection:
        document_id = make_document(connection)
        assert series.bind_next(connection, AUTHORITY, "hearing-notice", 2026, document_id).text_zh == "118号"
    assert songda("series", "advance", "x", "--year", "2026", "--to", "9", "--reason", "x")[1]["error"]["code"] == (
        "unknown_series"
    )


def test_a_year_of_series_is_opened_by_one_command_and_the_register_is_listed(
    database: Database, songda: Command
) -> None:
    with database.write() as connection:
        for kind in ("hearing-notice", "penalty-decision"):
            series.create(connection, AUTHORITY, kind, 2026, f"{kind}〔{{year}}〕{{n}}号", "No. {n}")
    assert songda("series", "open", "--year", "2027")[1]["opened"] == ["hearing-notice", "penalty-decision"]
    assert songda("series", "open", "--year", "2027") == (
        0,
        {"year": 2027, "opened": [], "standing": ["hearing-notice", "penalty-decision"]},
    )
    assert _last(database).kind == "series.opened" and _last(database).actor.startswith("operator:")
    assert songda("series", "open", "--year", "2040")[1]["error"]["code"] == "unknown_series"
    assert [(each["kind"], each["year"]) for each in songda("series", "list")[1]] == [
        (kind, year) for kind in ("hearing-notice", "penalty-decision") for year in (2026, 2027)
    ]
    assert songda("series", "numbers", "x", "--year", "2026")[1]["error"]["code"] == "unknown_series"


def test_in_december_status_names_the_series_that_have_to_be_opened(database: Database, songda: Command) -> None:
    with database.write() as connection:
        year = legal_time(connection).year + 1
        set_legal_time(connection, datetime(year, 11, 30, 23, 59, tzinfo=BEIJING))
        for kind in ("hearing-notice", "penalty-decision"):
            series.create(connection, AUTHORITY, kind, year, "{n}号", "No. {n}")
        series.create(connection, AUTHORITY, "hearing-notice", year + 1, "{n}号", "No. {n}")
    assert songda("status")[1]["series_to_open"] == []
    with database.write() as connection:
        set_legal_time(connection, datetime(year, 12, 1, tzinfo=BEIJING))
    assert songda("status")[1]["series_to_open"] == [{"authority_id": AUTHORITY, "kind": "penalty-decision"}]
    assert "penalty-decision: next year's is to be opened" in songda("status", json_wanted=False)[1]
    songda("series", "open", "--year", str(year + 1))
    assert songda("status")[1]["series_to_open"] == []


def test_a_number_is_made_void_with_a_reason_and_listed_and_a_released_document_is_not(
    database: Database, songda: Command
) -> None:
    with database.write() as connection:
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "{n}号", "No. {n}")
        for document_id in ("doc_1", "doc_2"):
            make_document(connection, document_id)
            bound = series.bind_next(connection, AUTHORITY, "hearing-notice", 2026, document_id)
            documents.move(connection, document_id, "numbered", number_zh=bound.text_zh, number_en=bound.text_en)
        documents.move(connection, "doc_2", "rendered")
        documents.move(connection, "doc_2", "released")
    void = ("documents", "void", "--reason", "印制错误")
    for _ in range(2):
        assert songda(*void, "doc_1") == (0, {"document": "doc_1", "status": "void", "number": "1号"})
    refused = songda(*void, "doc_2")
    assert refused[0] == 2 and refused[1]["error"]["code"] == "released"
    assert "revocation-decision" in refused[1]["error"]["message"]
    assert songda(*void, "doc_3")[1]["error"]["code"] == "unknown_document"
    assert songda("documents", "void", "doc_1", "--reason", " ")[1]["error"]["code"] == "out_of_range"
    register = ("--year", "2026")
    voids = songda("series", "voids", "hearing-notice", *register)[1]["numbers"]
    assert [(each["text_zh"], each["reason"], each["document_id"]) for each in voids] == [("1号", "印制错误", "doc_1")]
    assert voids[0]["voided_by"].startswith("operator:")
    assert songda("series", "numbers", "hearing-notice", *register)[0] == 0
    assert "作废 印制错误" in songda("series", "numbers", "hearing-notice", *register, json_wanted=False)[1]
    with database.write() as connection:
        connection.execute(number.delete().where(number.c.document_id == "doc_1"))
    code, value = songda("series", "numbers", "hearing-notice", *register)
    assert (code, value["gaps"][0]["state"]) == (1, "missing")
