"""The directory: each authority's own facts by two people, its own register, letters that are withdrawn once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from records import directory, ledger, seals
from records.database import Database
from tests.conftest import LEGAL_NOW
from tests.rows import AUTHORITY, COUNTERPARTY, make_counterparty

FACTS = {"id": AUTHORITY, "name": {"zh": "甲局", "en": "Bureau A"}}
CODE = "91110113MA0BF8AX2Q"


@pytest.fixture
def database(database: Database) -> Database:
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        directory.create_authority(connection, "b")
        make_counterparty(connection)
    return database


def _kinds(database: Database, stream: str = f"directory:{AUTHORITY}") -> list[str]:
    with database.read() as connection:
        assert list(ledger.verify(connection, stream)) == []
        return [event.kind for event in ledger.events(connection, stream)]


# --- the authority's own facts


def test_proposed_facts_do_not_count_before_a_second_person_approves_them(database: Database) -> None:
    with database.write() as connection:
        revision = directory.propose_facts(connection, AUTHORITY, FACTS, "per_1")
        assert directory.authority_facts(connection, AUTHORITY) is None
        with pytest.raises(directory.SelfApproval):
            directory.approve_facts(connection, AUTHORITY, revision, "per_1")
        assert directory.authority_facts(connection, AUTHORITY) is None
        directory.approve_facts(connection, AUTHORITY, revision, "per_2")
        assert directory.authority_facts(connection, AUTHORITY) == (1, FACTS)
    assert _kinds(database)[-2:] == ["authority.proposed", "authority.approved"]


def test_the_first_approval_stands(database: Database) -> None:
    with database.write() as connection:
        revision = directory.propose_facts(connection, AUTHORITY, FACTS, "per_1")
        directory.approve_facts(connection, AUTHORITY, revision, "per_2")
        directory.approve_facts(connection, AUTHORITY, revision, "per_3")
        query = sa.text("select approved_by from authority_revision")
        assert connection.execute(query).scalars().all() == ["per_2"]
    assert _kinds(database).count("authority.approved") == 1


def test_documents_keep_the_revision_that_they_were_accepted_with(database: Database) -> None:
    with database.write() as connection:
        for facts in (FACTS, FACTS | {"bank": "another"}):
            revision = directory.propose_facts(connection, AUTHORITY, facts, "per_1")
            directory.approve_facts(connection, AUTHORITY, revision, "per_2")
        directory.propose_facts(connection, AUTHORITY, FACTS | {"bank": "a thief's"}, "per_1")
        assert directory.authority_facts(connection, AUTHORITY) == (2, FACTS | {"bank": "another"})
        assert directory.authority_facts(connection, AUTHORITY, 1) == (1, FACTS)
        assert directory.authority_facts(connection, AUTHORITY, 3) is None
        assert directory.authority_facts(connection, "b") is None


def test_an_unknown_revision_cannot_be_approved(database: Database) -> None:
    for authority_id, revision in ((AUTHORITY, 1), ("nobody", 1)):
        with pytest.raises(LookupError), database.write() as connection:
            directory.approve_facts(connection, authority_id, revision, "per_2")


# --- the register


def test_a_counterparty_exists_only_for_the_authority_that_entered_it(database: Database) -> None:
    with database.write() as connection:
        assert directory.find_counterparty(connection, "b", COUNTERPARTY) is None
        make_counterparty(connection, "b")  # the same identifier elsewhere is somebody else
        directory.add_account(connection, "b", COUNTERPARTY, login="B-1", department="法律部", password_hash="x")
        assert not directory.has_approved_account(connection, AUTHORITY, COUNTERPARTY)
        assert directory.has_approved_account(connection, "b", COUNTERPARTY)


def test_a_credit_code_stands_once_in_a_register_and_may_be_missing(database: Database) -> None:
    given = {"kind": "legal_person", "name_zh": "甲", "name_en": "A", "address_zh": "乙", "address_en": "B"}
    with database.write() as connection:
        directory.create_counterparty(connection, AUTHORITY, "d", credit_code=CODE, **given)
        directory.create_counterparty(connection, "b", "d", credit_code=CODE, **given)
        directory.create_counterparty(connection, AUTHORITY, "e", **given)
        directory.create_counterparty(connection, AUTHORITY, "f", **given)
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        directory.create_counterparty(connection, AUTHORITY, "g", credit_code=CODE, **given)


def test_an_unknown_kind_of_counterparty_is_refused_by_the_database(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        directory.create_counterparty(
            connection, AUTHORITY, "x", kind="friend", name_zh="甲", name_en="A", address_zh="乙", address_en="B"
        )


def test_contacts_of_nobody_are_refused_and_inactive_ones_get_nothing(database: Database) -> None:
    given = {"department": "法律部", "mobile": None, "email": "x@y.test"}
    with database.write() as connection:
        kept = directory.add_contact(connection, AUTHORITY, COUNTERPARTY, name="孙丽", **given)
        gone = directory.add_contact(connection, AUTHORITY, COUNTERPARTY, name="马骏", **given)
        connection.execute(sa.text("update contact set active = false where id = :id"), {"id": gone})
        assert [row["id"] for row in directory.contacts(connection, AUTHORITY, COUNTERPARTY)] == [kept]
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        directory.add_contact(connection, AUTHORITY, "nobody", name="孙丽", **given)


@pytest.mark.rule("R3")
@pytest.mark.parametrize("login", ["法律部", "NEA-法", "", "  "])
def test_r3_an_account_name_has_no_chinese_characters(database: Database, login: str) -> None:
    with pytest.raises(ValueError, match="R3"), database.write() as connection:
        directory.add_account(connection, AUTHORITY, COUNTERPARTY, login=login, department="d", password_hash="x")


def test_a_login_is_one_persons_in_the_whole_system(database: Database) -> None:
    with database.write() as connection:
        make_counterparty(connection, "b")
        directory.add_account(connection, AUTHORITY, COUNTERPARTY, login="NEA", department="d", password_hash="x")
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        directory.add_account(connection, "b", COUNTERPARTY, login="NEA", department="d", password_hash="x")


# --- confirmation letters


def _file(connection: sa.Connection, **more: object) -> str:
    given = {
        "letter_version": "局发明电〔2018〕2057号 附件1",
        "system_name": "SES",
        "system_address": "https://ses.test",
        "signed_on": "2018-08-10",
        "in_force_from": LEGAL_NOW,
    }
    return directory.file_letter(connection, AUTHORITY, COUNTERPARTY, **(given | more))  # type: ignore[arg-type]


def test_letters_stand_newest_first_and_each_leaves_its_event(database: Database) -> None:
    with database.write() as connection:
        older = _file(connection)
        newer = _file(connection, in_force_from=LEGAL_NOW + timedelta(days=1))
        rows = directory.letters(connection, AUTHORITY, COUNTERPARTY)
        assert [row["id"] for row in rows] == [newer, older]
        assert directory.letters(connection, "b", COUNTERPARTY) == []
    assert _kinds(database).count("letter.filed") == 2


def test_the_first_withdrawal_stands(database: Database) -> None:
    at = LEGAL_NOW + timedelta(days=3)
    with database.write() as connection:
        letter = _file(connection)
        directory.withdraw_letter(connection, letter, at, "per_1")
        directory.withdraw_letter(connection, letter, at + timedelta(days=9), "per_2")
        assert directory.letters(connection, AUTHORITY, COUNTERPARTY)[0]["withdrawn_at"] == at
        events = ledger.events(connection, f"directory:{AUTHORITY}")
    assert [(each.actor, each.happened_at) for each in events if each.kind == "letter.withdrawn"] == [("per_1", at)]
    with pytest.raises(sa.exc.NoResultFound), database.write() as connection:
        directory.withdraw_letter(connection, "let_none", at, "per_1")


# --- seals


def test_the_newest_active_seal_of_the_authority_is_used(database: Database) -> None:
    def register(connection: sa.Connection, authority_id: str) -> str:
        return seals.register(
            connection, authority_id, ring_text="甲局", second_line="专用章", key_uri="pkcs12:x", test=True
        )

    with database.write() as connection:
        assert seals.active(connection, AUTHORITY) is None
        register(connection, "b")
        assert seals.active(connection, AUTHORITY) is None
        first = register(connection, AUTHORITY)
    with database.write() as connection:
        connection.execute(sa.text("update seal set created_at = created_at - 1000000 where id = :id"), {"id": first})
        second = register(connection, AUTHORITY)
        found = seals.active(connection, AUTHORITY)
        assert found and found["id"] == second and found["diameter_mm"] == 42.0
        connection.execute(sa.text("update seal set state = 'stopped' where id = :id"), {"id": second})
        assert (seals.active(connection, AUTHORITY) or {})["id"] == first
        assert seals.find(connection, second)["state"] == "stopped"
        with pytest.raises(LookupError):
            seals.find(connection, "sea_none")
