"""The authority's side: checklist, return with reasons, approval in one transaction, activation, further codes."""

from __future__ import annotations

import email
import email.policy
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import activation, registration_review
from delivery.mailsink import MailSink
from pipeline.steps.telling import tell
from records import access, campaigns, directory, ledger, messages, registrations, steps
from records.database import Database
from records.instants import microseconds, now
from records.tables import account, contact, counterparty, message, registration_submission
from records.tables import activation as activation_table
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden, log_in
from tests.registration_house import (
    ENTITY,
    FOREIGN,
    PEOPLE,
    REVIEW,
    SIGNER,
    Applicant,
    applicant,
    decide,
    deliver,
    open_campaign,
    scan,
    texts,
    the_row,
)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    open_campaign(made)
    return made


@pytest.fixture
def someone(house: PortalHouse, tmp_path: Path) -> Applicant:
    made = applicant(house, tmp_path)
    made.fill()
    made.report()
    return made


@pytest.fixture
def clerk(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def code_for(someone: Applicant, phone: str = "13800138001") -> str:
    deliver(someone.songda)
    found = re.findall(r"激活码为([0-9A-Z-]{11})", " ".join(texts(someone.songda, phone)))
    assert found
    return str(found[-1])


OWN = "a password of my own"


def activate(house: PortalHouse, code: str, login: str = "HEA-FLB", password: str = OWN) -> Any:
    client = house.browser()
    data = {"csrf": hidden(client.get("/activate").text, "csrf"), "login": login, "code": code}
    return client.post("/activate", data=data | {"password": password, "again": password})


@pytest.mark.parametrize(
    "missing",
    [
        "licence_matches",
        "letter_signed",
        "original_received_on",
        "call_back_number",
        "call_back_source",
        "call_back_person",
        "office",
        "counterparty_id",
    ],
)
def test_nothing_is_approved_while_a_point_of_the_checklist_is_open(
    house: PortalHouse, someone: Applicant, clerk: TestClient, missing: str
) -> None:
    answer = decide(clerk, the_row(house)["id"], "approve", **{missing: ""})
    assert answer.status_code == 422 and f'id="{missing}-fault' in answer.text
    kept = the_row(house)
    assert kept["state"] == "submitted" and missing not in kept["review"]
    assert len(kept["review"]) >= 6, "nothing is lost"


def test_the_checklist_is_kept_while_the_paper_is_on_its_way(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    path = f"/desk/registrations/{row['id']}"
    data = {"csrf": hidden(clerk.get(path).text, "csrf"), "action": "save", "letter_signed": "1"}
    assert clerk.post(path, data=data).headers["location"] == f"{path}?told=noted"
    assert the_row(house)["review"] == {"letter_signed": True}
    with house.database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, row["id"])]
    assert kinds == ["registration.submitted", "registration.checked"]


def test_a_call_back_to_a_number_of_the_application_itself_proves_nothing(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    answer = decide(clerk, the_row(house)["id"], "approve", call_back_number="138 0013 8002")
    assert answer.status_code == 422 and "应当使用独立来源的号码" in answer.text


@pytest.mark.parametrize("day", ["20261119", "20261124", "yesterday"])
def test_the_original_came_between_signature_and_today(
    house: PortalHouse, someone: Applicant, clerk: TestClient, day: str
) -> None:
    assert decide(clerk, the_row(house)["id"], "approve", original_received_on=day).status_code == 422


@pytest.mark.rule("R1", "R2", "LAW-2")
def test_an_approval_enters_counterparty_contacts_letter_and_accounts_at_once(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    answer = decide(clerk, row["id"], "approve")
    assert answer.headers["location"].endswith("?told=approved")
    with house.database.read() as connection:
        entered = directory.find_counterparty(connection, AUTHORITY, "hea")
        contacts = directory.contacts(connection, AUTHORITY, "hea")
        (letter,) = directory.letters(connection, AUTHORITY, "hea")
        (opened,) = connection.execute(sa.select(account).where(account.c.login == "HEA-FLB")).mappings()
        kinds = [each.kind for each in ledger.events(connection, f"directory:{AUTHORITY}")]
        assert list(ledger.verify(connection)) == []
        told = messages.of_registration(connection, row["id"])
    assert entered and (entered["kind"], entered["credit_code"]) == ("legal_person", ENTITY["credit_code"])
    assert {(each["name"], each["mobile"]) for each in contacts} == {("孙丽", "13800138001"), ("马骏", "13800138002")}
    assert letter["scan_digest"] == row["files"]["letter"]["digest"] and letter["signed_on"] == "2026-11-20"
    assert letter["system_address"] == "https://ses.caac.gov.cn/ses"
    assert opened["state"] == "approved" and opened["department"] == "法律部"
    assert kinds[-4:] == ["counterparty.entered", "letter.filed", "account.approved", "account.activation_issued"]
    assert {(each["template"], each["address"]) for each in told} == {
        ("registration-received", "registration@north-china.example.gov.cn"),
        ("registration-approved", someone.mobile),
        ("registration-approved", "13800138001"),
        ("registration-approved", "13800138002"),
        ("registration-approved", "sun@haihe.test"),
        ("registration-approved", "ma@haihe.test"),
        ("activation-code", "13800138001"),
    }


def test_the_responsible_office_is_told_by_e_mail_as_soon_as_it_is_reported(
    house: PortalHouse, someone: Applicant, tmp_path: Path
) -> None:
    box = MailSink(tmp_path / "mails")
    box.start()
    try:
        settings = replace(someone.songda.settings, smtp_port=box.smtp_port)
        deliver(replace(someone.songda, settings=settings), "email")
    finally:
        box.stop()
    (path,) = (tmp_path / "mails").glob("*.eml")
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "registration@north-china.example.gov.cn"  # of the region: the bureau has no entry
    text = mail.get_body().get_content()
    assert the_row(house)["number"] in text and "/desk/registrations" in text
    assert ENTITY["name_zh"] not in text  # who it is stands at the desk alone


def test_an_approval_that_fails_half_way_leaves_nothing(
    house: PortalHouse, someone: Applicant, clerk: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_more: object) -> str:
        raise RuntimeError("half way")

    monkeypatch.setattr("delivery.registration_review.activation.issue", broken)
    assert decide(clerk, the_row(house)["id"], "approve").status_code == 500
    with house.database.read() as connection:
        assert directory.find_counterparty(connection, AUTHORITY, "hea") is None
        assert access.credentials(connection, "HEA-FLB") == []
    assert the_row(house)["state"] == "submitted"


def test_two_clerks_who_approve_at_the_same_moment_enter_it_once(house: PortalHouse, someone: Applicant) -> None:
    row = the_row(house)
    with house.database.read() as connection:
        person = access.credentials(connection, "clerk")[0].subject
    assert isinstance(person, access.Person)
    review = REVIEW | {"licence_matches": True, "letter_signed": True, "original_received_on": "2026-11-22"}

    def approve(_: int) -> str:
        try:
            registration_review.approve(house.database, person, row["id"], review)
        except registration_review.NotWaiting:
            return "late"
        return "approved"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(approve, range(4))) == ["approved", "late", "late", "late"]
    with house.database.read() as connection:
        assert len(messages.of_registration(connection, row["id"])) == 7
        assert list(ledger.verify(connection)) == []


def test_an_entity_is_registered_once_and_an_account_name_is_given_once(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    with house.database.write() as connection:
        connection.execute(
            counterparty.update()
            .where(counterparty.c.id == "air-example", counterparty.c.authority_id == AUTHORITY)
            .values(credit_code=ENTITY["credit_code"], name_en=ENTITY["name_en"].upper())
        )
        connection.execute(account.update().where(account.c.login == "OTHER-FLB").values(login="hea-flb"))
    row = the_row(house)
    page = clerk.get(f"/desk/registrations/{row['id']}").text
    assert "同名的相对人：air-example" in page
    assert "已在名录库中：air-example" in page and "账号名称已被使用：HEA-FLB" in page
    answer = decide(clerk, row["id"], "approve")
    assert answer.status_code == 422 and "已在名录库中" in answer.text
    assert decide(clerk, row["id"], "approve", counterparty_id="air-other").status_code == 422


def test_a_return_needs_its_reasons_in_both_languages_and_the_history_stays(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    assert decide(clerk, row["id"], "return", reasons_zh="公章不清晰").status_code == 422
    reasons = {"reasons_zh": "公章不清晰", "reasons_en": "The seal cannot be read."}
    assert decide(clerk, row["id"], "return", **reasons).status_code == 303
    deliver(someone.songda)
    assert "已被退回" in someone.sms()[-1] and row["number"] in someone.sms()[-1]
    page = someone.client.get("/register/status").text
    assert "公章不清晰" in page and "The seal cannot be read." in page
    someone.post("/register/entity", **(ENTITY | {"short_name": "海河航空"}))
    someone.post("/register/people", **PEOPLE)
    someone.upload("letter", scan())
    someone.post("/register/letter", **SIGNER)
    assert someone.report() == row["number"]
    with house.database.read() as connection:
        second, first = registrations.history(connection, row["id"])
    assert (first["outcome"], first["reasons_en"]) == ("returned", "The seal cannot be read.")
    assert first["facts"]["short_name"] == "海河示例航空" and second["facts"]["short_name"] == "海河航空"
    assert second["outcome"] is None
    assert decide(clerk, row["id"], "approve").status_code == 303
    assert decide(clerk, row["id"], "approve").status_code == 409
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), house.database.write() as connection:
        connection.execute(registration_submission.update().values(facts={}))


def test_a_returned_application_may_be_mended_after_the_campaign(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    decide(clerk, the_row(house)["id"], "return", reasons_zh="缺页", reasons_en="A page is missing.")
    with house.database.write() as connection:
        (row,) = campaigns.listed(connection, AUTHORITY)
        campaigns.close(connection, row["id"], "test")
    assert someone.report() == the_row(house)["number"]


def test_another_authoritys_clerk_decides_nothing(house: PortalHouse, someone: Applicant) -> None:
    elsewhere = house.browser("clerk-elsewhere")
    token = hidden(elsewhere.get("/desk").text, "csrf")
    row = the_row(house)
    for action in ("approve", "return", "save", "issue"):
        data = {"csrf": token, "action": action, **REVIEW}
        assert elsewhere.post(f"/desk/registrations/{row['id']}", data=data).status_code == 404
    counterpartys = house.browser("NEA-FLB")
    answer = counterpartys.post(
        f"/desk/registrations/{row['id']}",
        data={"csrf": hidden(counterpartys.get("/inbox").text, "csrf"), "action": "approve", **REVIEW},
    )
    assert answer.headers["location"] == "/inbox"
    assert the_row(house)["state"] == "submitted"


def test_the_owner_chooses_the_password_by_a_code_that_counts_once(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    decide(clerk, the_row(house)["id"], "approve")
    code = code_for(someone)
    assert log_in(house.browser(), "HEA-FLB", code).status_code == 401  # a code is no password
    assert activate(house, code, password="short").status_code == 422
    assert activate(house, "AAAAA-AAAAA").status_code == 401
    done = activate(house, code.lower().replace("-", " "))
    assert done.headers["location"] == "/inbox" and "songda_session" in done.headers["set-cookie"]
    assert log_in(house.browser(), "HEA-FLB", OWN).status_code == 303
    assert activate(house, code, password="somebody else's password").status_code == 401
    with house.database.read() as connection:
        stored = connection.execute(sa.select(activation_table)).mappings().one()
        kinds = [each.kind for each in ledger.events(connection, f"directory:{AUTHORITY}")]
        assert code not in str(connection.execute(sa.select(message)).all()) + str(dict(stored))
    assert kinds[-3:] == ["account.password_changed", "account.activated", "change.asked"]  # contacts are told


def test_an_activation_code_expires_and_its_tries_are_limited(
    house: PortalHouse, someone: Applicant, clerk: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activation, "TRIES", 2)
    decide(clerk, the_row(house)["id"], "approve")
    code = code_for(someone)
    assert [activate(house, "AAAAA-AAAAA").status_code for _ in range(2)] == [401, 401]
    assert activate(house, code).status_code == 401
    with house.database.write() as connection:
        connection.execute(activation_table.update().values(tries=0, expires_at=now() - microseconds(1)))
    assert activate(house, code).status_code == 401


def test_guessing_codes_of_an_account_locks_nobody_out_of_the_log_in_page(
    house: PortalHouse, someone: Applicant
) -> None:
    answers = [activate(house, "AAAAA-AAAAA", login="NEA-FLB").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert log_in(house.browser(), "NEA-FLB").status_code == 303


def test_a_further_code_is_a_clerks_after_a_call_back_and_the_password_holds_until_it_is_used(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    decide(clerk, row["id"], "approve")
    first = code_for(someone)
    activate(house, first)
    with house.database.read() as connection:
        (opened,) = connection.execute(sa.select(account.c.id).where(account.c.login == "HEA-FLB")).scalars()
    path = "/desk/accounts/hea"
    assert f'href="{path}"' in clerk.get(f"/desk/registrations/{row['id']}").text
    data = {"csrf": hidden(clerk.get(path).text, "csrf"), "account": opened}
    assert clerk.post(path, data=data).status_code == 422
    told = {"number": "022-12345678", "source": "官网", "person": "赵敏"}
    own = clerk.post(path, data=data | told | {"number": someone.mobile})
    assert own.status_code == 422 and "应当使用独立来源的号码" in own.text
    assert clerk.post(path, data=data | told | {"account": "acc_other"}).status_code == 404
    assert clerk.post(path, data=data | told).headers["location"] == f"{path}?told=issued"
    second = code_for(someone)
    assert second != first
    assert log_in(house.browser(), "HEA-FLB", OWN).status_code == 303
    session = house.browser()
    log_in(session, "HEA-FLB", OWN)
    assert activate(house, first, password="another password").status_code == 401
    assert activate(house, second, password="another password").status_code == 303
    assert session.get("/inbox").status_code == 303  # its session has ended
    assert log_in(house.browser(), "HEA-FLB", "another password").status_code == 303
    with house.database.read() as connection:
        issued = [
            each.body["call_back"]
            for each in ledger.events(connection, f"directory:{AUTHORITY}")
            if each.kind == "account.activation_issued"
        ]
    assert issued == [None, {"number": "022-12345678", "source": "官网", "person": "赵敏"}]


def test_the_phone_and_an_sms_code_alone_open_no_account_that_exists(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    decide(clerk, row["id"], "approve")
    activate(house, code_for(someone))
    thief = applicant(house, someone.songda.settings.home)  # holds the applicant's phone
    thief.track(row["number"])
    thief.prove()
    assert thief.client.get("/register/entity").headers["location"] == "/register/status"
    assert thief.client.get("/inbox").headers["location"].startswith("/login")
    assert log_in(house.browser(), "HEA-FLB", OWN).status_code == 303
    assert not [each for each in thief.sms() if "激活码为" in each]


def test_a_message_of_unknown_outcome_is_told_and_not_sent_twice(
    house: PortalHouse, someone: Applicant, clerk: TestClient
) -> None:
    row = the_row(house)
    decide(clerk, row["id"], "approve")
    with house.database.read() as connection:
        step_id = next(
            f"{each['id']}/tell"
            for each in messages.of_registration(connection, row["id"])
            if each["template"] == "activation-code"
        )
    with house.database.write() as connection:
        assert steps.claim(connection, step_id, "killed", -1)
    with house.database.write() as connection:
        claim = steps.claim(connection, step_id, "next", 60)
    assert claim and claim.takes_over
    conclusion = tell(someone.songda, claim)
    with house.database.write() as connection:
        conclusion.write(connection)
        steps.finish(connection, claim)
    assert texts(someone.songda, "13800138001") == []
    assert "结果不明" in clerk.get(f"/desk/registrations/{row['id']}").text


def test_contacts_abroad_are_told_by_mail_and_the_directory_keeps_no_number_that_gets_no_sms(
    house: PortalHouse, tmp_path: Path, clerk: TestClient
) -> None:
    someone = applicant(house, tmp_path)
    someone.open("foreign_entity")
    someone.prove()
    someone.post("/register/entity", **FOREIGN)
    abroad = {"contacts-0-mobile": "+49 69 123456", "contacts-1-mobile": "+49 69 123457"}
    someone.post("/register/people", **(PEOPLE | abroad))
    someone.upload("letter", scan())
    someone.post("/register/letter", **SIGNER)
    someone.report()
    changed = {"licence_matches": "", "office": "east-china"}
    assert decide(clerk, the_row(house)["id"], "approve", **changed).status_code == 303
    with house.database.read() as connection:
        numbers = set(
            connection.execute(sa.select(contact.c.mobile).where(contact.c.counterparty_id == "hea")).scalars()
        )
        told = {
            (each["template"], each["channel"], each["address"])
            for each in messages.of_registration(connection, the_row(house)["id"])
        }
    assert numbers == {None}
    assert ("activation-code", "email", "sun@haihe.test") in told
    assert ("registration-approved", "email", "ma@haihe.test") in told
