"""What an operator stops, changes and repeats, on both back ends: it holds at once, and the ledger tells who did it."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from records import access, deliveries, directory, ledger, roles, seals, steps
from records.access import Account, Person
from records.database import Database
from records.ids import new_id
from records.tables import login_failure, session, step
from tests.rows import AUTHORITY, COUNTERPARTY, make_counterparty, make_delivery, make_document

STREAM = f"directory:{AUTHORITY}"


@pytest.fixture
def database(database: Database) -> Database:
    """An authority with an administrator and a clerk, a counterparty with an account."""
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
        make_counterparty(connection)
        directory.add_account(
            connection, AUTHORITY, COUNTERPARTY, login="AIR", department="法律部", password_hash="old"
        )
    _enter(database, "admin", "administrator")
    _enter(database, "clerk", "legal")
    return database


def _enter(database: Database, login: str, role: str) -> None:
    with database.write() as connection:
        access.add_person(connection, AUTHORITY, login=login, name=login, roles=(role,), password_hash="old")


def _subject(database: Database, login: str) -> Account | Person:
    with database.read() as connection:
        return access.credentials(connection, login)[0].subject


def _log_in(database: Database, login: str) -> str:
    with database.write() as connection:
        return access.open_session(connection, access.credentials(connection, login)[0].subject, 600)


def _is_in(database: Database, token: str) -> bool:
    with database.read() as connection:
        return access.find_session(connection, token) is not None


def _may_log_in(database: Database, login: str) -> bool:
    with database.read() as connection:
        return bool(access.credentials(connection, login))


def _told(database: Database, kind: str) -> list[ledger.Event]:
    with database.read() as connection:
        assert list(ledger.verify(connection, STREAM)) == []
        return [event for event in ledger.events(connection, STREAM) if event.kind == kind]


# --- accounts and persons


def test_a_stopped_account_cannot_log_in_and_its_sessions_end(database: Database) -> None:
    tokens = [_log_in(database, "AIR"), _log_in(database, "AIR")]
    other = _log_in(database, "clerk")
    with database.write() as connection:
        access.stop_account(connection, "AIR", "operator:root", "the phone was lost")
        assert not directory.has_approved_account(connection, AUTHORITY, COUNTERPARTY)
        assert connection.execute(sa.select(sa.func.count()).select_from(session)).scalar_one() == 1
    assert not _may_log_in(database, "AIR")
    assert not any(_is_in(database, token) for token in tokens)
    assert _is_in(database, other)
    (event,) = _told(database, "account.stopped")
    assert (event.actor, event.subject) == ("operator:root", COUNTERPARTY)
    assert event.body == {"login": "AIR", "reason": "the phone was lost"}


def test_a_session_of_a_stopped_subject_opens_nothing_even_if_it_was_opened_at_the_same_moment(
    database: Database,
) -> None:
    """Whoever had proved the password just before the stop still gets a session row; it must not count."""
    subjects = [_subject(database, login) for login in ("AIR", "clerk")]
    with database.write() as connection:
        access.stop_account(connection, "AIR", "operator:root")
        access.stop_person(connection, "clerk", "operator:root")
    for subject in subjects:
        with database.write() as connection:
            token = access.open_session(connection, subject, 600)
        assert not _is_in(database, token)


def test_a_stopped_clerk_cannot_log_in_and_the_sessions_end(database: Database) -> None:
    token = _log_in(database, "clerk")
    with database.write() as connection:
        access.stop_person(connection, "clerk", "operator:root", "left the office")
    assert not _may_log_in(database, "clerk")
    assert not _is_in(database, token)
    assert [event.body["login"] for event in _told(database, "person.stopped")] == ["clerk"]


def test_the_last_active_administrator_is_not_stopped(database: Database) -> None:
    with pytest.raises(roles.LastAdministrator), database.write() as connection:
        access.stop_person(connection, "admin", "operator:root")
    assert _may_log_in(database, "admin")
    _enter(database, "second", "administrator")
    with database.write() as connection:
        access.stop_person(connection, "admin", "operator:root")
    with pytest.raises(roles.LastAdministrator), database.write() as connection:
        access.stop_person(connection, "second", "operator:root")
    assert len(_told(database, "person.stopped")) == 1


def test_an_administrator_of_another_authority_does_not_count(database: Database) -> None:
    with database.write() as connection:
        directory.create_authority(connection, "b")
        access.add_person(connection, "b", login="theirs", name="x", roles=("administrator",), password_hash="old")
    with pytest.raises(roles.LastAdministrator), database.write() as connection:
        access.stop_person(connection, "admin", "operator:root")


def test_two_operators_at_once_leave_one_administrator(database: Database) -> None:
    _enter(database, "second", "administrator")
    refused: list[str] = []
    together = threading.Barrier(2)

    def stop(login: str) -> None:
        together.wait(10)
        try:
            with database.write() as connection:
                access.stop_person(connection, login, "operator:root")
        except roles.LastAdministrator:
            refused.append(login)

    threads = [threading.Thread(target=stop, args=(login,)) for login in ("admin", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    with database.read() as connection:
        left = [row for row in roles.people(connection, AUTHORITY) if row["active"]]
        assert [row["login"] for row in left if roles.roles_of(connection, row["id"]) == {"administrator"}] == refused


def test_stopping_twice_is_told_once(database: Database) -> None:
    for reason in ("first", "second"):
        with database.write() as connection:
            access.stop_account(connection, "AIR", "operator:root", reason)
            access.stop_person(connection, "clerk", "operator:root", reason)
    assert [event.body["reason"] for event in _told(database, "account.stopped")] == ["first"]
    assert [event.body["reason"] for event in _told(database, "person.stopped")] == ["first"]


def test_who_is_not_known_is_an_error_and_changes_nothing(database: Database) -> None:
    for stop, login in ((access.stop_account, "clerk"), (access.stop_person, "AIR")):
        with pytest.raises(LookupError), database.write() as connection:
            stop(connection, login, "operator:root")
    assert _may_log_in(database, "clerk") and _may_log_in(database, "AIR")


@pytest.mark.parametrize("login", ["AIR", "clerk"])
def test_another_password_ends_the_sessions_and_each_change_is_told(database: Database, login: str) -> None:
    change = access.change_account_password if login == "AIR" else access.change_person_password
    for nth, stored in enumerate(("new", "newer"), 1):
        token = _log_in(database, login)
        with database.write() as connection:
            access.count_attempt(connection, login, "192.0.2.1", 900)
            change(connection, login, stored, "operator:root")
            assert connection.execute(sa.select(login_failure)).all() == []
        assert not _is_in(database, token)
        with database.read() as connection:
            assert [each.password_hash for each in access.credentials(connection, login)] == [stored]
        told = _told(database, "account.password_changed") + _told(database, "person.password_changed")
        assert [event.key.rpartition("/")[2] for event in told] == [str(n + 1) for n in range(nth)]
        assert all(event.body == {"login": login} for event in told)


def test_who_was_stopped_gets_no_other_password(database: Database) -> None:
    with database.write() as connection:
        access.stop_account(connection, "AIR", "operator:root")
        access.stop_person(connection, "clerk", "operator:root")
    for change, login in ((access.change_account_password, "AIR"), (access.change_person_password, "clerk")):
        with pytest.raises(access.Stopped), database.write() as connection:
            change(connection, login, "new", "operator:root")


# --- seals


@pytest.mark.rule("ESL-15")
def test_a_stopped_seal_is_not_used_and_the_first_stop_is_told(database: Database) -> None:
    with database.write() as connection:
        first, second = (
            seals.register(connection, AUTHORITY, ring_text="甲局", second_line="章", key_uri="pkcs12:none", test=True)
            for _ in range(2)
        )
        assert seals.stop(connection, second, "operator:root", "the token was stolen") == 1
        found = seals.active(connection, AUTHORITY)
        assert found is not None and found["id"] == first
        assert seals.stop(connection, second, "operator:root", "again") == 1
        assert seals.stop(connection, first, "operator:root") == 0
        assert seals.active(connection, AUTHORITY) is None
        with pytest.raises(LookupError):
            seals.stop(connection, "sea_x", "operator:root")
    told = [(event.subject, event.body["reason"]) for event in _told(database, "seal.stopped")]
    assert told == [(second, "the token was stolen"), (first, "")]


# --- steps


@pytest.fixture
def subjects(database: Database) -> tuple[str, str, str]:
    """A document, its delivery and a reminder."""
    notice_id = new_id("ntc")
    with database.write() as connection:
        document_id = make_document(connection)
        delivery_id = make_delivery(connection, document_id)
        contact_id = directory.add_contact(
            connection, AUTHORITY, COUNTERPARTY, name="x", department="y", mobile=None, email="a@b.test"
        )
        deliveries.insert_notices(
            connection,
            [
                {
                    "id": notice_id,
                    "delivery_id": delivery_id,
                    "contact_id": contact_id,
                    "channel": "email",
                    "address": "a@b.test",
                    "message_id": "<1@b.test>",
                }
            ],
        )
    return document_id, delivery_id, notice_id


def _step(database: Database, subject_type: str, subject_id: str, stage: str, state: str) -> str:
    with database.write() as connection:
        step_id = steps.add(connection, subject_type, subject_id, stage)
        if state in ("running", "dead", "done"):
            held = steps.claim(connection, step_id, "worker", 60)
            assert held is not None
            if state == "dead":
                steps.give_up(connection, held, "no such mailbox")
            elif state == "done":
                steps.finish(connection, held)
    return step_id


def test_dead_steps_of_deliveries_and_reminders_are_repeated_and_the_document_tells_it(
    database: Database, subjects: tuple[str, str, str]
) -> None:
    document_id, delivery_id, notice_id = subjects
    ids = [
        _step(database, "delivery", delivery_id, "dispatch", "dead"),
        _step(database, "notice", notice_id, "send", "dead"),
    ]
    for step_id in ids:
        with database.write() as connection:
            steps.requeue(connection, step_id, "operator:root")
        with database.write() as connection:
            assert steps.claim(connection, step_id, "worker", 60) is not None
    with database.read() as connection:
        assert list(ledger.verify(connection, document_id)) == []
        told = [event for event in ledger.events(connection, document_id) if event.kind == "step.requeued"]
    assert [(event.subject, event.actor) for event in told] == [
        (delivery_id, "operator:root"),
        (notice_id, "operator:root"),
    ]
    assert told[0].body == {"stage": "dispatch", "was": "dead", "error": "no such mailbox"}


def test_a_step_may_die_and_be_repeated_more_than_once(database: Database, subjects: tuple[str, str, str]) -> None:
    document_id, delivery_id, _ = subjects
    for _ in range(2):
        step_id = _step(database, "delivery", delivery_id, "settle", "dead")
        with database.write() as connection:
            steps.requeue(connection, step_id, "operator:root")
    with database.read() as connection:
        assert [event.kind for event in ledger.events(connection, document_id)].count("step.requeued") == 2


def test_a_failed_document_is_final_and_work_under_way_is_left_alone(
    database: Database, subjects: tuple[str, str, str]
) -> None:
    document_id, delivery_id, notice_id = subjects
    refused = {
        _step(database, "document", document_id, "seal", "dead"): "document_failed",
        _step(database, "document", document_id, "render", "ready"): "document",
        _step(database, "delivery", delivery_id, "dispatch", "running"): "running",
        _step(database, "notice", notice_id, "send", "done"): "done",
    }
    with database.read() as connection:
        before = connection.execute(sa.select(step).order_by(step.c.id)).all()
    for step_id, code in refused.items():
        with pytest.raises(steps.NotRequeued) as raised, database.write() as connection:
            steps.requeue(connection, step_id, "operator:root")
        assert raised.value.code == code
    with pytest.raises(LookupError), database.write() as connection:
        steps.requeue(connection, "dlv_x/settle", "operator:root")
    with database.read() as connection:
        assert connection.execute(sa.select(step).order_by(step.c.id)).all() == before
        assert ledger.events(connection, document_id) == []


def test_steps_are_listed_dead_ones_first_and_what_nobody_takes_is_overdue(
    database: Database, subjects: tuple[str, str, str]
) -> None:
    document_id, delivery_id, notice_id = subjects
    ready = _step(database, "document", document_id, "render", "ready")
    running = _step(database, "delivery", delivery_id, "dispatch", "running")
    dead = _step(database, "notice", notice_id, "send", "dead")
    done = _step(database, "document", document_id, "number", "done")
    with database.write() as connection:
        connection.execute(step.update().where(step.c.id == ready).values(run_at=step.c.run_at - 90_000_000))
    with database.read() as connection:
        assert [row["id"] for row in steps.listed(connection, steps.UNDONE, 10)] == [dead, ready, running]
        assert [row["id"] for row in steps.listed(connection, ("done",), 10)] == [done]
        assert len(steps.listed(connection, steps.UNDONE, 2)) == 2
        (row,) = steps.listed(connection, ("running",), 10)
        assert row["owner"] == "worker" and row["lease_until"] > row["run_at"]
        assert (steps.count_overdue(connection, 60), steps.count_overdue(connection, 120)) == (1, 0)


# --- what errors tell


def test_the_error_of_a_statement_does_not_tell_what_was_to_be_stored(database: Database) -> None:
    """Such errors stand in logs and on steps; the facts of a case must not."""
    with pytest.raises(sa.exc.IntegrityError) as raised, database.write() as connection:
        make_counterparty(connection)
    assert "甲公司" not in str(raised.value)
