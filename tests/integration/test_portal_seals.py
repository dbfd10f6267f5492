"""The desk of an approver: the very file is shown, approved with the password again, or declined; grants."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient

from delivery.portal import proving
from records import access, documents, ledger, seal_approvals, second_factors
from records.database import Database, database_time
from records.tables import document, number, paper_seal, seal_approval, seal_grant
from tests.integration.test_portal_passkeys import add, challenge
from tests.portal_house import AUTHORITY, PASSWORD, PDF, furnish, hidden, log_in
from tests.rows import make_delivery
from tests.seal_office import DIGEST, Office, open_office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return open_office(furnish(database, tmp_path))


def _approve(client: TestClient, document_id: str, password: str = PASSWORD, **more: str) -> Any:
    page = client.get(f"/desk/seal-uses/{document_id}").text
    form = {name: hidden(page, name) for name in ("csrf", "digest", "seal")} | {"password": password} | more
    return client.post(f"/desk/seal-uses/{document_id}/approve", data=form)


@pytest.mark.rule("ESL-4", "ESL-13a")
def test_an_approver_sees_the_very_file_its_digest_and_what_the_case_system_states(office: Office) -> None:
    document_id = office.waiting()
    with office.house.database.write() as connection:
        delivery_id = make_delivery(connection, document_id, authority_id=AUTHORITY)
    client = office.house.browser("leader")
    assert "文书待批准用印" in office.house.browser("clerk").get(f"/desk/{delivery_id}").text
    assert f"/desk/seal-uses/{document_id}" in client.get("/desk/seal-uses").text
    assert "待您批准的用印 <strong>1</strong>" in client.get("/desk").text
    answer = client.get(f"/desk/seal-uses/{document_id}")
    page = html.unescape(answer.text)
    for text in (DIGEST, "何静", "004-65", "听1号", "甲公司", "请核对期限。", "局领导", "甲局行政执法专用章"):
        assert text in page, text
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    shown = client.get(f"/desk/seal-uses/{document_id}/document.pdf")
    assert shown.content == PDF and "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    english = html.unescape(client.get(f"/desk/seal-uses/{document_id}?lang=en").text)
    assert "deputy director" in english and "does not replace your approval" in english


@pytest.mark.rule("ESL-13a")
def test_an_approval_takes_the_password_again_and_wakes_the_step(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    wrong = _approve(client, document_id, "not the password")
    assert wrong.status_code == 401 and "密码不正确" in wrong.text
    assert (office.rows(seal_approval), office.step(document_id)["state"]) == ([], "waiting")
    answer = _approve(client, document_id)
    assert answer.headers["location"] == "/desk/seal-uses?told=approved"
    (row,) = office.rows(seal_approval)
    assert (row["rendered_digest"], row["person_id"], row["role_zh"], row["rule"]) == (
        DIGEST,
        office.leader,
        "局领导",
        "004-77",
    )
    assert row["session"] == access.token_hash(client.cookies["songda_session"]) and "password" in row["authenticated"]
    assert office.step(document_id)["state"] == "ready"
    assert office.house.hints[-1] == f"{document_id}/seal"
    assert client.get(f"/desk/seal-uses/{document_id}").status_code == 404, "it waits no more"


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def _codes(office: Office) -> tuple[str, str]:
    """The leader has an app from now on: the code before the present one, and the present one."""
    with office.house.database.write() as connection:
        leader = access.credentials(connection, "leader")[0].subject
        second_factors.begin(connection, leader, SECRET)
        second_factors.confirm(connection, leader, 1)
        clock = database_time(connection)
    return tuple(pyotp.TOTP(SECRET).at(clock, counter_offset=each) for each in (0, 1))  # type: ignore[return-value]


@pytest.mark.rule("ESL-13a")
def test_who_has_an_app_approves_and_grants_with_a_code_of_its_own_for_each(office: Office) -> None:
    """Whoever finds the session open and knows the password approves nothing."""
    document_id, other = office.waiting(), office.waiting()
    client = office.house.browser("leader")
    assert 'name="code"' not in client.get(f"/desk/seal-uses/{document_id}").text
    now, next_ = _codes(office)
    assert 'name="code"' in client.get(f"/desk/seal-uses/{document_id}").text
    for code in ("", "000000", "123456789"):
        wrong = _approve(client, document_id, code=code)
        assert wrong.status_code == 401 and "动态验证码或者通行密钥不正确" in wrong.text
    assert _approve(client, document_id, "not the password", code=now).status_code == 401
    assert office.rows(seal_approval) == []
    assert _approve(client, document_id, code=now).status_code == 303
    (row,) = office.rows(seal_approval)
    assert row["authenticated"] == "password and code of an authenticator app again, in an open session"
    with office.house.database.read() as connection:
        (told,) = [each.body for each in ledger.events(connection, document_id) if each.kind == "seal.approved"]
    assert told["authenticated"] == row["authenticated"]
    assert _approve(client, other, code=now).status_code == 401, "a code counts once"
    terms = {"seal": office.seal_id, "scope": "all", "last_day": office.today(), "most_uses": "1"}
    form = terms | {"csrf": hidden(client.get("/desk/seal-grants").text, "csrf"), "password": PASSWORD}
    assert client.post("/desk/seal-grants/add", data=form).status_code == 401
    refused = client.post("/desk/seal-grants/add", data=form | {"code": now})
    assert refused.status_code == 401 and now not in refused.text
    assert client.post("/desk/seal-grants/add", data=form | {"code": next_}).status_code == 303
    with office.house.database.read() as connection:
        granted = [each.body for each in ledger.events(connection, f"directory:{AUTHORITY}")][-1]
    assert granted["authenticated"] == row["authenticated"]


@pytest.mark.rule("ESL-13a")
def test_who_has_a_passkey_approves_with_it_by_a_challenge_made_for_this_session_and_purpose(office: Office) -> None:
    office.house.public_url = "https://ses.test"
    client = office.house.browser("leader")
    device = add(client, "/desk/settings")
    first, second = office.waiting(), office.waiting()

    def asked(by: TestClient) -> dict[str, Any]:
        csrf = hidden(by.get("/desk/seal-grants").text, "csrf")
        answer = by.post("/desk/seal-uses/challenge", data={"csrf": csrf})
        assert answer.status_code == 200
        return dict(answer.json())

    page = client.get(f"/desk/seal-uses/{first}")
    assert 'data-challenge="/desk/seal-uses/challenge"' in page.text and 'name="code"' not in page.text
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert _approve(client, first).status_code == 401, "the password alone is not enough"
    at_the_door = device.use(challenge(office.house.browser()))
    assert _approve(client, first, passkey=at_the_door).status_code == 401, "made for the log-in"
    answer = device.use(asked(client))
    assert _approve(client, first, passkey=answer).status_code == 303
    (row,) = office.rows(seal_approval)
    assert row["authenticated"] == "password and passkey again, in an open session"
    assert _approve(client, second, passkey=answer).status_code == 401, "an answer counts once"
    elsewhere = office.house.browser()
    log_in(elsewhere, "leader", passkey=device.use(challenge(elsewhere, alone=False)))
    stolen = device.use(asked(elsewhere))
    assert _approve(client, second, passkey=stolen).status_code == 401, "made for another session"
    assert len(office.rows(seal_approval)) == 1


def test_only_an_approver_gets_a_challenge(office: Office) -> None:
    office.house.public_url = "https://ses.test"
    client = office.house.browser("NEA-FLB")
    csrf = hidden(client.get("/inbox").text, "csrf")
    assert client.post("/desk/seal-uses/challenge", data={"csrf": csrf}).headers["location"] == "/inbox"
    leader = office.house.browser("leader")
    assert leader.post("/desk/seal-uses/challenge", data={"csrf": "guess"}).status_code == 403


def test_the_other_language_of_a_refused_form_is_its_page(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    for path in (f"seal-uses/{document_id}/approve", f"seal-uses/{document_id}/decline", "seal-grants/add"):
        answer = client.get(f"/desk/{path}?lang=en")
        assert answer.headers["location"] == f"/desk/{path.rpartition('/')[0]}?lang=en"
    assert client.get("/desk/seal-uses/doc_1/approve?lang=//x").headers["location"] == "/desk/seal-uses/doc_1"


def test_guessing_the_password_of_an_open_session_is_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PER_LOGIN", 3)
    document_id = office.waiting()
    client = office.house.browser("leader")
    assert [_approve(client, document_id, "guess").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert _approve(client, document_id).status_code == 429
    assert office.rows(seal_approval) == []


@pytest.mark.rule("ESL-13a")
def test_an_approval_is_of_the_bytes_and_of_the_seal_that_were_shown(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    assert _approve(client, document_id, digest="0" * 64).status_code == 409
    assert _approve(client, document_id, seal=office.foreign_seal).status_code == 409
    page = client.get(f"/desk/seal-uses/{document_id}").text
    form = {name: hidden(page, name) for name in ("csrf", "digest", "seal")} | {"password": PASSWORD}
    with office.house.database.write() as connection:
        connection.execute(document.update().where(document.c.id == document_id).values(rendered_digest="1" * 64))
    assert client.post(f"/desk/seal-uses/{document_id}/approve", data=form).status_code == 409
    assert office.rows(seal_approval) == []


def test_to_decline_ends_the_document_void_with_the_reason(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    page = client.get(f"/desk/seal-uses/{document_id}").text
    form, path = {"csrf": hidden(page, "csrf")}, f"/desk/seal-uses/{document_id}/decline"
    assert client.post(path, data=form | {"reason": " "}).status_code == 422
    assert client.post(path, data=form | {"reason": "罚款数额有误"}).headers["location"].endswith("told=declined")
    with office.house.database.read() as connection:
        row = documents.get(connection, document_id)
        told = [(event.kind, event.actor, event.body["reason"]) for event in ledger.events(connection, document_id)]
    assert (row["status"], row["reason"]) == ("void", "罚款数额有误")
    assert told == [(kind, office.leader, "罚款数额有误") for kind in ("seal.declined", "document.void")]
    assert office.step(document_id)["state"] == "done" and office.rows(number) == []


@pytest.mark.parametrize("login", ["clerk", "clerk-elsewhere"])
def test_nobody_but_an_approver_of_that_seal_sees_or_does_it(office: Office, login: str) -> None:
    document_id = office.waiting()
    leader, client = office.house.browser("leader"), office.house.browser(login)
    form = {"csrf": hidden(client.get("/desk").text, "csrf"), "digest": DIGEST, "password": PASSWORD, "reason": "x"}
    path = f"/desk/seal-uses/{document_id}"
    for answer in (
        client.get(path),
        client.get(f"{path}/document.pdf"),
        client.post(f"{path}/approve", data=form),
        client.post(f"{path}/decline", data=form),
    ):
        assert answer.status_code == 404
    assert f"/desk/seal-uses/{document_id}" not in client.get("/desk/seal-uses").text
    assert (client.get("/desk/seal-uses").status_code == 404) == (login == "clerk")
    assert leader.get(path).status_code == 200
    assert office.rows(seal_approval) == [] and office.step(document_id)["state"] == "waiting"


def test_a_counterparty_and_a_visitor_are_sent_away(office: Office) -> None:
    document_id = office.waiting()
    path = f"/desk/seal-uses/{document_id}"
    assert office.house.browser("NEA-FLB").get(path).headers["location"] == "/inbox"
    assert office.house.browser().get(path).headers["location"] == f"/login?next={path}"


def test_a_forged_form_approves_grants_and_revokes_nothing(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    form = {"csrf": "forged", "digest": DIGEST, "password": PASSWORD, "reason": "x"}
    for path in (f"seal-uses/{document_id}/approve", f"seal-uses/{document_id}/decline", "seal-grants/add"):
        assert client.post(f"/desk/{path}", data=form).status_code == 403
    assert client.post("/desk/seal-grants/revoke", data=form).status_code == 403
    assert office.rows(seal_approval) == [] and office.rows(seal_grant) == []


# --- grants ----------------------------------------------------------------------------------------------------------


def _grant_form(office: Office, client: TestClient, **more: str) -> dict[str, str]:
    form = {
        "csrf": hidden(client.get("/desk/seal-grants").text, "csrf"),
        "seal": office.seal_id,
        "scope": "some",
        "covers_hearing-notice": "1",
        "last_day": office.today(),
        "most_uses": "5",
        "password": PASSWORD,
    }
    return {name: value for name, value in (form | more).items() if value}


@pytest.mark.rule("ESL-13a")
def test_a_grant_is_given_with_the_password_shown_with_its_limits_and_revoked(office: Office) -> None:
    document_id = office.waiting()
    client = office.house.browser("leader")
    assert client.post("/desk/seal-grants/add", data=_grant_form(office, client, password="x")).status_code == 401
    assert office.rows(seal_grant) == []
    answer = client.post("/desk/seal-grants/add", data=_grant_form(office, client))
    assert answer.headers["location"] == "/desk/seal-grants?told=granted"
    (row,) = office.rows(seal_grant)
    assert (row["instruments"], row["client_id"], row["most_uses"]) == (["hearing-notice"], None, 5)
    assert row["valid_until"] - row["valid_from"] < timedelta(days=1) and row["granted_by"] == office.leader
    assert office.step(document_id)["state"] == "ready"
    page = html.unescape(client.get("/desk/seal-grants").text)
    assert "已用0次，共5次" in page and "听证通知书" in page and "孙建平" in page
    form = {"csrf": hidden(page, "csrf"), "grant": row["id"], "reason": "任务结束"}
    assert client.post("/desk/seal-grants/revoke", data=form).headers["location"].endswith("told=revoked")
    (row,) = office.rows(seal_grant)
    assert (row["revoked_by"], row["revoke_reason"]) == (office.leader, "任务结束")


@pytest.mark.parametrize(
    "wrong",
    [
        {"covers_hearing-notice": ""},
        {"scope": "all"},
        {"scope": ""},
        {"covers_proof-of-service": "1"},
        {"most_uses": "0"},
        {"most_uses": "²"},
        {"last_day": "2020-01-01"},
        {"last_day": "2099-01-01"},
        {"last_day": "soon"},
        {"first_day": "2020-01-01"},
    ],
)
def test_a_grant_without_a_limit_or_beyond_one_is_refused_with_its_reason(
    office: Office, wrong: dict[str, str]
) -> None:
    client = office.house.browser("leader")
    answer = client.post("/desk/seal-grants/add", data=_grant_form(office, client, **wrong))
    assert answer.status_code == 422 and re.search(r'role="alert"><ul><li>[^<]', answer.text)
    assert office.rows(seal_grant) == []


def test_grants_belong_to_those_who_approve_for_that_seal(office: Office) -> None:
    leader, clerk, other = (office.house.browser(login) for login in ("leader", "clerk", "clerk-elsewhere"))
    form = _grant_form(office, leader)
    leader.post("/desk/seal-grants/add", data=form)
    (row,) = office.rows(seal_grant)
    assert clerk.get("/desk/seal-grants").status_code == 404
    assert row["id"] not in other.get("/desk/seal-grants").text
    for client in (clerk, other):
        theirs = form | {"csrf": hidden(client.get("/desk").text, "csrf"), "grant": row["id"]}
        assert client.post("/desk/seal-grants/add", data=theirs).status_code == 404
        assert client.post("/desk/seal-grants/revoke", data=theirs).status_code == 404
    foreign = form | {"csrf": hidden(leader.get("/desk").text, "csrf"), "seal": office.foreign_seal}
    assert leader.post("/desk/seal-grants/add", data=foreign).status_code == 404
    with office.house.database.read() as connection:
        assert len(seal_approvals.grants(connection)) == 1
    assert office.rows(seal_grant)[0]["revoked_at"] is None


# --- on paper --------------------------------------------------------------------------------------------------------


def _paper_form(client: TestClient, delivery_id: str, **more: str) -> dict[str, str]:
    page = client.get(f"/desk/{delivery_id}").text
    form = {"csrf": hidden(page, "csrf"), "how": "wet", "sealed_by": "刘芳", "copies": "2", "sealed_on": "20261123"}
    return form | more


@pytest.mark.rule("ESL-8")
def test_who_put_the_wet_seal_on_which_copies_is_recorded_once_and_shown(office: Office) -> None:
    delivery_id = office.house.deliver("penalty-decision")
    client = office.house.browser("clerk")
    form = _paper_form(client, delivery_id)
    for _ in range(2):  # a second click changes nothing
        answer = client.post(f"/desk/{delivery_id}/seal", data=form)
        assert answer.headers["location"] == f"/desk/{delivery_id}?told=seal_recorded"
    (row,) = office.rows(paper_seal)
    assert (row["how"], row["copies"], row["sealed_by"], row["sealed_on"]) == ("wet", 2, "刘芳", "2026-11-23")
    assert "由刘芳在2份打印件上加盖实物印章" in client.get(f"/desk/{delivery_id}?told=seal_recorded").text
    with office.house.database.read() as connection:
        events = ledger.events(connection, office.house.row(delivery_id)["document_id"])
        (told,) = [event for event in events if event.kind == "paper.sealed"]
    assert (told.subject, told.body["sealed_by"], told.body["copies"]) == (delivery_id, "刘芳", 2)


def test_a_printout_of_the_electronic_seal_names_nobody(office: Office) -> None:
    delivery_id = office.house.deliver("penalty-decision")
    client = office.house.browser("clerk")
    client.post(f"/desk/{delivery_id}/seal", data=_paper_form(client, delivery_id, how="electronic"))
    (row,) = office.rows(paper_seal)
    assert (row["how"], row["sealed_by"]) == ("electronic", "")
    assert "that show the electronic seal: 2" in client.get(f"/desk/{delivery_id}?lang=en").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"how": "stamp"},
        {"sealed_by": " "},
        {"copies": "0"},
        {"copies": "many"},
        {"sealed_on": "2099-01-01"},
        {"sealed_on": "2020-01-01"},
        {"sealed_on": ""},
        {"note": "\u202e"},
    ],
)
def test_a_record_of_the_seal_on_paper_that_cannot_be_is_refused(office: Office, wrong: dict[str, str]) -> None:
    delivery_id = office.house.deliver("penalty-decision")
    client = office.house.browser("clerk")
    answer = client.post(f"/desk/{delivery_id}/seal", data=_paper_form(client, delivery_id, **wrong))
    assert answer.status_code == 422 and "<details open>" in answer.text
    assert office.rows(paper_seal) == []


def test_another_authoritys_clerk_records_no_seal_on_paper(office: Office) -> None:
    delivery_id = office.house.deliver("penalty-decision")
    client = office.house.browser("clerk-elsewhere")
    form = _paper_form(office.house.browser("clerk"), delivery_id) | {"csrf": hidden(client.get("/desk").text, "csrf")}
    assert client.post(f"/desk/{delivery_id}/seal", data=form).status_code == 404
    assert office.rows(paper_seal) == []
