"""A document whose seal's key may have been in other hands says so wherever it is shown, until a person decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from records import access, affected, documents
from records.database import Database
from tests.integration.test_portal_inbox import open_it
from tests.lost_keys import lose_key
from tests.portal_house import AUTHORITY, PortalHouse, furnish

IN_QUESTION = {"zh": "印章的密钥可能已为他人掌握；本机关正在核查", "en": "the authority is checking it"}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def _document(house: PortalHouse, delivery_id: str) -> str:
    return str(house.row(delivery_id)["document_id"])


@pytest.mark.rule("ESL-15")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_of_the_document_tells_it_in_the_visitors_language(house: PortalHouse, lang: str) -> None:
    delivery_id, other = house.deliver(), house.deliver(number=2)
    lose_key(house.database, AUTHORITY, _document(house, delivery_id))
    party, clerk = house.browser("NEA-FLB"), house.browser("clerk")
    words = IN_QUESTION[lang]
    assert words in party.get(f"/inbox/{delivery_id}?lang={lang}").text  # before it is opened
    open_it(party, delivery_id)
    for page in ("", "/confirm", "/service"):
        assert words in party.get(f"/inbox/{delivery_id}{page}?lang={lang}").text, page
    assert party.get(f"/inbox?lang={lang}").text.count(words) == 1
    assert words in clerk.get(f"/desk/{delivery_id}?lang={lang}").text
    assert words not in party.get(f"/inbox/{other}?lang={lang}").text
    assert words not in clerk.get(f"/desk/{other}?lang={lang}").text


@pytest.mark.rule("ESL-15")
def test_the_desk_counts_what_is_in_question_on_its_first_page_and_lists_it(house: PortalHouse) -> None:
    delivery_id, other = house.deliver(), house.deliver(number=2)
    clerk, elsewhere = house.browser("clerk"), house.browser("clerk-elsewhere")
    assert "尚待逐件核查" not in clerk.get("/desk").text
    lose_key(house.database, AUTHORITY, _document(house, delivery_id))
    assert "有1件文书加盖印章之时" in clerk.get("/desk").text
    listed = clerk.get("/desk?track=in_question").text
    assert f"/desk/{delivery_id}" in listed and f"/desk/{other}" not in listed
    assert "尚待逐件核查" not in elsewhere.get("/desk").text
    assert f"/desk/{delivery_id}" not in elsewhere.get("/desk?track=in_question").text


@pytest.mark.rule("ESL-15")
def test_once_confirmed_or_revoked_the_mark_says_that(house: PortalHouse) -> None:
    first, second = house.deliver(), house.deliver(number=2)
    lose_key(house.database, AUTHORITY, _document(house, first), _document(house, second))
    with house.database.write() as connection:
        person = access.add_person(
            connection, AUTHORITY, login="chief", name="王", roles=("administrator",), password_hash="x"
        )
        assert affected.confirm(connection, _document(house, first), AUTHORITY, person, "compared")
        documents.move(connection, _document(house, second), "revoked")
    party = house.browser("NEA-FLB")
    assert "本机关确认本文书确由本机关制发" in party.get(f"/inbox/{first}").text
    page = party.get(f"/inbox/{second}").text
    assert "本文书已被撤销" in page and "本文书已不再有效" in page
    assert IN_QUESTION["zh"] not in party.get("/inbox").text
    assert "尚待逐件核查" not in house.browser("clerk").get("/desk").text
