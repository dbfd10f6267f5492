"""Send: one notice to one contact over one channel. Sets no date and holds nothing else up.

The intent stands before the effect: the notice with its stable id, and the step that is claimed. A step that is taken
over from a worker that told no outcome is ambiguous: the mail may or may not have gone out. Mail is then sent again,
the same bytes with the same Message-ID; an SMS only by a gateway that lets the same `out_id` go out once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import date_en, date_zh, time_en, time_zh
from delivery.mail import MailServer, reminder
from delivery.mail import send as send_mail
from delivery.reminders import loud_again, still, timing
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Parked
from records import compromises, deliveries, steps
from records.database import legal_time
from records.errors import Ambiguous, Permanent, Retry
from records.instants import now
from records.ledger import append
from records.steps import Claim

#: After so many sendings of unknown outcome a notice is left as ambiguous.
_MOST_SENDS = 5
_LETTERS: Final = {
    "arrival": "instrument-arrived",
    "third_day": "confirm-in-time",
    "served": "served",
    "deadline": "deadline-near",
    "change": "entry-changed",
}


def send(songda: Songda, claim: Claim) -> Conclusion:
    """Do the effect, and tell what came of it.

    Raises LeaseLost: who is late must not send what another worker sends or has sent.
    """
    with songda.database.read() as connection:
        if not steps.is_held(connection, claim):
            raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")
        notice = dict(deliveries.get_notice(connection, claim.subject_id))
        letter, facts = _letter(connection, notice)
        dropped, quiet_until = _held_back(connection, notice)
    if dropped:
        return _told(notice, "dropped", dropped)
    if quiet_until and not claim.takes_over:
        return Conclusion(lambda _: Parked(quiet_until, "quiet hours"))
    again = notice["channel"] == "email" or songda.sms.repeats
    if claim.takes_over:
        why = "a worker ended without telling the outcome"
        _note_unknown(songda, claim, notice, why)
        if not again or notice["sends"] >= _MOST_SENDS:
            return _told(notice, "ambiguous", why)
    try:
        answer = (
            _by_mail(songda, notice, letter, facts)
            if notice["channel"] == "email"
            else _by_sms(songda, notice, letter, facts)
        )
    except Permanent as error:
        return _told(notice, "failed", str(error))
    except Ambiguous as error:
        _note_unknown(songda, claim, notice, str(error))
        if again and notice["sends"] < _MOST_SENDS:
            raise Retry(str(error)) from error
        return _told(notice, "ambiguous", str(error))
    return _told(notice, "sent", answer)


def _letter(connection: sa.Connection, notice: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Which words go out, and what they are filled with: rows that never change, so that the bytes do not either."""
    if notice["compromise_id"] is None:
        return _LETTERS[notice["occasion"]], _day_facts(notice)
    report = compromises.get(connection, notice["compromise_id"])
    return "seal-lost", {
        "seal": f"{report['ring_text']}{report['second_line']}",
        "since_zh": time_zh(report["since"]),
        "since_en": time_en(report["since"]),
    }


def _day_facts(notice: dict[str, Any]) -> dict[str, str]:
    """The day that a reminder is about: the end of its `about`."""
    if not notice["about"]:
        return {}
    day = date.fromisoformat(notice["about"].rpartition("/")[2])
    return {"day_zh": date_zh(day), "day_en": date_en(day)}


def _held_back(connection: sa.Connection, notice: dict[str, Any]) -> tuple[str, datetime | None]:
    """Why the notice is not to go out at all, and until when (legal clock) it is not to go out.

    An arrival is told by e-mail whatever became of it since: that mail is the one that everybody gets.
    """
    moment, rules = legal_time(connection), timing()
    untrue = ""
    if notice["delivery_id"] is not None and notice["state"] == "pending":
        row = deliveries.whole(connection, notice["delivery_id"])
        if notice["occasion"] != "arrival":
            untrue = still(row, notice["occasion"], notice["about"], moment, rules)
        elif notice["channel"] == "sms" and row["confirmed_at"] is not None:
            untrue = "confirmed"
    waits = notice["channel"] == "sms" and notice["occasion"] != "seal_lost"
    return untrue, loud_again(moment, rules) if waits else None


def _note_unknown(songda: Songda, claim: Claim, notice: dict[str, Any], why: str) -> None:
    """Count a sending of which nobody knows whether it arrived, with an event. Raises LeaseLost."""
    with songda.database.write() as connection:
        if not steps.renew(connection, claim, songda.settings.lease_seconds):
            raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")
        notice["sends"] += 1
        deliveries.update_notice(connection, notice["id"], sends=notice["sends"])
        _append(connection, notice, "ambiguous", f"{notice['id']}/ambiguous/{notice['sends']}", why)


def _by_mail(songda: Songda, notice: dict[str, Any], letter: str, facts: dict[str, str]) -> str:
    settings = songda.settings
    mail = reminder(
        message_id=notice["message_id"],
        sender=settings.mail_from,
        recipient=notice["address"],
        inbox_url=f"{settings.public_url}/{'settings' if notice['occasion'] == 'change' else 'inbox'}",
        created_at=notice["created_at"],
        test=songda.test,
        letter=letter,
        facts=facts,
    )
    server = MailServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password, settings.smtp_starttls
    )
    return send_mail(mail, server).answer


def _by_sms(songda: Songda, notice: dict[str, Any], letter: str, facts: dict[str, str]) -> str:
    days = {name: value for name, value in facts.items() if name.startswith("day_")}
    params = {"system": songda.settings.sms_signature} | days
    return songda.sms.send(notice["message_id"], notice["address"], letter, params)


def _told(notice: dict[str, Any], state: str, detail: str) -> Conclusion:
    went_out = state not in ("ambiguous", "dropped")  # an unknown one is counted already
    known = notice | {"sends": notice["sends"] + went_out}

    def write(connection: sa.Connection) -> Done:
        sent_at = now() if state == "sent" else None
        deliveries.update_notice(
            connection, notice["id"], state=state, detail=detail, sends=known["sends"], sent_at=sent_at
        )
        _append(connection, known, state, f"{notice['id']}/{state}", detail)
        return Done()

    return Conclusion(write)


def _append(connection: sa.Connection, notice: dict[str, Any], state: str, key: str, detail: str) -> None:
    append(
        connection,
        deliveries.stream(connection, notice["id"]),
        key,
        f"notice.{state}",
        subject=notice["id"],
        body={
            "channel": notice["channel"],
            "occasion": notice["occasion"],
            "contact": notice["contact_id"],
            "message_id": notice["message_id"],
            "sends": notice["sends"],
            "detail": detail,
        },
    )
