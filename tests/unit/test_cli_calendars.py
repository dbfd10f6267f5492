"""`songda calendar` and what `songda status` and a starting worker say of years without a notice."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery import passwords
from delivery.beijing import BEIJING
from delivery.calendars import statutory_rest_days
from pipeline.cli import main
from pipeline.composition import open_songda
from pipeline.settings import load
from pipeline.worker import warn_of_calendars
from records import access, directory, schema
from records.database import Database, set_legal_time
from tests.notices import notice_file
from tests.rows import AUTHORITY

PASSWORDS = {"zhou": "the first long password", "liu": "the second long password", "clerk": "a third long password"}
DAYS = dict.fromkeys(statutory_rest_days(2027), False) | {date(2027, 2, 20): True}
NUMBER = "国办发明电〔2026〕7号"
Command = Callable[..., tuple[int, Any]]


@functools.cache
def _hash(login: str) -> str:
    return passwords.hash_password(PASSWORDS[login])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True, legal_now=datetime(2026, 10, 20, tzinfo=BEIJING))
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        for login, name in (("zhou", "周建国"), ("liu", "刘芳"), ("clerk", "王敏")):
            role = "legal" if login == "clerk" else "administrator"
            access.add_person(connection, AUTHORITY, login=login, name=name, roles=(role,), password_hash=_hash(login))
    yield database
    database.close()


@pytest.fixture
def songda(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    def run(*words: str, by: str = "", password: str = "", as_json: bool = True) -> tuple[int, Any]:
        lines = password or PASSWORDS.get(by, "")
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{lines}\n"))
        more = [*(["--json"] if as_json else []), *(["--by", by, "--secrets-stdin"] if by else [])]
        code = main(["--home", str(tmp_path), *words, *more])
        told = capsys.readouterr()
        return code, json.loads(told.out) if as_json else told.out + told.err

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "2027.json"
    path.write_bytes(notice_file(2027, DAYS))
    return path


def _move_to(database: Database, moment: datetime) -> None:
    with database.write() as connection:
        set_legal_time(connection, moment)


def test_two_administrators_import_a_year_and_show_tells_who(songda: Command, file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    code, proposed = songda("calendar", "import", str(file), "--sha256", digest.upper(), by="zhou")
    assert (code, proposed["edition"], proposed["approved"], proposed["sha256"]) == (0, 1, False, digest)
    assert proposed["preview"]["publishes"] is True
    assert proposed["preview"]["days"] == [{"date": "2027-02-20", "worked": True, "was_a_guess": True}]
    shown = songda("calendar", "show", "2027")[1]
    assert (shown["state"], shown["published"], shown["counting"]) == ("proposed", False, None)
    assert shown["preview"] == proposed["preview"], "the second person sees what is approved"
    wrong = songda("calendar", "approve", "2027", "1", by="liu", password=PASSWORDS["zhou"])
    assert wrong[1]["error"]["code"] == "not_allowed"
    assert songda("calendar", "approve", "2027", "1", by="zhou")[1]["error"]["code"] == "self_approval"
    code, approved = songda("calendar", "approve", "2027", "1", "--sha256", digest, by="liu")
    assert (code, approved["approved"], approved["deliveries_decided_again"]) == (0, True, 0)
    shown = songda("calendar", "show", "2027")[1]
    assert (shown["state"], shown["published"]) == ("imported", True)
    counting = shown["counting"]
    assert (counting["document_number"], counting["sha256"]) == (NUMBER, digest)
    assert (counting["proposed_by"], counting["approved_by"]) == ("周建国", "刘芳")
    assert counting["source"] == "https://www.gov.cn/zhengce/2027.htm"
    text = songda("calendar", "show", "2027", as_json=False)[1]
    assert NUMBER in text and digest in text and "proposed by 周建国, approved by 刘芳" in text


@pytest.mark.parametrize(
    ("words", "by", "code", "field"),
    [
        (("import", "FILE"), "clerk", "not_allowed", "--by"),
        (("approve", "2027", "1"), "clerk", "not_allowed", "--by"),
        (("import", "FILE", "--sha256", "0" * 64), "zhou", "digest_differs", "sha256"),
        (("import", "NUMBERLESS"), "zhou", "missing", "number"),
        (("import", "SOURCELESS"), "zhou", "not_published", "papers"),
        (("import", "2031"), "zhou", "not_published", "year"),
        (("approve", "2027", "7"), "liu", "unknown_edition", "EDITION"),
        (("approve", "2027", "1", "--sha256", "0" * 64), "liu", "digest_differs", "sha256"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(
    songda: Command, file: Path, words: tuple[str, ...], by: str, code: str, field: str
) -> None:
    made = {
        "NUMBERLESS": notice_file(2027, DAYS, number=" "),
        "SOURCELESS": notice_file(2027, DAYS, papers=[]),
        "2031": notice_file(2031, {date(2031, 1, 1): False}),
    }
    assert songda("calendar", "import", str(file), by="zhou")[0] == 0
    for name, raw in made.items():
        (file.parent / name).write_bytes(raw)
    named = [str(file if word == "FILE" else file.parent / word) if word in ("FILE", *made) else word for word in words]
    exit_code, value = songda("calendar", *named, by=by)
    assert (exit_code, value["error"]["code"], value["error"]["field"]) == (2, code, field)
    assert songda("calendar", "show", "2027")[1]["state"] == "proposed"


def test_every_fault_of_a_file_is_told_at_once(songda: Command, file: Path) -> None:
    days = [("2027-02-30", True), ("2026-11-30", True), ("2027-02-20", True), ("2027-02-20", False)]
    listed = [{"date": day, "isOffDay": off} for day, off in days]
    file.write_bytes(notice_file(2027, {}, number=" ", papers=["gov.cn"], days=listed))
    code, value = songda("calendar", "import", str(file), by="zhou")
    assert code == 2
    assert {(fault["pointer"], fault["code"]) for fault in value["faults"]} == {
        ("/number", "missing"),
        ("/papers/0", "source"),
        ("/days/0/date", "no_such_day"),
        ("/days/1/date", "year"),
        ("/days/3/date", "off_and_worked"),
    }


def test_the_preview_in_words_warns_of_a_file_that_is_not_whole(songda: Command, file: Path) -> None:
    file.write_bytes(notice_file(2026, {date(2026, 1, 1): False}))
    code, text = songda("calendar", "import", str(file), by="zhou", as_json=False)
    assert code == 0
    assert "worked now: " in text and "2026-10-01" in text.split("CAUTION")[1]
    assert "off now:    2026-01-04 2026-02-14" in text
    assert "songda calendar approve 2026 1" in text


def test_show_without_a_year_tells_how_the_years_stand(songda: Command, file: Path, database: Database) -> None:
    value = songda("calendar", "show")[1]
    assert [(year["year"], year["state"]) for year in value["years"]] == [(2026, "library"), (2027, "none")]
    assert value["lacking"] == []
    _move_to(database, datetime(2026, 11, 1, tzinfo=BEIJING))
    assert songda("calendar", "show")[1]["lacking"] == [2027]
    assert "ALARM: the notice of 2027 is not imported" in songda("calendar", "show", as_json=False)[1]
    songda("calendar", "import", str(file), by="zhou")
    songda("calendar", "approve", "2027", "1", by="liu")
    file.write_bytes(notice_file(2027, DAYS, number="国办发明电〔2027〕1号"))
    songda("calendar", "import", str(file), by="liu")
    (_, year) = songda("calendar", "show")[1]["years"]
    assert (year["state"], year["counting"]["edition"], year["proposed"]["edition"]) == ("imported", 1, 2)
    editions = songda("calendar", "show", "2027")[1]["editions"]
    assert [each["approved_by"] for each in editions] == ["刘芳", None]
    file.write_bytes(notice_file(2027, DAYS, number="国办发明电〔2027〕2号"))
    songda("calendar", "import", str(file), by="liu")
    assert songda("calendar", "approve", "2027", "3", by="zhou")[0] == 0
    assert songda("calendar", "approve", "2027", "2", by="zhou")[1]["error"]["code"] == "outdated"


# --- alarms


def test_status_tells_the_state_and_counts_an_alarm_from_1_november_in_beijing(
    songda: Command, file: Path, database: Database
) -> None:
    november = datetime(2026, 11, 1, tzinfo=BEIJING)
    years = {"2026": "library", "2027": "none"}
    _move_to(database, november - timedelta(minutes=1))
    told = {"lacking": [], "unsettled_from": "2026-12-25", "years": years, "proposed": []}
    assert songda("status")[1]["calendar"] == told
    _move_to(database, november)
    assert songda("status")[1]["calendar"] == told | {"lacking": [2027]}
    text = songda("status", as_json=False)[1]
    assert "calendar   2026 library, 2027 none; dates from 2026-12-25 on are provisional" in text
    assert "calendar   ALARM: the notice of 2027 is not imported" in text
    songda("calendar", "import", str(file), by="zhou")
    calendar = songda("status")[1]["calendar"]
    assert (calendar["lacking"], calendar["proposed"]) == ([2027], [{"year": 2027, "edition": 1}])
    assert "waits for a second person's approval" in songda("status", as_json=False)[1]
    songda("calendar", "approve", "2027", "1", by="liu")
    calendar = songda("status")[1]["calendar"]
    assert calendar == {
        "lacking": [],
        "unsettled_from": None,
        "years": {"2026": "library", "2027": "imported"},
        "proposed": [],
    }


def test_a_worker_that_starts_writes_the_alarm_into_its_log(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    songda = open_songda(load(tmp_path, {}))
    warn_of_calendars(songda)
    assert caplog.records == []
    _move_to(database, datetime(2026, 11, 23, tzinfo=BEIJING))
    warn_of_calendars(songda)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "the holiday notice of 2027 is not imported: dates from 2026-12-25 on are provisional")
    ]
    songda.database.close()
