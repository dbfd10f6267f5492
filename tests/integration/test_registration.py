"""Registration as its applicants have it: the doors, the form, the report that stays; nobody learns who registered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from delivery import registration_door
from delivery.portal import proving
from records import campaigns, directory, ledger, registrations
from records.access import token_hash
from records.database import Database
from records.instants import microseconds, now
from records.tables import message, visit
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden
from tests.registration_house import (
    CODE,
    ENTITY,
    FOREIGN,
    PEOPLE,
    Applicant,
    applicant,
    deliver,
    open_campaign,
    scan,
    the_row,
)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    open_campaign(made)
    return made


@pytest.fixture
def someone(house: PortalHouse, tmp_path: Path) -> Applicant:
    return applicant(house, tmp_path)


@pytest.mark.rule("R5")
@pytest.mark.parametrize("code", ["SES2018", "ses2018x", "", "Ses2018"])
def test_r5_the_registration_code_is_taken_as_it_is_written_and_no_other(someone: Applicant, code: str) -> None:
    answer = someone.open(code=code)
    assert answer.status_code == 422 and "注册授权码不正确" in answer.text
    deliver(someone.songda)
    assert someone.sms() == []


@pytest.mark.rule("R4", "R5")
def test_r4_a_campaign_ends_with_its_last_day_and_may_be_closed_before(house: PortalHouse, someone: Applicant) -> None:
    open_campaign(house, "over2026", "2026-11-22")
    today = open_campaign(house, "today2026", "2026-11-23")
    assert someone.open(code="over2026").status_code == 422
    assert someone.open(code="today2026").status_code == 303
    with house.database.write() as connection:
        campaigns.close(connection, today, "test")
    assert someone.open(code="today2026").status_code == 422


@pytest.mark.parametrize("mobile", ["1390013900", "021-55555555", "+8613900139000", "23900139000"])
def test_only_a_mainland_mobile_number_gets_a_code(house: PortalHouse, tmp_path: Path, mobile: str) -> None:
    assert applicant(house, tmp_path, mobile).open().status_code == 422


def test_a_code_lets_in_once_for_ten_minutes_and_five_tries(house: PortalHouse, someone: Applicant) -> None:
    someone.open()
    deliver(someone.songda)
    code = re.findall(r"验证码([0-9]{6})", someone.sms()[-1])[0]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(registration_door.TRIES):
        assert someone.post("/register/code", code=wrong).status_code == 401
    assert someone.post("/register/code", code=code).status_code == 401  # the tries are used up
    assert someone.post("/register/code", action="again").headers["location"] == "/register/code?told=again"
    planted = token_hash(someone.client.cookies["songda_register"])
    assert someone.prove().headers["location"] == "/register/form"
    with house.database.read() as connection:
        (row,) = connection.execute(sa.select(visit)).mappings()
        (first, second) = connection.execute(sa.select(message).order_by(message.c.created_at)).mappings()
    assert row["code_hash"] is None and row["token_hash"] != planted
    last = re.findall(r"验证码([0-9]{6})", someone.sms()[-1])[0]
    assert last not in str(dict(first)) + str(dict(second)) + str(dict(row))


def test_a_code_does_not_count_after_its_time_and_is_not_sent_late(house: PortalHouse, someone: Applicant) -> None:
    someone.open()
    deliver(someone.songda)
    with house.database.write() as connection:
        connection.execute(visit.update().values(code_until=now() - microseconds(1)))
    code = re.findall(r"验证码([0-9]{6})", someone.sms()[-1])[0]
    assert someone.post("/register/code", code=code).status_code == 401
    someone.post("/register/code", action="again")
    with house.database.write() as connection:
        connection.execute(message.update().values(created_at=message.c.created_at - microseconds(601)))
    deliver(someone.songda)
    assert len(someone.sms()) == 1
    with house.database.read() as connection:
        states = set(connection.execute(sa.select(message.c.state)).scalars())
    assert states == {"sent", "late"}


def test_codes_are_limited_for_a_number_and_for_an_address(
    house: PortalHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration_door, "PER_DAY", 2)
    monkeypatch.setattr(registration_door, "NETWORK_PER_DAY", 4)
    first = applicant(house, tmp_path)
    assert [first.open().status_code for _ in range(3)] == [303, 303, 429]
    second = applicant(house, tmp_path, "13900139001")
    assert [second.open().status_code for _ in range(2)] == [303, 303]
    assert applicant(house, tmp_path, "13900139002").open().status_code == 429


def test_guessing_the_registration_code_is_slowed_down_by_address(
    someone: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("delivery.portal.register_door.PER_ADDRESS", 3)
    assert [someone.open(code=f"guess{n}").status_code for n in range(4)] == [422, 422, 422, 429]
    assert someone.house.browser("NEA-FLB")  # the log-in page is not closed by it
    assert proving.PER_ADDRESS > 3


def test_no_form_of_the_doors_is_taken_without_its_token(someone: Applicant) -> None:
    for path in ("/register", "/register/track", "/activate"):
        assert someone.client.post(path, data={"csrf": "x"}).status_code == 403
    someone.open()
    assert someone.client.post("/register/code", data={"csrf": "x", "code": "1"}).status_code == 403
    someone.prove()
    for path in ("/register/entity", "/register/people", "/register/letter", "/register/submit", "/register/leave"):
        assert someone.client.post(path, data={"csrf": "x", **ENTITY}).status_code == 403
    assert the_row(someone.house)["facts"] == {}


@pytest.mark.parametrize(
    "path", ["entity", "people", "letter", "letter.pdf", "check", "submit", "status", "files/letter"]
)
def test_nobody_is_inside_without_a_proved_number(someone: Applicant, path: str) -> None:
    assert someone.client.get(f"/register/{path}").headers["location"] == "/register"
    someone.open()
    assert someone.client.get(f"/register/{path}").headers["location"] == "/register"


def test_what_was_entered_is_kept_with_every_fault_at_its_field_in_the_visitors_language(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    wrong = ENTITY | {"credit_code": "91120116MA0BF8AX2B", "address_en": "", "name_en": "Haihe <b>"}
    answer = someone.post("/register/entity", **wrong)
    assert answer.status_code == 422 and "Haihe &lt;b&gt;" in answer.text
    for name, text in (("credit_code", "校验码错误"), ("address_en", "此项必填"), ("name_en", "标记")):
        assert re.search(rf'id="{name}-fault-1">[^<]*{text}', answer.text), name
    english = someone.client.post("/register/entity?lang=en", data={"csrf": someone.token("/register/entity"), **wrong})
    assert "checksum of the credit code is wrong" in english.text and "此项必填" not in english.text
    again = applicant(someone.house, someone.songda.settings.home)  # another browser, the same phone
    again.open()
    again.prove()
    assert 'value="海河示例航空有限公司"' in again.client.get("/register/entity").text
    other = applicant(someone.house, someone.songda.settings.home, "13900139001")
    other.open()
    other.prove()
    assert "海河" not in other.client.get("/register/entity").text


@pytest.mark.rule("R3")
def test_r3_an_account_without_a_name_gets_the_one_of_the_rule(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    someone.post("/register/entity", **ENTITY)
    page = someone.post(
        "/register/people", **PEOPLE, **{"accounts-1-department": "法务部", "action": "add_account"}
    ).text
    assert hidden_value(page, "accounts-0-login") == "HEA-FLB"
    assert hidden_value(page, "accounts-1-login") == "HEA-FWB"
    assert 'name="accounts-2-department"' in page
    chinese = PEOPLE | {"accounts-0-login": "海河-FLB"}
    answer = someone.post("/register/people", **chinese)
    assert answer.status_code == 422 and "账号名称不得含有中文字符" in answer.text


def hidden_value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" type="text" value="([^"]*)"', page)
    assert found
    return found[1]


@pytest.mark.rule("R1", "R2")
def test_r1_two_contacts_who_are_two_persons_and_r2_several_accounts(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    one = {name: value for name, value in PEOPLE.items() if not name.startswith("contacts-1")}
    assert "应当指定两名联系人" in someone.post("/register/people", **one).text
    same = PEOPLE | {"contacts-1-name": "孙丽"}
    assert "联系人应为不同的人" in someone.post("/register/people", **same).text
    several = {f"accounts-{n}-department": f"部门{n}" for n in range(4)} | {
        f"accounts-{n}-login": f"HEA-{n}" for n in range(4)
    }
    assert someone.post("/register/people", **(PEOPLE | several)).status_code == 303
    assert len(the_row(someone.house)["facts"]["accounts"]) == 4


def test_a_contact_abroad_may_lack_a_mainland_number_and_then_is_reached_by_mail(someone: Applicant) -> None:
    someone.open("foreign_entity")
    someone.prove()
    assert someone.post("/register/entity", **FOREIGN).status_code == 303
    abroad = PEOPLE | {"contacts-1-mobile": "+49 69 123456"}
    assert someone.post("/register/people", **abroad).status_code == 303
    without = abroad | {"contacts-1-email": ""}
    assert someone.post("/register/people", **without).status_code == 422
    latin = abroad | {"contacts-1-name": "Hans Meier", "contacts-1-name_en": "Hans Meier"}
    assert someone.post("/register/people", **latin).status_code == 303
    assert "Hans Meier" in letter_text(someone.client.get("/register/letter.pdf").content)


def test_a_scan_is_judged_by_its_bytes(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    answer = someone.upload("licence", b"MZ\x90 not a scan")
    assert answer.status_code == 422 and "扫描件须为 PDF、JPEG 或 PNG" in answer.text
    assert someone.upload("licence", scan()).status_code == 303
    assert someone.client.get("/register/files/licence").content == scan()
    assert someone.client.get("/register/files/letter").status_code == 404
    assert someone.upload("payroll", scan()).status_code == 400


def test_the_letter_is_printed_from_what_was_entered_and_must_be_signed_anew_when_that_changes(
    someone: Applicant,
) -> None:
    someone.fill()
    pdf = someone.client.get("/register/letter.pdf")
    assert pdf.content.startswith(b"%PDF-") and pdf.headers["content-type"] == "application/pdf"
    text = letter_text(pdf.content)
    for said in (ENTITY["name_zh"], ENTITY["name_en"], ENTITY["credit_code"], "13800138001", "孙丽"):
        assert said in text, said
    assert someone.client.get("/register/letter.pdf").content == pdf.content  # printed once for the same facts
    someone.post("/register/entity", **(ENTITY | {"address_zh": "天津市东丽区示例路3号", "address_en": "3 Shili Road"}))
    assert "函中内容已修改" in someone.client.get("/register/check").text
    assert someone.client.get("/register/submit").headers["location"] == "/register/check"
    assert someone.post("/register/submit", "/register/check").headers["location"] == "/register/check"
    someone.upload("letter", scan())
    assert someone.client.get("/register/submit").status_code == 200


def letter_text(pdf: bytes) -> str:
    import io

    from pypdf import PdfReader

    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def test_a_report_needs_a_second_click_and_stays_as_it_was(house: PortalHouse, someone: Applicant) -> None:
    someone.fill()
    warning = someone.client.get("/register/submit").text
    assert "提交局方审核是不可撤回的" in warning and "民航天津安全监督管理局" in warning
    assert the_row(house)["state"] == "draft"
    number = someone.report()
    row = the_row(house)
    assert (row["state"], row["number"], row["submissions"]) == ("submitted", number, 1)
    assert someone.client.get("/register/entity").headers["location"] == "/register/status"
    token = someone.token("/register/status")
    for path, data in (("/register/entity", ENTITY), ("/register/people", PEOPLE)):
        changed = someone.client.post(path, data={"csrf": token, **data, "name_zh": "另一公司"})
        assert changed.status_code == 409
    assert someone.client.post("/register/submit", data={"csrf": token}).headers["location"].endswith("told=not_open")
    with house.database.read() as connection:
        (kept,) = registrations.history(connection, row["id"])
        (told,) = ledger.events(connection, row["id"])
    assert (
        kept["facts"]["name_zh"] == ENTITY["name_zh"]
        and kept["office"]["id"] == "tianjin"
        and kept["office"]["certain"]
    )
    assert told.kind == "registration.submitted" and told.body["number"] == number
    assert set(told.body["files"]) == {"licence", "letter"}


def test_a_campaign_that_ends_meanwhile_takes_no_report(house: PortalHouse, someone: Applicant) -> None:
    someone.fill()
    with house.database.write() as connection:
        (row,) = campaigns.listed(connection, "caac-north-china")
        campaigns.close(connection, row["id"], "test")
    assert someone.post("/register/submit").headers["location"] == "/register/status?told=not_open"


def test_asking_after_an_application_tells_nobody_whether_there_is_one(house: PortalHouse, someone: Applicant) -> None:
    someone.fill()
    number = someone.report()
    home = someone.songda.settings.home
    before = len(someone.sms())
    stranger = applicant(house, home, "13900139009")
    right, wrong = applicant(house, home), applicant(house, home)
    pages = []
    for visitor, asked in ((right, number), (wrong, "20261123-AAAAAAA"), (stranger, number)):
        assert visitor.track(asked).headers["location"] == "/register/code"
        page = visitor.client.get("/register/code").text
        pages.append(re.sub(r'value="[^"]*"|139\*\*\*\*[0-9]{4}|<footer>.*', "", page))
    assert pages[0] == pages[1] == pages[2]
    deliver(someone.songda)
    assert len(someone.sms()) == before + 1 and stranger.sms() == []
    for visitor in (wrong, stranger):
        assert visitor.post("/register/code", code="123456").status_code == 401
    assert right.prove().headers["location"] == "/register/form"
    assert number in right.client.get("/register/status").text


def test_no_address_and_no_page_of_a_stranger_holds_what_was_entered(house: PortalHouse, someone: Applicant) -> None:
    someone.fill()
    number = someone.report()
    with house.database.read() as connection:
        registration_id = connection.execute(sa.text("select id from registration")).scalar_one()
    assert house.browser("NEA-FLB").get(f"/desk/registrations/{registration_id}").headers["location"] == "/inbox"
    elsewhere = house.browser("clerk-elsewhere")
    assert elsewhere.get(f"/desk/registrations/{registration_id}").status_code == 404
    assert elsewhere.get(f"/desk/registrations/{registration_id}/files/letter").status_code == 404
    assert number not in elsewhere.get("/desk/registrations").text
    assert hidden(house.browser("clerk").get(f"/desk/registrations/{registration_id}").text, "csrf")


def test_whoever_reports_is_told_where_the_original_of_the_letter_goes(house: PortalHouse, someone: Applicant) -> None:
    with house.database.read() as connection:
        found = directory.authority_facts(connection, AUTHORITY)
    assert found
    authority = found[1]
    someone.fill()
    assert authority["address"]["zh"] in someone.client.get("/register/submit").text
    number = someone.report()
    zh, en = (someone.client.get(f"/register/status?lang={lang}").text for lang in ("zh", "en"))
    for each in (f"申请编号{number}", authority["address"]["zh"], authority["postcode"]):
        assert each in zh
    assert authority["address"]["en"] in en and "Addressee" in en


def test_the_codes_word_is_the_campaigns(house: PortalHouse) -> None:
    with house.database.read() as connection:
        assert campaigns.by_code(connection, CODE, "2026-12-31")
        assert campaigns.by_code(connection, CODE, "2027-01-01") is None
