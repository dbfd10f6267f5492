"""Send: one reminder to one contact over one channel. Sets no date and holds nothing else up.

The intent is written before the effect. A row that still says `intended` when the step runs again is ambiguous: the
mail may or may not have gone out. Mail is then sent again, the same bytes with the same Message-ID; an SMS is not.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from delivery.mail import MailServer, reminder
from delivery.mail import send as send_mail
from delivery.sms import sms_gateway
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done
from records import deliveries, steps
from records.errors import Ambiguous, Permanent, Retry
from records.instants import now
from records.ledger import append
from records.steps import Claim

#: After so many transactions of unknown outcome a mail is left as ambiguous.
_MOST_SENDS = 5


def send(songda: Songda, claim: Claim) -> Conclusion:
    """Write the intent, do the effect, and tell what came of it."""
    notice, was_intended = _intend(songda, claim)
    if was_intended and (notice["channel"] == "sms" or notice["sends"] > _MOST_SENDS):
        return _told(notice, "ambiguous", "a worker ended between intent and outcome")
    try:
        answer = _by_mail(songda, notice) if notice["channel"] == "email" else _by_sms(songda, notice)
    except Retry:
        _take_back(songda, claim, notice)  # it is known that nothing went out
        raise
    except Permanent as error:
        return _told(notice, "failed", str(error))
    except Ambiguous as error:
        if notice["channel"] == "email" and notice["sends"] < _MOST_SENDS:
            raise Retry(str(error)) from error
        return _told(notice, "ambiguous", str(error))
    return _told(notice, "sent", answer)


def _intend(songda: Songda, claim: Claim) -> tuple[dict[str, Any], bool]:
    """Count the send and write the intent; says whether an earlier intent stands without an outcome.

    Raises LeaseLost: who is late must not send what another worker sends or has sent.
    """
    with songda.database.write() as connection:
        _hold(songda, connection, claim)
        notice = dict(deliveries.get_notice(connection, claim.subject_id))
        notice["sends"] += 1
        was_intended = notice["state"] == "intended"
        if was_intended:
            key = f"{notice['id']}/ambiguous/{notice['sends'] - 1}"
            _append(connection, notice, "ambiguous", key, "no outcome was written")
        deliveries.update_notice(connection, notice["id"], state="intended", sends=notice["sends"], intended_at=now())
        return notice, was_intended


def _hold(songda: Songda, connection: sa.Connection, claim: Claim) -> None:
    """Renew the lease in this transaction, as its guard. Raises LeaseLost."""
    if not steps.renew(connection, claim, songda.settings.lease_seconds):
        raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")


def _take_back(songda: Songda, claim: Claim, notice: dict[str, Any]) -> None:
    with songda.database.write() as connection:
        _hold(songda, connection, claim)
        deliveries.update_notice(connection, notice["id"], state="pending", sends=notice["sends"] - 1)


def _by_mail(songda: Songda, notice: dict[str, Any]) -> str:
    settings = songda.settings
    mail = reminder(
        message_id=notice["message_id"],
        sender=settings.mail_from,
        recipient=notice["address"],
        inbox_url=f"{settings.public_url}/inbox",
        created_at=notice["created_at"],
        test=songda.test,
    )
    server = MailServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password, settings.smtp_starttls
    )
    return send_mail(mail, server).answer


def _by_sms(songda: Songda, notice: dict[str, Any]) -> str:
    gateway = sms_gateway(songda.settings.sms_gateway, songda.settings.home)
    return gateway.send(
        notice["message_id"], notice["address"], "instrument-arrived", {"system": songda.settings.sms_signature}
    )


def _told(notice: dict[str, Any], state: str, detail: str) -> Conclusion:
    def write(connection: sa.Connection) -> Done:
        deliveries.update_notice(
            connection, notice["id"], state=state, detail=detail, sent_at=now() if state == "sent" else None
        )
        _append(connection, notice, state, f"{notice['id']}/{state}", detail)
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
            "contact": notice["contact_id"],
            "message_id": notice["message_id"],
            "sends": notice["sends"],
            "detail": detail,
        },
    )
