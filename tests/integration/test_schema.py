"""The schema: migrations and metadata agree, evidence cannot be changed, TEST is for good; what is named exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline.steps import STAGES
from records import (
    access,
    affected,
    archives,
    attempts,
    campaigns,
    compromises,
    deliveries,
    directory,
    documents,
    finding,
    ledger,
    notices,
    objections,
    paper_seals,
    registrations,
    roles,
    schema,
    seal_approvals,
    seals,
    steps,
    submissions,
    template_versions,
    volumes,
)
from records.database import Database, database_time, is_test, legal_time, set_legal_time
from records.tables import APPEND_ONLY, document, metadata, step, system
from tests.conftest import LEGAL_NOW
from tests.house import ROOT
from tests.rows import make_delivery, make_document
from tests.servers import Postgres

MIGRATIONS = ROOT / "records" / "migrations"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any schema."""
    postgres: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    database = Database(postgres.create_database() if postgres else f"sqlite:///{tmp_path}/empty.db")
    yield database
    database.close()


# --- migrations


def test_migrations_make_exactly_the_tables_of_the_metadata(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_version_is_the_head_of_the_migrations() -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.NEWEST


def test_a_database_of_every_earlier_version_is_brought_up_to_date(empty: Database) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
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
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0006")
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
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0008")
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
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
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
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0011")
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
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0017")
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
    for table, values in rows:
        insert(empty, table, values)
    schema.keep_up(empty)
    with empty.read() as connection:
        known = directory.find_counterparty(connection, "a", "c")
        assert known and known["office"] == "shanghai"
        for text in ("甲公司", "company a", "2026〕8"):
            assert finding.at_desk(connection, "a", text) == ["dlv_1"]
        assert finding.at_desk(connection, "a", "乙公司") == []


_FILLED = ((sa.JSON, "{}"), (sa.Boolean, False), (sa.Integer, 0))


def insert(database: Database, name: str, values: dict[str, object]) -> None:
    """A row of a table as it stands in the database; what it needs besides is filled in by kind."""
    inspector = sa.inspect(database.engine)
    for column in inspector.get_columns(name):
        if not column["nullable"] and column["name"] not in values and column["default"] is None:
            kind = column["type"]
            values[column["name"]] = next((value for of, value in _FILLED if isinstance(kind, of)), "x")
    columns = ", ".join(values)
    with database.write() as connection:
        given = ", ".join(f":{each}" for each in values)
        connection.execute(sa.text(f"insert into {name} ({columns}) values ({given})"), values)  # noqa: S608


def test_people_of_before_there_were_roles_may_do_what_they_did(empty: Database) -> None:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
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
    with empty.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0017")
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


# --- append-only


def _fill(connection: sa.Connection) -> None:
    """One row in each append-only table."""
    document_id = make_document(connection, "doc_1")
    delivery_id = make_delivery(connection, document_id)
    ledger.append(connection, document_id, "a", "document.accepted")
    seal_id = seals.register(connection, "a", ring_text="甲", second_line="乙", key_uri="x", test=True)
    _fill_approvals(connection, seal_id, documents.get(connection, document_id))
    paper_seals.record(
        connection, "a", delivery_id, how="wet", copies=2, sealed_by="刘", sealed_on="2026-11-23", note="", by="per_1"
    )
    deliveries.insert_paper_receipt(
        connection,
        delivery_id=delivery_id,
        method="direct",
        outcome="served",
        served_on="2026-11-23",
        record={},
        final=True,
        recorded_by="per_1",
    )
    attempt = attempts.insert(
        connection, "a", delivery_id, code="1", method="direct", servers=[], mail_kind="", mail_number="", by="per_1"
    )
    assert attempts.add_file(connection, "a", attempt["id"], "proof", "0" * 64, "per_1")
    notices.propose(
        connection,
        year=2027,
        document_number="国办发明电〔2026〕7号",
        source="x",
        digest="0",
        days={"2027-01-01": False},
        by="per_1",
    )
    notices.approve(connection, 2027, 1, "per_2")
    documents.record_artifact(connection, "0" * 64, 2, "application/json")
    template_versions.bind(connection, "hearing-notice", "1.1", "0" * 64)
    _fill_case(connection, seal_id)
    _fill_lost_key(connection, seal_id)
    _fill_archive(connection, document_id)
    _fill_registration(connection)
    _fill_inbox(connection, delivery_id)


def _fill_registration(connection: sa.Connection) -> None:
    campaign_id = campaigns.add(connection, "a", "ses2018", "2026-12-31", "per_1")
    clerk = access.add_person(connection, "a", login="clerk", name="刘芳", roles=("legal",), password_hash="x")
    registration_id = registrations.start(connection, "a", campaign_id, "legal_person", "13900139000")
    registrations.change(connection, registration_id, ("draft",), submissions=1)
    row = registrations.find(connection, registration_id)
    assert row
    registrations.keep_submission(connection, row, 1, {}, LEGAL_NOW)
    decided = {"outcome": "returned", "review": {}, "reasons_zh": "甲", "reasons_en": "A"}
    registrations.keep_decision(connection, row, decided_by=clerk, decided_at=LEGAL_NOW, **decided)


def _fill_archive(connection: sa.Connection, document_id: str) -> None:
    end = LEGAL_NOW + timedelta(days=3650)
    archives.keep(connection, document_id, "a", document_id, "0" * 64, end, end - timedelta(days=400))
    moments = {"stamped_at": LEGAL_NOW, "provable_until": end, "renew_at": end}
    archives.renewed(
        connection, archives.get(connection, document_id), digest="0" * 64, timestamp_authority="x", **moments
    )


def _fill_approvals(connection: sa.Connection, seal_id: str, row: sa.RowMapping) -> None:
    person_id = access.add_person(connection, "a", login="x", name="孙", roles=("legal",), password_hash="")
    office = {"role_zh": "局长", "role_en": "director", "rule": "004-58"}
    seals.add_approver(connection, seal_id, person_id, **office, by="per_1")
    approver = seals.approver_of(connection, seal_id, person_id)
    assert approver is not None
    connection.execute(
        document.update().where(document.c.id == row["id"]).values(status="rendered", rendered_digest="0")
    )
    seal_approvals.approve(connection, row, "0", approver, session="x", authenticated="x")
    allowed = seal_approvals.of_document(connection, documents.get(connection, row["id"]), seal_id)
    assert allowed is not None
    seal_approvals.record_use(
        connection,
        allowed,
        document_id=row["id"],
        seal_id=seal_id,
        rendered_digest="0",
        sealed_digest="1",
        certificate_serial="1",
        certificate_subject="CN=x",
    )


def _fill_case(connection: sa.Connection, seal_id: str) -> None:
    of, paper = ("a", "1"), {"part": "八", "title_zh": "照片", "title_en": "Photo", "day": "2026-11-20"}
    volumes.add_file(connection, *of, by="per_1", client_id=None, digest="0" * 64, **paper)
    sealed = {"content": "1", "digest": "0" * 64, "pages": 3, "archival": True, "seal_id": seal_id, "approval": {}}
    volumes.record(connection, *of, by="per_1", client_id=None, **sealed)


def _fill_lost_key(connection: sa.Connection, seal_id: str) -> None:
    since = database_time(connection) - timedelta(hours=1)
    report_id = compromises.report(connection, seal_id, since, "operator:root", "the token was stolen").id
    found, _ = affected.sealed_since(connection, seal_id, since, limit=10)
    assert affected.mark(connection, compromises.get(connection, report_id), found) == 1
    person_id = access.add_person(connection, "a", login="admin", name="x", roles=("administrator",), password_hash="x")
    assert affected.confirm(connection, "doc_1", "a", person_id, "compared with the file")


def _fill_inbox(connection: sa.Connection, delivery_id: str) -> None:
    row = deliveries.get(connection, delivery_id)
    directory.add_account(connection, "a", "c", login="C-FLB", department="x", password_hash="x")
    (found,) = access.credentials(connection, "C-FLB")
    (clerk,) = access.credentials(connection, "x")
    assert isinstance(clerk.subject, access.Person)
    of = {name: row[name] for name in ("authority_id", "counterparty_id", "document_id")} | {"delivery_id": delivery_id}
    by = {"account_id": found.subject.id, "person": "王", "office": "", "session": "x"}
    moment = database_time(connection)
    document_row = documents.get(connection, row["document_id"])
    told = {"kind": "evidence", "words": "", "declaration_zh": "x", "declaration_en": "x", "late": False}
    told |= {"client_id": document_row["client_id"], "case_no": "1", "submitted_at": moment}
    submissions.insert(
        connection, {"id": "sub_1", **of, **by, **told}, [submissions.File("x", "0" * 64, "image/png", 1, 1)]
    )
    submission = submissions.find(connection, "sub_1", "a")
    assert submission is not None and submissions.take(connection, submission, clerk.subject)
    days = {"against": "2026-11-23", "claimed": "2026-11-24"}
    objections.insert(connection, id="obj_1", **of, **by, **days, grounds="x", digest=None, raised_at=moment)
    ruled = {"outcome": "dismissed", "served_on": None, "reasons": "x", "name": "孙", "ruled_at": moment}
    objections.rule(connection, objection_id="obj_1", person_id=clerk.subject.id, **ruled)


@pytest.mark.rule("ESL-8")
@pytest.mark.parametrize("name", [table.name for table in APPEND_ONLY])
def test_esl_5_evidence_refuses_update_and_delete_by_trigger(database: Database, name: str) -> None:
    table = metadata.tables[name]
    with database.write() as connection:
        _fill(connection)
        before = connection.execute(sa.select(table)).all()
        assert before
    column = next(iter(table.columns)).name
    statements = [f"update {name} set {column} = {column}", f"delete from {name}"]  # noqa: S608 - names of our tables
    if database.is_postgresql:
        statements.append(f"truncate {name} cascade")
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.write() as connection:
            connection.exec_driver_sql(statement)
    with database.read() as connection:
        assert connection.execute(sa.select(table)).all() == before


# --- TEST and its legal clock


def test_test_is_for_good_and_so_is_production(empty: Database) -> None:
    schema.create(empty, test=False)
    with pytest.raises(ValueError, match="created as production"):
        schema.create(empty, test=True)
    with empty.read() as connection:
        assert not is_test(connection)


def test_a_test_database_is_never_taken_for_production(database: Database) -> None:
    with pytest.raises(ValueError, match="created as TEST"):
        schema.create(database, test=False)


@pytest.mark.parametrize("statement", ["update system set test = not test", "delete from system"])
def test_the_database_itself_guards_the_mark(database: Database, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"for good|legal clock"), database.write() as connection:
        connection.exec_driver_sql(statement)


def test_production_has_no_legal_clock_of_its_own(empty: Database) -> None:
    with pytest.raises(ValueError, match="TEST"):
        schema.create(empty, test=False, legal_now=LEGAL_NOW)
    schema.create(empty, test=False)
    with pytest.raises(PermissionError, match="TEST"), empty.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(days=1))
    with pytest.raises(sa.exc.DBAPIError, match="legal clock"), empty.write() as connection:
        connection.exec_driver_sql("update system set legal_offset = 86400000000")


# --- structure: what is named exists


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in ("records", "signing", "templates", "delivery", "pipeline"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


def _texts(node: ast.expr, inside: ast.AST) -> set[str]:
    """Every text that the expression may be: a constant, one of two, or a name that was given one of them."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return _texts(node.body, inside) | _texts(node.orelse, inside)
    if isinstance(node, ast.Name):
        given = [
            each.value
            for each in ast.walk(inside)
            if isinstance(each, ast.Assign) and any(ast.unparse(target) == node.id for target in each.targets)
        ]
        return {text for value in given for text in _texts(value, inside)}
    return set()


def _named_stages() -> dict[str, str]:
    """Stage names in calls of `Next(type, id, stage)` and `steps.add(connection, type, id, stage)`, and where."""
    named: dict[str, str] = {}
    for path, tree in _sources():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for function in [
            node for holder in (tree, *classes) for node in holder.body if isinstance(node, ast.FunctionDef)
        ]:
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
                place = {"Next": 2, "steps.add": 3, "steps.schedule": 3}.get(ast.unparse(call.func))
                if place is None or len(call.args) <= place:
                    continue
                found = _texts(call.args[place], function)
                if not found and ast.unparse(call.args[place]) != "each.stage":
                    raise AssertionError(f"{path.name}: cannot tell the stage in {ast.unparse(call)}")
                named |= dict.fromkeys(found, f"{path.name}:{call.lineno}")
        for text in re.findall(r'f"\{[a-z_]+(?:\[[^]]*\])?\}/([a-z]+)"', path.read_text("utf-8")):
            if text == "settle":
                named[text] = path.name
    return named


def test_every_stage_that_is_named_has_an_implementation_and_every_implementation_is_named() -> None:
    named = _named_stages()
    assert set(named) == set(STAGES), named


def test_every_status_of_a_document_can_be_reached_and_is_known_to_the_database() -> None:
    check = next(each for each in document.constraints if str(each.name).endswith("status"))
    assert isinstance(check, sa.CheckConstraint)
    known = set(re.findall(r"'([a-z]+)'", str(check.sqltext)))
    assert known == {"accepted", *documents.TRANSITIONS}
    assert set().union(*documents.TRANSITIONS.values()) <= known
    reached, frontier = {"accepted"}, {"accepted"}
    while frontier:
        frontier = {to for to, starts in documents.TRANSITIONS.items() if starts & reached} - reached
        reached |= frontier
    assert reached == known


@pytest.mark.parametrize("to", sorted(documents.TRANSITIONS))
def test_a_status_is_reached_only_along_its_transitions_and_with_its_event(database: Database, to: str) -> None:
    for start in ("accepted", *documents.TRANSITIONS):
        with database.write() as connection:
            document_id = make_document(connection, f"doc_{start}")
            connection.execute(document.update().where(document.c.id == document_id).values(status=start))
        allowed = start in documents.TRANSITIONS[to]
        if allowed:
            with database.write() as connection:
                documents.move(connection, document_id, to, reason="because")
        else:
            with pytest.raises(documents.WrongState, match=start), database.write() as connection:
                documents.move(connection, document_id, to, reason="because")
        with database.read() as connection:
            row = documents.get(connection, document_id)
            kinds = [event.kind for event in ledger.events(connection, document_id)]
        assert (row["status"], row["reason"], kinds) == (
            (to, "because", [f"document.{to}"]) if allowed else (start, None, [])
        )


#: Tables without an authority's column, and why their rows belong to one nevertheless, or to none.
_WITHOUT_AUTHORITY = {
    "authority": "is the authority",
    "system": "the one row of the whole system",
    "api_key": "through its client",
    "session": "through its account or person",
    "second_factor": "through its account or person",
    "person_role": "through its person",
    "passkey": "through its account or person",
    "passkey_challenge": "of one browser or one session, before anybody is known",
    "login_failure": "counts attempts of people who may be nobody",
    "seal_use": "through its document and its seal",
    "idempotency_key": "through its API key and its job",
    "paper_receipt": "through its delivery",
    "named_person": "through its account",
    "submission_file": "through its submission",
    "submission_taken": "through its submission",
    "objection_ruling": "through its objection",
    "notice": "through its delivery, the report of a key in other hands, or the change of an entry",
    "step": "through its subject",
    "event": "through its stream: a document, or an authority's directory",
    "template_version": "templates are the same for all authorities",
    "ledger_head": "through its stream",
    "artifact": "bytes by their digest; who may read them is decided by the rows that name them",
    "calendar_notice": "the State Council's, for everybody",
    "calendar_approval": "through its notice",
    "timestamp_authority": "the whole installation asks the same ones",
}


def test_every_row_belongs_to_an_authority_or_there_is_a_reason() -> None:
    without = {name for name, table in metadata.tables.items() if "authority_id" not in table.c}
    assert without == set(_WITHOUT_AUTHORITY)
    for name in metadata.tables.keys() - without - {"visit"}:  # who asked after nothing that is there belongs to nobody
        assert not metadata.tables[name].c.authority_id.nullable, name


def test_what_a_case_system_sent_belongs_to_its_client() -> None:
    for name in ("job", "document", "api_key"):
        assert not metadata.tables[name].c.client_id.nullable


# --- indexes: what is asked all the time is found without reading everything


def test_the_relays_question_reads_an_index_however_many_steps_wait_for_years(database: Database) -> None:
    with database.write() as connection:
        rows = [
            {
                "id": f"dlv_{n}/settle",
                "subject_type": "delivery",
                "subject_id": f"dlv_{n}",
                "stage": "settle",
                "state": "ready",
                "run_at": LEGAL_NOW + timedelta(days=365),
                "attempt": 0,
                "fence": 1,
                "hinted_until": LEGAL_NOW - timedelta(days=365),
            }
            for n in range(4000)
        ]
        connection.execute(step.insert(), rows)
    with database.write() as connection:
        connection.exec_driver_sql("analyze")
    for ask in (steps.any_due, steps.seconds_until_next, lambda connection: steps.pick_due(connection, 16, 10)):
        plan = _plan_of(database, ask)
        assert re.search(r"Index Cond: .*run_at [<>]", plan) or "ix_step_due (run_at" in plan, plan


def test_what_is_to_be_renewed_in_years_costs_a_look_into_an_index(database: Database) -> None:
    with database.write() as connection:
        make_document(connection, "doc_1")
        for n in range(2000):
            archives.keep(connection, f"doc_{n}", "a", f"doc_{n}", "0", *[LEGAL_NOW + timedelta(days=3650 + n)] * 2)
    with database.write() as connection:
        connection.exec_driver_sql("analyze")
    assert "ix_archive_renew_at" in _plan_of(database, archives.any_due)
    with database.write() as connection:
        assert archives.make_steps(connection, 100) == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(step)).scalar_one() == 0


def _plan_of(database: Database, ask: Callable[[sa.Connection], object]) -> str:
    """The plan of the first statement that `ask(connection)` sends."""
    asked: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        asked.append((statement, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    with database.write() as connection:
        ask(connection)
    sa.event.remove(database.engine, "before_cursor_execute", note)
    statement, parameters = next(each for each in asked if each[0].lower().startswith("select"))
    explain = "explain (costs off) " if database.is_postgresql else "explain query plan "
    with database.read() as connection:
        rows = connection.exec_driver_sql(explain + statement, parameters).all()  # type: ignore[arg-type]
    return "\n".join(str(row[-1]) for row in rows)
