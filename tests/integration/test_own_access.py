"""One's own password, authenticator app and sessions; and the log-in that asks for the code."""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.one_time_codes import SECONDS, step_of
from delivery.portal import proving
from records import access, ledger, second_factors
from records.database import Database, database_time
from records.tables import second_factor, session
from tests.portal_house import AUTHORITY, PASSWORD, PortalHouse, furnish, hidden, log_in
from tests.read_pages import alert

NEW = "another battery horse"
BASES = [("NEA-FLB", "/settings/access"), ("clerk", "/desk/settings")]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def post(client: TestClient, base: str, path: str, **fields: str) -> tuple[int, str]:
    csrf = hidden(client.get(base).text, "csrf")
    answer = client.post(f"{base}/{path}", data={"csrf": csrf} | fields)
    return answer.status_code, answer.headers.get("location", answer.text)


def code_of(house: PortalHouse, steps: int = 0) -> str:
    with house.database.read() as connection:
        secret = connection.execute(sa.select(second_factor.c.secret)).scalar_one()
        now = int(database_time(connection).timestamp())
    return pyotp.TOTP(secret).at(now + steps * SECONDS)


def turn_on(house: PortalHouse, client: TestClient, base: str) -> None:
    assert post(client, base, "factor")[0] == 303
    assert post(client, base, "factor/confirm", code=code_of(house, -1)) == (303, f"{base}?told=factor_done")


@pytest.mark.parametrize(("login", "base"), BASES)
def test_another_password_asks_for_the_present_one_and_ends_all_other_sessions(
    house: PortalHouse, login: str, base: str
) -> None:
    client, other = house.browser(login), house.browser(login)
    assert post(client, base, "password", old="not it", new=NEW, again=NEW)[0] == 401
    assert post(client, base, "password", old=PASSWORD, new=NEW, again="x")[0] == 422
    assert post(client, base, "password", old=PASSWORD, new="short", again="short")[0] == 422
    assert post(client, base, "password", old=PASSWORD, new=PASSWORD, again=PASSWORD)[0] == 422
    assert post(client, base, "password", old=PASSWORD, new=NEW, again=NEW) == (303, f"{base}?told=password_done")
    assert client.get(base).status_code == 200
    assert other.get(base).headers["location"].startswith("/login")
    assert log_in(house.browser(), login).status_code == 401
    assert log_in(house.browser(), login, NEW).status_code == 303
    with house.database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, f"directory:{AUTHORITY}")]
    assert sum(kind.endswith("password_changed") for kind in kinds) == 1


def test_guessing_the_present_password_is_bounded_like_the_log_in(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "PER_LOGIN", 2)
    client = house.browser("NEA-FLB")
    tried = [post(client, BASES[0][1], "password", old="guess", new=NEW, again=NEW)[0] for _ in range(3)]
    assert tried == [401, 401, 429]


@pytest.mark.parametrize(("login", "base"), BASES)
def test_rfc_6238_with_an_app_the_log_in_needs_a_code_and_the_session_says_so(
    house: PortalHouse, login: str, base: str
) -> None:
    client = house.browser(login)
    turn_on(house, client, base)
    without, wrong, nobody = (
        log_in(house.browser(), login),
        log_in(house.browser(), login, code="000000"),
        log_in(house.browser(), "nobody", code="000000"),
    )
    assert [each.status_code for each in (without, wrong, nobody)] == [401, 401, 401]
    assert len({alert(each.text) for each in (without, wrong, nobody)}) == 1  # nobody learns who has one
    assert alert(nobody.text)
    code = code_of(house)
    assert log_in(house.browser(), login, code=code).status_code == 303
    assert log_in(house.browser(), login, code=code).status_code == 401, "a code counts once (RFC 6238, 5.2)"
    with house.database.read() as connection:
        factors = list(connection.execute(sa.select(session.c.factor).order_by(session.c.factor)).scalars())
    assert factors == ["password", "password+totp"]
    assert "password and authenticator app" in client.get(f"{base}?lang=en").text


def test_the_secret_is_shown_until_it_counts_and_never_again(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    base = BASES[0][1]
    assert client.get(f"{base}/factor.svg").status_code == 404
    post(client, base, "factor")
    with house.database.read() as connection:
        secret = connection.execute(sa.select(second_factor.c.secret)).scalar_one()
    assert secret in client.get(base).text
    picture = client.get(f"{base}/factor.svg")
    assert picture.headers["content-type"] == "image/svg+xml" and b"<svg" in picture.content
    assert post(client, base, "factor/confirm", code="123")[0] == 422
    assert log_in(house.browser(), "NEA-FLB").status_code == 303, "it does not count before a code was right"
    post(client, base, "factor/confirm", code=code_of(house))
    assert secret not in client.get(base).text
    assert client.get(f"{base}/factor.svg").status_code == 404
    post(client, base, "factor")  # does not replace one that counts
    with house.database.read() as connection:
        assert connection.execute(sa.select(second_factor.c.secret)).scalar_one() == secret


def test_it_is_turned_off_with_the_password(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    base = BASES[0][1]
    turn_on(house, client, base)
    assert post(client, base, "factor/remove", password="guess")[0] == 401
    assert post(client, base, "factor/remove", password=PASSWORD) == (303, f"{base}?told=factor_removed")
    assert log_in(house.browser(), "NEA-FLB").status_code == 303


def test_one_ends_sessions_of_ones_own_and_of_nobody_else(house: PortalHouse) -> None:
    client, other, stranger = house.browser("NEA-FLB"), house.browser("NEA-FLB"), house.browser("OTHER-FLB")
    base = BASES[0][1]
    with house.database.read() as connection:
        theirs = access.sessions_of(connection, house.accounts["OTHER-FLB"])[0]["token_hash"]
        mine = [each["token_hash"] for each in access.sessions_of(connection, house.accounts["NEA-FLB"])]
    assert post(client, base, "sessions/end", session=theirs)[0] == 404
    assert stranger.get("/inbox").status_code == 200
    here = next(each for each in mine if f'value="{each}"' in client.get(base).text)
    del here
    for each in mine:
        with house.database.read() as connection:
            found = access.find_session(connection, client.cookies["songda_session"])
        if found and found.token_hash != each:
            assert post(client, base, "sessions/end", session=each)[0] == 303
    assert client.get(base).status_code == 200
    assert other.get(base).headers["location"].startswith("/login")


def test_an_account_and_a_person_do_not_use_each_others_pages(house: PortalHouse) -> None:
    account, clerk = house.browser("NEA-FLB"), house.browser("clerk")
    assert account.get("/desk/settings").headers["location"] == "/settings/access"
    assert clerk.get("/settings/access").headers["location"] == "/desk/settings"
    for client, base, wrong in (
        (account, "/settings/access", "/desk/settings"),
        (clerk, "/desk/settings", "/settings/access"),
    ):
        csrf = hidden(client.get(base).text, "csrf")
        for path in ("password", "factor", "factor/confirm", "factor/remove", "sessions/end"):
            assert client.post(f"{wrong}/{path}", data={"csrf": csrf}).status_code == 404
            assert client.post(f"{base}/{path}", data={"csrf": "guess"}).status_code == 403


def test_codes_of_the_neighbouring_half_minutes_are_taken_and_no_others(house: PortalHouse) -> None:
    with house.database.write() as connection:
        second_factors.begin(connection, house.accounts["NEA-FLB"], "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
        now = database_time(connection)
    codes = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    present = int(now.timestamp()) // SECONDS
    for away, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = step_of(codes.secret, codes.generate_otp(present + away), now)
        assert (found == present + away) is taken
    for code in ("", "12345", "1234567", "１２３４５６", "abcdef"):
        assert step_of(codes.secret, code, now) is None
