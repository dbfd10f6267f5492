"""E-mails: reminders of an instrument, notices of a lost key or of changed entries, and nothing of a case.

None is ever service.

A mail's bytes depend on nothing but the notice: sent again after a crash it has the same Message-ID, Date and body,
so that mail systems can tell that it is the same one.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import aiosmtplib

from records.errors import Ambiguous, Permanent, Retry

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+-]{1,100}@[A-Za-z0-9.-]{1,200}>")

_ARRIVED: Final = """\
您好：

贵单位的专用登录账号中收到一份行政执法文书。请及时登录系统查收并确认收讫：
{url}

本邮件仅为提醒，不是送达，也不决定送达日期。未及时确认收讫的，文书仍可能依照贵单位签署的确认函视为送达。
为保护案件信息，本邮件不含文书内容。本邮件由系统自动发出，请勿回复。

----

Dear Sir or Madam,

An administrative enforcement instrument has arrived in your entity's dedicated log-in account. Please log in, read it
and confirm its receipt in time:
{url}

This e-mail is a reminder only. It is not service and sets no delivery date. Without a timely confirmation the
instrument may be deemed delivered, as your entity's confirmation letter says.
For the protection of the case this e-mail tells nothing of its contents. It was sent automatically; please do not
reply.
"""
_FOOT_ZH: Final = (
    "本邮件仅为提醒，不是送达，也不决定送达日期。为保护案件信息，本邮件不含文书内容。本邮件由系统自动发出，请勿回复。\n"
)
_FOOT_EN: Final = (
    "This e-mail is a reminder only: it is not service and sets no delivery date. For the protection of the case it\n"
    "tells nothing of its contents. It was sent automatically; please do not reply.\n"
)
_CONFIRM_IN_TIME: Final = f"""\
您好：

贵单位的专用登录账号中有一份行政执法文书尚未确认收讫。确认收讫的最后一日为{{day_zh}}；
逾期未确认的，文书依照贵单位签署的确认函视为已于该日送达。请及时登录系统：
{{url}}

{_FOOT_ZH}
----

Dear Sir or Madam,

The receipt of an enforcement instrument in your entity's dedicated log-in account is not confirmed yet. The last day
to confirm it is {{day_en}}. Without a confirmation until then the instrument is deemed delivered
on that day, as your entity's confirmation letter says. Please log in in time:
{{url}}

{_FOOT_EN}"""
_SERVED: Final = f"""\
您好：

贵单位专用登录账号中的一份行政执法文书，送达日期为{{day_zh}}。有关期限自次日起按规定计算。
是哪一份文书、为何是这一天、各期限至何日届满，请登录系统查看：
{{url}}

{_FOOT_ZH}
----

Dear Sir or Madam,

The delivery date of an enforcement instrument in your entity's dedicated log-in account is {{day_en}}.
Periods are counted from the day after it as the law provides. Which instrument it is, why it is this day, and when each
period ends is told in your account:
{{url}}

{_FOOT_EN}"""
_DEADLINE_NEAR: Final = f"""\
您好：

贵单位专用登录账号中的一份行政执法文书，有一项期限将于{{day_zh}}届满。
是哪一份文书、何种期限，请登录系统查看：
{{url}}

{_FOOT_ZH}
----

Dear Sir or Madam,

A period of an enforcement instrument in your entity's dedicated log-in account ends on {{day_en}}.
Which instrument and which period is told in your account:
{{url}}

{_FOOT_EN}"""
_ENTRY_CHANGED: Final = """\
您好：

贵单位在本系统中登记的信息（单位信息、账号、联系人或者提醒方式）有变更。联系人的变更在一段时间后才生效，此前原联系人
继续收到提醒。变更的内容、由哪个账号于何时提出，请登录系统查看：
{url}

如果不是贵单位提出的，请立即登录撤回，并用此前已知的电话与我们联系。本邮件由系统自动发出，请勿回复。

----

Dear Sir or Madam,

Something that your entity has registered in this system (its own data, its accounts, contacts or reminders) was
changed. A change of contacts takes effect after some time; until then the former contacts go on being reminded. What
was changed, by which account and when, is told in your account:
{url}

If it was not your entity, log in and take the change back at once, and call us by a telephone number that you knew
before. This e-mail was sent automatically; please do not reply.
"""
_SEAL_LOST: Final = """\
您好：

本机关的一枚电子印章（{seal}）的密钥，
自{since_zh}起可能已为他人掌握。该印章已经停止使用，其数字证书由本机关申请吊销。
根据《中华人民共和国电子签名法》第十五条，特此告知。

一、贵单位收到的文书中，在上述时间以后加盖该印章的，已在账号中逐件标明，本机关正在逐件核查；仅以纸质方式送达的，请向本机关查询：
{url}
二、有关期限仍可能继续计算。请勿等待核查结果，需要陈述、申辩、要求听证、申请行政复议或者提起行政诉讼的，请按期办理。
三、凡加盖该印章、而在贵单位账号中查不到的文书（包括以邮件或者纸质方式收到的），请立即向本机关核实，核实之前不要据以付款或者执行。
联系时请使用此前已知的电话，不要使用该文书中所写的联系方式。

本邮件不是送达，也不决定送达日期。为保护案件信息，本邮件不含文书内容。本邮件由系统自动发出，请勿回复。

----

Dear Sir or Madam,

From {since_en} on, the key of one of our electronic seals
({seal}) may have been in other hands.
The seal is no longer used, and we are having its certificate revoked. We tell you so under Article 15 of the Electronic
Signature Law of the People's Republic of China.

1. Among the documents that you have received, each one that was sealed with it after that time is marked in your
account. We are checking them one by one. Ask us about those that were served on paper only:
{url}
2. Periods may be running all the same. Do not wait for the result: make a statement or a defence, demand a hearing,
apply for administrative reconsideration or bring an action in time.
3. If a document bears this seal and does not stand in your account (also one that came by e-mail or on paper), ask us
at once, and do not pay or act upon it before. Use a telephone number that you knew before, not one in that document.

This e-mail is not service and sets no delivery date. For the protection of cases it tells nothing of their contents.
It was sent automatically; please do not reply.
"""
LETTERS: Final[Mapping[str, tuple[str, str]]] = {
    "instrument-arrived": ("您有新的行政执法文书待查收 An enforcement instrument has arrived", _ARRIVED),
    "confirm-in-time": ("请及时确认收讫 Please confirm receipt in time", _CONFIRM_IN_TIME),
    "served": ("行政执法文书的送达日期 The delivery date of an instrument", _SERVED),
    "deadline-near": ("期限即将届满 A period is about to end", _DEADLINE_NEAR),
    "entry-changed": ("登记信息变更告知 Your registered data was changed", _ENTRY_CHANGED),
    "seal-lost": ("电子印章密钥安全告知 The key of an electronic seal may have been in other hands", _SEAL_LOST),
}
"""Subject and body by name; SMS templates have the same names."""
_TEST_NOTE: Final = "TEST 测试系统，本邮件没有法律效力。This is a TEST system: this e-mail has no legal effect.\n\n"


@dataclass(frozen=True)
class Mail:
    """One message to one recipient, ready to be sent. Both addresses are plain ASCII mailboxes."""

    sender: str
    recipient: str
    message_id: str
    content: bytes


@dataclass(frozen=True)
class MailServer:
    """Where mails are handed over. `timeout` is in seconds and holds for each command."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout: float = 30.0


@dataclass(frozen=True)
class Sent:
    """The server took the mail over: its answer to DATA."""

    answer: str


def checked_address(address: str) -> str:
    """The mailbox in the form in which it goes over the wire: an international domain in its ASCII form.

    Raises `Permanent` for what isn't one plain mailbox (so that nothing can be smuggled into headers or commands).
    """
    local, at, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii") if domain else ""
    except UnicodeError:
        ascii_domain = ""
    good = at and _LOCAL_PART.fullmatch(local) and _DOMAIN.fullmatch(ascii_domain)
    if not good or len(local) > 64 or len(ascii_domain) > 253:
        raise Permanent(f"{address!r:.120} is not a mail address")
    return f"{local}@{ascii_domain}"


def reminder(
    *,
    message_id: str,
    sender: str,
    recipient: str,
    inbox_url: str,
    created_at: datetime,
    test: bool = False,
    letter: str = "instrument-arrived",
    facts: Mapping[str, str] = MappingProxyType({}),
) -> Mail:
    """The mail of one notice: one of `LETTERS`, filled with `facts`.

    `message_id` is the notice's own, in angle brackets; `created_at` (with an offset) is when the notice was made, and
    becomes the Date. `test` marks it as a TEST system's. Raises `Permanent` when an address or the id isn't one.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise Permanent(f"{message_id!r:.120} is not a Message-ID")
    if not inbox_url.isprintable() or " " in inbox_url:
        raise Permanent("the inbox's address is not a URL")
    sender, recipient = checked_address(sender), checked_address(recipient)
    own = f"To: {recipient}\r\nDate: {format_datetime(created_at)}\r\nMessage-ID: {message_id}\r\n"
    common = _common_part(sender, inbox_url, test, letter, tuple(sorted(facts.items())))
    return Mail(sender, recipient, message_id, own.encode("ascii") + common)


@lru_cache(maxsize=64)
def _common_part(sender: str, inbox_url: str, test: bool, letter: str, facts: tuple[tuple[str, str], ...]) -> bytes:
    """What all mails of one letter have in common: folding and encoding it costs more than all the rest."""
    subject, words = LETTERS[letter]
    return _message(sender, subject, words.format(url=inbox_url, **dict(facts)), test).as_bytes()


def note(
    *, message_id: str, sender: str, recipient: str, subject: str, text: str, created_at: datetime, test: bool = False
) -> Mail:
    """A mail about a registration, with a text of its own; the other values are as `reminder` takes them.

    Raises `Permanent` when an address or the id isn't one, or the subject is more than one line.
    """
    if not _MESSAGE_ID.fullmatch(message_id) or not subject.isprintable():
        raise Permanent(f"{message_id!r:.120} is not a Message-ID, or {subject!r:.120} no subject")
    sender, recipient = checked_address(sender), checked_address(recipient)
    message = _message(sender, subject, text, test)
    message["To"], message["Date"], message["Message-ID"] = recipient, format_datetime(created_at), message_id
    return Mail(sender, recipient, message_id, message.as_bytes())


def _message(sender: str, subject: str, body: str, test: bool) -> EmailMessage:
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["Subject"] = f"[TEST] {subject}" if test else subject
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine replies
    message["Content-Language"] = "zh, en"
    message.set_content(_TEST_NOTE + body if test else body, charset="utf-8", cte="base64")
    return message


def send(mail: Mail, server: MailServer) -> Sent:
    """Hand one mail over, in a transaction of its own.

    Raises `Retry` when the server wasn't to be had or said "later", `Permanent` when it refused, and `Ambiguous` when
    the connection was lost after DATA had begun: then nobody knows, and the same bytes may be sent again.
    """
    return asyncio.run(_send(mail, server))


async def _send(mail: Mail, server: MailServer) -> Sent:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password or None,
        local_hostname=mail.sender.rpartition("@")[2],
        start_tls=server.starttls,
        timeout=server.timeout,
    )
    try:
        await _connect(client)
        await _envelope(client, mail)
        sent = await _content(client, mail)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # it is sent, whatever comes of the farewell
            await client.quit()
        return sent
    finally:
        client.close()


async def _connect(client: aiosmtplib.SMTP) -> None:
    try:
        await client.connect()  # with EHLO, STARTTLS and log-in
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except (aiosmtplib.SMTPException, OSError) as error:
        # a wrong password too: the administrator mends it, and the mail goes out then
        raise Retry(f"the mail server cannot be used: {error}") from error


async def _envelope(client: aiosmtplib.SMTP, mail: Mail) -> None:
    """MAIL and RCPT; with delivery status notifications (RFC 3461) where the server knows them."""
    dsn = client.supports_extension("dsn")
    envelope_id = mail.message_id.strip("<>").replace("+", "+2B").replace("=", "+3D")
    try:
        await client.mail(mail.sender, options=["RET=HDRS", f"ENVID={envelope_id}"] if dsn else [])
        await client.rcpt(mail.recipient, options=["NOTIFY=FAILURE,DELAY"] if dsn else [])
    except aiosmtplib.SMTPResponseException as error:
        raise _refusal(error.code, error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Retry(f"the mail server was lost: {error}") from error


async def _content(client: aiosmtplib.SMTP, mail: Mail) -> Sent:
    try:
        response = await client.data(mail.content)
    except aiosmtplib.SMTPResponseException as error:
        if 400 <= error.code < 600:
            raise _refusal(error.code, error.message) from error
        raise Ambiguous(f"the mail server answered DATA with {error.code} {error.message}") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Ambiguous(f"the mail server was lost after DATA: {error}") from error
    return Sent(f"{response.code} {response.message}")


def _refusal(code: int, message: str) -> Retry | Permanent:
    """RFC 5321, 4.2.1: 4yz is "later", 5yz is "no"."""
    text = f"the mail server answered {code} {message}"
    return Permanent(text) if code >= 500 else Retry(text)
