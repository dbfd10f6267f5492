"""Tell: one message about a registration, by SMS or e-mail. Holds nothing up.

The row stands before the effect. A code is made here, its hash stored, and then it is sent: nobody can read it anywhere
but on the phone. A step that is taken over from a worker that told no outcome is ambiguous and is not repeated: who
waits asks for another code, and a clerk sees what is not known to have gone out.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from delivery import activation, registration_door
from delivery.mail import MailServer, note
from delivery.mail import send as send_mail
from delivery.passwords import rehash
from delivery.reminders import loud_again, timing
from delivery.sms import sms_text
from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Parked
from records import activations, messages, steps, visits
from records.database import database_time, legal_time
from records.errors import Ambiguous, Permanent
from records.ledger import append
from records.steps import Claim

_SUBJECTS = {
    "registration-received": "有注册申请待审核 A registration waits for its review",
    "registration-approved": "注册申请已审核通过 Your registration has been approved",
    "registration-returned": "注册申请已被退回 Your registration has been returned",
    "activation-code": "账号激活码 Activation code of your account",
}
#: To the authority's own people, never by SMS: no operator has to know it.
_TO_OFFICE = {
    "registration-received": "【{system}】收到注册申请{number}，请登录送达工作台审核。"
    "Registration {number} has been reported: please log in at the service desk to review it.",
}
_PAGES = {"activation-code": "activate", "registration-received": "desk/registrations"}


def tell(songda: Songda, claim: Claim) -> Conclusion:
    """Do the effect, and tell what came of it. Raises LeaseLost, Retry."""
    with songda.database.read() as connection:
        if not steps.is_held(connection, claim):
            raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")
        message = messages.get(connection, claim.subject_id)
        clock, moment = database_time(connection), legal_time(connection)
    is_login = message["template"] == "register-code"
    if is_login and clock - message["created_at"] > timedelta(seconds=registration_door.CODE_SECONDS):
        return _told(message, "late", "the visitor waits no longer")
    if claim.takes_over:
        return _told(message, "ambiguous", "a worker ended without telling the outcome")
    is_awaited = message["secret_of"] is not None  # by whoever has a page for the code before him
    quiet_until = None if is_awaited or message["channel"] != "sms" else loud_again(moment, timing())
    if quiet_until is not None:
        return Conclusion(lambda _: Parked(quiet_until, "quiet hours"))
    try:
        params = message["params"] | _secret(songda, claim, message)
        by = _by_mail if message["channel"] == "email" else _by_sms
        return _told(message, "sent", by(songda, message, params))
    except Permanent as error:
        return _told(message, "failed", str(error))
    except Ambiguous as error:
        return _told(message, "ambiguous", str(error))


def _secret(songda: Songda, claim: Claim, message: sa.RowMapping) -> dict[str, str]:
    """The code that this message brings, if any; its hash counts from now on. Raises LeaseLost."""
    if message["secret_of"] is None:
        return {}
    is_login = message["template"] == "register-code"
    code = registration_door.new_code() if is_login else activation.new_code()
    hashed = rehash(code) if is_login else activation.code_hash(code)
    with songda.database.write() as connection:
        if not steps.renew(connection, claim, songda.settings.lease_seconds):
            raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one")
        if is_login:
            visits.set_code(connection, message["secret_of"], hashed, registration_door.CODE_SECONDS)
            return {"code": code, "minutes": f"{registration_door.CODE_SECONDS / 60:g}"}
        activations.set_code(connection, message["secret_of"], hashed)
        return {"code": code, "days": f"{activation.SECONDS / 86400:g}"}


def _by_sms(songda: Songda, message: sa.RowMapping, params: dict[str, str]) -> str:
    signed = params | {"system": songda.settings.sms_signature}
    return songda.sms.send(message["id"], message["address"], message["template"], signed)


def _by_mail(songda: Songda, message: sa.RowMapping, params: dict[str, str]) -> str:
    settings = songda.settings
    page = _PAGES.get(message["template"], "register")
    said = params | {"system": settings.sms_signature}
    own = _TO_OFFICE.get(message["template"])
    text = own.format_map(said) if own else sms_text(message["template"], said)
    mail = note(
        message_id=f"<{message['id']}@{settings.mail_from.rpartition('@')[2]}>",
        sender=settings.mail_from,
        recipient=message["address"],
        subject=_SUBJECTS[message["template"]],
        text=f"{text}\n\n{settings.public_url}/{page}\n",
        created_at=message["created_at"],
        test=songda.test,
    )
    server = MailServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_user, settings.smtp_password, settings.smtp_starttls
    )
    return send_mail(mail, server).answer


def _told(message: sa.RowMapping, state: str, detail: str) -> Conclusion:
    def write(connection: sa.Connection) -> Done:
        messages.conclude(connection, message["id"], state, detail)
        if message["registration_id"] is not None:
            told = {"channel": message["channel"], "template": message["template"], "detail": detail}
            key = f"{message['id']}/{state}"
            append(connection, message["registration_id"], key, f"message.{state}", subject=message["id"], body=told)
        return Done()

    return Conclusion(write)
