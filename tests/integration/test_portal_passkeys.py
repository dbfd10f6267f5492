"""Passkeys in the portal: added, used after the password and alone, removed; and every way in which one is refused."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pyotp
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.portal import proving
from records import access, ledger, passkeys, second_factors
from records.database import Database, database_time
from records.tables import passkey, passkey_challenge, session
from tests.portal_house import AUTHORITY, PASSWORD, PortalHouse, furnish, hidden, log_in
from tests.read_pages import alert
from tests.soft_passkey import PRESENT, SoftPasskey

URL = "https://ses.test"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
BASES = [("NEA-FLB", "/settings/access"), ("clerk", "/desk/settings")]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    made.public_url = URL
    return made


def post(client: TestClient, base: str, path: str, **fields: str) -> tuple[int, str]:
    csrf = hidden(client.get(base).text, "csrf")
    answer = client.post(f"{base}/{path}", data={"csrf": csrf} | fields)
    return answer.status_code, answer.headers.get("location", answer.text)


def begin(client: TestClient, base: str, **fields: str) -> tuple[int, str]:
    """Ask for a passkey to be added, as somebody of the account."""
    given = {"name": "office computer", "password": PASSWORD, "person_name": "王芳", "person_office": "经理"}
    return post(client, base, "passkeys", **(given | fields))


def creation(client: TestClient, base: str) -> dict[str, Any]:
    found = re.search(r'data-options="([^"]*)"', client.get(f"{base}/passkeys/new").text)
    assert found
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


def add(client: TestClient, base: str, **device: Any) -> SoftPasskey:
    """A device whose passkey was added."""
    made = SoftPasskey(URL, **device)
    assert begin(client, base) == (303, f"{base}/passkeys/new")
    answer = made.make(creation(client, base))
    assert post(client, base, "passkeys/new", passkey=answer) == (303, f"{base}?told=passkey_added")
    return made


def challenge(client: TestClient, *, alone: bool = True) -> dict[str, Any]:
    csrf = hidden(client.get("/login").text, "csrf")
    answer = client.post("/login/challenge", data={"csrf": csrf, "alone": "1" if alone else ""})
    assert answer.status_code == 200
    options: dict[str, Any] = answer.json()
    return options


def present(client: TestClient, answer: str) -> Any:
    csrf = hidden(client.get("/login?lang=zh").text, "csrf")
    return client.post("/login/passkey", data={"csrf": csrf, "passkey": answer, "next": "/"})


def by_passkey(client: TestClient, device: SoftPasskey, **how: Any) -> Any:
    return present(client, device.use(challenge(client), **how))


def after_password(client: TestClient, login: str, device: SoftPasskey, **how: Any) -> Any:
    return log_in(client, login, passkey=device.use(challenge(client, alone=False), **how))


def kinds(house: PortalHouse) -> list[str]:
    with house.database.read() as connection:
        events = ledger.events(connection, f"directory:{AUTHORITY}")
    return [each.kind for each in events if each.kind.startswith("passkey.")]


# --- adding


@pytest.mark.parametrize(("login", "base"), BASES)
def test_a_passkey_is_added_with_the_password_and_the_ledger_says_whose(
    house: PortalHouse, login: str, base: str
) -> None:
    client = house.browser(login)
    assert begin(client, base, password="guess")[0] == 401
    assert begin(client, base, name=" ")[0] == 422
    assert client.get(f"{base}/passkeys/new").headers["location"] == base, "nothing is asked without the password"
    add(client, base)
    page = client.get(base).text
    whose = "王芳" if login == "NEA-FLB" else "刘芳"
    assert "office computer" in page and whose in page
    with house.database.read() as connection:
        event = ledger.events(connection, f"directory:{AUTHORITY}")[-1]
        (row,) = connection.execute(sa.select(passkey)).mappings()
    if login == "clerk":  # for an account the contacts are told after that
        assert (event.kind, event.body["person"], event.body["passkey"]) == ("passkey.added", whose, row["id"])
    assert kinds(house) == ["passkey.added"]
    assert row["person"] == whose


def test_an_account_says_which_of_its_people_brings_the_device(house: PortalHouse) -> None:
    client, base = house.browser("NEA-FLB"), BASES[0][1]
    status, text = begin(client, base, person_name="")
    assert status == 422 and "office computer" in text
    add(client, base)
    known = re.search(r'<option value="(nam_[^"]*)">王芳 · 经理', client.get(base).text)
    assert known
    assert begin(client, base, person_name="", person=known[1])[0] == 303


def test_a_challenge_is_answered_once_and_by_the_session_that_it_was_made_for(house: PortalHouse) -> None:
    client, other, base = house.browser("NEA-FLB"), house.browser("NEA-FLB"), BASES[0][1]
    device = SoftPasskey(URL)
    begin(client, base)
    answer = device.make(creation(client, base))
    assert post(other, base, "passkeys/new", passkey=answer)[0] == 422, "another session of the same account"
    wrong = SoftPasskey("https://evil.example").make(creation(client, base))
    assert post(client, base, "passkeys/new", passkey=wrong)[0] == 422
    assert post(client, base, "passkeys/new", passkey=answer)[0] == 422, "used up by the wrong answer"
    assert kinds(house) == []


def test_a_device_is_somebodys_once(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    other = house.browser("OTHER-FLB")
    begin(other, BASES[0][1])
    options = creation(other, BASES[0][1])
    assert post(other, BASES[0][1], "passkeys/new", passkey=device.make(options))[0] == 422
    mine = house.browser()
    assert log_in(mine, "OTHER-FLB").status_code == 303, "nothing was added"


def test_a_device_that_holds_one_is_told_to_make_no_second(house: PortalHouse) -> None:
    client, base = house.browser("NEA-FLB"), BASES[0][1]
    device = add(client, base)
    begin(client, base)
    assert [each["id"] for each in creation(client, base)["excludeCredentials"]] == [device.id]


def test_a_first_password_that_others_know_adds_none(house: PortalHouse) -> None:
    house.employ("new", "legal", first_password=True)
    client, base = house.browser("new"), BASES[1][1]
    status, text = begin(client, base)
    assert status == 422 and "初始密码" in text
    assert client.get(f"{base}/passkeys/new").headers["location"] == base


def test_there_is_a_bound(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MOST", 1)
    client, base = house.browser("NEA-FLB"), BASES[0][1]
    add(client, base)
    assert begin(client, base)[0] == 422


# --- logging in


@pytest.mark.parametrize(("login", "base"), BASES)
def test_a_passkey_logs_in_alone_and_the_session_says_so(house: PortalHouse, login: str, base: str) -> None:
    device = add(house.browser(login), base)
    client = house.browser()
    answer = by_passkey(client, device)
    assert answer.status_code == 303 and "songda_session" in client.cookies
    page = client.get(f"{base}?lang=en").text
    assert re.search(r"Logged in .*, by passkey \(office computer\)", page)
    assert "Last used" in page
    with house.database.read() as connection:
        factors = set(connection.execute(sa.select(session.c.factor)).scalars())
    assert factors == {"password", "passkey"}


@pytest.mark.parametrize(("login", "base"), BASES)
def test_with_a_passkey_the_password_is_not_enough_and_no_answer_tells_so(
    house: PortalHouse, login: str, base: str
) -> None:
    device = add(house.browser(login), base)
    without, wrong, nobody = (
        log_in(house.browser(), login),
        after_password(house.browser(), login, SoftPasskey(URL, rp_id="ses.test")),
        log_in(house.browser(), "nobody"),
    )
    assert [each.status_code for each in (without, wrong, nobody)] == [401, 401, 401]
    assert len({alert(each.text) for each in (without, wrong, nobody)}) == 1
    client = house.browser()
    assert after_password(client, login, device, flags=PRESENT).status_code == 303, "the password was asked for"
    assert "password and passkey" in client.get(f"{base}?lang=en").text
    assert log_in(house.browser(), login, "guess", passkey=device.use(challenge(house.browser()))).status_code == 401


def test_app_and_passkey_take_each_others_place(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    with house.database.write() as connection:
        second_factors.begin(connection, house.accounts["NEA-FLB"], SECRET)
        second_factors.confirm(connection, house.accounts["NEA-FLB"], 1)
    assert after_password(house.browser(), "NEA-FLB", device).status_code == 303
    with house.database.read() as connection:
        code = pyotp.TOTP(SECRET).at(int(database_time(connection).timestamp()))
    assert log_in(house.browser(), "NEA-FLB", code=code).status_code == 303
    assert log_in(house.browser(), "NEA-FLB", code=code).status_code == 401
    assert after_password(house.browser(), "NEA-FLB", SoftPasskey(URL, rp_id="ses.test")).status_code == 401


def test_every_challenge_is_the_same_question_for_everybody(house: PortalHouse) -> None:
    before = challenge(house.browser())
    add(house.browser("NEA-FLB"), BASES[0][1])
    after = challenge(house.browser())
    assert before.pop("challenge") != after.pop("challenge")
    assert before == after and before["allowCredentials"] == [] and before["userVerification"] == "required"


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://evil.example"},
        {"flags": PRESENT},
        {"challenge": "AAAA"},
        {"type": "webauthn.create"},
    ],
)
def test_a_wrong_answer_opens_nothing_and_all_are_answered_alike(house: PortalHouse, how: dict[str, Any]) -> None:
    device, client = add(house.browser("NEA-FLB"), BASES[0][1]), house.browser()
    wrong, unknown = by_passkey(client, device, **how), by_passkey(house.browser(), SoftPasskey(URL, "ses.test"))
    garbage = present(house.browser(), "{}")
    assert [each.status_code for each in (wrong, unknown, garbage)] == [401, 401, 401]
    assert len({alert(each.text) for each in (wrong, unknown, garbage)}) == 1
    assert "songda_session" not in client.cookies
    assert by_passkey(client, device).status_code == 303, "the next one that is right is taken"


def test_a_passkey_for_another_system_opens_nothing(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    device.rp_id = "evil.example"
    assert by_passkey(house.browser(), device).status_code == 401


def test_an_answer_counts_once_in_one_browser_for_minutes(house: PortalHouse) -> None:
    device, client, thief = add(house.browser("NEA-FLB"), BASES[0][1]), house.browser(), house.browser()
    answer = device.use(challenge(client))
    challenge(thief)
    assert present(thief, answer).status_code == 401, "another browser"
    assert present(client, answer).status_code == 303
    client.cookies.delete("songda_session")
    assert present(client, answer).status_code == 401, "again"
    late = device.use(challenge(client))
    with house.database.write() as connection:
        connection.execute(passkey_challenge.update().values(expires_at=passkey_challenge.c.expires_at - 300 * 10**6))
    assert present(client, late).status_code == 401, "after five minutes"


def test_a_challenge_for_the_one_purpose_is_no_good_for_the_other(house: PortalHouse) -> None:
    client, base = house.browser("NEA-FLB"), BASES[0][1]
    device = add(client, base)
    begin(client, base)
    answer = device.use(creation(client, base))
    assert present(house.browser(), answer).status_code == 401
    assert present(client, answer).status_code == 401


def test_another_accounts_passkey_is_no_second_factor(house: PortalHouse) -> None:
    add(house.browser("NEA-FLB"), BASES[0][1])
    theirs = add(house.browser("OTHER-FLB"), BASES[0][1])
    assert after_password(house.browser(), "NEA-FLB", theirs).status_code == 401
    theirs.user_handle = house.accounts["NEA-FLB"].id.encode()
    assert by_passkey(house.browser(), theirs).status_code == 401, "nor does it say whose it is"


def test_6_1_1_a_count_that_goes_back_is_refused_and_on_record(house: PortalHouse) -> None:
    client, base = house.browser("NEA-FLB"), BASES[0][1]
    device = add(client, base)
    assert by_passkey(house.browser(), device).status_code == 303
    device.count = 0  # what a copy made before says
    assert by_passkey(house.browser(), device).status_code == 401
    assert kinds(house) == ["passkey.added", "passkey.doubted"]
    with house.database.read() as connection:
        event = next(each for each in ledger.events(connection, f"directory:{AUTHORITY}") if "doubted" in each.kind)
    assert (event.body["known"], event.body["told"]) == (1, 1)
    assert "计数倒退" in client.get(base).text
    device.count = 5
    assert by_passkey(house.browser(), device).status_code == 303


def test_nobody_without_the_key_can_have_a_passkey_doubted(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    by_passkey(house.browser(), device)
    forged = SoftPasskey(URL, "ses.test", counts=False, user_handle=device.user_handle)
    forged.credential_id = device.credential_id
    assert by_passkey(house.browser(), forged).status_code == 401
    assert kinds(house) == ["passkey.added"]


def test_6_1_1_a_device_that_never_counts_is_taken_until_it_does(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1], counts=False)
    assert [by_passkey(house.browser(), device).status_code for _ in range(2)] == [303, 303]
    device.count = 7
    assert by_passkey(house.browser(), device).status_code == 303
    device.count = 0
    assert by_passkey(house.browser(), device).status_code == 401


def test_who_may_not_log_in_does_not_by_a_passkey(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    clerks = add(house.browser("clerk"), BASES[1][1])
    with house.database.write() as connection:
        access.stop_account(connection, "NEA-FLB", "operator:root")
        access.stop_person(connection, "clerk", "operator:root")
    assert by_passkey(house.browser(), device).status_code == 401
    assert by_passkey(house.browser(), clerks).status_code == 401


def test_wrong_answers_are_counted_for_the_address_and_keep_no_login_waiting(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "PER_LOGIN", 2)
    monkeypatch.setattr(proving, "PER_ADDRESS", 6)
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    tried = [log_in(house.browser(), "NEA-FLB", "guess").status_code for _ in range(3)]
    assert tried == [401, 401, 429]
    assert by_passkey(house.browser(), device).status_code == 303, "nothing of it was guessed"
    assert log_in(house.browser(), "NEA-FLB").status_code == 429, "and guesses at the password stay counted"
    assert [present(house.browser(), "{}").status_code for _ in range(5)] == [401, 401, 401, 401, 429]
    assert by_passkey(house.browser(), device).status_code == 429


def test_a_form_of_another_page_gets_no_challenge_and_logs_nobody_in(house: PortalHouse) -> None:
    device, client = add(house.browser("NEA-FLB"), BASES[0][1]), house.browser()
    assert client.post("/login/challenge", data={"csrf": "guess"}).status_code == 403
    answer = device.use(challenge(client))
    assert client.post("/login/passkey", data={"csrf": "guess", "passkey": answer}).status_code == 403
    assert client.get("/login/passkey?lang=en").headers["location"] == "/login?lang=en"


# --- removing


@pytest.mark.parametrize(("login", "base"), BASES)
def test_it_is_removed_with_the_password_and_what_it_opened_ends(house: PortalHouse, login: str, base: str) -> None:
    client, lost = house.browser(login), house.browser()
    device, kept = add(client, base), add(client, base)
    by_passkey(lost, device)
    with house.database.read() as connection:
        found = passkeys.find(connection, device.id)
    assert found
    assert post(client, base, "passkeys/remove", passkey=found["id"], password="guess")[0] == 401
    assert post(client, base, "passkeys/remove", passkey="pky_0", password=PASSWORD)[0] == 422
    done = post(client, base, "passkeys/remove", passkey=found["id"], password=PASSWORD)
    assert done == (303, f"{base}?told=passkey_removed")
    assert lost.get(base).headers["location"].startswith("/login")
    assert by_passkey(house.browser(), device).status_code == 401
    assert by_passkey(house.browser(), kept).status_code == 303
    assert kinds(house) == ["passkey.added", "passkey.added", "passkey.removed"]


def test_who_removes_the_passkey_of_this_session_stays(house: PortalHouse) -> None:
    device, client, base = add(house.browser("NEA-FLB"), BASES[0][1]), house.browser(), BASES[0][1]
    by_passkey(client, device)
    with house.database.read() as connection:
        found = passkeys.find(connection, device.id)
    assert found
    assert post(client, base, "passkeys/remove", passkey=found["id"], password=PASSWORD)[0] == 303
    assert client.get(base).status_code == 200
    assert log_in(house.browser(), "NEA-FLB").status_code == 303, "without any second factor the password is enough"


def test_nobody_removes_anothers(house: PortalHouse) -> None:
    device = add(house.browser("NEA-FLB"), BASES[0][1])
    with house.database.read() as connection:
        found = passkeys.find(connection, device.id)
    assert found
    other = house.browser("OTHER-FLB")
    assert post(other, BASES[0][1], "passkeys/remove", passkey=found["id"], password=PASSWORD)[0] == 422
    assert by_passkey(house.browser(), device).status_code == 303


@pytest.mark.parametrize(("what", "app", "devices"), [("app", False, True), ("passkeys", True, False), ("all", 0, 0)])
def test_the_desk_takes_off_what_was_lost(house: PortalHouse, what: str, app: bool, devices: bool) -> None:
    add(house.browser("NEA-FLB"), BASES[0][1])
    account = house.accounts["NEA-FLB"]
    with house.database.write() as connection:
        second_factors.begin(connection, account, SECRET)
        second_factors.confirm(connection, account, 1)
    clerk = house.browser("clerk")
    csrf = hidden(clerk.get("/desk/changes").text, "csrf")
    form = {"csrf": csrf, "login": "NEA-FLB", "what": what, "reason": "王芳，2018年确认函上的电话"}
    assert clerk.post("/desk/changes/recover", data=form).status_code == 303
    assert clerk.post("/desk/changes/recover", data=form).status_code == 422, "there is no more of it"
    with house.database.read() as connection:
        assert proving.has_second(connection, account) == (bool(app), bool(devices))
        assert access.sessions_of(connection, account) == []
    told = [row for row in house.hints if row.startswith("chg_")]
    assert len(told) == (3 if what == "all" else 2), "of the adding, and of each that was taken off"


# --- where there are none


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8000", "http://ses.test"])
def test_under_an_address_without_a_name_or_https_nothing_is_offered(house: PortalHouse, url: str) -> None:
    house.public_url = url
    client = house.browser("NEA-FLB")
    page = house.browser().get("/login")
    assert "passkey" not in page.text and "connect-src" not in page.headers["content-security-policy"]
    assert "passkeys.js" not in client.get(BASES[0][1]).text
    assert begin(client, BASES[0][1])[0] == 422
    door = house.browser()
    csrf = hidden(door.get("/login").text, "csrf")
    assert door.post("/login/challenge", data={"csrf": csrf}).status_code == 404
    assert present(house.browser(), "{}").status_code == 401


def test_only_the_log_in_page_lets_its_script_ask_and_only_us(house: PortalHouse) -> None:
    policy = house.browser().get("/login").headers["content-security-policy"]
    assert "connect-src 'self';" in policy and "'unsafe" not in policy
    client = house.browser("NEA-FLB")
    begin(client, BASES[0][1])
    for path in (BASES[0][1], f"{BASES[0][1]}/passkeys/new"):
        assert "connect-src" not in client.get(path).headers["content-security-policy"]


def test_an_account_and_a_person_do_not_use_each_others_pages(house: PortalHouse) -> None:
    for (login, base), (_, wrong) in (BASES, BASES[::-1]):
        client = house.browser(login)
        csrf = hidden(client.get(base).text, "csrf")
        for path in ("passkeys", "passkeys/new", "passkeys/remove"):
            assert client.post(f"{wrong}/{path}", data={"csrf": csrf}).status_code == 404
            assert client.post(f"{base}/{path}", data={"csrf": "guess"}).status_code == 403
        assert client.get(f"{wrong}/passkeys/new").status_code == 404
