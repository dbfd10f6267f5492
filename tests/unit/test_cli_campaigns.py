"""`songda campaign`: opened by a code that is used once, until a day that has not passed; closed for good."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery.beijing import day_of
from pipeline.cli import main
from records import directory, schema
from records.database import Database, legal_time

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True)
    with database.write() as connection:
        directory.create_authority(connection, "a")
    yield database
    database.close()


@pytest.fixture
def songda(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> tuple[int, Any]:
        code = main(["--home", str(tmp_path), "campaign", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def _day(database: Database, days: int) -> str:
    with database.read() as connection:
        return (day_of(legal_time(connection)) + timedelta(days=days)).isoformat()


@pytest.mark.rule("R4", "R5")
def test_r5_a_code_is_opened_until_its_last_day_listed_and_closed(database: Database, songda: Command) -> None:
    code, value = songda("add", "ses2018", "--until", _day(database, 0))
    assert code == 0
    (row,) = songda("list")[1]
    assert row == {"id": value["campaign_id"], "code": "ses2018", "ends_on": _day(database, 0), "open": True}
    assert songda("close", value["campaign_id"])[0] == 0
    assert songda("list")[1][0]["open"] is False


def test_a_code_is_used_once_but_for_the_case_of_its_letters(database: Database, songda: Command) -> None:
    until = ("--until", _day(database, 30))
    assert songda("add", "ses2018", *until)[0] == 0
    code, value = songda("add", "ses2018", *until)
    assert (code, value["error"]["code"]) == (2, "taken")
    assert songda("add", "SES2018", *until)[0] == 0


@pytest.mark.parametrize("word", ["abc", "has space", "注册2018", "x" * 41])
def test_a_code_is_something_that_can_be_typed(database: Database, songda: Command, word: str) -> None:
    assert songda("add", word, "--until", _day(database, 30))[1]["error"]["code"] == "code"


def test_a_day_that_has_passed_and_a_campaign_that_is_none_are_refused(database: Database, songda: Command) -> None:
    assert songda("add", "ses2018", "--until", _day(database, -1))[1]["error"]["code"] == "past"
    assert songda("close", "cmp_none")[1]["error"]["code"] == "unknown_campaign"


def test_a_production_system_opens_no_campaign_while_nothing_sends_its_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=False)
    with database.write() as connection:
        directory.create_authority(connection, "a")
    words = ["--home", str(tmp_path), "campaign", "add", "ses2018", "--until", _day(database, 1), "--json"]
    assert main(words) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["field"]) == ("no_gateway", "sms_gateway")
    monkeypatch.setenv("SONGDA_SMS_GATEWAY", "http")
    monkeypatch.setenv("SONGDA_SMS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("SONGDA_SMS_URL", "https://sms.example/send")
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["campaign_id"]
    assert main(["--home", str(tmp_path), "status", "--json"]) == 0
    told = capsys.readouterr().out
    assert "whsec_" not in told
    sms = {"gateway": "http", "sends": True, "host": "sms.example", "signature": "民航监管执法", "templates": {}}
    assert json.loads(told)["sms"] == sms
    database.close()
