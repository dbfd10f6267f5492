"""The doors of the portal: passwords, sessions, forged forms, headers, rate limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from delivery import passwords
from delivery.portal import login, proving
from delivery.portal.app import Portal, make_portal
from delivery.portal.security import network_of
from records import access
from records.database import Database
from records.instants import microseconds, now
from records.tables import account, session
from tests.portal_house import PASSWORD, PortalHouse, furnish, hidden, log_in


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def test_a_session_is_a_cookie_that_scripts_do_not_see_and_the_database_only_hashes(house: PortalHouse) -> None:
    client = house.browser()
    answer = log_in(client, "NEA-FLB")
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("songda_session="))
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    token = client.cookies["songda_session"]
    with house.database.read() as connection:
        (row,) = connection.execute(session.select()).mappings()
    assert row["token_hash"] == access.token_hash(token) and token not in str(dict(row))


def test_behind_https_cookies_are_secure_and_bound_to_the_host(house: PortalHouse) -> None:
    portal = Portal(house.database, house.store, house.hints.extend, False, True, "系统", "System")
    client = TestClient(make_portal(portal), base_url="https://testserver", follow_redirects=False)
    answer = log_in(client, "NEA-FLB")
    cookies = answer.headers.get_list("set-cookie")
    assert any(each.startswith("__Host-songda_session=") and "Secure" in each for each in cookies)
    page = client.get("/inbox")
    assert page.headers["strict-transport-security"].startswith("max-age=")
    assert "TEST" not in page.text  # not a TEST system


@pytest.mark.parametrize(("who", "password"), [("NEA-FLB", "wrong"), ("nobody", PASSWORD), ("clerk", ""), ("", "")])
def test_a_wrong_login_opens_nothing_and_says_not_which_half_was_wrong(
    house: PortalHouse, who: str, password: str
) -> None:
    client = house.browser()
    answer = log_in(client, who, password)
    assert answer.status_code == 401 and "账号、密码、通行密钥或者动态验证码不正确" in answer.text
    assert "songda_session" not in client.cookies
    assert client.get("/inbox").headers["location"] == "/login?next=/inbox"


def test_after_too_many_attempts_on_one_login_even_the_right_password_waits(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "PER_LOGIN", 3)
    client = house.browser()
    assert [log_in(client, "NEA-FLB", "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    answer = log_in(client, "NEA-FLB")
    assert answer.status_code == 429 and answer.headers["retry-after"] == "900"
    assert log_in(client, "OTHER-FLB").status_code == 303  # others are not locked out


def test_a_stranger_who_guesses_elsewhere_keeps_nobody_waiting_and_guessing_from_many_addresses_is_bounded(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "PER_LOGIN", 3)
    monkeypatch.setattr(proving, "PER_LOGIN_ANYWHERE", 8)

    def elsewhere(nth: int) -> None:
        for module in (proving, login):
            monkeypatch.setattr(module, "network", lambda request: f"192.0.2.{nth}")

    elsewhere(1)
    stranger = house.browser()
    assert [log_in(stranger, "NEA-FLB", "wrong").status_code for _ in range(4)] == [401, 401, 401, 429]
    elsewhere(2)
    owner = house.browser()
    assert log_in(owner, "NEA-FLB").status_code == 303
    token = hidden(owner.get("/settings/access").text, "csrf")
    elsewhere(1)
    assert log_in(stranger, "NEA-FLB").status_code == 429, "the owner's log-in gives a stranger no new tries"
    for nth in (3, 4):
        elsewhere(nth)
        answers = [log_in(stranger, "NEA-FLB", "wrong").status_code for _ in range(3)]
    assert answers == [401, 401, 429], "eight in all"
    elsewhere(2)
    again = {"csrf": token, "old": PASSWORD, "new": "another password 2", "again": "another password 2"}
    assert owner.post("/settings/access/password", data=again).status_code == 303, "who is in is not kept waiting"


def test_one_address_cannot_try_many_logins(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "PER_ADDRESS", 3)
    client = house.browser()
    assert [log_in(client, f"guess-{n}", "x").status_code for n in range(4)] == [401, 401, 401, 429]


def test_attempts_leave_the_window_and_a_success_clears_the_login(house: PortalHouse) -> None:
    client = house.browser()
    for _ in range(3):
        log_in(client, "NEA-FLB", "wrong")
    with house.database.read() as connection:
        assert access.attempts(connection, "NEA-FLB", "", 900).login == 3
        assert access.attempts(connection, "NEA-FLB", "", 0).login == 0
    assert log_in(client, "NEA-FLB").status_code == 303
    with house.database.read() as connection:
        assert access.attempts(connection, "NEA-FLB", "", 900).login == 0


@pytest.mark.parametrize("path", ["/inbox/{}/open", "/inbox/{}/confirm", "/logout"])
def test_a_post_without_the_sessions_token_does_nothing(house: PortalHouse, path: str) -> None:
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    for data in ({}, {"csrf": "x"}, {"csrf": ""}):
        assert client.post(path.format(delivery_id), data=data).status_code == 403
    assert house.row(delivery_id)["status"] == "available"
    assert client.get("/inbox").status_code == 200


def test_another_visitors_token_is_not_taken(house: PortalHouse) -> None:
    theirs = hidden(house.browser("OTHER-FLB").get("/inbox").text, "csrf")
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    assert client.post(f"/inbox/{delivery_id}/confirm", data={"csrf": theirs}).status_code == 403


def test_logging_in_cannot_be_forged_either(house: PortalHouse) -> None:
    client = house.browser()
    form = {"login": "NEA-FLB", "password": PASSWORD, "csrf": "guess"}
    assert client.post("/login", data=form).status_code == 403
    client.get("/login")
    assert client.post("/login", data=form).status_code == 403
    assert "songda_session" not in client.cookies


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_of_other_sites_are_refused_by_what_the_browser_says(house: PortalHouse, site: str) -> None:
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    form = {"csrf": hidden(client.get("/inbox").text, "csrf")}
    answer = client.post(f"/inbox/{delivery_id}/open", data=form, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert house.row(delivery_id)["status"] == "available"


def test_logging_out_ends_the_session_for_good(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    token = client.cookies["songda_session"]
    csrf = hidden(client.get("/inbox").text, "csrf")
    assert client.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    client.cookies.set("songda_session", token)
    assert client.get("/inbox").status_code == 303


def test_logging_in_again_makes_a_new_session_and_ends_the_old_one(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    old = client.cookies["songda_session"]
    form = client.get("/login?lang=zh").text
    client.post("/login", data={"csrf": hidden(form, "csrf"), "login": "NEA-FLB", "password": PASSWORD})
    assert client.cookies["songda_session"] != old
    with house.database.read() as connection:
        assert access.find_session(connection, old) is None


def test_a_session_ends_by_time_and_with_its_account(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    with house.database.write() as connection:
        connection.execute(account.update().where(account.c.login == "NEA-FLB").values(state="stopped"))
    assert client.get("/inbox").status_code == 303
    assert log_in(client, "NEA-FLB").status_code == 401
    clerk = house.browser("clerk")
    with house.database.write() as connection:
        connection.execute(session.update().values(expires_at=now() - microseconds(1)))
    assert clerk.get("/desk").status_code == 303


@pytest.mark.parametrize("path", ["/login", "/inbox", "/nothing", "/static/portal.css", "/inbox/dlv_x/document.pdf"])
def test_every_answer_carries_the_safe_headers(house: PortalHouse, path: str) -> None:
    headers = house.browser("NEA-FLB").get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_a_broken_page_says_so_without_its_insides(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    from delivery.portal import list_pages

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("secret inside")

    client = house.browser("NEA-FLB")
    monkeypatch.setattr(list_pages, "listed", broken)
    careful = TestClient(house.app, raise_server_exceptions=False, cookies=dict(client.cookies))
    answer = careful.get("/inbox")
    assert answer.status_code == 500 and "secret" not in answer.text and "系统出错" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/inbox/%00", "/inbox/dlv_%00/service", "/inbox/..%2f..%2fetc", "/inbox/dlv_' or 1=1"]
)
def test_an_identifier_that_is_none_is_not_found(house: PortalHouse, path: str) -> None:
    assert house.browser("NEA-FLB").get(path).status_code == 404


def test_characters_that_no_database_stores_break_nothing(house: PortalHouse) -> None:
    assert log_in(house.browser(), "NEA\0FLB", "x\0").status_code == 401
    assert house.browser("clerk").get("/desk", params={"find": "\0"}).status_code == 200


def test_no_page_offers_what_only_scripts_can_do(house: PortalHouse) -> None:
    house.deliver()
    pages = [house.browser("NEA-FLB").get("/inbox").text, house.browser("clerk").get("/desk").text]
    for page in pages:
        page = page.replace('<script src="/static/times.js" defer></script>', "")  # adds the reader's own time
        assert not re.search(r"<script|\son\w+=|javascript:|style=", page)
        assert "TEST" in page


def test_passwords_are_argon2id_and_of_bounded_length() -> None:
    stored = passwords.hash_password("a long enough one")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3")
    assert passwords.matches(stored, "a long enough one") and not passwords.matches(stored, "another one")
    assert not passwords.matches(None, "nobody has this password")
    assert not passwords.matches(stored, "x" * 10_000) and not passwords.matches("not a hash", "x")
    assert not passwords.is_outdated(stored)
    for bad in ("short", "x" * 300):
        with pytest.raises(ValueError, match="characters"):
            passwords.hash_password(bad)


def test_a_hash_of_weaker_parameters_is_made_anew_at_the_next_log_in(house: PortalHouse) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with house.database.write() as connection:
        access.set_password_hash(connection, house.accounts["NEA-FLB"], weak)
    house.browser("NEA-FLB")
    with house.database.read() as connection:
        (known,) = access.credentials(connection, "NEA-FLB")
    assert known.password_hash != weak and passwords.matches(known.password_hash, PASSWORD)


def test_an_address_of_version_6_counts_for_its_whole_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("192.0.2.7") == "192.0.2.7"
