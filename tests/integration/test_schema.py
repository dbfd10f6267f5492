"""The schema: evidence cannot be changed, TEST is for good; what is named exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

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
    ledger,
    notices,
    objections,
    paper_seals,
    registrations,
    schema,
    seal_approvals,
    seals,
    steps,
    submissions,
    template_versions,
    volumes,
)
from records.database import Database, database_time, is_test, legal_time, set_legal_time
from records.tables import APPEND_ONLY, document, metadata, step
from tests.conftest import LEGAL_NOW
from tests.house import ROOT
from tests.rows import make_delivery, make_document

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
