"""Routes: who gets a document in the inbox, and who on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from delivery.routes import Letter, Recipient, Route, System, route
from templates.manifests import manifest

SENT = datetime(2026, 3, 2, 2, tzinfo=UTC)
OURS = System("民航行业监管执法信息系统（SES）", "https://ses.example/ses")
LETTER = Letter("let_1", OURS, SENT - timedelta(days=100))
AIRLINE = Recipient("legal_person", True, (LETTER,))
NOTICE, IMPORTANT = "rectification-notice", "compulsory-measures-decision"


def to(recipient: Recipient, instrument: str = NOTICE, *, paper_required: bool = False) -> Route:
    return route(manifest(instrument), recipient, OURS, SENT, paper_required=paper_required)


def rules(found: Route) -> list[str]:
    return [reason.rule for reason in found.reasons]


@pytest.mark.parametrize("kind", ["legal_person", "other_organisation", "foreign_entity"])
def test_an_approved_account_with_a_letter_in_force_opens_the_inbox(kind: str) -> None:
    found = to(replace(AIRLINE, kind=kind))
    assert (found.route, found.paper, found.letter_id) == ("inbox", False, "let_1")
    assert rules(found) == ["inbox"]


def test_letter_i_an_important_instrument_goes_both_ways() -> None:
    found = to(AIRLINE, IMPORTANT)
    assert (found.route, found.paper) == ("inbox", True)
    assert rules(found) == ["inbox", "paper-in-parallel"]


def test_a_job_may_raise_importance_never_lower_it() -> None:
    assert to(AIRLINE, paper_required=True).paper
    assert to(AIRLINE, IMPORTANT, paper_required=False).paper


@pytest.mark.rule("LAW-2")
@pytest.mark.parametrize(
    ("recipient", "rule"),
    [
        (Recipient(None), "recipient-outside-directory"),
        (replace(AIRLINE, kind="natural_person"), "recipient-without-letter-kind"),
        (replace(AIRLINE, kind="outside_body"), "recipient-without-letter-kind"),
        (replace(AIRLINE, approved_account=False), "no-approved-account"),
        (replace(AIRLINE, letters=()), "no-letter"),
        (replace(AIRLINE, letters=(replace(LETTER, withdrawn_at=SENT),)), "letter-withdrawn"),
        (
            replace(AIRLINE, letters=(replace(LETTER, in_force_from=SENT + timedelta(seconds=1)),)),
            "letter-not-yet-in-force",
        ),
        (
            replace(AIRLINE, letters=(replace(LETTER, system=System("Other", "https://other.example")),)),
            "letter-names-another-system",
        ),
        (
            replace(AIRLINE, letters=(replace(LETTER, system=replace(OURS, address="https://ses.example/new")),)),
            "letter-names-another-system",
        ),
    ],
)
def test_penalty_law_61_without_consent_in_force_it_goes_on_paper(recipient: Recipient, rule: str) -> None:
    found = to(recipient)
    assert (found.route, found.paper, found.letter_id) == ("paper", True, None)
    assert rules(found) == [rule]
    assert all(reason.text_zh and reason.text_en and reason.citation for reason in found.reasons)


def test_all_obstacles_are_told() -> None:
    assert rules(to(Recipient("legal_person"))) == ["no-approved-account", "no-letter"]


def test_withdrawn_consent_does_not_touch_what_is_sent_before() -> None:
    later = replace(AIRLINE, letters=(replace(LETTER, withdrawn_at=SENT + timedelta(seconds=1)),))
    assert to(later).route == "inbox"


def test_a_new_letter_after_a_withdrawn_one_counts() -> None:
    old = replace(LETTER, id="let_0", withdrawn_at=SENT - timedelta(days=5))
    assert to(replace(AIRLINE, letters=(old, LETTER))).letter_id == "let_1"


def test_of_two_letters_in_force_the_newer_one_is_recorded() -> None:
    newer = replace(LETTER, id="let_2", in_force_from=SENT - timedelta(days=1))
    assert to(replace(AIRLINE, letters=(newer, LETTER))).letter_id == "let_2"


def test_a_demand_letter_goes_on_paper_to_everybody() -> None:
    found = to(AIRLINE, "demand-letter")
    assert (found.route, rules(found)) == ("paper", ["no-electronic-service"])


def test_an_internal_form_goes_to_nobody() -> None:
    found = to(AIRLINE, "closing-report", paper_required=True)
    assert (found.route, found.paper, rules(found)) == ("internal", False, ["internal"])


@pytest.mark.parametrize("address", ["https://SES.example/ses/", "https://ses.example:443/ses", "ses.example/ses"])
def test_one_address_written_in_other_ways_is_the_same_system(address: str) -> None:
    assert OURS.is_same_as(replace(OURS, address=address))


@pytest.mark.rule("ESL-11b")
@pytest.mark.parametrize("address", ["http://ses.example/ses", "https://ses.example", "https://ses.example:8443/ses"])
def test_another_address_is_another_system(address: str) -> None:
    assert not OURS.is_same_as(replace(OURS, address=address))
