"""A seal is used only when a person allowed this use: of exactly these bytes, or by a grant within its limits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.api.views import document_view
from pipeline.outcomes import Parked
from pipeline.steps.sealing import seal
from pipeline.volumes import NewFile, add_file, make_volume
from records import access, api_keys, directory, seal_approvals, seals, steps
from records.database import Database
from records.errors import Permanent, Retry
from records.tables import document
from signing.verification import verify
from templates.catalogue import catalogue
from templates.printing import Imprint, print_document
from tests import signing_support
from tests.house import ROOT
from tests.rows import AUTHORITY
from tests.seal_house import STATEMENT, SealHouse
from tests.signing_support import Bench, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with signing_support.running(tmp_path_factory.mktemp("pki")) as bench:
        yield bench


@pytest.fixture
def house(database: Database, tmp_path: Path, bench: Bench) -> Iterator[SealHouse]:
    house = SealHouse(database, tmp_path, bench)
    yield house
    house.close()


# --- approvals -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("ESL-13a")
def test_esl_13_a_case_systems_key_and_its_statement_of_who_decided_seal_nothing(house: SealHouse) -> None:
    document_id = house.rendered()
    assert house.run(document_id) == "rendered"
    waiting = house.step(document_id)
    assert (waiting["state"], house.uses()) == ("waiting", [])
    assert house.seal_id in waiting["error"] and "awaiting approval" in waiting["error"]
    assert [event.kind for event in house.events(document_id)] == ["seal.awaited"]
    with house.database.read() as connection:
        assert [row["id"] for row in seals.waiting(connection)] == [document_id]
        assert seals.is_waiting(connection, document_id)
        assert document_view(connection, house.row(document_id)).awaiting == "approval"
    house.approve(document_id)
    with house.database.read() as connection:
        assert document_view(connection, house.row(document_id)).awaiting is None


@pytest.mark.rule("ESL-9", "ESL-13a")
def test_esl_13_a_persons_approval_of_these_bytes_lets_the_document_go_on_and_is_told_everywhere(
    house: SealHouse,
) -> None:
    document_id = house.rendered()
    house.run(document_id)
    assert house.approve(document_id) == (f"{document_id}/seal",)
    assert house.approve(document_id) == (), "the same approval again changes nothing"
    assert house.run(document_id) == "sealed"
    (used,) = house.uses()
    assert (used["basis"], used["grant_id"], used["approver_name"]) == ("approval", None, "孙建平")
    assert (used["approver_role"], used["approval_rule"]) == ("局领导 deputy director", "004-77")
    awaited, approved, sealed = house.events(document_id)
    assert (approved.kind, approved.actor, approved.body["digest"]) == ("seal.approved", house.leader, house.printed)
    assert awaited.body["digest"] == sealed.body["rendered_digest"] == used["rendered_digest"] == house.printed
    told = sealed.body["authorisation"]
    assert (told["basis"], told["id"], told["person_id"]) == ("approval", used["approval_id"], house.leader)
    assert sealed.body["approval"] == STATEMENT
    pdf = house.store.get(house.row(document_id)["final_digest"])
    assert verify(pdf, house.songda.cabinet.trust).verdict == "valid"


@pytest.mark.rule("ESL-13a")
def test_esl_13_an_approval_of_other_bytes_does_not_count(house: SealHouse) -> None:
    document_id = house.rendered()
    house.run(document_id)
    with pytest.raises(seal_approvals.NothingToApprove):
        house.approve(document_id, digest="0" * 64)
    house.approve(document_id)
    other = house.store.put(tagged_pdf("决定给予罚款人民币伍万元整。"))
    with house.database.write() as connection:
        connection.execute(document.update().where(document.c.id == document_id).values(rendered_digest=other))
    assert house.run(document_id) == "rendered"
    assert (house.step(document_id)["state"], house.uses()) == ("waiting", [])


def test_a_document_that_is_past_its_sealing_is_not_approved_any_more(house: SealHouse) -> None:
    document_id = house.rendered()
    house.grant()
    assert house.run(document_id) == "sealed"
    with pytest.raises(seal_approvals.NothingToApprove):
        house.approve(document_id)


# --- grants ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("ESL-9", "ESL-13a")
def test_a_grant_allows_what_it_names_and_every_use_of_it_is_counted_and_told(house: SealHouse) -> None:
    grant_id = house.grant("hearing-notice", most_uses=2)
    first, second, third = (house.rendered() for _ in range(3))
    assert [house.run(each) for each in (first, second, third)] == ["sealed", "sealed", "rendered"]
    assert house.counted(grant_id) == 2
    assert {(row["basis"], row["grant_id"], row["approval_id"]) for row in house.uses()} == {("grant", grant_id, None)}
    assert house.events(first)[-1].body["authorisation"]["id"] == grant_id
    assert house.step(third)["state"] == "waiting"
    granted = [event for event in house.events(f"directory:{AUTHORITY}") if event.kind == "seal.granted"]
    assert [(event.actor, event.subject) for event in granted] == [(house.leader, house.seal_id)]
    assert (granted[0].body["instruments"], granted[0].body["most_uses"]) == (["hearing-notice"], 2)


def _of_another_instrument(house: SealHouse) -> None:
    house.grant("penalty-decision", seal_approvals.VOLUME)


def _of_another_client(house: SealHouse) -> None:
    with house.database.write() as connection:
        other = api_keys.create_client(connection, AUTHORITY, "another case system")
    house.grant(client_id=other)


def _over(house: SealHouse) -> None:
    house.grant(days=1)
    house.pass_days(1)


def _revoked(house: SealHouse) -> None:
    grant_id = house.grant()
    with house.database.write() as connection:
        assert seal_approvals.revoke(connection, grant_id, AUTHORITY, house.leader, "no longer needed")
        assert not seal_approvals.revoke(connection, grant_id, AUTHORITY, house.leader, "again")
        assert not seal_approvals.revoke(connection, grant_id, "elsewhere", house.leader, "not theirs")
    (event,) = [each for each in house.events(f"directory:{AUTHORITY}") if each.kind == "seal.grant_revoked"]
    assert (event.actor, event.body) == (house.leader, {"grant": grant_id, "reason": "no longer needed"})


def _given_by_one_whose_office_ended(house: SealHouse) -> None:
    house.grant()
    with house.database.write() as connection:
        seals.end_approver(connection, house.entry, "operator:root", "retired")


def _given_by_one_who_was_stopped(house: SealHouse) -> None:
    house.grant()
    with house.database.write() as connection:
        access.stop_person(connection, "leader", "operator:root")


@pytest.mark.rule("ESL-13a")
@pytest.mark.parametrize(
    "give",
    [
        _of_another_instrument,
        _of_another_client,
        _over,
        _revoked,
        _given_by_one_whose_office_ended,
        _given_by_one_who_was_stopped,
    ],
)
def test_a_grant_allows_nothing_beyond_its_limits(house: SealHouse, give: Callable[[SealHouse], None]) -> None:
    give(house)
    document_id = house.rendered()
    assert house.run(document_id) == "rendered"
    assert (house.step(document_id)["state"], house.uses()) == ("waiting", [])


def test_a_grant_for_one_case_system_covers_that_one_only_and_not_the_authoritys_own_work(house: SealHouse) -> None:
    document_id = house.rendered()
    client_id = house.row(document_id)["client_id"]
    grant_id = house.grant(client_id=client_id)
    with house.database.read() as connection:
        assert seal_approvals.by_grant(connection, house.seal_id, seal_approvals.VOLUME, None) is None
        assert seal_approvals.by_grant(connection, house.seal_id, seal_approvals.VOLUME, client_id) is not None
    assert house.run(document_id) == "sealed" and house.counted(grant_id) == 1


def test_two_workers_at_the_last_use_of_a_grant_get_it_once(house: SealHouse) -> None:
    grant_id = house.grant(most_uses=1)
    ids = [house.rendered() for _ in range(2)]
    concluded = []
    for document_id in ids:  # both have read that one use is left, and have sealed
        with house.database.write() as connection:
            claim = steps.claim(connection, f"{document_id}/seal", "test", 60)
        assert claim is not None
        concluded.append((claim, seal(house.songda, claim)))
    (claim, first), (_, second) = concluded
    with house.database.write() as connection:
        first.write(connection)
        steps.finish(connection, claim)
    with pytest.raises(Retry, match="used up"), house.database.write() as connection:
        second.write(connection)
    assert house.counted(grant_id) == 1
    assert [house.row(each)["status"] for each in ids] == ["sealed", "rendered"]
    assert len(house.uses()) == 1


def test_a_grant_that_ends_while_a_worker_seals_leaves_the_digest_of_what_was_thrown_away(house: SealHouse) -> None:
    grant_id = house.grant()
    document_id = house.rendered()

    def revoke_meanwhile(songda: object, claim: steps.Claim) -> object:
        conclusion = seal(songda, claim)  # type: ignore[arg-type]
        with house.database.write() as connection:
            seal_approvals.revoke(connection, grant_id, AUTHORITY, house.leader, "")
        return conclusion

    house.runner._stages = {"seal": revoke_meanwhile}  # type: ignore[dict-item]
    assert house.run(document_id) == "rendered"
    assert [event.kind for event in house.events(document_id)] == ["document.discarded"]
    assert (house.counted(grant_id), house.uses()) == (0, [])


# --- waiting and waking ----------------------------------------------------------------------------------------------


def test_a_new_grant_wakes_what_waits_for_it(house: SealHouse) -> None:
    document_id = house.rendered()
    house.run(document_id)
    house.grant("hearing-notice")
    assert house.step(document_id)["state"] == "ready"
    assert house.run(document_id) == "sealed"


def test_a_grant_for_later_is_waited_for_until_the_legal_clock_reaches_it(house: SealHouse) -> None:
    house.grant(valid_from=house.now() + timedelta(days=2))
    document_id = house.rendered()
    assert house.run(document_id) == "rendered"
    with house.database.read() as connection:
        assert seals.is_waiting(connection, document_id)
    assert house.run(document_id) == "rendered"
    house.pass_days(2)
    assert house.run(document_id) == "sealed"


def test_what_is_allowed_between_looking_and_waiting_is_not_missed(house: SealHouse) -> None:
    document_id = house.rendered()
    with house.database.write() as connection:
        claim = steps.claim(connection, f"{document_id}/seal", "test", 60)
    assert claim is not None
    conclusion = seal(house.songda, claim)
    house.grant()
    with pytest.raises(Retry, match="just now"), house.database.write() as connection:
        conclusion.write(connection)


# --- the seal itself -------------------------------------------------------------------------------------------------


@pytest.mark.rule("ESL-15")
def test_a_seal_outside_its_validity_or_stopped_refuses_with_a_reason_and_goes_on_with_a_new_one(
    house: SealHouse,
) -> None:
    house.grant()
    document_id = house.rendered()
    with house.database.write() as connection:
        connection.execute(sa.text("update seal set valid_until = 0"))
    assert house.run(document_id) == "rendered"
    waiting = house.step(document_id)
    assert waiting["state"] == "ready" and f"{house.seal_id} expired at 1970" in waiting["error"]
    with house.database.write() as connection:
        seals.stop(connection, house.seal_id, "operator:root", "worn out")
        steps.wake(connection, f"{document_id}/seal")
    house.run(document_id)
    assert f"{house.seal_id} was stopped" in house.step(document_id)["error"]
    later, _ = house.add_seal(valid_from=house.now() + timedelta(days=1))
    house.runner = house.another()
    house.run(document_id)
    assert f"{later} is valid only from" in house.step(document_id)["error"]
    house.pass_days(1)
    with house.database.write() as connection:
        steps.wake(connection, f"{document_id}/seal")
    house.run(document_id)
    assert "awaiting approval" in house.step(document_id)["error"], "the grant of the former seal ended with it"
    house.approve(document_id, seal_id=later)
    assert house.run(document_id) == "sealed"
    assert [row["seal_id"] for row in house.uses()] == [later]


@pytest.mark.rule("ESL-15")
def test_what_was_approved_under_a_seal_that_was_exchanged_needs_an_approval_of_the_new_one(house: SealHouse) -> None:
    document_id = house.rendered()
    house.approve(document_id)
    new, _ = house.add_seal()
    house.runner = house.another()
    assert house.run(document_id) == "rendered"
    assert new in house.step(document_id)["error"]
    house.approve(document_id, seal_id=new)
    assert house.run(document_id) == "sealed"


def test_the_seal_is_of_the_kind_that_the_instrument_asks_for(house: SealHouse) -> None:
    official, _ = house.add_seal(kind="official", second_line="")
    with house.database.read() as connection:
        assert (seals.active(connection, AUTHORITY) or {})["id"] == house.seal_id
        assert (seals.active(connection, AUTHORITY, "official") or {})["id"] == official
        assert seals.active(connection, AUTHORITY, "signature_stamp") is None
        assert "none is registered" in seals.why_none(connection, AUTHORITY, "signature_stamp")


# --- who may ---------------------------------------------------------------------------------------------------------


def test_an_approver_has_a_term_and_its_beginning_and_end_stand_in_the_ledger(house: SealHouse) -> None:
    with house.database.write() as connection:
        deputy = access.add_person(
            connection, AUTHORITY, login="deputy", name="何静", roles=("legal",), password_hash="x"
        )
        office = {"role_zh": "处长", "role_en": "head", "rule": "004-77"}
        begins = house.now() + timedelta(days=1)
        seals.add_approver(
            connection,
            house.seal_id,
            deputy,
            **office,
            valid_from=begins,
            valid_until=begins + timedelta(days=1),
            by="x",
        )
        assert seals.approver_of(connection, house.seal_id, deputy) is None
        with pytest.raises(LookupError):
            seals.add_approver(connection, house.seal_id, "per_none", **office, by="x")
    house.pass_days(1)
    with house.database.read() as connection:
        assert seals.approver_of(connection, house.seal_id, deputy) is not None
        assert [row["id"] for row in seals.of_approver(connection, deputy)] == [house.seal_id]
    house.pass_days(1)
    with house.database.write() as connection:
        assert seals.approver_of(connection, house.seal_id, deputy) is None
        seals.end_approver(connection, house.entry, "operator:root", "retired")
        seals.end_approver(connection, house.entry, "operator:root", "again")
        assert seals.approver_of(connection, house.seal_id, house.leader) is None
    kinds = [event.kind for event in house.events(f"directory:{AUTHORITY}") if event.kind.startswith("seal.approver")]
    assert kinds == ["seal.approver_added", "seal.approver_added", "seal.approver_ended"]


def test_what_was_approved_stays_approved_when_the_office_ends(house: SealHouse) -> None:
    document_id = house.rendered()
    house.approve(document_id)
    with house.database.write() as connection:
        seals.end_approver(connection, house.entry, "operator:root", "retired")
    assert house.run(document_id) == "sealed"


def test_waiting_is_a_parked_step_and_no_failure(house: SealHouse) -> None:
    document_id = house.rendered()
    with house.database.write() as connection:
        claim = steps.claim(connection, f"{document_id}/seal", "test", 60)
        assert claim is not None
    conclusion = seal(house.songda, claim)
    with house.database.write() as connection:
        result = conclusion.write(connection)
    assert isinstance(result, Parked) and result.until is None and not conclusion.discarded


# --- what is put where -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["typst", "word"])
def test_a_specimen_is_refused_where_seals_are_put(house: SealHouse, engine: str) -> None:
    made = catalogue().get("hearing-notice")
    facts = json.loads((ROOT / "samples" / "authorities" / "caac-north-china.json").read_text("utf-8"))
    imprint = Imprint(facts, "听1号", "H 1", test=True, specimen=True)
    specimen = print_document(made, made.sample_facts(), imprint, engine).pdf
    house.grant()
    document_id = house.rendered(house.store.put(specimen))
    assert house.run(document_id) == "failed"
    assert "specimen" in house.row(document_id)["reason"] and house.uses() == []
    whole = print_document(made, made.sample_facts(), replace(imprint, specimen=False), engine).pdf
    assert house.run(house.rendered(house.store.put(whole))) == "sealed"


def test_a_registered_picture_is_put_on_paper_at_its_width(house: SealHouse) -> None:
    made, drawing = io.BytesIO(), pikepdf.new()
    drawing.add_blank_page(page_size=(100, 100)).obj.Contents = drawing.make_stream(b"0 0 1 rg 10 10 80 80 re f")
    drawing.save(made)
    seal_id, _ = house.add_seal(picture=(house.store.put(made.getvalue()), 30.0))
    house.runner = house.another()
    document_id = house.rendered()
    house.approve(document_id, seal_id=seal_id)
    assert house.run(document_id) == "sealed"
    with pikepdf.open(io.BytesIO(house.store.get(house.row(document_id)["final_digest"]))) as pdf:
        widget = next(each for each in pdf.pages[1].obj.Annots if each.get("/FT") == pikepdf.Name.Sig)
        left, bottom, right, top = (float(side) for side in widget.Rect)
        assert (right - left, top - bottom) == pytest.approx((30 / 25.4 * 72,) * 2, abs=0.1)
        assert b"0 0 1 rg 10 10 80 80 re f" in widget.AP.N.read_bytes()


@pytest.mark.rule("ESL-13a")
def test_a_volume_is_sealed_only_under_a_grant_that_covers_volumes(house: SealHouse) -> None:
    with house.database.write() as connection:
        revision = directory.propose_facts(connection, AUTHORITY, {"name": {"zh": "甲局", "en": "A"}}, "first")
        directory.approve_facts(connection, AUTHORITY, revision, "second")
    scan = NewFile("八", ("照片", "Photo"), day_of(house.now()), house.store.get(house.printed))
    add_file(house.songda, AUTHORITY, "1", scan, client_id=None, by="operator:test")
    house.grant("hearing-notice")
    asked = {"client_id": None, "by": "operator:test"}
    with pytest.raises(Permanent, match="no grant"):
        make_volume(house.songda, AUTHORITY, "1", **asked)
    grant_id = house.grant(seal_approvals.VOLUME, most_uses=1)
    made = make_volume(house.songda, AUTHORITY, "1", **asked)
    assert (made.approval["id"], made.approval["name"], house.counted(grant_id)) == (grant_id, "孙建平", 1)
    assert make_volume(house.songda, AUTHORITY, "1", **asked).id == made.id
    assert house.counted(grant_id) == 1, "the same volume again is no further use"
    told = [event for event in house.events(f"case:{AUTHORITY}:1") if event.kind == "case.volume_sealed"]
    assert [event.body["approval"]["basis"] for event in told] == ["grant"]
