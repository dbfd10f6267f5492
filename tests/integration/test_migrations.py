"""Migrations: they make the tables of the metadata, and what earlier versions kept goes on as what it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from records import access, deliveries, directory, finding, notices, roles, schema, seals, steps
from records.database import Database
from records.paging import Part
from records.tables import metadata, system
from tests.house import ROOT


def _config() -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(ROOT / "records" / "migrations"))
    return config


@contextmanager
def at_version(database: Database, version: str) -> Iterator[sa.Connection]:
    """An empty database with the schema of an earlier version, to be filled."""
    config = _config()
    with database.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, version)
        yield connection


def test_migrations_make_exactly_the_tables_of_the_metadata(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_version_is_the_head_of_the_migrations() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == schema.NEWEST


def test_a_database_of_every_earlier_version_is_brought_up_to_date(empty: Database) -> None:
    with at_version(empty, "0001") as connection:
        connection.execute(
            sa.text(
                "insert into step (id, subject_type, subject_id, stage, state, run_at, attempt, fence, hinted_until)"
                " values ('doc_1/render', 'document', 'doc_1', 'render', 'ready', 0, 3, 3, 0)"
            )
        )
    schema.keep_up(empty)
    schema.keep_up(empty)
    with empty.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        held = steps.claim(connection, "doc_1/render", "test", 60)
        assert held and (held.attempt, held.excused) == (4, 0)


def test_notices_that_one_person_imported_before_keep_counting(empty: Database) -> None:
    with at_version(empty, "0006") as connection:
        connection.execute(
            sa.text(
                "insert into calendar_notice (year, edition, document_number, source, digest, days, imported_by,"
                " imported_at) values (2027, 1, 'x', 'x', '0', '{\"2027-01-04\": false}', 'operator:root', 7)"
            )
        )
    schema.keep_up(empty)
    with empty.read() as connection:
        assert [row["days"] for row in notices.imported(connection)] == [{"2027-01-04": False}]
        (row,) = notices.editions(connection)
    assert (row["proposed_by"], row["approved_by"]) == ("operator:root", "operator:root")
    assert row["proposed_at"] == row["approved_at"]


def test_seals_of_before_there_was_a_register_go_on_as_what_they_were_used_for(empty: Database) -> None:
    with at_version(empty, "0008") as connection:
        connection.execute(sa.text("insert into authority (id, created_at) values ('a', 0)"))
        connection.execute(
            sa.text(
                "insert into seal (id, authority_id, ring_text, second_line, diameter_mm, key_uri, state, test,"
                " created_at) values ('sea_1', 'a', '甲局', '行政执法专用章', 42, 'x', 'active', true, 7000000)"
            )
        )
    schema.create(empty, test=True)
    with empty.read() as connection:
        found = seals.active(connection, "a")
        assert found is not None
        assert (found["kind"], found["name"], found["issuer"]) == ("enforcement", "甲局行政执法专用章", "")
        assert (found["valid_from"], found["valid_until"]) == (found["created_at"], None)
        assert seals.approvers(connection, "sea_1") == [], "nobody may approve its use until the operator says who"
    with pytest.raises(sa.exc.IntegrityError), empty.write() as connection:
        connection.execute(sa.text("update seal set kind = 'other'"))


def test_notices_of_before_there_were_occasions_keep_what_they_told(empty: Database) -> None:
    rows = (
        "insert into authority (id, created_at) values ('a', 0)",
        "insert into counterparty (id, authority_id, kind, name_zh, name_en, address_zh, address_en, created_at)"
        " values ('c', 'a', 'legal_person', '甲', 'A', '乙', 'B', 0)",
        "insert into contact (id, authority_id, counterparty_id, name, department, email, active)"
        " values ('con_1', 'a', 'c', '孙', 'x', 'x@y.test', true)",
        "insert into seal (id, authority_id, ring_text, second_line, diameter_mm, key_uri, state, test, created_at)"
        " values ('sea_1', 'a', '甲局', '专用章', 42, 'x', 'stopped', true, 0)",
        "insert into seal_compromise (id, authority_id, seal_id, since, reported_by, reason, reported_at)"
        " values ('cmp_1', 'a', 'sea_1', 0, 'x', 'x', 0)",
        "insert into notice (id, compromise_id, contact_id, channel, address, message_id, state, sends, created_at)"
        " values ('ntc_1', 'cmp_1', 'con_1', 'email', 'x@y.test', '<ntc_1@a.test>', 'sent', 1, 7)",
        "insert into session (token_hash, subject_type, subject_id, csrf_token, created_at, expires_at)"
        " values ('0', 'account', 'acc_1', 'x', 0, 0)",
    )
    with at_version(empty, "0011") as connection:
        for each in rows:
            connection.execute(sa.text(each))
    schema.keep_up(empty)
    with empty.read() as connection:
        kept = deliveries.get_notice(connection, "ntc_1")
        assert (kept["occasion"], kept["about"], kept["state"], kept["report"]) == ("seal_lost", "", "sent", None)
        assert connection.execute(sa.text("select factor from session")).scalar_one() == "password"
        (known,) = directory.contacts(connection, "a", "c")
        assert not known["pending"]
    for wrong in ("update notice set state = 'lost'", "update notice set delivery_id = 'dlv_1'"):
        with pytest.raises(sa.exc.IntegrityError), empty.write() as connection:
            connection.execute(sa.text(wrong))


def test_what_was_sent_before_is_found_at_the_desk_and_offices_come_from_what_was_approved(empty: Database) -> None:
    mine = {"authority_id": "a"}
    application = {"id": "reg_1", "campaign_id": "cam_1", "category": "legal_person", "state": "approved"}
    application |= {"submissions": 2, "counterparty_id": "c"}
    decisions = [
        {"registration_id": "reg_1", "nth": 1, "outcome": "returned", "review": '{"office": "beijing"}'},
        {"registration_id": "reg_1", "nth": 2, "outcome": "approved", "review": '{"office": "shanghai"}'},
    ]
    sent = {"id": "dlv_1", "document_id": "doc_1", "counterparty_id": "c", "found_by": "[2026]8号"}
    sent |= {"recipient_zh": "甲 公司", "recipient_en": "Company A", "route": "inbox"}
    sent |= {"status": "available", "paper_status": "none", "service_status": "pending"}
    rows: list[tuple[str, dict[str, object]]] = [
        ("authority", {"id": "a"}),
        ("counterparty", mine | {"id": "c", "kind": "legal_person"}),
        ("campaign", mine | {"id": "cam_1", "code": "Abc"}),
        ("person", mine | {"id": "per_1", "role": "clerk"}),
        ("registration", mine | application),
        *(("registration_submission", mine | {"registration_id": "reg_1", "nth": nth}) for nth in (1, 2)),
        *(("registration_decision", mine | each | {"decided_by": "per_1"}) for each in decisions),
        ("client", mine | {"id": "cli_1"}),
        ("job", mine | {"id": "job_1", "client_id": "cli_1"}),
        ("document", mine | {"id": "doc_1", "job_id": "job_1", "client_id": "cli_1", "status": "released"}),
        ("delivery", mine | sent),
    ]
    with at_version(empty, "0017") as connection:
        for table, values in rows:
            insert(connection, table, values)
    schema.keep_up(empty)
    with empty.read() as connection:
        known = directory.find_counterparty(connection, "a", "c")
        assert known and known["office"] == "shanghai"
        for text in ("甲公司", "company a", "2026〕8"):
            assert finding.at_desk(connection, "a", text, Part(9)) == (["dlv_1"], None)
        assert finding.at_desk(connection, "a", "乙公司", Part(9)) == ([], None)


_FILLED = ((sa.JSON, "{}"), (sa.Boolean, False), (sa.Integer, 0))


def insert(connection: sa.Connection, name: str, values: dict[str, object]) -> None:
    """A row of a table as it stands in the database; what it needs besides is filled in by kind."""
    for column in sa.inspect(connection).get_columns(name):
        if not column["nullable"] and column["name"] not in values and column["default"] is None:
            kind = column["type"]
            values[column["name"]] = next((value for of, value in _FILLED if isinstance(kind, of)), "x")
    columns, given = ", ".join(values), ", ".join(f":{each}" for each in values)
    connection.execute(sa.text(f"insert into {name} ({columns}) values ({given})"), values)  # noqa: S608


def test_people_of_before_there_were_roles_may_do_what_they_did(empty: Database) -> None:
    rows = (
        "insert into authority (id, created_at) values ('a', 0)",
        "insert into person (id, authority_id, login, name, role, password_hash, active, created_at) values"
        " ('per_1', 'a', 'admin', '周', 'administrator', 'x', true, 7),"
        " ('per_2', 'a', 'clerk', '刘', 'clerk', 'x', true, 8)",
        "insert into seal (id, authority_id, ring_text, second_line, diameter_mm, key_uri, state, test, created_at,"
        " kind, name, issuer, valid_from)"
        " values ('sea_1', 'a', '甲局', '章', 42, 'x', 'active', true, 0, 'enforcement', '', '', 0)",
        "insert into seal_approver (id, authority_id, seal_id, person_id, role_zh, role_en, rule, added_by, added_at,"
        " valid_from) values ('apr_1', 'a', 'sea_1', 'per_2', '局长', 'director', '004-77', 'x', 0, 0)",
    )
    with at_version(empty, "0017") as connection:
        for each in rows:
            connection.execute(sa.text(each))
    schema.create(empty, test=True)
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        past = roles.history(connection, ["per_1", "per_2"])
        assert {person: roles.held(each) for person, each in past.items()} == {
            "per_1": ["administrator", "legal"],
            "per_2": ["legal"],
        }
        assert {row["given_by"] for each in past.values() for row in each} == {"upgrade"}
        (clerk,) = access.credentials(connection, "clerk")
        assert clerk.password_hash == "x" and not clerk.subject.first_password  # type: ignore[union-attr]
        assert [row["id"] for row in seals.of_approver(connection, "per_2")] == ["sea_1"]
    for wrong in (
        "delete from person where id = 'per_2'",  # the approver's entry still refers to it
        "insert into person_role (person_id, role, nth, given_by, given_at) values ('per_2', 'clerk', 1, 'x', 0)",
        "insert into person_role (person_id, role, nth, given_by, given_at) values ('per_2', 'legal', 2, 'x', 0)",
    ):
        with pytest.raises(sa.exc.IntegrityError), empty.write() as connection:
            connection.execute(sa.text(wrong))


def test_a_database_without_a_schema_is_not_taken_for_a_system(empty: Database) -> None:
    with pytest.raises(LookupError, match="empty"):
        schema.keep_up(empty)


def test_migrating_again_changes_nothing(database: Database) -> None:
    schema.migrate(database)
    schema.create(database, test=True)
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(system)).scalar_one() == 1
